//! Group commit: one write and one sync for the batches of all shards that wait.
//!
//! While a group is being synced the next one collects in the queue, so that a group is as large
//! as the disk is slow, and nobody waits for a timer.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use logboom_planted::planted;

use crate::error::{AppendError, Poison};
use crate::store::Inner;
use crate::write::failure::{self, Failure, poison};
use crate::write::group::Group;
use crate::write::pipeline::WrittenGroup;
use crate::write::producer_ids;
use crate::write::queue::Submission;
use crate::write::writer::{Staged, Writer};

impl Inner {
    /// Commits one group, if anything waits, and then does what is due besides. Says whether more
    /// waits.
    pub(crate) fn commit_group(self: &Arc<Self>) -> bool {
        if let Some(group) = self.write_group() {
            group.sync();
        }
        self.keep_house();
        !self.queue.is_empty()
    }

    /// Writes one group, if anything waits that need not wait for groups that are under way.
    pub(crate) fn write_group(self: &Arc<Self>) -> Option<WrittenGroup> {
        let mut writer = self.lock_writer();
        let mut group = Group::default();
        let written = self
            .check_poison()
            .and_then(|()| self.stage(&mut writer, &mut group))
            .and_then(|()| writer.write(&group));
        if written.is_ok() && group.is_empty() {
            return None;
        }
        if planted!(MarkBeforeSync) {
            self.lock_mark().publish_lsn(writer.end_lsn);
        }
        let ticket = self.pipeline.push(group, writer.end_lsn);
        match written {
            Ok(file) => Some(WrittenGroup::new(Arc::clone(self), ticket, file)),
            Err(poison) => {
                self.finish_group(ticket, Err(poison));
                None
            }
        }
    }

    /// What must be done from time to time and delays no group: footers, the next segment, more
    /// producer ids, and the end of a segment in which everything has expired.
    ///
    /// What the machine refuses now is tried again after the next group.
    pub(crate) fn keep_house(&self) {
        let kept = self.check_poison().and_then(|()| self.sync_sealed());
        let kept = kept
            .and_then(|()| if self.queue.is_closed() { Ok(()) } else { self.prepare_for_more() });
        if let Err(poison) = kept {
            self.poison.get_or_init(|| poison.clone());
            // The file is not touched again: what is in it is unknown.
            self.lock_writer().active = None;
            self.fail_waiting(poison);
        }
    }

    /// Gives the batches that wait their places, as many as fit into one segment.
    fn stage(&self, writer: &mut Writer, group: &mut Group) -> Result<(), Poison> {
        let mut submissions = self.queue.take(self.options.group_bytes_max);
        if submissions.is_empty() {
            return Ok(());
        }
        let disk_full = self.is_disk_full();
        group.reserve(submissions.len());
        let mut result = Ok(());
        while let Some(Submission { append, completion }) = submissions.pop_front() {
            match writer.stage(&append, group, disk_full) {
                Ok(Staged::InGroup(appended) | Staged::Duplicate(appended)) => {
                    group.answer(completion, Ok(appended));
                }
                Ok(Staged::NextGroup) if planted!(BatchLostAtRoll) => break,
                Ok(Staged::NextGroup) => {
                    submissions.push_front(Submission { append, completion });
                    self.queue.wait_for_all();
                    break;
                }
                Err(AppendError::Poisoned(poison)) => {
                    submissions.push_front(Submission { append, completion });
                    result = Err(poison);
                    break;
                }
                Err(error) => group.answer(completion, Err(error)),
            }
        }
        self.queue.put_back(submissions);
        result
    }

    /// Makes the footer durable that was written last.
    fn sync_sealed(&self) -> Result<(), Poison> {
        let sealed = self.lock_writer().sealed.clone();
        let Some(sealed) = sealed else { return Ok(()) };
        sealed.sync_footer(&self.readable)?;
        self.lock_writer().sealed.take_if(|last| last.number == sealed.number);
        Ok(())
    }

    fn prepare_for_more(&self) -> Result<(), Poison> {
        if self.roll_requested.load(Ordering::Relaxed) {
            self.roll_expired()?;
        }
        let last_durable = self.readable.view().last_segment();
        fatal_only(self.spare.prepare(&self.options, last_durable))?;
        if self.producer_ids.run_low() {
            fatal_only(self.reserve_producer_ids())?;
        }
        Ok(())
    }

    /// Ends the segment that is being written, if nothing is under way that will be in it.
    fn roll_expired(&self) -> Result<(), Poison> {
        let mut writer = self.lock_writer();
        if !writer.all_is_durable() {
            return Ok(());
        }
        self.roll_requested.store(false, Ordering::Relaxed);
        if !writer.active_has_data() {
            return Ok(());
        }
        let header = match writer.roll() {
            Ok(header) => header,
            Err(failure) => return fatal_only(Err(failure)),
        };
        if let Some(active) = &writer.active {
            active.file.sync_data().map_err(poison("sync", &active.name))?;
        }
        self.readable.view_mut().roll(header);
        Ok(())
    }

    fn reserve_producer_ids(&self) -> Result<(), Failure> {
        let mut catalogue = self.lock_catalogue();
        let end = catalogue.current().producer_ids_end.saturating_add(producer_ids::BLOCK);
        catalogue.change(|catalogue| catalogue.producer_ids_end = end)?;
        self.lock_mark().publish_catalogue(catalogue.current().generation);
        self.producer_ids.extend(end);
        Ok(())
    }

    /// Answers everything that waits, now and from now on, with the same error.
    fn fail_waiting(&self, poison: Poison) {
        let poison = self.poison.get_or_init(|| poison).clone();
        let waiting: VecDeque<Submission> = self.queue.take(usize::MAX);
        self.lock_statistics().refused += waiting.len() as u64;
        for Submission { completion, .. } in waiting {
            completion.complete(Err(AppendError::Poisoned(poison.clone())));
        }
        self.watchers.close();
    }

    /// The writer. If a thread panicked in the middle of a commit, nobody knows what was written.
    fn lock_writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|panicked| {
            self.poison.get_or_init(failure::abandoned);
            panicked.into_inner()
        })
    }
}

fn fatal_only(result: Result<(), Failure>) -> Result<(), Poison> {
    match result {
        Err(Failure::Fatal(poison)) => Err(poison),
        Ok(()) | Err(Failure::Refused(_)) => Ok(()),
    }
}
