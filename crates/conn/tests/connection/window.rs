//! Back-pressure: the window, unread responses, the memory of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use logboom_conn::{
    CloseReason, Command, Event, Limits, Memory, MemoryRequest, Reservation, Timer,
};
use logboom_sans_io::{Machine, Stale};
use logboom_wire::frame::FrameError;
use proptest::prelude::*;

use crate::client::{self, Production};
use crate::host::Host;

const STAGING_BYTES: usize = 16 * 1024;

/// Memory of a fixed size.
#[derive(Debug)]
pub(crate) struct Pool(Arc<AtomicUsize>);

struct Share(Arc<AtomicUsize>, usize);

impl Pool {
    pub(crate) fn new(bytes: usize) -> (Arc<Self>, Arc<AtomicUsize>) {
        let free = Arc::new(AtomicUsize::new(bytes));
        (Arc::new(Self(Arc::clone(&free))), free)
    }
}

impl Memory for Pool {
    fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let take = |free: usize| free.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Reservation::new(Share(Arc::clone(&self.0), bytes)))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_add(self.1, Ordering::Relaxed);
    }
}

fn records(records_bytes: usize) -> Production {
    Production { records_bytes, ..Production::default() }
}

fn take_memory_request(host: &mut Host) -> MemoryRequest {
    match host.events.pop() {
        Some(Event::Memory(request)) => request,
        event => panic!("{event:?} instead of a wish for memory"),
    }
}

#[test]
fn reading_stops_when_the_window_is_full_of_requests() {
    let limits = Limits { requests_in_flight_max: 3, ..Limits::default() };
    let mut host = Host::ready(limits);
    let request = client::metadata(1, 1, None);
    host.send(&request.repeat(5));
    assert_eq!(host.events.len(), 3);
    assert!(!host.wait().read);
    assert_eq!(host.send(&request), 0);

    host.answer();
    assert!(!host.wait().read, "the next request was here already");
    assert_eq!(host.events.len(), 3);
    host.answer();
    host.wait();
    assert_eq!(host.events.len(), 3);
    host.answer();
    assert!(host.wait().read);
    assert_eq!(host.events.len(), 2);
}

#[test]
fn a_request_answered_out_of_turn_keeps_its_place_in_the_window() {
    let limits = Limits { requests_in_flight_max: 2, ..Limits::default() };
    let mut host = Host::ready(limits);
    host.send(&client::metadata(1, 1, None).repeat(2));
    let second = host.events.pop();
    host.apply(crate::host::success(second.unwrap()).unwrap());
    assert!(!host.wait().read);
    host.answer();
    assert!(host.wait().read);
}

#[test]
fn reading_stops_when_the_window_is_full_of_bytes() {
    let limits =
        Limits { frame_bytes_max: 60_000, bytes_in_flight_max: 120_000, ..Limits::default() };
    let mut host = Host::ready(limits);
    let request = client::produce(1, &records(50_000));
    host.send(&request.repeat(2));
    assert_eq!(host.events.len(), 2);
    let held = host.connection.bytes_held();
    let taken = host.send(&request);
    assert!(!host.wait().read);
    assert!(taken < request.len(), "the length was read and no memory was made");
    assert_eq!(host.connection.bytes_held(), held);
    host.answer();
    host.send(&request[taken..]);
    assert_eq!(host.events.len(), 2);
}

#[test]
fn room_for_the_answers_counts_in_the_window() {
    let limits =
        Limits { frame_bytes_max: 20_000, bytes_in_flight_max: 20_000, ..Limits::default() };
    let mut host = Host::ready(limits);
    let many = Production { partitions: 500, records_bytes: 0, ..Production::default() };
    host.send(&client::produce(1, &many).repeat(2));
    assert_eq!(host.events.len(), 1, "frames of 4 KiB with answers of 32 KiB");
    host.answer();
    host.wait();
    assert_eq!(host.events.len(), 1);
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    let limits = Limits { output_bytes_max: 1_000, ..Limits::default() };
    let mut host = Host::ready(limits);
    let request = client::api_versions(0, 7);
    let taken = host.send(&request.repeat(10_000));
    assert!(taken < request.len() * 10_000);
    let wait = host.wait();
    assert!(wait.write && !wait.read);
    assert_eq!(host.connection.requests_in_flight(), 0, "the rest is not even decoded");
    let sent = host.read(usize::MAX);
    assert!((1_000..1_100).contains(&sent), "{sent} bytes of responses");
    assert!(host.wait().write, "the next ones take their place");
}

