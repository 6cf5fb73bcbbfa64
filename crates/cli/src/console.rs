use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;

use crate::environment::Environment;
use crate::failure::Failure;
use crate::io_reason::io_reason;

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On terminals, unless the environment says otherwise.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// One of the two output streams: where it goes and what it can show.
struct Stream {
    writer: Mutex<Box<dyn Write + Send>>,
    is_terminal: bool,
    color: bool,
}

/// The output streams. Data goes to standard output, everything else to standard error.
pub(crate) struct Console {
    out: Stream,
    err: Stream,
}

impl Console {
    /// The streams of this process.
    #[must_use]
    pub(crate) fn of_process(color: ColorWhen, environment: &Environment) -> Self {
        let stream = |writer: Box<dyn Write + Send>, is_terminal: bool| Stream {
            writer: Mutex::new(writer),
            is_terminal,
            color: use_color(color, is_terminal, environment),
        };
        Self {
            out: stream(Box::new(io::stdout()), io::stdout().is_terminal()),
            err: stream(Box::new(io::stderr()), io::stderr().is_terminal()),
        }
    }

    /// Streams that are no terminals, for tests.
    #[cfg(test)]
    pub(crate) fn captured(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        let stream =
            |writer| Stream { writer: Mutex::new(writer), is_terminal: false, color: false };
        Self { out: stream(out), err: stream(err) }
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    ///
    /// [`Failure::OutputClosed`] if the reader has gone away, as in `read | head`, which is no
    /// mistake of anybody.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
    }

    /// The same, for data that is no text.
    ///
    /// # Errors
    ///
    /// As [`print`](Self::print).
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut writer = lock(&self.out);
        writer.write_all(bytes).and_then(|()| writer.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::run(format!("cannot write to standard output: {}", io_reason(&error))),
        })
    }

    /// Writes to standard error what is not data. That nobody listens there is no failure.
    pub(crate) fn tell(&self, text: &str) {
        let mut writer = lock(&self.err);
        let _ = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
    }

    /// Whether a person reads standard error.
    #[must_use]
    pub(crate) fn err_is_terminal(&self) -> bool {
        self.err.is_terminal
    }

    /// Whether standard output may have colours.
    #[must_use]
    pub(crate) fn out_color(&self) -> bool {
        self.out.color
    }

    /// Whether standard error may have colours.
    #[must_use]
    pub(crate) fn err_color(&self) -> bool {
        self.err.color
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console")
            .field("out_is_terminal", &self.out.is_terminal)
            .field("err_is_terminal", &self.err.is_terminal)
            .finish_non_exhaustive()
    }
}

fn lock(stream: &Stream) -> std::sync::MutexGuard<'_, Box<dyn Write + Send>> {
    stream.writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether to colour a stream. The variables are those of no-color.org and bixense.com/clicolors.
fn use_color(when: ColorWhen, is_terminal: bool, environment: &Environment) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if environment.is_set("NO_COLOR") => false,
        ColorWhen::Auto
            if environment.get("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") =>
        {
            true
        }
        ColorWhen::Auto => is_terminal && environment.get("TERM") != Some("dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_terminal_and_the_customary_variables() {
        let none = Environment::default();
        assert!(use_color(ColorWhen::Auto, true, &none));
        assert!(!use_color(ColorWhen::Auto, false, &none));
        let no_color = Environment::from([("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        assert!(!use_color(ColorWhen::Auto, true, &no_color));
        assert!(use_color(ColorWhen::Always, false, &no_color));
        let force = Environment::from([("CLICOLOR_FORCE", "1")]);
        assert!(use_color(ColorWhen::Auto, false, &force));
        let dumb = Environment::from([("TERM", "dumb")]);
        assert!(!use_color(ColorWhen::Auto, true, &dumb));
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_told_apart_from_other_failures() {
        let console = Console::captured(Box::new(Closed), Box::new(Closed));
        assert!(matches!(console.print("x"), Err(Failure::OutputClosed)));
        console.tell("nobody hears this, and that is fine");
    }
}
