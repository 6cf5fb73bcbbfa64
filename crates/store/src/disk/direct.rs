//! Writing around the page cache (`O_DIRECT`).
//!
//! A log is written once and read long after, so a copy of it in the page cache costs the kernel
//! more than the write itself, and takes memory from others. Without the page cache whole blocks
//! are written, from memory that is aligned; so what is to be written is put together here, and the
//! block in which a write ends is written again with the next one. That is what the kernel does
//! with the last page of a file too: what was in the block before is written as it was.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::{DiskFile, read_exact_at};

/// What positions, lengths and memory are multiples of. Devices ask for 512 or 4096.
const BLOCK: usize = 4096;

/// How much one call writes. Larger pieces made no difference, smaller ones did: for each, the
/// kernel pins pages and waits for the device.
const STAGING_BYTES: usize = 1 << 20;

/// The memory in which writes are put together. The files of a disk share it: one is written at a
/// time.
#[derive(Debug, Default)]
pub(super) struct Staging {
    memory: Vec<u8>,
}

/// A second way into a file, for writing.
#[derive(Debug)]
pub(super) struct DirectWriter {
    file: File,
    staging: Arc<Mutex<Staging>>,
    tail: Mutex<Tail>,
}

/// What the last block holds that was written in part.
#[derive(Debug)]
struct Tail {
    /// Where the last write ended. `None` before the first one.
    end: Option<u64>,
    block: Box<[u8; BLOCK]>,
}

impl DirectWriter {
    /// A way around the page cache into a file of that path. `None` if its file system has none.
    pub(super) fn open(path: &Path, staging: &Arc<Mutex<Staging>>) -> io::Result<Option<Self>> {
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        match retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty())) {
            Ok(file) => Ok(Some(Self {
                file: file.into(),
                staging: Arc::clone(staging),
                tail: Mutex::new(Tail { end: None, block: Box::new([0; BLOCK]) }),
            })),
            Err(Errno::INVAL) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Writes as much of the slices as one call takes, and zeros up to the end of the last block.
    /// `cached` is the same file, for reading. `None` if the file system does not write that way
    /// after all; then nothing was written.
    pub(super) fn write_at(
        &self,
        cached: &dyn DiskFile,
        position: u64,
        slices: &[IoSlice<'_>],
    ) -> io::Result<Option<usize>> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (position % BLOCK as u64) as usize;
        let start = position - before as u64;
        if before > 0 && tail.end != Some(position) {
            tail.load(cached, start)?;
        }
        let memory = staging.aligned();
        memory[..before].copy_from_slice(&tail.block[..before]);
        let end = before + gather(slices, &mut memory[before..]);
        let blocks_end = end.next_multiple_of(BLOCK);
        memory[end..blocks_end].fill(0);
        // Unknown until the write has succeeded.
        tail.end = None;
        let written = match retry_on_intr(|| {
            rustix::io::pwritev(&self.file, &[IoSlice::new(&memory[..blocks_end])], start)
        }) {
            Ok(written) => written.min(end),
            Err(Errno::INVAL) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let Some(taken) = written.checked_sub(before).filter(|taken| *taken > 0) else {
            return Err(ErrorKind::WriteZero.into());
        };
        let last = written - written % BLOCK;
        tail.block[..written - last].copy_from_slice(&memory[last..written]);
        tail.end = Some(start + written as u64);
        Ok(Some(taken))
    }

    /// How long a file of that length is in whole blocks, which is what is written.
    pub(super) fn whole_blocks(&self, bytes: u64) -> u64 {
        bytes.next_multiple_of(BLOCK as u64)
    }

    /// Forgets what the last block holds, because the file was changed in another way.
    pub(super) fn forget_tail(&self) {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).end = None;
    }
}

impl Staging {
    /// The memory, from the first address on that is a multiple of a block.
    fn aligned(&mut self) -> &mut [u8] {
        if self.memory.is_empty() {
            self.memory = vec![0; STAGING_BYTES + BLOCK];
        }
        let offset = self.memory.as_ptr().align_offset(BLOCK);
        &mut self.memory[offset..offset + STAGING_BYTES]
    }
}

