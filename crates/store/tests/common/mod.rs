//! What the tests of the store share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod world;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use logboom_store::{
    Append, AppendError, Appended, Disk, Fault, LogCursor, MemDisk, OpenError, Operation,
    OperationKind, Options, ProducerStamp, Recovery, Shard, Store, StoredBatch, StreamId,
};

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;
pub(crate) const ENTROPY: [u8; 32] = [42; 32];

/// The shard most tests write to.
pub(crate) const SHARD: Shard = Shard::new(StreamId::new(0), 0);
pub(crate) const OTHER: Shard = Shard::new(StreamId::new(1), 7);

/// Small segments, and a disk that may be filled to the last byte.
pub(crate) fn options() -> Options {
    Options {
        segment_bytes: Options::SEGMENT_BYTES_MIN,
        free_bytes_min: Some(0),
        ..Options::default()
    }
}

pub(crate) fn try_open(disk: &MemDisk) -> Result<(Store, Recovery), OpenError> {
    Store::open(Arc::new(disk.clone()), options(), ENTROPY, NOW_MS)
}

pub(crate) fn open(disk: &MemDisk) -> Store {
    try_open(disk).unwrap().0
}

/// A batch of `record_count` records and `bytes` bytes, which are all `fill`.
pub(crate) fn batch(shard: Shard, record_count: u32, bytes: usize, fill: u8) -> Append {
    Append {
        shard,
        batch: Bytes::from(vec![fill; bytes]),
        record_count,
        form: 1,
        peer: IpAddr::V4(Ipv4Addr::new(10, 0, 9, 3)),
        client_id: Bytes::from_static(b"client"),
        append_time_ms: NOW_MS,
        producer: None,
        checksum: None,
    }
}

/// A batch of one record that says something.
pub(crate) fn record(shard: Shard, text: &str) -> Append {
    Append { batch: Bytes::copy_from_slice(text.as_bytes()), ..batch(shard, 1, 0, 0) }
}

pub(crate) fn stamped(append: Append, id: i64, epoch: i16, base_sequence: i32) -> Append {
    Append { producer: Some(ProducerStamp { id, epoch, base_sequence }), ..append }
}

pub(crate) type Answer = Result<Appended, AppendError>;

/// Answers in the order in which they came, each with the number of the question.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Vec<(usize, Answer)>>>);

impl Answers {
    pub(crate) fn submit(&self, store: &Store, number: usize, append: Append) {
        let answers = Arc::clone(&self.0);
        store.append(append, move |answer| answers.lock().unwrap().push((number, answer)));
    }

    pub(crate) fn submit_unhurried(&self, store: &Store, number: usize, append: Append) {
        let answers = Arc::clone(&self.0);
        store
            .append_unhurried(append, move |answer| answers.lock().unwrap().push((number, answer)));
    }

    pub(crate) fn take(&self) -> Vec<(usize, Answer)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Submits batches together and commits until all are answered.
pub(crate) fn append_all(store: &Store, appends: Vec<Append>) -> Vec<Answer> {
    let answers = Answers::default();
    let count = appends.len();
    for (number, append) in appends.into_iter().enumerate() {
        answers.submit(store, number, append);
    }
    while store.commit_group() {}
    let answers = answers.take();
    assert!(answers.iter().map(|(number, _)| *number).eq(0..count), "answered once, in order");
    answers.into_iter().map(|(_, answer)| answer).collect()
}

pub(crate) fn append(store: &Store, append: Append) -> Answer {
    append_all(store, vec![append]).remove(0)
}

/// Appends batches of 1 record and 500 bytes until there are so many segments.
pub(crate) fn fill_segments(store: &Store, shard: Shard, segments: usize) {
    while store.segment_count() < segments {
        let next = store.offsets(shard).next;
        let fill = u8::try_from(next % 251).unwrap();
        append(store, batch(shard, 1, 500, fill)).unwrap();
    }
}

/// Everything of a shard that has not expired.
pub(crate) fn read_all(store: &Store, shard: Shard) -> Vec<StoredBatch> {
    let offsets = store.offsets(shard);
    let batches = store.read(shard, offsets.start, usize::MAX).unwrap();
    assert_eq!(batches.last().map_or(offsets.start, StoredBatch::end_offset), offsets.next);
    batches
}

pub(crate) fn texts(batches: &[StoredBatch]) -> Vec<&str> {
    batches.iter().map(|batch| str::from_utf8(&batch.batch).unwrap()).collect()
}

/// Everything in the order of the log.
pub(crate) fn read_whole_log(store: &Store) -> Vec<StoredBatch> {
    let (batches, end) = store.read_log(LogCursor::START, usize::MAX).unwrap();
    assert_eq!(end, store.log_end());
    batches
}

/// The operations a disk has been asked for, written as `Sync 00000000000000000000.log`.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<(OperationKind, String)>>>);

impl Trace {
    pub(crate) fn of(disk: &MemDisk) -> Self {
        let trace = Self::default();
        let operations = Arc::clone(&trace.0);
        disk.set_hook(Box::new(move |operation| {
            operations.lock().unwrap().push((operation.kind, operation.name.to_owned()));
            None
        }));
        trace
    }

    pub(crate) fn take(&self) -> Vec<(OperationKind, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Lets the first operation of that kind on a file with such a name fail.
pub(crate) fn fail_once(disk: &MemDisk, kind: OperationKind, name: &str, fault: Fault) {
    let mut armed = true;
    let name = name.to_owned();
    disk.set_hook(Box::new(move |operation: &Operation<'_>| {
        let hit = armed && operation.kind == kind && operation.name.contains(&name);
        armed &= !hit;
        hit.then_some(fault)
    }));
}

/// The segments that have begun.
pub(crate) fn segment_names(disk: &MemDisk) -> Vec<String> {
    let begun = |name: &String| disk.content(name).unwrap()[64..].starts_with(b"LBOOMBEG");
    let names = disk.list().unwrap().into_iter().filter(|name| name.ends_with(".log"));
    names.filter(begun).collect()
}

/// Where some bytes are in a file.
pub(crate) fn position_of(disk: &MemDisk, name: &str, bytes: &[u8]) -> usize {
    let content = disk.content(name).unwrap();
    content.windows(bytes.len()).position(|window| window == bytes).unwrap()
}

/// Flips a bit in the middle of some bytes of a file.
pub(crate) fn damage(disk: &MemDisk, name: &str, bytes: &[u8]) -> u64 {
    let position = position_of(disk, name, bytes) + bytes.len() / 2;
    assert!(disk.edit(name, |content| content[position] ^= 1));
    position as u64
}

pub(crate) fn name(number: u64) -> String {
    format!("{number:020}.log")
}
