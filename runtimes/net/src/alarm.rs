use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use logboom_driver::Timer;

/// The clock of the machine, and a timer of `async-io`, which is below both smol and async-std.
#[derive(Debug)]
pub struct Alarm(async_io::Timer);

impl Alarm {
    /// An alarm that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self(async_io::Timer::never())
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for Alarm {
    fn now(&self) -> Instant {
        crate::now()
    }

    fn set(&mut self, deadline: Instant) {
        self.0.set_at(deadline);
    }

    fn poll_rung(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_rung_at| ())
    }
}
