use std::fs::{File, OpenOptions};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Lines;

/// A program that runs on a terminal. It is killed in the end.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    screen: Lines,
}

impl Terminal {
    /// Starts a program on a terminal of its own.
    ///
    /// # Panics
    ///
    /// If the machine has no terminals to give.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("ours");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("ASCII");
        let slave = OpenOptions::new().read(true).write(true).open(name).expect("the other end");
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        drop(command);
        Self {
            child: child.expect("the program starts"),
            screen: Lines::capture(File::from(master)),
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn screen(&self) -> &Lines {
        &self.screen
    }

    /// Presses Ctrl-C, and waits for the end. Returns the exit code and all that was shown.
    ///
    /// # Panics
    ///
    /// If the program does not end.
    #[must_use]
    pub fn interrupt(mut self) -> (Option<i32>, Vec<String>) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::INT).expect("the process is there");
        let shown = self.screen.wait_end();
        (self.child.wait().expect("nobody else has waited").code(), shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may end by itself in between, and that is fine.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
