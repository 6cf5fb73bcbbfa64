//! Whole-system tests: a server binary, seen from outside as its users see it.
//!
//! This library has the parts: [`Program`] is a binary under test, [`Site`] a directory with all
//! that one server needs, [`Server`] a running one, [`Client`] a Kafka producer. The tests are in
//! `suite`. A server binary runs them by including that folder in a test of its own crate, because
//! cargo tells only there where the binary is:
//!
//! ```ignore
//! const PROGRAM: logboom_tests::Program =
//!     logboom_tests::Program::new(env!("CARGO_BIN_EXE_logboom-smol"));
//!
//! #[path = "../../../tests/suite/mod.rs"]
//! mod suite;
//! ```
//!
//! Nothing sleeps and no port is fixed: whatever is waited for has [`PATIENCE`] to happen.

mod harness;

pub use harness::{
    Authority, Client, Config, Connector, Credentials, Event, Exit, Key, Lines, Listener, Log,
    LoginError, Logstore, PATIENCE, Process, ProduceError, Program, Project, Rights, Server, Site,
    Terminal, Tmpfs, batch, eventually,
};
