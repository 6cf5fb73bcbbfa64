//! What a store does for those who use it.

mod common;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use common::*;
use logboom_store::{
    AppendError, CatalogueError, Crash, Disk, Fault, Health, LogCursor, MemDisk, OffsetRange,
    OperationKind, Options, ReadError, Store, StreamId, Watched,
};

fn store() -> (MemDisk, Store) {
    let disk = MemDisk::new();
    let store = open(&disk);
    (disk, store)
}

#[test]
fn a_batch_comes_back_as_it_was_put_in_with_everything_that_was_said_about_it() {
    let (disk, store) = store();
    let mut append = stamped(record(SHARD, "the batch"), 9, 3, 17);
    append.record_count = 5;
    append.peer = IpAddr::V6(Ipv6Addr::LOCALHOST);
    append.client_id = Bytes::from_static(b"\xff\x00 any bytes");
    common::append(&store, append.clone()).unwrap();
    for store in [store.clone(), open(&disk.fork().restart(Crash::LoseUnsynced))] {
        let [found] = &read_all(&store, SHARD)[..] else { panic!() };
        assert_eq!(found.batch, append.batch);
        assert_eq!((found.shard, found.base_offset, found.record_count), (SHARD, 0, 5));
        assert_eq!((found.peer, &found.client_id), (append.peer, &append.client_id));
        assert_eq!((found.append_time_ms, found.form), (NOW_MS, append.form));
        assert_eq!(found.producer, append.producer);
    }
}

#[test]
fn batches_of_all_shards_are_committed_with_one_write_and_one_sync() {
    let (disk, store) = store();
    append(&store, record(SHARD, "the segment is there")).unwrap();
    let trace = Trace::of(&disk);
    let batches = (0..100).map(|index| {
        let shard = logboom_store::Shard::new(StreamId::new(3), index);
        record(shard, "x")
    });
    let answers = append_all(&store, batches.take(15).collect());
    assert!(answers.iter().all(Result::is_ok));
    let file = "spare.tmp";
    let changes: Vec<_> = trace.take().into_iter().filter(|(_, name)| name == file).collect();
    let kinds: Vec<_> = changes.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [OperationKind::Write, OperationKind::Sync]);
    let statistics = store.statistics();
    assert_eq!((statistics.group_batches.count(), statistics.group_batches.sum()), (2, 16));
}

#[test]
fn a_group_ends_where_its_bytes_reach_the_limit() {
    let disk = MemDisk::new();
    let options = Options { group_bytes_max: 1000, ..options() };
    let (store, _) = Store::open(Arc::new(disk), options, ENTROPY, NOW_MS).unwrap();
    let answers = Answers::default();
    for number in 0..5 {
        answers.submit(&store, number, batch(SHARD, 1, 400, 0));
    }
    assert!(store.commit_group());
    assert_eq!(answers.take().len(), 3);
    assert!(!store.commit_group());
    assert_eq!(answers.take().len(), 2);
}

#[test]
fn nobody_is_answered_and_nothing_is_visible_before_the_sync() {
    let (disk, store) = store();
    append(&store, record(SHARD, "first")).unwrap();
    let answers = Answers::default();
    let answered = answers.clone();
    let seen = store.clone();
    disk.set_hook(Box::new(move |operation| {
        if operation.kind == OperationKind::Sync {
            assert!(answered.take().is_empty());
            assert_eq!(seen.offsets(SHARD).next, 1);
        }
        None
    }));
    answers.submit(&store, 0, record(SHARD, "second"));
    store.commit_group();
    assert_eq!(answers.take().len(), 1);
    assert_eq!(store.offsets(SHARD).next, 2);
}

