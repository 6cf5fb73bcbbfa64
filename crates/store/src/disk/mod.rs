//! The one way from this crate to a disk.
//!
//! A [`Disk`] is one flat directory of files. Everything the store does to a machine goes through
//! it, so that a simulator can put its own disk, its own faults and its own time below the store
//! without changing a line of it.

mod direct;
mod mem;
mod real;

use std::fmt::Debug;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use logboom_planted::planted;

pub use mem::{Crash, Fault, FaultHook, MemDisk, Operation, OperationKind, Partly};
pub use real::RealDisk;

/// One flat directory of files.
///
/// What a call changed may be lost in a crash until it is made durable: the content and the length
/// of a file by its `sync` methods, its name by [`sync_dir`](Disk::sync_dir).
pub trait Disk: Send + Sync + Debug + 'static {
    /// Creates an empty file for reading and writing.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the name is taken; whatever the machine says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; whatever the machine says.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name. A file that had that name is replaced: after a crash the name
    /// means the one or the other, never none.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name. Handles that are open stay good.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; whatever the machine says.
    fn unlink(&self, name: &str) -> io::Result<()>;

    /// Makes every creation, renaming and removal durable.
    ///
    /// # Errors
    ///
    /// Whatever the machine says. After an error nothing is known about the names.
    fn sync_dir(&self) -> io::Result<()>;

    /// The names of all files, in order.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The size of the file system, and what of it is free for this process.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn space(&self) -> io::Result<Space>;

    /// Takes the lock of that name, which is held until the value is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if somebody else holds it; whatever the machine says.
    fn lock(&self, name: &str) -> io::Result<Box<dyn DiskLock>>;

    /// Monotonic time since an arbitrary moment. Used for statistics only, never for a decision.
    fn now(&self) -> Duration;
}

/// An open file of a [`Disk`]. Positions are bytes from its start.
pub trait DiskFile: Send + Sync + Debug {
    /// Writes the slices one after another at `position` and returns how many bytes were written,
    /// which may be fewer than asked.
    ///
    /// # Errors
    ///
    /// Whatever the machine says. After an error it is unknown how much was written.
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Reads into `buffer` and returns how many bytes were read, which may be fewer than asked.
    /// 0 means the end of the file.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// From where on, at `position` or behind it, there are only zeros up to the end of the file. May
    /// be more than that, up to `u64::MAX`, which says nothing.
    fn written_end(&self, position: u64) -> u64 {
        let _ = position;
        u64::MAX
    }

    /// The length of the file.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn length(&self) -> io::Result<u64>;

    /// Makes the content durable (fdatasync).
    ///
    /// # Errors
    ///
    /// Whatever the machine says. After an error the content is unknown for ever: Linux marks
    /// pages clean that it failed to write, so that a second attempt would succeed and mean
    /// nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the content and all metadata of the file durable (fsync).
    ///
    /// # Errors
    ///
    /// As for [`sync_data`](DiskFile::sync_data).
    fn sync_all(&self) -> io::Result<()>;

    /// Reserves room for a file of `bytes` bytes. New bytes read as zeros.
    ///
    /// # Errors
    ///
    /// `StorageFull` if there is no room; whatever the machine says.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Cuts the file to `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Whatever the machine says.
    fn truncate(&self, bytes: u64) -> io::Result<()>;

    /// Says that these bytes will be read soon. A hint: it may do nothing.
    fn will_read(&self, position: u64, bytes: u64) {
        let _ = (position, bytes);
    }

    /// Asks that later reads come from the device and not from memory. A hint: it may do nothing.
    fn forget_cached(&self);
}

/// A lock that is held as long as the value lives.
pub trait DiskLock: Send + Sync + Debug {}

/// What an open file may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
    /// Reading, and writing one piece behind the other. What is behind a piece may become zeros,
    /// up to the end of the block in which it ends, and reading it soon may cost an access to the
    /// device: a disk may write around the memory of the machine.
    Append,
}

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The size of the file system.
    pub total_bytes: u64,
    /// What a process without privileges may still write.
    pub free_bytes: u64,
}

/// Writes all slices, however short the single writes are.
pub(crate) fn write_all_at(
    file: &dyn DiskFile,
    mut position: u64,
    mut slices: &mut [IoSlice<'_>],
) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let written = match file.write_at(position, slices) {
            Err(error) if planted!(FullDiskIsSuccess) && error.kind() == ErrorKind::StorageFull => {
                return Ok(());
            }
            written => written?,
        };
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        if planted!(ShortDiskWriteIsFull) {
            return Ok(());
        }
        position += written as u64;
        IoSlice::advance_slices(&mut slices, written);
    }
    Ok(())
}

/// Fills the buffer, however short the single reads are.
///
/// `UnexpectedEof` if the file ends before.
pub(crate) fn read_exact_at(
    file: &dyn DiskFile,
    mut position: u64,
    mut buffer: &mut [u8],
) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = file.read_at(position, buffer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        position += read as u64;
        buffer = &mut buffer[read..];
    }
    Ok(())
}
