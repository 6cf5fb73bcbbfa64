use std::collections::BTreeMap;

/// What happens and when, in nanoseconds since the beginning.
///
/// What happens at the same moment is ordered by a drawn number, and then by the order in which it
/// was planned.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    planned: BTreeMap<(u64, u64, u64), T>,
    count: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { planned: BTreeMap::new(), count: 0 }
    }

    pub(crate) fn push(&mut self, at_ns: u64, tie: u64, event: T) {
        self.count += 1;
        self.planned.insert((at_ns, tie, self.count), event);
    }

    pub(crate) fn pop(&mut self) -> Option<(u64, T)> {
        self.planned.pop_first().map(|((at_ns, _, _), event)| (at_ns, event))
    }

    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.planned.first_key_value().map(|((at_ns, _, _), _)| *at_ns)
    }
}
