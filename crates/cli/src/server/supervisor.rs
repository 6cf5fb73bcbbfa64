use std::sync::Arc;
use std::time::Duration;

use logboom_engine::Engine;
use logboom_sans_io::Shutdown;
use logboom_store::Poison;

use super::expiry::Expiry;
use super::signals::{Signals, Wish};
use crate::clock::now;
use crate::diagnostics::Finding;
use crate::failure::Failure;

/// How often it is looked whether logs may have expired, and whether there is space on the disk: a lack of
/// it is a reason to remove what has expired at once.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// How long connections may take to end after a drain has run out of time.
const PATIENCE_AFTER_DRAIN: Duration = Duration::from_secs(3);

/// Watches over a running server: signals, retention, and a disk that fails.
pub(crate) struct Supervisor<'a> {
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) shutdown: Shutdown,
    pub(crate) wishes: Signals,
    pub(crate) drain_timeout: Duration,
    /// Reads the configuration again.
    pub(crate) reload: &'a (dyn Fn() + Sync),
}

impl Supervisor<'_> {
    /// Runs until the server is to stop, and sees to it that it does.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut expiry = Expiry::new(self.engine.store());
        loop {
            match self.wishes.wait(LOOK_PERIOD) {
                Some(Wish::Reload) => (self.reload)(),
                Some(Wish::Stop) => {
                    self.drain();
                    return Ok(());
                }
                Some(Wish::StopNow(signal)) => stop_now(signal),
                Some(Wish::Fail(poison)) => return Err(self.fail(&poison)),
                Some(Wish::Stopped) => return Ok(()),
                None => {}
            }
            let store = self.engine.store();
            if expiry.is_due(store) || store.lacks_space() {
                expiry.apply(self.engine);
            }
        }
    }

    /// The disk failed: answers what waits, closes everything, and ends the process with a failure.
    fn fail(&self, poison: &Poison) -> Failure {
        self.drain();
        Failure::run_with(
            Finding::error("LB0703", poison.to_string())
                .note("everything that was acknowledged is on disk; nothing more is")
                .help("look at the disk, then start again"),
        )
    }

    /// Lets every connection finish what it began. Connections that do not are closed.
    fn drain(&self) {
        self.shutdown.trigger();
        let until = now() + self.drain_timeout;
        let open = self.engine.drain(until);
        tracing::info!(
            target: "logboom::start",
            connections = open,
            drain_timeout_ms = u64::try_from(self.drain_timeout.as_millis()).unwrap_or(u64::MAX),
            "stopping after finishing what was accepted; a second signal stops at once",
        );
        loop {
            let patience = (until + PATIENCE_AFTER_DRAIN).saturating_duration_since(now());
            match self.wishes.wait(patience) {
                Some(Wish::StopNow(signal)) => stop_now(signal),
                Some(Wish::Stopped) => return,
                Some(Wish::Reload | Wish::Stop | Wish::Fail(_)) => {}
                None => {
                    let closed = self.engine.abort();
                    tracing::warn!(
                        target: "logboom::start",
                        connections = closed,
                        "connections did not end in time and are closed",
                    );
                    return;
                }
            }
        }
    }
}

/// Ends the process by the signal, as if it had not been caught. What was acknowledged is on disk,
/// so there is nothing left to do.
fn stop_now(signal: i32) -> ! {
    tracing::warn!(target: "logboom::start", "stopping at once");
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    // Signals that end no process by default are not caught here.
    std::process::exit(128 + signal)
}
