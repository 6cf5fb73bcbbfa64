//! The end of a sealed segment: what is in it, so that nobody has to read all of it to know.
//!
//! ```text
//! data end   entries: for each shard in order, for each batch in order
//!              0 8 offset of the first record    8 8 append time, ms
//!             16 4 position in the file         20 4 bytes of the frame, padding included
//!            producers: for each shard in order, those that wrote here, as they were at the end
//!              0 4 stream   4 4 shard   8 8 producer id   16 8 LSN of the latest batch
//!             24 2 epoch   26 2 number of batches, then for each batch, oldest first,
//!              0 4 base sequence   4 4 number of records   8 8 base offset   16 8 append time, ms
//!            shards: for each shard in order
//!              0 4 stream   4 4 shard   8 4 index of its first entry   12 4 number of entries
//!             16 8 first offset   24 8 offset after the last   32 8 bytes of its frames
//!             40 8 lowest append time, ms   48 8 highest append time, ms
//! file end   trailer, 64 bytes:
//!  - 64        0 8 "LBOOMEND"   8 8 epoch of the file   16 8 data end   24 8 highest append time
//!             32 4+4 bytes and CRC-32C of the entries   40 4+4 of the producers
//!             48 4+4 of the shards   56 4 zero   60 4 CRC-32C of the 60 bytes before
//! ```

use bytes::{Buf, BufMut};
use logboom_planted::planted;

use super::crc32c;
use crate::error::Flaw;
use crate::types::{Shard, StreamId};
use crate::write::producers::{BATCHES_MAX, Producer, SequencedBatch};

pub(crate) const ENTRY_BYTES: usize = 24;
pub(crate) const TRAILER_BYTES: usize = 64;
const SUMMARY_BYTES: usize = 56;
const PRODUCER_BYTES: usize = 28;
/// Where, in what a footer says of a producer, the LSN of its latest batch is.
const PRODUCER_LSN_AT: usize = 16;
const SEQUENCED_BATCH_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"LBOOMEND";

/// Where one batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) base_offset: i64,
    pub(crate) append_time_ms: i64,
    pub(crate) position: u32,
    pub(crate) frame_bytes: u32,
}

/// What one segment holds of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) shard: Shard,
    pub(crate) entries_start: u32,
    pub(crate) entries_count: u32,
    pub(crate) first_offset: i64,
    pub(crate) end_offset: i64,
    pub(crate) bytes: u64,
    pub(crate) append_time_min_ms: i64,
    pub(crate) append_time_max_ms: i64,
}

/// A producer in the section of producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerPlace {
    pub(crate) shard: Shard,
    pub(crate) id: i64,
    /// Where it begins in the section, and how long it is.
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

/// A part of the footer: how long it is, and its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Section {
    pub(crate) bytes: u32,
    pub(crate) crc: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) epoch: u64,
    /// Where the frames end and the entries begin.
    pub(crate) data_end: u64,
    pub(crate) append_time_max_ms: i64,
    pub(crate) entries: Section,
    pub(crate) producers: Section,
    pub(crate) shards: Section,
}

/// An upper bound for the bytes of a footer.
pub(crate) fn bytes_max(shards: usize, entries: usize, producers: usize) -> usize {
    TRAILER_BYTES
        + shards * SUMMARY_BYTES
        + entries * ENTRY_BYTES
        + producers * (PRODUCER_BYTES + BATCHES_MAX * SEQUENCED_BATCH_BYTES)
}

/// Puts a footer together. Shards, and the producers of a shard, come in order.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    entries: Vec<u8>,
    producers: Vec<u8>,
    shards: Vec<u8>,
    append_time_max_ms: Option<i64>,
}

