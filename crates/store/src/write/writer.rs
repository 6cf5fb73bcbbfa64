//! The end of the log: gives batches their offsets and places, and rolls segments.
//!
//! There is one writer, and it alone knows what comes next. What it has given out becomes visible
//! in the [`View`](crate::read::view::View) when the group is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::sync::Arc;

use logboom_planted::planted;

use crate::disk::{DiskFile, write_all_at};
use crate::error::{AppendError, Poison};
use crate::format::footer::{self, Builder, Entry};
use crate::format::frame;
use crate::format::segment::{self, BEGIN_POSITION, Header};
use crate::options::Options;
use crate::read::readable::Readable;
use crate::types::{Append, Appended, Shard};
use crate::write::failure::{Failure, poison};
use crate::write::group::{Group, Place};
use crate::write::producers::{Producers, SequencedBatch, Verdict};
use crate::write::spare::{Reserved, Spare};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) options: Options,
    /// Where it shows what is durable.
    pub(crate) readable: Arc<Readable>,
    pub(crate) spare: Arc<Spare>,
    pub(crate) shards: BTreeMap<Shard, ShardTail>,
    pub(crate) active: Option<ActiveFile>,
    /// The segment before it, while its footer has been written and not synced.
    pub(crate) sealed: Option<SegmentHandle>,
    /// Where the next frame comes to lie in the log.
    pub(crate) end_lsn: u64,
}

/// What comes next in a shard.
#[derive(Debug, Default)]
pub(crate) struct ShardTail {
    pub(crate) next_offset: i64,
    pub(crate) producers: Producers,
}

/// The segment that is being written.
#[derive(Debug)]
pub(crate) struct ActiveFile {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) name: Arc<str>,
    pub(crate) header: Header,
    /// Where the next frame comes to lie in the file.
    pub(crate) position: u64,
    /// How many bytes have been allocated.
    pub(crate) capacity: u64,
    /// What the footer will hold.
    pub(crate) shards: BTreeSet<Shard>,
    pub(crate) entries: usize,
    pub(crate) producers: usize,
}

/// A segment in which something waits for a sync.
#[derive(Debug, Clone)]
pub(crate) struct SegmentHandle {
    pub(crate) number: u64,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) name: Arc<str>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Staged {
    /// It is in the group.
    InGroup(Appended),
    /// It has been in the log before.
    Duplicate(Appended),
    /// It needs a new segment, and everything before it has to be committed before.
    NextGroup,
}

impl Writer {
    /// Gives a batch its place in the group, or says why it gets none.
    pub(crate) fn stage(
        &mut self,
        append: &Append,
        group: &mut Group,
        disk_full: bool,
    ) -> Result<Staged, AppendError> {
        let staged = self.try_stage(append, group, disk_full);
        if let (Err(AppendError::NoSpace | AppendError::Unavailable(_)), Some(stamp)) =
            (&staged, append.producer)
        {
            let tail = self.shards.entry(append.shard).or_default();
            tail.producers.hold(stamp, append.append_time_ms, &self.options);
        }
        staged
    }

    fn try_stage(
        &mut self,
        append: &Append,
        group: &mut Group,
        disk_full: bool,
    ) -> Result<Staged, AppendError> {
        let bytes_max = self.options.batch_bytes_max();
        if append.record_count == 0 {
            return Err(AppendError::Empty);
        }
        if append.batch.len() + append.client_id.len() > bytes_max
            || append.client_id.len() > usize::from(u16::MAX)
        {
            return Err(AppendError::TooLarge { bytes_max });
        }
        let base_offset = self.shards.get(&append.shard).map_or(0, |tail| tail.next_offset);
        let end_offset = base_offset
            .checked_add(append.record_count.into())
            .ok_or(AppendError::OffsetsExhausted)?;
        let log_start_offset = self.readable.view().offsets(append.shard).start;
        let mut appended = Appended {
            base_offset,
            append_time_ms: append.append_time_ms,
            log_start_offset,
            duplicate: false,
        };
        if let Some(stored) = self.find_stored(append)? {
            if !planted!(DuplicateAtNewOffset) {
                appended.base_offset = stored.base_offset;
            }
            appended.append_time_ms = stored.append_time_ms;
            appended.duplicate = true;
            return Ok(Staged::Duplicate(appended));
        }
        if disk_full {
            return Err(AppendError::NoSpace);
        }
        if !self.has_room(append) {
            if !group.frames().is_empty() || !self.all_is_durable() {
                return Ok(Staged::NextGroup);
            }
            let header = self.roll()?;
            group.begin(header);
        }
        self.place(append, base_offset, end_offset, group);
        Ok(Staged::InGroup(appended))
    }

