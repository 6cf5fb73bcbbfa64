use std::sync::Arc;

use bytes::Bytes;
use logboom_wire::frame::PREFIX_BYTES;

use crate::memory::Reservation;
use crate::pool::FramePool;

/// The buffer that bytes arrive in while it is not known what they are: room for many small frames.
pub(crate) const STAGING_BYTES: usize = 16 * 1024;

/// The buffer of a peer whose last frame was larger than that. Probably the next one is, too, so that
/// little more than its prefix is needed, and almost nothing of it is copied twice.
const STAGING_BYTES_MIN: usize = 1024;

/// Frames up to this part of the staging buffer stay there until they are complete. For a larger one
/// the copy of what is staged is small against the frame, and the rest goes straight where it belongs.
const STAGED_FRAME_PART: usize = 4;

/// Cuts the stream of the peer into frames.
///
/// Every frame ends up in memory of its own, of its size or little more: sharing the staging buffer
/// would let a small frame keep 16 KiB alive, and would leave the next reads without a buffer.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Empty while there is nothing to keep: a silent connection inside TLS needs none.
    staging: Vec<u8>,
    /// The length it gets the next time.
    staging_bytes: usize,
    /// The staged bytes are `start..end`.
    start: usize,
    end: usize,
    body: Option<Body>,
    lent: usize,
    discarding: bool,
}

/// A frame larger than the staging buffer should hold, on its way in.
#[derive(Debug)]
struct Body {
    memory: FrameMemory,
    filled: usize,
}

/// Who answers for the memory of a frame.
#[derive(Debug)]
pub(crate) enum Custody {
    /// The connection: the frame came before authentication. It may contain a password and is wiped.
    Connection,
    /// The process, which has counted it and gets it back.
    Process {
        #[expect(dead_code, reason = "held for what its drop does")]
        reservation: Reservation,
        pool: Arc<FramePool>,
    },
}

impl Receiver {
    pub(crate) const fn new() -> Self {
        let staging = Vec::new();
        let staging_bytes = STAGING_BYTES;
        Self { staging, staging_bytes, start: 0, end: 0, body: None, lent: 0, discarding: false }
    }

    /// The length prefix of the next frame, once it is here.
    pub(crate) fn prefix(&self) -> Option<[u8; PREFIX_BYTES]> {
        self.staged().first_chunk().copied()
    }

