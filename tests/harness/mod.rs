mod certificates;
mod client;
mod config;
mod connector;
mod event;
mod lines;
mod log;
mod mount;
mod process;
mod program;
mod server;
mod site;
mod stream;
mod terminal;

pub use certificates::Authority;
pub use client::{Client, LoginError, ProduceError, batch};
pub use config::{Config, Key, Listener, Logstore, Project, Rights};
pub use connector::{Connector, Credentials};
pub use event::Event;
pub use lines::Lines;
pub use log::Log;
pub use mount::Tmpfs;
pub use process::{Exit, Process};
pub use program::Program;
pub use server::Server;
pub use site::Site;
pub use terminal::Terminal;

use std::thread::yield_now;
use std::time::{Duration, Instant};

/// No step of a test takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Tries until it works, where nothing tells when. `what` names it in the panic.
///
/// # Panics
///
/// If patience ends first.
#[allow(clippy::disallowed_methods, reason = "patience is measured in real time")]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        yield_now();
    }
}
