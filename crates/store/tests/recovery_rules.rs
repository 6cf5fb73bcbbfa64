//! The rules of recovery: what a crash leaves is cut off, damage is refused, and doing it again
//! changes nothing. Each test is named after the rule it holds up.

mod common;

use std::io::ErrorKind;

use common::*;
use logboom_store::{Crash, Disk, Fault, Flaw, MemDisk, OpenError, OperationKind, ReadError};

// Rule 6: a torn tail is not damage in the middle.

#[test]
fn a_torn_tail_is_cut_off_and_what_was_acknowledged_before_it_stays() {
    for seed in 0..300 {
        let disk = MemDisk::new();
        let store = open(&disk);
        append(&store, record(SHARD, "acknowledged")).unwrap();
        fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Stop);
        let torn = (0..3).map(|fill| batch(SHARD, 1, 700, fill)).collect();
        append_all(&store, torn);
        let store = open(&disk.restart(Crash::Tear(seed)));
        let batches = read_all(&store, SHARD);
        assert_eq!(batches[0].batch.as_ref(), b"acknowledged");
        for (fill, batch) in batches[1..].iter().enumerate() {
            assert_eq!(batch.batch.as_ref(), [u8::try_from(fill).unwrap(); 700]);
        }
    }
}

#[test]
fn damage_that_is_followed_by_a_later_group_is_refused_and_nothing_is_cut() {
    let disk = MemDisk::new();
    let store = open(&disk);
    for text in ["first", "second", "third"] {
        append(&store, record(SHARD, text)).unwrap();
    }
    let disk = disk.restart(Crash::LoseUnsynced);
    disk.edit("mark", |content| content.clear());
    let damaged = damage(&disk, &name(0), b"second");
    let before = disk.content(&name(0));
    let error = try_open(&disk).unwrap_err();
    let OpenError::Damaged { file, position, flaw } = &error else { panic!("{error}") };
    assert_eq!((file, *flaw), (&name(0), Flaw::BeforeIntact));
    assert!((damaged - 120..damaged).contains(position), "{position} is not that of the frame");
    assert!(error.to_string().contains(&format!("{file}, position {position}")));
    assert_eq!(disk.content(&name(0)), before);
}

#[test]
fn damage_that_the_mark_says_was_acknowledged_is_refused_even_at_the_very_end() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    append(&store, record(SHARD, "last")).unwrap();
    let disk = disk.restart(Crash::KeepUnsynced);
    damage(&disk, &name(0), b"last");
    let error = try_open(&disk).unwrap_err();
    let OpenError::Damaged { file, flaw, .. } = error else { panic!("{error}") };
    assert_eq!((file, flaw), (name(0), Flaw::Acknowledged));
}

#[test]
fn damage_in_a_sealed_segment_is_never_cut_off_and_costs_only_what_is_damaged() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    let disk = disk.restart(Crash::LoseUnsynced);
    damage(&disk, &name(0), &[1; 500]);
    let before = disk.content(&name(0));
    let store = open(&disk);
    assert_eq!(disk.content(&name(0)), before);
    let error = store.read(SHARD, 1, 100).unwrap_err();
    let ReadError::Damaged(damage) = error else { panic!("{error}") };
    assert_eq!(damage.lost, Some((SHARD, 1..2)));
    assert_eq!(store.read(SHARD, 0, 1).unwrap().len(), 1);
    assert_eq!(store.read(SHARD, 2, 1).unwrap()[0].base_offset, 2);
}

#[test]
fn a_sealed_segment_whose_footer_is_damaged_is_read_from_its_frames() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    append(&store, stamped(record(OTHER, "stamped"), 5, 0, 0)).unwrap();
    let expected = read_whole_log(&store);
    let disk = disk.restart(Crash::LoseUnsynced);
    for back in [1, 30, 100, 200] {
        let disk = disk.restart(Crash::Kill);
        disk.edit(&name(0), |content| {
            let end = content.len();
            content[end - back] ^= 1;
        });
        let (store, recovery) = try_open(&disk).unwrap();
        assert_eq!(recovery.footers_rebuilt, 1);
        assert_eq!(read_whole_log(&store), expected);
        assert_eq!(read_all(&store, SHARD).len() as i64, store.offsets(SHARD).next);
    }
}

#[test]
fn producers_are_where_they_were_whichever_footer_is_damaged() {
    for damaged in 0..6 {
        let disk = MemDisk::new();
        let store = open(&disk);
        let mut sent = Vec::new();
        let mut sequence = 0;
        while store.segment_count() < 6 {
            for id in [5, 6] {
                let stamped = stamped(batch(SHARD, 1, 300, 1), id, 0, sequence);
                sent.push((stamped.clone(), append(&store, stamped).unwrap().base_offset));
            }
            sequence += 1;
        }
        let disk = disk.restart(Crash::LoseUnsynced);
        if damaged < 5 {
            disk.edit(&name(damaged), |content| *content.last_mut().unwrap() ^= 1);
        }
        let (store, recovery) = try_open(&disk).unwrap();
        assert_eq!(recovery.footers_rebuilt, usize::from(damaged < 5));
        // The last five of each producer are known, and what comes next is not out of order.
        for (stamped, offset) in &sent[sent.len() - 10..] {
            let again = append(&store, stamped.clone()).unwrap();
            assert_eq!((again.base_offset, again.duplicate), (*offset, true));
        }
        append(&store, sent[0].0.clone()).unwrap_err();
        let next = append(&store, stamped(record(SHARD, "next"), 5, 0, sequence)).unwrap();
        assert!(!next.duplicate);
    }
}

