#![no_main]
logboom_libfuzzer::target!(lz4);
