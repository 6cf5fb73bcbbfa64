//! Whatever a peer, a host and an application do, in whatever order.

use std::io::ErrorKind;
use std::time::Duration;

use logboom_conn::{
    AbortReason, AuthVerdict, CloseReason, Command, Event, Limits, Memory as _, Reservation,
};
use logboom_sans_io::{Machine, OnSecured};
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::client::{self, Production, TOKEN};
use crate::host::{Host, success};
use crate::window::Pool;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// The peer sends these bytes, or what of them is wanted.
    Send(Vec<u8>),
    /// The peer reads so many bytes.
    Read(usize),
    /// The application answers one of its events.
    Answer(usize),
    /// The application refuses what one of its events wants.
    Refuse(usize),
    Pass(Duration),
    /// The next deadline arrives.
    Ring,
    Secured,
    Eof,
    Reset,
    Drain(Duration),
    Abort,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![0..40i16, Just(0), Just(3), Just(17), Just(18), Just(36)];
    let any_body = (key, -1..14i16, vec(any::<u8>(), 0..60)).prop_map(|(key, version, body)| {
        client::request(key, version, 7, |writer| writer.raw(&body))
    });
    let api = prop::sample::select(&ApiKey::ALL[..]);
    let valid = (api, 0..12i16).prop_filter_map("a version that exists", |(api, version)| {
        let supported = api.supports(version) && (api != ApiKey::Fetch || version == 4);
        (supported && (api != ApiKey::FindCoordinator || version == 0))
            .then(|| client::any_request(api, version, 7))
    });
    let produce =
        (-2..3i16, 0..5usize, 0..9_000usize).prop_map(|(acks, partitions, records_bytes)| {
            let timeout_ms = 10;
            let production = Production { version: 8, acks, timeout_ms, partitions, records_bytes };
            client::produce(9, &production)
        });
    let mutated = (produce.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut request, index, byte)| {
            let index = index.index(request.len());
            request[index] = byte;
            request
        },
    );
    prop_oneof![
        2 => vec(any::<u8>(), 0..40),
        2 => any_body,
        4 => valid,
        4 => produce,
        2 => mutated,
        1 => Just(client::framed(TOKEN)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let choice = any::<usize>();
    prop_oneof![
        12 => bytes().prop_map(Op::Send),
        4 => (0..2_000usize).prop_map(Op::Read),
        6 => choice.prop_map(Op::Answer),
        2 => choice.prop_map(Op::Refuse),
        1 => (0..20_000u64).prop_map(|ms| Op::Pass(Duration::from_millis(ms))),
        1 => Just(Op::Ring),
        1 => Just(Op::Secured),
        1 => Just(Op::Eof),
        1 => Just(Op::Reset),
        1 => (0..5_000u64).prop_map(|ms| Op::Drain(Duration::from_millis(ms))),
        1 => Just(Op::Abort),
    ]
}

/// Small enough for every limit to be met.
fn limits() -> Limits {
    Limits {
        frame_bytes_max: 8_000,
        frame_bytes_max_unauthenticated: 300,
        requests_in_flight_max: 4,
        bytes_in_flight_max: 12_000,
        items_per_request_max: 3,
        output_bytes_max: 300,
        response_bytes_max: 2_000,
        ..Limits::default()
    }
}

fn host(logged_in: bool) -> Host {
    let (pool, _free) = Pool::new(10_000);
    let mut host = Host::with_memory(limits(), pool);
    if logged_in {
        host.log_in();
    }
    host
}

fn perform(host: &mut Host, op: Op) -> Result<(), CloseReason> {
    let deadline = host.poll()?.deadline;
    match op {
        Op::Send(bytes) => drop(host.send(&bytes)),
        Op::Read(bytes_max) => drop(host.read(bytes_max)),
        Op::Answer(choice) => answer(host, choice, success),
        Op::Refuse(choice) => answer(host, choice, refusal),
        Op::Pass(time) => host.pass(time),
        Op::Ring => host.now = deadline.unwrap_or(host.now),
        Op::Secured => host.connection.handle_secured(Some("logs.example.com")),
        Op::Eof => host.connection.handle_eof(),
        Op::Reset => host.connection.handle_transport_error(ErrorKind::ConnectionReset),
        Op::Drain(patience) => {
            let until = host.now + patience;
            let _ = host.connection.apply(Command::Drain { until });
        }
        Op::Abort => drop(host.connection.apply(Command::Abort(AbortReason::Shutdown))),
    }
    host.poll().map(drop)
}

/// Answers an event, which may be stale by now.
fn answer(host: &mut Host, choice: usize, with: impl FnOnce(Event) -> Option<Command>) {
    if host.events.is_empty() {
        return;
    }
    let event = host.events.remove(choice % host.events.len());
    if let Some(command) = with(event) {
        let _ = host.connection.apply(command);
    }
}

fn refusal(event: Event) -> Option<Command> {
    match event {
        Event::Authenticate(attempt) => {
            Some(Command::Authenticated(attempt.ticket, AuthVerdict::Unavailable))
        }
        Event::InitProducerId(asked) => {
            Some(Command::ProducerId(asked.ticket, Err(ErrorCode::KafkaStorageError)))
        }
        Event::Produce(produce) => {
            let failed =
                PartitionOutcome::failed(ErrorCode::NotEnoughReplicas, Some("full".into()));
            Some(Command::Produced(produce.ticket, vec![failed]))
        }
        Event::Memory(wish) => Some(Command::MemoryGranted(wish.ticket, Reservation::new(()))),
        event => success(event),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_connection_comes_to_an_end(logged_in: bool, ops in vec(op(), 0..60)) {
        let mut host = host(logged_in);
        let mut result = Ok(());
        for op in ops {
            result = result.and_then(|()| perform(&mut host, op));
        }
        // Nothing more happens but time. `Host::poll` checks that there always is a deadline.
        let mut rings = 0;
        while let Ok(wait) = host.poll() {
            host.now = wait.deadline.unwrap();
            rings += 1;
            prop_assert!(rings < 20, "{:?} lives on", host.connection);
        }
        prop_assert_eq!(host.connection.requests_in_flight(), 0);
        prop_assert!(host.connection.recv_space().is_none());
    }

    #[test]
    fn random_bytes_are_refused(bytes in vec(any::<u8>(), 0..3_000), logged_in: bool) {
        let mut host = host(logged_in);
        let _ = host.send(&bytes);
        host.connection.handle_eof();
        host.read_all();
        while host.poll().is_ok() {
            host.answer_all();
            host.read_all();
        }
        let reason = host.closed();
        prop_assert_ne!(reason, CloseReason::Drained);
    }
}

#[test]
fn a_pool_that_is_empty_says_so() {
    let (pool, _free) = Pool::new(10);
    let held = pool.try_reserve(10);
    assert!(held.is_some() && pool.try_reserve(1).is_none());
}
