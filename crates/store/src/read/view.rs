//! What can be read: the segments, and where the data of each shard is.
//!
//! It holds only what is durable. The store adds to it after each sync; a reader in another process
//! adds to it as the mark moves.

use std::collections::{BTreeMap, VecDeque, btree_map};

use logboom_planted::planted;

use crate::error::{Flaw, ReadError};
use crate::format::footer::{Entry, Summary};
use crate::format::segment::Header;
use crate::read::index::GrowingIndex;
use crate::types::{OffsetRange, Shard, StreamId};

/// The data of one shard in one sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) segment: u64,
    pub(crate) first_offset: i64,
    pub(crate) end_offset: i64,
    pub(crate) bytes: u64,
    pub(crate) append_time_min_ms: i64,
    pub(crate) append_time_max_ms: i64,
}

#[derive(Debug, Default)]
pub(crate) struct View {
    sealed: BTreeMap<u64, SealedSegment>,
    active: Option<ActiveSegment>,
    shards: BTreeMap<Shard, ShardView>,
    durable_lsn: u64,
}

#[derive(Debug)]
struct SealedSegment {
    header: Header,
    end_lsn: u64,
    /// How many shards have data here that has not expired.
    live_shards: usize,
    /// Whether it has a footer for certain. If not, only the next segment says where it ends.
    has_footer: bool,
}

#[derive(Debug)]
struct ActiveSegment {
    header: Header,
    index: GrowingIndex,
}

#[derive(Debug, Default)]
struct ShardView {
    start: i64,
    /// Oldest first; none has expired as a whole.
    spans: VecDeque<Span>,
    /// Of `spans`.
    bytes: u64,
    /// Where the last of `spans` ends. Opening asks for it once for each shard of each segment, and the
    /// span itself is never in the caches of the processor by then.
    sealed_end: Option<i64>,
}

/// What is to be read next of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogPlace {
    /// Nothing: here the log ends.
    End {
        lsn: u64,
    },
    Piece(LogPiece),
}

/// A piece of the log in one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogPiece {
    pub(crate) header: Header,
    pub(crate) from: u64,
    pub(crate) end: u64,
}

impl View {
    /// Sets where shards start. Comes before their data.
    pub(crate) fn set_starts(&mut self, starts: &BTreeMap<Shard, i64>) {
        for (shard, start) in starts {
            self.advance_start(*shard, *start);
        }
    }

    /// Adds a sealed segment. It is newer than all that are there.
    pub(crate) fn add_sealed(
        &mut self,
        header: Header,
        end_lsn: u64,
        summaries: &[Summary],
    ) -> Result<(), Flaw> {
        let mut live_shards = 0;
        for summary in summaries {
            let active_end = self.active_end(summary.shard);
            // There are many of them when a store is opened, so each shard is looked up once.
            let shard = match self.shards.entry(summary.shard) {
                btree_map::Entry::Vacant(vacant) => {
                    let shard = ShardView::default();
                    shard.check_continues(active_end, summary.first_offset)?;
                    vacant.insert(shard)
                }
                btree_map::Entry::Occupied(occupied) => {
                    let shard = occupied.into_mut();
                    shard.check_continues(active_end, summary.first_offset)?;
                    shard
                }
            };
            if summary.end_offset > shard.start {
                shard.push(header.number, summary);
                live_shards += 1;
            }
        }
        let sealed = SealedSegment { header, end_lsn, live_shards, has_footer: true };
        self.sealed.insert(header.number, sealed);
        self.durable_lsn = end_lsn;
        Ok(())
    }

    /// Begins the segment that is written from now on.
    pub(crate) fn begin(&mut self, header: Header) {
        self.active = Some(ActiveSegment { header, index: GrowingIndex::default() });
        self.durable_lsn = self.durable_lsn.max(header.first_lsn);
    }

    /// Adds a batch that is durable to the segment that is being written.
    pub(crate) fn push(&mut self, shard: Shard, entry: Entry, end_offset: i64) -> Result<(), Flaw> {
        let active_end = self.active_end(shard);
        match self.shards.get(&shard) {
            Some(view) => view.check_continues(active_end, entry.base_offset)?,
            None => ShardView::default().check_continues(active_end, entry.base_offset)?,
        }
        let active = self.active.as_mut().ok_or(Flaw::Contradiction)?;
        active.index.push(shard, entry, end_offset);
        let frame_end = u64::from(entry.position) + u64::from(entry.frame_bytes);
        self.durable_lsn = active.header.lsn_at(frame_end);
        self.shards.entry(shard).or_default();
        Ok(())
    }

