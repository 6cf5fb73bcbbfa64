//! What footers say of producers, until it is known what of it counts.
//!
//! A producer that writes all the time is in the footer of every segment, and only what the newest one
//! says of it counts. So they are collected, and what is out of date is left out from time to time, which
//! costs less than taking it over.

use std::collections::BTreeMap;

use crate::error::Flaw;
use crate::format::footer::{self, ProducerPlace};
use crate::options::Options;
use crate::types::Shard;
use crate::write::writer::ShardTail;

/// About so much is collected. It bounds the memory that opening takes beside what the store keeps.
const BYTES_MAX: usize = 8 << 20;

/// Producers that have not been taken over yet.
#[derive(Debug)]
pub(super) struct Remembered {
    /// What footers say of them, one after another.
    bytes: Vec<u8>,
    /// Where each of them is in it. What is newer stands behind what is older.
    places: Vec<ProducerPlace>,
    bytes_max: usize,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { bytes: Vec::new(), places: Vec::new(), bytes_max: BYTES_MAX }
    }
}

impl Remembered {
    /// Adds the producers of the next segment. Returns whether that is as much as can be collected: then
    /// it is time to take over what there is.
    #[must_use]
    pub(super) fn add(&mut self, section: &[u8], places: &[ProducerPlace]) -> bool {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(section);
        let moved = |place: &ProducerPlace| ProducerPlace { start: before + place.start, ..*place };
        self.places.extend(places.iter().map(moved));
        if self.bytes.len() < self.bytes_max {
            return false;
        }
        self.keep_newest();
        // Otherwise this would have to be done again and again, for little.
        self.bytes.len() > self.bytes_max / 2
    }

    /// Takes over what there is. Afterwards the shards are as if each producer had been taken over from
    /// each segment, oldest first: of a shard those are kept that wrote last, whatever their order.
    pub(super) fn restore(
        &mut self,
        shards: &mut BTreeMap<Shard, ShardTail>,
        options: &Options,
    ) -> Result<(), Flaw> {
        self.keep_newest();
        for place in self.places.drain(..) {
            let producer = footer::decode_producer(record(&self.bytes, &place))?;
            let tail = shards.entry(place.shard).or_default();
            tail.producers.restore(place.id, producer, options);
        }
        self.bytes.clear();
        Ok(())
    }

    /// Leaves out what is out of date.
    fn keep_newest(&mut self) {
        let who = |place: &ProducerPlace| (place.shard, place.id);
        // Each segment is in this order by itself, and a sort that is stable makes use of that; and it
        // leaves what is newer behind what is older.
        self.places.sort_by_key(who);
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let same = self.places.chunk_by(|one, other| who(one) == who(other));
        for newest in same.filter_map(<[_]>::last) {
            places.push(ProducerPlace { start: bytes.len(), ..*newest });
            bytes.extend_from_slice(record(&self.bytes, newest));
        }
        (self.bytes, self.places) = (bytes, places);
    }
}

fn record<'a>(bytes: &'a [u8], place: &ProducerPlace) -> &'a [u8] {
    bytes.get(place.start..).and_then(|rest| rest.get(..place.bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::footer::Builder;
    use crate::types::StreamId;
    use crate::write::producers::{Producer, SequencedBatch};

    const SHARDS: u32 = 3;

    fn options() -> Options {
        Options { producers_per_shard_max: 4, ..Options::default() }
    }

    fn producer(last_lsn: u64) -> Producer {
        let base_offset = i64::try_from(last_lsn).unwrap();
        let batch =
            SequencedBatch { base_sequence: 0, record_count: 1, base_offset, append_time_ms: 5 };
        Producer { epoch: 0, last_lsn, batches: [batch; 2].into() }
    }

    /// The producers that wrote in one segment, each once, in the order of a footer.
    type Segment = BTreeMap<(Shard, i64), Producer>;

    /// Segments from who wrote in them, one after another.
    fn segments(writers: &[Vec<(u32, i64)>]) -> Vec<Segment> {
        let mut lsn = 0;
        let mut segment = |writers: &Vec<(u32, i64)>| {
            let mut segment = Segment::new();
            for (shard, id) in writers {
                lsn += 8;
                let shard = Shard::new(StreamId::new(1), shard % SHARDS);
                segment.insert((shard, *id), producer(lsn));
            }
            segment
        };
        writers.iter().map(&mut segment).collect()
    }

    fn known(shards: &BTreeMap<Shard, ShardTail>) -> Vec<(Shard, i64, Producer)> {
        let of = |(shard, tail): (&Shard, &ShardTail)| {
            let producers = tail.producers.since(0);
            producers.map(|(id, producer)| (*shard, id, producer.clone())).collect::<Vec<_>>()
        };
        shards.iter().flat_map(of).collect()
    }

    proptest! {
        #[test]
        fn the_outcome_is_that_of_taking_over_one_segment_after_the_other(
            writers in prop::collection::vec(
                prop::collection::vec((0..SHARDS, 0..9i64), 0..12), 0..30),
            bytes_max in 1..4000usize,
        ) {
            let mut remembered = Remembered { bytes_max, ..Remembered::default() };
            let (mut shards, mut expected) = (BTreeMap::new(), BTreeMap::new());
            for segment in segments(&writers) {
                let mut builder = Builder::default();
                for ((shard, id), producer) in segment {
                    builder.add_producer(shard, id, &producer);
                    let tail: &mut ShardTail = expected.entry(shard).or_default();
                    tail.producers.restore(id, producer, &options());
                }
                let footer = builder.finish(0, 0);
                let section = &footer[..footer.len() - footer::TRAILER_BYTES];
                let mut places = Vec::new();
                footer::find_producers(section, &mut places).unwrap();
                if remembered.add(section, &places) {
                    remembered.restore(&mut shards, &options()).unwrap();
                }
            }
            remembered.restore(&mut shards, &options()).unwrap();
            prop_assert_eq!(known(&shards), known(&expected));
        }
    }

    #[test]
    fn a_few_producers_that_write_all_the_time_are_never_too_many() {
        let mut remembered = Remembered { bytes_max: 1000, ..Remembered::default() };
        for number in 0..1000 {
            let mut builder = Builder::default();
            builder.add_producer(Shard::new(StreamId::new(1), 0), 7, &producer(number * 8));
            let footer = builder.finish(0, 0);
            let section = &footer[..footer.len() - footer::TRAILER_BYTES];
            let mut places = Vec::new();
            footer::find_producers(section, &mut places).unwrap();
            assert!(!remembered.add(section, &places));
            assert!(remembered.bytes.len() < 1000);
        }
    }
}
