use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SHARDS: u32 = 2;
const NOT_ENOUGH_REPLICAS: i16 = 19;
const TIMED_OUT: i16 = 7;
const OUT_OF_ORDER: i16 = 45;
const TOO_LARGE: i16 = 10;

#[allow(clippy::disallowed_methods, reason = "tests need one point in time to start from")]
fn start() -> Instant {
    Instant::now()
}

/// The batch with this number, which is also its first line.
fn batch(number: u64, shard: u32) -> Batch {
    Batch { shard, first_line: number, line_count: 1, bytes: vec![0; 100].into() }
}

fn refused(code: i16) -> Answer {
    Answer::Refused { code, error: Error::refused("demo", code, None) }
}

fn outbox_with(numbers: std::ops::Range<u64>) -> Outbox {
    let mut outbox = Outbox::new(1, true);
    numbers.for_each(|number| outbox.push(batch(number, 0)));
    outbox
}

/// The numbers of all batches that may be sent now.
fn send_all(outbox: &mut Outbox, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| outbox.send(now)).map(|batch| batch.first_line).collect()
}

#[test]
fn one_batch_goes_ahead_and_then_five_at_a_time() {
    let (mut outbox, now) = (outbox_with(0..9), start());
    assert_eq!(send_all(&mut outbox, now), [0]);
    let verdict = outbox.answered(0, Answer::Stored(Some(40)), now).unwrap();
    assert!(matches!(verdict, Verdict::Stored(stored, Some(40)) if stored == batch(0, 0)));
    assert_eq!(send_all(&mut outbox, now), [1, 2, 3, 4, 5]);
    outbox.answered(0, Answer::Stored(None), now).unwrap();
    assert_eq!(send_all(&mut outbox, now), [6]);
    assert_eq!(outbox.first_line(), Some(2));
}

#[test]
fn without_sequence_numbers_only_one_batch_is_on_its_way() {
    let (mut outbox, now) = (Outbox::new(1, false), start());
    (0..3).for_each(|number| outbox.push(batch(number, 0)));
    for number in 0..3 {
        assert_eq!(send_all(&mut outbox, now), [number]);
        outbox.answered(0, Answer::Stored(None), now).unwrap();
    }
    assert!(outbox.is_empty());
}

#[test]
fn a_failed_batch_and_those_behind_it_are_sent_again_in_order() {
    let (mut outbox, now) = (outbox_with(0..4), start());
    send_all(&mut outbox, now);
    outbox.answered(0, Answer::Stored(None), now).unwrap();
    assert_eq!(send_all(&mut outbox, now), [1, 2, 3]);
    outbox.answered(0, refused(NOT_ENOUGH_REPLICAS), now).unwrap();
    outbox.answered(0, refused(OUT_OF_ORDER), now).unwrap();
    let later = now + BACKOFF_MIN;
    assert!(send_all(&mut outbox, later).is_empty(), "3 is not answered yet");
    let verdict = outbox.answered(0, refused(OUT_OF_ORDER), now).unwrap();
    assert!(matches!(verdict, Verdict::Again(_)));
    assert_eq!(outbox.retry_at(), Some(later));
    assert!(send_all(&mut outbox, now).is_empty(), "the wait is not over");
    assert_eq!(send_all(&mut outbox, later), [1]);
    outbox.answered(0, Answer::Stored(None), later).unwrap();
    assert_eq!(send_all(&mut outbox, later), [2, 3]);
}

#[test]
fn waits_grow_until_something_is_stored() {
    let (mut outbox, mut now) = (outbox_with(0..2), start());
    let mut waits = Vec::new();
    for _ in 0..7 {
        send_all(&mut outbox, now);
        outbox.answered(0, refused(TIMED_OUT), now).unwrap();
        let at = outbox.retry_at().unwrap();
        waits.push((at - now).as_millis());
        now = at;
    }
    assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
    send_all(&mut outbox, now);
    outbox.answered(0, Answer::Stored(None), now).unwrap();
    send_all(&mut outbox, now);
    outbox.answered(0, refused(TIMED_OUT), now).unwrap();
    assert_eq!(outbox.retry_at(), Some(now + BACKOFF_MIN));
}

#[test]
fn what_cannot_be_mended_ends_it() {
    for code in [TOO_LARGE, OUT_OF_ORDER] {
        let (mut outbox, now) = (outbox_with(0..2), start());
        send_all(&mut outbox, now);
        assert!(outbox.answered(0, refused(code), now).is_err(), "{code}");
        assert_eq!(outbox.first_line(), Some(0));
    }
}

#[test]
fn a_batch_that_came_twice_is_stored() {
    let (mut outbox, now) = (outbox_with(0..1), start());
    send_all(&mut outbox, now);
    let code = ErrorCode::DuplicateSequenceNumber.code();
    assert!(matches!(outbox.answered(0, refused(code), now), Ok(Verdict::Stored(_, None))));
    assert!(outbox.is_empty());
}

#[test]
fn a_lost_connection_begins_again_with_the_oldest_batch() {
    let (mut outbox, now) = (outbox_with(0..4), start());
    send_all(&mut outbox, now);
    outbox.answered(0, Answer::Stored(None), now).unwrap();
    assert_eq!(send_all(&mut outbox, now), [1, 2, 3]);
    outbox.connection_lost();
    assert_eq!(send_all(&mut outbox, now), [1]);
}

