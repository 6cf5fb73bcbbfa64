//! Opening the store, however often it takes.

use std::sync::Arc;

use logboom_store::{MemDisk, OpenError, Recovery, Store};

use super::world::World;
use crate::coverage::State;
use crate::disk::{DiskRates, draw_crash};
use crate::fault::FaultKind;
use crate::outcome::Violation;
use crate::random::Stream;

/// How often recovery is interrupted, one inside of another.
const DEPTH_MAX: u32 = 3;

impl World {
    /// Opens the store and compares it with the model.
    pub(crate) fn open(&mut self) -> Result<(), Violation> {
        self.open_for(false).map(drop)
    }

    /// The same. `whole` says that the store was closed in an orderly way.
    pub(crate) fn open_for(&mut self, whole: bool) -> Result<Option<Recovery>, Violation> {
        let mut interrupted = 0;
        let before = self.control.hits();
        // Faults are rare enough not to strike for ever; the last tries are without any.
        for attempt in 0..20 {
            let rates = if attempt < 10 { self.plan.rates } else { DiskRates::default() };
            self.control.install(&self.disk, &self.dice, rates);
            if interrupted < DEPTH_MAX && attempt < 10 && self.interrupts() {
                let stream = Stream::Fault(FaultKind::CrashInRecovery);
                self.control.stop_in(Some(self.dice.below(stream, 12)));
            }
            let hits = self.control.hits();
            self.control.set_recovering(Some(&self.disk));
            let opened = self.try_open();
            self.control.set_recovering(None);
            self.dice.trace(|| format!("open, try {attempt}: {:?}", opened.as_ref().map(|o| o.1)));
            self.harmed |= self.control.take_misdirected();
            if self.disk.has_stopped() {
                drop(opened);
                self.dice.reached(State::RecoveryInterrupted);
                self.dice.struck(FaultKind::CrashInRecovery);
                interrupted += 1;
                self.reader = None;
                self.disk = self.disk.restart(draw_crash(&self.dice));
                continue;
            }
            self.control.stop_in(None);
            match opened {
                Ok((store, recovery)) => {
                    self.note_recovery(&recovery);
                    self.segment = crate::disk::last_segment(&self.disk);
                    self.segment_groups = 0;
                    self.segment_first = self.segment_first.min(self.batches);
                    self.store = Some(store);
                    self.verify()?;
                    // A footer that could not be read is cut off and written anew.
                    let first = whole && interrupted == 0 && self.control.hits() == before;
                    return Ok(first.then_some(recovery));
                }
                Err(error) => {
                    let injected = self.control.hits() > hits;
                    if self.gives_up(&error, injected)? {
                        return Ok(None);
                    }
                }
            }
        }
        Err(Violation::new("a store can be opened", "twenty tries without success"))
    }

    fn interrupts(&self) -> bool {
        let kind = FaultKind::CrashInRecovery;
        self.dice.allowed().contains(kind)
            && self.dice.chance(Stream::Fault(kind), self.plan.stop_in_recovery)
    }

    fn try_open(&self) -> Result<(Store, Recovery), OpenError> {
        open(&self.disk, self)
    }

    /// Whether it makes no sense to try again.
    fn gives_up(&mut self, error: &OpenError, injected: bool) -> Result<bool, Violation> {
        if injected {
            self.dice.reached(State::OpenRetried);
            return Ok(false);
        }
        if self.harmed {
            self.dice.reached(State::OpenRefused);
            self.refused = true;
            return Ok(true);
        }
        Err(Violation::new("a store can be opened after any crash", error.to_string()))
    }

    fn note_recovery(&self, recovery: &Recovery) {
        let reached = |count: u64, state| {
            if count > 0 {
                self.dice.reached(state);
            }
        };
        self.dice.reached(State::StoreRecovered);
        reached(recovery.truncated_bytes, State::TailTruncated);
        reached(recovery.footers_rebuilt as u64, State::FooterRebuilt);
        reached(recovery.segments_removed as u64, State::SegmentRemoved);
        self.dice.note(6, recovery.log_bytes);
    }
}

/// Opens the store on a disk.
pub(crate) fn open(disk: &MemDisk, world: &World) -> Result<(Store, Recovery), OpenError> {
    let options = world.plan.options.clone();
    Store::open(Arc::new(disk.clone()), options, world.dice.entropy(), world.now_ms)
}
