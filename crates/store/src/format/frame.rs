//! One batch in a segment.
//!
//! ```text
//!  0  4  length: this header, client id and batch; 0 means that nothing was written here
//!  4  4  CRC-32C of the length and of everything from 8 on
//!  8  8  tag: the LSN of this frame xor the epoch of the file
//! 16  4  how many bytes of frames before this one were not known to be durable when it was written
//! 20  4  shard
//! 24  4  stream
//! 28  4  number of records
//! 32  8  offset of the first record
//! 40  8  append time, ms since 1970
//! 48 16  peer address, IPv4 in the first 4 bytes
//! 64  8  producer id
//! 72  4  base sequence
//! 76  2  producer epoch
//! 78  2  length of the client id
//! 80  1  form
//! 81  1  flags: 1 stamped by an idempotent producer, 2 the peer address is IPv4
//! 82  6  zero
//! 88  .  client id, batch, zeros up to a multiple of 8
//! ```
//!
//! The tag makes a frame good at one place of one file only, so that a write that went astray, a
//! block of an earlier life of the disk, or bytes that a producer made up are not taken for a
//! frame. What was not known to be durable tells torn frames from damaged ones: see the recovery of
//! the tail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{Buf, BufMut, Bytes};
use logboom_planted::planted;

use super::{crc32c, crc32c_with_tail};
use crate::error::Flaw;
use crate::types::{Append, ProducerStamp, Shard, StoredBatch, StreamId};

pub(crate) const HEADER_BYTES: usize = 88;
/// Frames begin at multiples of this.
pub(crate) const ALIGN: usize = 8;

const STAMPED: u8 = 1;
const IPV4: u8 = 2;

/// Where a batch comes to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    /// From [`Header::tag_at`](super::segment::Header::tag_at).
    pub(crate) tag: u64,
    /// Bytes of frames before this one that were not known to be durable when it was written.
    pub(crate) undurable_bytes: u32,
    pub(crate) base_offset: i64,
}

/// A frame that has been read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) undurable_bytes: u32,
    pub(crate) batch: StoredBatch,
}

/// The bytes of a frame before the batch, padding excluded.
pub(crate) fn unpadded_bytes(append: &Append) -> usize {
    HEADER_BYTES + append.client_id.len() + append.batch.len()
}

/// How many zeros follow so many bytes.
pub(crate) fn padding(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGN) - bytes
}

/// Appends what comes before the batch itself: the header and the client id.
///
/// The caller has checked that the length fits into 32 bits and that of the client id into 16.
pub(crate) fn encode_head(append: &Append, placement: Placement, out: &mut Vec<u8>) {
    let start = out.len();
    let length = u32::try_from(unpadded_bytes(append)).expect("a frame fits into a segment");
    let client_id_bytes = u16::try_from(append.client_id.len()).expect("checked by append");
    let stamp = append.producer.unwrap_or(ProducerStamp { id: -1, epoch: -1, base_sequence: -1 });
    let (peer, family) = match append.peer {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            (octets, IPV4)
        }
        IpAddr::V6(address) => (address.octets(), 0),
    };
    out.put_u32_le(length);
    out.put_u32_le(0);
    out.put_u64_le(placement.tag);
    out.put_u32_le(placement.undurable_bytes);
    out.put_u32_le(append.shard.index);
    out.put_u32_le(append.shard.stream.get());
    out.put_u32_le(append.record_count);
    out.put_i64_le(placement.base_offset);
    out.put_i64_le(append.append_time_ms);
    out.put_slice(&peer);
    out.put_i64_le(stamp.id);
    out.put_i32_le(stamp.base_sequence);
    out.put_i16_le(stamp.epoch);
    out.put_u16_le(client_id_bytes);
    out.put_u8(append.form);
    out.put_u8(family | if append.producer.is_some() { STAMPED } else { 0 });
    out.put_bytes(0, 6);
    debug_assert_eq!(out.len() - start, HEADER_BYTES);
    out.put_slice(&append.client_id);
    let (length, rest) = (&out[start..start + 4], &out[start + 8..]);
    let tail = append.checksum.and_then(|known| {
        let (head, tail) = append.batch.split_at_checked(known.start)?;
        Some((head, tail.len(), known.crc32c))
    });
    let crc = match tail {
        Some((head, bytes, crc)) => crc32c_with_tail(&[length, rest, head], bytes, crc),
        None => crc32c(&[length, rest, &append.batch]),
    };
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// How many bytes the frame has that begins with these, padding included. `None` where nothing
/// was written.
///
/// Checks the tag, but not the checksum, which needs the whole frame.
pub(crate) fn total_bytes(head: &[u8], tag: u64) -> Result<Option<usize>, Flaw> {
    let mut rest = head;
    let length = rest.try_get_u32_le()?;
    rest.try_get_u32_le()?;
    let found = rest.try_get_u64_le()?;
    if length == 0 && found == 0 {
        return Ok(None);
    }
    if found != tag {
        return Err(Flaw::Misplaced);
    }
    let length = usize::try_from(length).map_err(|_| Flaw::Length)?;
    if length < HEADER_BYTES {
        return Err(Flaw::Length);
    }
    Ok(Some(length.next_multiple_of(ALIGN)))
}

