//! Where every random decision comes from.

use crate::fault::{FaultKind, FaultSet};

/// What a stream of decisions is about. Streams are independent of each other, so that leaving
/// something out of one does not reshuffle the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// What the world of this seed is like: sizes, clients, rates.
    Plan,
    /// What the clients, or the operations on the store, are.
    Workload,
    /// What comes first of what could happen at the same time.
    Schedule,
    /// How long the network takes.
    Net,
    /// How long the disk takes.
    Disk,
    /// Numbers that stand for entropy.
    Entropy,
    /// When, and how, a kind of fault strikes.
    Fault(FaultKind),
}

const PLAIN_STREAMS: usize = 6;

impl Stream {
    /// How many streams there are.
    #[must_use]
    pub const fn count() -> usize {
        PLAIN_STREAMS + FaultKind::ALL.len()
    }

    /// Every stream.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain =
            [Self::Plan, Self::Workload, Self::Schedule, Self::Net, Self::Disk, Self::Entropy];
        plain.into_iter().chain(FaultKind::ALL.iter().copied().map(Self::Fault))
    }

    /// The name of the stream in a regression file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Workload => "workload",
            Self::Schedule => "schedule",
            Self::Net => "net",
            Self::Disk => "disk",
            Self::Entropy => "entropy",
            Self::Fault(kind) => kind.name(),
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Plan => 0,
            Self::Workload => 1,
            Self::Schedule => 2,
            Self::Net => 3,
            Self::Disk => 4,
            Self::Entropy => 5,
            Self::Fault(kind) => PLAIN_STREAMS + kind as usize,
        }
    }
}

/// What was decided in a run, stream by stream, in the order in which it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tape {
    streams: Vec<Vec<u64>>,
}

impl Default for Tape {
    fn default() -> Self {
        Self { streams: vec![Vec::new(); Stream::count()] }
    }
}

impl Tape {
    /// The decisions of a stream.
    #[must_use]
    pub fn get(&self, stream: Stream) -> &[u64] {
        &self.streams[stream.index()]
    }

    /// Replaces the decisions of a stream.
    pub fn set(&mut self, stream: Stream, decisions: Vec<u64>) {
        self.streams[stream.index()] = decisions;
    }

    /// How many decisions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.iter().map(Vec::len).sum()
    }

    /// Whether nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All streams of decisions of one run.
///
/// Live decisions come from the seed. Replayed ones come from a [`Tape`]; behind its end every
/// decision is 0, which is always the mildest: no fault, no delay, the first of what there is.
#[derive(Debug)]
pub struct Decisions {
    states: Vec<u64>,
    /// Which faults may happen at all.
    faults: FaultSet,
    replay: Option<(Tape, Vec<usize>)>,
    record: Option<Tape>,
}

impl Decisions {
    /// The decisions of a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let states = (0..Stream::count() as u64).map(|salt| mix(seed ^ mix(salt + 1))).collect();
        Self { states, faults: FaultSet::all(), replay: None, record: None }
    }

    /// The decisions of a seed, which are noted down.
    #[must_use]
    pub fn recording(seed: u64) -> Self {
        Self { record: Some(Tape::default()), ..Self::from_seed(seed) }
    }

    /// The decisions on a tape.
    #[must_use]
    pub fn replaying(tape: Tape) -> Self {
        let positions = vec![0; Stream::count()];
        Self { replay: Some((tape, positions)), ..Self::from_seed(0) }
    }

    /// Lets only these faults happen.
    pub fn restrict(&mut self, faults: FaultSet) {
        self.faults = faults;
    }

    /// Which faults may happen.
    #[must_use]
    pub const fn allowed(&self) -> FaultSet {
        self.faults
    }

    /// What was noted down.
    #[must_use]
    pub fn into_tape(self) -> Tape {
        self.record.unwrap_or_default()
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, stream: Stream, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let index = stream.index();
        let value = match &mut self.replay {
            Some((tape, positions)) => {
                let value = tape.streams[index].get(positions[index]).copied().unwrap_or(0);
                positions[index] += 1;
                value % bound
            }
            None => {
                self.states[index] = self.states[index].wrapping_add(0x9e37_79b9_7f4a_7c15);
                // The bias of a modulus is nothing beside a bound of a few thousand.
                mix(self.states[index]) % bound
            }
        };
        if let Some(tape) = &mut self.record {
            tape.streams[index].push(value);
        }
        value
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, stream: Stream, low: u64, high: u64) -> u64 {
        low + self.below(stream, (high - low).saturating_add(1))
    }

    /// True in `per_mille` of 1,000 cases.
    pub fn chance(&mut self, stream: Stream, per_mille: u64) -> bool {
        // The upper end, so that 0 is no.
        per_mille > 0 && self.below(stream, 1_000) >= 1_000 - per_mille.min(1_000)
    }

    /// Whether a fault happens that does so in `per_mille` of 1,000 cases.
    pub fn strikes(&mut self, kind: FaultKind, per_mille: u64) -> bool {
        self.faults.contains(kind) && self.chance(Stream::Fault(kind), per_mille)
    }

    /// 32 bytes that stand for entropy.
    pub fn entropy(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.below(Stream::Entropy, u64::MAX).to_le_bytes());
        }
        bytes
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub(crate) const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(decisions: &mut Decisions, stream: Stream) -> Vec<u64> {
        (0..20).map(|_| decisions.below(stream, 1_000)).collect()
    }

    #[test]
    fn streams_do_not_disturb_each_other() {
        let mut quiet = Decisions::from_seed(7);
        let mut busy = Decisions::from_seed(7);
        draw(&mut busy, Stream::Net);
        draw(&mut busy, Stream::Fault(FaultKind::Reset));
        assert_eq!(draw(&mut quiet, Stream::Workload), draw(&mut busy, Stream::Workload));
    }

    #[test]
    fn what_was_noted_down_is_replayed_and_then_nothing_happens() {
        let mut live = Decisions::recording(3);
        let drawn = draw(&mut live, Stream::Disk);
        let mut replayed = Decisions::replaying(live.into_tape());
        assert_eq!(draw(&mut replayed, Stream::Disk), drawn);
        assert_eq!(draw(&mut replayed, Stream::Disk), [0; 20]);
        assert!(!replayed.strikes(FaultKind::Reset, 999));
    }

    #[test]
    fn a_fault_that_is_not_allowed_never_happens() {
        let mut decisions = Decisions::from_seed(1);
        decisions.restrict(FaultSet::all().without(FaultKind::Kill));
        assert!((0..100).all(|_| !decisions.strikes(FaultKind::Kill, 1_000)));
        assert!((0..100).all(|_| decisions.strikes(FaultKind::Drain, 1_000)));
    }
}
