//! Opening a store whose files were damaged.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use logboom_store::{
    Append, Crash, Disk, LogCursor, MemDisk, Options, ProducerStamp, Reader, Shard, Store,
    StoredBatch, StreamId,
};

use crate::memory::bounded;

const NOW_MS: i64 = 1_700_000_000_000;
const ENTROPY: [u8; 32] = [42; 32];
const DAMAGES_MAX: usize = 16;

/// How long a damaged file may become.
const FILE_BYTES_MAX: usize = 32 * 1024;

/// What is behind the files: the disk keeps what processes see and what the device has, recovery
/// reads a segment at a time and keeps an index of it, and the check reads everything twice. The most
/// that was seen is a little over 12.
const DISK_COPIES: usize = 16;

/// What recovery and a reader take even if there is no file: their buffers.
const BUFFERS_BYTES: usize = 256 * 1024;

/// One thing that happens to a file.
#[derive(Debug, Arbitrary)]
enum Damage {
    /// Bits of one byte are turned.
    Flip { file: u8, at: u16, bits: u8 },
    /// A part is as if nothing had been written there.
    Zero { file: u8, at: u16, bytes: u16 },
    /// A part is written over with another part of a file.
    Copy { file: u8, at: u16, from: u8, from_at: u16, bytes: u16 },
    /// Bytes are written.
    Write { file: u8, at: u16, bytes: [u8; 8] },
    /// The end is cut off.
    Cut { file: u8, bytes: u16 },
    /// Something is appended.
    Grow { file: u8, bytes: u16, fill: u8 },
    /// The file is gone.
    Remove { file: u8 },
    /// The file has the name of another.
    Rename { file: u8, to: u8 },
    /// There is a file of that name, which is empty.
    Create { number: u8 },
}

/// A script of damages. The store refuses to open, or gives out nothing that was not stored.
pub fn store_recovery(input: &[u8]) {
    let Pristine { disk, batches } = pristine();
    let disk = disk.fork();
    let mut bytes = Unstructured::new(input);
    for _ in 0..DAMAGES_MAX {
        if bytes.is_empty() {
            break;
        }
        let Ok(damage) = Damage::arbitrary(&mut bytes) else { break };
        inflict(&disk, damage);
    }
    let names = disk.list().expect("names");
    let disk_bytes: usize =
        names.iter().map(|name| disk.content(name).map_or(0, |c| c.len())).sum();
    let more = DISK_COPIES * (disk_bytes + options().segment_bytes as usize) + BUFFERS_BYTES;
    bounded(disk_bytes + input.len(), more, || {
        // Another process, which changes nothing, looks first.
        if let Ok(mut reader) = Reader::open(Arc::new(disk.fork()), &options()) {
            check_read(batches, |cursor| reader.read_log(cursor, usize::MAX));
        }
        let opened = Store::open(Arc::new(disk.clone()), options(), ENTROPY, NOW_MS);
        if let Ok((store, _)) = opened {
            check_store(&store, batches);
            go_on(&store, &disk, batches);
        }
    });
}

fn options() -> Options {
    Options {
        segment_bytes: Options::SEGMENT_BYTES_MIN,
        free_bytes_min: Some(0),
        ..Options::default()
    }
}

/// A disk with a store of some segments, and what is in it.
struct Pristine {
    disk: MemDisk,
    batches: BTreeMap<(Shard, i64), StoredBatch>,
}

fn pristine() -> &'static Pristine {
    static PRISTINE: OnceLock<Pristine> = OnceLock::new();
    PRISTINE.get_or_init(|| {
        let disk = MemDisk::new();
        let opened = Store::open(Arc::new(disk.clone()), options(), ENTROPY, NOW_MS);
        let (store, _) = opened.expect("a new store");
        let streams =
            ["nginx", "app-log"].map(|name| store.stream("demo", name).expect("a number"));
        for number in 0..18 {
            store.append(batch(streams[usize::from(number % 3 == 0)], number), |done| {
                done.expect("stored");
            });
            // Groups of two.
            if number % 2 == 1 {
                while store.commit_group() {}
            }
        }
        assert!(store.segment_count() >= 3, "{} segments", store.segment_count());
        let (batches, _) = store.read_log(LogCursor::START, usize::MAX).expect("what was stored");
        let batches = batches.into_iter().map(|batch| ((batch.shard, batch.base_offset), batch));
        Pristine { disk: disk.restart(Crash::KeepUnsynced), batches: batches.collect() }
    })
}