#[test]
fn a_frame_that_was_let_in_is_read_to_its_end() {
    let limits = Limits { output_bytes_max: 50, ..Limits::default() };
    let mut host = Host::ready(limits);
    let request = client::produce(2, &records(50_000));
    host.send(&[client::metadata(1, 1, None), request[..100].to_vec()].concat());
    host.answer();
    let wait = host.wait();
    assert!(wait.write && wait.read, "unread responses stop the next frame, not this one");
    assert_eq!(host.send(&request[100..]), request.len() - 100);
    assert!(host.events.is_empty() && !host.wait().read);
    host.read_all();
    assert!(matches!(host.events[..], [Event::Produce(_)]));
}

#[test]
fn a_large_frame_is_received_into_its_own_memory() {
    let mut host = Host::ready(Limits::default());
    let without_staging = host.connection.bytes_held() - STAGING_BYTES;
    let request = client::produce(1, &records(1_000_000));
    let frame_bytes = request.len() - 4;
    host.send(&request[..100]);
    assert_eq!(host.connection.bytes_held(), without_staging + frame_bytes);
    assert_eq!(host.wait().want, request.len() - 100);
    assert_eq!(host.connection.recv_space().map(|space| space.len()), Some(request.len() - 100));
    host.connection.handle_received(0);
    host.send(&request[100..]);
    let [Event::Produce(produce)] = &host.events[..] else { panic!("one event") };
    let topic = produce.request().topics().next().unwrap();
    let records = topic.partitions().next().unwrap().records.unwrap();
    assert_eq!(records, vec![client::RECORDS_BYTE; 1_000_000]);
}

#[test]
fn a_frame_of_the_largest_size_is_served_and_one_byte_more_closes() {
    let request = client::produce(1, &records(20_000));
    let bytes_max = request.len() - 4;
    let limits = |frame_bytes_max| Limits {
        frame_bytes_max,
        bytes_in_flight_max: bytes_max,
        ..Limits::default()
    };
    let mut host = Host::ready(limits(bytes_max));
    host.send(&request);
    host.answer();
    assert_eq!(host.correlation_ids(), [1]);

    let mut host = Host::ready(limits(bytes_max - 1));
    let held = host.connection.bytes_held();
    host.send(&request[..100]);
    assert_eq!(host.connection.bytes_held(), held);
    host.connection.handle_eof();
    let expected = CloseReason::FrameTooLarge { bytes: bytes_max, bytes_max: bytes_max - 1 };
    assert_eq!(host.closed(), expected);
}

#[test]
fn lengths_that_cannot_be_close() {
    let negative = FrameError::Negative { length: -1 };
    let small = FrameError::TooSmall { bytes: 9, bytes_min: 10 };
    for (prefix, error) in [([0xff; 4], negative), ([0, 0, 0, 9], small)] {
        for mut host in [Host::new(Limits::default()), Host::ready(Limits::default())] {
            host.send(&prefix);
            host.connection.handle_eof();
            assert_eq!(host.closed(), CloseReason::BadFrame(error));
        }
    }
}

#[test]
fn a_frame_without_memory_waits_before_it_is_read() {
    let (pool, free) = Pool::new(100);
    let mut host = Host::with_memory(Limits::default(), pool);
    host.log_in();
    let request = client::produce(1, &records(50_000));
    let taken = host.send(&request);
    assert!(taken <= STAGING_BYTES);
    let wish = take_memory_request(&mut host);
    assert_eq!(wish.bytes, request.len() - 4);
    assert!(!host.wait().read);
    assert_eq!(host.connection.deadline_reason(), Some(Timer::Memory));
    assert!(host.connection.bytes_held() < 2 * STAGING_BYTES);

    let (bigger, granted) = Pool::new(60_000);
    let reservation = bigger.try_reserve(wish.bytes).unwrap();
    host.apply(Command::MemoryGranted(wish.ticket, reservation));
    host.send(&request[taken..]);
    assert_eq!(granted.load(Ordering::Relaxed), 60_000 - wish.bytes);
    host.answer();
    host.wait();
    assert_eq!(granted.load(Ordering::Relaxed), 60_000, "given back with the request");
    assert_eq!(free.load(Ordering::Relaxed), 100);
}

