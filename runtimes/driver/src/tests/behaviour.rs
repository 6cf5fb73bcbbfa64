use std::io::ErrorKind;

use logboom_sans_io::testing::{Closed, Command, Frames, PANIC, WINDOW_FRAMES};
use proptest::prelude::*;

use super::script::{Act, Host, IDLE_AFTER};
use crate::{SLICES_MAX, TURNS_MAX, WANT_BYTES_MAX, WANT_BYTES_MIN};

fn frame(payload: &[u8]) -> Act {
    Act::Bytes(Frames::encode(payload))
}

fn answer(number: u64, payload: &[u8]) -> Command {
    Command::Answer { number, payload: payload.to_vec() }
}

fn storm() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Fail(ErrorKind::Interrupted)),
        Just(Act::Fail(ErrorKind::WouldBlock)),
        Just(Act::Blink),
    ]
}

proptest! {
    #[test]
    fn storms_and_short_reads_and_writes_change_nothing(
        lengths in prop::collection::vec(0_usize..3_000, 1..30),
        cut in 1_usize..500,
        read_storm in prop::collection::vec(prop::option::of(storm()), 1..20),
        tells_readable: bool,
        writes in prop::collection::vec(
            prop_oneof![storm(), (1_usize..200).prop_map(Act::Take)], 0..300),
    ) {
        let stream: Vec<u8> =
            lengths.iter().flat_map(|&length| Frames::encode(&vec![7; length])).collect();
        let mut storms = read_storm.into_iter().cycle();
        let reads = stream
            .chunks(cut)
            .flat_map(|chunk| storms.next().flatten().into_iter().chain([Act::Bytes(chunk.to_vec())]));
        let mut host = Host::new(reads.chain([Act::Eof]));
        host.world().writes = writes.into();
        host.world().tells_readable = tells_readable;
        host.run();
        prop_assert_eq!(&host.world().endings, &[Ok(Closed::PeerClosed)]);
        prop_assert_eq!(&host.world().written, &stream);
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let stream = Frames::encode(b"hello");
    let mut host = Host::new(stream.iter().map(|byte| Act::Bytes(vec![*byte])));
    host.change(|world| world.reads.push_back(Act::Eof));
    assert_eq!(host.world().written, stream);
    assert_eq!(host.world().endings, [Ok(Closed::PeerClosed)]);
}

#[test]
fn nothing_is_read_where_the_transport_says_that_nothing_is_there() {
    for tells_readable in [true, false] {
        let mut host = Host::new([frame(b"one")]);
        host.world().tells_readable = tells_readable;
        host.world().echo = false;
        host.run();
        for number in 0..2 {
            host.inbox.push(answer(number, b"answer"));
            host.run();
            host.change(|world| world.reads.push_back(frame(b"more")));
        }
        let world = host.world();
        assert_eq!(world.events.len(), 3, "every frame has arrived");
        assert_eq!(world.reads_for_nothing == 0, tells_readable);
    }
}

#[test]
fn the_end_of_the_stream_inside_a_frame_reaches_the_machine() {
    let mut host = Host::new([Act::Bytes(vec![0, 0, 0, 9, 1]), Act::Eof]);
    host.run();
    assert_eq!(host.world().endings, [Ok(Closed::Truncated)]);
}

#[test]
fn a_write_that_takes_nothing_is_an_error() {
    let mut host = Host::new([frame(b"hello")]);
    host.world().writes = [Act::Take(0)].into();
    host.run();
    assert_eq!(host.world().endings, [Ok(Closed::Transport(ErrorKind::WriteZero))]);
}

#[test]
fn a_broken_transport_ends_the_connection_once() {
    for kind in [ErrorKind::ConnectionReset, ErrorKind::TimedOut] {
        let mut host = Host::new([frame(b"hello"), Act::Fail(kind)]);
        host.world().stuck = true;
        host.run();
        assert_eq!(host.world().endings, [Ok(Closed::Transport(kind))]);
    }
}

#[test]
fn a_break_is_asked_for_only_while_nobody_reads_or_writes() {
    let kind = ErrorKind::ConnectionReset;
    let mut host = Host::new((0..WINDOW_FRAMES - 1).map(|_| frame(b"hello")));
    host.world().echo = false;
    host.world().broken = Some(kind);
    host.run();
    assert_eq!(host.world().endings, [], "a read will find out");
    host.change(|world| world.reads.push_back(frame(b"the window is full")));
    assert_eq!(host.world().endings, [Ok(Closed::Transport(kind))]);
}

#[test]
fn a_panic_of_the_machine_or_of_the_session_ends_only_the_connection() {
    for payload in [PANIC, b"session panic"] {
        let mut host = Host::new([frame(b"good"), frame(payload), frame(b"never read")]);
        host.world().echo = false;
        host.run();
        assert_eq!(host.world().endings, [Err("panic")]);
        assert_eq!(host.world().reads.len(), 1);
    }
}

#[test]
fn a_stuck_write_does_not_keep_bytes_from_being_read() {
    let mut host = Host::new((0..20).map(|_| frame(b"hello")));
    host.world().stuck = true;
    host.run();
    assert_eq!(host.world().events.len(), 20);
    assert_eq!(host.world().written, []);
    host.change(|world| world.stuck = false);
    assert_eq!(host.world().written, Frames::encode(b"hello").repeat(20));
    assert_eq!(host.world().slices_max, SLICES_MAX);
}

#[test]
fn reading_goes_on_between_short_writes() {
    let mut host = Host::new([frame(&[1; 1_000]), frame(b"second"), frame(b"third")]);
    host.world().writes = vec![Act::Take(1); 2_000].into();
    host.run();
    let written: Vec<usize> = host.world().events.iter().map(|(_, written)| *written).collect();
    assert!(written[2] < 10, "a frame waited until {} bytes were written", written[2]);
}

#[test]
fn a_machine_that_pauses_reading_is_not_read_for() {
    let mut host = Host::new((0..100).map(|_| frame(b"hello")));
    host.world().echo = false;
    host.run();
    assert_eq!(host.world().events.len(), WINDOW_FRAMES);
    assert_eq!(host.world().reads.len(), 100 - WINDOW_FRAMES);
    for number in 0..100 {
        host.inbox.push(answer(number, b"late"));
        host.run();
    }
    assert_eq!(host.world().written, Frames::encode(b"late").repeat(100));
}

#[test]
fn answers_wake_the_connection_and_leave_in_order() {
    let mut host = Host::new([frame(b"first"), frame(b"second")]);
    host.world().echo = false;
    host.run();
    host.inbox.push(answer(1, b"2"));
    host.run();
    assert_eq!(host.world().written, []);
    host.inbox.push(answer(0, b"1"));
    host.inbox.push(answer(0, b"stale, and harmless"));
    host.run();
    assert_eq!(host.world().written, [Frames::encode(b"1"), Frames::encode(b"2")].concat());
}

#[test]
fn the_writing_side_is_shut_down_once_and_behind_everything_written() {
    let mut host = Host::new([frame(b"last")]);
    host.world().writes = [Act::Take(3), Act::Blink, Act::Take(2)].into();
    host.run();
    host.inbox.push(Command::Drain);
    host.run();
    assert_eq!(host.world().shutdowns, [8]);
    assert_eq!(host.world().endings, []);
    host.change(|world| world.reads.extend([Act::Bytes(vec![1; 5_000]), Act::Eof]));
    assert_eq!(host.world().shutdowns, [8]);
    assert_eq!(host.world().endings, [Ok(Closed::Drained)]);
}

#[test]
fn the_timer_is_set_only_to_ring_earlier_and_may_ring_too_early() {
    let mut host = Host::new([]);
    host.run();
    for _ in 0..9 {
        host.change(|world| {
            world.now += IDLE_AFTER / 10;
            world.reads.push_back(frame(b"alive"));
        });
    }
    assert_eq!(host.world().alarms_set, 1);
    host.change(|world| world.now += IDLE_AFTER / 10);
    assert_eq!(host.world().alarms_set, 2, "it rang for the first deadline, and there is a later");
    assert_eq!(host.world().endings, []);
    host.change(|world| world.now += IDLE_AFTER * 9 / 10);
    assert_eq!(host.world().endings, [Ok(Closed::TimedOut)]);
}

#[test]
fn hints_are_large_or_fall_and_never_ask_for_more_than_will_come() {
    let payload_bytes = 200_000;
    let stream = Frames::encode(&vec![1; payload_bytes]);
    let mut host = Host::new(stream.chunks(3_000).map(|chunk| Act::Bytes(chunk.to_vec())));
    host.run();
    let wants = host.world().wants.clone();
    assert_eq!(wants.first(), Some(&WANT_BYTES_MAX));
    assert_eq!(wants.last(), Some(&4), "back to the length of the next frame");
    let mut last = 1;
    for want in wants {
        assert!(want < last || want > WANT_BYTES_MIN && want <= WANT_BYTES_MAX);
        last = want;
    }
    assert_eq!(host.world().events.len(), 1);

    let mut host = Host::new((0..20).map(|_| frame(&[1; 500])));
    host.run();
    assert_eq!(host.world().wants, [], "short frames cost no hints");
}

#[test]
fn a_task_that_has_slept_has_its_full_budget_again() {
    let mut host = Host::new([]);
    host.world().echo = false;
    host.run();
    for _ in 0..WINDOW_FRAMES {
        assert_eq!(host.change(|world| world.reads.push_back(frame(b"calm"))), 1);
    }
}

#[test]
fn a_flood_yields_to_other_tasks() {
    let mut host = Host::new((0..1_000).map(|_| frame(b"flood")));
    let mut polls = 0;
    while !host.poll() {
        polls += 1;
    }
    assert!(polls > 2 * 1_000 / TURNS_MAX, "{polls} polls");
    assert_eq!(host.world().events.len(), 1_000);
}