/// Takes apart the frame at the start of `bytes`, whose tag must be `tag`.
pub(crate) fn decode(bytes: &Bytes, tag: u64) -> Result<Frame, Flaw> {
    let mut rest = bytes.as_ref();
    let length = usize::try_from(rest.try_get_u32_le()?).map_err(|_| Flaw::Length)?;
    let crc = rest.try_get_u32_le()?;
    if rest.try_get_u64_le()? != tag {
        return Err(Flaw::Misplaced);
    }
    let frame = bytes.get(..length).ok_or(Flaw::CutShort)?;
    let (Some(checked), true) = (frame.get(8..), length >= HEADER_BYTES) else {
        return Err(Flaw::Length);
    };
    if crc != crc32c(&[&frame[..4], checked]) && !planted!(FrameChecksumIgnored) {
        return Err(Flaw::Checksum);
    }
    let undurable_bytes = rest.try_get_u32_le()?;
    let index = rest.try_get_u32_le()?;
    let stream = StreamId::new(rest.try_get_u32_le()?);
    let record_count = rest.try_get_u32_le()?;
    let base_offset = rest.try_get_i64_le()?;
    let append_time_ms = rest.try_get_i64_le()?;
    let peer = rest.try_get_u128()?;
    let id = rest.try_get_i64_le()?;
    let base_sequence = rest.try_get_i32_le()?;
    let epoch = rest.try_get_i16_le()?;
    let client_id_bytes = usize::from(rest.try_get_u16_le()?);
    let form = rest.try_get_u8()?;
    let flags = rest.try_get_u8()?;
    let batch_start = HEADER_BYTES + client_id_bytes;
    if batch_start > length || record_count == 0 || base_offset < 0 {
        return Err(Flaw::Length);
    }
    let batch = StoredBatch {
        shard: Shard::new(stream, index),
        base_offset,
        record_count,
        append_time_ms,
        form,
        peer: decode_peer(peer, flags),
        client_id: bytes.slice(HEADER_BYTES..batch_start),
        producer: (flags & STAMPED != 0).then_some(ProducerStamp { id, epoch, base_sequence }),
        batch: bytes.slice(batch_start..length),
    };
    Ok(Frame { undurable_bytes, batch })
}

