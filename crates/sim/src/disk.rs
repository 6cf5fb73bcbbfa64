//! The faults of the disk, for a [`MemDisk`].

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logboom_store::{Crash, Disk, Fault, MemDisk, Operation, OperationKind, Partly};

use crate::dice::Dice;
use crate::fault::FaultKind;
use crate::random::Stream;

/// How often operations of the disk go wrong, in 1,000 cases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DiskRates {
    pub(crate) short: u64,
    pub(crate) write: u64,
    pub(crate) sync: u64,
    pub(crate) name: u64,
    pub(crate) full: u64,
    pub(crate) read: u64,
    pub(crate) rot: u64,
    pub(crate) misdirected: u64,
}

impl DiskRates {
    /// Draws how often each goes wrong in this world.
    pub(crate) fn draw(dice: &Dice) -> Self {
        let rate = |kind: FaultKind, most: u64| {
            let stream = Stream::Plan;
            let exists = dice.chance(stream, 300) && dice.allowed().contains(kind);
            let rate = dice.between(stream, 1, most);
            if exists { rate } else { 0 }
        };
        Self {
            short: rate(FaultKind::ShortDiskIo, 200),
            write: rate(FaultKind::WriteError, 20),
            sync: rate(FaultKind::SyncError, 20),
            name: rate(FaultKind::NameError, 30),
            full: rate(FaultKind::DiskFull, 30),
            read: rate(FaultKind::ReadError, 20),
            rot: rate(FaultKind::BitRot, 20),
            misdirected: rate(FaultKind::Misdirected, 10),
        }
    }
}

/// What the world and the hook of its disk tell each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct DiskControl(Arc<Mutex<Control>>);

#[derive(Debug, Default)]
struct Control {
    /// The machine stops before the operation of that number that changes the disk.
    stop_in: Option<u64>,
    /// The machine stops before the next sync, when something is on its way to the device.
    stop_at_sync: bool,
    /// The store is being opened, and this is its last segment.
    recovering: Option<String>,
    /// How many operations went wrong.
    hits: u64,
    misdirected: bool,
}

impl DiskControl {
    /// Puts the faults below a disk.
    pub(crate) fn install(&self, disk: &MemDisk, dice: &Dice, rates: DiskRates) {
        dice.trace(|| format!("    disk: {rates:?}"));
        let hook = Hook { control: self.clone(), dice: dice.clone(), rates };
        disk.set_hook(Box::new(move |operation| hook.decide(operation)));
    }

    pub(crate) fn stop_in(&self, operations: Option<u64>) {
        let mut control = self.lock();
        control.stop_in = operations;
        control.stop_at_sync = false;
    }

    pub(crate) fn stop_at_sync(&self) {
        self.lock().stop_at_sync = true;
    }

    /// Notes that the store on that disk is being opened, or is open.
    pub(crate) fn set_recovering(&self, disk: Option<&MemDisk>) {
        self.lock().recovering = disk.map(last_segment);
    }

    pub(crate) fn hits(&self) -> u64 {
        self.lock().hits
    }

    /// Whether a write went astray since the last question.
    pub(crate) fn take_misdirected(&self) -> bool {
        std::mem::take(&mut self.lock().misdirected)
    }

    fn lock(&self) -> MutexGuard<'_, Control> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Hook {
    control: DiskControl,
    dice: Dice,
    rates: DiskRates,
}

impl Hook {
    fn decide(&self, operation: &Operation<'_>) -> Option<Fault> {
        let mut control = self.control.lock();
        if operation.kind == OperationKind::Sync && control.stop_at_sync {
            control.stop_at_sync = false;
            self.dice.struck(FaultKind::CrashInOperation);
            return Some(Fault::Stop);
        }
        if operation.kind.changes_the_disk()
            && let Some(left) = &mut control.stop_in
        {
            if *left == 0 {
                control.stop_in = None;
                self.dice.struck(FaultKind::CrashInOperation);
                return Some(Fault::Stop);
            }
            *left -= 1;
        }
        let fault = self.draw(operation, &control);
        self.dice.trace(|| format!("    disk: {operation:?} -> {fault:?}"));
        control.hits += u64::from(fault.is_some());
        control.misdirected |= matches!(fault, Some(Fault::Misdirect(_)));
        fault
    }

