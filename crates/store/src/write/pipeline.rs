//! Groups between their write and their answers.
//!
//! A group that has been written need not wait for the sync of the one before: on a slow device
//! several syncs are under way at once, so that a batch that just missed one does not wait for two.
//! What has been synced becomes visible and is answered in the order of the log, each group after
//! all groups before it.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logboom_planted::planted;

use crate::error::Poison;
use crate::store::Inner;
use crate::write::failure::{self, poison};
use crate::write::group::Group;
use crate::write::writer::SegmentHandle;

/// A group that has been written, from [`Store::write_group`](crate::Store::write_group).
///
/// Dropping it fails the group, and with it the store: nobody would know what is durable.
#[must_use = "nobody is answered until it is synced"]
pub struct WrittenGroup {
    inner: Arc<Inner>,
    ticket: u64,
    /// Where it is; `None` if there is nothing to make durable.
    segment: Option<SegmentHandle>,
    synced: bool,
}

/// The groups that are under way, oldest first.
#[derive(Default)]
pub(crate) struct Pipeline {
    state: Mutex<State>,
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    groups: VecDeque<Pending>,
    /// The ticket of the oldest group; the others follow without gaps.
    first_ticket: u64,
}

struct Pending {
    group: Group,
    end_lsn: u64,
    /// How long its sync took, once it is over.
    outcome: Option<Result<Duration, Poison>>,
}

impl WrittenGroup {
    pub(crate) fn new(inner: Arc<Inner>, ticket: u64, segment: Option<SegmentHandle>) -> Self {
        Self { inner, ticket, segment, synced: false }
    }

    /// Makes the group durable. Then it, and what waited only for it, becomes visible and is
    /// answered, unless a group before it is still to be synced.
    pub fn sync(mut self) {
        let outcome = self.sync_file();
        // Whoever is told may panic; the drop takes note of that.
        self.synced = true;
        self.inner.finish_group(self.ticket, outcome);
    }

    fn sync_file(&self) -> Result<Duration, Poison> {
        let Some(SegmentHandle { file, name, .. }) = &self.segment else {
            return Ok(Duration::ZERO);
        };
        if planted!(AckBeforeSync) {
            return Ok(Duration::ZERO);
        }
        let written = self.inner.disk.now();
        let synced = match file.sync_data() {
            Err(_) if planted!(RetryFailedSync) => file.sync_data(),
            synced => synced,
        };
        synced.map_err(poison("sync", name))?;
        Ok(self.inner.disk.now().saturating_sub(written))
    }
}

impl Debug for WrittenGroup {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WrittenGroup").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl Drop for WrittenGroup {
    fn drop(&mut self) {
        if !self.synced {
            self.inner.finish_group(self.ticket, Err(failure::abandoned()));
        } else if std::thread::panicking() {
            self.inner.poison.get_or_init(failure::abandoned);
        }
    }
}

impl Pipeline {
    /// Adds a group that has been written, which ends there in the log. Returns its ticket.
    pub(crate) fn push(&self, group: Group, end_lsn: u64) -> u64 {
        let mut state = self.lock();
        state.groups.push_back(Pending { group, end_lsn, outcome: None });
        state.first_ticket + state.groups.len() as u64 - 1
    }

    /// Blocks until no group is under way.
    pub(crate) fn wait_until_empty(&self) {
        let busy = |state: &mut State| !state.groups.is_empty();
        let _idle = self.emptied.wait_while(self.lock(), busy);
    }

    /// What is locked is whole whenever code of somebody else runs, so a panic there harms nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The oldest group, if it is synced.
    fn pop_synced(&mut self) -> Option<(Group, u64, Result<Duration, Poison>)> {
        self.groups.front()?.outcome.as_ref()?;
        let Pending { group, end_lsn, outcome } = self.groups.pop_front()?;
        self.first_ticket += 1;
        Some((group, end_lsn, outcome?))
    }
}

impl Inner {
    /// Takes note of how the sync of a group ended, and publishes all groups whose turn it is.
    pub(crate) fn finish_group(&self, ticket: u64, outcome: Result<Duration, Poison>) {
        if let Err(poison) = &outcome {
            self.poison.get_or_init(|| poison.clone());
        }
        let mut state = self.pipeline.lock();
        let place = ticket.checked_sub(state.first_ticket).and_then(|place| place.try_into().ok());
        if let Some(pending) = place.and_then(|place: usize| state.groups.get_mut(place)) {
            pending.outcome = Some(outcome);
        }
        while let Some((group, end_lsn, outcome)) = state.pop_synced() {
            // A sync that fails may be that of a later group, and take what this one wrote with it:
            // whoever asks first hears of the error, and the next sync means nothing.
            let outcome = self.check_poison().and(outcome);
            self.publish(group, end_lsn, &outcome);
        }
        if state.groups.is_empty() {
            self.pipeline.emptied.notify_all();
        }
    }

    /// Makes a durable group visible, and tells everybody.
    fn publish(&self, group: Group, end_lsn: u64, outcome: &Result<Duration, Poison>) {
        if let Ok(sync) = outcome
            && !group.frames().is_empty()
        {
            self.show(&group);
            self.lock_mark().publish_lsn(end_lsn);
            self.watchers.tell(end_lsn);
            let micros = u64::try_from(sync.as_micros()).unwrap_or(u64::MAX);
            self.lock_statistics().sync_micros.add(micros);
        }
        self.count(&group);
        group.complete(outcome.as_ref().err());
    }

    fn show(&self, group: &Group) {
        let mut view = self.readable.view_mut();
        if let Some(header) = group.begun() {
            view.roll(header);
        }
        for frame in group.frames() {
            view.push(frame.shard, frame.entry, frame.end_offset)
                .expect("the writer numbers the batches of a shard without gaps");
        }
    }

    fn count(&self, group: &Group) {
        let mut statistics = self.lock_statistics();
        for answer in group.answers() {
            match answer {
                Ok(appended) if appended.duplicate => statistics.duplicates += 1,
                Ok(_) => {}
                Err(_) => statistics.refused += 1,
            }
        }
        if !group.frames().is_empty() {
            statistics.group_batches.add(group.frames().len() as u64);
            statistics.group_bytes.add(group.bytes().into());
        }
    }
}
