//! What the world of a seed is like.

use std::time::Duration;

use logboom_conn::Limits;
use logboom_store::Options;

use super::client::{HostileTask, PERSONALITIES, Task};
use super::site::Site;
use super::tls;
use crate::dice::Dice;
use crate::disk::DiskRates;
use crate::fault::{FaultKind, FaultSet};
use crate::net::NetRates;
use crate::random::Stream;

/// What is done to the server, or to the world around it.
pub(crate) const OPERATIONS: [FaultKind; 11] = [
    FaultKind::Kill,
    FaultKind::UnsyncedLost,
    FaultKind::TornSectors,
    FaultKind::Drain,
    FaultKind::CertificateSwap,
    FaultKind::KeyRotation,
    FaultKind::KeyRevocation,
    FaultKind::ClockStep,
    FaultKind::LogstoreDeleted,
    FaultKind::Partition,
    FaultKind::DiskFull,
];

/// The whole plan.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) net: NetRates,
    pub(crate) disk: DiskRates,
    /// How often a commit takes very long, in 1,000 commits.
    pub(crate) slow_disk: u64,
    /// How often the machine stops while the store is opened, in 1,000 times.
    pub(crate) stop_in_recovery: u64,
    pub(crate) site: Site,
    pub(crate) producers: Vec<Task>,
    pub(crate) hostile: Vec<HostileTask>,
    /// When what is done.
    pub(crate) operations: Vec<(Duration, FaultKind)>,
    /// When the faults are over.
    pub(crate) calm_at: Duration,
    pub(crate) drain_timeout: Duration,
    /// How often expired logs are looked for.
    pub(crate) retention_period: Duration,
    pub(crate) store: Options,
    pub(crate) limits: Limits,
    /// The memory for requests of all connections.
    pub(crate) budget_bytes: usize,
    pub(crate) capacity_bytes: u64,
}

impl Plan {
    pub(crate) fn draw(dice: &Dice, faults: FaultSet) -> Self {
        let stream = Stream::Plan;
        let faultless = dice.chance(stream, 125);
        dice.restrict(if faultless { FaultSet::NONE } else { faults });
        let between = |low, high| dice.between(stream, low, high);
        let size = |low, high| usize::try_from(between(low, high)).expect("small");
        let exists = |kind: FaultKind, share| {
            let drawn = dice.chance(stream, share);
            dice.allowed().contains(kind) && drawn
        };
        let rate = |kind, share, most| {
            let there = exists(kind, share);
            let rate = between(1, most);
            if there { rate } else { 0 }
        };
        let site = Site::draw(dice);
        let calm_at = Duration::from_millis(between(500, 20_000));
        let mut producers: Vec<Task> = (0..between(1, 5)).map(|_| draw_task(dice, &site)).collect();
        let hostile_count = if dice.chance(stream, 400) { between(1, 2) } else { 0 };
        let hostile = (0..hostile_count).map(|_| HostileTask::draw(dice, &site)).collect();
        let short_memory = exists(FaultKind::MemoryShortage, 200);
        // Enough for the largest request of a producer here, and in a world short of memory for no more.
        let frame_bytes_max = 40 << 10;
        if short_memory {
            dice.struck(FaultKind::MemoryShortage);
            // Somebody has to want it: large batches, and many at a time.
            for task in &mut producers {
                task.value_bytes_max = 1_500;
                task.pause_ms %= 20;
            }
        }
        Self {
            net: NetRates::draw(dice),
            // Damage that a disk does behind everybody's back is the business of the store alone.
            disk: DiskRates { rot: 0, misdirected: 0, ..DiskRates::draw(dice) },
            slow_disk: rate(FaultKind::SlowDisk, 300, 60),
            stop_in_recovery: rate(FaultKind::CrashInRecovery, 400, 500),
            site,
            producers,
            hostile,
            operations: draw_operations(dice, calm_at),
            calm_at,
            drain_timeout: Duration::from_millis(between(100, 20_000)),
            retention_period: Duration::from_millis(between(200, 30_000)),
            store: Options {
                segment_bytes: 16 << (10 + between(0, 1)),
                group_bytes_max: size(1_000, 100_000),
                free_bytes_min: Some(between(0, 1) << 18),
                ..Options::default()
            },
            limits: Limits {
                frame_bytes_max,
                bytes_in_flight_max: frame_bytes_max * size(1, 8),
                requests_in_flight_max: size(1, 32),
                output_bytes_max: size(1, 4) << 10,
                frame_bytes_max_unauthenticated: 2 << 10,
                ..Limits::default()
            },
            budget_bytes: if short_memory { frame_bytes_max } else { 1 << 20 },
            capacity_bytes: between(2, 16) << 20,
        }
    }
}

fn draw_task(dice: &Dice, site: &Site) -> Task {
    let stream = Stream::Plan;
    let rate = |kind: FaultKind, most: u64| {
        let exists = dice.chance(stream, 300) && dice.allowed().contains(kind);
        let rate = dice.between(stream, 1, most);
        if exists { rate } else { 0 }
    };
    let encrypted = dice.chance(stream, 120);
    let old_tls = dice.chance(stream, 300);
    Task {
        personality: PERSONALITIES[dice.index(stream, PERSONALITIES.len())],
        project: dice.index(stream, site.projects.len()),
        batches: dice.between(stream, 1, 40),
        tls: encrypted.then(|| tls::client(old_tls)),
        pause_ms: dice.between(stream, 0, 800),
        value_bytes_max: dice.between(stream, 0, 300) * dice.between(stream, 1, 5),
        leave: rate(FaultKind::EndOfStream, 100),
        half_close: rate(FaultKind::HalfClose, 100),
        twice: rate(FaultKind::ClientRetry, 200),
    }
}

fn draw_operations(dice: &Dice, calm_at: Duration) -> Vec<(Duration, FaultKind)> {
    let stream = Stream::Plan;
    let mut operations = Vec::new();
    for kind in OPERATIONS {
        let exists = dice.chance(stream, 200);
        let times = dice.between(stream, 1, 2);
        if !exists || !dice.allowed().contains(kind) {
            continue;
        }
        for _ in 0..times {
            let millis = u64::try_from(calm_at.as_millis()).unwrap_or(0);
            operations.push((Duration::from_millis(dice.below(stream, millis)), kind));
        }
    }
    operations
}
