//! Retention: what has expired becomes invisible, and then goes.
//!
//! First the new starts of the shards are written down, then they count, then segments in which
//! everything has expired are unlinked, oldest first. A crash in between leaves each shard with a
//! contiguous suffix, and files that the next open removes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use logboom_planted::planted;

use crate::error::CatalogueError;
use crate::format::segment;
use crate::read::readable::Readable;
use crate::read::view::Span;
use crate::store::Inner;
use crate::types::{Shard, StreamId};
use crate::write::failure::{Failure, poison};

/// How long, and how much, a stream keeps. Without either it keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Records that were appended longer ago than this expire.
    ///
    /// Expiry goes from the oldest batch of a shard on and stops at the first that is young
    /// enough: a batch that was stamped by a clock that ran ahead keeps back what is behind it. A
    /// wrong clock may make the store keep too much; only one that stays ahead makes it keep less.
    pub age: Option<Duration>,
    /// The oldest batches of all shards together expire while what is left has at least so many
    /// bytes. Judged a segment at a time, so a stream may have up to one segment more, and what is
    /// in the segment that is being written stays.
    pub bytes: Option<u64>,
}

/// What one round of retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// How many shards start later now.
    pub shards_advanced: usize,
    /// The bytes that expired by age, as far as that is a whole segment of a shard.
    pub expired_by_age_bytes: u64,
    /// The bytes that expired by size.
    pub expired_by_size_bytes: u64,
    /// How many segment files were removed.
    pub segments_removed: usize,
}

/// Files that should be gone and could not be removed yet.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    segments: BTreeSet<u64>,
}

impl Inner {
    /// Applies retention as it is at `now_ms`.
    pub(crate) fn apply_retention(
        &self,
        policy: &dyn Fn(StreamId) -> Retention,
        now_ms: i64,
    ) -> Result<Retained, CatalogueError> {
        let mut leftovers = self.lock_leftovers();
        let plan = Plan::new(&self.readable, policy, now_ms);
        let removed = plan.removable_segments(&self.readable);
        if planted!(UnlinkedBeforeCatalogue) {
            leftovers.segments.extend(&removed);
            self.unlink(&mut leftovers)?;
        }
        if !plan.starts.is_empty() || !removed.is_empty() {
            self.change_catalogue(|catalogue| {
                catalogue.starts.extend(&plan.starts);
                removed.iter().for_each(|segment| catalogue.removed.insert(*segment));
            })?;
        }
        let active_expired = {
            let mut view = self.readable.view_mut();
            for (shard, start) in &plan.starts {
                view.advance_start(*shard, *start);
            }
            removed.iter().for_each(|segment| view.remove(*segment));
            view.active_has_expired()
        };
        if active_expired {
            self.roll_requested.store(true, Ordering::Relaxed);
            self.queue.nudge();
        }
        leftovers.segments.extend(&removed);
        self.unlink(&mut leftovers)?;
        self.expire_producers(now_ms);
        Ok(Retained {
            shards_advanced: plan.starts.len(),
            expired_by_age_bytes: plan.by_age_bytes,
            expired_by_size_bytes: plan.by_size_bytes,
            segments_removed: removed.len(),
        })
    }

    /// Removes the files, oldest first, and makes that durable.
    fn unlink(&self, leftovers: &mut Leftovers) -> Result<(), CatalogueError> {
        // A reader in another process that has not heard that files are gone would still look for
        // them. They are removed the next time.
        if leftovers.segments.is_empty() || !self.lock_mark().is_told() {
            return Ok(());
        }
        while let Some(number) = leftovers.segments.first().copied() {
            self.readable.forget(number);
            match self.disk.unlink(&segment::file_name(number)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Failure::refused(error).into());
                }
                _ => leftovers.segments.pop_first(),
            };
        }
        self.disk.sync_dir().map_err(|error| self.poisoned(poison("sync", "")(error)))
    }
}

/// What has expired.
#[derive(Debug, Default)]
struct Plan {
    /// Where shards start from now on.
    starts: BTreeMap<Shard, i64>,
    by_age_bytes: u64,
    by_size_bytes: u64,
}

