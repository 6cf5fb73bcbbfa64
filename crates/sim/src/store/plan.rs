use logboom_store::Options;

use crate::dice::Dice;
use crate::disk::DiskRates;
use crate::fault::{FaultKind, FaultSet};
use crate::random::Stream;

/// What the world of a seed is like.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) steps: u64,
    pub(crate) shards: u32,
    pub(crate) producers: i64,
    pub(crate) batch_bytes_max: u64,
    pub(crate) options: Options,
    pub(crate) capacity_bytes: u64,
    pub(crate) rates: DiskRates,
    /// How often, in 1,000 steps, the machine goes down.
    pub(crate) crash: u64,
    /// How often, in 1,000 steps, the machine is set to stop in the middle of an operation.
    pub(crate) stop: u64,
    /// How often, in 1,000 recoveries, the machine stops in the middle.
    pub(crate) stop_in_recovery: u64,
    /// How often, in 1,000 steps, the disk fills up for a while.
    pub(crate) fill: u64,
    /// How often, in 1,000 steps, a bit of a sealed segment rots for good.
    pub(crate) rot: u64,
    /// How often, in 1,000 steps, the clock jumps.
    pub(crate) clock_step: u64,
}

impl Plan {
    /// Draws the world. Which kinds of faults exist in it is drawn first, kind by kind; one world
    /// in eight has none.
    pub(crate) fn draw(dice: &Dice, faults: FaultSet) -> Self {
        let stream = Stream::Plan;
        let between = |low, high| dice.between(stream, low, high);
        let faultless = dice.chance(stream, 125);
        dice.restrict(if faultless { FaultSet::NONE } else { faults });
        let rate = |kind: FaultKind, share: u64, most: u64| {
            let exists = dice.chance(stream, share) && dice.allowed().contains(kind);
            let rate = dice.between(stream, 1, most);
            if exists { rate } else { 0 }
        };
        let segment_bytes = 4096 << dice.below(stream, 3);
        let crash = between(10, 150);
        Self {
            steps: between(10, 70),
            shards: u32::try_from(between(1, 5)).expect("a small number"),
            producers: i64::try_from(between(1, 3)).expect("a small number"),
            batch_bytes_max: between(40, 1_200),
            options: Options {
                segment_bytes: u32::try_from(segment_bytes).expect("a small number"),
                group_bytes_max: usize::try_from(between(1, 6_000)).expect("a small number"),
                free_bytes_min: Some(between(0, 2) * 4096),
                segments_open_max: usize::try_from(between(1, 4)).expect("a small number"),
                index_bytes_max: usize::try_from(between(0, 3) * 400).expect("a small number"),
                ..Options::default()
            },
            capacity_bytes: between(64, 512) << 10,
            rates: DiskRates::draw(dice),
            crash: if faultless { 0 } else { crash },
            stop: rate(FaultKind::CrashInOperation, 500, 150),
            stop_in_recovery: rate(FaultKind::CrashInRecovery, 500, 600),
            fill: rate(FaultKind::DiskFull, 350, 80),
            rot: rate(FaultKind::BitRot, 200, 100),
            clock_step: rate(FaultKind::ClockStep, 200, 100),
        }
    }
}