    /// Whether nothing of the next frame is here.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.body.is_none() && self.staged().is_empty()
    }

    /// Whether a whole frame waits to be taken.
    pub(crate) fn has_frame(&self) -> bool {
        !self.is_between_frames() && self.missing() == 0
    }

    /// The size of the frame that is being received into its own memory, or 0.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.memory.frame_bytes)
    }

    /// A lower bound of the bytes that complete the next frame.
    pub(crate) fn missing(&self) -> usize {
        if let Some(body) = &self.body {
            return body.memory.frame_bytes - body.filled;
        }
        let whole = self.prefix().map_or(PREFIX_BYTES, |prefix| {
            // A negative length is refused when its turn comes; nothing is missing for that.
            PREFIX_BYTES + usize::try_from(i32::from_be_bytes(prefix)).unwrap_or(0)
        });
        whole.saturating_sub(self.staged().len())
    }

    /// Takes the next frame, whose prefix says `frame_bytes`, if it is complete.
    ///
    /// If it is not, and too large to wait for it in the staging buffer, its memory is made now.
    /// Both ask `custody` for who answers for that memory; `None` from it leaves all as it is.
    pub(crate) fn take_frame(
        &mut self,
        frame_bytes: usize,
        custody: impl FnOnce() -> Option<Custody>,
    ) -> Option<Bytes> {
        let complete = self.staged().len() >= PREFIX_BYTES + frame_bytes;
        if !complete && frame_bytes <= self.staging.len() / STAGED_FRAME_PART {
            return None;
        }
        let custody = custody()?;
        self.staging_bytes =
            if frame_bytes >= STAGING_BYTES { STAGING_BYTES_MIN } else { STAGING_BYTES };
        let staged = &mut self.staging[self.start..self.end];
        let head = &mut staged[PREFIX_BYTES..];
        let filled = head.len().min(frame_bytes);
        let bytes =
            if complete { head[..filled].to_vec() } else { custody.begin(head, frame_bytes) };
        if let Custody::Connection = custody {
            wipe(&mut head[..filled]);
        }
        self.start += PREFIX_BYTES + filled;
        let memory = FrameMemory { bytes, frame_bytes, custody };
        if complete {
            return Some(Bytes::from_owner(memory));
        }
        self.body = Some(Body { memory, filled });
        None
    }

    /// Takes the frame that was received into its own memory, if it is complete.
    pub(crate) fn take_body(&mut self) -> Option<Bytes> {
        let body = self.body.take_if(|body| body.filled == body.memory.frame_bytes)?;
        Some(Bytes::from_owner(body.memory))
    }

    /// Whether a frame is being received into its own memory.
    pub(crate) const fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// How many bytes can be lent.
    pub(crate) fn room(&self) -> usize {
        match &self.body {
            Some(_) => self.missing(),
            None => self.staging_bytes_next() - self.staged().len(),
        }
    }

    /// Lends memory for at most `bytes_max` bytes, which must not be more than the room.
    pub(crate) fn space(&mut self, bytes_max: usize) -> &mut [u8] {
        debug_assert!(bytes_max <= self.room());
        self.lent = bytes_max;
        if self.body.is_none() && self.staging.len() != self.staging_bytes_next() {
            self.resize_staging();
        }
        if let Some(body) = &mut self.body {
            return &mut body.memory.bytes[body.filled..][..bytes_max];
        }
        // Never more than one small unfinished frame is moved, and only when half of the buffer has
        // been used up since the last time.
        if self.start == self.end || self.end > self.staging.len() / 2 {
            self.staging.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let end = self.staging.len().min(self.end + bytes_max);
        self.lent = end - self.end;
        &mut self.staging[self.end..end]
    }

    /// The first `n` bytes of the lent memory were filled.
    ///
    /// # Panics
    ///
    /// If less was lent.
    pub(crate) fn received(&mut self, n: usize) {
        assert!(n <= self.lent, "{n} bytes received into a space of {}", self.lent);
        self.lent = 0;
        match &mut self.body {
            _ if self.discarding => {}
            Some(body) => body.filled += n,
            None => self.end += n,
        }
    }

    /// Gives the staging buffer back if nothing is in it and nothing of it is lent.
    ///
    /// A host that has asked for space and is yet to say what came keeps it: that may be filled.
    pub(crate) fn release(&mut self) {
        if self.start == self.end && self.lent == 0 {
            self.staging = Vec::new();
            (self.start, self.end) = (0, 0);
        }
    }

    /// Forgets everything and from now on everything that arrives.
    pub(crate) fn discard(&mut self) {
        self.body = None;
        self.staging.fill(0);
        (self.start, self.end, self.lent) = (0, 0, 0);
        self.discarding = true;
    }

    /// The memory held here, the frame that is being received included.
    pub(crate) fn bytes_held(&self) -> usize {
        self.staging.len() + self.body_bytes()
    }

    fn staged(&self) -> &[u8] {
        &self.staging[self.start..self.end]
    }

    /// The length of the staging buffer when it is lent the next time. It shrinks only while it is empty.
    fn staging_bytes_next(&self) -> usize {
        if self.staged().is_empty() {
            self.staging_bytes
        } else {
            self.staging_bytes.max(self.staging.len())
        }
    }

    fn resize_staging(&mut self) {
        let mut staging = vec![0; self.staging_bytes_next()];
        let staged = self.end - self.start;
        staging[..staged].copy_from_slice(self.staged());
        wipe(&mut self.staging);
        self.staging = staging;
        (self.start, self.end) = (0, staged);
    }
}

impl Custody {
    /// Memory for a frame of which `head` is here. What is behind `head` may be anything.
    fn begin(&self, head: &[u8], frame_bytes: usize) -> Vec<u8> {
        let mut bytes = match self {
            Self::Connection => vec![0; frame_bytes],
            Self::Process { pool, .. } => pool.take(frame_bytes),
        };
        bytes[..head.len()].copy_from_slice(head);
        bytes
    }
}

/// The memory of one frame, as [`Bytes`] own it.
struct FrameMemory {
    /// Of at least `frame_bytes`.
    bytes: Vec<u8>,
    frame_bytes: usize,
    custody: Custody,
}

impl AsRef<[u8]> for FrameMemory {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.frame_bytes]
    }
}

impl Drop for FrameMemory {
    fn drop(&mut self) {
        match &self.custody {
            Custody::Connection => wipe(&mut self.bytes),
            Custody::Process { pool, .. } => pool.give(std::mem::take(&mut self.bytes)),
        }
    }
}

impl std::fmt::Debug for FrameMemory {
    /// Says how large the frame is and not what is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameMemory({} bytes, {:?})", self.frame_bytes, self.custody)
    }
}

/// Overwrites what may have been a password. `black_box` keeps the compiler from leaving out writes
/// to memory that is freed next.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

#[cfg(test)]
mod tests;
