use std::fmt;

/// The memory that the requests of all connections share.
///
/// A connection reserves the size of a frame after authentication before it makes room for it. If
/// that fails, it stops reading and emits [`Event::Memory`](crate::Event::Memory); it goes on when
/// [`Command::MemoryGranted`](crate::Command::MemoryGranted) arrives.
///
/// Frames before authentication are not taken from here, so that strangers cannot compete with
/// clients; they are bounded by their own limit and by the number of connections.
pub trait Memory: Send + Sync + fmt::Debug {
    /// Reserves `bytes` if they are free now. Must not block: it is called for every request.
    fn try_reserve(&self, bytes: usize) -> Option<Reservation>;
}

/// Memory that is reserved until this is dropped.
///
/// It travels with the bytes of its frame and is dropped with the last
/// [`Bytes`](bytes::Bytes) that shares them, however long the application keeps it.
pub struct Reservation {
    _guard: Box<dyn Send + Sync>,
}

impl Reservation {
    /// A reservation that ends when `guard` is dropped.
    #[must_use]
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reservation")
    }
}

/// Memory without a bound, for hosts that bound it in another way, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmetered;

impl Memory for Unmetered {
    fn try_reserve(&self, _bytes: usize) -> Option<Reservation> {
        Some(Reservation::new(()))
    }
}