    /// The segment that was being written is sealed, if there was one, and the next one begins.
    pub(crate) fn roll(&mut self, header: Header) {
        self.seal();
        self.begin(header);
    }

    /// The segment that was being written is sealed. Its footer may still be lost.
    fn seal(&mut self) {
        let Some(ActiveSegment { header, index }) = self.active.take() else { return };
        let mut live_shards = 0;
        for grown in index.shards() {
            let summary = grown.summary();
            let shard = self.shards.entry(summary.shard).or_default();
            if summary.end_offset > shard.start {
                shard.push(header.number, summary);
                live_shards += 1;
            }
        }
        let end_lsn = self.durable_lsn;
        let sealed = SealedSegment { header, end_lsn, live_shards, has_footer: false };
        self.sealed.insert(header.number, sealed);
    }

    /// Takes note of whether a sealed segment has a footer for certain.
    pub(crate) fn set_footer(&mut self, segment: u64, has_footer: bool) {
        if let Some(sealed) = self.sealed.get_mut(&segment) {
            sealed.has_footer = has_footer;
        }
    }

    /// Whether only this segment says where the one before it ends.
    pub(crate) fn ends_another(&self, segment: u64) -> bool {
        let before = segment.checked_sub(1).and_then(|before| self.sealed.get(&before));
        before.is_some_and(|before| !before.has_footer)
    }

