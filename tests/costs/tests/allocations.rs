//! How many times a request makes the server ask for memory: a fixed number, however many records it has,
//! however much is stored, and however many connections there are.

use allocation_counter::measure;
use logboom_bench::load::{Codec, Content};
use logboom_costs::{Result, Run};

/// What a request with one batch may cost, with all that happens until it is durable and answered. It
/// was 19 or 20 when this was written, a group commit for each request included, and 10.5 when 50
/// requests shared one.
const ALLOCATIONS_PER_REQUEST_MAX: f64 = 21.0;
/// What rustls may cost for each of its records, and for that of the answer. It was 3.7.
const ALLOCATIONS_PER_TLS_RECORD_MAX: f64 = 4.0;
const TLS_RECORD_BYTES: u64 = 16 << 10;

/// Requests that are not counted: they fill what is kept for later ones.
const WARM_UP: usize = 50;
const COUNTED: usize = 1_000;
const VALUE_BYTES: u64 = 20_000;

#[derive(Clone, Copy)]
struct Load {
    codec: Codec,
    tls: bool,
    records: u64,
    connections: usize,
    /// Requests before those that are counted.
    before: usize,
}

const LOAD: Load =
    Load { codec: Codec::None, tls: false, records: 10, connections: 1, before: WARM_UP };

/// Allocations per request, on average: lists that grow double, so some requests pay for many.
fn allocations(load: Load) -> Result<f64> {
    let content = Content {
        record_bytes: VALUE_BYTES / load.records,
        batch_bytes: VALUE_BYTES,
        codec: load.codec,
        distinct: 4,
    };
    let counted = COUNTED / load.connections;
    let mut run = Run::start(&content, load.tls, load.connections, load.before + counted)?;
    run.ingest(load.before)?;
    let mut result = Ok(());
    let info = measure(|| result = run.ingest(counted));
    result?;
    run.check_stored()?;
    Ok(info.count_total as f64 / (counted * load.connections) as f64)
}

#[test]
fn a_record_costs_no_allocation() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let of = |records| allocations(Load { codec, records, ..LOAD }).expect("a count");
        let (few, many) = (of(2), of(500));
        println!("{codec:?}: {few} with 2 records, {many} with 500");
        assert!((few - many).abs() < 0.5, "{codec:?}: {few} with 2 records, {many} with 500");
    }
}

#[test]
fn a_request_costs_a_fixed_number_of_allocations() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let count = allocations(Load { codec, ..LOAD }).expect("a count");
        println!("{codec:?}: {count}");
        assert!(count <= ALLOCATIONS_PER_REQUEST_MAX, "{codec:?}: {count}");
    }
}

#[test]
fn encryption_costs_allocations_for_each_of_its_records_only() {
    let count = allocations(Load { tls: true, ..LOAD }).expect("a count");
    let tls_records = (VALUE_BYTES.div_ceil(TLS_RECORD_BYTES) + 1) as f64;
    println!("{count} with {tls_records} records of TLS");
    let allowed = ALLOCATIONS_PER_REQUEST_MAX + tls_records * ALLOCATIONS_PER_TLS_RECORD_MAX;
    assert!(count <= allowed, "{count}");
}

#[test]
fn a_request_costs_the_same_whatever_is_stored_and_whoever_is_connected() {
    let first = allocations(LOAD).expect("a count");
    let later = allocations(Load { before: 5_000, ..LOAD }).expect("a count");
    let crowded = allocations(Load { connections: 50, ..LOAD }).expect("a count");
    println!("{first}, {later} behind 5,000 others, {crowded} beside 49 connections");
    assert!((later - first).abs() < 0.5, "{later} behind 5,000 others, {first} at first");
    // A group commit is shared by all of them.
    assert!(crowded <= first + 0.5, "{crowded} beside 49 connections, {first} alone");
}