fn decode_peer(octets: u128, flags: u8) -> IpAddr {
    if flags & IPV4 == 0 {
        return Ipv6Addr::from_bits(octets).into();
    }
    let [a, b, c, d, ..] = octets.to_be_bytes();
    Ipv4Addr::new(a, b, c, d).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::TailChecksum;

    const TAG: u64 = 0xfeed_0000_1234_5678;

    fn encode(append: &Append, base_offset: i64) -> Bytes {
        let mut bytes = Vec::new();
        encode_head(append, Placement { tag: TAG, undurable_bytes: 9, base_offset }, &mut bytes);
        bytes.extend_from_slice(&append.batch);
        bytes.resize(bytes.len() + padding(bytes.len()), 0);
        bytes.into()
    }

    fn appends() -> impl Strategy<Value = Append> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..50).prop_map(Bytes::from);
        let stamp = any::<(i64, i16, i32)>().prop_map(|(id, epoch, base_sequence)| ProducerStamp {
            id,
            epoch,
            base_sequence,
        });
        let numbers = (any::<[u32; 2]>(), 1..u32::MAX, any::<u8>(), any::<i64>());
        (numbers, any::<IpAddr>(), bytes(), bytes(), prop::option::of(stamp)).prop_map(
            |((shard, record_count, form, append_time_ms), peer, client_id, batch, producer)| {
                Append {
                    shard: Shard::new(StreamId::new(shard[0]), shard[1]),
                    batch,
                    record_count,
                    form,
                    peer,
                    client_id,
                    append_time_ms,
                    producer,
                    checksum: None,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was_put_in(append in appends(), offset in 0..i64::MAX) {
            let bytes = encode(&append, offset);
            prop_assert_eq!(bytes.len() % ALIGN, 0);
            prop_assert_eq!(total_bytes(&bytes, TAG), Ok(Some(bytes.len())));
            let frame = decode(&bytes, TAG).unwrap();
            prop_assert_eq!(frame.undurable_bytes, 9);
            prop_assert_eq!(frame.batch, StoredBatch {
                shard: append.shard,
                base_offset: offset,
                record_count: append.record_count,
                append_time_ms: append.append_time_ms,
                form: append.form,
                peer: append.peer,
                client_id: append.client_id,
                producer: append.producer,
                batch: append.batch,
            });
        }

        #[test]
        fn a_frame_is_the_same_whether_the_checksum_of_its_batch_is_known_or_not(
            append in appends(),
            start in any::<prop::sample::Index>(),
        ) {
            let start = start.index(append.batch.len() + 1);
            let checksum = TailChecksum { start, crc32c: crc32c(&[&append.batch[start..]]) };
            let known = Append { checksum: Some(checksum), ..append.clone() };
            prop_assert_eq!(encode(&known, 5), encode(&append, 5));
        }

        #[test]
        fn no_flipped_bit_goes_unnoticed(append in appends(), bit in any::<prop::sample::Index>()) {
            let bytes = encode(&append, 5);
            let bit = bit.index(unpadded_bytes(&append) * 8);
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&damaged.into(), TAG).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut tagged = bytes.clone();
            if let Some(tag) = tagged.get_mut(8..16) {
                tag.copy_from_slice(&TAG.to_le_bytes());
            }
            for bytes in [bytes, tagged] {
                let _ = total_bytes(&bytes, TAG);
                prop_assert!(decode(&bytes.into(), TAG).is_err());
            }
        }
    }

    #[test]
    fn a_frame_is_good_at_its_own_place_only() {
        let append = Append {
            shard: Shard::new(StreamId::new(1), 2),
            batch: Bytes::from_static(b"batch"),
            record_count: 1,
            form: 0,
            peer: Ipv4Addr::LOCALHOST.into(),
            client_id: Bytes::new(),
            append_time_ms: 0,
            producer: None,
            checksum: None,
        };
        let bytes = encode(&append, 0);
        assert_eq!(decode(&bytes, TAG + 8), Err(Flaw::Misplaced));
        assert_eq!(total_bytes(&bytes, TAG + 8), Err(Flaw::Misplaced));
    }

    #[test]
    fn unwritten_space_is_told_from_damage() {
        assert_eq!(total_bytes(&[0; 16], TAG), Ok(None));
        assert_eq!(total_bytes(&[0; 15], TAG), Err(Flaw::CutShort));
    }
}
