use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::num::NonZero;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::Errno;

use super::direct::{DirectWriter, Staging};
use super::{Access, Disk, DiskFile, DiskLock, Space};

/// How long [`RealDisk`] tries to get a lock that somebody holds: a process that is just ending
/// lets go of it within this time.
const LOCK_WAIT: Duration = Duration::from_millis(250);
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// More slices than this are refused by `pwritev` (`IOV_MAX` of Linux).
const SLICES_PER_WRITE_MAX: usize = 1024;

/// Logs are nobody else's business; the group may read, so that a reader can run as another user.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

/// A directory of the machine this process runs on.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    directory: File,
    started: Instant,
    staging: Arc<Mutex<Staging>>,
}

impl RealDisk {
    /// Opens a directory, and creates it, durably, if there is none. Its parent must exist.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match DirBuilder::new().mode(DIRECTORY_MODE).create(&path) {
            // Whoever made it may have been killed before its name was durable.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => sync_parent(&path)?,
        }
        Self::open(path)
    }

    /// Opens a directory that exists.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none; whatever the machine says.
    #[expect(clippy::disallowed_methods, reason = "this is where the store meets the machine")]
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let directory = File::open(&path)?;
        if !directory.metadata()?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        let staging = Arc::default();
        Ok(Self { path, directory, started: Instant::now(), staging })
    }

    /// Names come from this crate and are never made of what a peer sent.
    fn path(&self, name: &str) -> PathBuf {
        debug_assert!(!name.contains('/'));
        self.path.join(name)
    }
}

impl Disk for RealDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(self.path(name))?;
        Ok(Arc::new(RealFile::new(file, None)))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path(name);
        let write = access != Access::Read;
        let file = OpenOptions::new().read(true).write(write).open(&path)?;
        let direct = match access {
            Access::Append => DirectWriter::open(&path, &self.staging)?,
            Access::Read | Access::ReadWrite => None,
        };
        Ok(Arc::new(RealFile::new(file, direct)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_all()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn space(&self) -> io::Result<Space> {
        let status = rustix::fs::fstatvfs(&self.directory)?;
        Ok(Space {
            total_bytes: status.f_blocks.saturating_mul(status.f_frsize),
            free_bytes: status.f_bavail.saturating_mul(status.f_frsize),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "flock has no deadline of its own")]
    fn lock(&self, name: &str) -> io::Result<Box<dyn DiskLock>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.path(name))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Box::new(RealLock { _file: file })),
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_RETRY);
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The kernel lets go of an flock when the file is closed.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl DiskLock for RealLock {}

#[derive(Debug)]
struct RealFile {
    file: File,
    direct: Option<DirectWriter>,
    /// Whether something was written by way of the page cache.
    cached: AtomicBool,
    sync_failed: Mutex<Option<ErrorKind>>,
}

impl RealFile {
    fn new(file: File, direct: Option<DirectWriter>) -> Self {
        Self { file, direct, cached: AtomicBool::new(false), sync_failed: Mutex::new(None) }
    }

    /// One sync at a time, and none after one that failed: of several only one is told of what the
    /// kernel could not write.
    fn sync_cached(&self) -> io::Result<()> {
        let mut failed = self.sync_failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = *failed {
            return Err(kind.into());
        }
        let synced = self.file.sync_data();
        *failed = synced.as_ref().err().map(io::Error::kind);
        synced
    }
}

