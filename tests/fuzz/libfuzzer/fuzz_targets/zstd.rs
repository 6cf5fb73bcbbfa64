#![no_main]
logboom_libfuzzer::target!(zstd);
