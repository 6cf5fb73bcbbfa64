//! What goes wrong between two steps.

use logboom_store::Crash;

use super::world::World;
use crate::disk::draw_crash;
use crate::fault::FaultKind;
use crate::outcome::Violation;
use crate::random::Stream;

/// Where the first frame of a segment begins.
const SEGMENT_HEADER_BYTES: u64 = 128;
/// No frame is shorter.
const FRAME_HEADER_BYTES: u64 = 88;

impl World {
    pub(crate) fn draw_faults(&mut self) -> Result<(), Violation> {
        let plan = &self.plan;
        if self.dice.strikes(FaultKind::DiskFull, plan.fill) {
            let bytes = self.dice.below(Stream::Fault(FaultKind::DiskFull), plan.capacity_bytes);
            self.disk.set_foreign_bytes(bytes);
        }
        if self.dice.strikes(FaultKind::ClockStep, plan.clock_step) {
            let hour = 3_600_000;
            let step = self.dice.below(Stream::Fault(FaultKind::ClockStep), 2 * hour);
            self.now_ms += i64::try_from(step).expect("two hours") - 3_600_000;
        }
        if self.store.is_some()
            && self.dice.allowed().contains(FaultKind::CrashInOperation)
            && self.dice.chance(Stream::Fault(FaultKind::CrashInOperation), plan.stop)
        {
            let stream = Stream::Fault(FaultKind::CrashInOperation);
            // Most often between a write and its sync, where there is most to be lost.
            match self.dice.below(stream, 16) {
                operation @ 0..8 => self.control.stop_in(Some(operation)),
                _ => self.control.stop_at_sync(),
            }
        }
        let rotten = self.dice.strikes(FaultKind::BitRot, plan.rot) && self.rot();
        let crashes = self.dice.chance(Stream::Schedule, self.plan.crash);
        if self.disk.has_stopped() || crashes || rotten {
            let crash = draw_crash(&self.dice);
            self.crash(crash)?;
        }
        Ok(())
    }

    /// Flips a bit of a segment: anywhere in one that is not the last, or in the first frame of the
    /// last one, if groups that were committed later follow it. Says whether it is the last one: then
    /// there should be a restart before it is sealed.
    fn rot(&mut self) -> bool {
        let segments = crate::disk::segments(&self.disk);
        let Some((last, sealed)) = segments.split_last() else { return false };
        let stream = Stream::Fault(FaultKind::BitRot);
        if self.segment_groups >= 2 && self.dice.chance(stream, 500) {
            let bit = self.dice.below(stream, FRAME_HEADER_BYTES * 8);
            self.flip(last, SEGMENT_HEADER_BYTES * 8 + bit);
            return true;
        }
        if sealed.is_empty() {
            return false;
        }
        let name = &sealed[self.dice.index(stream, sealed.len())];
        let bit = self.dice.below(stream, 8 << 20);
        self.flip(name, bit);
        false
    }

    fn flip(&mut self, name: &str, bit: u64) {
        self.disk.edit(name, |content| {
            let bits = content.len() as u64 * 8;
            if bits > 0 {
                let byte = usize::try_from(bit % bits / 8).expect("an index of a file in memory");
                content[byte] ^= 1 << (bit % 8);
            }
        });
        self.harmed = true;
    }

    /// Ends the processes and restarts the machine.
    pub(crate) fn crash(&mut self, crash: Crash) -> Result<(), Violation> {
        self.dice.note(5, 0);
        let open = self.store.take();
        self.reader = None;
        self.control.stop_in(None);
        self.disk = self.disk.restart(crash);
        // A process that has died answers nobody. What its memory held is dropped here.
        drop(open);
        self.take_answers()?;
        self.settle();
        Ok(())
    }

    /// Nobody will hear any more of what still waits.
    pub(crate) fn settle(&mut self) {
        for model in self.shards.values_mut() {
            model.unknown.append(&mut model.waiting);
        }
    }
}
