//! Reads the frames of a segment one after another.

use bytes::Bytes;

use crate::disk::{DiskFile, read_exact_at};
use crate::error::Flaw;
use crate::format::frame::{self, Frame};
use crate::format::segment::Header;

/// How much is read at once, unless a frame is longer.
const CHUNK_BYTES: usize = 1 << 20;

/// Goes through the frames of a segment between two positions.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    file: &'a dyn DiskFile,
    header: Header,
    position: u64,
    end: u64,
    chunk: Bytes,
    chunk_position: u64,
    chunk_bytes: usize,
}

/// A frame and where it is.
#[derive(Debug)]
pub(crate) struct ScannedFrame {
    pub(crate) position: u64,
    /// Padding included.
    pub(crate) bytes: u32,
    pub(crate) frame: Frame,
}

impl<'a> Scanner<'a> {
    /// Begins with the frame at `position`, and reads nothing from `end` on.
    pub(crate) fn new(file: &'a dyn DiskFile, header: Header, position: u64, end: u64) -> Self {
        let chunk_bytes = CHUNK_BYTES;
        Self { file, header, position, end, chunk: Bytes::new(), chunk_position: 0, chunk_bytes }
    }

    /// Reads about so many bytes at once, for callers who will not need more.
    pub(crate) fn with_chunk_bytes(self, bytes: usize) -> Self {
        Self { chunk_bytes: bytes.min(CHUNK_BYTES), ..self }
    }

    /// Where the next frame is.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next frame; `None` at the end and where nothing has been written.
    pub(crate) fn next(&mut self) -> Result<Option<ScannedFrame>, Flaw> {
        let room = self.end.saturating_sub(self.position);
        if room < frame::HEADER_BYTES as u64 {
            return Ok(None);
        }
        let tag = self.header.tag_at(self.position);
        let head = self.bytes(frame::HEADER_BYTES)?;
        let Some(total) = frame::total_bytes(&head, tag)? else { return Ok(None) };
        if total as u64 > room {
            return Err(Flaw::Length);
        }
        let bytes = u32::try_from(total).map_err(|_| Flaw::Length)?;
        let frame = frame::decode(&self.bytes(total)?, tag)?;
        let position = self.position;
        self.position += total as u64;
        Ok(Some(ScannedFrame { position, bytes, frame }))
    }

    /// So many bytes from the present position, which the file has.
    fn bytes(&mut self, count: usize) -> Result<Bytes, Flaw> {
        let skipped = usize::try_from(self.position.saturating_sub(self.chunk_position));
        let start = skipped.unwrap_or(usize::MAX);
        let end = start.saturating_add(count);
        if end > self.chunk.len() {
            self.read_chunk(count)?;
            return Ok(self.chunk.slice(..count));
        }
        Ok(self.chunk.slice(start..end))
    }

    fn read_chunk(&mut self, bytes_min: usize) -> Result<(), Flaw> {
        let room = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let mut chunk = vec![0; self.chunk_bytes.max(bytes_min).min(room)];
        read_exact_at(self.file, self.position, &mut chunk)
            .map_err(|error| Flaw::Io(error.into()))?;
        self.chunk = chunk.into();
        self.chunk_position = self.position;
        Ok(())
    }
}

/// What is found behind the last intact frame in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Survey {
    /// An intact frame that satisfies what was asked for.
    pub(crate) found: Option<u64>,
    /// The position after the last byte that is not zero.
    pub(crate) written_end: u64,
}

/// Looks for an intact frame that is `wanted`, wherever it begins, and for the end of what was
/// written.
///
/// Tries every multiple of 8, because what is there is damaged and does not say where the next
/// frame would be.
pub(crate) fn survey(
    file: &dyn DiskFile,
    header: Header,
    from: u64,
    end: u64,
    wanted: impl Fn(u64, &Frame) -> bool,
) -> Result<Survey, Flaw> {
    let room = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; room.min(CHUNK_BYTES)];
    let mut survey = Survey { found: None, written_end: from };
    let mut position = from;
    // Most of it was never written, if the segment has just begun. What is in memory, because it was
    // read or read ahead, would count as written.
    file.forget_cached();
    let written_end = file.written_end(from).checked_next_multiple_of(frame::ALIGN as u64);
    let read_end = end.min(written_end.unwrap_or(end));
    while position < read_end {
        let room = usize::try_from(read_end - position).unwrap_or(usize::MAX);
        let chunk = &mut buffer[..room.min(CHUNK_BYTES)];
        read_exact_at(file, position, chunk).map_err(|error| Flaw::Io(error.into()))?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            survey.written_end = position + last as u64 + 1;
        }
        for (index, word) in chunk.as_chunks::<{ frame::ALIGN }>().0.iter().enumerate() {
            // The tag of a frame is in its second word.
            let word_position = position + (index * frame::ALIGN) as u64;
            let candidate = word_position.saturating_sub(frame::ALIGN as u64);
            if candidate < from || u64::from_le_bytes(*word) != header.tag_at(candidate) {
                continue;
            }
            match Scanner::new(file, header, candidate, end).with_chunk_bytes(0).next() {
                Ok(Some(scanned)) if wanted(candidate, &scanned.frame) => {
                    survey.found = Some(candidate);
                    return Ok(survey);
                }
                Err(Flaw::Io(failure)) => return Err(Flaw::Io(failure)),
                _ => {}
            }
        }
        position += chunk.len() as u64;
    }
    Ok(survey)
}
