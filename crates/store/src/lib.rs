//! The durable log.
#![forbid(unsafe_code)]

mod catalogue_file;
mod disk;
mod error;
mod format;
mod mark_file;
mod options;
mod random;
mod read;
mod recovery;
mod retention;
mod statistics;
mod store;
mod types;
mod write;

pub use disk::{
    Access, Crash, Disk, DiskFile, DiskLock, Fault, FaultHook, MemDisk, Operation, OperationKind,
    RealDisk, Space,
};
pub use error::{
    AppendError, CatalogueError, Damage, Flaw, IoFailure, OpenError, Poison, ReadError,
};
pub use options::Options;
pub use read::reader::Reader;
pub use read::usage::StreamUsage;
pub use read::watch::{Watch, Watched};
pub use recovery::Recovery;
pub use retention::{Retained, Retention};
pub use statistics::{Histogram, Statistics};
pub use store::{Health, Store};
pub use types::{
    Append, Appended, LogCursor, OffsetRange, ProducerStamp, Shard, StoredBatch, StreamId,
};
pub use write::committer::Committer;
