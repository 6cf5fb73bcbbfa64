//! Reads the segments of a store that is being opened: footers where there are any, frames where
//! there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use logboom_planted::planted;

use crate::disk::{Access, Disk};
use crate::error::{Flaw, OpenError};
use crate::format::footer::Trailer;
use crate::format::segment::{self, BEGIN_POSITION, Header};
use crate::options::Options;
use crate::read::index::GrowingIndex;
use crate::read::scan::ScannedFrame;
use crate::read::segment_file::{FileError, SegmentFile};
use crate::read::view::View;
use crate::recovery::Recovery;
use crate::recovery::ahead::Ahead;
use crate::recovery::footers::{Footer, FooterReader};
use crate::recovery::remembered::Remembered;
use crate::recovery::tail::{self, Tail};
use crate::types::{OffsetRange, Shard};
use crate::write::producers::SequencedBatch;
use crate::write::writer::{ActiveFile, ShardTail};

#[derive(Debug)]
pub(crate) struct Loading {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    now_ms: i64,
    /// The log is known to have been durable up to there.
    durable_lsn: u64,
    /// Where in the log the last segment ended that has been removed, if something is before it.
    gap_lsn: u64,
    pub(crate) view: View,
    pub(crate) shards: BTreeMap<Shard, ShardTail>,
    pub(crate) report: Recovery,
    footers: FooterReader,
    remembered: Remembered,
}

