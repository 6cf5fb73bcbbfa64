//! Writes the store that is opened.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use logboom_store::{Append, Options, ProducerStamp, Shard, Store};

use super::hollow::HollowDisk;
use crate::{Failure, Result};

/// The time of everything that is written, and of every opening: no producer has been forgotten by
/// then, however old the directory is.
pub(super) const NOW_MS: i64 = 1_795_000_000_000;

const PROJECT: &str = "bench";
const SHARDS_PER_LOGSTORE: u32 = 10;
const RECORD_BYTES: usize = 512;
const CLIENT_ID: &[u8] = b"logboom-bench";
/// The header of a frame, and what frames are aligned to, as the format has them.
const FRAME_HEADER_BYTES: usize = 88;
const FRAME_ALIGN: usize = 8;

/// What is written.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Of all frames.
    pub(super) bytes: u64,
    pub(super) shards: u32,
    pub(super) batch_bytes: usize,
    pub(super) options: Options,
}

/// A shard and its one producer.
#[derive(Debug)]
struct Source {
    shard: Shard,
    producer: ProducerStamp,
}

impl Plan {
    /// How many bytes of log a batch takes.
    pub(super) fn frame_bytes(&self) -> u64 {
        let bytes = FRAME_HEADER_BYTES + CLIENT_ID.len() + self.batch_bytes;
        bytes.next_multiple_of(FRAME_ALIGN) as u64
    }

    /// How full the last segment gets, which is the one that has to be read when the store is opened.
    fn last_segment_bytes(&self) -> u64 {
        u64::from(self.options.segment_bytes) / 8 * 7
    }

    /// Writes the store into a directory in which there is none.
    ///
    /// # Errors
    ///
    /// Whatever the disk or the store says.
    pub(super) fn build(&self, directory: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
        let disk = HollowDisk::create(directory)
            .map_err(Failure::while_doing(format_args!("create {}", directory.display())))?;
        let disk = Arc::new(disk);
        let (store, _) = Store::open(disk.clone(), self.options.clone(), [7; 32], NOW_MS)
            .map_err(Failure::while_doing("open a new store"))?;
        say(&format!("{} shards, each with a producer", self.shards));
        let mut writing = Writing {
            plan: self,
            sources: self.sources(&store)?,
            store: &store,
            next: 0,
            failed: Arc::new(OnceLock::new()),
        };
        let total = self.bytes;
        let step = (total / 10).max(1);
        let mut told = 0;
        writing.write_until(total.saturating_sub(self.last_segment_bytes()), |end| {
            if end / step > told {
                told = end / step;
                say(&format!("{told}0 % written"));
            }
        })?;
        disk.be_real().map_err(Failure::while_doing("allocate the last segment"))?;
        let segments = store.segment_count();
        while store.segment_count() == segments {
            writing.write_group()?;
        }
        let began = store.log_end().get();
        writing.write_until(began.saturating_add(self.last_segment_bytes()), |_| {})?;
        store.close();
        Ok(())
    }

    fn sources(&self, store: &Store) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for logstore in 0..self.shards.div_ceil(SHARDS_PER_LOGSTORE) {
            let stream = store
                .stream(PROJECT, &format!("logstore-{logstore}"))
                .map_err(Failure::while_doing("create a logstore"))?;
            let left = self.shards - logstore * SHARDS_PER_LOGSTORE;
            for index in 0..left.min(SHARDS_PER_LOGSTORE) {
                let id = next_producer_id(store)?;
                let producer = ProducerStamp { id, epoch: 0, base_sequence: 0 };
                sources.push(Source { shard: Shard::new(stream, index), producer });
            }
        }
        // The shards of a segment are any of all.
        sources.sort_by_key(|source| scatter(source.producer.id));
        Ok(sources)
    }
}

/// Numbers that follow one another come to lie far apart (Knuth, TAOCP 6.4, multiplicative hashing).
fn scatter(number: i64) -> i64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed())
}

fn next_producer_id(store: &Store) -> Result<i64> {
    // Housekeeping reserves more of them.
    let id = store.next_producer_id().or_else(|| {
        store.commit_group();
        store.next_producer_id()
    });
    id.ok_or_else(|| Failure::new("the store has no producer ids"))
}

/// Batches on their way into the store.
struct Writing<'a> {
    plan: &'a Plan,
    store: &'a Store,
    sources: Vec<Source>,
    /// Whose turn it is. Shards take turns, so that as many as can be have something in each segment:
    /// nothing makes footers longer.
    next: usize,
    failed: Arc<OnceLock<String>>,
}

impl Writing<'_> {
    /// Writes until the log ends there, or a little behind.
    fn write_until(&mut self, end: u64, mut progress: impl FnMut(u64)) -> Result<()> {
        while self.store.log_end().get() < end {
            self.write_group()?;
            progress(self.store.log_end().get());
        }
        Ok(())
    }

    /// Writes as much as is committed at once, and not more than a small part of a segment.
    fn write_group(&mut self) -> Result<()> {
        let segment_bytes = self.plan.options.segment_bytes as usize;
        let bytes = self.plan.options.group_bytes_max.min(segment_bytes / 16);
        let batch = Bytes::from(vec![b'x'; self.plan.batch_bytes]);
        for _ in 0..(bytes / self.plan.batch_bytes).max(1) {
            self.append(batch.clone());
        }
        while self.store.commit_group() {}
        match self.failed.get() {
            Some(error) => Err(Failure::new(format!("cannot write the store: {error}"))),
            None => Ok(()),
        }
    }

    fn append(&mut self, batch: Bytes) {
        let records = u32::try_from(batch.len() / RECORD_BYTES).unwrap_or(u32::MAX).max(1);
        let source = &mut self.sources[self.next];
        let append = Append {
            shard: source.shard,
            batch,
            record_count: records,
            form: 0,
            peer: [127, 0, 0, 1].into(),
            client_id: Bytes::from_static(CLIENT_ID),
            append_time_ms: NOW_MS,
            producer: Some(source.producer),
            checksum: None,
        };
        // Sequence numbers begin again at zero after the largest.
        let sequence = i64::from(source.producer.base_sequence) + i64::from(records);
        source.producer.base_sequence = i32::try_from(sequence % (1 << 31)).unwrap_or_default();
        self.next = (self.next + 1) % self.sources.len();
        let failed = Arc::clone(&self.failed);
        self.store.append(append, move |result| {
            if let Err(error) = result {
                let _ = failed.set(error.to_string());
            }
        });
    }
}
