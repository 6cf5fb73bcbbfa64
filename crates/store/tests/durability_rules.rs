//! The rules that the promise rests on: acknowledged means durable, readable at its offset, byte
//! for byte, until it expires. Each test is named after the rule it holds up.

mod common;

use std::io::ErrorKind;
use std::sync::Arc;

use common::*;
use logboom_store::{
    AppendError, Crash, Disk, Fault, Flaw, Health, MemDisk, OpenError, OperationKind, ReadError,
    Retention, Store,
};

// Rule 1: a failure of fsync is final.

#[test]
fn a_failed_sync_poisons_the_store_and_the_file_is_not_touched_again() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "kept")).unwrap();
    fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Fail(ErrorKind::Other));
    let answers = append_all(&store, vec![record(SHARD, "one"), record(OTHER, "two")]);
    for answer in &answers {
        assert!(matches!(answer, Err(AppendError::Poisoned(_))), "{answer:?}");
    }
    let trace = Trace::of(&disk);
    assert_eq!(append(&store, record(SHARD, "later")), answers[0]);
    assert!(matches!(store.health(), Health::Poisoned(_)));
    assert_eq!(store.stream("p", "l").map_err(|_| ()), Err(()));
    assert_eq!(trace.take(), [], "nothing of the disk is used");
    assert_eq!(texts(&read_all(&store, SHARD)), ["kept"], "reading goes on");
}

#[test]
fn a_failed_write_poisons_the_store() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "kept")).unwrap();
    fail_once(&disk, OperationKind::Write, ".tmp", Fault::Fail(ErrorKind::Other));
    let answer = append(&store, record(SHARD, "lost"));
    assert!(matches!(answer, Err(AppendError::Poisoned(_))), "{answer:?}");
    let store = open(&disk.restart(Crash::Kill));
    assert_eq!(texts(&read_all(&store, SHARD)), ["kept"]);
}

#[test]
fn what_a_failed_sync_left_in_memory_is_not_taken_for_durable_by_the_next_process() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "kept")).unwrap();
    fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Fail(ErrorKind::Other));
    append(&store, record(SHARD, "in memory only")).unwrap_err();
    let disk = disk.restart(Crash::Kill);
    let store = open(&disk);
    append(&store, record(SHARD, "new")).unwrap();
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert_eq!(texts(&read_all(&store, SHARD)), ["kept", "new"]);
}

#[test]
fn a_failed_change_of_the_catalogue_poisons_the_store() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fail_once(&disk, OperationKind::Sync, "catalogue", Fault::Fail(ErrorKind::Other));
    store.stream("project", "logstore").unwrap_err();
    let answer = append(&store, record(SHARD, "late"));
    assert!(matches!(answer, Err(AppendError::Poisoned(_))), "{answer:?}");
}

// Rule 2: fsync before read at open.

#[test]
fn what_a_killed_process_wrote_is_made_durable_before_it_is_read() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "acknowledged")).unwrap();
    fail_once(&disk, OperationKind::Sync, ".tmp", Fault::Stop);
    append(&store, record(SHARD, "written only")).unwrap_err();
    let disk = disk.restart(Crash::Kill);
    let trace = Trace::of(&disk);
    let store = open(&disk);
    let read = texts(&read_all(&store, SHARD)).join(" ");
    assert_eq!(read, "acknowledged written only");
    let trace = trace.take();
    let first = |kind| trace.iter().position(|(found, file)| *found == kind && *file == name(0));
    assert!(first(OperationKind::Sync) < first(OperationKind::Read));
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert_eq!(texts(&read_all(&store, SHARD)).join(" "), read);
}

// Rule 3: fsync of the directory after create, rename and unlink.

