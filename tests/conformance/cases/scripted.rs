//! One connection over a stream that does what a script says.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use logboom_sans_io::testing::{Closed, Command, Event, FRAME_BYTES_MAX, Frames, PANIC};
use logboom_sans_io::{Accepted, Inbox, Session};
use proptest::prelude::*;

use crate::Adapter;
use crate::host::Host as _;
use crate::host::script::{Act, Script, Tape};
use crate::host::toy::{PATIENCE, now};

/// What the session of a scripted connection does with its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Application {
    /// Answers each with itself, at once.
    Echo,
    /// Collects so many and answers them last first.
    Backwards(usize),
    /// Answers each, and drains the connection after so many.
    DrainAfter(usize),
    /// Panics.
    Panic,
}

/// What a connection has come to.
#[derive(Debug)]
struct Outcome {
    tape: Tape,
    frames: Vec<Vec<u8>>,
    endings: Vec<Result<Closed, &'static str>>,
}

struct Recorder {
    application: Application,
    inbox: Arc<Inbox<Command>>,
    waiting: Vec<(u64, Vec<u8>)>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Recorder {
    fn answer(&self, number: u64, payload: Vec<u8>) {
        self.inbox.push(Command::Answer { number, payload });
    }

    fn end(&self, ending: Result<Closed, &'static str>) {
        let mut outcome = self.outcome.lock().expect("not poisoned");
        assert!(outcome.tape.lock().expect("not poisoned").dropped, "the stream closes first");
        outcome.endings.push(ending);
    }
}

impl Session for Recorder {
    type Event = Event;
    type Closed = Closed;

    fn on_event(&mut self, event: Event) {
        let Event::Frame { number, payload } = event else { panic!("no TLS here") };
        let count = {
            let mut outcome = self.outcome.lock().expect("not poisoned");
            outcome.frames.push(payload.clone());
            outcome.frames.len()
        };
        match self.application {
            Application::Panic => panic!("a session that panics"),
            Application::Backwards(together) => {
                self.waiting.push((number, payload));
                if self.waiting.len() == together {
                    while let Some((number, payload)) = self.waiting.pop() {
                        self.answer(number, payload);
                    }
                }
            }
            Application::Echo | Application::DrainAfter(_) => self.answer(number, payload),
        }
        if self.application == Application::DrainAfter(count) {
            self.inbox.push(Command::Drain);
        }
    }

    fn on_closed(&mut self, reason: Closed) {
        self.end(Ok(reason));
    }

    fn on_panic(&mut self) {
        self.end(Err("panic"));
    }
}

fn run_with(application: Application, script: Script) -> Outcome {
    let tape = script.tape();
    let outcome = Outcome { tape, frames: Vec::new(), endings: Vec::new() };
    let outcome = Arc::new(Mutex::new(outcome));
    let inbox = Arc::new(Inbox::new());
    let session = Recorder {
        application,
        inbox: Arc::clone(&inbox),
        waiting: Vec::new(),
        outcome: Arc::clone(&outcome),
    };
    let machine = Frames::new(PATIENCE, now());
    Adapter::run(Accepted { machine, inbox, session }, script);
    let outcome = Arc::into_inner(outcome).expect("the session is gone with its connection");
    let outcome = outcome.into_inner().expect("not poisoned");
    assert_eq!(outcome.endings.len(), 1, "a session hears of one end");
    outcome
}

fn run(script: Script) -> Outcome {
    run_with(Application::Echo, script)
}

impl Outcome {
    fn written(&self) -> Vec<u8> {
        self.tape.lock().expect("not poisoned").written.clone()
    }

    fn ending(&self) -> &Result<Closed, &'static str> {
        &self.endings[0]
    }

    /// The connection took all of `stream` and answered all of it.
    fn assert_echo(&self, stream: &[u8]) {
        assert!(self.written() == stream, "the answers differ");
        assert_eq!(*self.ending(), Ok(Closed::PeerClosed));
        assert_eq!(self.tape.lock().expect("not poisoned").reads_after_end, 1, "one end is enough");
    }
}

/// Frames of several sizes, more than the window of the machine.
fn frames() -> Vec<u8> {
    (0..100_u8).flat_map(|number| Frames::encode(&vec![number; usize::from(number) * 7])).collect()
}

fn bytes(bytes: &[u8]) -> Act {
    Act::Bytes(bytes.to_vec())
}

fn one_by_one(stream: &[u8]) -> impl Iterator<Item = Act> {
    stream.iter().map(|byte| Act::Bytes(vec![*byte]))
}

/// So many failures before each act.
fn storm(
    kind: ErrorKind,
    count: usize,
    acts: impl IntoIterator<Item = Act>,
) -> impl Iterator<Item = Act> {
    acts.into_iter().flat_map(move |act| {
        std::iter::repeat_n(Act::Fail(kind), count).chain(std::iter::once(act))
    })
}