impl Loading {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        options: Options,
        now_ms: i64,
        durable_lsn: u64,
        report: Recovery,
    ) -> Self {
        Self {
            disk,
            options,
            now_ms,
            durable_lsn,
            gap_lsn: 0,
            view: View::default(),
            shards: BTreeMap::new(),
            report,
            footers: FooterReader::default(),
            remembered: Remembered::default(),
        }
    }

    /// Loads all segments. Returns the last one, if it can be continued.
    pub(crate) fn load_segments(
        &mut self,
        numbers: &BTreeSet<u64>,
    ) -> Result<Option<ActiveFile>, OpenError> {
        let mut begun = numbers.clone();
        let mut last = self.open_last(&mut begun)?;
        let reserved = last.take_if(|last| !last.header.has_begun());
        if reserved.is_some() {
            last = self.open_last(&mut begun)?;
        }
        let newest_sealed = self.open_last(&mut begun)?;
        let mut ahead = Ahead::new(Arc::clone(&self.disk), begun.iter());
        while let Some(segment) = ahead.next(self.footers.expected_bytes()) {
            self.load_sealed(segment?, numbers)?;
        }
        if let Some(segment) = newest_sealed {
            // Its footer may have been written last, and not synced.
            self.load_sealed(segment, numbers)?;
        }
        let active = match last {
            Some(last) => self.load_last(last)?,
            None if self.durable_lsn == 0 => None,
            None => return Err(OpenError::Missing { file: segment::file_name(0) }),
        };
        self.note_offsets();
        if let Some(reserved) = reserved {
            self.remove_reserved(&reserved)?;
        }
        self.report.segments = self.view.segment_count();
        self.report.shards = self.shards.len();
        Ok(active)
    }

    /// Takes out the last segment, makes durable what is there, and opens it.
    fn open_last(&self, numbers: &mut BTreeSet<u64>) -> Result<Option<SegmentFile>, OpenError> {
        let Some(number) = numbers.pop_last() else { return Ok(None) };
        let name = segment::file_name(number);
        let file = self
            .disk
            .open(&name, Access::Append)
            .map_err(|error| OpenError::io("open", &name, error))?;
        if !planted!(TailNotSynced) {
            file.sync_all().map_err(|error| OpenError::io("sync", &name, error))?;
        }
        // After a sync that failed in another process, memory may hold what the device does not.
        file.forget_cached();
        Ok(Some(SegmentFile::check(name, file, number)?))
    }

    fn note_offsets(&mut self) {
        for shard in self.view.shards() {
            let OffsetRange { start, next } = self.view.offsets(shard);
            let expired = start == next;
            let tail = self.shards.entry(shard).or_default();
            tail.next_offset = if planted!(OffsetsReused) && expired { 0 } else { next };
            tail.producers.forget_outdated(self.gap_lsn, start);
        }
    }

    /// Removes a segment that has not begun. What was written to it, together with a header of
    /// which nothing is left, was never acknowledged: unless a later group is there as well, which
    /// was written after the header was durable.
    fn remove_reserved(&self, segment: &SegmentFile) -> Result<(), OpenError> {
        let header = segment.header.begun_at(self.view.durable_lsn());
        let header_gone = SegmentFile { header, ..segment.clone() };
        tail::check_nothing_durable(&header_gone, header.data_start)?;
        let SegmentFile { name, .. } = segment;
        self.disk.unlink(name).map_err(|error| OpenError::io("remove", name, error))?;
        self.disk.sync_dir().map_err(|error| OpenError::io("sync", "", error))
    }

    /// Loads a segment whose frames were durable before the next one began. Its footer may not have
    /// been.
    fn load_sealed(
        &mut self,
        segment: SegmentFile,
        numbers: &BTreeSet<u64>,
    ) -> Result<(), OpenError> {
        self.check_follows(&segment)?;
        if self.load_footer(&segment)? {
            return Ok(());
        }
        // The frames are worth as much, if it is certain where they end.
        let next = segment.header.number.saturating_add(1);
        if !numbers.contains(&next) {
            return Err(segment.flawed(segment.length, Flaw::CutShort).into());
        }
        let next = SegmentFile::open(&*self.disk, next)?;
        self.rebuild(&segment, next.header.first_lsn)?;
        Ok(())
    }

    /// Loads the last segment: finds its end, cuts off what is torn. Returns it if it can be
    /// continued.
    fn load_last(&mut self, segment: SegmentFile) -> Result<Option<ActiveFile>, OpenError> {
        self.check_follows(&segment)?;
        if self.load_footer(&segment)? {
            self.restore_producers(&segment)?;
            let end_lsn = self.view.durable_lsn();
            return if end_lsn >= self.durable_lsn {
                Ok(None)
            } else {
                let end = segment.header.position_of(end_lsn);
                Err(segment.flawed(end, Flaw::Acknowledged).into())
            };
        }
        self.restore_producers(&segment)?;
        self.view.begin(segment.header);
        let tail = self.read_tail(&segment)?;
        self.report.truncated_bytes = tail.torn_bytes;
        let capacity = cut_off(&segment, tail, self.options.segment_bytes.into())?;
        let SegmentFile { name, file, header, .. } = segment;
        let mut active = ActiveFile::new(file, name, header, capacity);
        active.position = tail.data_end;
        if let Some((_, index)) = self.view.active() {
            active.shards = index.shards().map(|shard| shard.summary().shard).collect();
            active.entries = index.counts().1;
        }
        let first_lsn = header.first_lsn;
        let tails = self.shards.values();
        active.producers = tails.map(|tail| tail.producers.since(first_lsn).count()).sum();
        Ok(Some(active))
    }

    fn read_tail(&mut self, segment: &SegmentFile) -> Result<Tail, FileError> {
        let Self { view, shards, options, .. } = self;
        let tail = tail::find(segment, segment.header.data_start, self.durable_lsn, |scanned| {
            let (entry, end_offset) = scanned.entry();
            view.push(scanned.frame.batch.shard, entry, end_offset)?;
            note_producer(shards, options, segment.header, &scanned);
            Ok(())
        })?;
        self.report.scanned_bytes += tail.data_end - segment.header.data_start;
        self.report.log_bytes += tail.data_end - segment.header.data_start;
        Ok(tail)
    }

    /// Takes over what the footer says. False if there is none, or it is damaged.
    fn load_footer(&mut self, segment: &SegmentFile) -> Result<bool, FileError> {
        let (now_ms, expiry_ms) = (self.now_ms, self.options.producer_expiry_ms());
        let recent =
            |trailer: &Trailer| trailer.append_time_max_ms.saturating_add(expiry_ms) >= now_ms;
        let Some(footer) = self.footers.read(segment, recent)? else { return Ok(false) };
        let Footer { trailer, summaries, producers, places } = footer;
        let end_lsn = segment.header.lsn_at(trailer.data_end);
        self.view
            .add_sealed(segment.header, end_lsn, summaries)
            .map_err(|flaw| segment.flawed(trailer.data_end, flaw))?;
        if !planted!(ProducersForgotten) && self.remembered.add(producers, places) {
            self.restore_producers(segment)?;
        }
        self.report.log_bytes += end_lsn - segment.header.first_lsn;
        Ok(true)
    }

    /// Brings the producers to where they were before `segment`, or at its end if its footer counts.
    fn restore_producers(&mut self, segment: &SegmentFile) -> Result<(), FileError> {
        let restored = self.remembered.restore(&mut self.shards, &self.options);
        restored.map_err(|flaw| segment.flawed(segment.length, flaw))
    }

    /// Reads the frames of a sealed segment whose footer is damaged.
    fn rebuild(&mut self, segment: &SegmentFile, end_lsn: u64) -> Result<(), FileError> {
        self.restore_producers(segment)?;
        let mut index = GrowingIndex::default();
        let data_end = segment.header.position_of(end_lsn);
        segment.read_frames(segment.header.data_start, data_end, |scanned| {
            let (entry, end_offset) = scanned.entry();
            index.push(scanned.frame.batch.shard, entry, end_offset);
            note_producer(&mut self.shards, &self.options, segment.header, &scanned);
            Ok(())
        })?;
        self.view
            .add_sealed(segment.header, end_lsn, &index.into_sealed().summaries)
            .map_err(|flaw| segment.flawed(data_end, flaw))?;
        self.view.set_footer(segment.header.number, false);
        self.report.footers_rebuilt += 1;
        self.report.scanned_bytes += data_end - segment.header.data_start;
        self.report.log_bytes += data_end - segment.header.data_start;
        Ok(())
    }

    /// A segment begins where the one before it ends, or later if some between were removed.
    fn check_follows(&mut self, segment: &SegmentFile) -> Result<(), FileError> {
        let Header { number, first_lsn, .. } = segment.header;
        if !segment.header.has_begun() {
            return Err(segment.flawed(BEGIN_POSITION, Flaw::Checksum));
        }
        let end_lsn = self.view.durable_lsn();
        let adjacent =
            self.view.last_segment().and_then(|last| last.checked_add(1)) == Some(number);
        if first_lsn < end_lsn || (adjacent && first_lsn != end_lsn) {
            return Err(segment.flawed(0, Flaw::Contradiction));
        }
        if !adjacent {
            self.gap_lsn = first_lsn;
        }
        Ok(())
    }
}

