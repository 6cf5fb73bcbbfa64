use std::collections::BTreeMap;
use std::time::Duration;

use super::batches::Batch;
use crate::diagnostics::count;

/// The offsets of more shards than this are not listed.
const SHARDS_LISTED_MAX: usize = 4;

/// What has been read, and what the server has acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Lines that were taken from the input.
    pub(crate) lines_read: u64,
    /// Bytes of the input.
    pub(crate) bytes_read: u64,
    /// Lines that are stored, or that were sent if no acknowledgement was asked for.
    pub(crate) lines_stored: u64,
    shards: BTreeMap<u32, Stored>,
}

/// What is stored in one shard.
#[derive(Debug)]
struct Stored {
    lines: u64,
    first: i64,
    last: i64,
}

impl Tally {
    /// Counts a batch that is stored, its first record at this offset if that is known.
    pub(super) fn stored(&mut self, batch: &Batch, offset: Option<i64>) {
        let lines = u64::from(batch.line_count);
        self.lines_stored += lines;
        let Some(first) = offset else { return };
        let last = first.saturating_add(i64::from(batch.line_count) - 1);
        let shard = self.shards.entry(batch.shard).or_insert(Stored { lines: 0, first, last });
        shard.lines += lines;
        shard.first = shard.first.min(first);
        shard.last = shard.last.max(last);
    }

    /// Where the lines are: `, offsets 0-2 of shard 0`. Nothing if nobody knows.
    pub(crate) fn places(&self) -> String {
        match self.shards.len() {
            0 => String::new(),
            1..=SHARDS_LISTED_MAX => {
                self.shards.iter().map(|(shard, stored)| stored.place(*shard)).collect()
            }
            many => format!(", in {many} shards"),
        }
    }
}

impl Stored {
    fn place(&self, shard: u32) -> String {
        let Self { lines, first, last } = self;
        if first == last {
            return format!(", offset {first} of shard {shard}");
        }
        // Others may have written to the shard in between.
        let alone = last.abs_diff(*first) + 1 == *lines;
        let within = if alone { "offsets" } else { "within offsets" };
        format!(", {within} {first}-{last} of shard {shard}")
    }
}

/// `3 lines`.
pub(crate) fn lines(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "line")
}

/// How long something took, for people: `12 ms`, `1.2 s`, `90 s`.
pub(crate) fn duration(taken: Duration) -> String {
    match taken.as_secs() {
        0 => format!("{} ms", taken.as_millis()),
        1..60 => format!("{:.1} s", taken.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(batches: &[(u32, u32, Option<i64>)]) -> Tally {
        let mut tally = Tally::default();
        for (shard, line_count, offset) in batches {
            let (shard, line_count) = (*shard, *line_count);
            let batch = Batch { shard, first_line: 1, line_count, bytes: Vec::new().into() };
            tally.stored(&batch, *offset);
        }
        tally
    }

    #[test]
    fn places_are_ranges_of_offsets_by_shard() {
        assert_eq!(tally(&[]).places(), "");
        assert_eq!(tally(&[(0, 1, Some(7))]).places(), ", offset 7 of shard 0");
        let two = tally(&[(1, 2, Some(10)), (0, 3, Some(0)), (1, 2, Some(12))]);
        assert_eq!(two.places(), ", offsets 0-2 of shard 0, offsets 10-13 of shard 1");
        assert_eq!(two.lines_stored, 7);
    }

    #[test]
    fn a_range_with_lines_of_others_in_it_says_so() {
        let tally = tally(&[(0, 2, Some(0)), (0, 2, Some(5))]);
        assert_eq!(tally.places(), ", within offsets 0-6 of shard 0");
    }

    #[test]
    fn many_shards_are_only_counted_and_unknown_offsets_left_out() {
        let many: Vec<_> = (0..9).map(|shard| (shard, 1, Some(0))).collect();
        assert_eq!(tally(&many).places(), ", in 9 shards");
        let unknown = tally(&[(0, 3, None)]);
        assert_eq!((unknown.places().as_str(), unknown.lines_stored), ("", 3));
    }

    #[test]
    fn durations_have_the_precision_that_matters() {
        assert_eq!(duration(Duration::from_micros(12_700)), "12 ms");
        assert_eq!(duration(Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(90)), "90 s");
    }
}
