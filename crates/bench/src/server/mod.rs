//! A server with a directory of its own, started and stopped for one measurement.

mod config;
mod log;
mod site;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

pub use config::Config;
use log::Log;
pub use site::Site;

use crate::proc::Usage;
use crate::{Failure, Result};

/// No server takes so long to start.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running server. It is killed if nobody waits for its end.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Log,
    address: SocketAddr,
}

impl Server {
    /// Starts `program` with the configuration of `site`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not become ready.
    pub fn start(program: &Path, site: &Site) -> Result<Self> {
        // The server runs in another directory.
        let program =
            std::path::absolute(program).map_err(Failure::while_doing("find a server"))?;
        let started = Command::new(&program)
            .args(["serve", "--config", Site::CONFIG, "--log-format", "json"])
            .current_dir(site.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child =
            started.map_err(Failure::while_doing(format_args!("start {}", program.display())))?;
        let stderr = child.stderr.take().expect("it is piped");
        let any = SocketAddr::from(([0; 4], 0));
        let mut server = Self { child, log: Log::capture(stderr)?, address: any };
        server.address = server.log.wait_ready(START_PATIENCE)?;
        Ok(server)
    }

    /// Where it listens, with TLS.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it uses now.
    ///
    /// # Errors
    ///
    /// If it is not there any more.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id()).map_err(|_gone| self.log.failure("it has ended"))
    }

    /// Tells it to stop in order.
    ///
    /// # Errors
    ///
    /// If it is not there any more.
    pub fn terminate(&self) -> Result<()> {
        kill_process(self.pid(), Signal::TERM).map_err(|_gone| self.log.failure("it has ended"))
    }

    /// Waits for its end, which must be one with success.
    ///
    /// # Errors
    ///
    /// If it does not end in time, or otherwise.
    pub fn wait(mut self, patience: Duration) -> Result<()> {
        let failed = Failure::while_doing::<std::io::Error>("wait for the server");
        let ended = pidfd_open(self.pid(), PidfdFlags::empty()).and_then(|process| {
            let timeout = Timespec::try_from(patience).ok();
            poll(&mut [PollFd::new(&process, PollFlags::IN)], timeout.as_ref())
        });
        match ended {
            Ok(0) => Err(self.log.failure(&format!("it does not end in {patience:?}"))),
            Ok(_) => match self.child.wait().map_err(failed)? {
                status if status.success() => Ok(()),
                status => Err(self.ended_badly(status)),
            },
            Err(error) => Err(failed(error.into())),
        }
    }

    /// A failure during a measurement, with what the server said last.
    #[must_use]
    pub fn failure(&self, what: &Failure) -> Failure {
        self.log.failure(&what.to_string())
    }

    fn ended_badly(&self, status: ExitStatus) -> Failure {
        self.log.failure(&format!("it ended with {status}"))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in between, and that is fine.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
