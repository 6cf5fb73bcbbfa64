//! Opens segments some time before they are read, so that a device that has to fetch them works on
//! several at once.

use std::collections::{VecDeque, btree_set};
use std::io;
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile};
use crate::format::segment::{self, HEADER_BYTES};
use crate::read::segment_file::{FileError, SegmentFile};

/// So many segments are open before their turn.
const SEGMENTS_MAX: usize = 32;

/// The segments of these numbers, in order.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    disk: Arc<dyn Disk>,
    numbers: btree_set::Iter<'a, u64>,
    opened: VecDeque<Opened>,
}

#[derive(Debug)]
struct Opened {
    name: String,
    file: io::Result<Arc<dyn DiskFile>>,
    number: u64,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(disk: Arc<dyn Disk>, numbers: btree_set::Iter<'a, u64>) -> Self {
        Self { disk, numbers, opened: VecDeque::with_capacity(SEGMENTS_MAX + 1) }
    }

    /// The next segment, which must have begun. So many bytes at the end of later ones are wanted
    /// soon.
    pub(super) fn next(&mut self, end_bytes: usize) -> Option<Result<SegmentFile, FileError>> {
        while self.opened.len() <= SEGMENTS_MAX {
            let Some(&number) = self.numbers.next() else { break };
            let name = segment::file_name(number);
            let file = self.disk.open(&name, Access::Read);
            if let Ok(file) = &file {
                prepare(&**file, end_bytes as u64);
            }
            self.opened.push_back(Opened { name, file, number });
        }
        let Opened { name, file, number } = self.opened.pop_front()?;
        Some(SegmentFile::open_with(name, file, number).and_then(SegmentFile::begun))
    }
}

/// Whatever goes wrong here shows when it is the segment's turn.
fn prepare(file: &dyn DiskFile, end_bytes: u64) {
    let length = file.length().unwrap_or_default();
    file.will_read(0, HEADER_BYTES as u64);
    file.will_read(length.saturating_sub(end_bytes), end_bytes.min(length));
}
