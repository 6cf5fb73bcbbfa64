use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use super::PATIENCE;

/// The lines that a stream has brought so far, read on a thread of their own.
#[derive(Debug, Clone)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    captured: Mutex<Captured>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Captured {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Begins to read `stream`.
    #[must_use]
    pub fn capture(stream: impl Read + Send + 'static) -> Self {
        Self::capture_until(stream, |_| false)
    }

    /// Begins to read `stream`, and closes it behind the line that `is_last` picks.
    pub(super) fn capture_until(
        stream: impl Read + Send + 'static,
        is_last: impl Fn(&str) -> bool + Send + 'static,
    ) -> Self {
        let lines = Self(Arc::default());
        let shared = Arc::clone(&lines.0);
        let read = move || {
            // A terminal ends with an error instead of an end of file.
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let last = is_last(&line);
                shared.update(|captured| captured.lines.push(line));
                if last {
                    break;
                }
            }
            shared.update(|captured| captured.ended = true);
        };
        Builder::new().name("lines".into()).spawn(read).expect("a thread");
        lines
    }

    /// Waits until `find` finds something in all lines so far. `what` names it in the panic.
    ///
    /// # Panics
    ///
    /// If the stream ends without it, or patience does.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let missing = |captured: &Captured| find(&captured.lines).is_none() && !captured.ended;
        let captured = self.wait_while(missing);
        find(&captured.lines).unwrap_or_else(|| panic!("no {what} in: {:#?}", captured.lines))
    }

    /// Waits for the end of the stream.
    ///
    /// # Panics
    ///
    /// If patience ends first.
    #[must_use]
    pub fn wait_end(&self) -> Vec<String> {
        let captured = self.wait_while(|captured| !captured.ended);
        assert!(captured.ended, "the stream goes on: {:#?}", captured.lines);
        captured.lines.clone()
    }

    /// What there is.
    #[must_use]
    pub fn so_far(&self) -> Vec<String> {
        self.0.lock().lines.clone()
    }

    fn wait_while(&self, condition: impl Fn(&Captured) -> bool) -> MutexGuard<'_, Captured> {
        let wait = self
            .0
            .changed
            .wait_timeout_while(self.0.lock(), PATIENCE, |captured| condition(captured));
        wait.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Captured> {
        // A test that fails may hold the lock, and its lines are wanted all the more.
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Captured)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
