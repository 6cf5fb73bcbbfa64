#![no_main]
logboom_libfuzzer::target!(init_producer_id);
