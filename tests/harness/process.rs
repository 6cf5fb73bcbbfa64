use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Lines;

/// A running program whose output is captured. It is killed if nobody waits for its end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts it, with nothing on its standard input.
    ///
    /// # Panics
    ///
    /// If there is no such program.
    #[must_use]
    pub fn spawn(command: Command) -> Self {
        Self::spawn_heard_until(command, Stdio::null(), |_| false)
    }

    /// The same, with something on its standard input.
    #[must_use]
    pub(super) fn spawn_with(command: Command, stdin: Stdio) -> Self {
        Self::spawn_heard_until(command, stdin, |_| false)
    }

    /// The same, but its standard error is closed behind the line that `is_last` picks.
    pub(super) fn spawn_heard_until(
        mut command: Command,
        stdin: Stdio,
        is_last: impl Fn(&str) -> bool + Send + 'static,
    ) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = Lines::capture(child.stdout.take().expect("it is piped"));
        let stderr = Lines::capture_until(child.stderr.take().expect("it is piped"), is_last);
        Self { child, stdout, stderr }
    }

    /// Its standard output.
    #[must_use]
    pub const fn stdout(&self) -> &Lines {
        &self.stdout
    }

    /// Its standard error.
    #[must_use]
    pub const fn stderr(&self) -> &Lines {
        &self.stderr
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended and was waited for.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("the process is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[must_use]
    pub fn wait(mut self) -> Exit {
        // Its streams end with it, and for that there is a deadline.
        let stdout = self.stdout.wait_end().join("\n");
        let stderr = self.stderr.wait_end().join("\n");
        let status = self.child.wait().expect("nobody else has waited");
        Exit { status, stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in between, and that is fine.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("stderr of {}:\n{}", self.child.id(), self.stderr.so_far().join("\n"));
        }
    }
}

/// How a program ended, and all that it printed.
#[derive(Debug)]
pub struct Exit {
    status: ExitStatus,
    /// Its standard output, without the last line break.
    pub stdout: String,
    /// Its standard error, without the last line break.
    pub stderr: String,
}

impl Exit {
    /// Its exit code; `None` if a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The number of the signal that ended it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}
