use std::time::Instant;

/// What a connection may be waiting for the time to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Give up on a peer that does not authenticate.
    Auth,
    /// Tell a peer that its credentials are wrong.
    FailedAuth,
    /// Give up on a peer that does nothing.
    Idle,
    /// Give up on a frame that does not get complete.
    Frame,
    /// Give up on a request for which there is no memory.
    Memory,
    /// Give up on a peer that does not read.
    Write,
    /// Answer the oldest Produce request with a timeout.
    Produce,
    /// Close although answers are missing.
    Drain,
    /// Close although the peer has not.
    Linger,
}

impl Timer {
    const ALL: [Self; 9] = [
        Self::Auth,
        Self::FailedAuth,
        Self::Idle,
        Self::Frame,
        Self::Memory,
        Self::Write,
        Self::Produce,
        Self::Drain,
        Self::Linger,
    ];
}

/// The timers that are set. So few that a scan is cheaper than any order among them; but which one
/// is first is asked much more often than it changes.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; Timer::ALL.len()],
    first: Option<(Instant, Timer)>,
}

impl Timers {
    /// Sets a timer, or clears it with `None`: a deadline beyond what the clock can express.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Option<Instant>) {
        self.deadlines[timer as usize] = deadline;
        let was_first = self.first.is_some_and(|(_, first)| first == timer);
        let set = deadline.map(|deadline| (deadline, timer));
        match (set, self.first) {
            (Some(set), first) if first.is_none_or(|first| set < first) => self.first = Some(set),
            _ if was_first => self.first = self.scan(),
            _ => {}
        }
    }

    /// Sets a timer unless it is set for an earlier time already.
    pub(crate) fn set_no_later(&mut self, timer: Timer, deadline: Option<Instant>) {
        let deadlines = [self.get(timer), deadline];
        self.set(timer, deadlines.into_iter().flatten().min());
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set(timer, None);
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.deadlines[timer as usize]
    }

    /// The timer that rings first, and when.
    pub(crate) const fn next(&self) -> Option<(Instant, Timer)> {
        self.first
    }

    fn scan(&self) -> Option<(Instant, Timer)> {
        Timer::ALL.into_iter().filter_map(|timer| Some((self.get(timer)?, timer))).min()
    }

    /// Clears and returns the timer that was due first, if one is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (_, timer) = self.next().filter(|(deadline, _)| *deadline <= now)?;
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
        fn the_first_is_known_without_looking_at_all(
            steps in prop::collection::vec((0..Timer::ALL.len(), prop::option::of(0..5u64)), 0..40),
        ) {
            let start = Instant::now();
            let mut timers = Timers::default();
            for (timer, seconds) in steps {
                let deadline = seconds.map(|seconds| start + Duration::from_secs(seconds));
                timers.set(Timer::ALL[timer], deadline);
                prop_assert_eq!(timers.next(), timers.scan());
            }
        }
    }

    #[test]
    fn every_timer_has_its_own_place() {
        for (place, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, place);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn timers_ring_once_and_the_earliest_first() {
        let start = Instant::now();
        let after = |seconds| Some(start + Duration::from_secs(seconds));
        let mut timers = Timers::default();
        timers.set(Timer::Idle, after(9));
        timers.set(Timer::Frame, after(3));
        timers.set_no_later(Timer::Frame, after(5));
        timers.set_no_later(Timer::Drain, after(4));
        assert_eq!(timers.next(), after(3).map(|deadline| (deadline, Timer::Frame)));
        assert_eq!(timers.take_due(start), None);

        let late = start + Duration::from_secs(5);
        assert_eq!(timers.take_due(late), Some(Timer::Frame));
        assert_eq!(timers.take_due(late), Some(Timer::Drain));
        assert_eq!(timers.take_due(late), None);
        assert_eq!(timers.next(), after(9).map(|deadline| (deadline, Timer::Idle)));
    }
}