    /// Seals the segment that is being written and begins the next one. Everything that has been
    /// written must be durable and visible.
    ///
    /// Returns the header of the new segment. It is durable with the next sync of the file, and
    /// the [`View`](crate::read::view::View) is told then.
    ///
    /// The file of the next one is there before anything is done that cannot be undone, so that a
    /// full disk leaves everything as it was.
    pub(crate) fn roll(&mut self) -> Result<Header, Failure> {
        if let Some(active) = &self.active {
            active.reserve_footer()?;
        }
        // Recovery makes durable what may not be, and there is one such footer at most.
        if let Some(sealed) = self.sealed.take() {
            sealed.sync_footer(&self.readable)?;
        }
        let Reserved { file, header } = self.spare.take(&self.options)?;
        if let Some(active) = self.active.take() {
            self.seal(active)?;
        }
        let header = header.begun_at(self.end_lsn);
        let name = segment::file_name(header.number);
        write_all_at(&*file, BEGIN_POSITION, &mut [IoSlice::new(&header.encode_begin())])
            .map_err(poison("write", &name))?;
        let capacity = u64::from(self.options.segment_bytes);
        self.active = Some(ActiveFile::new(file, name, header, capacity));
        Ok(header)
    }

    /// Writes a group, whose batches have been placed. It is durable when the segment has been synced
    /// that is returned; `None` if there was nothing to write.
    pub(crate) fn write(&mut self, group: &Group) -> Result<Option<SegmentHandle>, Poison> {
        let Some(active) = self.active.as_ref().filter(|_| !group.frames().is_empty()) else {
            return Ok(None);
        };
        let start = active.position - u64::from(group.bytes());
        group.write(&*active.file, start).map_err(poison("write", &active.name))?;
        let ActiveFile { file, name, header, .. } = active;
        let (file, name) = (Arc::clone(file), Arc::clone(name));
        Ok(Some(SegmentHandle { number: header.number, file, name }))
    }

    /// Whether everything that has got a place is durable and visible.
    pub(crate) fn all_is_durable(&self) -> bool {
        self.readable.view().durable_lsn() == self.end_lsn
    }

