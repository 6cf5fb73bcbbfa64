use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::ops::Range;

use crate::types::{LogCursor, Shard};

/// How an operation of the machine failed: an [`io::Error`] that can be copied and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoFailure {
    /// The kind of the error.
    pub kind: io::ErrorKind,
    /// What the operating system said, if it was the one who said it.
    pub os_error: Option<i32>,
}

impl From<io::Error> for IoFailure {
    fn from(error: io::Error) -> Self {
        Self { kind: error.kind(), os_error: error.raw_os_error() }
    }
}

impl Display for IoFailure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.os_error {
            Some(code) => io::Error::from_raw_os_error(code).fmt(formatter),
            None => self.kind.fmt(formatter),
        }
    }
}

/// What is wrong with bytes that were read from a file of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The disk failed to read them.
    Io(IoFailure),
    /// The file ends inside of them.
    CutShort,
    /// They do not begin as such a file does.
    Magic,
    /// A length or a count cannot be true.
    Length,
    /// They belong to another file or to another place of this one.
    Misplaced,
    /// They do not match their checksum.
    Checksum,
    /// They are damaged, and what follows them was written after they had become durable.
    BeforeIntact,
    /// They are damaged or missing although they had become durable.
    Acknowledged,
    /// What they say contradicts another file.
    Contradiction,
}

impl Display for Flaw {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Io(failure) => return write!(formatter, "cannot be read: {failure}"),
            Self::CutShort => "the file ends too early",
            Self::Magic => "is not a file of a store",
            Self::Length => "has an impossible length",
            Self::Misplaced => "holds data of another place",
            Self::Checksum => "does not match its checksum",
            Self::BeforeIntact => "is damaged, and intact data follows",
            Self::Acknowledged => "is damaged or missing although it had been acknowledged",
            Self::Contradiction => "contradicts another file of the store",
        })
    }
}

/// Why a store or a reader cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the store open.
    InUse,
    /// An option cannot work; the text says which values do.
    InvalidOption(&'static str),
    /// A newer version of this program wrote the file. Nothing was changed.
    NewerFormat {
        /// The file.
        file: String,
        /// The version of its format.
        found: u32,
        /// The newest version this program knows.
        supported: u32,
    },
    /// A file is damaged in a way that no crash explains. Nothing of it was changed.
    Damaged {
        /// The file.
        file: String,
        /// Where in it, in bytes.
        position: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// A file is missing although it has not expired.
    Missing {
        /// The file.
        file: String,
    },
    /// There is no store in this directory.
    NoStore,
    /// The machine failed.
    Io {
        /// What was to be done.
        operation: &'static str,
        /// To which file; empty for the directory itself.
        file: String,
        /// How it failed.
        failure: IoFailure,
    },
}

impl OpenError {
    pub(crate) fn io(operation: &'static str, file: &str, error: io::Error) -> Self {
        Self::Io { operation, file: file.to_owned(), failure: error.into() }
    }
}

impl Display for OpenError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => formatter.write_str("the store is in use by another process"),
            Self::InvalidOption(reason) => formatter.write_str(reason),
            Self::NewerFormat { file, found, supported } => write!(
                formatter,
                "{file} has format {found} and this program knows formats up to {supported}: \
                 use the newer program that wrote it"
            ),
            Self::Damaged { file, position, flaw } => {
                write!(formatter, "{file}, position {position}: {flaw}")
            }
            Self::Missing { file } => write!(formatter, "{file} is missing"),
            Self::NoStore => formatter.write_str("there is no store in this directory"),
            Self::Io { operation, file, failure } if file.is_empty() => {
                write!(formatter, "cannot {operation} the directory: {failure}")
            }
            Self::Io { operation, file, failure } => {
                write!(formatter, "cannot {operation} {file}: {failure}")
            }
        }
    }
}

impl Error for OpenError {}

/// What went wrong with the disk so that nothing more is written to the store.
///
/// After a failed write or sync nobody knows what is on the device, and asking again does not
/// help: Linux marks pages clean that it failed to write (PostgreSQL, "PANIC on fsync() failure",
/// 2018; Rebello and others, "Can Applications Recover from fsync Failures?", ATC 2020). Only
/// opening the store anew, after the disk has been looked after, finds out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// What failed.
    pub operation: &'static str,
    /// On which file; empty for the directory itself.
    pub file: String,
    /// How.
    pub failure: IoFailure,
}

