#![no_main]
logboom_libfuzzer::target!(conn_operations);
