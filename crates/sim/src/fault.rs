//! The named faults.

use std::fmt::{self, Display, Formatter};

use crate::outcome::Level;

macro_rules! faults {
    ($($variant:ident $name:literal $text:literal,)*) => {
        /// A kind of fault that the simulator injects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FaultKind {
            $(#[doc = $text] $variant,)*
        }

        impl FaultKind {
            /// Every kind, in the order of the enum.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that is printed, and written in a regression file.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

faults! {
    Delay "delay" "A segment arrives much later than the others.",
    Resegment "resegment" "A segment arrives in pieces, down to single bytes.",
    ShortWrite "short-write" "A transport takes only part of what it is offered.",
    SpuriousReady "spurious-ready" "A transport says that it would block, or was interrupted, and is ready.",
    Stall "stall" "One direction of a connection stands still for a while.",
    Reset "reset" "A connection is reset.",
    EndOfStream "end-of-stream" "A client closes its connection in the middle of its work.",
    HalfClose "half-close" "A client shuts down writing and goes on reading.",
    Partition "partition" "Nothing passes for a while, and nobody can connect.",
    ClientRetry "client-retry" "A client sends a request again whose answer it has not waited for.",
    BitFlip "bit-flip" "A bit of an encrypted connection is flipped on the way.",
    UnsyncedLost "unsynced-lost" "A power cut after which the device has only what was synced.",
    UnsyncedKept "unsynced-kept" "A power cut after which the device has everything.",
    TornSectors "torn-sectors" "A power cut that tears what was on its way, sector by sector.",
    Reordered "reordered" "A power cut that keeps some writes of an epoch and loses earlier ones.",
    LengthLost "length-lost" "A power cut after which a length is kept or lost independently of the data.",
    NamesLost "names-lost" "A power cut that loses names that were not made durable, one by one.",
    ShortDiskIo "short-disk-io" "A read or write of a file moves only a part.",
    WriteError "write-error" "A write of a file fails.",
    SyncError "sync-error" "A sync fails, and what was to be synced is marked clean.",
    NameError "name-error" "A file cannot be created, opened, renamed, removed, allocated or cut.",
    DiskFull "disk-full" "There is no space, for one call or for a while.",
    ReadError "read-error" "A read of a file fails.",
    BitRot "bit-rot" "A bit of a file has changed on the device, or is read wrongly.",
    Misdirected "misdirected" "A write lands at another place of its file.",
    SlowDisk "slow-disk" "A commit takes up to five seconds.",
    CrashInRecovery "crash-in-recovery" "The machine stops while the store is being opened, up to three times.",
    CrashInOperation "crash-in-operation" "The machine stops in the middle of an operation of the disk.",
    Kill "kill" "The process dies and the machine lives on.",
    Drain "drain" "The server is asked to stop, and is started again.",
    CertificateSwap "certificate-swap" "Connections from now on get another certificate.",
    KeyRotation "key-rotation" "A second secret comes and the first one goes.",
    KeyRevocation "key-revocation" "A secret is withdrawn while its sessions are open.",
    ClockStep "clock-step" "The wall clock jumps by up to an hour, in either direction, or stands still.",
    MemoryShortage "memory-shortage" "The memory for requests is barely enough for one.",
    LogstoreDeleted "logstore-deleted" "A Logstore goes while it is written to, and comes back.",
}

impl Display for FaultKind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FaultKind {
    /// Whether runs of that level inject it.
    #[must_use]
    pub fn is_of(self, level: Level) -> bool {
        match level {
            Level::Store => {
                Self::UnsyncedLost <= self && self <= Self::Kill && self != Self::SlowDisk
                    || self == Self::ClockStep
            }
            Level::Full => !matches!(self, Self::BitRot | Self::Misdirected),
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// A set of kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultSet(u64);

impl FaultSet {
    /// No fault at all.
    pub const NONE: Self = Self(0);

    /// Every kind.
    #[must_use]
    pub fn all() -> Self {
        FaultKind::ALL.iter().copied().collect()
    }

    /// Whether the kind is in it.
    #[must_use]
    pub const fn contains(self, kind: FaultKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// The set with that kind.
    #[must_use]
    pub const fn with(self, kind: FaultKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// The set without that kind.
    #[must_use]
    pub const fn without(self, kind: FaultKind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// The kinds in it, in order.
    pub fn iter(self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<FaultKind> for FaultSet {
    fn from_iter<I: IntoIterator<Item = FaultKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_a_place_in_a_set() {
        assert!(FaultKind::ALL.len() >= 24 && FaultKind::ALL.len() <= 64);
        for (index, kind) in FaultKind::ALL.iter().copied().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(FaultKind::from_name(kind.name()), Some(kind));
            assert!(FaultSet::NONE.with(kind).contains(kind));
            assert!(!FaultSet::all().without(kind).contains(kind));
        }
        assert_eq!(FaultSet::all().iter().count(), FaultKind::ALL.len());
    }
}