    fn draw(&self, operation: &Operation<'_>, control: &Control) -> Option<Fault> {
        use OperationKind as Kind;
        let (dice, rates) = (&self.dice, self.rates);
        let other = Some(Fault::Fail(ErrorKind::Other));
        let short = || {
            let kind = FaultKind::ShortDiskIo;
            (operation.bytes > 1 && dice.strikes(kind, rates.short)).then(|| {
                let bytes = dice.between(Stream::Fault(kind), 1, operation.bytes - 1);
                Fault::Short(usize::try_from(bytes).unwrap_or(usize::MAX))
            })
        };
        let full = || {
            dice.strikes(FaultKind::DiskFull, rates.full)
                .then_some(Fault::Fail(ErrorKind::StorageFull))
        };
        match operation.kind {
            Kind::Write => {
                if dice.strikes(FaultKind::WriteError, rates.write) {
                    return other;
                }
                let kind = FaultKind::Misdirected;
                if dice.strikes(kind, rates.misdirected) {
                    let sectors = operation.position / 512 + 2;
                    let sector = dice.below(Stream::Fault(kind), sectors) * 512;
                    return Some(Fault::Misdirect(sector));
                }
                full().or_else(short)
            }
            Kind::Read => {
                if dice.strikes(FaultKind::ReadError, rates.read) {
                    return other;
                }
                // A bit that rots at the very end of the log looks like a torn write, and nothing
                // but a mark that happens to be durable could tell the two apart.
                let kind = FaultKind::BitRot;
                // The names of segments sort as their numbers: one that has not begun is behind it.
                let segment = operation.name.ends_with(".log");
                let last = control.recovering.as_deref();
                let tail = segment && last.is_some_and(|last| operation.name >= last);
                if !tail && dice.strikes(kind, rates.rot) {
                    let bit = dice.below(Stream::Fault(kind), operation.bytes.max(1) * 8);
                    return Some(Fault::FlipBit(bit));
                }
                short()
            }
            Kind::Sync | Kind::SyncDir => {
                if dice.strikes(FaultKind::SyncError, rates.sync) {
                    other
                } else {
                    None
                }
            }
            Kind::Create | Kind::Allocate => {
                let failed = dice.strikes(FaultKind::NameError, rates.name);
                if failed { other } else { full() }
            }
            Kind::Open | Kind::Rename | Kind::Unlink | Kind::Truncate => {
                if dice.strikes(FaultKind::NameError, rates.name) { other } else { None }
            }
        }
    }
}

/// The name of the last segment on a disk; empty if there is none.
pub(crate) fn last_segment(disk: &MemDisk) -> String {
    segments(disk).pop().unwrap_or_default()
}

/// The names of the segments that have begun, in order.
pub(crate) fn segments(disk: &MemDisk) -> Vec<String> {
    let begun = |name: &String| {
        let content = disk.content(name).unwrap_or_default();
        content.get(64..).is_some_and(|second_part| second_part.starts_with(b"LBOOMBEG"))
    };
    let names = disk.list().unwrap_or_default().into_iter();
    names.filter(|name| name.ends_with(".log")).filter(begun).collect()
}

/// How the machine goes down next, and how that is called.
pub(crate) fn draw_crash(dice: &Dice) -> Crash {
    let kinds = [
        FaultKind::Kill,
        FaultKind::UnsyncedLost,
        FaultKind::UnsyncedKept,
        FaultKind::TornSectors,
        FaultKind::Reordered,
        FaultKind::LengthLost,
        FaultKind::NamesLost,
    ];
    let allowed = dice.allowed();
    let possible: Vec<FaultKind> =
        kinds.into_iter().filter(|kind| allowed.contains(*kind)).collect();
    // Where nothing may go wrong and the machine still stops, it does so in the plainest way.
    let Some(first) = possible.first().copied() else { return Crash::LoseUnsynced };
    let kind = possible.get(dice.index(Stream::Schedule, possible.len())).copied();
    let kind = kind.unwrap_or(first);
    dice.struck(kind);
    dice.trace(|| format!("crash: {kind}"));
    let seed = dice.below(Stream::Fault(kind), u64::MAX);
    let part = Partly { seed, torn: false, reordered: false, lengths: false, names: false };
    match kind {
        FaultKind::UnsyncedLost => Crash::LoseUnsynced,
        FaultKind::UnsyncedKept => Crash::KeepUnsynced,
        // Half of them with everything else that a power cut can do.
        FaultKind::TornSectors if seed.is_multiple_of(2) => Crash::Tear(seed),
        FaultKind::TornSectors => Crash::Partly(Partly { torn: true, ..part }),
        FaultKind::Reordered => Crash::Partly(Partly { reordered: true, ..part }),
        FaultKind::LengthLost => Crash::Partly(Partly { lengths: true, ..part }),
        FaultKind::NamesLost => Crash::Partly(Partly { names: true, ..part }),
        _ => Crash::Kill,
    }
}
