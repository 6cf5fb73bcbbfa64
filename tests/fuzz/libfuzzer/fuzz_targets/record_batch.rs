#![no_main]
logboom_libfuzzer::target!(record_batch);
