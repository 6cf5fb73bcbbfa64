use std::io::{IsTerminal as _, Write as _, stderr};

use super::run::Progress;

/// What a person sees while a run is under way: one line on a terminal, nothing elsewhere.
#[derive(Debug)]
pub(super) struct Screen {
    title: String,
    terminal: bool,
    shown: String,
}

impl Screen {
    pub(super) fn new(title: String) -> Self {
        Self { title, terminal: stderr().is_terminal(), shown: String::new() }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        if !self.terminal {
            return;
        }
        let text = match progress {
            Progress::Connecting(number) => format!("{number} connections"),
            Progress::WarmingUp => "warming up".to_owned(),
            Progress::Measuring(time, bytes) => {
                // A tenth of a second is often enough for a person.
                let seconds = (time.as_secs_f64() * 10.0).floor() / 10.0;
                let rate = bytes as f64 / 1e6 / time.as_secs_f64().max(0.1);
                if self.shown.starts_with(&format!("{seconds:.1} s")) {
                    return;
                }
                format!("{seconds:.1} s, {rate:.0} MB/s")
            }
        };
        if text != self.shown {
            // Whoever closed the terminal does not look at it.
            let _ = write!(stderr(), "\r\x1b[K{}: {text}", self.title);
            self.shown = text;
        }
    }

    /// Leaves one line about the run behind.
    pub(super) fn end(&self, text: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let _ = writeln!(stderr(), "{clear}{}: {text}", self.title);
    }
}
