//! Readers: other processes that read a store while it is written, and after.

mod common;

use std::sync::Arc;

use common::*;
use logboom_store::{
    Crash, Disk, Fault, LogCursor, MemDisk, OffsetRange, OpenError, OperationKind, ReadError,
    Reader, RealDisk, Retention, Store, StoredBatch,
};

fn reader(disk: &MemDisk) -> Reader {
    Reader::open(Arc::new(disk.clone()), &options()).unwrap()
}

fn read(reader: &mut Reader, from: i64) -> Vec<StoredBatch> {
    reader.read(SHARD, from, usize::MAX).unwrap()
}

#[test]
fn a_reader_follows_a_store_that_is_being_written_also_into_new_segments() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let mut reader = reader(&disk);
    assert!(!reader.refresh().unwrap());
    let mut place = LogCursor::START;
    for number in 0..41u8 {
        append(&store, batch(SHARD, 1, 500, number)).unwrap();
        if number % 3 == 0 {
            continue;
        }
        assert!(reader.refresh().unwrap());
        assert_eq!(reader.offsets(SHARD), store.offsets(SHARD));
        assert_eq!(read(&mut reader, 0).len(), usize::from(number) + 1);
        let (new, next) = reader.read_log(place, usize::MAX).unwrap();
        assert_eq!(new.last().unwrap().batch[0], number);
        place = next;
    }
    assert!(store.segment_count() > 4);
    assert_eq!(place, reader.log_end());
    assert_eq!(reader.shards(SHARD.stream), [SHARD]);
    assert_eq!(reader.usage(SHARD.stream), store.usage(SHARD.stream));
    assert_eq!(reader.find_offset(SHARD, NOW_MS), Ok(Some(0)));
}

#[test]
fn a_reader_sees_new_names_and_starts() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let mut reader = reader(&disk);
    let stream = store.stream("project", "logstore").unwrap();
    assert_eq!(reader.stream("project", "logstore"), None);
    assert!(reader.refresh().unwrap());
    assert_eq!(reader.stream("project", "logstore"), Some(stream));
    assert_eq!(reader.streams().collect::<Vec<_>>(), [(stream, "project", "logstore")]);
}

#[test]
fn a_reader_does_not_see_what_was_written_and_not_synced() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "durable")).unwrap();
    fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Fail(std::io::ErrorKind::Other));
    append(&store, record(SHARD, "not durable")).unwrap_err();
    assert!(position_of(&disk, &name(0), b"not durable") > 0);
    let mut reader = reader(&disk);
    assert_eq!(texts(&read(&mut reader, 0)), ["durable"]);
    assert_eq!(reader.offsets(SHARD).next, 1);
}

#[test]
fn what_a_reader_saw_is_there_after_every_crash() {
    for seed in 0..100 {
        let disk = MemDisk::new();
        let store = open(&disk);
        fill_segments(&store, SHARD, 2);
        let seen = read(&mut reader(&disk), 0);
        fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Stop);
        append(&store, record(SHARD, "lost")).unwrap_err();
        let disk = disk.restart(Crash::Tear(seed));
        let after_crash = read(&mut reader(&disk), 0);
        assert!(
            seen.starts_with(&after_crash),
            "without the store, a reader sees less or the same"
        );
        let store = open(&disk);
        assert!(read_all(&store, SHARD).starts_with(&seen));
        assert_eq!(read(&mut reader(&disk), 0), read_all(&store, SHARD));
    }
}

#[test]
fn a_reader_works_after_the_store_was_closed_and_opened_again() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let mut follower = reader(&disk);
    append(&store, record(SHARD, "one")).unwrap();
    store.close();
    follower.refresh().unwrap();
    assert_eq!(texts(&read(&mut follower, 0)), ["one"]);
    assert_eq!(texts(&read(&mut reader(&disk), 0)), ["one"]);
    let store = open(&disk);
    append(&store, record(SHARD, "two")).unwrap();
    follower.refresh().unwrap();
    assert_eq!(texts(&read(&mut follower, 0)), ["one", "two"]);
}

#[test]
fn after_a_store_was_closed_a_reader_sees_all_of_it_even_after_a_power_cut() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "one")).unwrap();
    let sudden = disk.fork().restart(Crash::LoseUnsynced);
    assert_eq!(reader(&sudden).offsets(SHARD).next, 0, "the mark was not synced");
    store.close();
    let disk = disk.restart(Crash::LoseUnsynced);
    assert_eq!(texts(&read(&mut reader(&disk), 0)), ["one"]);
}