impl Display for Poison {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { operation, file, failure } = self;
        let file = if file.is_empty() { "the directory" } else { file };
        write!(formatter, "the store takes nothing more: cannot {operation} {file}: {failure}")
    }
}

impl Error for Poison {}

/// Why a batch was not stored, or why that is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The disk is full. The batch is not stored; another try may succeed.
    NoSpace,
    /// The machine is short of something else than space, for instance of file descriptors. The
    /// batch is not stored; another try may succeed.
    Unavailable(IoFailure),
    /// The disk failed. The batch may be stored or not, and nothing more will be.
    Poisoned(Poison),
    /// The sequence number of the producer leaves a gap or is an old one. The batch is not stored.
    OutOfOrderSequence {
        /// The base sequence that would have been right.
        expected: i32,
    },
    /// A newer epoch of the producer has written to the shard. The batch is not stored.
    ProducerFenced {
        /// The newer epoch.
        epoch: i16,
    },
    /// The batch does not fit into a segment. It is not stored.
    TooLarge {
        /// What would.
        bytes_max: usize,
    },
    /// The batch has no records, so that it would have no offset. It is not stored.
    Empty,
    /// The shard has used up its offsets. The batch is not stored.
    OffsetsExhausted,
    /// The store is closed. The batch may be stored or not.
    Closed,
}

impl Display for AppendError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => formatter.write_str("the disk is full"),
            Self::Unavailable(failure) => write!(formatter, "no new segment: {failure}"),
            Self::Poisoned(poison) => poison.fmt(formatter),
            Self::OutOfOrderSequence { expected } => {
                write!(formatter, "out of order: the next sequence number is {expected}")
            }
            Self::ProducerFenced { epoch } => {
                write!(formatter, "the producer is at epoch {epoch} by now")
            }
            Self::TooLarge { bytes_max } => {
                write!(formatter, "a batch has at most {bytes_max} bytes")
            }
            Self::Empty => formatter.write_str("the batch has no records"),
            Self::OffsetsExhausted => formatter.write_str("the shard has no offsets left"),
            Self::Closed => formatter.write_str("the store is closed"),
        }
    }
}

impl Error for AppendError {}

/// Why nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The offset has expired, or there is none such yet.
    OutOfRange {
        /// The lowest offset there is.
        start: i64,
        /// The offset after the highest there is. It can be asked for, and gives nothing.
        next: i64,
    },
    /// The place is beyond the end of the log, or in the middle of a batch.
    NoSuchPlace,
    /// Something cannot be read; the rest can.
    Damaged(Box<Damage>),
}

/// Something that was stored and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What cannot be read, and from which offset to which (exclusive). `None` if that is unknown,
    /// because all of a segment is unreadable.
    pub lost: Option<(Shard, Range<i64>)>,
    /// The place after it in the log. Reading can go on there.
    pub resume: LogCursor,
    /// The file it is in.
    pub file: String,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

impl Display for ReadError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { start, next } => {
                write!(formatter, "the offset is not between {start} and {next}")
            }
            Self::NoSuchPlace => formatter.write_str("there is no such place in the log"),
            Self::Damaged(damage) => {
                if let Some((shard, Range { start, end })) = &damage.lost {
                    write!(formatter, "offsets {start} to {end} (exclusive) of {shard}: ")?;
                }
                let Damage { file, position, flaw, .. } = &**damage;
                write!(formatter, "{file}, position {position}: {flaw}")
            }
        }
    }
}

impl Error for ReadError {}

/// Why the catalogue could not be changed. What was to be changed is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The disk is full; another try may succeed.
    NoSpace,
    /// The machine is short of something else than space; another try may succeed.
    Unavailable(IoFailure),
    /// The disk failed.
    Poisoned(Poison),
    /// A name is longer than 65,535 bytes, or there are no numbers left.
    Full,
    /// The store is closed.
    Closed,
}

impl Display for CatalogueError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => formatter.write_str("the disk is full"),
            Self::Unavailable(failure) => {
                write!(formatter, "the catalogue cannot be written: {failure}")
            }
            Self::Poisoned(poison) => poison.fmt(formatter),
            Self::Full => formatter.write_str("the catalogue takes no more"),
            Self::Closed => formatter.write_str("the store is closed"),
        }
    }
}

impl Error for CatalogueError {}
