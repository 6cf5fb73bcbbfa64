use crate::dice::Dice;
use crate::fault::FaultKind;
use crate::random::Stream;

/// How often the network does something unkind, in 1,000 cases, and what it is like otherwise.
#[derive(Debug, Clone, Copy)]
pub struct NetRates {
    /// The shortest time that bytes take, in nanoseconds.
    pub latency_min_ns: u64,
    /// The longest time that bytes take when nothing is wrong, in nanoseconds.
    pub latency_max_ns: u64,
    /// How many bytes a direction of a connection holds before it takes no more.
    pub window_bytes: usize,
    /// [`FaultKind::Delay`], for each segment.
    pub delay: u64,
    /// [`FaultKind::Resegment`], for each segment.
    pub resegment: u64,
    /// [`FaultKind::ShortWrite`], for each write of the server.
    pub short_write: u64,
    /// [`FaultKind::SpuriousReady`], for each read or write of the server.
    pub spurious: u64,
    /// [`FaultKind::Stall`], for each segment.
    pub stall: u64,
    /// [`FaultKind::Reset`], for each segment.
    pub reset: u64,
    /// [`FaultKind::BitFlip`], for each segment of an encrypted connection.
    pub bit_flip: u64,
}

impl Default for NetRates {
    fn default() -> Self {
        Self {
            latency_min_ns: 50_000,
            latency_max_ns: 1_000_000,
            window_bytes: 64 << 10,
            delay: 0,
            resegment: 0,
            short_write: 0,
            spurious: 0,
            stall: 0,
            reset: 0,
            bit_flip: 0,
        }
    }
}

impl NetRates {
    /// Draws what the network of this world is like.
    pub(crate) fn draw(dice: &Dice) -> Self {
        let stream = Stream::Plan;
        let rate = |kind: FaultKind, most: u64| {
            let exists = dice.chance(stream, 400) && dice.allowed().contains(kind);
            let rate = dice.between(stream, 1, most);
            if exists { rate } else { 0 }
        };
        let latency_min_ns = dice.between(stream, 1, 200) * 1_000;
        Self {
            latency_min_ns,
            latency_max_ns: latency_min_ns + dice.between(stream, 1, 20_000) * 1_000,
            window_bytes: 64 << dice.between(stream, 2, 10),
            delay: rate(FaultKind::Delay, 30),
            resegment: rate(FaultKind::Resegment, 300),
            short_write: rate(FaultKind::ShortWrite, 300),
            spurious: rate(FaultKind::SpuriousReady, 100),
            stall: rate(FaultKind::Stall, 10),
            reset: rate(FaultKind::Reset, 10),
            bit_flip: rate(FaultKind::BitFlip, 60),
        }
    }
}
