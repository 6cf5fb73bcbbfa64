#![no_main]
logboom_libfuzzer::target!(store_recovery);
