//! The durable log: append, group commit, read by cursor, retention, recovery.
//!
//! A [`Store`] keeps the batches of all shards of all Logstores in one log of segment files, in the
//! order in which they came, byte for byte. One sync makes durable what all shards have waiting.
//!
//! **The promise.** When the completion of [`Store::append`] is called with `Ok`, the batch, and
//! everything before it in its shard, has been written and synced. After any crash it is readable
//! at the offset that was returned, byte for byte, until retention removes it. An offset once
//! returned never names another record.
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use logboom_store::{Append, MemDisk, Options, Shard, Store};
//!
//! let disk = Arc::new(MemDisk::new());
//! let now_ms = 1_700_000_000_000;
//! let (store, _recovery) = Store::open(disk, Options::default(), [7; 32], now_ms)?;
//! let shard = Shard::new(store.stream("project", "logstore")?, 0);
//! let batch = Append {
//!     shard,
//!     batch: Bytes::from_static(b"as the producer sent it"),
//!     record_count: 1,
//!     form: 0,
//!     peer: [127, 0, 0, 1].into(),
//!     client_id: Bytes::from_static(b"example"),
//!     append_time_ms: now_ms,
//!     producer: None,
//!     checksum: None,
//! };
//! store.append(batch, |result| assert_eq!(result.unwrap().base_offset, 0));
//! store.commit_group(); // a server has a thread for this: Store::spawn_committer
//! assert_eq!(store.read(shard, 0, 1 << 20)?[0].batch, "as the producer sent it");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a batch travels
//!
//! ```text
//! append ─▶ queue ─▶ write_group: offset, place, frame ─▶ one write ─▶ one sync ─▶ visible ─▶ done
//!                    (duplicates, sequence errors, a full disk     │ in the order of the log
//!                     are found out here, in order)                └▶ mark ─▶ Reader, elsewhere
//! ```
//!
//! While a sync is slow, the next groups are written and synced beside it.
//!
//! - `write` is this path: the queue, the group, the writer that gives out offsets and rolls
//!   segments, the idempotent producers.
//! - `read` is the other: the view of what is durable, the indexes, the files; the [`Store`] and the
//!   [`Reader`] in another process share it.
//! - `recovery` opens a store after whatever happened to the last process.
//! - `retention` lets records expire, and removes segments.
//! - `format` is the bytes of the files, and touches no disk.
//! - `disk` is the one way to the machine: [`Disk`], with [`RealDisk`] and, for tests and
//!   simulators, [`MemDisk`], which crashes and fails on demand.
//!
//! Nothing here asks for the time or for randomness: both are arguments. The exceptions are
//! [`RealDisk`] and the thread of [`Committer`].
//!
//! # When the disk fails
//!
//! A failed write or sync is final: everything that waits, and everything later, fails with
//! [`AppendError::Poisoned`], and the file is not touched again. A full disk is not: batches are
//! refused with [`AppendError::NoSpace`] until there is space, and reading and retention go on. A
//! batch that cannot be read is an error for that batch only. Damage that no crash explains refuses
//! to be opened, with the name of the file and the position; nothing is cut off that may have been
//! acknowledged.

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
    Partly, RealDisk, Space,
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
    TailChecksum,
};
pub use write::committer::Committer;
pub use write::pipeline::WrittenGroup;
