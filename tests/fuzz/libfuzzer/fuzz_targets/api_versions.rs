#![no_main]
logboom_libfuzzer::target!(api_versions);
