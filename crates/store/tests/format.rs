//! The format on the disk does not change unnoticed, and what an older program wrote can be read.
//!
//! `golden/v1` is a store as version 1 of the format has it.

mod common;

use std::fs;
use std::io::IoSlice;
use std::path::PathBuf;

use common::*;
use logboom_store::{Crash, Disk, MemDisk, OffsetRange, Retention, StoredBatch, StreamId};

fn golden() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", "v1"].iter().collect()
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

/// Files that are not removed when a store is opened.
fn files(disk: &MemDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap();
    let kept = names.into_iter().filter(|name| !name.ends_with(".tmp"));
    kept.map(|name| (disk.content(&name).unwrap(), name))
        .map(|(bytes, name)| (name, bytes))
        .collect()
}

#[test]
fn the_same_bytes_are_written_as_ever() {
    let files = files(&example());
    assert_eq!(files.len(), fs::read_dir(golden()).unwrap().count());
    for (name, bytes) in files {
        let expected = fs::read(golden().join(&name)).unwrap();
        assert!(bytes == expected, "{name} differs: is this a new version of the format?");
    }
}

#[test]
fn a_store_of_format_1_is_read() {
    let disk = MemDisk::new();
    for entry in fs::read_dir(golden()).unwrap() {
        let entry = entry.unwrap();
        let file = disk.create(entry.file_name().to_str().unwrap()).unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        assert_eq!(file.write_at(0, &[IoSlice::new(&bytes)]).unwrap(), bytes.len());
    }
    let (store, recovery) = try_open(&disk.restart(Crash::KeepUnsynced)).unwrap();
    assert_eq!((recovery.segments, recovery.truncated_bytes), (2, 0));
    assert_eq!(store.stream("project", "other"), Ok(StreamId::new(1)));
    assert_eq!(store.offsets(SHARD), OffsetRange { start: 6, next: 13 });
    assert_eq!(read_all(&store, SHARD).len(), 7);
    let other = read_all(&store, OTHER);
    assert_eq!(other.iter().map(StoredBatch::end_offset).collect::<Vec<_>>(), [1, 41]);
    assert!(append(&store, stamped(record(OTHER, "stamped"), 11, 2, 7)).unwrap().duplicate);
}

#[test]
#[ignore = "writes the golden files: once for each version of the format"]
fn write_the_golden_files() {
    fs::create_dir_all(golden()).unwrap();
    for (name, bytes) in files(&example()) {
        fs::write(golden().join(name), bytes).unwrap();
    }
}
