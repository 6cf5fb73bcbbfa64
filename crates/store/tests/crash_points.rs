//! Every workload of a few steps, stopped before every operation that changes the disk, also
//! while recovering from that, and while recovering from that again.
//!
//! Most bugs of storage systems that crashes uncover need only three or fewer operations
//! (Mohan and others, "Finding Crash-Consistency Bugs with Bounded Black-Box Crash Testing",
//! OSDI 2018), so these are all tried.

mod common;

use common::world::{Step, World, count_operations};
use logboom_store::Crash;

/// A batch this large leaves no room for another one in a segment of 4 KiB.
const LARGE: usize = 3000;

const STEPS: [Step; 7] = [
    Step::Append { shard: 0, bytes: LARGE },
    Step::Group { bytes: 600 },
    Step::Stamped { shard: 1 },
    // The third is synced first, then the first.
    Step::Overlap { groups: 3, bytes: 900, order: 2 },
    Step::Retention { bytes: 0 },
    Step::Stream,
    Step::Reopen,
];

const CRASHES: [Crash; 5] =
    [Crash::Kill, Crash::LoseUnsynced, Crash::KeepUnsynced, Crash::Tear(1), Crash::Tear(2)];

/// All workloads of so many steps.
fn workloads(length: u32) -> impl Iterator<Item = Vec<Step>> {
    (0..STEPS.len().pow(length)).map(move |number| {
        (0..length).map(|place| STEPS[number / STEPS.len().pow(place) % STEPS.len()]).collect()
    })
}

/// Runs a workload, as far as it gets.
fn run(world: &mut World, workload: &[Step]) {
    for step in workload {
        if world.store.is_some() {
            world.step(*step);
        }
    }
}

/// Recovers, after having tried to be stopped before every operation of it, `depth` times.
fn recover(mut world: World, depth: u32, crashes: &[Crash]) {
    if depth > 0 {
        let whole = world.fork();
        let operations = count_operations(&whole.disk, || {
            let _ = common::try_open(&whole.disk);
        });
        for operation in 0..operations {
            for crash in crashes {
                let mut stopped = world.fork();
                stopped.stop_at(operation);
                // The last steps of a recovery are for readers only: it may succeed without them.
                let _ = common::try_open(&stopped.disk);
                stopped.crash(*crash);
                recover(stopped, depth - 1, crashes);
            }
        }
    }
    world.recover();
    world.step(Step::Group { bytes: 10 });
    world.crash(Crash::LoseUnsynced);
    world.recover();
}

/// Stops a workload before every operation, and recovers.
fn stop_everywhere(workload: &[Step], depth: u32, crashes: &[Crash]) {
    let whole = std::cell::RefCell::new(World::new());
    let disk = whole.borrow().disk.clone();
    let operations = count_operations(&disk, || run(&mut whole.borrow_mut(), workload));
    for operation in 0..=operations {
        for crash in crashes {
            let mut world = World::new();
            world.stop_at(operation);
            run(&mut world, workload);
            world.crash(*crash);
            recover(world, depth, crashes);
        }
    }
}

#[test]
fn every_crash_point_of_every_workload_of_up_to_three_steps() {
    for workload in (1..=3).flat_map(workloads) {
        stop_everywhere(&workload, 0, &CRASHES[3..4]);
    }
}

#[test]
fn every_crash_point_of_every_workload_of_two_steps_however_the_machine_stops() {
    for workload in workloads(2) {
        stop_everywhere(&workload, 0, &CRASHES);
    }
}

#[test]
fn every_crash_point_of_the_recovery_from_every_crash_point() {
    for workload in workloads(1) {
        stop_everywhere(&workload, 1, &CRASHES[1..4]);
    }
}

#[test]
fn every_crash_point_of_the_recovery_from_a_crash_in_a_recovery() {
    for workload in workloads(1) {
        stop_everywhere(&workload, 2, &CRASHES[3..4]);
    }
}

#[test]
#[ignore = "minutes: run it when the format or the recovery changes"]
fn every_crash_point_of_every_workload_of_four_steps_and_of_its_recoveries() {
    for workload in workloads(4) {
        stop_everywhere(&workload, 0, &CRASHES);
    }
    for workload in workloads(2) {
        stop_everywhere(&workload, 2, &CRASHES[1..4]);
    }
}
