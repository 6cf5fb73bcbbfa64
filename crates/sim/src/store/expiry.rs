//! Retention, and what it may take.

use std::collections::BTreeMap;
use std::time::Duration;

use logboom_store::{ReadError, Retention, Shard, Store, StreamId};

use super::model::ShardModel;
use super::world::World;
use crate::coverage::State;
use crate::outcome::Violation;
use crate::random::Stream;

/// What a round of retention must leave.
struct Protected {
    /// The bytes of each Logstore.
    bytes: BTreeMap<StreamId, u64>,
    /// The first offset of each shard that is not too old.
    young: BTreeMap<Shard, i64>,
}

impl World {
    /// Lets something expire, by size or by age.
    pub(crate) fn retain(&mut self) -> Result<(), Violation> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let bytes = self.dice.below(Stream::Workload, 20_000);
        let by_age = self.dice.chance(Stream::Workload, 300);
        let age = by_age.then(|| Duration::from_millis(self.dice.below(Stream::Workload, 200_000)));
        let retention = Retention { age, bytes: (!by_age).then_some(bytes) };
        let protected = Protected::new(self, &store, retention);
        let retained = store.apply_retention(&|_| retention, self.now_ms);
        self.notice_misdirected(self.batches);
        if let Ok(retained) = retained {
            if retained.segments_removed > 0 {
                self.dice.reached(State::SegmentRemoved);
            }
            if retained.shards_advanced > 0 {
                self.dice.reached(State::StartAdvanced);
            }
        }
        protected.check(&store)?;
        for (shard, model) in &mut self.shards {
            let start = store.offsets(*shard).start;
            if start < model.start || start > model.next_offset() {
                let detail = format!("{shard}: from {} to {start}", model.start);
                return Err(Violation::new("a start only moves forward", detail));
            }
            model.start = start;
        }
        Ok(())
    }
}

impl Protected {
    fn new(world: &World, store: &Store, retention: Retention) -> Self {
        let streams = world.shards.keys().map(|shard| shard.stream);
        let bytes = streams.map(|stream| {
            let present = store.usage(stream).bytes;
            (stream, retention.bytes.map_or(0, |limit| present.min(limit)))
        });
        let age_ms = retention.age.map(|age| i64::try_from(age.as_millis()).expect("minutes"));
        let cutoff_ms = age_ms.map(|age_ms| world.now_ms - age_ms);
        let young = world.shards.iter().filter_map(|(shard, model)| {
            let offset = first_since(model, cutoff_ms?)?;
            Some((*shard, offset))
        });
        Self { bytes: bytes.collect(), young: young.collect() }
    }

    fn check(&self, store: &Store) -> Result<(), Violation> {
        for (stream, least) in &self.bytes {
            let left = store.usage(*stream).bytes;
            if left < *least {
                let detail = format!("{stream:?}: {left} bytes are left instead of {least}");
                return Err(Violation::new("retention by size keeps what it promises", detail));
            }
        }
        for (shard, offset) in &self.young {
            let start = store.offsets(*shard).start;
            if start > *offset {
                let detail = format!("{shard}: starts at {start}, and {offset} is young");
                return Err(Violation::new("retention by age keeps what it promises", detail));
            }
        }
        Ok(())
    }
}

/// The first offset that has not expired and was appended at that time or later.
fn first_since(model: &ShardModel, time_ms: i64) -> Option<i64> {
    let live = model.certain.iter().filter(|(offset, _)| *offset >= model.start);
    live.into_iter().find(|(_, entry)| entry.time_ms >= time_ms).map(|(offset, _)| *offset)
}

/// What is below the start of a shard is refused.
pub(crate) fn check_expired(store: &Store, shard: Shard) -> Result<(), Violation> {
    let Some(below) = store.offsets(shard).start.checked_sub(1).filter(|offset| *offset >= 0)
    else {
        return Ok(());
    };
    match store.read(shard, below, usize::MAX) {
        Err(ReadError::OutOfRange { .. }) => Ok(()),
        read => {
            let read = read.map(|batches| batches.len());
            let detail = format!("{shard}: {read:?} batches from {below} on");
            Err(Violation::new("what has expired cannot be read", detail))
        }
    }
}
