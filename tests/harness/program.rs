use std::path::Path;
use std::process::Command;

use super::{Exit, Process};

/// A server binary under test.
#[derive(Debug, Clone, Copy)]
pub struct Program(&'static str);

impl Program {
    /// The binary at this path.
    #[must_use]
    pub const fn new(path: &'static str) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.0
    }

    /// A command line to be run in `directory`, with nothing of our environment.
    #[must_use]
    pub fn command(self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0);
        command.args(arguments).current_dir(directory).env_clear();
        command
    }

    /// A command line that a shell runs in its own place after `prelude`, which may set limits and
    /// variables: `$$` is the id of the program. What the shell has as standard input, the program
    /// has as descriptor 3.
    #[must_use]
    pub(super) fn command_after(
        self,
        directory: &Path,
        prelude: &str,
        arguments: &[&str],
    ) -> Command {
        let script = format!("{prelude}; exec \"$@\" 3<&0 0</dev/null");
        let mut command = Command::new("/bin/sh");
        command.args(["-ec", &script, "sh", self.0]).args(arguments);
        command.current_dir(directory).env_clear();
        command
    }

    /// Runs a command line to its end.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[must_use]
    pub fn run(self, directory: &Path, arguments: &[&str]) -> Exit {
        Process::spawn(self.command(directory, arguments)).wait()
    }
}
