//! What the store knows besides the log: the names of Logstores, where shards start after
//! retention, which segments have been removed, which producer ids may have been given out.
//!
//! The file is small and is replaced as a whole: written beside, synced, renamed.
//!
//! ```text
//!  0  8  "LBOOMCAT"
//!  8  4  format version
//! 12  4  CRC-32C of everything else
//! 16  8  generation: counts the replacements
//! 24  8  the lowest producer id that cannot have been given out
//! 32  .  number of streams (4), for each: number (4), project (2+n), Logstore (2+n)
//!     .  number of shards that do not start at 0 (4), for each: stream (4), shard (4), start (8)
//!     .  number of removed ranges of segments (4), for each: first (8), last (8)
//! ```

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::{Buf, BufMut};

use super::{Unusable, VERSION, check_version, crc32c};
use crate::error::Flaw;
use crate::types::{Shard, StreamId};

pub(crate) const NAME: &str = "catalogue";
pub(crate) const NEXT_NAME: &str = "catalogue.tmp";
const MAGIC: &[u8; 8] = b"LBOOMCAT";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Catalogue {
    pub(crate) generation: u64,
    pub(crate) producer_ids_end: i64,
    /// Project and Logstore of each stream.
    pub(crate) streams: BTreeMap<StreamId, (String, String)>,
    /// The lowest offset that has not expired. Shards that are not here start at 0.
    pub(crate) starts: BTreeMap<Shard, i64>,
    pub(crate) removed: RemovedSegments,
}

/// The numbers of the segments that are gone, or may be removed.
///
/// Ranges, because segments in the middle go when what they hold has a shorter retention than what
/// is before them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RemovedSegments {
    /// First to last. They do not touch.
    ranges: BTreeMap<u64, u64>,
}

impl RemovedSegments {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.ranges.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    pub(crate) fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let mut range = number..=number;
        let before = self.ranges.range(..number).next_back().map(|(first, last)| (*first, *last));
        if let Some((first, _)) = before.filter(|(_, last)| last.checked_add(1) == Some(number)) {
            range = first..=number;
        }
        if let Some(last) = number.checked_add(1).and_then(|after| self.ranges.remove(&after)) {
            range = *range.start()..=last;
        }
        self.ranges.insert(*range.start(), *range.end());
    }

    /// The lowest number from this one on that is not among them.
    pub(crate) fn next_kept(&self, number: u64) -> u64 {
        match self.ranges.range(..=number).next_back() {
            Some((_, last)) if *last >= number => last.saturating_add(1),
            _ => number,
        }
    }

    fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.ranges.iter().map(|(first, last)| *first..=*last)
    }
}

impl Catalogue {
    /// The number of a Logstore, if it has one.
    pub(crate) fn stream(&self, project: &str, logstore: &str) -> Option<StreamId> {
        let named = |names: &(String, String)| (&*names.0, &*names.1) == (project, logstore);
        self.streams.iter().find(|(_, names)| named(names)).map(|(stream, _)| *stream)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_slice(MAGIC);
        out.put_u32_le(VERSION);
        out.put_u32_le(0);
        out.put_u64_le(self.generation);
        out.put_i64_le(self.producer_ids_end);
        put_count(&mut out, self.streams.len());
        for (stream, (project, logstore)) in &self.streams {
            out.put_u32_le(stream.get());
            for name in [project, logstore] {
                out.put_u16_le(u16::try_from(name.len()).expect("checked when it was added"));
                out.put_slice(name.as_bytes());
            }
        }
        put_count(&mut out, self.starts.len());
        for (shard, start) in &self.starts {
            out.put_u32_le(shard.stream.get());
            out.put_u32_le(shard.index);
            out.put_i64_le(*start);
        }
        put_count(&mut out, self.removed.ranges.len());
        for range in self.removed.iter() {
            out.put_u64_le(*range.start());
            out.put_u64_le(*range.end());
        }
        let crc = crc32c(&[&out[..12], &out[16..]]);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads what [`encode`](Catalogue::encode) wrote. Counts are not believed: every element is
    /// read before the next one is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unusable> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Flaw::Magic)?;
        check_version(rest.try_get_u32_le()?)?;
        if rest.try_get_u32_le()? != crc32c(&[&bytes[..12], &bytes[16..]]) {
            return Err(Flaw::Checksum.into());
        }
        let mut catalogue = Self {
            generation: rest.try_get_u64_le()?,
            producer_ids_end: rest.try_get_i64_le()?,
            ..Self::default()
        };
        for _ in 0..rest.try_get_u32_le()? {
            let stream = StreamId::new(rest.try_get_u32_le()?);
            let names = (take_name(&mut rest)?, take_name(&mut rest)?);
            catalogue.streams.insert(stream, names);
        }
        for _ in 0..rest.try_get_u32_le()? {
            let stream = StreamId::new(rest.try_get_u32_le()?);
            let shard = Shard::new(stream, rest.try_get_u32_le()?);
            catalogue.starts.insert(shard, rest.try_get_i64_le()?);
        }
        for _ in 0..rest.try_get_u32_le()? {
            let first = rest.try_get_u64_le()?;
            catalogue.removed.ranges.insert(first, rest.try_get_u64_le()?);
        }
        if rest.is_empty() { Ok(catalogue) } else { Err(Flaw::Length.into()) }
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32_le(u32::try_from(count).expect("a catalogue holds fewer than 2^32 of anything"));
}

fn take_name(rest: &mut &[u8]) -> Result<String, Flaw> {
    let length = usize::from(rest.try_get_u16_le()?);
    let (name, after) = rest.split_at_checked(length).ok_or(Flaw::CutShort)?;
    *rest = after;
    str::from_utf8(name).map(str::to_owned).map_err(|_| Flaw::Contradiction)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn example() -> Catalogue {
        let mut catalogue = Catalogue { generation: 9, producer_ids_end: 77, ..Default::default() };
        let name = |number: u32| (format!("project-{number}"), "a/../b".to_owned());
        for number in [0, 5] {
            let stream = StreamId::new(number);
            catalogue.streams.insert(stream, name(number));
            catalogue.starts.insert(Shard::new(stream, 2), 1 << 40);
        }
        catalogue.removed.insert(3);
        catalogue
    }

    #[test]
    fn a_catalogue_comes_back() {
        for catalogue in [Catalogue::default(), example()] {
            assert_eq!(Catalogue::decode(&catalogue.encode()), Ok(catalogue));
        }
    }

    #[test]
    fn every_damaged_byte_and_every_missing_one_is_noticed() {
        let bytes = example().encode();
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 4;
            assert!(Catalogue::decode(&damaged).is_err(), "byte {index}");
            assert!(Catalogue::decode(&bytes[..index]).is_err(), "length {index}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = example().encode();
        bytes[8] = 9;
        assert_eq!(Catalogue::decode(&bytes), Err(Unusable::Newer { found: 9 }));
    }

    proptest! {
        #[test]
        fn removed_segments_are_a_set_in_as_few_ranges_as_can_be(numbers in prop::collection::vec(0u64..20, 0..30)) {
            let mut removed = RemovedSegments::default();
            numbers.iter().for_each(|number| removed.insert(*number));
            let set: BTreeSet<u64> = numbers.into_iter().collect();
            for number in 0..25 {
                prop_assert_eq!(removed.contains(number), set.contains(&number));
                let kept = (number..).find(|number| !set.contains(number));
                prop_assert_eq!(Some(removed.next_kept(number)), kept);
            }
            let ranges: Vec<_> = removed.iter().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        }
    }
}
