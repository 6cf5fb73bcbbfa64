//! A store in a directory of this machine, with its committer thread.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::*;
use logboom_store::{
    AppendError, Disk, Health, OpenError, Options, RealDisk, Recovery, Retention, Shard, Store,
    StreamId, Watched,
};

const MINUTE: Duration = Duration::from_secs(60);

fn open_in(root: &tempfile::TempDir) -> Result<(Store, Recovery), OpenError> {
    let disk = RealDisk::create(root.path().join("store")).unwrap();
    let options = Options { segment_bytes: 64 << 10, free_bytes_min: Some(0), ..options() };
    Store::open(Arc::new(disk), options, ENTROPY, NOW_MS)
}

#[test]
fn many_threads_append_and_everything_is_there_after_a_restart() {
    const THREADS: u32 = 8;
    const BATCHES: u32 = 50;
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_in(&root).unwrap();
    let committer = store.spawn_committer().unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = store.clone();
            scope.spawn(move || {
                let (answers, answered) = mpsc::channel();
                for number in 0..BATCHES {
                    let shard = Shard::new(StreamId::new(0), thread % 3);
                    let append = record(shard, &format!("{thread} {number}"));
                    let answers = answers.clone();
                    store.append(append, move |answer| answers.send(answer).unwrap());
                }
                let mut last = -1;
                for _ in 0..BATCHES {
                    let answer = answered.recv_timeout(MINUTE).unwrap().unwrap();
                    assert!(answer.base_offset > last, "in the order in which they were put in");
                    last = answer.base_offset;
                }
            });
        }
    });
    let groups = store.statistics().group_batches;
    assert_eq!(groups.sum(), u64::from(THREADS * BATCHES));
    let before = read_whole_log(&store);
    drop(committer);
    assert_eq!(store.health(), Health::Closed);
    drop(store);
    let (store, recovery) = open_in(&root).unwrap();
    assert_eq!(recovery.truncated_bytes, 0);
    assert_eq!(read_whole_log(&store), before);
    for thread in 0..THREADS {
        let shard = Shard::new(StreamId::new(0), thread % 3);
        let mine = format!("{thread} ");
        let batches = read_all(&store, shard);
        let numbers = texts(&batches).into_iter().filter_map(|text| text.strip_prefix(&mine));
        assert!(numbers.eq((0..BATCHES).map(|number| number.to_string())));
    }
}

#[test]
fn segments_are_rolled_removed_and_found_again() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_in(&root).unwrap();
    let stream = store.stream("project", "logstore").unwrap();
    let shard = Shard::new(stream, 0);
    for fill in 0..100 {
        append(&store, batch(shard, 3, 5000, fill)).unwrap();
    }
    assert!(store.segment_count() > 5);
    let retention = Retention { bytes: Some(200_000), ..Retention::default() };
    let retained = store.apply_retention(&|_| retention, NOW_MS).unwrap();
    assert!(retained.segments_removed > 2);
    let (offsets, batches) = (store.offsets(shard), read_all(&store, shard));
    // No close: as if the process had been killed.
    drop(store);
    let (store, recovery) = open_in(&root).unwrap();
    assert_eq!(recovery.segments, store.segment_count());
    assert_eq!(store.stream("project", "logstore"), Ok(stream));
    assert_eq!((store.offsets(shard), read_all(&store, shard)), (offsets, batches));
    assert_eq!(append(&store, batch(shard, 1, 10, 0)).unwrap().base_offset, 300);
}

#[test]
fn a_directory_is_locked_while_its_store_is_open() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_in(&root).unwrap();
    assert_eq!(open_in(&root).map(|_| ()).unwrap_err(), OpenError::InUse);
    drop(store);
    open_in(&root).unwrap();
}

#[test]
fn a_follower_that_blocks_is_woken_by_the_committer() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_in(&root).unwrap();
    let committer = store.spawn_committer().unwrap();
    let mut watch = store.watch();
    thread::scope(|scope| {
        let follower = scope.spawn(move || (watch.wait(MINUTE), watch.wait(MINUTE)));
        let (answer, answered) = mpsc::channel();
        store.append(record(SHARD, "news"), move |result| answer.send(result).unwrap());
        answered.recv_timeout(MINUTE).unwrap().unwrap();
        let end = store.log_end();
        drop(committer);
        let told = follower.join().unwrap();
        assert_eq!(told, (Some(Watched::More(end)), Some(Watched::Closed)));
    });
}

#[test]
fn a_committer_that_panics_leaves_nobody_waiting() {
    let root = tempfile::tempdir().unwrap();
    let (store, _) = open_in(&root).unwrap();
    let committer = store.spawn_committer().unwrap();
    let failed = Arc::new(AtomicUsize::new(0));
    let (done, finished) = mpsc::channel();
    store.append(record(SHARD, "fatal"), |_| panic!("a bug of whoever is told"));
    for _ in 0..3 {
        let (failed, done) = (Arc::clone(&failed), done.clone());
        store.append(record(SHARD, "late"), move |answer| {
            let stopped = matches!(answer, Err(AppendError::Poisoned(_) | AppendError::Closed));
            // Those in the same group are durable, and may not be told so.
            failed.fetch_add(usize::from(stopped || answer.is_ok()), Ordering::Relaxed);
            done.send(()).unwrap();
        });
    }
    for _ in 0..3 {
        finished.recv_timeout(MINUTE).unwrap();
    }
    assert_eq!(failed.load(Ordering::Relaxed), 3);
    drop(committer);
    assert!(matches!(store.health(), Health::Poisoned(_)));
}

#[test]
fn the_floor_is_looked_up_on_the_file_system_of_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk::create(root.path().join("store")).unwrap());
    let total = disk.space().unwrap().total_bytes;
    let options = Options { free_bytes_min: Some(total), ..options() };
    let (store, _) = Store::open(disk, options, ENTROPY, NOW_MS).unwrap();
    assert_eq!(store.health(), Health::NoSpace);
    assert_eq!(append(&store, record(SHARD, "x")), Err(AppendError::NoSpace));
    assert_eq!(store.free_bytes_min(store.space().unwrap()), total);
}
