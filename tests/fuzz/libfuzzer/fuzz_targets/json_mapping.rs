#![no_main]
logboom_libfuzzer::target!(json_mapping);