    /// Forgets what is known of the segment that is being written.
    pub(crate) fn abandon_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.durable_lsn = active.header.first_lsn;
        }
    }

    /// Everything below `start` has expired. A start never moves back.
    pub(crate) fn advance_start(&mut self, shard: Shard, start: i64) {
        let view = self.shards.entry(shard).or_default();
        view.start = view.start.max(start);
        while let Some(span) = view.spans.front().filter(|span| span.end_offset <= view.start) {
            view.bytes -= span.bytes;
            if let Some(sealed) = self.sealed.get_mut(&span.segment) {
                sealed.live_shards -= 1;
            }
            view.spans.pop_front();
        }
        if view.spans.is_empty() {
            view.sealed_end = None;
        }
    }

    /// Forgets a sealed segment, in which everything has expired.
    pub(crate) fn remove(&mut self, segment: u64) {
        self.sealed.remove(&segment);
    }

    pub(crate) fn durable_lsn(&self) -> u64 {
        self.durable_lsn
    }

    pub(crate) fn active(&self) -> Option<(Header, &GrowingIndex)> {
        self.active.as_ref().map(|active| (active.header, &active.index))
    }

    /// Whether the segment that is being written holds nothing but what has expired.
    pub(crate) fn active_has_expired(&self) -> bool {
        let Some(active) = &self.active else { return false };
        let (_, entries) = active.index.counts();
        let expired = |summary: &Summary| self.offsets(summary.shard).start >= summary.end_offset;
        entries > 0 && active.index.shards().all(|shard| expired(shard.summary()))
    }

    /// The newest segment.
    pub(crate) fn last_segment(&self) -> Option<u64> {
        let sealed = self.sealed.last_key_value().map(|(number, _)| *number);
        self.active.as_ref().map(|active| active.header.number).or(sealed)
    }

    pub(crate) fn has_segment(&self, number: u64) -> bool {
        let active = self.active.as_ref().is_some_and(|active| active.header.number == number);
        active || self.sealed.contains_key(&number)
    }

    /// How many segments there are.
    pub(crate) fn segment_count(&self) -> usize {
        self.sealed.len() + usize::from(self.active.is_some())
    }

    /// Sealed segments, oldest first, and how many shards have live data there.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = (u64, usize)> {
        self.sealed.iter().map(|(number, segment)| (*number, segment.live_shards))
    }

    /// Where the frames of a segment end in its file.
    pub(crate) fn data_end(&self, segment: u64) -> u64 {
        let sealed = self.sealed.get(&segment).map(|sealed| (sealed.header, sealed.end_lsn));
        let active = self.active.as_ref().map(|active| (active.header, self.durable_lsn));
        sealed.or(active).map_or(0, |(header, end_lsn)| header.position_of(end_lsn))
    }

    /// The LSN after a segment.
    pub(crate) fn end_lsn(&self, segment: u64) -> u64 {
        self.sealed.get(&segment).map_or(self.durable_lsn, |sealed| sealed.end_lsn)
    }

    /// All shards that ever had data.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> {
        self.shards.keys().copied()
    }

    /// Those of one stream.
    pub(crate) fn shards_of(&self, stream: StreamId) -> impl Iterator<Item = Shard> {
        let all = Shard::new(stream, 0)..=Shard::new(stream, u32::MAX);
        self.shards.range(all).map(|(shard, _)| *shard)
    }

    pub(crate) fn offsets(&self, shard: Shard) -> OffsetRange {
        let start = self.shards.get(&shard).map_or(0, |view| view.start);
        let end = self.shard_end(shard).unwrap_or(start);
        OffsetRange { start, next: end.max(start) }
    }

    /// The data of a shard that has not expired as a whole, oldest first.
    pub(crate) fn spans(&self, shard: Shard) -> impl Iterator<Item = Span> {
        let view = self.shards.get(&shard);
        let start = view.map_or(0, |view| view.start);
        let sealed = view.into_iter().flat_map(|view| &view.spans).copied();
        let active = self.active.as_ref().and_then(|active| {
            let summary = active.index.shard(shard)?.summary();
            (summary.end_offset > start).then(|| Span::new(active.header.number, summary))
        });
        sealed.chain(active)
    }

    /// The bytes of a shard in the log, as far as they have not expired with a whole segment.
    pub(crate) fn bytes(&self, shard: Shard) -> u64 {
        let sealed = self.shards.get(&shard).map_or(0, |view| view.bytes);
        let active = self.active.as_ref().and_then(|active| active.index.shard(shard));
        sealed + active.map_or(0, |shard| shard.summary().bytes)
    }

    /// The segment an offset is in. `None` for the offset that is written next.
    pub(crate) fn segment_of(&self, shard: Shard, offset: i64) -> Result<Option<u64>, ReadError> {
        let OffsetRange { start, next } = self.offsets(shard);
        if !(start..=next).contains(&offset) && !planted!(ExpiredReadable) {
            return Err(ReadError::OutOfRange { start, next });
        }
        if offset == next {
            return Ok(None);
        }
        let sealed = self.shards.get(&shard).and_then(|view| {
            let before = view.spans.partition_point(|span| span.end_offset <= offset);
            view.spans.get(before).map(|span| span.segment)
        });
        Ok(sealed.or(self.active.as_ref().map(|active| active.header.number)))
    }

    /// What is to be read at that place of the log. Where something has been removed, the piece
    /// begins later.
    pub(crate) fn log_place(&self, lsn: u64) -> Result<LogPlace, ReadError> {
        if lsn > self.durable_lsn {
            return Err(ReadError::NoSuchPlace);
        }
        let after = self.sealed.values().find(|segment| segment.end_lsn > lsn);
        let (header, end_lsn) = match (after, &self.active) {
            (Some(segment), _) => (segment.header, segment.end_lsn),
            (None, Some(active)) => (active.header, self.durable_lsn),
            (None, None) => return Ok(LogPlace::End { lsn: self.durable_lsn }),
        };
        let from_lsn = lsn.max(header.first_lsn);
        if from_lsn == end_lsn {
            return Ok(LogPlace::End { lsn: end_lsn });
        }
        let (from, end) = (header.position_of(from_lsn), header.position_of(end_lsn));
        Ok(LogPlace::Piece(LogPiece { header, from, end }))
    }

    fn shard_end(&self, shard: Shard) -> Option<i64> {
        let end = || self.shards.get(&shard).and_then(|view| view.sealed_end);
        self.active_end(shard).or_else(end)
    }

    /// Where the shard ends in the segment that is being written.
    fn active_end(&self, shard: Shard) -> Option<i64> {
        let active = self.active.as_ref().and_then(|active| active.index.shard(shard));
        active.map(|shard| shard.summary().end_offset)
    }
}

impl ShardView {
    fn push(&mut self, segment: u64, summary: &Summary) {
        self.bytes += summary.bytes;
        self.spans.push_back(Span::new(segment, summary));
        self.sealed_end = Some(summary.end_offset);
    }

    /// Nothing may be missing between what is there and what comes next. `active_end` is where the shard
    /// ends in the segment that is being written, if it has anything there.
    fn check_continues(&self, active_end: Option<i64>, first_offset: i64) -> Result<(), Flaw> {
        let continues = match active_end.or(self.sealed_end) {
            Some(end) => first_offset == end,
            None => (0..=self.start).contains(&first_offset),
        };
        if continues { Ok(()) } else { Err(Flaw::Contradiction) }
    }
}

impl Span {
    fn new(segment: u64, summary: &Summary) -> Self {
        Self {
            segment,
            first_offset: summary.first_offset,
            end_offset: summary.end_offset,
            bytes: summary.bytes,
            append_time_min_ms: summary.append_time_min_ms,
            append_time_max_ms: summary.append_time_max_ms,
        }
    }
}
