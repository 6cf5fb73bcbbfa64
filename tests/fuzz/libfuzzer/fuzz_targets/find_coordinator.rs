#![no_main]
logboom_libfuzzer::target!(find_coordinator);
