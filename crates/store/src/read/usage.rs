use crate::read::view::View;
use crate::types::StreamId;

/// What one Logstore has in the log, as far as it has not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamUsage {
    /// How many shards have data.
    pub shards: usize,
    /// Bytes as stored. What has expired counts until its whole segment has.
    pub bytes: u64,
    /// How many records there are.
    pub records: u64,
    /// The lowest append time, in ms since 1970.
    pub append_time_min_ms: Option<i64>,
    /// The highest append time, in ms since 1970.
    pub append_time_max_ms: Option<i64>,
}

impl StreamUsage {
    pub(crate) fn of(view: &View, stream: StreamId) -> Self {
        let mut usage = Self::default();
        for shard in view.shards_of(stream) {
            let offsets = view.offsets(shard);
            usage.shards += usize::from(offsets.next > offsets.start);
            usage.records += offsets.next.abs_diff(offsets.start);
            for span in view.spans(shard) {
                usage.bytes += span.bytes;
                let min = Some(span.append_time_min_ms);
                usage.append_time_min_ms =
                    usage.append_time_min_ms.map_or(min, |least| min.map(|min| min.min(least)));
                usage.append_time_max_ms =
                    usage.append_time_max_ms.max(Some(span.append_time_max_ms));
            }
        }
        usage
    }
}
