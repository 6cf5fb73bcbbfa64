use std::collections::VecDeque;
use std::time::Instant;

use logboom_planted::planted;
use logboom_sans_io::Stale;
use logboom_wire::error::ErrorCode;

use crate::answer::Answer;
use crate::request::Request;

/// A request on its way through the application.
#[derive(Debug)]
pub(crate) struct Slot {
    request: Request,
    /// What the request counts in the window: its frame, and room for its answer.
    bytes: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Waiting),
    Answered(Answer),
}

/// How a request waits for its answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting {
    /// When it is answered with a timeout instead.
    pub(crate) deadline: Option<Instant>,
    /// The peer wants no response; if the request fails, the connection has to close.
    pub(crate) silent: bool,
}

/// A request that the peer wants no response to has waited for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SilentTimeout;

/// The window: requests in the order of their arrival, which is the order of their responses.
///
/// A request keeps its place until everything before it has been answered, also if it is answered
/// itself or wants no response.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    queue: VecDeque<Slot>,
    /// The number of the first request in the queue.
    first: u64,
    bytes: usize,
    /// No later than the first deadline of a request that waits.
    deadline: Option<Instant>,
}

impl Slots {
    /// Adds a request that the application has to answer, and returns its number.
    pub(crate) fn push_waiting(&mut self, request: Request, bytes: usize, wait: Waiting) -> u64 {
        let others = self.deadline.filter(|_| !self.is_empty());
        self.deadline = earlier(others, wait.deadline);
        self.push(Slot { request, bytes, state: State::Waiting(wait) })
    }

    /// Adds a request that is answered already.
    pub(crate) fn push_answered(&mut self, request: Request, bytes: usize, answer: Answer) {
        self.push(Slot { request, bytes, state: State::Answered(answer) });
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// If it has left or is answered already.
    pub(crate) fn answer(&mut self, sequence: u64, answer: Answer) -> Result<(), Stale> {
        self.waiting(sequence)?;
        let mut index = self.index(sequence);
        if planted!(FirstAnsweredFirstSent) {
            self.queue.swap(0, index);
            index = 0;
        }
        self.queue[index].state = State::Answered(answer);
        Ok(())
    }

    /// How a request waits.
    ///
    /// # Errors
    ///
    /// If it has left or is answered already.
    pub(crate) fn waiting(&self, sequence: u64) -> Result<Waiting, Stale> {
        match self.queue.get(self.index(sequence)) {
            Some(Slot { state: State::Waiting(waiting), .. }) => Ok(*waiting),
            _ => Err(Stale),
        }
    }

    /// Takes the first request out if it is answered.
    pub(crate) fn take_answered(&mut self) -> Option<(Request, Answer)> {
        match self.queue.pop_front()? {
            Slot { request, bytes, state: State::Answered(answer) } => {
                self.first += 1;
                self.bytes -= bytes;
                self.assert_consistent();
                Some((request, answer))
            }
            waiting => {
                self.queue.push_front(waiting);
                None
            }
        }
    }

    /// Answers the requests that have waited for too long with a timeout.
    ///
    /// # Errors
    ///
    /// If one of them wants no response. It and everything behind it are dropped.
    pub(crate) fn expire(&mut self, now: Instant) -> Result<(), SilentTimeout> {
        self.deadline = None;
        for index in 0..self.queue.len() {
            let State::Waiting(waiting) = self.queue[index].state else { continue };
            if waiting.deadline.is_none_or(|deadline| deadline > now) {
                self.deadline = earlier(self.deadline, waiting.deadline);
            } else if waiting.silent {
                self.truncate(index);
                return Err(SilentTimeout);
            } else {
                let timed_out = Answer::Error(ErrorCode::RequestTimedOut);
                self.queue[index].state = State::Answered(timed_out);
            }
        }
        Ok(())
    }

    /// Drops a request and everything behind it. Only before closing: the numbers come again.
    pub(crate) fn drop_from(&mut self, sequence: u64) {
        self.truncate(self.index(sequence));
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self { first: self.next_number(), ..Self::default() };
    }

    /// The number that the next request will get.
    pub(crate) fn next_number(&self) -> u64 {
        self.first + self.queue.len() as u64
    }

    /// How many requests there are.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// What all requests count together.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memory held here.
    pub(crate) fn bytes_held(&self) -> usize {
        self.bytes + self.queue.capacity() * size_of::<Slot>()
    }

    /// When to call [`expire`](Self::expire), or a little earlier.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.is_empty())
    }

