//! Random work, faults and crashes, against a model of what must be there.

mod common;

use common::world::{SHARDS, Step, World};
use logboom_store::{Crash, OperationKind};
use proptest::prelude::*;

/// What happens to a store, or to the machine below it.
#[derive(Debug, Clone, Copy)]
enum Event {
    Step(Step),
    /// The machine will stop before the operation of that number from now on.
    StopAt(usize),
    /// The next operation of that kind fails.
    Fail(OperationKind),
    /// The machine stops, starts again, and the store recovers.
    Crash(Crash),
}

fn steps() -> impl Strategy<Value = Step> {
    let shard = 0..SHARDS;
    let bytes = prop_oneof![4 => 0..300usize, 2 => 300..1500usize, 1 => 3000..3800usize];
    prop_oneof![
        6 => (shard.clone(), bytes.clone()).prop_map(|(shard, bytes)| Step::Append { shard, bytes }),
        4 => shard.prop_map(|shard| Step::Stamped { shard }),
        4 => bytes.clone().prop_map(|bytes| Step::Group { bytes }),
        3 => (2..5u8, bytes, any::<u64>())
            .prop_map(|(groups, bytes, order)| Step::Overlap { groups, bytes, order }),
        1 => Just(Step::Stream),
        2 => (0..12_000u64).prop_map(|bytes| Step::Retention { bytes }),
        1 => Just(Step::Reopen),
    ]
}

fn crashes() -> impl Strategy<Value = Crash> {
    prop_oneof![
        1 => Just(Crash::Kill),
        1 => Just(Crash::LoseUnsynced),
        1 => Just(Crash::KeepUnsynced),
        3 => any::<u64>().prop_map(Crash::Tear),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    use OperationKind::{Allocate, Create, Rename, Sync, SyncDir, Truncate, Unlink, Write};
    let kinds = [Allocate, Create, Rename, Sync, SyncDir, Truncate, Unlink, Write];
    prop_oneof![
        12 => steps().prop_map(Event::Step),
        2 => (0..30usize).prop_map(Event::StopAt),
        1 => prop::sample::select(kinds.to_vec()).prop_map(Event::Fail),
        3 => crashes().prop_map(Event::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..Default::default() })]

    #[test]
    fn what_is_acknowledged_stays_and_offsets_are_dense_whatever_happens(
        events in prop::collection::vec(events(), 1..60),
        last in crashes(),
    ) {
        let mut world = World::new();
        for event in events {
            match event {
                Event::Step(step) if world.store.is_some() => world.step(step),
                Event::Step(_) => {}
                Event::StopAt(operation) => world.stop_at(operation),
                Event::Fail(kind) => world.fail_next(kind),
                Event::Crash(crash) => {
                    world.crash(crash);
                    world.recover();
                }
            }
        }
        world.crash(last);
        world.recover();
        world.step(Step::Group { bytes: 100 });
        world.crash(Crash::LoseUnsynced);
        world.recover();
    }
}
