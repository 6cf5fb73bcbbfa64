//! A disk on which the batches of sealed segments are holes.
//!
//! The header and the footer of a segment are written as they come, and its length is what it would be.
//! Only frames between them are left out. Whoever opens the store reads none of them, and a file of a
//! beginning, a hole and a footer has as few extents as one that was allocated as a whole. What the
//! kernel reads ahead behind the header is there.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logboom_store::{Access, Disk, DiskFile, DiskLock, RealDisk, Space};

/// The name of the next segment, before it has its own.
const SPARE_NAME: &str = "spare.tmp";

/// What the trailer begins with, which a footer ends with.
const TRAILER_MAGIC: &[u8] = b"LBOOMEND";
const TRAILER_BYTES: usize = 64;

/// The kernel reads so much ahead at most, unless it has been told otherwise (128 KiB).
const READ_AHEAD_BYTES: u64 = 128 << 10;

/// A directory in which segments are hollow until [`HollowDisk::be_real`] is called.
#[derive(Debug)]
pub(super) struct HollowDisk {
    disk: RealDisk,
    real: AtomicBool,
    /// The segment that was made last.
    spare: Mutex<Option<Arc<Segment>>>,
}

#[derive(Debug)]
struct Segment {
    file: Arc<dyn DiskFile>,
    hollow: AtomicBool,
}

impl HollowDisk {
    /// Opens a directory, and creates it if there is none.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let disk = RealDisk::create(path)?;
        Ok(Self { disk, real: AtomicBool::new(false), spare: Mutex::new(None) })
    }

    /// The segment in hand and those after it are written as they come.
    pub(super) fn be_real(&self) -> io::Result<()> {
        self.real.store(true, Ordering::Relaxed);
        self.lock_spare().take().map_or(Ok(()), |segment| segment.become_real())
    }

    fn lock_spare(&self) -> MutexGuard<'_, Option<Arc<Segment>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for HollowDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(name, access)?;
        if name != SPARE_NAME || self.real.load(Ordering::Relaxed) {
            return Ok(file);
        }
        let segment = Arc::new(Segment { file, hollow: AtomicBool::new(true) });
        *self.lock_spare() = Some(Arc::clone(&segment));
        Ok(segment)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.disk.unlink(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn space(&self) -> io::Result<Space> {
        self.disk.space()
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(name)
    }

    fn now(&self) -> Duration {
        self.disk.now()
    }
}

impl Segment {
    fn is_hollow(&self) -> bool {
        self.hollow.load(Ordering::Relaxed)
    }

    fn become_real(&self) -> io::Result<()> {
        self.hollow.store(false, Ordering::Relaxed);
        self.file.allocate(self.file.length()?)?;
        self.file.sync_all()
    }
}

impl DiskFile for Segment {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.is_hollow() || is_footer(slices) {
            return self.file.write_at(position, slices);
        }
        if position >= READ_AHEAD_BYTES {
            return Ok(slices.iter().map(|slice| slice.len()).sum());
        }
        let mut end = position;
        let near = |slice: &&IoSlice<'_>| {
            let start = end;
            end += slice.len() as u64;
            start < READ_AHEAD_BYTES
        };
        let count = slices.iter().take_while(near).count();
        self.file.write_at(position, &slices[..count])
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(position, buffer)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        if self.is_hollow() { self.file.truncate(bytes) } else { self.file.allocate(bytes) }
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }

    fn will_read(&self, position: u64, bytes: u64) {
        self.file.will_read(position, bytes);
    }

    fn forget_cached(&self) {
        self.file.forget_cached();
    }
}

/// Whether this is written at the end of a segment. A footer says so itself.
fn is_footer(slices: &[IoSlice<'_>]) -> bool {
    slices.last().is_some_and(|last| {
        let trailer = last.len().checked_sub(TRAILER_BYTES).and_then(|start| last.get(start..));
        trailer.is_some_and(|trailer| trailer.starts_with(TRAILER_MAGIC))
    })
}
