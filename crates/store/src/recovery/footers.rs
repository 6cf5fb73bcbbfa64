//! Reads the footers of many segments one after another.
//!
//! What opening needs of a footer stands together at the end of the file, so one read gets it, if it is
//! known how much that is: about as much as in the segment before.

use crate::format::footer::{self, ProducerPlace, Summary, TRAILER_BYTES, Trailer};
use crate::read::segment_file::{FileError, SegmentFile};

/// Never is more than this read on suspicion.
const GUESS_BYTES_MAX: usize = 1 << 20;
/// The first guess. A store of few shards needs no more.
const GUESS_BYTES_MIN: usize = 512;
/// The guess of what is worth fetching before it is needed, as long as no footer was read.
const AHEAD_BYTES: usize = 32 << 10;
/// Guesses are rounded up to whole pages, which the kernel reads anyway: footers of neighbours differ a
/// little, and a guess that is too small costs a second read.
const PAGE_BYTES: usize = 4 << 10;

/// Reads footers. What it needs memory for, it needs once.
#[derive(Debug, Default)]
pub(super) struct FooterReader {
    bytes: Vec<u8>,
    guess: usize,
    summaries: Vec<Summary>,
    places: Vec<ProducerPlace>,
}

/// A footer that has been checked, without its entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footer<'a> {
    pub(super) trailer: Trailer,
    pub(super) summaries: &'a [Summary],
    /// The section of producers, and where each of them is in it. Empty if nobody wanted them.
    pub(super) producers: &'a [u8],
    pub(super) places: &'a [ProducerPlace],
}

impl FooterReader {
    /// How many bytes at the end of a segment will probably be read.
    pub(super) fn expected_bytes(&self) -> usize {
        if self.guess == 0 { AHEAD_BYTES } else { self.guess.min(GUESS_BYTES_MAX) }
    }

    /// The footer of a segment, with the producers in it if `wanted` says so. `None` if there is none, or
    /// it is damaged.
    pub(super) fn read(
        &mut self,
        segment: &SegmentFile,
        wanted: impl Fn(&Trailer) -> bool,
    ) -> Result<Option<Footer<'_>>, FileError> {
        let guess = self.guess.clamp(GUESS_BYTES_MIN, GUESS_BYTES_MAX);
        let guessed = self.read_end(segment, guess).is_ok();
        let trailer = match (guessed, self.bytes.last_chunk::<TRAILER_BYTES>()) {
            (true, Some(bytes)) => segment.check_trailer(bytes, segment.length),
            // What cannot be read may be what nobody needs.
            _ => segment.trailer()?,
        };
        let Some(trailer) = trailer else { return Ok(None) };
        let shards_bytes = trailer.shards.bytes as usize;
        let producers_bytes = if wanted(&trailer) { trailer.producers.bytes as usize } else { 0 };
        let needed = producers_bytes + shards_bytes + TRAILER_BYTES;
        if (!guessed || needed > self.bytes.len()) && self.read_end(segment, needed).is_err() {
            return Ok(None);
        }
        self.guess = needed.next_multiple_of(PAGE_BYTES);
        let sections = &self.bytes[self.bytes.len() - needed..][..producers_bytes + shards_bytes];
        let (producers, shards) = sections.split_at(producers_bytes);
        let producers_good = producers_bytes == 0 || trailer.producers.check(producers).is_ok();
        let decoded = producers_good && trailer.shards.check(shards).is_ok() && {
            let summaries = footer::decode_shards_into(shards, &mut self.summaries);
            let places = footer::find_producers(producers, &mut self.places);
            summaries.and(places).is_ok()
        };
        let Self { summaries, places, .. } = &*self;
        Ok(decoded.then_some(Footer { trailer, summaries, producers, places }))
    }

    /// Reads so many bytes at the end of the file, or all of it.
    fn read_end(&mut self, segment: &SegmentFile, bytes: usize) -> Result<(), FileError> {
        let length = usize::try_from(segment.length).unwrap_or(usize::MAX);
        let bytes = bytes.min(length);
        self.bytes.resize(bytes, 0);
        segment.read(segment.length - bytes as u64, &mut self.bytes)
    }
}
