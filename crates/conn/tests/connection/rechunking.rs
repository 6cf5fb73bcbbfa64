//! However the input is cut, the same comes out.

use logboom_conn::{AuthVerdict, CloseReason, Command, Event, Limits, Timer};
use logboom_sans_io::Machine;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::client::{self, Production, TOKEN};
use crate::host::{Host, success};

/// How network and application behave, in everything that must not matter.
#[derive(Debug, Clone)]
struct Habits {
    /// Sizes of the pieces in which input arrives; 0 means as many bytes as the connection wants.
    pieces: Vec<usize>,
    /// How many bytes the peer reads between two pieces.
    reads: Vec<usize>,
    /// Which of the waiting events is answered next.
    order: Vec<usize>,
}

/// What must be the same.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<String>,
    output: Vec<u8>,
    reason: CloseReason,
}

/// A client's side of a connection, and whether its credentials are right.
#[derive(Debug, Clone)]
struct Session {
    stream: Vec<u8>,
    accepted: bool,
}

fn run(session: &Session, habits: &Habits) -> Outcome {
    let limits = Limits { requests_in_flight_max: 5, output_bytes_max: 400, ..Limits::default() };
    let mut host = Host::new(limits);
    let mut pieces = habits.pieces.iter().copied().cycle();
    let mut reads = habits.reads.iter().copied().cycle();
    let mut order = habits.order.iter().copied().cycle();
    let mut left = &session.stream[..];
    let reason = loop {
        let wait = match host.poll() {
            Ok(wait) => wait,
            Err(reason) => break reason,
        };
        if wait.read && !left.is_empty() {
            let piece = pieces.next().filter(|piece| *piece > 0).unwrap_or(wait.want);
            let n = host.fill(&left[..left.len().min(piece)]);
            left = &left[n..];
            host.read(reads.next().unwrap_or(0));
            continue;
        }
        if left.is_empty() {
            host.connection.handle_eof();
        }
        answer_one(&mut host, order.next().unwrap_or(0), session.accepted);
        host.read_all();
        if host.connection.deadline_reason() == Some(Timer::FailedAuth) {
            host.ring(Timer::FailedAuth);
        }
    };
    Outcome { events: host.log, output: host.received, reason }
}

fn answer_one(host: &mut Host, choice: usize, accepted: bool) {
    host.events.retain(|event| !matches!(event, Event::Ready(_) | Event::Refused(_)));
    if host.events.is_empty() {
        return;
    }
    let event = host.events.remove(choice % host.events.len());
    host.apply(match event {
        Event::Authenticate(attempt) if !accepted => {
            let verdict = AuthVerdict::Rejected { message: "no".into() };
            Command::Authenticated(attempt.ticket, verdict)
        }
        event => success(event).expect("an event that wants an answer"),
    });
}

fn login() -> impl Strategy<Value = Vec<u8>> {
    let before = prop_oneof![Just(vec![]), Just(client::api_versions(3, -3))];
    (before, any::<bool>()).prop_map(|(before, raw)| {
        let handshake = client::handshake(if raw { 0 } else { 1 }, -2, "PLAIN");
        let token = match raw {
            true => client::framed(TOKEN),
            false => client::authenticate(1, -1, TOKEN),
        };
        [before, handshake, token].concat()
    })
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let records_bytes = prop_oneof![0..300usize, 3_900..4_300usize, 16_000..40_000usize];
    let produce = (0..=11i16, 0..=1i16, 1..4usize, records_bytes).prop_map(
        |(version, acks, partitions, records_bytes)| {
            let timeout_ms = 1_500;
            let production = Production { version, acks, timeout_ms, partitions, records_bytes };
            client::produce(records_bytes as i32, &production)
        },
    );
    prop_oneof![
        4 => produce,
        1 => (0..=12i16).prop_map(|version| client::metadata(version, 5, Some(&["logs"]))),
        1 => (0..=4i16).prop_map(|version| client::init_producer_id(version, 6)),
        1 => (0..=9i16).prop_map(|version| client::api_versions(version, 7)),
        1 => (0..5usize).prop_map(|partitions| client::fetch(8, partitions)),
        1 => Just(client::find_coordinator(9)),
        1 => Just(client::handshake(1, 10, "PLAIN")),
    ]
}

fn session() -> impl Strategy<Value = Session> {
    let ending = prop_oneof![Just(vec![]), vec(any::<u8>(), 0..50), Just(b"GET / HTTP".to_vec())];
    (login(), vec(request(), 0..12), ending, any::<bool>()).prop_map(
        |(login, requests, ending, accepted)| {
            let stream = [login, requests.concat(), ending].concat();
            Session { stream, accepted }
        },
    )
}

fn habits() -> impl Strategy<Value = Habits> {
    let piece = prop_oneof![Just(0), 1..20usize, 1..20_000usize];
    (vec(piece, 1..20), vec(0..300usize, 1..20), vec(any::<usize>(), 1..20))
        .prop_map(|(pieces, reads, order)| Habits { pieces, reads, order })
}

proptest! {
    #[test]
    fn cutting_the_input_and_answering_in_another_order_change_nothing(
        session in session(),
        habits in habits(),
    ) {
        let plain = Habits { pieces: vec![usize::MAX], reads: vec![usize::MAX], order: vec![0] };
        prop_assert_eq!(run(&session, &habits), run(&session, &plain));
    }

    #[test]
    fn reading_byte_by_byte_changes_nothing(login in login(), requests in vec(request(), 1..3)) {
        let session = Session { stream: [login, requests.concat()].concat(), accepted: true };
        let plain = Habits { pieces: vec![usize::MAX], reads: vec![usize::MAX], order: vec![0] };
        let bytewise = Habits { pieces: vec![1], reads: vec![1], order: vec![1] };
        let outcome = run(&session, &plain);
        prop_assert_eq!(&run(&session, &bytewise), &outcome);
        prop_assert_eq!(outcome.reason, CloseReason::PeerClosed);
    }
}
