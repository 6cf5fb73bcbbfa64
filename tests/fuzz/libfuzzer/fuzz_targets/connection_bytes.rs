#![no_main]
logboom_libfuzzer::target!(connection_bytes);
