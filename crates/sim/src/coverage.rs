//! Which faults struck and which states were reached.

use crate::fault::FaultKind;
use crate::outcome::Level;

macro_rules! states {
    ($($variant:ident $name:literal,)*) => {
        /// A state of the product that runs should reach.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum State {
            $(#[doc = $name] $variant,)*
        }

        impl State {
            /// Every state.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it is.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

states! {
    BatchAcknowledged "batch acknowledged",
    BatchUnknown "fate of a batch unknown",
    BatchRefused "batch refused for certain",
    SurvivedUnacknowledged "batch survived without an acknowledgement",
    LostUnacknowledged "batch lost that was not acknowledged",
    DuplicateAnswered "duplicate answered with the first offset",
    SequenceRefused "wrong sequence refused",
    EpochFenced "old epoch fenced off",
    StorePoisoned "store poisoned",
    StoreFull "store refuses for want of space",
    StoreRecovered "store recovered",
    TailTruncated "torn tail cut off",
    FooterRebuilt "footer rebuilt from frames",
    SegmentSealed "segment sealed",
    SegmentRemoved "expired segment removed",
    StartAdvanced "start of a shard moved on",
    RecoveryInterrupted "recovery interrupted and done again",
    OpenRetried "opening failed and was tried again",
    OpenRefused "damage that no crash explains refused",
    ReadRefused "damaged batch refused to a reader",
    ReaderFollowed "reader in another process kept up",
    ClosedWhole "closed, and opened without repair",
    LoggedIn "client logged in",
    LoginRefused "login refused",
    TlsConnection "connection in TLS",
    TlsFailed "TLS connection given up",
    RawSasl "login with bare tokens",
    ProducerIdGranted "producer id granted",
    AcksZero "batch without a response",
    TimedOut "request answered with a timeout",
    StorageError "request answered with a storage error",
    RightRefused "topic refused for want of a right",
    UnknownTopic "topic unknown",
    CorruptRefused "damaged batch refused",
    BackPressure "reading paused for want of memory",
    ConnectionRefused "connection refused by a limit",
    SessionRevoked "session closed because its key was revoked",
    Drained "connection drained",
    DrainForced "connection closed at the end of a drain",
    ConnectionPanicked "connection lost to a panic",
    OldFormat "message set of an old format stored",
    Compressed "compressed batch stored",
    ClientGaveUp "client gave a batch up",
}

/// States that only a test of the store alone looks at.
const STORE_ONLY: [State; 8] = [
    State::BatchRefused,
    State::SurvivedUnacknowledged,
    State::LostUnacknowledged,
    State::EpochFenced,
    State::StoreFull,
    State::OpenRefused,
    State::ReadRefused,
    State::ReaderFollowed,
];

impl State {
    /// Whether runs of that level can reach it.
    #[must_use]
    pub fn is_of(self, level: Level) -> bool {
        match level {
            Level::Store => self < Self::LoggedIn,
            // A connection that panics is a violation.
            Level::Full => !STORE_ONLY.contains(&self) && self != Self::ConnectionPanicked,
        }
    }
}

/// Counts of faults and states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    faults: [u64; FaultKind::ALL.len()],
    states: [u64; State::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { faults: [0; FaultKind::ALL.len()], states: [0; State::ALL.len()] }
    }
}

impl Coverage {
    /// Counts a fault.
    pub const fn struck(&mut self, kind: FaultKind) {
        self.faults[kind as usize] += 1;
    }

    /// Counts a state.
    pub const fn reached(&mut self, state: State) {
        self.states[state as usize] += 1;
    }

    /// How often a fault struck.
    #[must_use]
    pub const fn of_fault(&self, kind: FaultKind) -> u64 {
        self.faults[kind as usize]
    }

    /// How often a state was reached.
    #[must_use]
    pub const fn of_state(&self, state: State) -> u64 {
        self.states[state as usize]
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Self) {
        self.faults.iter_mut().zip(other.faults).for_each(|(sum, count)| *sum += count);
        self.states.iter_mut().zip(other.states).for_each(|(sum, count)| *sum += count);
    }
}
