use bytes::Bytes;
use logboom_store::{ProducerStamp, StoredBatch};

/// A batch as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Counts all batches of the run, in the order in which they were submitted.
    pub(crate) id: u64,
    pub(crate) batch: Bytes,
    pub(crate) record_count: u32,
    pub(crate) time_ms: i64,
    pub(crate) producer: Option<ProducerStamp>,
}

impl Entry {
    /// The number after its last sequence number.
    pub(crate) fn next_sequence(&self) -> i32 {
        let base = self.producer.map_or(0, |stamp| stamp.base_sequence);
        base + i32::try_from(self.record_count).expect("a batch of a few records")
    }

    pub(crate) fn is_of(&self, producer: i64) -> bool {
        self.producer.is_some_and(|stamp| stamp.id == producer)
    }

    fn equals(&self, stored: &StoredBatch) -> bool {
        self.batch == stored.batch
            && self.record_count == stored.record_count
            && self.time_ms == stored.append_time_ms
            && self.producer == stored.producer
    }
}

/// What must be in a shard.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShardModel {
    /// What is in the log for certain, from offset 0 on, with the offsets, also what has expired.
    pub(crate) certain: Vec<(i64, Entry)>,
    /// Submitted, and told neither yes nor no: a prefix of it may be in the log.
    pub(crate) unknown: Vec<Entry>,
    /// Submitted, and nothing heard of it yet.
    pub(crate) waiting: Vec<Entry>,
    pub(crate) start: i64,
}

impl ShardModel {
    pub(crate) fn next_offset(&self) -> i64 {
        self.certain.last().map_or(0, |(offset, entry)| offset + i64::from(entry.record_count))
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        let offset = self.next_offset();
        self.certain.push((offset, entry));
    }

    /// Whether nothing is open: what the store knows is what the model knows.
    pub(crate) fn is_settled(&self) -> bool {
        self.unknown.is_empty() && self.waiting.is_empty()
    }

    /// The last batches of a producer that have not expired, newest first, with their offsets.
    pub(crate) fn of_producer(&self, producer: i64) -> impl Iterator<Item = &(i64, Entry)> {
        let live =
            move |(offset, entry): &&(i64, Entry)| *offset >= self.start && entry.is_of(producer);
        self.certain.iter().rev().filter(live)
    }

    /// The sequence number that continues what a producer has submitted.
    pub(crate) fn next_sequence(&self, producer: i64) -> i32 {
        let waiting = self.waiting.iter().rev().find(|entry| entry.is_of(producer));
        waiting.map_or_else(|| self.stored_sequence(producer), Entry::next_sequence)
    }

    /// The sequence number that continues what is stored of a producer.
    pub(crate) fn stored_sequence(&self, producer: i64) -> i32 {
        let mut entries = self.certain.iter().rev().map(|(_, entry)| entry);
        entries.find(|entry| entry.is_of(producer)).map_or(0, Entry::next_sequence)
    }

    /// Whether these are the batches from the offset on, byte for byte. What is wrong, if not.
    pub(crate) fn check(&self, offset: i64, batches: &[StoredBatch]) -> Result<(), String> {
        let from = self
            .certain
            .partition_point(|(base, entry)| base + i64::from(entry.record_count) <= offset);
        let mut expected = self.certain[from..].iter();
        for batch in batches {
            let Some((base, entry)) = expected.next() else {
                return Err(format!("a batch at {} that nobody sent", batch.base_offset));
            };
            if *base != batch.base_offset {
                return Err(format!("a batch at {} instead of {base}", batch.base_offset));
            }
            if !entry.equals(batch) {
                return Err(format!("the batch at {base} is not as it was sent"));
            }
        }
        Ok(())
    }
}