impl DiskFile for RealFile {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(direct) = &self.direct
            && let Some(written) = direct.write_at(self, position, slices)?
        {
            return Ok(written);
        }
        self.cached.store(true, Ordering::Relaxed);
        let slices = &slices[..slices.len().min(SLICES_PER_WRITE_MAX)];
        Ok(rustix::io::retry_on_intr(|| rustix::io::pwritev(&self.file, slices, position))?)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, position) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn written_end(&self, position: u64) -> u64 {
        let seek = |to| rustix::fs::seek(&self.file, to);
        let mut end = position;
        loop {
            match seek(SeekFrom::Data(end)).and_then(|data| seek(SeekFrom::Hole(data))) {
                Ok(hole) if hole > end => end = hole,
                // There is no more data.
                Err(Errno::NXIO) => return end,
                // Whoever reads there hears of what is wrong.
                _ => return u64::MAX,
            }
        }
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        // Around the page cache a write has told of its errors itself, so that syncs can overlap.
        if self.cached.load(Ordering::Relaxed) { self.sync_cached() } else { self.file.sync_data() }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let flags = FallocateFlags::empty();
        let bytes = self.direct.as_ref().map_or(bytes, |direct| direct.whole_blocks(bytes));
        Ok(rustix::io::retry_on_intr(|| rustix::fs::fallocate(&self.file, flags, 0, bytes))?)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        if let Some(direct) = &self.direct {
            direct.forget_tail();
        }
        self.file.set_len(bytes)
    }

    fn will_read(&self, position: u64, bytes: u64) {
        // Only a hint, also to the kernel; a length of zero would mean the whole file.
        if let Some(bytes) = NonZero::new(bytes) {
            let _ = rustix::fs::fadvise(&self.file, position, Some(bytes), Advice::WillNeed);
        }
    }

    fn forget_cached(&self) {
        // Only a hint, also to the kernel: there is nothing to do about an error.
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{read_exact_at, write_all_at};

    fn disk() -> (tempfile::TempDir, RealDisk) {
        let root = tempfile::tempdir().unwrap();
        let disk = RealDisk::create(root.path().join("store")).unwrap();
        (root, disk)
    }

    #[test]
    fn more_slices_than_the_kernel_takes_at_once_are_all_written() {
        let (_root, disk) = disk();
        let file = disk.create("a").unwrap();
        let mut slices = vec![IoSlice::new(b"ab"); 3 * SLICES_PER_WRITE_MAX];
        write_all_at(&*file, 7, &mut slices).unwrap();
        let mut bytes = vec![0; 2 * 3 * SLICES_PER_WRITE_MAX];
        read_exact_at(&*file, 7, &mut bytes).unwrap();
        assert!(bytes.chunks(2).all(|pair| pair == b"ab"));
    }

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_dropped() {
        let (_root, disk) = disk();
        let second = RealDisk::open(&disk.path).unwrap();
        let lock = disk.lock("lock").unwrap();
        assert_eq!(second.lock("lock").unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(lock);
        second.lock("lock").unwrap();
    }

    #[test]
    fn allocated_bytes_read_as_zeros_and_truncated_ones_are_gone() {
        let (_root, disk) = disk();
        let file = disk.create("a").unwrap();
        file.allocate(4096).unwrap();
        assert_eq!(file.length().unwrap(), 4096);
        write_all_at(&*file, 0, &mut [IoSlice::new(b"abc")]).unwrap();
        file.truncate(1).unwrap();
        file.allocate(4096).unwrap();
        file.sync_all().unwrap();
        file.forget_cached();
        let mut bytes = [9; 4096];
        read_exact_at(&*file, 0, &mut bytes).unwrap();
        assert_eq!(bytes[0], b'a');
        assert!(bytes[1..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn there_are_only_zeros_behind_what_was_written() {
        let (_root, disk) = disk();
        disk.create("a").unwrap();
        for access in [Access::ReadWrite, Access::Append] {
            let file = disk.open("a", access).unwrap();
            file.truncate(0).unwrap();
            file.allocate(1 << 20).unwrap();
            for position in [300_000, 500_000] {
                write_all_at(&*file, position, &mut [IoSlice::new(b"abc")]).unwrap();
            }
            file.sync_all().unwrap();
            file.forget_cached();
            assert!(file.written_end(0) >= 500_003);
            assert!(file.written_end(500_002) >= 500_003);
            assert!(file.written_end(1 << 20) >= 1 << 20);
        }
    }

    #[test]
    fn files_are_listed_in_order_and_created_once() {
        let (_root, disk) = disk();
        for name in ["b", "a", "c"] {
            disk.create(name).unwrap();
        }
        disk.rename("c", "0").unwrap();
        disk.unlink("b").unwrap();
        disk.sync_dir().unwrap();
        assert_eq!(disk.list().unwrap(), ["0", "a"]);
        assert_eq!(disk.create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(disk.open("b", Access::Read).unwrap_err().kind(), ErrorKind::NotFound);
        let space = disk.space().unwrap();
        assert!(space.free_bytes <= space.total_bytes);
    }
}
