use logboom_sans_io::testing::{Event, Frames, WINDOW_FRAMES};
use logboom_sans_io::{Machine, Step};
use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};

use super::harness::{BOTH_VERSIONS, Pair};
use crate::{BYTES_PER_CONNECTION_MAX, CIPHERTEXT_BYTES_MAX};

fn frames(payloads: &[Vec<u8>]) -> Vec<Event> {
    let numbered = payloads.iter().zip(0..);
    numbered.map(|(payload, number)| Event::Frame { number, payload: payload.clone() }).collect()
}

fn encoded(payloads: &[Vec<u8>]) -> Vec<u8> {
    payloads.iter().flat_map(|payload| Frames::encode(payload)).collect()
}

#[test]
fn frames_come_and_answers_go_in_both_versions() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        let payloads = [b"hello".to_vec(), Vec::new(), vec![7; 100_000]];
        for payload in &payloads {
            pair.send_frame(payload, 1 << 14);
            pair.settle();
        }
        assert_eq!(pair.take_events(), frames(&payloads));
        assert_eq!(pair.received, encoded(&payloads));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chunking_gives_the_same_frames_and_answers(
        tls13 in any::<bool>(),
        lengths in prop::collection::vec((0_usize..9_000, 1_usize..20_000), 1..12),
        cuts in prop::collection::vec(
            prop_oneof![1_usize..8, 1_usize..300, 1_usize..70_000], 1..20),
    ) {
        let mut pair = Pair::new(if tls13 { &TLS13 } else { &TLS12 });
        pair.cuts = cuts;
        pair.settle();
        prop_assert_eq!(pair.take_events().len(), 1, "the handshake is complete");
        let payloads: Vec<Vec<u8>> = lengths.iter().map(|&(bytes, _)| vec![9; bytes]).collect();
        for (payload, (_, record_bytes)) in payloads.iter().zip(&lengths) {
            pair.send_frame(payload, *record_bytes);
        }
        pair.settle();
        prop_assert_eq!(pair.take_events(), frames(&payloads));
        prop_assert_eq!(&pair.received, &encoded(&payloads));
    }

    #[test]
    fn tiny_records_are_waited_for_in_large_amounts(
        record_bytes in 1_usize..300,
        payload_bytes in 1_000_usize..100_000,
    ) {
        let mut pair = Pair::open(&TLS13);
        pair.send_frame(&vec![1; payload_bytes], record_bytes);
        let mut reads = 0;
        while pair.take_events().is_empty() {
            // A host that waits for every byte it is told to wait for always gets there.
            let want = pair.wait.expect("the server waits").want;
            prop_assert!(want <= pair.to_server.len(), "more is awaited than will come");
            pair.cuts = vec![want];
            prop_assert!(pair.move_inwards());
            pair.poll();
            reads += 1;
        }
        // Far fewer turns than records: every turn leaves only the overhead of what it read.
        prop_assert!(reads < 40 + payload_bytes / record_bytes / 10, "{} reads", reads);
    }
}

#[test]
fn fewer_bytes_than_wanted_lead_to_nothing() {
    let mut pair = Pair::open(&TLS13);
    pair.send_frame(&[1; 30_000], 9_000);
    while pair.events.is_empty() {
        let mut missing = pair.wait.expect("the server waits").want;
        while missing > 0 {
            assert_eq!(pair.take_events(), []);
            let before = pair.to_server.len();
            // The last byte comes alone, behind everything that must not be enough.
            pair.cuts = vec![if missing == 1 { 1 } else { missing - 1 }];
            assert!(pair.move_inwards());
            pair.poll();
            missing -= before - pair.to_server.len();
        }
    }
    assert_eq!(pair.to_server, []);
}

#[test]
fn a_paused_machine_pauses_the_peer_and_loses_nothing() {
    for version in BOTH_VERSIONS {
        let mut pair = Pair::open(version);
        pair.echo = false;
        let payloads: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number; 10_000]).collect();
        payloads.iter().for_each(|payload| pair.send_frame(payload, 1_500));
        let sent = pair.to_server.len();
        pair.settle();
        assert_eq!(pair.events.len(), WINDOW_FRAMES);
        assert!(!pair.wait.expect("the server waits").read);
        let held = sent - pair.to_server.len() - WINDOW_FRAMES * 10_000;
        let toy_bytes_max = logboom_sans_io::testing::FRAME_BYTES_MAX + 8_192;
        assert!(held < BYTES_PER_CONNECTION_MAX + toy_bytes_max, "{held} bytes are held");
        for (payload, number) in payloads.iter().zip(0..) {
            pair.answer(number, payload);
            pair.settle();
        }
        assert_eq!(pair.take_events(), frames(&payloads));
        assert_eq!(pair.received, encoded(&payloads));
    }
}

#[test]
fn a_host_that_reads_on_without_being_asked_is_stopped_by_a_full_buffer() {
    let mut pair = Pair::open(&TLS13);
    let mut lent = 0;
    while let Some(space) = pair.server.recv_space() {
        lent += space.len();
        let n = space.len();
        pair.server.handle_received(n);
    }
    assert!(lent <= CIPHERTEXT_BYTES_MAX);
}

#[test]
fn the_machine_is_told_that_bytes_are_sent_when_their_ciphertext_is() {
    let mut pair = Pair::open(&TLS13);
    pair.send_frame(&[5; 200_000], 1 << 14);
    pair.collect_from_client();
    while pair.to_server.len() > 1 {
        pair.cuts = vec![1 << 16];
        pair.move_inwards();
        pair.poll();
    }
    assert!(pair.move_inwards() || !pair.take_events().is_empty());
    pair.poll();
    let unsent = |pair: &Pair| {
        let mut slices = [std::io::IoSlice::new(&[])];
        pair.server.inner().transmit(&mut slices);
        slices[0].len()
    };
    assert_eq!(unsent(&pair), 200_004, "encrypted is not sent");
    let mut last = 200_004;
    while unsent(&pair) > 0 {
        let mut slices = [std::io::IoSlice::new(&[])];
        assert_eq!(pair.server.transmit(&mut slices), 1);
        let offered = slices[0].len();
        assert!(offered <= CIPHERTEXT_BYTES_MAX);
        let n = offered.min(5_000);
        pair.server.handle_sent(n);
        assert!(unsent(&pair) <= last && last - unsent(&pair) <= 5_000 + 100);
        last = unsent(&pair);
        pair.poll();
    }
}

#[test]
fn new_keys_in_mid_stream_change_nothing() {
    let mut pair = Pair::open(&TLS13);
    for round in 0..100_u8 {
        pair.client.refresh_traffic_keys().expect("TLS 1.3 can renew its keys");
        pair.send_frame(&[round; 100], 50);
        pair.settle();
    }
    assert_eq!(pair.take_events().len(), 100);
    assert_eq!(pair.received.len(), 100 * 104);
}

#[test]
fn the_layer_can_be_boxed_like_any_machine() {
    use logboom_sans_io::testing::{Closed, Command};
    let pair = Pair::new(&TLS13);
    let now = pair.now;
    let mut boxed: Box<dyn Machine<Event = Event, Command = Command, Closed = Closed> + Send> =
        Box::new(pair.server);
    assert!(matches!(boxed.poll(now), Step::Wait(wait) if wait.read && !wait.write));
}
