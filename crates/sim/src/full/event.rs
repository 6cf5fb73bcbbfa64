//! What is planned in a world.

use crate::fault::FaultKind;

/// What happens, besides what the network does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A client comes to life.
    Begin { client: usize },
    /// A client's wish for a connection has arrived.
    Connect { client: usize },
    /// Nobody has answered a client's wish.
    GiveUpConnecting { client: usize },
    /// A client has waited long enough.
    Timer { client: usize, number: u64 },
    /// The disk is done with what it had, and takes the next group.
    Commit { boot: u64 },
    /// Expired logs are looked for.
    Retention { boot: u64 },
    /// The server is started.
    Start,
    /// A drain has taken long enough.
    DrainEnd { boot: u64 },
    /// Somebody does something to the server, or to the world around it.
    Operation(FaultKind),
    /// What an operation began ends.
    Undo(Undo),
    /// From now on nothing goes wrong any more.
    Calm,
}

/// What an operation began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undo {
    /// Clients of the project learn its newest secret.
    TellSecret { project: usize },
    /// The older secrets of the project are withdrawn.
    DropOldSecrets { project: usize },
    /// A Logstore comes back.
    RestoreLogstore { project: usize, logstore: usize },
    /// There is space again.
    FreeDisk,
    /// The wall clock goes on.
    Unfreeze,
}
