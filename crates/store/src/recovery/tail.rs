//! Where the log ends after a crash.
//!
//! The frames of a group are written together and become durable together. A crash in between
//! leaves any part of them: the disk writes sectors in the order it likes. So a damaged frame at
//! the end of the last segment is what a crash leaves, and is cut off with what follows it, unless
//! it is known to have been durable:
//!
//! - an intact frame follows that was written **when it was durable**: a frame says how many bytes
//!   before it were not known to be durable at that time, those of its own group and of groups that
//!   were being synced; or
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
    let written_end = check_nothing_durable(segment, data_end)?;
    Ok(Tail { data_end, torn_bytes: written_end - data_end })
}

/// Makes sure that nothing from `data_end` on is known to have been durable. Returns where that ends
/// which is not as if nothing had been written there.
pub(crate) fn check_nothing_durable(
    segment: &SegmentFile,
    data_end: u64,
) -> Result<u64, FileError> {
    let SegmentFile { file, header, length, .. } = segment;
    let end_lsn = header.lsn_at(data_end);
    let survey = survey(&**file, *header, data_end, *length, |position, frame| {
        let durable_end = header.lsn_at(position).saturating_sub(frame.undurable_bytes.into());
        durable_end > end_lsn
    });
    let survey = survey.map_err(|flaw| segment.flawed(data_end, flaw))?;
    if survey.found.is_some() && !planted!(DamageCutOff) {
        return Err(segment.flawed(data_end, Flaw::BeforeIntact));
    }
    Ok(survey.written_end)
}
