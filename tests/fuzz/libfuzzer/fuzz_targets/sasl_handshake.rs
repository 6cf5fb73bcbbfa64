#![no_main]
logboom_libfuzzer::target!(sasl_handshake);
