#![no_main]
logboom_libfuzzer::target!(policy_json);
