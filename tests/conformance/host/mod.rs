//! Hosts of state machines under test, and what they are tested with. The suite that every host passes
//! is `cases`; `alone` has what needs a process of its own.
//!
//! A runtime says in a test of its own crate how it serves, and includes the rest:
//!
//! ```ignore
//! struct Adapter;
//!
//! impl host::Host for Adapter { /* ... */ }
//!
//! #[path = "../../../tests/conformance/host/mod.rs"]
//! mod host;
//! #[path = "../../../tests/conformance/cases/mod.rs"]
//! mod cases;
//! ```

#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod script;
pub(crate) mod toy;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use logboom_sans_io::{Accepted, Machine, Service, Session, Shutdown};

use script::Script;

/// A host of state machines, as the suite sees it.
pub(crate) trait Host {
    /// Serves until the switch is thrown and every connection has ended.
    fn serve<S: Service>(
        listeners: Vec<TcpListener>,
        service: Arc<S>,
        shutdown: Shutdown,
    ) -> io::Result<()>;

    /// Runs one connection over a scripted stream, to its end.
    fn run<M, S>(connection: Accepted<M, S>, script: Script)
    where
        M: Machine<Event: Send, Command: Send, Closed: Send> + Send + 'static,
        S: Session<Event = M::Event, Closed = M::Closed> + Send + 'static;
}
