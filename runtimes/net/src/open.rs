use std::sync::Arc;

use logboom_sans_io::Shutdown;

/// Something that is still open: an acceptor or a connection. When the last clone is dropped, its
/// switch is thrown. So a runtime knows when everything has ended without a list of connections.
#[derive(Debug, Clone)]
pub struct Open {
    _last: Arc<Last>,
}

#[derive(Debug)]
struct Last(Shutdown);

impl Open {
    /// The first owner, and the switch that the last one throws.
    #[must_use]
    pub fn new() -> (Self, Shutdown) {
        let ended = Shutdown::new();
        (Self { _last: Arc::new(Last(ended.clone())) }, ended)
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_owner_throws_the_switch() {
        let (first, ended) = Open::new();
        let second = first.clone();
        drop(first);
        assert!(!ended.is_triggered());
        drop(second);
        assert!(ended.is_triggered());
    }
}
