//! A segment file and what its footer says. Used at open, by readers, and for lookups.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile, read_exact_at};
use crate::error::{Flaw, OpenError};
use crate::format::footer::{self, Entry, Section, Summary, TRAILER_BYTES, Trailer};
use crate::format::segment::{self, BEGIN_POSITION, Header, PART_BYTES};
use crate::format::{Unusable, VERSION};
use crate::read::index::{GrowingIndex, SealedIndex};
use crate::read::scan::{ScannedFrame, Scanner};

/// Why a file, or something in it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileError {
    pub(crate) file: String,
    pub(crate) position: u64,
    pub(crate) cause: Unusable,
}

impl FileError {
    pub(crate) fn io(file: &str, position: u64, error: io::Error) -> Self {
        let cause = Flaw::Io(error.into()).into();
        Self { file: file.to_owned(), position, cause }
    }
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        let FileError { file, position, cause } = error;
        match cause {
            Unusable::Newer { found } => Self::NewerFormat { file, found, supported: VERSION },
            Unusable::Flawed(Flaw::Io(failure)) if failure.kind == ErrorKind::NotFound => {
                Self::Missing { file }
            }
            Unusable::Flawed(Flaw::Io(failure)) => Self::Io { operation: "read", file, failure },
            Unusable::Flawed(flaw) => Self::Damaged { file, position, flaw },
        }
    }
}

/// A segment file whose header has been checked.
#[derive(Debug, Clone)]
pub(crate) struct SegmentFile {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: Header,
    /// When it was opened.
    pub(crate) length: u64,
}

impl SegmentFile {
    /// Opens the segment of that number, which has begun.
    pub(crate) fn open(disk: &dyn Disk, number: u64) -> Result<Self, FileError> {
        Self::open_reserved(disk, number)?.begun()
    }

    /// The same, if it has begun.
    pub(crate) fn begun(self) -> Result<Self, FileError> {
        if self.header.has_begun() {
            Ok(self)
        } else {
            Err(self.flawed(BEGIN_POSITION, Flaw::Checksum))
        }
    }

    /// Opens the segment of that number, which may not have begun.
    pub(crate) fn open_reserved(disk: &dyn Disk, number: u64) -> Result<Self, FileError> {
        let name = segment::file_name(number);
        let file = disk.open(&name, Access::Read);
        Self::open_with(name, file, number)
    }

    /// The segment of that number, which may not have begun, and whose file was to be opened.
    pub(crate) fn open_with(
        name: String,
        file: io::Result<Arc<dyn DiskFile>>,
        number: u64,
    ) -> Result<Self, FileError> {
        match file {
            Ok(file) => Self::check(name, file, number),
            Err(error) => Err(FileError::io(&name, 0, error)),
        }
    }

    /// Checks the header of a segment file that has been opened.
    pub(crate) fn check(
        name: String,
        file: Arc<dyn DiskFile>,
        number: u64,
    ) -> Result<Self, FileError> {
        let length = file.length().map_err(|error| FileError::io(&name, 0, error))?;
        let mut bytes = [0; segment::HEADER_BYTES];
        let (first, second) = bytes.split_at_mut(PART_BYTES);
        let read = read_exact_at(&*file, 0, first);
        let read = read.and_then(|()| match read_exact_at(&*file, BEGIN_POSITION, second) {
            // In version 1 there may be nothing behind the first part.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
            read => read,
        });
        read.map_err(|error| FileError::io(&name, 0, error))?;
        let header = match Header::decode(&bytes) {
            Ok(header) if header.number == number => Ok(header),
            Ok(_) => Err(Flaw::Misplaced.into()),
            Err(cause) => Err(cause),
        };
        match header {
            Ok(header) => Ok(Self { name, file, header, length }),
            Err(cause) => Err(FileError { file: name, position: 0, cause }),
        }
    }