#[test]
fn small_requests_count_in_the_memory_of_the_process_too() {
    let (pool, free) = Pool::new(100);
    let mut host = Host::with_memory(Limits::default(), pool);
    host.log_in();
    let request = client::metadata(1, 1, None);
    let bytes = request.len() - 4;
    host.send(&request.repeat(5));
    assert_eq!(free.load(Ordering::Relaxed), 100 % bytes);
    assert_eq!(take_memory_request(&mut host).bytes, bytes);
    assert_eq!(host.events.len(), 100 / bytes);
}

#[test]
fn strangers_take_nothing_from_the_memory_of_the_process() {
    let (pool, _) = Pool::new(0);
    let mut host = Host::with_memory(Limits::default(), pool);
    host.log_in();
    host.send(&client::api_versions(0, 3));
    assert!(take_memory_request(&mut host).bytes > 0);
}

#[test]
fn a_slice_of_a_request_keeps_its_reservation() {
    let (pool, free) = Pool::new(1_000);
    let mut host = Host::with_memory(Limits::default(), pool);
    host.log_in();
    host.send(&client::produce(1, &records(100)));
    let Some(Event::Produce(produce)) = &host.events.first() else { panic!("one event") };
    let topic = produce.request().topics().next().unwrap();
    let slice = produce.slice(topic.partitions().next().unwrap().records.unwrap());
    host.answer();
    host.read_all();
    drop(host);
    assert!(free.load(Ordering::Relaxed) < 1_000);
    drop(slice);
    assert_eq!(free.load(Ordering::Relaxed), 1_000);
}

#[test]
fn memory_that_comes_too_late_is_given_back() {
    let (pool, _) = Pool::new(0);
    let mut host = Host::with_memory(Limits::default(), pool);
    host.log_in();
    host.send(&client::metadata(1, 1, None));
    let wish = take_memory_request(&mut host);
    host.ring(Timer::Memory);
    host.wait();
    let (bigger, free) = Pool::new(1_000);
    let reservation = bigger.try_reserve(wish.bytes).unwrap();
    let late = Command::MemoryGranted(wish.ticket, reservation);
    assert_eq!(host.connection.apply(late), Err(Stale));
    assert_eq!(free.load(Ordering::Relaxed), 1_000);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::MemoryTimeout);
}

#[test]
fn a_request_that_names_too_much_closes() {
    let limits = Limits { items_per_request_max: 10, ..Limits::default() };
    let names = ["logs"; 11];
    let many = Production { partitions: 11, ..Production::default() };
    for request in
        [client::metadata(1, 1, Some(&names)), client::produce(1, &many), client::fetch(1, 11)]
    {
        let mut host = Host::ready(limits.clone());
        host.send(&request);
        host.connection.handle_eof();
        let reason = host.closed();
        let expected = matches!(reason, CloseReason::TooManyItems { items: 11, items_max: 10, .. });
        assert!(expected, "{reason}");
        assert!(host.events.is_empty());
    }
}

proptest! {
    #[test]
    fn every_write_may_take_as_little_as_it_likes(
        writes in prop::collection::vec(0..200usize, 1..200),
    ) {
        let mut host = Host::ready(Limits { output_bytes_max: 300, ..Limits::default() });
        let request = client::api_versions(3, 9);
        let mut left = request.repeat(50);
        for write in writes {
            let taken = host.send(&left);
            left.drain(..taken);
            host.read(write);
        }
        while !left.is_empty() {
            host.read_all();
            let taken = host.send(&left);
            left.drain(..taken);
        }
        let responses = host.responses();
        prop_assert_eq!(responses.len(), 50);
        prop_assert!(responses.iter().all(|response| *response == responses[0]));
    }
}
