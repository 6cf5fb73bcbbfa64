//! Retention: what expires, when, and what becomes of its files.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use logboom_store::{
    Append, AppendError, CatalogueError, Crash, Fault, LogCursor, MemDisk, OffsetRange,
    OperationKind, ReadError, Retention, Store, StreamId,
};
use proptest::prelude::*;

/// A batch of one record and about a sixth of a segment.
fn at(shard: logboom_store::Shard, append_time_ms: i64) -> Append {
    Append { append_time_ms, ..batch(shard, 1, 500, 7) }
}

fn by_age(ms: u64) -> Retention {
    Retention { age: Some(Duration::from_millis(ms)), bytes: None }
}

fn by_bytes(bytes: u64) -> Retention {
    Retention { age: None, bytes: Some(bytes) }
}

fn only(stream: StreamId, retention: Retention) -> impl Fn(StreamId) -> Retention {
    move |asked| if asked == stream { retention } else { Retention::default() }
}

#[test]
fn records_expire_one_by_one_when_they_are_older_than_the_age() {
    let disk = MemDisk::new();
    let store = open(&disk);
    for time in 0..20 {
        append(&store, at(SHARD, time * 10)).unwrap();
    }
    for now_ms in [0, 55, 100, 105, 111, 200, 205] {
        let retained = store.apply_retention(&|_| by_age(50), now_ms).unwrap();
        // The first batch that is not older than 50 ms.
        let start = (now_ms - 50 + 9).div_euclid(10).clamp(0, 20);
        assert_eq!(store.offsets(SHARD), OffsetRange { start, next: 20 }, "at {now_ms}");
        assert_eq!(read_all(&store, SHARD).len() as i64, 20 - start);
        assert_eq!(read_whole_log(&store).len() as i64, 20 - start);
        let nothing = retained.shards_advanced == 0;
        assert!(!nothing || store.apply_retention(&|_| by_age(50), now_ms).unwrap() == retained);
        let reopened = open(&disk.fork().restart(Crash::LoseUnsynced));
        assert_eq!(reopened.offsets(SHARD), store.offsets(SHARD));
    }
}

#[test]
fn an_expired_offset_is_out_of_range_and_answers_say_where_the_shard_starts() {
    let store = open(&MemDisk::new());
    for time in 0..3 {
        append(&store, at(SHARD, time)).unwrap();
    }
    store.apply_retention(&|_| by_age(0), 2).unwrap();
    let out_of_range = ReadError::OutOfRange { start: 2, next: 3 };
    assert_eq!(store.read(SHARD, 1, 100), Err(out_of_range));
    assert_eq!(append(&store, at(SHARD, 3)).unwrap().log_start_offset, 2);
    assert_eq!(store.find_offset(SHARD, 0), Ok(Some(2)));
}

#[test]
fn a_batch_stamped_in_the_future_keeps_back_what_is_behind_it() {
    let store = open(&MemDisk::new());
    for time in [1, 1_000_000, 2, 3] {
        append(&store, at(SHARD, time)).unwrap();
    }
    store.apply_retention(&|_| by_age(10), 1000).unwrap();
    assert_eq!(store.offsets(SHARD), OffsetRange { start: 1, next: 4 });
}

#[test]
fn a_stream_keeps_its_bytes_and_less_than_a_segment_more() {
    let store = open(&MemDisk::new());
    for time in 0..100 {
        append(&store, at(SHARD, time)).unwrap();
        append(&store, at(OTHER, time)).unwrap();
    }
    let (limit, segment) = (20_000, u64::from(options().segment_bytes));
    store.apply_retention(&only(SHARD.stream, by_bytes(limit)), 0).unwrap();
    let bytes = store.usage(SHARD.stream).bytes;
    assert!((limit..limit + segment).contains(&bytes), "{bytes}");
    assert_eq!(store.offsets(OTHER).start, 0);
    let again = store.apply_retention(&only(SHARD.stream, by_bytes(limit)), 0).unwrap();
    assert_eq!(again, Default::default());
}

#[test]
fn the_bytes_of_a_stream_are_those_of_all_its_shards_and_the_oldest_go_first() {
    let store = open(&MemDisk::new());
    let shard = |index| logboom_store::Shard::new(StreamId::new(5), index);
    for index in 0..3 {
        for time in 0..12 {
            append(&store, at(shard(index), time)).unwrap();
        }
    }
    let all = store.usage(StreamId::new(5)).bytes;
    store.apply_retention(&|_| by_bytes(all / 2), 0).unwrap();
    assert_eq!(store.offsets(shard(0)).start, 12);
    assert!((1..12).contains(&store.offsets(shard(1)).start));
    assert_eq!(store.offsets(shard(2)).start, 0);
}

#[test]
fn a_segment_goes_when_everything_in_it_has_expired_also_in_the_middle_of_the_log() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, at(OTHER, 0)).unwrap();
    fill_segments(&store, SHARD, 5);
    append(&store, at(OTHER, 0)).unwrap();
    let before_all = LogCursor::START;
    let retained = store.apply_retention(&only(SHARD.stream, by_bytes(0)), 0).unwrap();
    assert_eq!(retained.segments_removed, 3);
    assert_eq!(segment_names(&disk), [name(0), name(4)]);
    for store in [store.clone(), open(&disk.fork().restart(Crash::LoseUnsynced))] {
        assert_eq!(read_all(&store, OTHER).len(), 2);
        let live = read_all(&store, SHARD).len();
        assert_eq!(store.read_log(before_all, usize::MAX).unwrap().0.len(), 2 + live);
        assert!(append(&store, at(SHARD, 0)).is_ok());
    }
}