#[test]
fn what_cannot_be_read_beside_a_footer_is_no_reason_to_do_without_it() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    let expected = store.offsets(SHARD);
    let disk = disk.restart(Crash::LoseUnsynced);
    disk.set_hook(Box::new(|operation| {
        let bad = operation.position..operation.position + operation.bytes;
        let hit = operation.kind == OperationKind::Read
            && operation.name == name(0)
            && bad.contains(&1000);
        hit.then_some(Fault::Fail(ErrorKind::Other))
    }));
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!((recovery.footers_rebuilt, store.offsets(SHARD)), (0, expected));
}

#[test]
fn a_sealed_segment_with_damage_in_footer_and_frames_is_refused() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    let disk = disk.restart(Crash::LoseUnsynced);
    damage(&disk, &name(1), &[8; 500]);
    disk.edit(&name(1), |content| {
        content.pop();
    });
    let error = try_open(&disk).unwrap_err();
    let OpenError::Damaged { file, flaw, .. } = error else { panic!("{error}") };
    assert_eq!((file, flaw), (name(1), Flaw::Checksum));
}

#[test]
fn a_segment_that_is_missing_is_refused() {
    for number in 0..3 {
        let disk = MemDisk::new();
        let store = open(&disk);
        fill_segments(&store, SHARD, 3);
        let disk = disk.restart(Crash::KeepUnsynced);
        disk.unlink(&name(number)).unwrap();
        let error = try_open(&disk).unwrap_err();
        assert_eq!(error, OpenError::Missing { file: name(number) });
    }
}

#[test]
fn what_the_mark_says_is_missing_at_the_end_is_refused() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 3);
    let disk = disk.restart(Crash::KeepUnsynced);
    for number in [2, 3] {
        disk.unlink(&name(number)).unwrap();
    }
    let error = try_open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { flaw: Flaw::Acknowledged, .. }), "{error}");
}

#[test]
fn a_segment_that_has_not_begun_is_no_part_of_the_log() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    assert!(disk.content(&name(1)).is_some(), "it is in hand");
    let disk = disk.restart(Crash::LoseUnsynced);
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!((recovery.segments, disk.content(&name(1))), (1, None));
    assert_eq!(texts(&read_all(&store, SHARD)), ["first"]);
}

#[test]
fn a_begin_that_vanished_under_acknowledged_groups_is_refused() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 2);
    append(&store, record(SHARD, "of a later group")).unwrap();
    let disk = disk.restart(Crash::KeepUnsynced);
    disk.unlink("mark").unwrap();
    disk.edit(&name(1), |content| content[64..128].fill(0));
    disk.unlink(&name(2)).unwrap();
    let error = try_open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { flaw: Flaw::BeforeIntact, .. }), "{error}");
}

#[test]
fn a_segment_of_another_store_is_refused() {
    let store_of = |shard, later, bytes| {
        let disk = MemDisk::new();
        let store = open(&disk);
        append(&store, batch(shard, 1, bytes, 1)).unwrap();
        fill_segments(&store, later, 3);
        store.close();
        disk
    };
    let mine = store_of(SHARD, SHARD, 500);
    // One whose segments begin elsewhere in the log, and one that has other shards in them.
    for other in [store_of(SHARD, SHARD, 404), store_of(OTHER, SHARD, 500)] {
        let disk = mine.fork();
        let foreign = other.content(&name(1)).unwrap();
        disk.edit(&name(1), |content| content.clone_from(&foreign));
        let error = try_open(&disk).unwrap_err();
        let OpenError::Damaged { file, flaw, .. } = error else { panic!("{error}") };
        assert_eq!((file, flaw), (name(1), Flaw::Contradiction));
    }
}

// Rule 7: truncate physically, and sync, before appending.

#[test]
fn a_torn_tail_is_truncated_and_synced_before_anything_is_written_there() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Stop);
    append_all(&store, vec![record(SHARD, "torn"), record(SHARD, "whole")]);
    let disk = disk.restart(Crash::KeepUnsynced);
    damage(&disk, &name(0), b"torn");
    let trace = Trace::of(&disk);
    let store = open(&disk);
    append(&store, record(SHARD, "new")).unwrap();
    let file = name(0);
    let kinds: Vec<_> = trace.take().into_iter().filter(|(_, name)| *name == file).collect();
    let changes: Vec<_> =
        kinds.iter().map(|(kind, _)| *kind).filter(|kind| kind.changes_the_disk()).collect();
    use OperationKind::{Allocate, Sync, Truncate, Write};
    assert_eq!(changes, [Sync, Truncate, Sync, Allocate, Sync, Write, Sync]);
    assert_eq!(texts(&read_all(&store, SHARD)), ["first", "new"]);
    let content = disk.content(&file).unwrap();
    assert!(!content.windows(5).any(|window| window == b"whole"));
}

// Rule 8: a crash during recovery is safe. Every point of it is tried in crash_points.rs.

#[test]
fn recovering_twice_is_the_same_as_recovering_once() {
    for seed in 0..100 {
        let disk = MemDisk::new();
        let store = open(&disk);
        fill_segments(&store, SHARD, 2);
        fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Stop);
        append_all(&store, (0..4).map(|fill| batch(OTHER, 2, 300, fill)).collect());
        let disk = disk.restart(Crash::Tear(seed));
        let (first, _) = try_open(&disk).unwrap();
        let log = read_whole_log(&first);
        let disk = disk.restart(Crash::LoseUnsynced);
        disk.create("catalogue.tmp").unwrap();
        let (second, recovery) = try_open(&disk).unwrap();
        assert!(disk.list().unwrap().iter().all(|name| !name.ends_with(".tmp")));
        assert_eq!(recovery.truncated_bytes, 0);
        assert_eq!(read_whole_log(&second), log);
    }
}
