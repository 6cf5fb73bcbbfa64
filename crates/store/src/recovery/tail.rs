//! Where the log ends after a crash.
//!
//! The frames of a group are written together and become durable together. A crash in between
//! leaves any part of them: the disk writes sectors in the order it likes. So a damaged frame at
//! the end of the last segment is what a crash leaves, and is cut off with what follows it, unless
//! it is known to have been durable:
//!
//! - an intact frame that was written **in a later group** follows: groups are written one after
//!   the other, each after the one before is durable (a frame says how far its group began before
//!   it); or
//! - the mark, which is written after each sync, lies behind it.
//!
//! Then it is damage that no crash explains, and nothing is changed.

use logboom_planted::planted;

use crate::error::Flaw;
use crate::read::scan::{ScannedFrame, Scanner, survey};
use crate::read::segment_file::{FileError, SegmentFile};

/// The end of a segment that was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Where the intact frames end.
    pub(crate) data_end: u64,
    /// How many bytes behind it are not as if nothing had been written there.
    pub(crate) torn_bytes: u64,
}

/// Goes through the frames from `from` on, calls `each` with every intact one, and finds out where
/// they end and whether that is where they may end.
pub(crate) fn find(
    segment: &SegmentFile,
    from: u64,
    durable_lsn: u64,
    mut each: impl FnMut(ScannedFrame) -> Result<(), Flaw>,
) -> Result<Tail, FileError> {
    let SegmentFile { file, header, length, .. } = segment;
    let mut scanner = Scanner::new(&**file, *header, from, *length);
    let data_end = loop {
        let position = scanner.position();
        match scanner.next() {
            Ok(Some(scanned)) => each(scanned).map_err(|flaw| segment.flawed(position, flaw))?,
            Err(Flaw::Io(failure)) => return Err(segment.flawed(position, Flaw::Io(failure))),
            Ok(None) | Err(_) => break position,
        }
    };
    let end_lsn = header.lsn_at(data_end);
    if end_lsn < durable_lsn {
        return Err(segment.flawed(data_end, Flaw::Acknowledged));
    }
    let survey = survey(&**file, *header, data_end, *length, |position, frame| {
        let group_start = header.lsn_at(position).saturating_sub(frame.group_bytes.into());
        group_start > end_lsn
    });
    let survey = survey.map_err(|flaw| segment.flawed(data_end, flaw))?;
    if survey.found.is_some() && !planted!(DamageCutOff) {
        return Err(segment.flawed(data_end, Flaw::BeforeIntact));
    }
    Ok(Tail { data_end, torn_bytes: survey.written_end - data_end })
}
