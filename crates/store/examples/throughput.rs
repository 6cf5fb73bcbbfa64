//! How fast a store takes batches on the disk of a directory, and how fast it opens again.
//!
//! ```text
//! cargo run --release -p logboom-store --example throughput -- DIRECTORY [GIB] [BATCH_KIB] [SHARDS]
//! ```
//!
//! Eight threads append, each with 1 MiB on its way. Leaves the store in the directory.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use logboom_store::{
    Append, AppendError, Appended, Histogram, Options, RealDisk, Shard, Store, StreamId,
};

const THREADS: u64 = 8;
const BYTES_IN_FLIGHT: u64 = 1 << 20;

/// What to do.
#[derive(Clone, Copy)]
struct Load {
    bytes: u64,
    batch_bytes: u64,
    shards: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path: PathBuf = arguments.next().ok_or("which directory?")?.into();
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (gib, batch_kib, shards) = (number(4)?, number(100)?, number(16)?);
    let load =
        Load { bytes: gib << 30, batch_bytes: batch_kib << 10, shards: u32::try_from(shards)? };

    let (opened, store) = open(&path)?;
    println!("opened in {opened:?}: {} segments", store.segment_count());
    let committer = store.spawn_committer()?;
    let appended = append(&store, load)?;
    let megabytes = load.bytes as f64 / 1e6;
    println!(
        "appended {megabytes:.0} MB in {appended:?}: {:.0} MB/s",
        megabytes / appended.as_secs_f64()
    );
    let statistics = store.statistics();
    println!("batches per group: {}", describe(&statistics.group_batches));
    println!("bytes per group:   {}", describe(&statistics.group_bytes));
    println!("sync, in µs:       {}", describe(&statistics.sync_micros));
    drop(committer);
    drop(store);

    let (opened, store) = open(&path)?;
    println!("opened again in {opened:?}: {} segments", store.segment_count());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
fn open(path: &PathBuf) -> Result<(Duration, Store), Box<dyn Error>> {
    let disk = Arc::new(RealDisk::create(path)?);
    let started = Instant::now();
    let (store, recovery) = Store::open(disk, Options::default(), [7; 32], 0)?;
    let opened = started.elapsed();
    println!("{recovery:?}");
    Ok((opened, store))
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this program is for")]
fn append(store: &Store, load: Load) -> Result<Duration, AppendError> {
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| append_some(store, load))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(started.elapsed())
}

/// Appends the share of one thread.
fn append_some(store: &Store, load: Load) -> Result<(), AppendError> {
    let batch = Bytes::from(vec![0x5a; usize::try_from(load.batch_bytes).expect("it fits")]);
    let (answers, answered) = mpsc::channel::<Result<Appended, AppendError>>();
    let window = (BYTES_IN_FLIGHT / load.batch_bytes).max(1);
    let batches = load.bytes / load.batch_bytes / THREADS;
    for number in 0..batches + window {
        if number >= window {
            answered.recv().expect("every batch is answered")?;
        }
        if number < batches {
            let index = u32::try_from(number % u64::from(load.shards)).expect("it fits");
            let append = Append {
                shard: Shard::new(StreamId::new(0), index),
                batch: batch.clone(),
                record_count: 200,
                form: 0,
                peer: [10, 0, 0, 1].into(),
                client_id: Bytes::from_static(b"throughput"),
                append_time_ms: 0,
                producer: None,
                checksum: None,
            };
            let answers = answers.clone();
            store.append(append, move |answer| {
                // The thread is gone if another batch of its own failed.
                let _ = answers.send(answer);
            });
        }
    }
    Ok(())
}

/// The mean, and the bounds below which half and nearly all numbers are.
fn describe(histogram: &Histogram) -> String {
    let count = histogram.count().max(1);
    let below = |share: f64| {
        let mut seen = 0;
        let mut buckets = histogram.buckets();
        let reached = |seen: u64| seen as f64 >= share * count as f64;
        let bucket = buckets.find(|(_, counted)| {
            seen += counted;
            reached(seen)
        });
        bucket.map_or(0, |(largest, _)| largest)
    };
    let mean = histogram.sum() / count;
    format!("{count} counted, mean {mean}, half up to {}, 99 % up to {}", below(0.5), below(0.99))
}
