#![no_main]
logboom_libfuzzer::target!(produce);