/// Cuts off what is torn, durably, before anything is written there. Returns how much room there
/// is.
fn cut_off(segment: &SegmentFile, tail: Tail, segment_bytes: u64) -> Result<u64, OpenError> {
    let SegmentFile { name, file, .. } = segment;
    let mut length = segment.length;
    if tail.torn_bytes > 0 && !planted!(TornTailKept) {
        file.truncate(tail.data_end).map_err(|error| OpenError::io("truncate", name, error))?;
        file.sync_all().map_err(|error| OpenError::io("sync", name, error))?;
        length = tail.data_end;
    }
    if length >= segment_bytes {
        return Ok(length);
    }
    match file.allocate(segment_bytes) {
        Ok(()) => {}
        // On a full disk the next batch needs a new segment, and waits for space.
        Err(_) => return Ok(length),
    }
    file.sync_all().map_err(|error| OpenError::io("sync", name, error))?;
    Ok(segment_bytes)
}

/// Brings the producers of a shard to where they were after that batch.
fn note_producer(
    shards: &mut BTreeMap<Shard, ShardTail>,
    options: &Options,
    header: Header,
    scanned: &ScannedFrame,
) {
    let batch = &scanned.frame.batch;
    let Some(stamp) = batch.producer else { return };
    let sequenced = SequencedBatch {
        base_sequence: stamp.base_sequence,
        record_count: batch.record_count,
        base_offset: batch.base_offset,
        append_time_ms: batch.append_time_ms,
    };
    let tail = shards.entry(batch.shard).or_default();
    tail.producers.record(stamp, sequenced, header.lsn_at(scanned.position), options);
}