#[test]
fn a_reader_that_is_far_behind_catches_up() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    let mut reader = reader(&disk);
    fill_segments(&store, SHARD, 7);
    reader.refresh().unwrap();
    assert_eq!(read(&mut reader, 0), read_all(&store, SHARD));
}

#[test]
fn a_reader_survives_that_retention_removes_files_under_it() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 5);
    let mut reader = reader(&disk);
    let all = Retention { bytes: Some(0), ..Retention::default() };
    store.apply_retention(&|_| all, NOW_MS).unwrap();
    fill_segments(&store, SHARD, 3);
    let start = store.offsets(SHARD).start;
    let gone = reader.read(SHARD, 0, 100).unwrap_err();
    assert_eq!(gone, ReadError::OutOfRange { start, next: store.offsets(SHARD).next });
    assert_eq!(read(&mut reader, start), read_all(&store, SHARD));
    let (log, _) = reader.read_log(LogCursor::START, usize::MAX).unwrap();
    assert_eq!(log, read_whole_log(&store));
}

#[test]
fn a_reader_whose_segment_was_written_and_removed_while_it_was_away_goes_on() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "seen")).unwrap();
    let mut reader = reader(&disk);
    fill_segments(&store, SHARD, 5);
    let all = Retention { bytes: Some(0), ..Retention::default() };
    store.apply_retention(&|_| all, NOW_MS).unwrap();
    append(&store, record(OTHER, "new")).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.offsets(SHARD), store.offsets(SHARD));
    assert_eq!(texts(&reader.read(OTHER, 0, 100).unwrap()), ["new"]);
}

#[test]
fn a_torn_mark_is_no_more_than_an_older_one() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "one")).unwrap();
    let slot_of = |sequence: usize| 4096 * (sequence % 2);
    append(&store, record(SHARD, "two")).unwrap();
    let mut ends = Vec::new();
    for slot in [0, 1].map(slot_of) {
        let disk = disk.fork();
        disk.edit("mark", |content| content[slot + 9] ^= 1);
        ends.push(reader(&disk).offsets(SHARD).next);
    }
    ends.sort_unstable();
    assert_eq!(ends, [1, 2]);
}

#[test]
fn without_a_mark_a_reader_sees_what_has_been_sealed() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    append(&store, record(OTHER, "in the last segment")).unwrap();
    disk.unlink("mark").unwrap();
    let mut reader = reader(&disk);
    let sealed = reader.offsets(SHARD);
    assert!(sealed.next >= 10 && sealed.next < store.offsets(SHARD).next);
    assert_eq!(read(&mut reader, 0), read_all(&store, SHARD)[..sealed.next as usize]);
    assert_eq!(reader.offsets(OTHER), OffsetRange::default());
}

#[test]
fn a_reader_finds_no_store_in_an_empty_directory() {
    let error = Reader::open(Arc::new(MemDisk::new()), &options()).unwrap_err();
    assert_eq!(error, OpenError::NoStore);
}

#[test]
fn a_reader_takes_no_lock_and_changes_nothing() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    let trace = Trace::of(&disk);
    let mut reader = reader(&disk);
    read(&mut reader, 0);
    assert!(trace.take().iter().all(|(kind, _)| !kind.changes_the_disk()));
    assert!(append(&store, record(SHARD, "not disturbed")).is_ok());
}

#[test]
fn a_reader_follows_a_store_in_a_real_directory() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("store");
    let disk = Arc::new(RealDisk::create(&path).unwrap());
    let (store, _) = Store::open(disk, options(), ENTROPY, NOW_MS).unwrap();
    append(&store, record(SHARD, "first")).unwrap();
    let mut reader = Reader::open(Arc::new(RealDisk::open(&path).unwrap()), &options()).unwrap();
    for round in 2..5 {
        fill_segments(&store, SHARD, round * 2);
        assert!(reader.refresh().unwrap());
        assert_eq!(read(&mut reader, 0), read_all(&store, SHARD));
    }
    let all = Retention { bytes: Some(0), ..Retention::default() };
    store.apply_retention(&|_| all, NOW_MS).unwrap();
    let start = store.offsets(SHARD).start;
    assert!(matches!(reader.read(SHARD, 0, 100), Ok(_) | Err(ReadError::OutOfRange { .. })));
    reader.refresh().unwrap();
    assert_eq!(read(&mut reader, start), read_all(&store, SHARD));
    drop(store);
    assert!(!reader.refresh().unwrap());
}
