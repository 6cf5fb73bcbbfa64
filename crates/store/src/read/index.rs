//! Where the batches of a segment are, shard by shard.

use std::collections::BTreeMap;

use logboom_planted::planted;

use crate::format::footer::{Builder, ENTRY_BYTES, Entry, Summary};
use crate::types::Shard;

/// The index of a segment that is being written, or of one that is being read frame by frame.
#[derive(Debug, Default)]
pub(crate) struct GrowingIndex {
    shards: BTreeMap<Shard, GrowingShard>,
    entries: usize,
}

/// One shard of a [`GrowingIndex`]. It has at least one entry.
#[derive(Debug)]
pub(crate) struct GrowingShard {
    summary: Summary,
    entries: Vec<Entry>,
}

impl GrowingIndex {
    /// Adds a batch. Those of a shard come in the order of their offsets.
    pub(crate) fn push(&mut self, shard: Shard, entry: Entry, end_offset: i64) {
        let grown = self.shards.entry(shard).or_insert_with(|| GrowingShard {
            summary: Summary {
                shard,
                entries_start: 0,
                entries_count: 0,
                first_offset: entry.base_offset,
                end_offset,
                bytes: 0,
                append_time_min_ms: entry.append_time_ms,
                append_time_max_ms: entry.append_time_ms,
            },
            entries: Vec::new(),
        });
        let summary = &mut grown.summary;
        summary.entries_count += 1;
        summary.end_offset = end_offset;
        summary.bytes += u64::from(entry.frame_bytes);
        summary.append_time_min_ms = summary.append_time_min_ms.min(entry.append_time_ms);
        summary.append_time_max_ms = summary.append_time_max_ms.max(entry.append_time_ms);
        grown.entries.push(entry);
        self.entries += 1;
    }

    pub(crate) fn shard(&self, shard: Shard) -> Option<&GrowingShard> {
        self.shards.get(&shard)
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &GrowingShard> {
        self.shards.values()
    }

    /// How many shards and how many batches there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.shards.len(), self.entries)
    }

    pub(crate) fn write(&self, footer: &mut Builder) {
        for shard in self.shards.values() {
            footer.add_shard(&shard.summary, &shard.entries);
        }
    }

    /// The same index in the form in which a footer holds it.
    pub(crate) fn into_sealed(self) -> SealedIndex {
        let mut sealed = SealedIndex::default();
        for GrowingShard { mut summary, entries } in self.shards.into_values() {
            let start = u32::try_from(sealed.entries.len());
            summary.entries_start = start.expect("a segment holds fewer than 2^32 batches");
            sealed.entries.extend(entries);
            sealed.summaries.push(summary);
        }
        sealed
    }
}

impl GrowingShard {
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn slice(&self) -> IndexSlice<'_> {
        IndexSlice { entries: &self.entries, end_offset: self.summary.end_offset }
    }
}

/// The index of a sealed segment, as its footer has it.
#[derive(Debug, Default)]
pub(crate) struct SealedIndex {
    pub(crate) summaries: Vec<Summary>,
    pub(crate) entries: Vec<Entry>,
}

impl SealedIndex {
    /// The batches of one shard. Empty if there are none.
    pub(crate) fn slice(&self, shard: Shard) -> IndexSlice<'_> {
        let found = self.summaries.binary_search_by_key(&shard, |summary| summary.shard);
        let summary = found.ok().and_then(|index| self.summaries.get(index));
        summary.map_or_else(IndexSlice::default, |summary| self.slice_of(summary))
    }

    pub(crate) fn slices(&self) -> impl Iterator<Item = (Shard, IndexSlice<'_>)> {
        self.summaries.iter().map(|summary| (summary.shard, self.slice_of(summary)))
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.len() * ENTRY_BYTES + std::mem::size_of_val(self.summaries.as_slice())
    }

    fn slice_of(&self, summary: &Summary) -> IndexSlice<'_> {
        let start = summary.entries_start as usize;
        let end = start.saturating_add(summary.entries_count as usize);
        let entries = self.entries.get(start..end).unwrap_or_default();
        IndexSlice { entries, end_offset: summary.end_offset }
    }
}

