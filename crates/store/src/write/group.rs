//! The batches of one group commit, from the queue to the file.

use std::io::{self, IoSlice};

use bytes::Bytes;
use logboom_planted::planted;

use crate::disk::{DiskFile, write_all_at};
use crate::error::{AppendError, Poison};
use crate::format::footer::Entry;
use crate::format::frame::{self, Placement};
use crate::format::segment::Header;
use crate::types::{Append, Appended, Shard};
use crate::write::queue::Completion;

/// The zeros after a frame.
const PADDING: [u8; frame::ALIGN] = [0; frame::ALIGN];

/// Batches that are written and synced together, and the answers that wait for that.
#[derive(Default)]
pub(crate) struct Group {
    /// What comes before the batches of the frames, one after another.
    heads: Vec<u8>,
    frames: Vec<StagedFrame>,
    bytes: u32,
    /// The header of the segment that begins with this group.
    begun: Option<Header>,
    answers: Vec<(Completion, Result<Appended, AppendError>)>,
}

/// A batch that has got its place.
pub(crate) struct StagedFrame {
    head_bytes: usize,
    batch: Bytes,
    pub(crate) shard: Shard,
    pub(crate) entry: Entry,
    pub(crate) end_offset: i64,
}

/// Where a batch comes to lie.
pub(crate) struct Place {
    pub(crate) tag: u64,
    /// How many bytes before it are not known to be durable.
    pub(crate) undurable_bytes: u32,
    pub(crate) entry: Entry,
    pub(crate) end_offset: i64,
}

impl Group {
    /// Makes room for so many batches.
    pub(crate) fn reserve(&mut self, batches: usize) {
        /// Client ids are short.
        const HEAD_BYTES: usize = frame::HEADER_BYTES + 32;

        self.heads.reserve(batches * HEAD_BYTES);
        self.frames.reserve(batches);
        self.answers.reserve(batches);
    }

    /// Adds a batch. The caller has checked that there is room.
    pub(crate) fn add(&mut self, append: &Append, place: Place) {
        let Place { tag, undurable_bytes, entry, end_offset } = place;
        let base_offset = entry.base_offset;
        let before = self.heads.len();
        let undurable_bytes = if planted!(GroupForgotten) { 0 } else { undurable_bytes };
        let placement = Placement { tag, undurable_bytes, base_offset };
        frame::encode_head(append, placement, &mut self.heads);
        self.bytes += entry.frame_bytes;
        self.frames.push(StagedFrame {
            head_bytes: self.heads.len() - before,
            batch: append.batch.clone(),
            shard: append.shard,
            entry,
            end_offset,
        });
    }

    /// Notes that a segment begins with this group.
    pub(crate) fn begin(&mut self, header: Header) {
        self.begun = Some(header);
    }

    /// The header of the segment that begins with this group.
    pub(crate) fn begun(&self) -> Option<Header> {
        self.begun
    }

    /// Whether there is nothing to write and nobody to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.answers.is_empty()
    }

    /// Notes what is to be answered once the group is durable.
    pub(crate) fn answer(&mut self, completion: Completion, answer: Result<Appended, AppendError>) {
        self.answers.push((completion, answer));
    }

    pub(crate) fn frames(&self) -> &[StagedFrame] {
        &self.frames
    }

    /// How many bytes all frames have together.
    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = &Result<Appended, AppendError>> {
        self.answers.iter().map(|(_, answer)| answer)
    }

    /// Writes all frames, one behind the other, with as few calls and copies as can be.
    pub(crate) fn write(&self, file: &dyn DiskFile, position: u64) -> io::Result<()> {
        let mut slices = Vec::with_capacity(self.frames.len() * 3);
        let mut heads = self.heads.as_slice();
        for frame in &self.frames {
            let (head, rest) = heads.split_at(frame.head_bytes);
            heads = rest;
            let padding = frame::padding(head.len() + frame.batch.len());
            slices.extend([head, &frame.batch, &PADDING[..padding]].map(IoSlice::new));
        }
        write_all_at(file, position, &mut slices)
    }

    /// Tells everybody. If the group failed, it is unknown for all who would have heard of success.
    pub(crate) fn complete(mut self, failed: Option<&Poison>) {
        if planted!(AnswersReversed) {
            self.answers.reverse();
        }
        for (completion, answer) in self.answers {
            completion.complete(match (failed, answer) {
                (Some(poison), Ok(_)) => Err(AppendError::Poisoned(poison.clone())),
                (_, answer) => answer,
            });
        }
    }
}