impl Builder {
    /// Adds a shard and all of its batches. Which entries are its own is filled in here.
    pub(crate) fn add_shard(&mut self, summary: &Summary, entries: &[Entry]) {
        let entries_start = self.entries.len() / ENTRY_BYTES + usize::from(planted!(IndexOffByOne));
        for entry in entries {
            self.entries.put_i64_le(entry.base_offset);
            self.entries.put_i64_le(entry.append_time_ms);
            self.entries.put_u32_le(entry.position);
            self.entries.put_u32_le(entry.frame_bytes);
        }
        self.shards.put_u32_le(summary.shard.stream.get());
        self.shards.put_u32_le(summary.shard.index);
        self.shards.put_u32_le(section_u32(entries_start));
        self.shards.put_u32_le(section_u32(entries.len()));
        self.shards.put_i64_le(summary.first_offset);
        self.shards.put_i64_le(summary.end_offset);
        self.shards.put_u64_le(summary.bytes);
        self.shards.put_i64_le(summary.append_time_min_ms);
        self.shards.put_i64_le(summary.append_time_max_ms);
        self.append_time_max_ms = self.append_time_max_ms.max(Some(summary.append_time_max_ms));
    }

    pub(crate) fn add_producer(&mut self, shard: Shard, id: i64, producer: &Producer) {
        self.producers.put_u32_le(shard.stream.get());
        self.producers.put_u32_le(shard.index);
        self.producers.put_i64_le(id);
        self.producers.put_u64_le(producer.last_lsn);
        self.producers.put_i16_le(producer.epoch);
        let count = u16::try_from(producer.batches.len()).expect("a producer has a few batches");
        self.producers.put_u16_le(count);
        for batch in &producer.batches {
            self.producers.put_i32_le(batch.base_sequence);
            self.producers.put_u32_le(batch.record_count);
            self.producers.put_i64_le(batch.base_offset);
            self.producers.put_i64_le(batch.append_time_ms);
        }
    }

    /// All bytes from the end of the frames to the end of the file.
    pub(crate) fn finish(self, epoch: u64, data_end: u64) -> Vec<u8> {
        let trailer = Trailer {
            epoch,
            data_end,
            append_time_max_ms: self.append_time_max_ms.unwrap_or(i64::MIN),
            entries: Section::of(&self.entries),
            producers: Section::of(&self.producers),
            shards: Section::of(&self.shards),
        };
        let mut bytes = self.entries;
        bytes.extend_from_slice(&self.producers);
        bytes.extend_from_slice(&self.shards);
        trailer.encode(&mut bytes);
        bytes
    }
}

impl Section {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: section_u32(bytes.len()), crc: crc32c(&[bytes]) }
    }

    /// Whether these are the bytes of the section.
    pub(crate) fn check(self, bytes: &[u8]) -> Result<(), Flaw> {
        if self == Self::of(bytes) { Ok(()) } else { Err(Flaw::Checksum) }
    }
}

impl Trailer {
    fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.put_slice(MAGIC);
        out.put_u64_le(self.epoch);
        out.put_u64_le(self.data_end);
        out.put_i64_le(self.append_time_max_ms);
        for section in [self.entries, self.producers, self.shards] {
            out.put_u32_le(section.bytes);
            out.put_u32_le(section.crc);
        }
        out.put_u32_le(0);
        let crc = crc32c(&[&out[start..]]);
        out.put_u32_le(crc);
    }

    pub(crate) fn decode(bytes: &[u8; TRAILER_BYTES]) -> Result<Self, Flaw> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Flaw::Magic)?;
        let (checked, mut crc) = bytes.split_at(TRAILER_BYTES - 4);
        if crc.try_get_u32_le()? != crc32c(&[checked]) {
            return Err(Flaw::Checksum);
        }
        let epoch = rest.try_get_u64_le()?;
        let data_end = rest.try_get_u64_le()?;
        let append_time_max_ms = rest.try_get_i64_le()?;
        let mut section = || {
            let bytes = rest.try_get_u32_le()?;
            Ok::<_, Flaw>(Section { bytes, crc: rest.try_get_u32_le()? })
        };
        let (entries, producers, shards) = (section()?, section()?, section()?);
        Ok(Self { epoch, data_end, append_time_max_ms, entries, producers, shards })
    }

    /// The length of the file, if the trailer is at its end.
    pub(crate) fn file_bytes(&self) -> u64 {
        let sections = [self.entries, self.producers, self.shards];
        let sections: u64 = sections.iter().map(|section| u64::from(section.bytes)).sum();
        self.data_end.saturating_add(sections).saturating_add(TRAILER_BYTES as u64)
    }
}