impl Tail {
    /// Reads a block; what lies behind the end of the file is zeros.
    fn load(&mut self, file: &dyn DiskFile, position: u64) -> io::Result<()> {
        self.block.fill(0);
        match read_exact_at(file, position, &mut *self.block) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        }
    }
}

/// Copies the slices one after another, as far as there is room. Returns how many bytes.
fn gather(slices: &[IoSlice<'_>], memory: &mut [u8]) -> usize {
    let mut filled = 0;
    for slice in slices {
        let room = &mut memory[filled..];
        let bytes = slice.len().min(room.len());
        room[..bytes].copy_from_slice(&slice[..bytes]);
        filled += bytes;
        if bytes < slice.len() {
            break;
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::{Access, Disk, RealDisk, write_all_at};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Pieces of all sizes, through a handle that is opened anew now and then.
        #[test]
        fn pieces_one_behind_the_other_read_as_they_were_written(
            pieces in prop::collection::vec((0usize..3 * BLOCK, any::<u8>(), any::<bool>()), 1..20)
        ) {
            let root = tempfile::tempdir().unwrap();
            let disk = RealDisk::open(root.path()).unwrap();
            disk.create("a").unwrap();
            let mut file = disk.open("a", Access::Append).unwrap();
            file.allocate(1 << 20).unwrap();
            let mut expected = Vec::new();
            for (bytes, value, anew) in pieces {
                if anew {
                    file = disk.open("a", Access::Append).unwrap();
                }
                let piece = vec![value; bytes];
                let (one, two) = piece.split_at(bytes / 3);
                let mut slices = [IoSlice::new(one), IoSlice::new(two)];
                write_all_at(&*file, expected.len() as u64, &mut slices).unwrap();
                expected.extend(piece);
                let mut read = vec![0; expected.len()];
                read_exact_at(&*file, 0, &mut read).unwrap();
                prop_assert_eq!(&read, &expected);
            }
            prop_assert_eq!(file.length().unwrap(), 1 << 20);
        }
    }

    #[test]
    fn more_than_one_call_takes_is_all_written() {
        let root = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(root.path()).unwrap();
        disk.create("a").unwrap();
        let file = disk.open("a", Access::Append).unwrap();
        let bytes: Vec<u8> =
            (0u32..).map(|n| (n % 251) as u8).take(3 * STAGING_BYTES + 5).collect();
        write_all_at(&*file, 0, &mut [IoSlice::new(&bytes[..77])]).unwrap();
        write_all_at(&*file, 77, &mut [IoSlice::new(&bytes[77..])]).unwrap();
        let mut read = vec![0; bytes.len()];
        read_exact_at(&*file, 0, &mut read).unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let root = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(root.path()).unwrap();
        disk.create("a").unwrap();
        let file = disk.open("a", Access::Append).unwrap();
        write_all_at(&*file, 0, &mut [IoSlice::new(&[7; 100])]).unwrap();
        file.truncate(40).unwrap();
        file.allocate(100).unwrap();
        write_all_at(&*file, 60, &mut [IoSlice::new(&[9; 40])]).unwrap();
        let mut read = [1; 100];
        read_exact_at(&*file, 0, &mut read).unwrap();
        assert_eq!(read, [[7; 20], [7; 20], [0; 20], [9; 20], [9; 20]].concat()[..]);
    }

    #[test]
    fn the_page_cache_is_written_around_where_there_is_a_way() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        File::create(&path).unwrap();
        let Some(writer) = DirectWriter::open(&path, &Arc::default()).unwrap() else { return };
        let disk = RealDisk::open(root.path()).unwrap();
        let cached = disk.open("a", Access::Read).unwrap();
        if let Some(written) = writer.write_at(&*cached, 0, &[IoSlice::new(b"abc")]).unwrap() {
            assert_eq!(written, 3);
            assert_eq!(cached.length().unwrap(), BLOCK as u64, "whole blocks are written");
        }
    }
}
