use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// Tells when something changed in the directory of a store, which another process writes to.
#[derive(Debug)]
pub(crate) struct News {
    inotify: OwnedFd,
}

impl News {
    /// Watches the files of a directory.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let changes = WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::CREATE;
        inotify::add_watch(&inotify, directory, changes)?;
        Ok(Self { inotify })
    }

    /// Blocks until something changed since the last call, or for `patience`: on some network file
    /// systems the changes of other machines go unnoticed.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(patience).ok();
        match poll(&mut [PollFd::new(&self.inotify, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // What changed does not matter, only that it did.
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut changes = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            match changes.next() {
                Ok(_) => {}
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_ends_the_wait() {
        let directory = tempfile::tempdir().expect("a directory");
        let news = News::of(directory.path()).expect("a watch");
        std::fs::write(directory.path().join("mark"), "x").expect("a write");
        // Would time the test out if the change went unnoticed.
        news.wait(Duration::from_secs(3_600)).expect("news");
        news.wait(Duration::ZERO).expect("no news");
    }
}