#[test]
fn a_stream_in_one_piece_is_answered() {
    let stream = frames();
    run(Script::new([bytes(&stream), Act::Eof])).assert_echo(&stream);
}

#[test]
fn a_stream_in_single_bytes_is_answered() {
    let stream = frames();
    run(Script::new(one_by_one(&stream).chain([Act::Eof]))).assert_echo(&stream);
}

#[test]
fn reads_that_would_block_are_repeated() {
    let stream = frames();
    let acts = stream.chunks(100).map(bytes).chain([Act::Eof]);
    run(Script::new(storm(ErrorKind::WouldBlock, 50, acts))).assert_echo(&stream);
}

#[test]
fn reads_that_are_interrupted_are_repeated() {
    let stream = frames();
    let acts = stream.chunks(100).map(bytes).chain([Act::Eof]);
    run(Script::new(storm(ErrorKind::Interrupted, 50, acts))).assert_echo(&stream);
}

#[test]
fn single_bytes_in_storms_are_answered() {
    let stream = frames();
    let acts = storm(ErrorKind::WouldBlock, 2, one_by_one(&stream));
    let acts = storm(ErrorKind::Interrupted, 1, acts).chain([Act::Eof]);
    run(Script::new(acts)).assert_echo(&stream);
}

#[test]
fn writes_that_would_block_are_repeated() {
    let stream = frames();
    let writes = storm(ErrorKind::WouldBlock, 50, (0..50).map(|_| Act::Take(100)));
    run(Script::new([bytes(&stream), Act::Eof]).writing(writes)).assert_echo(&stream);
}

#[test]
fn writes_that_are_interrupted_are_repeated() {
    let stream = frames();
    let writes = storm(ErrorKind::Interrupted, 50, (0..50).map(|_| Act::Take(100)));
    run(Script::new([bytes(&stream), Act::Eof]).writing(writes)).assert_echo(&stream);
}

#[test]
fn writes_of_single_bytes_lose_nothing() {
    let stream = frames();
    let writes = std::iter::repeat_n(Act::Take(1), stream.len());
    run(Script::new([bytes(&stream), Act::Eof]).writing(writes)).assert_echo(&stream);
}

#[test]
fn a_write_that_takes_nothing_ends_the_connection() {
    let script = Script::new([bytes(&frames()), Act::Eof]).writing([Act::Take(3), Act::Take(0)]);
    let outcome = run(script);
    assert_eq!(*outcome.ending(), Ok(Closed::Transport(ErrorKind::WriteZero)));
    assert_eq!(outcome.written().len(), 3);
}

#[test]
fn a_stream_that_ends_at_once_is_an_end_in_order() {
    run(Script::new([Act::Eof])).assert_echo(&[]);
}

