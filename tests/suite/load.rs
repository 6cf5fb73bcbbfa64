//! Producers that send as fast as they are answered, and what they were told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};

use bytes::Bytes;
use logboom_tests::{Client, Log, PATIENCE};
use logboom_wire::records::{BatchBuilder, Codec, ProducerStamp};

/// How many batches are on their way: of so many the store remembers the sequence numbers.
const WINDOW: usize = 5;

/// The topic they send to.
pub(super) const TOPIC: &str = "web";
/// The Logstore of that topic.
pub(super) const TARGET: &str = "acme/web";

/// Every value that was acknowledged, by shard and offset.
#[derive(Debug, Default)]
pub(super) struct Board {
    acknowledged: Mutex<BTreeMap<(u64, u64), String>>,
    changed: Condvar,
}

impl Board {
    /// Waits until so many more values are acknowledged.
    pub(super) fn wait_for_more(&self, more: usize) {
        let acknowledged = self.lock();
        let enough = acknowledged.len() + more;
        let wait = self
            .changed
            .wait_timeout_while(acknowledged, PATIENCE, |acknowledged| acknowledged.len() < enough);
        assert!(!wait.expect("not poisoned").1.timed_out(), "nothing is acknowledged any more");
    }

    /// Every acknowledged value is where it was said to be, and each shard has all of its offsets.
    pub(super) fn check(&self, logs: &[Log]) {
        let acknowledged = self.lock();
        let stored: BTreeMap<_, _> =
            logs.iter().map(|log| ((log.shard, log.offset), log.content())).collect();
        assert_eq!(stored.len(), logs.len(), "an offset names two logs");
        for (place, value) in &*acknowledged {
            assert_eq!(stored.get(place), Some(&value.as_str()), "at {place:?}");
        }
        let mut next = BTreeMap::new();
        for (shard, offset) in stored.keys() {
            let due = next.entry(shard).or_insert(0);
            assert_eq!(offset, due, "shard {shard} has a gap");
            *due += 1;
        }
    }

    /// Nothing is stored but what was acknowledged.
    pub(super) fn check_nothing_else(&self, logs: &[Log]) {
        let stored: BTreeMap<_, _> =
            logs.iter().map(|log| ((log.shard, log.offset), log.content().to_owned())).collect();
        assert!(stored == *self.lock(), "something is stored that was not acknowledged");
    }

    fn note(&self, shard: u64, first: u64, values: Vec<String>) {
        let mut acknowledged = self.lock();
        for (offset, value) in (first..).zip(values) {
            let before = acknowledged.insert((shard, offset), value.clone());
            assert!(before.is_none(), "shard {shard}, offset {offset}: {before:?} and {value}");
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u64, u64), String>> {
        self.acknowledged.lock().expect("not poisoned")
    }
}

/// Sends batches of values that nobody sends twice, to one shard.
#[derive(Debug)]
pub(super) struct Producer {
    name: &'static str,
    shard: u64,
    /// The producer id and the next sequence number, if it is idempotent.
    identity: Option<(i64, usize)>,
    sent: usize,
    unanswered: VecDeque<Sent>,
}

/// A batch without an answer.
#[derive(Debug)]
struct Sent {
    values: Vec<String>,
    batch: Bytes,
}

impl Producer {
    /// One that forgets what was not answered.
    pub(super) const fn plain(name: &'static str, shard: u64) -> Self {
        Self { name, shard, identity: None, sent: 0, unanswered: VecDeque::new() }
    }

    /// One that sends it again.
    pub(super) fn idempotent(name: &'static str, shard: u64, id: i64) -> Self {
        Self { identity: Some((id, 0)), ..Self::plain(name, shard) }
    }

    /// Sends until the connection ends, and says how it did.
    pub(super) fn run(&mut self, client: &mut Client, board: &Board) -> io::Error {
        let mut run = || {
            self.send_again(client)?;
            loop {
                while self.unanswered.len() < WINDOW {
                    let sent = self.next_batch();
                    let batch = sent.batch.clone();
                    self.unanswered.push_back(sent);
                    client.send_batch(TOPIC, self.shard as i32, batch)?;
                }
                self.receive(client, board)?;
            }
        };
        let ended: io::Result<std::convert::Infallible> = run();
        let Err(error) = ended;
        // Sending may fail while answers wait.
        while self.receive(client, board).is_ok() {}
        error
    }

    /// Sends what was not answered, and nothing new.
    pub(super) fn finish(&mut self, client: &mut Client, board: &Board) -> io::Result<()> {
        self.send_again(client)?;
        while !self.unanswered.is_empty() {
            self.receive(client, board)?;
        }
        Ok(())
    }

    /// Everything an idempotent producer ever sent is stored once, in its order.
    pub(super) fn check(&self, logs: &[Log]) {
        assert!(self.unanswered.is_empty() && self.identity.is_some());
        let prefix = format!("{}-", self.name);
        let mut stored: Vec<_> =
            logs.iter().filter(|log| log.content().starts_with(&prefix)).collect();
        stored.sort_by_key(|log| log.offset);
        let numbers: Vec<_> = stored.iter().map(|log| log.content().to_owned()).collect();
        let expected: Vec<_> = (0..self.sent).map(|number| format!("{prefix}{number}")).collect();
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "{} has duplicates", self.name);
        assert!(numbers == expected, "{} sent {} and has {}", self.name, self.sent, numbers.len());
    }

    fn send_again(&mut self, client: &mut Client) -> io::Result<()> {
        if self.identity.is_none() {
            self.unanswered.clear();
        }
        for sent in &self.unanswered {
            client.send_batch(TOPIC, self.shard as i32, sent.batch.clone())?;
        }
        Ok(())
    }

    fn receive(&mut self, client: &mut Client, board: &Board) -> io::Result<()> {
        let offset = client.receive_offset()?.expect("a good batch is not refused");
        let sent = self.unanswered.pop_front().expect("answers have requests");
        board.note(self.shard, offset, sent.values);
        Ok(())
    }

    fn next_batch(&mut self) -> Sent {
        let count = self.sent % 4 + 1;
        let numbers = self.sent..self.sent + count;
        let values: Vec<_> = numbers.map(|number| format!("{}-{number}", self.name)).collect();
        let mut builder = BatchBuilder::new();
        for value in &values {
            let appended = builder.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]);
            appended.expect("a small batch");
        }
        if let Some((id, sequence)) = &mut self.identity {
            let base_sequence = i32::try_from(*sequence).expect("a short test");
            builder.set_producer(ProducerStamp { id: *id, epoch: 0, base_sequence });
            *sequence += count;
        }
        self.sent += count;
        Sent { values, batch: builder.build(Codec::None).into() }
    }
}