    /// Whether the segment that is being written holds any batch.
    pub(crate) fn active_has_data(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.entries > 0)
    }

    /// The batch itself, if it is in the log already.
    fn find_stored(&self, append: &Append) -> Result<Option<SequencedBatch>, AppendError> {
        let (Some(stamp), Some(tail)) = (append.producer, self.shards.get(&append.shard)) else {
            return Ok(None);
        };
        let now_ms = append.append_time_ms;
        match tail.producers.check(stamp, append.record_count, now_ms, &self.options)? {
            Verdict::Stored(batch) => Ok(Some(batch)),
            Verdict::Store => Ok(None),
        }
    }

    fn has_room(&self, append: &Append) -> bool {
        self.active.as_ref().is_some_and(|active| active.has_room(append))
    }

    /// Puts a batch at the end of the segment, which has room for it.
    fn place(&mut self, append: &Append, base_offset: i64, end_offset: i64, group: &mut Group) {
        let tail = self.shards.entry(append.shard).or_default();
        let active = self.active.as_mut().expect("there is room in a segment");
        let frame_bytes = frame::unpadded_bytes(append).next_multiple_of(frame::ALIGN);
        let entry = Entry {
            base_offset,
            append_time_ms: append.append_time_ms,
            position: u32::try_from(active.position).expect("a segment has at most 1 GiB"),
            frame_bytes: u32::try_from(frame_bytes).expect("it fits into a segment"),
        };
        let durable_lsn = self.readable.view().durable_lsn().max(active.header.first_lsn);
        let undurable = active.position - active.header.position_of(durable_lsn);
        let undurable_bytes = u32::try_from(undurable).expect("a segment has at most 1 GiB");
        let tag = active.header.tag_at(active.position);
        group.add(append, Place { tag, undurable_bytes, entry, end_offset });
        if let Some(stamp) = append.producer {
            let batch = SequencedBatch {
                base_sequence: stamp.base_sequence,
                record_count: append.record_count,
                base_offset,
                append_time_ms: append.append_time_ms,
            };
            let before = tail.producers.last_lsn(stamp.id);
            if before.is_none_or(|lsn| lsn < active.header.first_lsn) {
                active.producers += 1;
            }
            tail.producers.record(stamp, batch, self.end_lsn, &self.options);
        }
        tail.next_offset = end_offset;
        active.shards.insert(append.shard);
        active.entries += 1;
        active.position += frame_bytes as u64;
        self.end_lsn += frame_bytes as u64;
    }

    /// Writes the footer. Nobody waits for its sync: it is derived from frames that are durable.
    fn seal(&mut self, active: ActiveFile) -> Result<(), Poison> {
        let mut footer = Builder::default();
        if let Some((_, index)) = self.readable.view().active() {
            index.write(&mut footer);
        }
        for (shard, tail) in &self.shards {
            for (id, producer) in tail.producers.since(active.header.first_lsn) {
                footer.add_producer(*shard, id, producer);
            }
        }
        let footer = footer.finish(active.header.epoch, active.position);
        let ActiveFile { file, name, position, header, .. } = active;
        write_all_at(&*file, position, &mut [IoSlice::new(&footer)])
            .map_err(poison("write", &name))?;
        file.truncate(position + footer.len() as u64).map_err(poison("truncate", &name))?;
        self.sealed = Some(SegmentHandle { number: header.number, file, name });
        Ok(())
    }
}

impl SegmentHandle {
    /// Makes the footer and the length durable.
    pub(crate) fn sync_footer(&self, readable: &Readable) -> Result<(), Poison> {
        self.file.sync_all().map_err(poison("sync", &self.name))?;
        readable.view_mut().set_footer(self.number, true);
        Ok(())
    }
}

impl ActiveFile {
    pub(crate) fn new(
        file: Arc<dyn DiskFile>,
        name: String,
        header: Header,
        capacity: u64,
    ) -> Self {
        Self {
            file,
            name: name.into(),
            header,
            position: header.data_start,
            capacity,
            shards: BTreeSet::new(),
            entries: 0,
            producers: 0,
        }
    }

    /// Whether the batch and the footer that it makes longer fit into what has been allocated.
    fn has_room(&self, append: &Append) -> bool {
        let shards = self.shards.len() + usize::from(!self.shards.contains(&append.shard));
        let producers = self.producers + usize::from(append.producer.is_some());
        let frame = frame::unpadded_bytes(append).next_multiple_of(frame::ALIGN);
        let footer = footer::bytes_max(shards, self.entries + 1, producers);
        self.position + (frame + footer) as u64 <= self.capacity
    }

    /// Makes sure of the room for the footer, which a recovery on a full disk may have lost.
    fn reserve_footer(&self) -> Result<(), Failure> {
        let footer = footer::bytes_max(self.shards.len(), self.entries, self.producers);
        let end = self.position + footer as u64;
        if end <= self.capacity {
            return Ok(());
        }
        self.file.allocate(end).map_err(Failure::refused)
    }
}
