//! How much memory a request can make the server hold while its answer waits for its turn.
//!
//! The budget of the process counts requests by their size as they were sent. What they become must
//! therefore stay within a small multiple of that.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::Endpoint;
use common::batches::batch;
use common::requests::{Produce, Request, metadata};
use common::setup::ACME;
use logboom_engine::BATCHES_PER_REQUEST_MAX;
use logboom_wire::api::ApiKey;
use logboom_wire::primitive::Writer;

/// How many times its own size a request may hold besides itself.
const GROWTH_MAX: f64 = 10.0;

/// The most things one request may name.
const ITEMS_MAX: usize = 10_000;

/// Counts the bytes that the current thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the allocator of the system. Counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many times its size a request holds while it waits behind another one for the disk.
fn growth(request: &Request) -> f64 {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let frame = request.frame(1, "c");
    client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
    client.release_buffers();

    let before = HELD.get();
    client.send_bytes(&frame);
    client.release_buffers();
    let held = HELD.get() - before;
    assert_eq!(client.machine.requests_in_flight(), 2);
    assert!(client.replies().is_empty());
    (held as f64 - frame.len() as f64) / frame.len() as f64
}

/// A Produce request for as many partitions of one topic as there may be, all the same.
fn produce(topic: &str, partitions: usize, records: Option<&[u8]>) -> Request {
    let mut body = Vec::new();
    let mut writer = Writer::flexible(&mut body);
    writer.nullable_string(None);
    writer.i16(-1);
    writer.i32(30_000);
    writer.array_count(1);
    writer.string(topic);
    writer.array_count(partitions);
    for _ in 0..partitions {
        writer.i32(0);
        match records {
            Some(records) => writer.bytes(records),
            None => writer.null(),
        }
        writer.no_tagged_fields();
    }
    writer.no_tagged_fields();
    writer.no_tagged_fields();
    Request::raw(ApiKey::Produce.id(), 9, body)
}

#[track_caller]
fn assert_bounded(what: &str, request: &Request) {
    let growth = growth(request);
    assert!(growth <= GROWTH_MAX, "{what}: {growth:.1} times its size");
    assert!(growth > 0.0, "{what}: {growth:.1}, so that this test can fail");
}

#[test]
fn partitions_of_nothing() {
    for topic in ["nginx", "absent", "-"] {
        assert_bounded(topic, &produce(topic, ITEMS_MAX, None));
    }
}

#[test]
fn the_smallest_batches() {
    let small = batch(&[""]);
    assert_bounded("partitions", &produce("nginx", ITEMS_MAX, Some(&small)));
    let many = small.repeat(BATCHES_PER_REQUEST_MAX);
    assert_bounded("batches", &produce("nginx", 1, Some(&many)));
}

#[test]
fn names_of_topics() {
    let name = |number: usize| format!("{number:x}");
    let names: Vec<String> = (0..ITEMS_MAX).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_bounded("different names", &metadata(9, &names));
}