#[test]
fn shards_take_turns_and_do_not_wait_for_one_another() {
    let (mut outbox, now) = (Outbox::new(3, true), start());
    for number in 0..6 {
        outbox.push(batch(number, number as u32 % 3));
    }
    assert_eq!(send_all(&mut outbox, now), [0, 1, 2]);
    outbox.answered(1, refused(TIMED_OUT), now).unwrap();
    outbox.answered(0, Answer::Stored(None), now).unwrap();
    outbox.answered(2, Answer::Stored(None), now).unwrap();
    assert_eq!(send_all(&mut outbox, now), [3, 5]);
}

#[test]
fn an_answer_to_nothing_is_an_error_and_no_panic() {
    let mut outbox = outbox_with(0..1);
    assert!(outbox.answered(0, Answer::Stored(None), start()).is_err());
    assert!(outbox.answered(9, Answer::Stored(None), start()).is_err());
}

#[test]
fn room_is_limited_by_number_and_by_bytes() {
    let mut outbox = outbox_with(0..BATCHES_MAX as u64 - 1);
    assert!(outbox.has_room());
    outbox.push(batch(99, 0));
    assert!(!outbox.has_room());
    let mut outbox = Outbox::new(1, true);
    outbox.push(Batch { bytes: vec![0; BYTES_MAX].into(), ..batch(0, 0) });
    assert!(!outbox.has_room());
}

/// A server that stores batches, and what its answers were.
#[derive(Default)]
struct Server {
    /// The numbers of the batches that are stored, for each shard.
    logs: BTreeMap<u32, Vec<u64>>,
}

impl Server {
    /// Takes a batch as the store does: the next one of its shard is stored, one of the last five is
    /// known already, and the very first may be any.
    fn take(&mut self, batch: &Batch, fate: Fate) -> Answer {
        if fate == Fate::NotStored {
            return refused(NOT_ENOUGH_REPLICAS);
        }
        let log = self.logs.entry(batch.shard).or_default();
        let recent = log.iter().rev().take(5).any(|number| *number == batch.first_line);
        // Batch n goes to shard n modulo the number of shards.
        let next = log.last().map(|number| number + u64::from(SHARDS));
        if !recent {
            if next.is_some_and(|next| next != batch.first_line) {
                return refused(OUT_OF_ORDER);
            }
            log.push(batch.first_line);
        }
        match fate {
            Fate::StoredTooLate => refused(TIMED_OUT),
            _ => Answer::Stored(None),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Stored,
    StoredTooLate,
    NotStored,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    /// A batch goes out, if one may.
    Send,
    /// The server takes a batch off the connection.
    Take(Fate),
    /// The client gets an answer.
    Answer,
    /// The connection breaks. What the server has not taken yet may still reach it later.
    Break { arrives_later: bool },
    /// What was left on the last connection reaches the server.
    TakeLeftOver,
}

fn any_act() -> impl Strategy<Value = Act> {
    let fate = prop_oneof![
        4 => Just(Fate::Stored),
        1 => Just(Fate::StoredTooLate),
        1 => Just(Fate::NotStored),
    ];
    prop_oneof![
        6 => Just(Act::Send),
        5 => fate.prop_map(Act::Take),
        5 => Just(Act::Answer),
        1 => any::<bool>().prop_map(|arrives_later| Act::Break { arrives_later }),
        1 => Just(Act::TakeLeftOver),
    ]
}

/// A client and a server, and what is on its way between them.
struct World {
    outbox: Outbox,
    server: Server,
    now: Instant,
    /// Sent, and not yet taken by the server.
    requests: VecDeque<Batch>,
    /// Taken, and not yet answered.
    answers: VecDeque<(u32, Answer)>,
    left_over: VecDeque<Batch>,
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Send => self.requests.extend(self.outbox.send(self.now)),
            Act::Take(fate) => {
                if let Some(batch) = self.requests.pop_front() {
                    self.answers.push_back((batch.shard, self.server.take(&batch, fate)));
                }
            }
            Act::Answer => {
                if let Some((shard, answer)) = self.answers.pop_front() {
                    self.outbox.answered(shard, answer, self.now).unwrap();
                }
            }
            Act::Break { arrives_later } => {
                let requests = std::mem::take(&mut self.requests);
                if arrives_later {
                    self.left_over.extend(requests);
                }
                self.answers.clear();
                self.outbox.connection_lost();
            }
            Act::TakeLeftOver => {
                if let Some(batch) = self.left_over.pop_front() {
                    self.server.take(&batch, Fate::Stored);
                }
            }
        }
        self.now += BACKOFF_MIN;
    }
}

proptest! {
    #[test]
    fn every_batch_is_stored_once_and_in_order_whatever_happens(
        acts in prop::collection::vec(any_act(), 0..200),
        batches in 1_u64..16,
    ) {
        let mut world = World {
            outbox: Outbox::new(SHARDS, true),
            server: Server::default(),
            now: start(),
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            left_over: VecDeque::new(),
        };
        for number in 0..batches {
            world.outbox.push(batch(number, (number % u64::from(SHARDS)) as u32));
        }
        acts.into_iter().for_each(|act| world.act(act));
        // From here on nothing goes wrong.
        for _ in 0..1_000 {
            for act in [Act::Send, Act::Take(Fate::Stored), Act::Answer] {
                world.act(act);
            }
        }
        prop_assert!(world.outbox.is_empty());
        for shard in 0..SHARDS {
            let log = world.server.logs.remove(&shard).unwrap_or_default();
            let all: Vec<u64> =
                (0..batches).filter(|number| number % u64::from(SHARDS) == u64::from(shard)).collect();
            prop_assert_eq!(log, all);
        }
    }
}
