//! The server binary as a whole: the suite that every runtime passes.

const PROGRAM: logboom_tests::Program =
    logboom_tests::Program::new(env!("CARGO_BIN_EXE_logboom-async-std"));

#[path = "../../../tests/suite/mod.rs"]
mod suite;