/// The batches of one shard in one segment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IndexSlice<'a> {
    entries: &'a [Entry],
    end_offset: i64,
}

/// One batch, found in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) end_offset: i64,
}

impl IndexSlice<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found> {
        (0..self.entries.len()).filter_map(|index| self.get(index))
    }

    /// The batch with that offset and those after it, up to the one with which they reach
    /// `bytes_max` bytes together.
    pub(crate) fn select(&self, offset: i64, bytes_max: usize) -> Vec<Found> {
        let before = offset - i64::from(planted!(ReadsOneBatchEarly));
        let after = self.entries.partition_point(|entry| entry.base_offset <= before);
        let mut bytes = 0usize;
        let mut selected = Vec::new();
        for found in (after.saturating_sub(1)..).map_while(|index| self.get(index)) {
            selected.push(found);
            bytes = bytes.saturating_add(found.entry.frame_bytes as usize);
            if bytes >= bytes_max {
                break;
            }
        }
        selected
    }

    /// The batch at that position of the file.
    pub(crate) fn at(&self, position: u64) -> Option<Found> {
        let found = self.entries.binary_search_by_key(&position, |entry| entry.position.into());
        self.get(found.ok()?)
    }

    fn get(&self, index: usize) -> Option<Found> {
        let entry = *self.entries.get(index)?;
        let next = self.entries.get(index + 1);
        Some(Found { entry, end_offset: next.map_or(self.end_offset, |next| next.base_offset) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::StreamId;

    const SHARD: Shard = Shard::new(StreamId::new(1), 0);
    const OTHER: Shard = Shard::new(StreamId::new(0), 9);

    /// Batches of 10 records and 100 bytes each, from offset 50 on, of two shards in turns.
    fn index() -> GrowingIndex {
        let mut index = GrowingIndex::default();
        for number in 0..4u32 {
            for (shard, position) in [(SHARD, 64 + number * 200), (OTHER, 164 + number * 200)] {
                let base_offset = 50 + i64::from(number) * 10;
                let append_time_ms = 1000 - i64::from(number);
                let entry = Entry { base_offset, append_time_ms, position, frame_bytes: 100 };
                index.push(shard, entry, base_offset + 10);
            }
        }
        index
    }

    #[test]
    fn a_summary_covers_all_batches_of_its_shard() {
        let index = index();
        let summary = index.shard(SHARD).unwrap().summary();
        assert_eq!((summary.first_offset, summary.end_offset), (50, 90));
        assert_eq!((summary.append_time_min_ms, summary.append_time_max_ms), (997, 1000));
        assert_eq!((summary.bytes, summary.entries_count), (400, 4));
        assert_eq!(index.counts(), (2, 8));
    }

    #[test]
    fn batches_are_found_by_an_offset_inside_of_them() {
        let growing = index();
        let expected: Vec<_> = growing.shard(SHARD).unwrap().slice().iter().collect();
        let sealed = index().into_sealed();
        for slice in [growing.shard(SHARD).unwrap().slice(), sealed.slice(SHARD)] {
            assert_eq!(slice.select(50, 0), expected[..1]);
            assert_eq!(slice.select(69, 200), expected[1..3]);
            assert_eq!(slice.select(89, 1000), expected[3..]);
            assert_eq!(slice.at(264), Some(expected[1]));
            assert_eq!(slice.at(265), None);
            assert_eq!(expected[1].end_offset, 70);
        }
    }

    #[test]
    fn a_shard_that_is_not_there_has_no_batches() {
        let sealed = index().into_sealed();
        let nowhere = Shard::new(StreamId::new(1), 1);
        assert!(sealed.slice(nowhere).select(0, 100).is_empty());
        assert_eq!(sealed.slices().count(), 2);
        assert!(sealed.summaries.is_sorted_by_key(|summary| summary.shard));
    }
}
