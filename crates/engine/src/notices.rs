//! What the operator is told about batches that are stored all the same.

use std::fmt;

use logboom_wire::records::Summary;

use crate::client::Client;
use crate::{Engine, Notice};

/// So far ahead of the clock of this machine the newest record of a batch may be.
const AHEAD_MAX_MS: i64 = 3_600_000;

/// Further ahead than this no clock is: the unit is wrong.
const YEAR_MS: i64 = 365 * 86_400_000;

/// Looks at a valid batch that arrives at `now_ms` for what its sender should know. Costs nothing
/// per record: the summary is there anyway.
///
/// Old records are no reason for a notice, see docs/decisions/0018-diagnosis.md.
pub(crate) fn of_batch(engine: &Engine, client: &Client, summary: &Summary, now_ms: i64) {
    if client.batches.note(summary.magic, summary.codec) {
        client.notice(engine, Notice::OldFormat, || {
            let without = if summary.magic == 0 { ", without times of records" } else { "" };
            format!("message format {}{without}", summary.magic)
        });
    }
    if let Some(ahead_ms) = ahead_of(now_ms, summary.max_timestamp_ms) {
        client.notice(engine, Notice::RecordsFromTheFuture, || Ahead(ahead_ms).to_string());
    }
    if let Some(stamp) = summary.producer.filter(|stamp| !engine.store().may_have_given(stamp.id)) {
        client.notice(engine, Notice::ForeignProducerId, || format!("producer id {}", stamp.id));
    }
}

/// How far the newest record of a batch is ahead of the clock, if that is too far.
fn ahead_of(now_ms: i64, newest_ms: Option<i64>) -> Option<i64> {
    newest_ms.map(|newest_ms| newest_ms.saturating_sub(now_ms)).filter(|ms| *ms > AHEAD_MAX_MS)
}

/// How far records are ahead, in words.
struct Ahead(i64);

impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0 / 60_000;
        let (days, hours) = (minutes / 1_440, minutes / 60 % 24);
        f.write_str("records are ")?;
        match days {
            _ if self.0 > YEAR_MS => write!(f, "{} years", self.0 / YEAR_MS)?,
            0 => write!(f, "{hours} h {} min", minutes % 60)?,
            _ => write!(f, "{days} d {hours} h")?,
        }
        f.write_str(" ahead of this machine's clock")?;
        if self.0 > YEAR_MS {
            f.write_str("; times are milliseconds since 1970, not micro- or nanoseconds")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn words(newest_ms: i64) -> Option<String> {
        ahead_of(NOW_MS, Some(newest_ms)).map(|ahead_ms| Ahead(ahead_ms).to_string())
    }

    #[test]
    fn records_may_be_an_hour_ahead_and_as_old_as_they_like() {
        assert_eq!(ahead_of(NOW_MS, None), None);
        for newest_ms in [i64::MIN, 0, NOW_MS - AHEAD_MAX_MS * 10, NOW_MS, NOW_MS + AHEAD_MAX_MS] {
            assert_eq!(words(newest_ms), None, "{newest_ms}");
        }
        assert!(words(NOW_MS + AHEAD_MAX_MS + 1).is_some());
    }

    #[test]
    fn how_far_is_said_in_words() {
        let skewed = NOW_MS + (2 * 60 + 3) * 60_000 + 59_999;
        let told = "records are 2 h 3 min ahead of this machine's clock";
        assert_eq!(words(skewed).as_deref(), Some(told));
        let told = "records are 3 d 1 h ahead of this machine's clock";
        assert_eq!(words(NOW_MS + 73 * 3_600_000).as_deref(), Some(told));
        for unit in [1_000, 1_000_000] {
            let words = words(NOW_MS * unit).expect("far ahead");
            assert!(words.contains("years ahead") && words.contains("milliseconds"), "{words}");
        }
        assert!(words(i64::MAX).is_some());
    }
}
