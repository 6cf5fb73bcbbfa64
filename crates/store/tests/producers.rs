//! Idempotent producers: what is sent again is stored once, also across restarts.

mod common;

use std::sync::Arc;

use common::*;
use logboom_store::{AppendError, Crash, Disk, MemDisk, Options, Retention, Store};

fn sequence(number: i32) -> logboom_store::Append {
    stamped(record(SHARD, &format!("batch {number}")), 7, 2, number)
}

/// The disk as a process leaves it that crashes, is killed, or closes the store.
fn restarts(disk: &MemDisk, store: Store) -> [MemDisk; 3] {
    let [crashed, killed] =
        [Crash::LoseUnsynced, Crash::Kill].map(|crash| disk.fork().restart(crash));
    store.close();
    [crashed, killed, disk.fork()]
}

#[test]
fn a_batch_that_is_sent_again_in_the_same_group_is_stored_once() {
    let store = open(&MemDisk::new());
    let answers = append_all(&store, vec![sequence(0), sequence(1), sequence(0), sequence(1)]);
    let found: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.map(|appended| (appended.base_offset, appended.duplicate)).unwrap())
        .collect();
    assert_eq!(found, [(0, false), (1, false), (0, true), (1, true)]);
    assert_eq!(read_all(&store, SHARD).len(), 2);
    assert_eq!(store.statistics().duplicates, 2);
}

#[test]
fn a_duplicate_is_answered_with_the_first_offset_and_time() {
    let store = open(&MemDisk::new());
    append(&store, record(SHARD, "before")).unwrap();
    let first = append(&store, sequence(0)).unwrap();
    let mut again = sequence(0);
    again.append_time_ms += 5000;
    let again = append(&store, again).unwrap();
    assert_eq!((again.base_offset, again.append_time_ms), (first.base_offset, NOW_MS));
    assert!(again.duplicate && !first.duplicate);
}

#[test]
fn the_state_of_producers_is_rebuilt_from_the_tail_and_from_footers() {
    for more_segments in [0, 1, 3] {
        let disk = MemDisk::new();
        let store = open(&disk);
        for number in 0..7 {
            append(&store, sequence(number)).unwrap();
        }
        fill_segments(&store, OTHER, 1 + more_segments);
        for disk in restarts(&disk, store) {
            let store = open(&disk);
            for number in 2..7 {
                let again = append(&store, sequence(number)).unwrap();
                assert_eq!((again.base_offset, again.duplicate), (i64::from(number), true));
            }
            let old_epoch = stamped(record(SHARD, "x"), 7, 1, 7);
            let fenced = Err(AppendError::ProducerFenced { epoch: 2 });
            assert_eq!(append(&store, old_epoch), fenced);
            let gap = Err(AppendError::OutOfOrderSequence { expected: 7 });
            assert_eq!(append(&store, sequence(8)), gap);
            assert_eq!(append(&store, sequence(7)).unwrap().base_offset, 7);
        }
    }
}

#[test]
fn the_state_of_a_producer_that_wrote_in_several_segments_is_whole() {
    let disk = MemDisk::new();
    let store = open(&disk);
    for number in 0..5 {
        append(&store, sequence(number)).unwrap();
        fill_segments(&store, OTHER, store.segment_count() + 1);
    }
    for disk in restarts(&disk, store) {
        let store = open(&disk);
        for number in 0..5 {
            assert!(append(&store, sequence(number)).unwrap().duplicate);
        }
    }
}

#[test]
fn opening_reads_no_frames_of_sealed_segments() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, sequence(0)).unwrap();
    fill_segments(&store, OTHER, 4);
    store.close();
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!(recovery.segments, 4);
    assert!(recovery.scanned_bytes < u64::from(options().segment_bytes));
    assert!(recovery.log_bytes > 3 * recovery.scanned_bytes.max(1000));
    assert!(append(&store, sequence(0)).unwrap().duplicate);
}

#[test]
fn a_producer_is_forgotten_after_its_expiry_and_then_simply_accepted() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, sequence(0)).unwrap();
    fill_segments(&store, OTHER, 3);
    let day_ms = i64::try_from(options().producer_expiry.as_millis()).unwrap();
    let mut late = sequence(40);
    late.append_time_ms += day_ms + 1;
    store.close();
    for opened_ms in [NOW_MS, late.append_time_ms] {
        let disk = disk.fork();
        let (store, _) = Store::open(Arc::new(disk), options(), ENTROPY, opened_ms).unwrap();
        assert_eq!(append(&store, late.clone()).unwrap().base_offset, 1);
    }
}

#[test]
fn each_shard_remembers_so_many_producers_and_forgets_the_oldest_first() {
    let disk = MemDisk::new();
    let options = Options { producers_per_shard_max: 10, ..options() };
    let open = |disk: &MemDisk| {
        Store::open(Arc::new(disk.clone()), options.clone(), ENTROPY, NOW_MS).unwrap().0
    };
    let store = open(&disk);
    for id in 0..30 {
        append(&store, stamped(record(SHARD, "x"), id, 0, 0)).unwrap();
    }
    store.close();
    let store = open(&disk);
    for id in 20..30 {
        assert!(append(&store, stamped(record(SHARD, "x"), id, 0, 0)).unwrap().duplicate);
    }
    for id in 0..20 {
        assert!(!append(&store, stamped(record(SHARD, "x"), id, 0, 0)).unwrap().duplicate);
    }
}

