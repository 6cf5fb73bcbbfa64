use super::*;
use crate::disk::{Access, Disk, DiskFile, read_exact_at, write_all_at};

use std::io::IoSlice;

fn write(file: &dyn DiskFile, position: u64, bytes: &[u8]) {
    write_all_at(file, position, &mut [IoSlice::new(bytes)]).unwrap();
}

/// A disk with the file `a`, whose name and first four bytes are durable.
fn disk_with_a() -> (MemDisk, Arc<dyn DiskFile>) {
    let disk = MemDisk::new();
    let file = disk.create("a").unwrap();
    write(&*file, 0, b"sync");
    file.sync_data().unwrap();
    disk.sync_dir().unwrap();
    (disk, file)
}

#[test]
fn a_power_cut_loses_what_was_not_synced_and_a_kill_does_not() {
    for (crash, expected) in [
        (Crash::Kill, &b"syncmore"[..]),
        (Crash::KeepUnsynced, b"syncmore"),
        (Crash::LoseUnsynced, b"sync"),
    ] {
        let (disk, file) = disk_with_a();
        write(&*file, 4, b"more");
        assert_eq!(disk.restart(crash).content("a").unwrap(), expected);
    }
}

#[test]
fn a_killed_process_leaves_its_writes_at_the_mercy_of_a_later_power_cut() {
    let (disk, file) = disk_with_a();
    write(&*file, 4, b"more");
    let disk = disk.restart(Crash::Kill);
    assert_eq!(disk.restart(Crash::LoseUnsynced).content("a").unwrap(), b"sync");
}

#[test]
fn names_are_lost_without_a_sync_of_the_directory() {
    let (disk, _file) = disk_with_a();
    disk.create("b").unwrap();
    disk.rename("a", "c").unwrap();
    assert_eq!(disk.list().unwrap(), ["b", "c"]);
    assert_eq!(disk.restart(Crash::LoseUnsynced).list().unwrap(), ["a"]);
}

#[test]
fn a_tear_keeps_every_durable_byte_and_is_the_same_for_the_same_seed() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..64 {
        let torn = || {
            let (disk, file) = disk_with_a();
            write(&*file, 4, &[7; 2000]);
            disk.restart(Crash::Tear(seed)).content("a").unwrap()
        };
        let content = torn();
        assert_eq!(content, torn());
        assert!(content.starts_with(b"sync"));
        outcomes.insert(content);
    }
    assert!(outcomes.len() > 10);
}

#[test]
fn a_failed_sync_leaves_bytes_that_never_reach_the_device() {
    let (disk, file) = disk_with_a();
    write(&*file, 4, b"more");
    disk.set_hook(Box::new(|operation| {
        (operation.kind == OperationKind::Sync).then_some(Fault::Fail(ErrorKind::Other))
    }));
    file.sync_data().unwrap_err();
    disk.clear_hook();
    file.sync_data().unwrap();
    assert_eq!(disk.content("a").unwrap(), b"syncmore");
    file.forget_cached();
    assert_eq!(disk.content("a").unwrap(), b"sync");
}

#[test]
fn handles_of_a_machine_that_stopped_do_nothing() {
    let (disk, file) = disk_with_a();
    disk.set_hook(Box::new(|_| Some(Fault::Stop)));
    assert!(file.sync_data().is_err());
    disk.clear_hook();
    assert!(disk.create("b").is_err());
    let next = disk.restart(Crash::Kill);
    assert!(file.write_at(0, &[IoSlice::new(b"x")]).is_err());
    next.create("b").unwrap();
}

#[test]
fn writes_can_be_short_or_land_elsewhere_and_reads_can_lie() {
    let (disk, file) = disk_with_a();
    disk.set_hook(Box::new(|_| Some(Fault::Short(1))));
    write(&*file, 4, b"more");
    let mut bytes = [0; 8];
    read_exact_at(&*file, 0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"syncmore");
    disk.set_hook(Box::new(|_| Some(Fault::Misdirect(0))));
    write(&*file, 4, b"here");
    disk.set_hook(Box::new(|_| Some(Fault::FlipBit(8))));
    read_exact_at(&*file, 0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hdremore");
}

#[test]
fn a_full_disk_refuses_growth_until_somebody_makes_room() {
    let disk = MemDisk::with_capacity(100);
    let file = disk.create("a").unwrap();
    file.allocate(60).unwrap();
    disk.set_foreign_bytes(40);
    assert_eq!(disk.space().unwrap().free_bytes, 0);
    write(&*file, 0, &[1; 60]);
    assert_eq!(file.allocate(61).unwrap_err().kind(), ErrorKind::StorageFull);
    disk.set_foreign_bytes(0);
    file.allocate(61).unwrap();
}

#[test]
fn a_lock_is_held_until_it_is_dropped_or_its_machine_stops() {
    let disk = MemDisk::new();
    let lock = disk.lock("lock").unwrap();
    assert_eq!(disk.lock("lock").unwrap_err().kind(), ErrorKind::WouldBlock);
    let next = disk.restart(Crash::Kill);
    let second = next.lock("lock").unwrap();
    drop(lock);
    assert!(next.lock("lock").is_err());
    drop(second);
    next.lock("lock").unwrap();
}

#[test]
fn a_file_opened_for_reading_cannot_be_written() {
    let (disk, _file) = disk_with_a();
    let file = disk.open("a", Access::Read).unwrap();
    let error = file.write_at(0, &[IoSlice::new(b"x")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

/// What is left of two writes behind the durable bytes, for many seeds.
fn parts(partly: impl Fn(u64) -> Partly) -> BTreeSet<Vec<u8>> {
    let part = |seed| {
        let (disk, file) = disk_with_a();
        write(&*file, 4, b"one");
        write(&*file, 7, b"two");
        disk.restart(Crash::Partly(partly(seed))).content("a").unwrap()
    };
    (0..200).map(part).collect()
}

#[test]
fn a_part_is_what_came_first_unless_writes_are_reordered_or_torn() {
    let in_order =
        |seed| Partly { seed, torn: false, reordered: false, lengths: false, names: false };
    let prefixes = [&b"sync"[..], b"syncone", b"synconetwo"].map(<[u8]>::to_vec);
    assert_eq!(parts(in_order), BTreeSet::from(prefixes));
    let reordered = parts(|seed| Partly { reordered: true, ..in_order(seed) });
    assert!(reordered.contains(&b"sync\0\0\0two"[..]) && reordered.len() == 4);
    assert!(parts(|seed| Partly { torn: true, ..in_order(seed) }).len() > 4);
}