#[test]
fn a_stream_that_ends_inside_a_length_is_cut() {
    let whole = Frames::encode(b"whole");
    let outcome = run(Script::new([bytes(&whole), bytes(&[0, 0]), Act::Eof]));
    assert_eq!(*outcome.ending(), Ok(Closed::Truncated));
    assert_eq!(outcome.written(), whole);
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_cut() {
    let whole = Frames::encode(b"whole");
    let cut = &Frames::encode(b"cut off")[..8];
    let outcome = run(Script::new([bytes(&whole), bytes(cut), Act::Eof]));
    assert_eq!(*outcome.ending(), Ok(Closed::Truncated));
    assert_eq!(outcome.written(), whole);
}

#[test]
fn a_read_that_fails_ends_the_connection_with_its_kind() {
    for kind in [
        ErrorKind::ConnectionReset,
        ErrorKind::TimedOut,
        ErrorKind::ConnectionAborted,
        ErrorKind::NotConnected,
    ] {
        let outcome = run(Script::new([bytes(&[0, 0, 0, 9, 1]), Act::Fail(kind)]));
        assert_eq!(*outcome.ending(), Ok(Closed::Transport(kind)));
    }
}

#[test]
fn a_write_that_fails_ends_the_connection_with_its_kind() {
    for kind in [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut] {
        let reads = [bytes(&Frames::encode(b"hello")), Act::Eof];
        let script = Script::new(reads).writing([Act::Take(2), Act::Fail(kind)]);
        let outcome = run(script);
        assert_eq!(*outcome.ending(), Ok(Closed::Transport(kind)));
        assert_eq!(outcome.written().len(), 2);
    }
}

#[test]
fn a_frame_that_is_too_large_ends_the_connection() {
    let length = u32::try_from(FRAME_BYTES_MAX + 1).expect("it fits").to_be_bytes();
    let outcome = run(Script::new([bytes(&length), Act::Eof]));
    assert_eq!(*outcome.ending(), Ok(Closed::FrameTooLarge));
    assert_eq!(outcome.written(), b"");
}

#[test]
fn a_frame_of_the_largest_size_is_answered() {
    let stream = Frames::encode(&vec![7; FRAME_BYTES_MAX]);
    run(Script::new([bytes(&stream), Act::Eof])).assert_echo(&stream);
}

#[test]
fn empty_frames_are_answered() {
    let stream = Frames::encode(b"").repeat(500);
    run(Script::new([bytes(&stream), Act::Eof])).assert_echo(&stream);
}

#[test]
fn answers_in_the_wrong_order_leave_in_the_right_one() {
    let stream = frames();
    let application = Application::Backwards(20);
    run_with(application, Script::new([bytes(&stream), Act::Eof])).assert_echo(&stream);
}

#[test]
fn answers_leave_together() {
    let stream = Frames::encode(b"hello").repeat(20);
    let application = Application::Backwards(20);
    let outcome = run_with(application, Script::new([bytes(&stream), Act::Eof]));
    outcome.assert_echo(&stream);
    let writes = outcome.tape.lock().expect("not poisoned").writes;
    assert!(writes <= 2, "{writes} writes for 20 answers that were there at once");
}

#[test]
fn a_drained_connection_answers_and_then_shuts_down_writing_once() {
    let frame = Frames::encode(b"hello");
    let reads = [bytes(&frame.repeat(3)), bytes(&[9; 100_000]), Act::Eof];
    let script = Script::new(reads).writing(std::iter::repeat_n(Act::Take(1), 20));
    let outcome = run_with(Application::DrainAfter(3), script);
    assert_eq!(*outcome.ending(), Ok(Closed::Drained));
    assert_eq!(outcome.written(), frame.repeat(3));
    let tape = outcome.tape.lock().expect("not poisoned");
    assert_eq!(tape.shutdowns, [frame.len() * 3]);
    assert_eq!(tape.read_bytes, frame.len() * 3 + 100_000, "the rest is read and thrown away");
}

#[test]
fn a_writing_side_that_cannot_be_shut_down_ends_the_connection() {
    let frame = Frames::encode(b"hello");
    let kind = ErrorKind::NotConnected;
    let patience = std::iter::repeat_n(Act::Fail(ErrorKind::WouldBlock), 50);
    let reads = [bytes(&frame)].into_iter().chain(patience).chain([Act::Eof]);
    let script = Script::new(reads).failing_shutdown(kind);
    let outcome = run_with(Application::DrainAfter(1), script);
    assert_eq!(*outcome.ending(), Ok(Closed::Transport(kind)));
    assert_eq!(outcome.tape.lock().expect("not poisoned").shutdowns, [frame.len()]);
}

#[test]
fn a_machine_that_panics_ends_its_connection_only() {
    let good = Frames::encode(b"good");
    let outcome = run(Script::new([bytes(&good), bytes(&Frames::encode(PANIC)), Act::Eof]));
    assert_eq!(*outcome.ending(), Err("panic"));
    assert_eq!(outcome.frames, [b"good"]);
}

#[test]
fn a_session_that_panics_ends_its_connection_only() {
    let outcome = run_with(Application::Panic, Script::new([bytes(&frames()), Act::Eof]));
    assert_eq!(*outcome.ending(), Err("panic"));
    assert_eq!(outcome.frames.len(), 1);
}

/// A stream cut at random into pieces, with failures between them.
fn torn(stream: Vec<u8>) -> impl Strategy<Value = Vec<Act>> {
    let piece = (1..300_usize, 0..4_usize, any::<bool>());
    proptest::collection::vec(piece, 1..200).prop_map(move |pieces| {
        let mut acts = Vec::new();
        let mut rest = &stream[..];
        for (length, failures, blocks) in pieces.iter().cycle() {
            let kind = if *blocks { ErrorKind::WouldBlock } else { ErrorKind::Interrupted };
            acts.extend(std::iter::repeat_n(Act::Fail(kind), *failures));
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            acts.push(bytes(piece));
            rest = after;
            if rest.is_empty() {
                return acts;
            }
        }
        acts
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_cut_of_reads_and_writes_changes_a_byte(
        reads in torn(frames()),
        writes in proptest::collection::vec(1..500_usize, 0..300),
        together in 1..30_usize,
    ) {
        let stream = frames();
        let script = Script::new(reads.into_iter().chain([Act::Eof]));
        let script = script.writing(writes.into_iter().map(Act::Take));
        // Whatever is left over of 100 frames is answered, too.
        let together = if 100 % together == 0 { together } else { 1 };
        run_with(Application::Backwards(together), script).assert_echo(&stream);
    }
}