pub(crate) fn decode_entries(mut bytes: &[u8]) -> Result<Vec<Entry>, Flaw> {
    let mut entries = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
    while !bytes.is_empty() {
        entries.push(Entry {
            base_offset: bytes.try_get_i64_le()?,
            append_time_ms: bytes.try_get_i64_le()?,
            position: bytes.try_get_u32_le()?,
            frame_bytes: bytes.try_get_u32_le()?,
        });
    }
    Ok(entries)
}

pub(crate) fn decode_shards(bytes: &[u8]) -> Result<Vec<Summary>, Flaw> {
    let mut shards = Vec::new();
    decode_shards_into(bytes, &mut shards)?;
    Ok(shards)
}

/// The same in memory that is there already.
pub(crate) fn decode_shards_into(bytes: &[u8], shards: &mut Vec<Summary>) -> Result<(), Flaw> {
    shards.clear();
    let (chunks, rest) = bytes.as_chunks::<SUMMARY_BYTES>();
    if !rest.is_empty() {
        return Err(Flaw::CutShort);
    }
    shards.reserve(chunks.len());
    for chunk in chunks {
        shards.push(decode_summary(chunk)?);
    }
    Ok(())
}

fn decode_summary(mut bytes: &[u8]) -> Result<Summary, Flaw> {
    let stream = StreamId::new(bytes.try_get_u32_le()?);
    Ok(Summary {
        shard: Shard::new(stream, bytes.try_get_u32_le()?),
        entries_start: bytes.try_get_u32_le()?,
        entries_count: bytes.try_get_u32_le()?,
        first_offset: bytes.try_get_i64_le()?,
        end_offset: bytes.try_get_i64_le()?,
        bytes: bytes.try_get_u64_le()?,
        append_time_min_ms: bytes.try_get_i64_le()?,
        append_time_max_ms: bytes.try_get_i64_le()?,
    })
}

/// Finds the producers of a section, in its order, without decoding more of them than who they are.
pub(crate) fn find_producers(section: &[u8], places: &mut Vec<ProducerPlace>) -> Result<(), Flaw> {
    places.clear();
    let mut rest = section;
    while !rest.is_empty() {
        let start = section.len() - rest.len();
        let mut head = rest.get(..PRODUCER_BYTES).ok_or(Flaw::CutShort)?;
        let stream = StreamId::new(head.try_get_u32_le()?);
        let shard = Shard::new(stream, head.try_get_u32_le()?);
        let id = head.try_get_i64_le()?;
        head.try_get_u64_le()?;
        head.try_get_i16_le()?;
        let count = usize::from(head.try_get_u16_le()?);
        if count > BATCHES_MAX {
            return Err(Flaw::Length);
        }
        let bytes = PRODUCER_BYTES + count * SEQUENCED_BATCH_BYTES;
        rest = rest.get(bytes..).ok_or(Flaw::CutShort)?;
        places.push(ProducerPlace { shard, id, start, bytes });
    }
    Ok(())
}

/// Decodes the producer that these bytes begin with.
pub(crate) fn decode_producer(mut bytes: &[u8]) -> Result<Producer, Flaw> {
    bytes = bytes.get(PRODUCER_LSN_AT..).ok_or(Flaw::CutShort)?;
    let last_lsn = bytes.try_get_u64_le()?;
    let epoch = bytes.try_get_i16_le()?;
    let count = usize::from(bytes.try_get_u16_le()?).min(BATCHES_MAX);
    let batch = |_| {
        Ok::<_, Flaw>(SequencedBatch {
            base_sequence: bytes.try_get_i32_le()?,
            record_count: bytes.try_get_u32_le()?,
            base_offset: bytes.try_get_i64_le()?,
            append_time_ms: bytes.try_get_i64_le()?,
        })
    };
    let batches = (0..count).map(batch).collect::<Result<_, Flaw>>()?;
    Ok(Producer { epoch, last_lsn, batches })
}

