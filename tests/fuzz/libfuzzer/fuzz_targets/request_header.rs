#![no_main]
logboom_libfuzzer::target!(request_header);
