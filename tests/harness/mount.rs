use std::ffi::CString;
use std::path::{Path, PathBuf};

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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // What is left of it goes with the last process that uses it.
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}