#[test]
fn offsets_go_on_after_everything_has_been_removed() {
    let mut disk = MemDisk::new();
    let mut next = 0;
    for round in 0..4 {
        let store = open(&disk);
        assert_eq!(store.offsets(SHARD), OffsetRange { start: next, next });
        let place = store.log_end();
        for _ in 0..10 {
            assert_eq!(append(&store, at(SHARD, round)).unwrap().base_offset, next);
            next += 1;
        }
        assert!(store.log_end() > place, "places in the log are not used again either");
        store.apply_retention(&|_| by_age(0), round + 1).unwrap();
        store.commit_group();
        store.apply_retention(&|_| by_age(0), round + 1).unwrap();
        assert_eq!(store.offsets(SHARD), OffsetRange { start: next, next });
        assert_eq!(read_whole_log(&store), []);
        drop(store);
        disk = disk.restart(Crash::Tear(7));
    }
}

#[test]
fn the_newest_segment_stays_because_it_says_where_the_log_ends() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 2);
    // The machine stops between the end of a segment and the beginning of the next one.
    let mut sealed = false;
    disk.set_hook(Box::new(move |operation| {
        let begins = sealed && operation.kind == OperationKind::Write;
        sealed |= operation.kind == OperationKind::Truncate;
        begins.then_some(Fault::Stop)
    }));
    while append(&store, at(SHARD, 0)).is_ok() {}
    let disk = disk.restart(Crash::KeepUnsynced);
    let store = open(&disk);
    let (next, end) = (store.offsets(SHARD).next, store.log_end());
    store.apply_retention(&|_| by_bytes(0), 0).unwrap();
    store.apply_retention(&|_| by_age(0), NOW_MS + 1).unwrap();
    assert_eq!(segment_names(&disk), [name(1)]);
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert_eq!(store.offsets(SHARD), OffsetRange { start: next, next });
    assert_eq!(store.log_end(), end);
    assert_eq!(append(&store, at(SHARD, 0)).unwrap().base_offset, next);
}

#[test]
fn what_has_expired_goes_although_nothing_new_comes() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, at(SHARD, 0)).unwrap();
    store.apply_retention(&|_| by_age(10), 100).unwrap();
    assert_eq!(segment_names(&disk), [name(0)], "it is being written");
    store.commit_group();
    let retained = store.apply_retention(&|_| by_age(10), 100).unwrap();
    assert_eq!(retained.segments_removed, 1);
    assert_eq!(segment_names(&disk), [name(1)]);
    assert!(!store.commit_group());
    assert_eq!(store.apply_retention(&|_| by_age(10), 100).unwrap().segments_removed, 0);
}

#[test]
fn a_file_that_cannot_be_removed_is_removed_by_the_next_round() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 4);
    fail_once(&disk, OperationKind::Unlink, LOG, Fault::Fail(std::io::ErrorKind::Other));
    let error = store.apply_retention(&|_| by_bytes(0), 0).unwrap_err();
    assert!(matches!(error, CatalogueError::Unavailable(_)), "{error}");
    assert!(store.offsets(SHARD).start > 0, "what expired is invisible");
    assert_eq!(segment_names(&disk).len(), 4);
    store.apply_retention(&|_| by_bytes(0), 0).unwrap();
    assert_eq!(segment_names(&disk).len(), 1);
}

#[test]
fn an_index_that_cannot_be_read_keeps_its_segment_until_all_of_it_is_old() {
    let disk = MemDisk::new();
    let store = open(&disk);
    for time in 0..20 {
        append(&store, at(SHARD, time * 10)).unwrap();
    }
    let store_of =
        |disk: &MemDisk| Store::open(Arc::new(disk.clone()), options(), ENTROPY, NOW_MS).unwrap().0;
    store.close();
    let store = store_of(&disk);
    disk.set_hook(Box::new(|operation| {
        let read = matches!(operation.kind, OperationKind::Read | OperationKind::Open);
        read.then_some(Fault::Fail(std::io::ErrorKind::Other))
    }));
    store.apply_retention(&|_| by_age(50), 75).unwrap();
    assert_eq!(store.offsets(SHARD).start, 0);
    store.apply_retention(&|_| by_age(50), 150).unwrap();
    assert_eq!(store.offsets(SHARD).start, 6, "the first segment as a whole");
}

#[test]
fn retention_of_a_store_that_was_closed_changes_nothing() {
    let store = open(&MemDisk::new());
    fill_segments(&store, SHARD, 3);
    store.close();
    assert_eq!(store.apply_retention(&|_| by_bytes(0), 0), Err(CatalogueError::Closed));
    assert_eq!(store.offsets(SHARD).start, 0);
    assert_eq!(append(&store, at(SHARD, 0)), Err(AppendError::Closed));
}

const LOG: &str = ".log";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..Default::default() })]

    /// Whatever the times: what is younger than the age stays, and the start is where the first
    /// such batch is.
    #[test]
    fn nothing_young_expires_and_nothing_old_stays_before_it(
        times in prop::collection::vec(0..100i64, 1..60),
        rounds in prop::collection::vec((0..150i64, 0..60u64), 1..5),
    ) {
        let store = open(&MemDisk::new());
        for time in &times {
            append(&store, at(SHARD, *time)).unwrap();
        }
        let mut start = 0;
        for (now_ms, age_ms) in rounds {
            store.apply_retention(&|_| by_age(age_ms), now_ms).unwrap();
            let cutoff = now_ms - i64::try_from(age_ms).unwrap();
            let old = times[start..].iter().take_while(|time| **time < cutoff);
            start += old.count();
            prop_assert_eq!(store.offsets(SHARD).start, start as i64);
            prop_assert_eq!(read_all(&store, SHARD).len(), times.len() - start);
        }
    }
}
