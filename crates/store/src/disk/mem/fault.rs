use std::io::ErrorKind;

/// Asked before every operation of a [`MemDisk`](super::MemDisk); what it returns happens.
///
/// It is called under the lock of the disk, so it must not use the disk itself.
pub type FaultHook = Box<dyn FnMut(&Operation<'_>) -> Option<Fault> + Send>;

/// What is about to be done to a [`MemDisk`](super::MemDisk).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation<'a> {
    /// What it is.
    pub kind: OperationKind,
    /// The file, under the name it was opened with; empty for the directory itself.
    pub name: &'a str,
    /// Where in the file, in bytes; 0 where that means nothing.
    pub position: u64,
    /// How many bytes; 0 where that means nothing.
    pub bytes: u64,
}

/// The kinds of [`Operation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// A file is created.
    Create,
    /// A file is opened.
    Open,
    /// A file is given another name.
    Rename,
    /// A name is removed.
    Unlink,
    /// The names are made durable.
    SyncDir,
    /// Bytes are written.
    Write,
    /// Bytes are read.
    Read,
    /// The content of a file is made durable.
    Sync,
    /// Room is reserved.
    Allocate,
    /// A file is cut.
    Truncate,
}

impl OperationKind {
    /// Whether the operation changes what a crash leaves behind. A crash before any other is the
    /// same as a crash before the next one that does.
    #[must_use]
    pub fn changes_the_disk(self) -> bool {
        !matches!(self, Self::Open | Self::Read)
    }
}

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and does nothing. A failed sync leaves what was not durable in memory, marked
    /// clean, as Linux does: it can be read, and it will never reach the device.
    Fail(ErrorKind),
    /// A read or write moves at most so many bytes.
    Short(usize),
    /// A read returns its bytes with this bit flipped, counted modulo their number.
    FlipBit(u64),
    /// A write lands at this position of the file instead of its own.
    Misdirect(u64),
    /// The machine stops. This and every later operation fails until
    /// [`restart`](super::MemDisk::restart).
    Stop,
}

/// How a [`MemDisk`](super::MemDisk) loses what was not made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process dies and the machine lives on: nothing is lost, and nothing became durable.
    Kill,
    /// The power is cut, and the device has only what was made durable.
    LoseUnsynced,
    /// The power is cut, and the device happens to have everything that was on its way.
    KeepUnsynced,
    /// The power is cut, and of what was on its way each sector and each name has, independently,
    /// arrived, not arrived, or (a sector) arrived as garbage. The number is the seed.
    Tear(u64),
    /// The power is cut, and the device has a part of what was on its way.
    Partly(Partly),
}

/// Which part of what was on its way has arrived on the device when the power is cut.
///
/// Without any of the switches it is, for each file and for the names, what came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partly {
    /// What else depends on chance depends on this.
    pub seed: u64,
    /// The write that was under way has arrived sector by sector, in sectors of 512 bytes or 4 KiB,
    /// some of them as garbage.
    pub torn: bool,
    /// Writes have arrived independently of each other.
    pub reordered: bool,
    /// A changed length has arrived independently of what was written.
    pub lengths: bool,
    /// Names have arrived independently of each other.
    pub names: bool,
}
