use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::ChildStderr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::{Failure, Result};

/// So many lines are kept, to show them if the server fails.
const LINES_MAX: usize = 20;

/// What a server logs, read by a thread of its own so that the server never waits for it.
#[derive(Debug)]
pub(super) struct Log {
    ready: Receiver<SocketAddr>,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Log {
    pub(super) fn capture(stderr: ChildStderr) -> Result<Self> {
        let (sender, ready) = channel();
        let last = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&last);
        thread::Builder::new()
            .name("log of the server".to_owned())
            .spawn(move || follow(stderr, &sender, &kept))
            .map_err(Failure::while_doing("start a thread"))?;
        Ok(Self { ready, last })
    }

    /// Waits until the server says that it is ready, and where.
    pub(super) fn wait_ready(&self, patience: Duration) -> Result<SocketAddr> {
        self.ready.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => self.failure(&format!("it is not ready in {patience:?}")),
            RecvTimeoutError::Disconnected => self.failure("it has ended"),
        })
    }

    /// A failure of the server, with its last words.
    pub(super) fn failure(&self, what: &str) -> Failure {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let said: String = last.iter().map(|line| format!("\n  {line}")).collect();
        Failure::new(format!("the server failed: {what}; its last words:{said}"))
    }
}

fn follow(stderr: ChildStderr, ready: &Sender<SocketAddr>, last: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
        if let Some(address) = address_of_ready_line(&line) {
            // Nobody waits for a second one.
            let _ = ready.send(address);
        }
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LINES_MAX {
            last.pop_front();
        }
        last.push_back(line);
    }
}

/// The first address in the line that says that a server is ready.
fn address_of_ready_line(line: &str) -> Option<SocketAddr> {
    let event: Value = serde_json::from_str(line).ok()?;
    let (_, addresses) =
        event["message"].as_str()?.strip_prefix("ready in ")?.split_once(" on ")?;
    addresses.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_the_first_address() {
        let line = |message: &str| serde_json::json!({ "message": message }).to_string();
        let ready = line("ready in 12 ms on 127.0.0.1:9093 and 127.0.0.1:9092");
        assert_eq!(address_of_ready_line(&ready), "127.0.0.1:9093".parse().ok());
        assert_eq!(address_of_ready_line(&line("stopping")), None);
        assert_eq!(address_of_ready_line("ready in 12 ms on 127.0.0.1:9093"), None);
    }
}