/// A section of a segment, which is at most 1 GiB, is counted in 32 bits.
fn section_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a footer fits into a segment")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Summary, [Entry; 2], Producer) {
        let entry = |base_offset, position| Entry {
            base_offset,
            append_time_ms: base_offset * 10,
            position,
            frame_bytes: 96,
        };
        let summary = Summary {
            shard: Shard::new(StreamId::new(3), 4),
            entries_start: 0,
            entries_count: 2,
            first_offset: 5,
            end_offset: 9,
            bytes: 192,
            append_time_min_ms: 50,
            append_time_max_ms: 70,
        };
        let batch = SequencedBatch {
            base_sequence: 1,
            record_count: 2,
            base_offset: 7,
            append_time_ms: 70,
        };
        let producer = Producer { epoch: 2, last_lsn: 96, batches: [batch].into() };
        (summary, [entry(5, 64), entry(7, 160)], producer)
    }

    fn encode() -> Vec<u8> {
        let (summary, entries, producer) = example();
        let mut builder = Builder::default();
        builder.add_shard(&summary, &entries);
        builder.add_producer(summary.shard, 11, &producer);
        builder.finish(42, 256)
    }

    #[test]
    fn a_footer_comes_back() {
        let bytes = encode();
        let trailer = Trailer::decode(bytes.last_chunk().unwrap()).unwrap();
        assert_eq!((trailer.epoch, trailer.data_end, trailer.append_time_max_ms), (42, 256, 70));
        assert_eq!(trailer.file_bytes(), 256 + bytes.len() as u64);
        let (entries, rest) = bytes.split_at(trailer.entries.bytes as usize);
        let (producers, rest) = rest.split_at(trailer.producers.bytes as usize);
        let (shards, _) = rest.split_at(trailer.shards.bytes as usize);
        trailer.entries.check(entries).unwrap();
        trailer.producers.check(producers).unwrap();
        trailer.shards.check(shards).unwrap();
        let (summary, expected, producer) = example();
        assert_eq!(decode_entries(entries).unwrap(), expected);
        assert_eq!(decode_shards(shards).unwrap(), [summary]);
        let mut places = Vec::new();
        find_producers(producers, &mut places).unwrap();
        let place =
            ProducerPlace { shard: summary.shard, id: 11, start: 0, bytes: producers.len() };
        assert_eq!(places, [place]);
        assert_eq!(decode_producer(producers).unwrap(), producer);
        assert!(bytes.len() <= bytes_max(1, 2, 1));
    }

    #[test]
    fn every_damaged_byte_of_a_trailer_is_noticed() {
        let bytes = encode();
        let trailer: [u8; TRAILER_BYTES] = *bytes.last_chunk().unwrap();
        for index in 0..TRAILER_BYTES {
            let mut damaged = trailer;
            damaged[index] ^= 1;
            assert!(Trailer::decode(&damaged).is_err(), "byte {index}");
        }
    }

    #[test]
    fn sections_that_end_inside_of_something_are_refused() {
        let (bytes, trailer) = (encode(), TRAILER_BYTES);
        let sections = &bytes[..bytes.len() - trailer];
        assert_eq!(decode_entries(&sections[..ENTRY_BYTES - 1]), Err(Flaw::CutShort));
        assert_eq!(decode_shards(&sections[..SUMMARY_BYTES - 1]), Err(Flaw::CutShort));
        let start = 2 * ENTRY_BYTES;
        let cut = &sections[start..start + PRODUCER_BYTES + 1];
        assert_eq!(find_producers(cut, &mut Vec::new()), Err(Flaw::CutShort));
        assert_eq!(decode_producer(cut), Err(Flaw::CutShort));
    }
}
