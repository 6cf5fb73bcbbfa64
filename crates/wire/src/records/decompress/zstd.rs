use std::ops::Range;

use zstd::zstd_safe::{self, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::{CHUNK_BYTES, widen};
use crate::records::{BatchError, Codec};

/// The smallest window of the format (RFC 8878, section 3.1.1.1.2), and the largest that zstd takes
/// unless told otherwise, 128 MiB.
const WINDOW_LOGS: (u32, u32) = (10, 27);

/// No block becomes larger (RFC 8878, section 3.1.1.2.4), and none is shorter in compressed form.
const BLOCK_BYTES_MAX: usize = 128 * 1024;
const COMPRESSED_BLOCK_BYTES_MIN: usize = 4;

const INVALID: BatchError = BatchError::CompressedDataInvalid { codec: Codec::Zstd };

/// Zstandard frames one after the other; skippable frames are skipped.
pub(super) struct Zstd<'a> {
    input: &'a [u8],
    context: &'a mut DCtx<'static>,
    window_log_max: u32,
    frame: Frame,
}

#[derive(Clone, Copy, PartialEq)]
enum Frame {
    /// Nothing of the next frame has been read.
    Closed,
    Open,
}

impl<'a> Zstd<'a> {
    pub(super) fn new(
        input: &'a [u8],
        window_log_max: u32,
        context: &'a mut Option<DCtx<'static>>,
    ) -> Self {
        let (log_min, log_max) = WINDOW_LOGS;
        let window_log_max = window_log_max.clamp(log_min, log_max);
        let context = context.get_or_insert_with(DCtx::create);
        Self { input, context, window_log_max, frame: Frame::Closed }
    }

    pub(super) fn next_chunk(&mut self, window: &mut Vec<u8>) -> Result<Range<usize>, BatchError> {
        while self.frame == Frame::Open || !self.input.is_empty() {
            let written = match self.frame {
                Frame::Closed => self.open_frame(window)?,
                Frame::Open => self.stream(widen(window, CHUNK_BYTES))?,
            };
            if written > 0 {
                return Ok(0..written);
            }
        }
        Ok(0..0)
    }

    /// Reads the start of a frame. Returns how much of the window it filled.
    ///
    /// Clients that do not know the size in advance declare the window of their level, 128 MiB for
    /// level 22, however little follows. Decompressed in one go, a frame needs no window besides
    /// its output. So where the declared window is above the limit, the frame may still be as large
    /// as the window that would have been allowed.
    fn open_frame(&mut self, window: &mut Vec<u8>) -> Result<usize, BatchError> {
        self.context.reset(ResetDirective::SessionOnly).map_err(|_| INVALID)?;
        self.context
            .set_parameter(DParameter::WindowLogMax(self.window_log_max))
            .map_err(|_| INVALID)?;
        let input = self.input;
        if let Ok(written) = self.stream(widen(window, CHUNK_BYTES)) {
            return Ok(written);
        }
        let frame_bytes = zstd_safe::find_frame_compressed_size(input).map_err(|_| INVALID)?;
        let (frame, rest) = input.split_at_checked(frame_bytes).ok_or(INVALID)?;
        let bytes_max = frame_bytes / COMPRESSED_BLOCK_BYTES_MIN * BLOCK_BYTES_MAX;
        let window = widen(window, bytes_max.min(1 << self.window_log_max));
        let written = self.context.decompress(window, frame).map_err(|_| INVALID)?;
        self.input = rest;
        self.frame = Frame::Closed;
        Ok(written)
    }

    /// Goes on with a frame. Returns how much of the window it filled.
    fn stream(&mut self, window: &mut [u8]) -> Result<usize, BatchError> {
        let mut input = InBuffer::around(self.input);
        let mut output = OutBuffer::around(window);
        let missing =
            self.context.decompress_stream(&mut output, &mut input).map_err(|_| INVALID)?;
        let (read, written) = (input.pos(), output.pos());
        self.input = &self.input[read..];
        self.frame = if missing == 0 { Frame::Closed } else { Frame::Open };
        if read == 0 && written == 0 { Err(INVALID) } else { Ok(written) }
    }
}
