use std::fmt;

/// Where an answer belongs: which connection, and which of its requests.
///
/// The stamp is drawn at random for each connection, so that a ticket that strays to another one is
/// stale there instead of answering somebody else's request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) stamp: u64,
    pub(crate) sequence: u64,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}/{}", self.stamp, self.sequence)
    }
}

macro_rules! ticket {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Moves into the command that answers; there is no second one.
        #[derive(Debug)]
        pub struct $name(pub(crate) Address);
    };
}

ticket! {
    /// The right to answer an [`AuthAttempt`](crate::AuthAttempt).
    AuthTicket
}
ticket! {
    /// The right to answer a [`MetadataQuery`](crate::MetadataQuery).
    MetadataTicket
}
ticket! {
    /// The right to answer an [`InitProducerId`](crate::InitProducerId).
    InitTicket
}
ticket! {
    /// The right to answer a [`Produce`](crate::Produce).
    ProduceTicket
}
ticket! {
    /// The right to answer a [`MemoryRequest`](crate::MemoryRequest).
    MemoryTicket
}