#[test]
fn batches_that_can_never_be_stored_are_refused_one_by_one() {
    let (_, store) = store();
    let bytes_max = options().batch_bytes_max();
    let mut long_name = record(SHARD, "x");
    long_name.client_id = Bytes::from(vec![b'n'; 65_536]);
    let answers = append_all(
        &store,
        vec![
            batch(SHARD, 0, 10, 0),
            batch(SHARD, 1, bytes_max, 0),
            long_name,
            batch(SHARD, 1, bytes_max - b"client".len(), 0),
        ],
    );
    assert_eq!(answers[0], Err(AppendError::Empty));
    assert_eq!(answers[1], Err(AppendError::TooLarge { bytes_max }));
    assert_eq!(answers[2], Err(AppendError::TooLarge { bytes_max }));
    assert_eq!(answers[3].as_ref().unwrap().base_offset, 0, "the largest batch there can be");
    assert_eq!(read_all(&store, SHARD).len(), 1);
    assert_eq!(store.statistics().refused, 3);
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset_and_ends_with_the_one_that_is_enough() {
    let (_, store) = store();
    for fill in 0..20 {
        append(&store, batch(SHARD, 10, 400, fill)).unwrap();
    }
    assert!(store.segment_count() > 2);
    let first = |offset| store.read(SHARD, offset, 0).unwrap();
    assert_eq!(first(0)[0].base_offset, 0);
    assert_eq!(first(57)[0].base_offset, 50);
    assert_eq!(first(57).len(), 1);
    assert_eq!(first(200), []);
    let some = store.read(SHARD, 30, 3 * 496).unwrap();
    assert_eq!(some.iter().map(|batch| batch.base_offset).collect::<Vec<_>>(), [30, 40, 50]);
    let across = store.read(SHARD, 30, 15 * 496).unwrap();
    assert_eq!(across.len(), 15);
    let out_of_range = ReadError::OutOfRange { start: 0, next: 200 };
    assert_eq!(store.read(SHARD, 201, 0), Err(out_of_range.clone()));
    assert_eq!(store.read(SHARD, -1, 0), Err(out_of_range));
    assert_eq!(store.read(OTHER, 0, 0), Ok(Vec::new()));
    assert_eq!(store.offsets(OTHER), OffsetRange::default());
}

#[test]
fn the_whole_log_can_be_read_in_pieces_and_from_a_place_that_was_written_down() {
    let (disk, store) = store();
    let mut expected = Vec::new();
    for number in 0..30u8 {
        let shard = if number % 3 == 0 { OTHER } else { SHARD };
        append(&store, batch(shard, 1, 300, number)).unwrap();
        expected.push(number);
    }
    let disk = disk.restart(Crash::LoseUnsynced);
    let store = open(&disk);
    for bytes_max in [0, 500, 2000, 100_000] {
        let mut cursor = LogCursor::START;
        let mut found = Vec::new();
        loop {
            let (batches, next) = store.read_log(LogCursor::new(cursor.get()), bytes_max).unwrap();
            if batches.is_empty() {
                break;
            }
            found.extend(batches.iter().map(|batch| batch.batch[0]));
            cursor = next;
        }
        assert_eq!(found, expected);
        assert_eq!(cursor, store.log_end());
    }
    for nowhere in [1, store.log_end().get() + 8] {
        let read = store.read_log(LogCursor::new(nowhere), 100);
        assert_eq!(read.unwrap_err(), ReadError::NoSuchPlace);
    }
}

#[test]
fn an_offset_is_found_by_the_time_of_its_append() {
    let (_, store) = store();
    for time in [100, 200, 150, 300, 300, 250] {
        let mut batch = batch(SHARD, 2, 900, 0);
        batch.append_time_ms = time;
        append(&store, batch).unwrap();
    }
    assert!(store.segment_count() > 1);
    let find = |time| store.find_offset(SHARD, time).unwrap();
    assert_eq!(find(0), Some(0));
    assert_eq!(find(101), Some(2));
    assert_eq!(find(201), Some(6));
    assert_eq!(find(300), Some(6));
    assert_eq!(find(301), None);
    assert_eq!(store.find_offset(OTHER, 0), Ok(None));
}

#[test]
fn followers_are_told_when_more_is_durable_and_when_there_will_be_no_more() {
    let (_, store) = store();
    append(&store, record(SHARD, "old news")).unwrap();
    let mut watch = store.watch();
    let mut context = Context::from_waker(Waker::noop());
    assert!(watch.poll_changed(&mut context).is_pending());
    append(&store, record(SHARD, "news")).unwrap();
    assert_eq!(watch.poll_changed(&mut context), Poll::Ready(Watched::More(store.log_end())));
    assert!(watch.poll_changed(&mut context).is_pending());
    store.close();
    assert_eq!(watch.poll_changed(&mut context), Poll::Ready(Watched::Closed));
}

#[test]
fn names_get_numbers_that_stay_and_never_become_paths() {
    let (disk, store) = store();
    let names = [("p", "l"), ("p", "../../etc"), ("../p", "l"), ("", "")];
    let numbers = names.map(|(project, logstore)| store.stream(project, logstore).unwrap());
    assert_eq!(numbers, [0, 1, 2, 3].map(StreamId::new));
    let too_long = "n".repeat(65_536);
    assert_eq!(store.stream("p", &too_long), Err(CatalogueError::Full));
    let disk = disk.restart(Crash::LoseUnsynced);
    let store = open(&disk);
    assert_eq!(store.stream("p", "../../etc"), Ok(StreamId::new(1)));
    assert_eq!(store.stream("p", "new"), Ok(StreamId::new(4)));
    assert_eq!(store.streams().len(), 5);
    assert_eq!(disk.list().unwrap(), ["catalogue", "mark"]);
}

#[test]
fn closing_commits_what_waits_and_refuses_what_comes_later() {
    let (disk, store) = store();
    let answers = Answers::default();
    answers.submit(&store, 0, record(SHARD, "waits"));
    store.close();
    answers.submit(&store, 1, record(SHARD, "late"));
    let answers = answers.take();
    assert!(answers[0].1.is_ok());
    assert_eq!(answers[1].1, Err(AppendError::Closed));
    assert_eq!(store.health(), Health::Closed);
    assert_eq!(store.stream("p", "l"), Err(CatalogueError::Closed));
    let trace = Trace::of(&disk);
    assert!(!store.commit_group());
    store.close();
    assert_eq!(trace.take(), [], "a closed store leaves the disk alone");
    assert_eq!(texts(&read_all(&store, SHARD)), ["waits"], "reading goes on");
    let (_, recovery) = try_open(&disk).unwrap();
    assert_eq!(recovery.truncated_bytes, 0);
}

#[test]
fn batches_that_are_not_urgent_are_committed_together_and_lose_no_order() {
    let (_, store) = store();
    let answers = Answers::default();
    answers.submit_unhurried(&store, 0, record(SHARD, "first"));
    answers.submit(&store, 1, record(SHARD, "second"));
    answers.submit_unhurried(&store, 2, record(SHARD, "third"));
    store.hurry();
    assert!(!store.commit_group(), "all in one group");
    assert_eq!(answers.take().len(), 3);
    assert_eq!(texts(&read_all(&store, SHARD)), ["first", "second", "third"]);
    answers.submit_unhurried(&store, 3, record(SHARD, "waits"));
    store.close();
    answers.submit_unhurried(&store, 4, record(SHARD, "late"));
    let answers = answers.take();
    assert!(answers[0].1.is_ok());
    assert_eq!(answers[1].1, Err(AppendError::Closed));
}

#[test]
fn a_store_that_is_dropped_answers_everybody() {
    let (_, store) = store();
    let answers = Answers::default();
    answers.submit(&store, 0, record(SHARD, "never written"));
    drop(store);
    assert_eq!(answers.take(), [(0, Err(AppendError::Closed))]);
}

#[test]
fn short_writes_and_short_reads_are_continued() {
    let (disk, store) = store();
    disk.set_hook(Box::new(|operation| {
        let moves = matches!(operation.kind, OperationKind::Write | OperationKind::Read);
        moves.then_some(Fault::Short(100))
    }));
    fill_segments(&store, SHARD, 3);
    let log = read_whole_log(&store);
    let disk = disk.restart(Crash::LoseUnsynced);
    disk.set_hook(Box::new(|_| Some(Fault::Short(7))));
    assert_eq!(read_whole_log(&open(&disk)), log);
}

#[test]
fn what_the_machine_lacks_for_a_new_segment_is_tried_again() {
    let (disk, store) = store();
    fail_once(&disk, OperationKind::Create, "spare", Fault::Fail(std::io::ErrorKind::Other));
    let answer = append(&store, record(SHARD, "first"));
    assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{answer:?}");
    assert_eq!(append(&store, record(SHARD, "again")).unwrap().base_offset, 0);
    assert_eq!(store.health(), Health::Ready);
}

#[test]
fn the_usage_of_a_logstore_and_the_work_of_the_store_are_counted() {
    let (disk, store) = store();
    assert_eq!(store.usage(SHARD.stream), Default::default());
    disk.set_now(Duration::from_micros(5));
    for time in [20, 10, 30] {
        let mut batch = batch(SHARD, 4, 8, 0);
        batch.append_time_ms = time;
        append(&store, batch).unwrap();
    }
    let usage = store.usage(SHARD.stream);
    assert_eq!((usage.shards, usage.records), (1, 12));
    assert_eq!(usage.bytes, 3 * (88 + 6 + 8 + 2));
    assert_eq!((usage.append_time_min_ms, usage.append_time_max_ms), (Some(10), Some(30)));
    let statistics = store.statistics();
    assert_eq!(statistics.group_bytes.sum(), usage.bytes);
    assert_eq!((statistics.sync_micros.count(), statistics.sync_micros.sum()), (3, 0));
}

#[test]
fn the_same_work_leaves_the_same_bytes() {
    let content = || {
        let (disk, store) = store();
        store.stream("p", "l").unwrap();
        fill_segments(&store, SHARD, 3);
        append(&store, stamped(record(OTHER, "x"), 1, 0, 0)).unwrap();
        store.close();
        let names = disk.list().unwrap();
        names.iter().map(|name| (name.clone(), disk.content(name))).collect::<Vec<_>>()
    };
    assert_eq!(content(), content());
}
