#![no_main]
logboom_libfuzzer::target!(snappy_raw);