    /// The trailer, which a sealed segment ends with. `None` if the file does not end with one.
    ///
    /// Measures the file again: it may have been opened before it was sealed.
    pub(crate) fn trailer(&self) -> Result<Option<Trailer>, FileError> {
        let length = self.file.length().map_err(|error| FileError::io(&self.name, 0, error))?;
        let Some(position) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
        let mut bytes = [0; TRAILER_BYTES];
        self.read(position, &mut bytes)?;
        Ok(self.check_trailer(&bytes, length))
    }

    /// The trailer, if that is what these last bytes of a file of that length are.
    pub(crate) fn check_trailer(
        &self,
        bytes: &[u8; TRAILER_BYTES],
        length: u64,
    ) -> Option<Trailer> {
        Trailer::decode(bytes)
            .ok()
            .filter(|trailer| trailer.epoch == self.header.epoch && trailer.file_bytes() == length)
    }

    pub(crate) fn summaries(&self, trailer: &Trailer) -> Result<Vec<Summary>, FileError> {
        let before = u64::from(trailer.entries.bytes) + u64::from(trailer.producers.bytes);
        self.section(trailer.shards, trailer.data_end + before, footer::decode_shards)
    }

    fn entries(&self, trailer: &Trailer) -> Result<Vec<Entry>, FileError> {
        self.section(trailer.entries, trailer.data_end, footer::decode_entries)
    }

    /// The whole index of a sealed segment: from its footer, or, if that is damaged, from its
    /// frames, which end at `data_end`.
    pub(crate) fn index(&self, data_end: u64) -> Result<SealedIndex, FileError> {
        if let Some(trailer) = self.trailer()?
            && let Ok(summaries) = self.summaries(&trailer)
            && let Ok(entries) = self.entries(&trailer)
        {
            return Ok(SealedIndex { summaries, entries });
        }
        let mut index = GrowingIndex::default();
        self.read_frames(self.header.data_start, data_end, |scanned| {
            let (entry, end_offset) = scanned.entry();
            index.push(scanned.frame.batch.shard, entry, end_offset);
            Ok(())
        })?;
        Ok(index.into_sealed())
    }

    /// Reads all frames between two positions, between which there is nothing but intact frames.
    pub(crate) fn read_frames(
        &self,
        from: u64,
        end: u64,
        mut each: impl FnMut(ScannedFrame) -> Result<(), Flaw>,
    ) -> Result<(), FileError> {
        let mut scanner = Scanner::new(&*self.file, self.header, from, end);
        loop {
            let position = scanner.position();
            let scanned = scanner.next().and_then(|scanned| match scanned {
                Some(scanned) => each(scanned).map(|()| true),
                None if position == end => Ok(false),
                None => Err(Flaw::CutShort),
            });
            match scanned {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(flaw) => return Err(self.flawed(position, flaw)),
            }
        }
    }

    /// The error for a flaw at that position of this file.
    pub(crate) fn flawed(&self, position: u64, flaw: Flaw) -> FileError {
        FileError { file: self.name.clone(), position, cause: flaw.into() }
    }

    fn section<T>(
        &self,
        section: Section,
        position: u64,
        decode: impl FnOnce(&[u8]) -> Result<T, Flaw>,
    ) -> Result<T, FileError> {
        // Not more than the file has: that the trailer fits the length has been checked.
        let mut bytes = vec![0; section.bytes as usize];
        self.read(position, &mut bytes)?;
        let decoded = section.check(&bytes).and_then(|()| decode(&bytes));
        decoded.map_err(|flaw| self.flawed(position, flaw))
    }

    pub(crate) fn read(&self, position: u64, buffer: &mut [u8]) -> Result<(), FileError> {
        read_exact_at(&*self.file, position, buffer)
            .map_err(|error| FileError::io(&self.name, position, error))
    }
}

impl ScannedFrame {
    /// What an index says of the frame: its entry, and the offset after its last record.
    pub(crate) fn entry(&self) -> (Entry, i64) {
        let batch = &self.frame.batch;
        let entry = Entry {
            base_offset: batch.base_offset,
            append_time_ms: batch.append_time_ms,
            position: u32::try_from(self.position).expect("a segment has at most 1 GiB"),
            frame_bytes: self.bytes,
        };
        (entry, batch.end_offset())
    }
}
