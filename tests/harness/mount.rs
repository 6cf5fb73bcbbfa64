use std::ffi::CString;
use std::fs::OpenOptions;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A small file system in memory, mounted for as long as this lives.
#[derive(Debug)]
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts one of `bytes` on `directory`, which is made. `None` if that is not allowed here: it
    /// takes root.
    ///
    /// # Panics
    ///
    /// If the directory cannot be made.
    #[must_use]
    pub fn mount(directory: PathBuf, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(&directory).expect("a directory");
        let options = CString::new(format!("size={bytes}")).expect("no zero in it");
        mount("tmpfs", &directory, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).ok()?;
        Some(Self(directory))
    }

    /// Fills it with one file until less than `bytes` are free, and returns that file. Somebody else
    /// may give back what it was about to take; then there is more again.
    ///
    /// # Panics
    ///
    /// If the file cannot be made.
    #[must_use]
    pub fn fill(&self, bytes: u64) -> PathBuf {
        let path = self.0.join("ballast");
        let ballast = OpenOptions::new().append(true).create(true).open(&path).expect("a file");
        loop {
            let space = statvfs(&self.0).expect("it is mounted");
            let free = space.f_bavail * space.f_frsize;
            if free < bytes {
                return path;
            }
            let filled = ballast.metadata().expect("an open file").len();
            // Half of what is too much, or somebody else may be faster.
            let more = ((free - bytes) / 2).max(space.f_frsize);
            // If somebody was, there is less to fill.
            let _ = fallocate(&ballast, FallocateFlags::empty(), filled, more);
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What is left of it goes with the last process that uses it.
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}
