//! Group commit: one write and one sync for the batches of all shards that wait.
//!
//! While a group is being synced the next one collects in the queue, so that a group is as large
//! as the disk is slow, and nobody waits for a timer.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use logboom_planted::planted;

use crate::error::{AppendError, IoFailure, Poison};
use crate::store::Inner;
use crate::write::failure::Failure;
use crate::write::group::Group;
use crate::write::producer_ids;
use crate::write::queue::Submission;
use crate::write::writer::{Staged, Writer};

impl Inner {
    /// Commits one group, if anything waits, and then does what is due besides. Says whether more
    /// waits.
    pub(crate) fn commit_group(&self) -> bool {
        let mut writer = self.lock_writer();
        let mut group = Group::default();
        let result = self
            .check_poison()
            .and_then(|()| self.stage(&mut writer, &mut group))
            .and_then(|()| self.write(&mut writer, &group));
        if let Err(poison) = &result {
            self.poison.get_or_init(|| poison.clone());
        }
        self.count(&group);
        group.complete(&result);
        if let Err(poison) = result.and_then(|()| self.keep_house(&mut writer)) {
            // The file is not touched again: what is in it is unknown.
            writer.active = None;
            self.fail_waiting(poison);
        }
        !self.queue.is_empty()
    }

    /// Gives the batches that wait their places, as many as fit into one segment.
    fn stage(&self, writer: &mut Writer, group: &mut Group) -> Result<(), Poison> {
        let mut submissions = self.queue.take(self.options.group_bytes_max);
        if submissions.is_empty() {
            return Ok(());
        }
        let disk_full = self.is_disk_full();
        let mut result = Ok(());
        while let Some(Submission { append, completion }) = submissions.pop_front() {
            match writer.stage(&append, group, disk_full) {
                Ok(Staged::InGroup(appended) | Staged::Duplicate(appended)) => {
                    group.answer(completion, Ok(appended));
                }
                Ok(Staged::NextGroup) if planted!(BatchLostAtRoll) => break,
                Ok(Staged::NextGroup) => {
                    submissions.push_front(Submission { append, completion });
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

    /// Makes the group durable, and then visible.
    fn write(&self, writer: &mut Writer, group: &Group) -> Result<(), Poison> {
        if group.frames().is_empty() {
            return Ok(());
        }
        if planted!(MarkBeforeSync) {
            self.lock_mark().publish_lsn(writer.end_lsn);
        }
        let sync = writer.write(group)?;
        {
            let mut view = self.readable.view_mut();
            for frame in group.frames() {
                view.push(frame.shard, frame.entry, frame.end_offset)
                    .expect("the writer numbers the batches of a shard without gaps");
            }
        }
        self.lock_mark().publish_lsn(writer.end_lsn);
        self.watchers.tell(writer.end_lsn);
        let micros = u64::try_from(sync.as_micros()).unwrap_or(u64::MAX);
        self.lock_statistics().sync_micros.add(micros);
        Ok(())
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

    /// What must be done from time to time and delays nobody here: the next segment, more producer
    /// ids, and the end of a segment in which everything has expired.
    ///
    /// What the machine refuses now is tried again after the next group.
    fn keep_house(&self, writer: &mut Writer) -> Result<(), Poison> {
        if self.queue.is_closed() {
            return Ok(());
        }
        let roll = self.roll_requested.swap(false, Ordering::Relaxed);
        if roll && writer.active_has_data() {
            fatal_only(writer.roll())?;
        }
        fatal_only(self.spare.prepare(&self.options))?;
        if self.producer_ids.run_low() {
            fatal_only(self.reserve_producer_ids())?;
        }
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
            let failure = IoFailure { kind: ErrorKind::Other, os_error: None };
            let poison = Poison { operation: "finish a commit in", file: String::new(), failure };
            self.poison.get_or_init(|| poison);
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
