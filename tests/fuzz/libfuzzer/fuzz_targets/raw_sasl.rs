#![no_main]
logboom_libfuzzer::target!(raw_sasl);