impl Plan {
    fn new(readable: &Readable, policy: &dyn Fn(StreamId) -> Retention, now_ms: i64) -> Self {
        let mut streams: BTreeMap<StreamId, Vec<Shard>> = BTreeMap::new();
        for shard in readable.view().shards() {
            streams.entry(shard.stream).or_default().push(shard);
        }
        let mut plan = Self::default();
        for (stream, shards) in streams {
            let Retention { age, bytes } = policy(stream);
            if let Some(age) = age {
                let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                let cutoff_ms = now_ms.saturating_sub(age_ms);
                shards.iter().for_each(|shard| plan.expire_by_age(readable, *shard, cutoff_ms));
            }
            if let Some(bytes_max) = bytes {
                plan.expire_by_size(readable, &shards, bytes_max);
            }
        }
        plan
    }

    /// Moves the start of a shard behind the batches that were appended before the cutoff.
    fn expire_by_age(&mut self, readable: &Readable, shard: Shard, cutoff_ms: i64) {
        let old = |time_ms: i64| time_ms < cutoff_ms;
        let (start, spans) = {
            let view = readable.view();
            let partly_old = view.spans(shard).take_while(|span| old(span.append_time_min_ms));
            (view.offsets(shard).start, partly_old.collect::<Vec<_>>())
        };
        let mut new_start = start;
        for span in spans {
            if old(span.append_time_max_ms) || planted!(YoungExpires) {
                new_start = span.end_offset;
                self.by_age_bytes += span.bytes;
                continue;
            }
            // An index that cannot be read keeps its segment until all of it is old.
            let young = readable.with_index(shard, span.segment, |slice| {
                let mut found = slice.iter().skip_while(|found| {
                    found.end_offset <= new_start || old(found.entry.append_time_ms)
                });
                found.next().map(|found| found.entry.base_offset)
            });
            new_start = new_start.max(young.ok().flatten().unwrap_or(new_start));
            break;
        }
        if new_start > start {
            self.starts.insert(shard, new_start);
        }
    }

    /// Moves the starts of the shards of a stream behind its oldest segments, while what is left
    /// has at least `bytes_max` bytes.
    fn expire_by_size(&mut self, readable: &Readable, shards: &[Shard], bytes_max: u64) {
        let view = readable.view();
        let mut bytes: u64 = shards.iter().map(|shard| view.bytes(*shard)).sum();
        if bytes <= bytes_max {
            return;
        }
        let mut segments: BTreeMap<u64, Vec<(Shard, Span)>> = BTreeMap::new();
        bytes = 0;
        for shard in shards {
            let start = self.starts.get(shard).copied().unwrap_or(0);
            for span in view.spans(*shard).filter(|span| span.end_offset > start) {
                segments.entry(span.segment).or_default().push((*shard, span));
                bytes += span.bytes;
            }
        }
        let active = view.active().map(|(header, _)| header.number);
        for (segment, spans) in segments {
            let segment_bytes: u64 = spans.iter().map(|(_, span)| span.bytes).sum();
            let kept = if planted!(OneSegmentTooMany) { bytes } else { bytes - segment_bytes };
            if Some(segment) == active || kept < bytes_max {
                break;
            }
            bytes -= segment_bytes;
            self.by_size_bytes += segment_bytes;
            self.starts.extend(spans.iter().map(|(shard, span)| (*shard, span.end_offset)));
        }
    }

    /// The sealed segments in which nothing is left. The newest segment always stays: it says where
    /// the log ends; and so does one that says where the one before it ends.
    fn removable_segments(&self, readable: &Readable) -> Vec<u64> {
        let view = readable.view();
        let mut live: BTreeMap<u64, usize> = view.sealed().collect();
        for (shard, start) in &self.starts {
            for span in view.spans(*shard).take_while(|span| span.end_offset <= *start) {
                if let Some(shards) = live.get_mut(&span.segment) {
                    *shards -= 1;
                }
            }
        }
        let last = view.last_segment();
        let removable = |segment| Some(segment) != last && !view.ends_another(segment);
        let empty = live.into_iter().filter(|(_, shards)| *shards == 0);
        empty.map(|(segment, _)| segment).filter(|segment| removable(*segment)).collect()
    }
}
