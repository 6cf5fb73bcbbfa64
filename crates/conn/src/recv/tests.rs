use proptest::prelude::*;

use super::*;

fn feed(receiver: &mut Receiver, mut bytes: &[u8], chunk_bytes_max: usize) {
    while !bytes.is_empty() && receiver.room() > 0 {
        let space = receiver.space(receiver.room().min(chunk_bytes_max));
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        receiver.received(n);
        bytes = &bytes[n..];
    }
}

fn take(receiver: &mut Receiver) -> Option<Bytes> {
    if receiver.has_body() {
        return receiver.take_body();
    }
    let frame_bytes = u32::from_be_bytes(receiver.prefix()?) as usize;
    receiver.take_frame(frame_bytes, || Some(Custody::Connection))
}

fn framed(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes(), payload].concat()
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        sizes in prop::collection::vec(0..20_000usize, 1..8),
        chunk_bytes_max in 1..20_000usize,
    ) {
        let payloads: Vec<Vec<u8>> =
            sizes.iter().enumerate().map(|(n, size)| vec![n as u8 + 1; *size]).collect();
        let stream: Vec<u8> = payloads.iter().flat_map(|payload| framed(payload)).collect();
        let mut receiver = Receiver::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(chunk_bytes_max) {
            let mut chunk = chunk;
            while !chunk.is_empty() {
                let n = chunk.len().min(receiver.room());
                feed(&mut receiver, &chunk[..n], chunk_bytes_max);
                chunk = &chunk[n..];
                while let Some(frame) = take(&mut receiver) {
                    frames.push(frame);
                }
            }
        }
        prop_assert_eq!(frames, payloads);
        prop_assert!(receiver.is_between_frames());
    }
}

#[test]
fn a_frame_keeps_its_reservation_until_its_last_view_is_dropped() {
    let guard = Arc::new(());
    let reservation = Reservation::new(Arc::clone(&guard));
    let mut receiver = Receiver::new();
    feed(&mut receiver, &framed(b"abcdefgh"), usize::MAX);
    let pool = Arc::default();
    let custody = Custody::Process { reservation, pool };
    let frame = receiver.take_frame(8, || Some(custody)).unwrap();
    let view = frame.slice(2..4);
    drop(frame);
    drop(receiver);
    assert_eq!(Arc::strong_count(&guard), 2);
    drop(view);
    assert_eq!(Arc::strong_count(&guard), 1);
}

#[test]
fn nothing_of_a_frame_before_authentication_stays_in_the_staging_buffer() {
    let mut receiver = Receiver::new();
    feed(&mut receiver, &framed(b"\0project\0key#secret"), usize::MAX);
    take(&mut receiver).unwrap();
    assert!(!receiver.staging.windows(6).any(|window| window == b"secret"));
}

#[test]
fn an_empty_buffer_is_given_back_and_made_again() {
    let mut receiver = Receiver::new();
    assert_eq!(receiver.bytes_held(), 0);
    for _ in 0..2 {
        feed(&mut receiver, &framed(b"abcdefgh"), 5);
        receiver.release();
        assert_eq!(receiver.bytes_held(), STAGING_BYTES, "a frame is in it");
        assert_eq!(take(&mut receiver).unwrap(), &b"abcdefgh"[..]);
        receiver.release();
        assert_eq!(receiver.bytes_held(), 0);
    }
}

#[test]
fn behind_a_large_frame_there_is_only_as_much_room_as_the_next_prefix_needs() {
    let mut receiver = Receiver::new();
    let bytes_of = |large| if large { STAGING_BYTES_MIN } else { STAGING_BYTES };
    for frame_bytes in [STAGING_BYTES, STAGING_BYTES, 8, 8] {
        feed(&mut receiver, &(frame_bytes as u32).to_be_bytes(), usize::MAX);
        assert!(take(&mut receiver).is_none());
        feed(&mut receiver, &vec![7; frame_bytes], usize::MAX);
        assert_eq!(take(&mut receiver).unwrap().len(), frame_bytes);
        receiver.release();
        let large = frame_bytes == STAGING_BYTES;
        assert_eq!(receiver.room(), bytes_of(large));
    }
}

#[test]
fn the_room_grows_again_although_the_buffer_is_never_empty() {
    let mut receiver = Receiver::new();
    let large = framed(&[7; STAGING_BYTES]);
    feed(&mut receiver, &large[..PREFIX_BYTES], usize::MAX);
    assert!(take(&mut receiver).is_none());
    feed(&mut receiver, &large[PREFIX_BYTES..], usize::MAX);
    assert!(take(&mut receiver).is_some());
    feed(&mut receiver, &[framed(b"abcdefgh"), vec![0, 0]].concat(), usize::MAX);
    assert_eq!(take(&mut receiver).unwrap(), &b"abcdefgh"[..]);
    assert_eq!(receiver.room(), STAGING_BYTES - 2);
    feed(&mut receiver, &framed(b"ijklmnop")[2..], usize::MAX);
    assert_eq!(take(&mut receiver).unwrap(), &b"ijklmnop"[..]);
}

#[test]
fn lent_memory_stays_until_it_is_known_what_came() {
    let mut receiver = Receiver::new();
    receiver.space(12).copy_from_slice(&framed(b"abcdefgh"));
    receiver.release();
    receiver.received(12);
    assert_eq!(take(&mut receiver).unwrap(), &b"abcdefgh"[..]);
}

#[test]
fn a_frame_in_used_memory_shows_nothing_of_the_last_one() {
    let pool = Arc::new(FramePool::default());
    for (fill, frame_bytes) in [(7, 100_000), (1, 90_000)] {
        let mut receiver = Receiver::new();
        feed(&mut receiver, &(frame_bytes as u32).to_be_bytes(), usize::MAX);
        let reservation = Reservation::new(());
        let custody = Custody::Process { reservation, pool: Arc::clone(&pool) };
        assert!(receiver.take_frame(frame_bytes, || Some(custody)).is_none());
        feed(&mut receiver, &vec![fill; frame_bytes - 1], usize::MAX);
        assert!(receiver.take_body().is_none());
        feed(&mut receiver, &[fill], usize::MAX);
        assert_eq!(receiver.take_body().unwrap(), vec![fill; frame_bytes]);
    }
}

#[test]
fn a_refused_reservation_leaves_the_frame_where_it_is() {
    let mut receiver = Receiver::new();
    feed(&mut receiver, &framed(b"abcdefgh"), usize::MAX);
    assert_eq!(receiver.take_frame(8, || None), None);
    assert!(receiver.has_frame());
    assert_eq!(take(&mut receiver).unwrap(), &b"abcdefgh"[..]);
}

#[test]
fn the_missing_bytes_are_never_overestimated() {
    let mut receiver = Receiver::new();
    assert_eq!(receiver.missing(), PREFIX_BYTES);
    feed(&mut receiver, &[0, 0, 39], usize::MAX);
    assert_eq!(receiver.missing(), 1);
    feed(&mut receiver, &[16], usize::MAX);
    assert_eq!(receiver.missing(), 10_000);
    assert!(take(&mut receiver).is_none());
    feed(&mut receiver, &[7; 9_000], usize::MAX);
    assert_eq!(receiver.missing(), 1_000);
    feed(&mut receiver, &[7; 1_000], usize::MAX);
    assert!(receiver.has_frame());
    assert_eq!(take(&mut receiver).unwrap().len(), 10_000);
}

#[test]
#[should_panic(expected = "5 bytes received into a space of 4")]
fn more_bytes_than_lent_are_a_bug_of_the_host() {
    let mut receiver = Receiver::new();
    receiver.space(4);
    receiver.received(5);
}
