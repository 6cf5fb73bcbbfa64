//! Reading, the same for the store and for a reader in another process.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use logboom_planted::planted;

use crate::disk::{Disk, read_exact_at};
use crate::error::{Damage, Flaw, ReadError};
use crate::format::{Unusable, frame, segment};
use crate::options::Options;
use crate::read::cache::SegmentCache;
use crate::read::index::{Found, IndexSlice};
use crate::read::scan::Scanner;
use crate::read::segment_file::{FileError, SegmentFile};
use crate::read::view::{LogPiece, LogPlace, Span, View};
use crate::types::{LogCursor, Shard, StoredBatch};

/// What is durable, and the files it is in.
#[derive(Debug)]
pub(crate) struct Readable {
    disk: Arc<dyn Disk>,
    view: RwLock<View>,
    cache: SegmentCache,
}

impl Readable {
    pub(crate) fn new(disk: Arc<dyn Disk>, view: View, options: &Options) -> Self {
        let cache = SegmentCache::new(options.segments_open_max, options.index_bytes_max);
        Self { disk, view: RwLock::new(view), cache }
    }

    /// What can be read. Nobody waits for a disk while holding it.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a segment that is being removed.
    pub(crate) fn forget(&self, segment: u64) {
        self.cache.forget(segment);
    }

    /// The batch with that offset and those after it, up to the one with which they reach
    /// `bytes_max` bytes together.
    pub(crate) fn read(
        &self,
        shard: Shard,
        offset: i64,
        bytes_max: usize,
    ) -> Result<Vec<StoredBatch>, ReadError> {
        let mut batches: Vec<StoredBatch> = Vec::new();
        let mut bytes_left = bytes_max;
        loop {
            let next = batches.last().map_or(offset, StoredBatch::end_offset);
            match self.read_segment(shard, next, bytes_left, &mut batches) {
                Err(error) if batches.is_empty() => return Err(error),
                // What comes before the damage is good; the next call meets the damage.
                Err(_) | Ok(0) => return Ok(batches),
                Ok(bytes) if bytes >= bytes_left => return Ok(batches),
                Ok(bytes) => bytes_left -= bytes,
            }
        }
    }

    /// All batches from that place on in the order of the log, except what has expired, up to the
    /// one with which they reach `bytes_max` bytes together; and the place after the last one.
    pub(crate) fn read_log(
        &self,
        cursor: LogCursor,
        bytes_max: usize,
    ) -> Result<(Vec<StoredBatch>, LogCursor), ReadError> {
        let mut batches = Vec::new();
        let mut bytes_left = bytes_max;
        let mut cursor = cursor;
        loop {
            let piece = match self.view().log_place(cursor.get())? {
                LogPlace::Piece(piece) => piece,
                LogPlace::End { lsn } => return Ok((batches, LogCursor::new(lsn))),
            };
            match self.read_piece(&piece, &mut cursor, bytes_left, &mut batches) {
                // It has been removed by now, and there is something else to be read.
                Err(_) if !self.view().has_segment(piece.header.number) => {}
                Err(error) if batches.is_empty() => return Err(error),
                Err(_) => return Ok((batches, cursor)),
                Ok(bytes) if bytes >= bytes_left => return Ok((batches, cursor)),
                Ok(bytes) => bytes_left -= bytes,
            }
        }
    }

    /// The first offset that was appended at that time or later, and has not expired. `None` if
    /// there is no such.
    pub(crate) fn find_offset(&self, shard: Shard, time_ms: i64) -> Result<Option<i64>, ReadError> {
        let mut from = self.view().offsets(shard).start;
        loop {
            let span = {
                let view = self.view();
                let late =
                    |span: &Span| span.end_offset > from && span.append_time_max_ms >= time_ms;
                view.spans(shard).find(late)
            };
            let Some(span) = span else { return Ok(None) };
            let late =
                |found: &Found| found.end_offset > from && found.entry.append_time_ms >= time_ms;
            let found = self
                .with_index(shard, span.segment, |slice| slice.iter().find(late))
                .map_err(|error| self.explain(shard, from, error))?;
            if let Some(found) = found {
                return Ok(Some(found.entry.base_offset.max(from)));
            }
            // The late ones of this segment have expired.
            from = span.end_offset;
        }
    }

