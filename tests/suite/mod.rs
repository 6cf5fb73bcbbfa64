//! What every server binary has to do, seen from outside. The crate that includes this folder has a
//! constant `PROGRAM`, the binary.

mod codecs;
mod disk_full;
mod inheriting;
mod load;
mod logging;
mod machine_limits;
mod newcomer;
mod pipelining;
mod reading;
mod refused_connections;
mod refused_requests;
mod reload;
mod restarts;
mod scale;
mod starting;
mod stopping;

use logboom_tests::{Config, Credentials, Site};

/// A directory with the usual configuration.
fn site() -> Site {
    Site::new(crate::PROGRAM, &Config::default())
}

/// Who may do everything in the project `acme`.
fn acme() -> Credentials {
    Config::ACME.credentials()
}