    fn push(&mut self, slot: Slot) -> u64 {
        let number = self.next_number();
        self.bytes += slot.bytes;
        self.queue.push_back(slot);
        self.assert_consistent();
        number
    }

    fn truncate(&mut self, index: usize) {
        self.queue.truncate(index);
        self.bytes = self.queue.iter().map(|slot| slot.bytes).sum();
    }

    /// Where in the queue a number is, or a place beyond its end if it is not.
    fn index(&self, sequence: u64) -> usize {
        let ahead = sequence.checked_sub(self.first);
        ahead.and_then(|ahead| usize::try_from(ahead).ok()).unwrap_or(usize::MAX)
    }

    fn assert_consistent(&self) {
        debug_assert_eq!(self.bytes, self.queue.iter().map(|slot| slot.bytes).sum::<usize>());
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use logboom_wire::api::ApiKey;
    use proptest::prelude::*;

    use super::*;

    fn request(correlation_id: i32) -> Request {
        Request::bare(ApiKey::ApiVersions, correlation_id)
    }

    fn take_all(slots: &mut Slots) -> Vec<i32> {
        std::iter::from_fn(|| slots.take_answered()).map(|(left, _)| left.correlation_id).collect()
    }

    proptest! {
        #[test]
        fn responses_leave_in_request_order_whatever_is_answered_first(
            keys in prop::collection::vec(any::<u32>(), 1..60),
        ) {
            let mut slots = Slots::default();
            let mut by_key = BTreeMap::new();
            for (index, key) in keys.iter().enumerate() {
                let sequence = slots.push_waiting(request(index as i32), 10, Waiting::default());
                by_key.insert((*key, index), sequence);
            }
            prop_assert_eq!(slots.bytes(), 10 * keys.len());
            let mut left = Vec::new();
            for sequence in by_key.into_values() {
                prop_assert_eq!(slots.answer(sequence, Answer::Silence), Ok(()));
                prop_assert_eq!(slots.answer(sequence, Answer::Silence), Err(Stale));
                left.extend(take_all(&mut slots));
            }
            prop_assert_eq!(left, (0..keys.len() as i32).collect::<Vec<_>>());
            prop_assert_eq!(slots.bytes(), 0);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn requests_expire_one_by_one() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut slots = Slots::default();
        for seconds in [3, 1, 2] {
            let waiting = Waiting { deadline: Some(after(seconds)), silent: false };
            slots.push_waiting(request(seconds as i32), 1, waiting);
        }
        assert_eq!(slots.deadline(), Some(after(1)));
        assert_eq!(slots.expire(after(2)), Ok(()));
        assert_eq!(slots.deadline(), Some(after(3)));
        assert_eq!(take_all(&mut slots), []);
        assert_eq!(slots.expire(after(3)), Ok(()));
        assert_eq!(take_all(&mut slots), [3, 1, 2]);
        assert_eq!(slots.deadline(), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn a_deadline_does_not_outlive_the_last_request() {
        let start = Instant::now();
        let waiting = |deadline| Waiting { deadline: Some(deadline), silent: false };
        let mut slots = Slots::default();
        let first = slots.push_waiting(request(1), 1, waiting(start));
        assert_eq!(slots.answer(first, Answer::Silence), Ok(()));
        assert_eq!(take_all(&mut slots), [1]);
        let later = start + Duration::from_secs(1);
        slots.push_waiting(request(2), 1, waiting(later));
        assert_eq!(slots.deadline(), Some(later));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
    fn a_silent_request_that_expires_takes_everything_behind_it_along() {
        let start = Instant::now();
        let mut slots = Slots::default();
        let before = slots.push_waiting(request(0), 1, Waiting::default());
        slots.push_waiting(request(1), 1, Waiting { deadline: Some(start), silent: true });
        let behind = slots.push_waiting(request(2), 1, Waiting::default());
        assert_eq!(slots.expire(start), Err(SilentTimeout));
        assert_eq!(slots.answer(behind, Answer::Silence), Err(Stale));
        assert_eq!(slots.answer(before, Answer::Silence), Ok(()));
        assert_eq!(take_all(&mut slots), [0]);
        assert!(slots.is_empty());
    }
}
