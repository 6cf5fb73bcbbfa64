use std::collections::BTreeMap;

use clap::ValueEnum;
use logboom_store::{OpenError, ReadError, Reader, Shard, StoredBatch, StreamId};

/// How many bytes of batches are read ahead, over all shards.
const READ_AHEAD_BYTES: usize = 8 << 20;
/// How many bytes are read from one shard at least, if it has them.
const READ_BYTES_MIN: usize = 64 << 10;

/// Where reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// At the oldest log that is kept.
    Earliest,
    /// Behind the newest log.
    Latest,
}

/// The batches of a Logstore: each shard in the order of its offsets, and the shards merged by the
/// time at which the batches arrived.
#[derive(Debug)]
pub(crate) struct BatchStream {
    reader: Reader,
    project: String,
    logstore: String,
    from: From,
    shards: BTreeMap<Shard, Position>,
}

/// Where a shard is read.
#[derive(Debug, Default)]
struct Position {
    next_offset: i64,
    /// Read already, newest first, so that the oldest is taken from the end.
    ahead: Vec<StoredBatch>,
    at_end: bool,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Item {
    /// A batch.
    Batch(StoredBatch),
    /// Something that was stored and cannot be read, in words. Reading goes on behind it.
    Lost(String),
    /// Nothing more for now.
    End,
}

impl BatchStream {
    /// A stream of what is in the Logstore now. It may have nothing, or may not exist yet.
    pub(crate) fn new(reader: Reader, project: &str, logstore: &str, from: From) -> Self {
        let mut stream = Self {
            reader,
            project: project.to_owned(),
            logstore: logstore.to_owned(),
            from,
            shards: BTreeMap::new(),
        };
        stream.find_shards();
        // Shards that come later are new, and all of them is news.
        stream.from = From::Earliest;
        stream
    }

    /// Whether the store knows the Logstore.
    pub(crate) fn exists(&self) -> bool {
        self.id().is_some()
    }

    /// The Logstores that the store knows of this project.
    pub(crate) fn logstores(&self) -> Vec<&str> {
        let streams = self.reader.streams();
        streams.filter(|(_, project, _)| *project == self.project).map(|(.., name)| name).collect()
    }

    /// Looks for what was stored in the meantime.
    pub(crate) fn refresh(&mut self) -> Result<(), OpenError> {
        if self.reader.refresh()? {
            self.find_shards();
            self.shards.values_mut().for_each(|position| position.at_end = false);
        }
        Ok(())
    }

    /// The next batch of the shard whose next batch arrived first.
    pub(crate) fn next(&mut self) -> Item {
        let bytes_max = (READ_AHEAD_BYTES / self.shards.len().max(1)).max(READ_BYTES_MIN);
        for (shard, position) in &mut self.shards {
            if !position.ahead.is_empty() || position.at_end {
                continue;
            }
            if let Err(lost) = position.read(&mut self.reader, *shard, bytes_max) {
                return Item::Lost(lost);
            }
        }
        let ready = self.shards.values_mut().filter(|position| !position.ahead.is_empty());
        let oldest = ready.min_by_key(|position| position.ahead.last().map(|b| b.append_time_ms));
        oldest.and_then(|position| position.ahead.pop()).map_or(Item::End, Item::Batch)
    }

    fn id(&self) -> Option<StreamId> {
        self.reader.stream(&self.project, &self.logstore)
    }

    fn find_shards(&mut self) {
        let Some(stream) = self.id() else { return };
        for shard in self.reader.shards(stream) {
            let offsets = self.reader.offsets(shard);
            self.shards.entry(shard).or_insert_with(|| Position {
                next_offset: match self.from {
                    From::Earliest => offsets.start,
                    From::Latest => offsets.next,
                },
                ..Position::default()
            });
        }
    }
}

impl Position {
    /// Reads ahead. What cannot be read is skipped and returned in words.
    fn read(&mut self, reader: &mut Reader, shard: Shard, bytes_max: usize) -> Result<(), String> {
        match reader.read(shard, self.next_offset, bytes_max) {
            Ok(batches) => {
                self.at_end = batches.is_empty();
                self.ahead = batches;
                self.ahead.reverse();
                if let Some(newest) = self.ahead.first() {
                    self.next_offset = newest.end_offset();
                }
                Ok(())
            }
            // Retention was faster than this reader.
            Err(ReadError::OutOfRange { start, .. }) if start > self.next_offset => {
                self.next_offset = start;
                Ok(())
            }
            Err(ReadError::Damaged(damage)) => {
                match &damage.lost {
                    Some((_, offsets)) => self.next_offset = offsets.end,
                    None => self.at_end = true,
                }
                Err(ReadError::Damaged(damage).to_string())
            }
            Err(error) => {
                self.at_end = true;
                Err(error.to_string())
            }
        }
    }
}
