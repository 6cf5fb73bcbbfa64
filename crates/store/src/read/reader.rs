use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use crate::catalogue_file;
use crate::disk::Disk;
use crate::error::{Flaw, OpenError, ReadError};
use crate::format::catalogue::Catalogue;
use crate::format::mark::Mark;
use crate::format::segment;
use crate::mark_file;
use crate::options::Options;
use crate::read::readable::Readable;
use crate::read::segment_file::{FileError, SegmentFile};
use crate::read::usage::StreamUsage;
use crate::read::view::View;
use crate::types::{LogCursor, OffsetRange, Shard, StoredBatch, StreamId};

/// How often a reader begins anew because retention removed a file under it.
const ATTEMPTS_MAX: usize = 8;

/// Reads a store that another process may have open at the same time.
///
/// It takes no lock, changes nothing, and sees only what is durable: as far as the mark says, which
/// the store moves after each sync. It sees what the mark said when it was opened or last
/// [refreshed](Reader::refresh).
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    readable: Readable,
    catalogue: Catalogue,
    mark: Mark,
}

impl Reader {
    /// Opens the store in a directory for reading.
    ///
    /// Of the options, those that are about reading count.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(disk: Arc<dyn Disk>, options: &Options) -> Result<Self, OpenError> {
        options.validate()?;
        let readable = Readable::new(Arc::clone(&disk), View::default(), options);
        let (catalogue, mark) = (Catalogue::default(), Mark::default());
        let mut reader = Self { disk, readable, catalogue, mark };
        reader.update(true)?;
        Ok(reader)
    }

    /// Looks for more. Returns whether there is: more of the log, other starts, new Logstores.
    ///
    /// Costs two small reads if there is not, so it can be called often.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. The next call tries the same again.
    pub fn refresh(&mut self) -> Result<bool, OpenError> {
        self.update(false)
    }

    /// The number of a Logstore, if it has one.
    #[must_use]
    pub fn stream(&self, project: &str, logstore: &str) -> Option<StreamId> {
        self.catalogue.stream(project, logstore)
    }

    /// All Logstores, with their projects.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, &str, &str)> {
        let streams = self.catalogue.streams.iter();
        streams.map(|(stream, (project, logstore))| (*stream, &**project, &**logstore))
    }

    /// The shards of a Logstore that have, or had, data.
    #[must_use]
    pub fn shards(&self, stream: StreamId) -> Vec<Shard> {
        self.readable.view().shards_of(stream).collect()
    }

    /// Where a shard starts, and where what can be read of it ends.
    #[must_use]
    pub fn offsets(&self, shard: Shard) -> OffsetRange {
        self.readable.view().offsets(shard)
    }

    /// What a Logstore has in the log.
    #[must_use]
    pub fn usage(&self, stream: StreamId) -> StreamUsage {
        StreamUsage::of(&self.readable.view(), stream)
    }

    /// The end of what can be read of the log.
    #[must_use]
    pub fn log_end(&self) -> LogCursor {
        LogCursor::new(self.readable.view().durable_lsn())
    }

    /// As [`Store::read`](crate::Store::read).
    ///
    /// # Errors
    ///
    /// See [`ReadError`]. Where retention has removed a file in the meantime, that the offset is
    /// out of range.
    pub fn read(
        &mut self,
        shard: Shard,
        offset: i64,
        bytes_max: usize,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        self.again_if_removed(|readable| readable.read(shard, offset, bytes_max))
    }

    /// As [`Store::read_log`](crate::Store::read_log).
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn read_log(
        &mut self,
        cursor: LogCursor,
        bytes_max: usize,
    ) -> Result<(Vec<StoredBatch>, LogCursor), ReadError> {
        self.again_if_removed(|readable| readable.read_log(cursor, bytes_max))
    }

    /// As [`Store::find_offset`](crate::Store::find_offset).
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub fn find_offset(&mut self, shard: Shard, time_ms: i64) -> Result<Option<i64>, ReadError> {
        self.again_if_removed(|readable| readable.find_offset(shard, time_ms))
    }

    /// Reads, and if a file is gone, reads again with what the store says now.
    fn again_if_removed<T>(
        &mut self,
        read: impl Fn(&Readable) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let result = read(&self.readable);
        if is_removed(&result) && self.refresh().is_ok() {
            return read(&self.readable);
        }
        result
    }

    fn update(&mut self, is_first: bool) -> Result<bool, OpenError> {
        let mut attempts = 0;
        loop {
            // What the mark promises is there when the directory is listed after it.
            let mark = mark_file::load(&*self.disk)?;
            if !is_first && mark.sequence == self.mark.sequence {
                return Ok(false);
            }
            attempts += 1;
            if self.continue_segment(&mark) {
                self.mark = mark;
                return Ok(true);
            }
            match self.follow(&mark) {
                Err(OpenError::Missing { .. }) if attempts < ATTEMPTS_MAX => {}
                result => {
                    result?;
                    self.mark = mark;
                    return Ok(true);
                }
            }
        }
    }

    /// Brings the view to where the mark is, if that is in the segment that was being written, and
    /// nothing else has changed.
    fn continue_segment(&self, mark: &Mark) -> bool {
        let mut view = self.readable.view_mut();
        let (Some((header, _)), true) =
            (view.active(), mark.catalogue_generation == self.mark.catalogue_generation)
        else {
            return false;
        };
        let segment = SegmentFile::open(&*self.disk, header.number);
        segment.and_then(|segment| read_to(&segment, &mut view, mark.durable_lsn)).is_ok()
    }

    /// Brings the view to where the mark is.
    fn follow(&mut self, mark: &Mark) -> Result<(), OpenError> {
        self.catalogue = catalogue_file::load(&*self.disk)?.ok_or(OpenError::NoStore)?;
        let names = self.disk.list().map_err(|error| OpenError::io("list", "", error))?;
        let numbers = names.iter().filter_map(|name| segment::parse_name(name));
        let kept = |number: &u64| !self.catalogue.removed.contains(*number);
        let mut numbers: BTreeSet<u64> = numbers.filter(kept).collect();
        let Some((segment, durable_lsn)) = self.last_durable(&mut numbers, mark)? else {
            return Ok(());
        };
        let last = segment.header.number;
        let mut view = self.readable.view_mut();
        view.set_starts(&self.catalogue.starts);
        let sealed: Vec<u64> = view.sealed().map(|(number, _)| number).collect();
        for number in sealed.into_iter().filter(|number| !kept(number)) {
            view.remove(number);
            self.readable.forget(number);
        }
        if view.active().is_some_and(|(header, _)| header.number != last) {
            // It has been sealed: its footer says the rest. Its file was shorter when it was read.
            view.abandon_active();
        }
        let next = view.last_segment().map_or(0, |number| number.saturating_add(1));
        for number in numbers.range(..last).filter(|number| **number >= next) {
            self.add_sealed(&mut view, *number)?;
        }
        if view.active().is_none() {
            view.begin(segment.header);
        }
        read_to(&segment, &mut view, durable_lsn)?;
        Ok(())
    }

    /// The last segment of which something is durable, and how far it is. What is behind it is taken
    /// out: one that has not begun, and one before it whose beginning may still be lost.
    fn last_durable(
        &self,
        numbers: &mut BTreeSet<u64>,
        mark: &Mark,
    ) -> Result<Option<(SegmentFile, u64)>, OpenError> {
        let mut durable_lsn = None;
        while let Some(last) = numbers.pop_last() {
            let segment = SegmentFile::open_reserved(&*self.disk, last)?;
            let SegmentFile { header, .. } = segment;
            if !header.has_begun() {
                continue;
            }
            // A segment begins when everything before it is durable. So the one before counts, also
            // when the mark was lost in a power cut; and one without another right before it, since
            // that was removed when this one was durable.
            let removed = numbers.last().copied() != last.checked_sub(1);
            let counts = durable_lsn.is_some() || removed;
            if counts || header.first_lsn < mark.durable_lsn {
                numbers.insert(last);
                let durable_lsn = mark.durable_lsn.max(durable_lsn.unwrap_or(header.first_lsn));
                return Ok(Some((segment, durable_lsn)));
            }
            durable_lsn = Some(header.first_lsn);
        }
        Ok(None)
    }

    /// Adds a segment after which there is another one, so that it has been sealed.
    fn add_sealed(&self, view: &mut View, number: u64) -> Result<(), OpenError> {
        let segment = SegmentFile::open(&*self.disk, number)?;
        let footer = segment.trailer()?.and_then(|trailer| {
            let summaries = segment.summaries(&trailer).ok()?;
            Some((trailer.data_end, summaries))
        });
        let (data_end, summaries) = match footer {
            Some(footer) => footer,
            None => {
                let next = SegmentFile::open(&*self.disk, number + 1)?;
                let data_end = segment.header.position_of(next.header.first_lsn);
                (data_end, segment.index(data_end)?.summaries)
            }
        };
        let end_lsn = segment.header.lsn_at(data_end);
        view.add_sealed(segment.header, end_lsn, &summaries)
            .map_err(|flaw| segment.flawed(data_end, flaw).into())
    }
}

/// Adds what is durable of the segment that is being written.
fn read_to(segment: &SegmentFile, view: &mut View, durable_lsn: u64) -> Result<(), FileError> {
    let header = segment.header;
    let end = header.position_of(durable_lsn.max(header.first_lsn));
    let from = view.data_end(header.number);
    // Of two slots the newer one may just be being written; the older one says nothing new.
    segment.read_frames(from, end.max(from), |scanned| {
        let (entry, end_offset) = scanned.entry();
        view.push(scanned.frame.batch.shard, entry, end_offset)
    })
}

fn is_removed<T>(result: &Result<T, ReadError>) -> bool {
    let Err(ReadError::Damaged(damage)) = result else { return false };
    matches!(damage.flaw, Flaw::Io(failure) if failure.kind == ErrorKind::NotFound)
}