    /// Looks something up in the index of a shard in a segment.
    pub(crate) fn with_index<T>(
        &self,
        shard: Shard,
        segment: u64,
        look: impl FnOnce(IndexSlice<'_>) -> T,
    ) -> Result<T, FileError> {
        let data_end = {
            let view = self.view();
            match view.active() {
                Some((header, index)) if header.number == segment => {
                    let slice = index.shard(shard).map(|shard| shard.slice());
                    return Ok(look(slice.unwrap_or_default()));
                }
                _ => view.data_end(segment),
            }
        };
        let index = self.cache.index(&*self.disk, segment, data_end)?;
        Ok(look(index.slice(shard)))
    }

    /// Reads from the one segment that has the offset. Returns the bytes of the frames, 0 at the
    /// end of the shard.
    fn read_segment(
        &self,
        shard: Shard,
        offset: i64,
        bytes_max: usize,
        batches: &mut Vec<StoredBatch>,
    ) -> Result<usize, ReadError> {
        let Some(segment) = self.view().segment_of(shard, offset)? else { return Ok(0) };
        let explain = |error| self.explain(shard, offset, error);
        let found = self
            .with_index(shard, segment, |slice| slice.select(offset, bytes_max))
            .map_err(explain)?;
        let file = self.cache.file(&*self.disk, segment).map_err(explain)?;
        let mut bytes = 0;
        for found in found {
            batches.push(read_batch(&file, shard, found)?);
            bytes += found.entry.frame_bytes as usize;
        }
        Ok(bytes)
    }

    /// Reads from one segment in the order of the log, and moves the cursor behind what was read.
    fn read_piece(
        &self,
        piece: &LogPiece,
        cursor: &mut LogCursor,
        bytes_max: usize,
        batches: &mut Vec<StoredBatch>,
    ) -> Result<usize, ReadError> {
        let file = self
            .cache
            .file(&*self.disk, piece.header.number)
            .map_err(|error| self.unusable(piece.header.number, None, error))?;
        let scanner = Scanner::new(&*file.file, piece.header, piece.from, piece.end);
        let mut scanner = scanner.with_chunk_bytes(bytes_max);
        let mut bytes = 0;
        loop {
            let position = scanner.position();
            match scanner.next() {
                Ok(Some(scanned)) => {
                    let batch = scanned.frame.batch;
                    let start = self.view().offsets(batch.shard).start;
                    if batch.end_offset() > start || planted!(ExpiredInLog) {
                        bytes += scanned.bytes as usize;
                        batches.push(batch);
                    }
                }
                Ok(None) if position == piece.end => return Ok(bytes),
                Ok(None) => return Err(self.explain_place(piece, position, Flaw::CutShort)),
                Err(flaw) => return Err(self.explain_place(piece, position, flaw)),
            }
            *cursor = LogCursor::new(piece.header.lsn_at(scanner.position()));
            if bytes >= bytes_max {
                return Ok(bytes);
            }
        }
    }

    /// Why a segment that has an offset gives nothing.
    fn explain(&self, shard: Shard, offset: i64, error: FileError) -> ReadError {
        let span = {
            let view = self.view();
            match view.segment_of(shard, offset) {
                // It has been removed by now.
                Err(out_of_range) => return out_of_range,
                Ok(_) => view.spans(shard).find(|span| span.end_offset > offset),
            }
        };
        let segment = span.map_or(0, |span| span.segment);
        let lost = span.map(|span| (shard, span.first_offset..span.end_offset));
        self.unusable(segment, lost, error)
    }

    /// The error for a segment that cannot be used at all.
    fn unusable(
        &self,
        segment: u64,
        lost: Option<(Shard, Range<i64>)>,
        error: FileError,
    ) -> ReadError {
        let FileError { file, position, cause } = error;
        let flaw = match cause {
            Unusable::Flawed(flaw) => flaw,
            Unusable::Newer { .. } => Flaw::Contradiction,
        };
        let resume = LogCursor::new(self.view().end_lsn(segment));
        ReadError::Damaged(Box::new(Damage { lost, resume, file, position, flaw }))
    }

    /// The error for a place of the log where no intact batch begins.
    fn explain_place(&self, piece: &LogPiece, position: u64, flaw: Flaw) -> ReadError {
        match self.find_batch(piece, position) {
            Ok(Some((shard, found))) => {
                let file = segment::file_name(piece.header.number);
                damaged(file, piece.header, shard, found, flaw)
            }
            Ok(None) => ReadError::NoSuchPlace,
            Err(error) => self.unusable(piece.header.number, None, error),
        }
    }

    /// The batch that should begin at a position.
    fn find_batch(
        &self,
        piece: &LogPiece,
        position: u64,
    ) -> Result<Option<(Shard, Found)>, FileError> {
        let number = piece.header.number;
        {
            let view = self.view();
            if let Some((active, index)) = view.active()
                && active.number == number
            {
                let slices = index.shards().map(|shard| (shard.summary().shard, shard.slice()));
                return Ok(find_position(slices, position));
            }
        }
        let data_end = self.view().data_end(number);
        let index = self.cache.index(&*self.disk, number, data_end)?;
        Ok(find_position(index.slices(), position))
    }
}

fn find_position<'a>(
    mut slices: impl Iterator<Item = (Shard, IndexSlice<'a>)>,
    position: u64,
) -> Option<(Shard, Found)> {
    slices.find_map(|(shard, slice)| Some((shard, slice.at(position)?)))
}

/// Reads one batch, and believes neither the index nor the disk.
fn read_batch(file: &SegmentFile, shard: Shard, found: Found) -> Result<StoredBatch, ReadError> {
    let position = u64::from(found.entry.position);
    let read = || {
        let mut bytes = vec![0; found.entry.frame_bytes as usize];
        read_exact_at(&*file.file, position, &mut bytes).map_err(|error| Flaw::Io(error.into()))?;
        let batch = frame::decode(&Bytes::from(bytes), file.header.tag_at(position))?.batch;
        let expected = (shard, found.entry.base_offset, found.end_offset);
        if (batch.shard, batch.base_offset, batch.end_offset()) != expected {
            return Err(Flaw::Contradiction);
        }
        Ok(batch)
    };
    read().map_err(|flaw| damaged(file.name.clone(), file.header, shard, found, flaw))
}

/// The error for one batch that cannot be read.
fn damaged(
    file: String,
    header: segment::Header,
    shard: Shard,
    found: Found,
    flaw: Flaw,
) -> ReadError {
    let position = u64::from(found.entry.position);
    let end = position + u64::from(found.entry.frame_bytes);
    let lost = Some((shard, found.entry.base_offset..found.end_offset));
    let resume = LogCursor::new(header.lsn_at(end));
    ReadError::Damaged(Box::new(Damage { lost, resume, file, position, flaw }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemDisk;
    use crate::store::Store;
    use crate::types::{Append, StreamId};

    #[test]
    fn an_index_that_lies_is_not_believed() {
        let disk = MemDisk::new();
        let (store, _) =
            Store::open(Arc::new(disk.clone()), Options::default(), [1; 32], 0).unwrap();
        let shard = Shard::new(StreamId::new(0), 0);
        let append = Append {
            shard,
            batch: Bytes::from_static(b"batch"),
            record_count: 2,
            form: 0,
            peer: [127, 0, 0, 1].into(),
            client_id: Bytes::new(),
            append_time_ms: 0,
            producer: None,
            checksum: None,
        };
        store.append(append, |result| assert!(result.is_ok()));
        store.commit_group();
        let readable = &store.inner.readable;
        let found = readable.with_index(shard, 0, |slice| slice.select(0, 0)).unwrap()[0];
        let file = SegmentFile::open(&disk, 0).unwrap();
        assert!(read_batch(&file, shard, found).is_ok());
        let mut other_offset = found;
        other_offset.entry.base_offset = 1;
        let other_end = Found { end_offset: 3, ..found };
        let other_shard = Shard::new(StreamId::new(0), 1);
        for (shard, found) in [(shard, other_offset), (shard, other_end), (other_shard, found)] {
            let error = read_batch(&file, shard, found).unwrap_err();
            let ReadError::Damaged(damage) = error else { panic!("{error}") };
            assert_eq!(damage.flaw, Flaw::Contradiction);
        }
    }
}
