#![no_main]
logboom_libfuzzer::target!(config_toml);
