//! What footers say of producers, until it is known what of it counts.
//!
//! A producer that writes all the time is in the footer of every segment, and only the newest one counts.
//! So they are collected for a while and then looked at from the newest to the oldest: what is known by
//! then is left out, and costs hardly anything.

use std::collections::BTreeMap;

use crate::error::Flaw;
use crate::format::footer::{self, ProducerPlace};
use crate::options::Options;
use crate::types::Shard;
use crate::write::writer::ShardTail;

/// So much is collected. It bounds the memory that opening takes beside what the store keeps.
const BYTES_MAX: usize = 16 << 20;

/// Producers that have not been taken over yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// What footers say of them, one after another.
    bytes: Vec<u8>,
    /// Where each of them is in it.
    places: Vec<ProducerPlace>,
}

impl Remembered {
    /// Adds the producers of the next segment.
    pub(super) fn add(&mut self, section: &[u8], places: &[ProducerPlace]) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(section);
        let moved = |place: &ProducerPlace| ProducerPlace { start: before + place.start, ..*place };
        self.places.extend(places.iter().map(moved));
    }

    /// Whether it is time to take over what there is.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES_MAX
    }

    /// Takes over what there is. Afterwards the shards are as if this had been done one by one, from the
    /// oldest to the newest: of a shard those are kept that wrote last, and of each what was said last.
    pub(super) fn restore(
        &mut self,
        shards: &mut BTreeMap<Shard, ShardTail>,
        options: &Options,
    ) -> Result<(), Flaw> {
        for place in self.places.drain(..).rev() {
            let tail = shards.entry(place.shard).or_default();
            let known = tail.producers.last_lsn(place.id);
            if known.is_some_and(|known| known >= place.last_lsn) {
                continue;
            }
            let producer = footer::decode_producer(self.bytes.get(place.start..).unwrap_or(&[]))?;
            tail.producers.restore(place.id, producer, options);
        }
        self.bytes.clear();
        Ok(())
    }
}
