//! The format on the disk does not change unnoticed, and what an older program wrote can be read.
//!
//! `golden/v1` and so on are a store as these versions of the format have it.

mod common;

use std::fs;
use std::io::IoSlice;
use std::path::PathBuf;

use common::*;
use logboom_store::{Crash, Disk, MemDisk, OffsetRange, Retention, StoredBatch, StreamId};

/// The version that is written.
const VERSION: u32 = 2;

fn golden(version: u32) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", &format!("v{version}")].iter().collect()
}

/// A store with a little of everything.
fn example() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk);
    let first = store.stream("project", "logstore").unwrap();
    let second = store.stream("project", "other").unwrap();
    assert_eq!([first, second], [SHARD.stream, OTHER.stream]);
    fill_segments(&store, SHARD, 3);
    append(&store, stamped(record(OTHER, "stamped"), 11, 2, 7)).unwrap();
    append(&store, batch(OTHER, 40, 100, b'o')).unwrap();
    let only_first = |stream| match stream == first {
        true => Retention { bytes: Some(4000), ..Retention::default() },
        false => Retention::default(),
    };
    store.apply_retention(&only_first, NOW_MS).unwrap();
    store.close();
    disk
}

/// All files but the last, which is the segment that has not begun.
fn files(disk: &MemDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap();
    let last = names.iter().filter(|name| name.ends_with(".log")).max().cloned();
    let kept = names.into_iter().filter(|name| Some(name) != last.as_ref());
    kept.map(|name| (disk.content(&name).unwrap(), name))
        .map(|(bytes, name)| (name, bytes))
        .collect()
}

#[test]
fn the_same_bytes_are_written_as_ever() {
    let files = files(&example());
    assert_eq!(files.len(), fs::read_dir(golden(VERSION)).unwrap().count());
    for (name, bytes) in files {
        let expected = fs::read(golden(VERSION).join(&name)).unwrap();
        assert!(bytes == expected, "{name} differs: is this a new version of the format?");
    }
}

#[test]
fn stores_of_all_formats_are_read() {
    for version in 1..=VERSION {
        let disk = MemDisk::new();
        for entry in fs::read_dir(golden(version)).unwrap() {
            let entry = entry.unwrap();
            let file = disk.create(entry.file_name().to_str().unwrap()).unwrap();
            let bytes = fs::read(entry.path()).unwrap();
            assert_eq!(file.write_at(0, &[IoSlice::new(&bytes)]).unwrap(), bytes.len());
        }
        let disk = disk.restart(Crash::KeepUnsynced);
        check_example(&disk);
        // And once more, after it has been written to.
        check_example(&disk);
    }
}

/// Checks that a store holds what the example does, and can be written to.
fn check_example(disk: &MemDisk) {
    let (store, recovery) = try_open(disk).unwrap();
    assert_eq!((recovery.segments, recovery.truncated_bytes), (2, 0));
    assert_eq!(store.stream("project", "other"), Ok(StreamId::new(1)));
    assert_eq!(store.offsets(SHARD), OffsetRange { start: 6, next: 13 });
    assert_eq!(read_all(&store, SHARD).len(), 7);
    let other = read_all(&store, OTHER);
    assert_eq!(other.iter().map(StoredBatch::end_offset).collect::<Vec<_>>()[..2], [1, 41]);
    assert!(append(&store, stamped(record(OTHER, "stamped"), 11, 2, 7)).unwrap().duplicate);
    let next = store.offsets(OTHER).next;
    assert_eq!(append(&store, record(OTHER, "more")).unwrap().base_offset, next);
    store.close();
}

#[test]
#[ignore = "writes the golden files: once for each version of the format"]
fn write_the_golden_files() {
    fs::create_dir_all(golden(VERSION)).unwrap();
    for (name, bytes) in files(&example()) {
        fs::write(golden(VERSION).join(name), bytes).unwrap();
    }
}