fn batch(stream: StreamId, number: u8) -> Append {
    let producer = ProducerStamp { id: 5, epoch: 0, base_sequence: i32::from(number) };
    Append {
        shard: Shard::new(stream, u32::from(number % 2)),
        batch: Bytes::from(vec![number + 1; 300 + 40 * usize::from(number)]),
        record_count: u32::from(number % 4) + 1,
        form: number % 2,
        peer: IpAddr::V4(Ipv4Addr::new(10, 0, 9, number)),
        client_id: Bytes::from_static(b"client"),
        append_time_ms: NOW_MS + i64::from(number),
        producer: (number == 7).then_some(producer),
        checksum: None,
    }
}

fn inflict(disk: &MemDisk, damage: Damage) {
    let names = disk.list().expect("names");
    let name = |choice: u8| names.get(usize::from(choice) % names.len().max(1)).cloned();
    let edit = |choice: u8, edit: &dyn Fn(&mut Vec<u8>)| {
        if let Some(name) = name(choice) {
            disk.edit(&name, edit);
        }
    };
    match damage {
        Damage::Flip { file, at, bits } => {
            edit(file, &|content| part(content, at, 1).iter_mut().for_each(|byte| *byte ^= bits));
        }
        Damage::Zero { file, at, bytes } => {
            edit(file, &|content| part(content, at, bytes).fill(0));
        }
        Damage::Copy { file, at, from, from_at, bytes } => {
            let mut source = name(from).and_then(|name| disk.content(&name)).unwrap_or_default();
            let source = part(&mut source, from_at, bytes);
            edit(file, &|content| write(content, at, source));
        }
        Damage::Write { file, at, bytes } => edit(file, &|content| write(content, at, &bytes)),
        Damage::Cut { file, bytes } => edit(file, &|content| {
            content.truncate(content.len().saturating_sub(bytes.into()));
        }),
        Damage::Grow { file, bytes, fill } => edit(file, &|content| {
            let length = content.len() + usize::from(bytes);
            content.resize(length.min(FILE_BYTES_MAX), fill);
        }),
        Damage::Remove { file } => {
            let _ = name(file).map(|name| disk.unlink(&name));
        }
        Damage::Rename { file, to } => {
            let _ = name(file).zip(name(to)).map(|(file, to)| disk.rename(&file, &to));
        }
        Damage::Create { number } => {
            let _ = disk.create(&format!("{number:020}.log"));
        }
    }
}

/// A part of a file, as far as there is one.
fn part(content: &mut [u8], at: u16, bytes: u16) -> &mut [u8] {
    let start = usize::from(at) % content.len().max(1);
    let end = content.len().min(start + usize::from(bytes));
    &mut content[start..end]
}

fn write(content: &mut [u8], at: u16, bytes: &[u8]) {
    let part = part(content, at, u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    part.copy_from_slice(&bytes[..part.len()]);
}

type Stored = BTreeMap<(Shard, i64), StoredBatch>;

/// Whatever can be read is what was stored, byte for byte.
fn check_store(store: &Store, stored: &Stored) {
    check_read(stored, |cursor| store.read_log(cursor, usize::MAX));
    for (shard, offset) in stored.keys() {
        let _ = store.read(*shard, *offset, 1).map(|batches| assert_stored(&batches, stored));
        let _ = store.find_offset(*shard, NOW_MS + 5);
    }
}

fn check_read<E>(
    stored: &Stored,
    mut read: impl FnMut(LogCursor) -> Result<(Vec<StoredBatch>, LogCursor), E>,
) {
    let mut cursor = LogCursor::START;
    while let Ok((batches, next)) = read(cursor) {
        if batches.is_empty() {
            return;
        }
        assert_stored(&batches, stored);
        assert!(next > cursor, "reading gets on");
        cursor = next;
    }
}

fn assert_stored(batches: &[StoredBatch], stored: &Stored) {
    for batch in batches {
        let original = stored.get(&(batch.shard, batch.base_offset));
        assert_eq!(Some(batch), original, "a batch that was never stored");
    }
}

/// A store that opens takes batches, and what it says it took is there when it is opened again.
fn go_on(store: &Store, disk: &MemDisk, stored: &Stored) {
    let shard = *stored.keys().next().map(|(shard, _)| shard).expect("a shard");
    let appended = Arc::new(OnceLock::new());
    let answer = Arc::clone(&appended);
    let new = Append { shard, ..batch(shard.stream, 99) };
    store.append(new.clone(), move |result| answer.set(result).expect("one answer"));
    while store.commit_group() {}
    let Some(Ok(appended)) = appended.get() else { return };
    let again = disk.restart(Crash::LoseUnsynced);
    let (store, _) = Store::open(Arc::new(again), options(), ENTROPY, NOW_MS)
        .expect("a store that was open a moment ago");
    let read = store.read(shard, appended.base_offset, 1).expect("acknowledged");
    assert_eq!(read[0].batch, new.batch);
}