#[test]
fn the_same_producer_counts_apart_in_each_shard() {
    let store = open(&MemDisk::new());
    append(&store, sequence(0)).unwrap();
    let other = stamped(record(OTHER, "x"), 7, 0, 0);
    assert!(!append(&store, other).unwrap().duplicate);
}

#[test]
fn a_refused_batch_leaves_no_trace_in_the_state_of_its_producer() {
    let disk = MemDisk::with_capacity(100_000);
    let options = Options { free_bytes_min: Some(50_000), ..options() };
    let (store, _) = Store::open(Arc::new(disk.clone()), options, ENTROPY, NOW_MS).unwrap();
    append(&store, sequence(0)).unwrap();
    disk.set_foreign_bytes(60_000);
    assert_eq!(append(&store, sequence(1)), Err(AppendError::NoSpace));
    disk.set_foreign_bytes(0);
    assert!(!append(&store, sequence(1)).unwrap().duplicate);
    assert_eq!(read_all(&store, SHARD).len(), 2);
}

#[test]
fn producer_ids_are_never_given_out_twice_however_the_process_ends() {
    let mut disk = MemDisk::new();
    let mut last = 0;
    for crash in [Crash::Kill, Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear(1)] {
        let store = open(&disk);
        for _ in 0..3 {
            let id = store.next_producer_id().unwrap();
            assert!(id > last);
            last = id;
        }
        drop(store);
        disk = disk.restart(crash);
    }
}

#[test]
fn producer_ids_run_out_until_the_next_commit_reserves_more() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let taken = (0..).map_while(|_| store.next_producer_id()).count();
    assert_eq!(taken, 1 << 20);
    assert_eq!(store.next_producer_id(), None);
    store.commit_group();
    assert_eq!(store.next_producer_id(), Some(1 + (1 << 20)));
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert!(store.next_producer_id().unwrap() > 1 + (1 << 20));
}

#[test]
fn a_store_on_a_full_disk_opens_without_producer_ids_and_gets_some_when_there_is_space() {
    let disk = MemDisk::with_capacity(100_000);
    let store = open(&disk);
    append(&store, record(SHARD, "kept")).unwrap();
    store.close();
    let used: u64 =
        disk.list().unwrap().iter().map(|name| disk.content(name).unwrap().len() as u64).sum();
    let spare = u64::from(options().segment_bytes);
    disk.set_foreign_bytes(100_000 - used + spare);
    let store = open(&disk);
    assert_eq!(store.next_producer_id(), None);
    assert_eq!(texts(&read_all(&store, SHARD)), ["kept"]);
    disk.set_foreign_bytes(0);
    store.commit_group();
    assert!(store.next_producer_id().is_some());
}

/// A store on a disk that is full, and was asked to store these batches of one producer.
fn full_store(numbers: &[i32]) -> (MemDisk, Store) {
    let disk = MemDisk::with_capacity(1 << 20);
    let options = Options { free_bytes_min: Some(64 << 10), ..options() };
    let store = Store::open(Arc::new(disk.clone()), options, ENTROPY, NOW_MS).unwrap().0;
    disk.set_foreign_bytes(1 << 20);
    for number in numbers {
        assert_eq!(append(&store, sequence(*number)), Err(AppendError::NoSpace));
    }
    disk.set_foreign_bytes(0);
    (disk, store)
}

#[test]
fn a_first_batch_that_a_full_disk_refused_is_not_overtaken_by_those_behind_it() {
    let (_disk, store) = full_store(&[0]);
    let gap = Err(AppendError::OutOfOrderSequence { expected: 0 });
    assert_eq!(append(&store, sequence(1)), gap);
    assert_eq!(append(&store, sequence(0)).unwrap().base_offset, 0);
    assert_eq!(append(&store, sequence(1)).unwrap().base_offset, 1);
    let (_disk, store) = full_store(&[5, 4]);
    assert_eq!(append(&store, sequence(5)), Err(AppendError::OutOfOrderSequence { expected: 4 }));
}

#[test]
fn the_place_of_a_refused_batch_ends_with_its_epoch_its_time_and_the_process() {
    let (_disk, store) = full_store(&[0]);
    let newer = stamped(record(SHARD, "newer"), 7, 3, 5);
    assert_eq!(append(&store, newer).unwrap().base_offset, 0);
    let (_disk, store) = full_store(&[0]);
    let mut late = sequence(1);
    late.append_time_ms += 25 * 60 * 60 * 1000;
    assert_eq!(append(&store, late).unwrap().base_offset, 0);
    let (disk, store) = full_store(&[0]);
    store.close();
    drop(store);
    assert_eq!(append(&open(&disk), sequence(1)).unwrap().base_offset, 0);
}

#[test]
fn what_an_old_segment_says_of_a_producer_does_not_count_once_a_newer_one_was_removed() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(OTHER, "keeps the first segment")).unwrap();
    append(&store, sequence(0)).unwrap();
    fill_segments(&store, SHARD, 2);
    append(&store, sequence(1)).unwrap();
    fill_segments(&store, SHARD, 4);
    let all_but_the_last = Retention { age: None, bytes: Some(1) };
    let policy =
        |stream| if stream == SHARD.stream { all_but_the_last } else { Retention::default() };
    assert!(store.apply_retention(&policy, NOW_MS).unwrap().segments_removed > 0);
    for disk in restarts(&disk, store) {
        let store = open(&disk);
        assert!(!append(&store, sequence(2)).unwrap().duplicate);
    }
}