#[test]
fn every_change_of_a_name_is_synced_before_anything_depends_on_it() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let stream = store.stream("project", "logstore").unwrap();
    fill_segments(&store, SHARD, 4);
    let survivor = disk.restart(Crash::LoseUnsynced);
    let store = open(&survivor);
    assert_eq!(store.stream("project", "logstore"), Ok(stream));
    assert_eq!(segment_names(&survivor).len(), 4);
    let retention = Retention { bytes: Some(0), ..Retention::default() };
    store.apply_retention(&|_| retention, NOW_MS).unwrap();
    assert_eq!(segment_names(&survivor).len(), 1);
    let survivor = survivor.restart(Crash::LoseUnsynced);
    assert_eq!(segment_names(&survivor).len(), 1);
    open(&survivor);
}

#[test]
fn opening_syncs_the_directory_before_it_lists_it() {
    let disk = MemDisk::new();
    drop(open(&disk));
    let disk = disk.restart(Crash::Kill);
    let trace = Trace::of(&disk);
    open(&disk);
    assert_eq!(trace.take()[0].0, OperationKind::SyncDir);
}

// Rule 4: acknowledged bytes are never overwritten, and a commit needs no new space.

#[test]
fn acknowledged_bytes_are_never_written_again() {
    let disk = MemDisk::new();
    let store = open(&disk);
    let mut synced: Vec<u8> = Vec::new();
    for number in 0..20u8 {
        append(&store, batch(SHARD, 1, usize::from(number) * 7, number)).unwrap();
        let content = disk.content(&name(0)).unwrap();
        let end = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        assert!(content.starts_with(&synced));
        synced = content[..end].to_vec();
    }
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_shows_when_a_segment_is_created_and_never_in_a_commit() {
    let disk = MemDisk::with_capacity(100_000);
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    disk.set_foreign_bytes(100_000);
    let mut stored = 1;
    let refused = loop {
        match append(&store, batch(SHARD, 1, 500, 1)) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::NoSpace);
    assert_eq!(segment_names(&disk).len(), 2, "the segment in hand was used");
    assert_eq!(store.offsets(SHARD).next, stored);
    disk.set_foreign_bytes(0);
    append(&store, batch(SHARD, 1, 500, 1)).unwrap();
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert_eq!(read_all(&store, SHARD).len() as i64, stored + 1);
}

// Rule 5: a frame is good at one place of one file only.

#[test]
fn a_write_that_went_astray_is_not_taken_for_a_frame() {
    let disk = MemDisk::new();
    let store = open(&disk);
    append(&store, record(SHARD, "first")).unwrap();
    fail_once(&disk, OperationKind::Write, ".tmp", Fault::Misdirect(2048));
    append(&store, record(SHARD, "astray")).unwrap();
    let error = store.read(SHARD, 1, 100).unwrap_err();
    assert!(matches!(error, ReadError::Damaged(_)), "{error}");
    let error = try_open(&disk.restart(Crash::KeepUnsynced)).unwrap_err();
    let OpenError::Damaged { file, flaw, .. } = error else { panic!("{error}") };
    assert_eq!((file, flaw), (name(0), Flaw::Acknowledged));
}

#[test]
fn frames_of_an_earlier_life_of_the_disk_are_not_taken_for_frames_of_this_one() {
    let life = |entropy, texts: &[&str]| {
        let disk = MemDisk::new();
        let (store, _) = Store::open(Arc::new(disk.clone()), options(), entropy, NOW_MS).unwrap();
        for text in texts {
            append(&store, record(SHARD, text)).unwrap();
        }
        disk.restart(Crash::LoseUnsynced)
    };
    let earlier = life([7; 32], &["aaaa", "bbbb"]).content(&name(0)).unwrap();
    let disk = life(ENTROPY, &["mine"]);
    let end = (position_of(&disk, &name(0), b"mine") + 4).next_multiple_of(8);
    // The frame of the earlier life is at the right place, and all of it is there.
    disk.edit(&name(0), |content| content[end..].copy_from_slice(&earlier[end..]));
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!(texts(&read_all(&store, SHARD)), ["mine"]);
    assert!(recovery.truncated_bytes > 0);
}

// Rule 9: retention writes the new start down, then unlinks, oldest first.

#[test]
fn retention_writes_the_start_down_before_it_unlinks_and_unlinks_the_oldest_first() {
    let disk = MemDisk::new();
    let store = open(&disk);
    fill_segments(&store, SHARD, 4);
    let trace = Trace::of(&disk);
    let retention = Retention { bytes: Some(0), ..Retention::default() };
    store.apply_retention(&|_| retention, NOW_MS).unwrap();
    let trace = trace.take();
    let place = |kind, file: &str| {
        trace.iter().position(|(found, name)| *found == kind && name == file).unwrap()
    };
    let renamed = place(OperationKind::Rename, "catalogue.tmp");
    let unlinked = [0, 1, 2].map(|number| place(OperationKind::Unlink, &name(number)));
    assert!(renamed < unlinked[0] && unlinked.is_sorted());
    assert_eq!(trace[renamed + 1].0, OperationKind::SyncDir);
    assert_eq!(trace.last().unwrap().0, OperationKind::SyncDir);
}

#[test]
fn a_crash_in_the_middle_of_retention_leaves_a_contiguous_suffix() {
    let retention = Retention { bytes: Some(0), ..Retention::default() };
    for (crash, stop_at) in (0..20).flat_map(|stop_at| {
        let crashes = [Crash::Kill, Crash::LoseUnsynced, Crash::KeepUnsynced];
        let torn = (0..20).map(Crash::Tear);
        crashes.into_iter().chain(torn).map(move |crash| (crash, stop_at))
    }) {
        let disk = MemDisk::new();
        let store = open(&disk);
        fill_segments(&store, SHARD, 5);
        let mut left = stop_at;
        disk.set_hook(Box::new(move |operation| {
            left -= i32::from(operation.kind.changes_the_disk());
            (left < 0).then_some(Fault::Stop)
        }));
        let before = store.offsets(SHARD);
        let retained = store.apply_retention(&|_| retention, NOW_MS);
        let after = store.offsets(SHARD);
        let disk = disk.restart(crash);
        let store = open(&disk);
        let offsets = store.offsets(SHARD);
        assert_eq!(offsets.next, before.next);
        assert_eq!(segment_names(&disk).len(), store.segment_count(), "no file is left over");
        assert!(offsets.start >= after.start, "a start never moves back");
        assert!(retained.is_err() || offsets.start > before.start);
        read_all(&store, SHARD);
        let (_, batches) = (read_whole_log(&store), read_all(&store, SHARD));
        assert_eq!(batches.len() as i64, offsets.next - offsets.start);
    }
}

// Rule 10: a full disk refuses batches, and recovers by itself.

#[test]
fn below_the_floor_batches_are_refused_until_there_is_space_and_all_else_works() {
    let disk = MemDisk::with_capacity(1_000_000);
    let options = logboom_store::Options { free_bytes_min: Some(100_000), ..options() };
    let (store, _) = Store::open(Arc::new(disk.clone()), options, ENTROPY, NOW_MS).unwrap();
    let kept = stamped(record(SHARD, "kept"), 9, 0, 0);
    append(&store, kept.clone()).unwrap();
    fill_segments(&store, OTHER, 3);
    assert_eq!(store.health(), Health::Ready);
    disk.set_foreign_bytes(900_000);
    assert_eq!(store.health(), Health::NoSpace);
    assert_eq!(append(&store, record(SHARD, "no")), Err(AppendError::NoSpace));
    assert!(append(&store, kept).unwrap().duplicate, "a retry costs no space");
    assert_eq!(texts(&read_all(&store, SHARD)), ["kept"]);
    let retention = |stream| match stream {
        stream if stream == OTHER.stream => Retention { bytes: Some(0), ..Retention::default() },
        _ => Retention::default(),
    };
    store.apply_retention(&retention, NOW_MS).unwrap();
    assert!(store.offsets(OTHER).start > 0);
    store.stream("project", "created on a full disk").unwrap();
    disk.set_foreign_bytes(0);
    assert_eq!(store.health(), Health::Ready);
    assert_eq!(append(&store, record(SHARD, "again")).unwrap().base_offset, 1);
}

#[test]
fn retention_finds_room_for_its_own_notes_on_a_disk_that_is_full_to_the_last_byte() {
    let disk = MemDisk::with_capacity(100_000);
    let store = open(&disk);
    fill_segments(&store, SHARD, 4);
    disk.set_foreign_bytes(u64::MAX / 2);
    assert_eq!(disk.space().unwrap().free_bytes, 0);
    let retention = Retention { bytes: Some(0), ..Retention::default() };
    // The spare alone does not make room on a disk that is over-full; on one that is just full it
    // does.
    disk.set_foreign_bytes(100_000 - used_bytes(&disk));
    let retained = store.apply_retention(&|_| retention, NOW_MS).unwrap();
    assert_eq!(retained.segments_removed, 3);
    append(&store, record(SHARD, "space again")).unwrap();
}

fn used_bytes(disk: &MemDisk) -> u64 {
    let names = disk.list().unwrap();
    names.iter().map(|name| disk.content(name).unwrap().len() as u64).sum()
}

// Rule 11: an error of a read costs that range only.

#[test]
fn what_cannot_be_read_is_an_error_for_that_batch_only() {
    let disk = MemDisk::new();
    let store = open(&disk);
    for text in ["one", "two", "three"] {
        append(&store, record(SHARD, text)).unwrap();
    }
    let two = position_of(&disk, &name(0), b"two") as u64 - 94;
    for fault in [Fault::Fail(ErrorKind::Other), Fault::FlipBit(7)] {
        disk.set_hook(Box::new(move |operation| {
            let hit = operation.kind == OperationKind::Read && operation.position == two;
            hit.then_some(fault)
        }));
        assert_eq!(texts(&store.read(SHARD, 0, 1000).unwrap()), ["one"]);
        let error = store.read(SHARD, 1, 1000).unwrap_err();
        let ReadError::Damaged(damage) = error else { panic!("{error}") };
        assert_eq!((&damage.lost, damage.position), (&Some((SHARD, 1..2)), two));
        assert_eq!(texts(&store.read(SHARD, 2, 1000).unwrap()), ["three"]);
        let (rest, _) = store.read_log(damage.resume, 1000).unwrap();
        assert_eq!(texts(&rest), ["three"]);
        disk.clear_hook();
        assert_eq!(read_all(&store, SHARD).len(), 3, "an error that passes is no damage");
    }
}

// Rule 13: one process at a time.

#[test]
fn a_second_process_cannot_open_the_store_until_the_first_has_ended() {
    let disk = MemDisk::new();
    let store = open(&disk);
    assert_eq!(try_open(&disk).unwrap_err(), OpenError::InUse);
    store.close();
    let store = open(&disk);
    drop(store);
    open(&disk);
}

#[test]
fn a_newer_format_is_refused_loudly_and_left_as_it_is() {
    let disk = MemDisk::new();
    append(&open(&disk), record(SHARD, "first")).unwrap();
    for (file, position) in [(name(0), 8), ("catalogue".to_owned(), 8)] {
        let disk = disk.restart(Crash::LoseUnsynced);
        disk.edit(&file, |content| content[position] = 3);
        let error = try_open(&disk).unwrap_err();
        assert_eq!(error, OpenError::NewerFormat { file: file.clone(), found: 3, supported: 2 });
        disk.edit(&file, |content| content[position] = 2);
    }
    let store = open(&disk.restart(Crash::LoseUnsynced));
    assert_eq!(texts(&read_all(&store, SHARD)), ["first"]);
}
