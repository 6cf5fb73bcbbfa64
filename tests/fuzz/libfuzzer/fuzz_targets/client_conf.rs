#![no_main]
logboom_libfuzzer::target!(client_conf);
