/// What one connection costs in a runtime, so that a machine that is too small is found at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// File descriptors of each connection.
    pub descriptors_per_connection: u64,
    /// Threads of each connection.
    pub threads_per_connection: u64,
}

impl Needs {
    /// One socket, driven by threads that all connections share.
    pub const SHARED_THREADS: Self =
        Self { descriptors_per_connection: 1, threads_per_connection: 0 };
}

/// What most runtimes need: [`Needs::SHARED_THREADS`].
impl Default for Needs {
    fn default() -> Self {
        Self::SHARED_THREADS
    }
}
