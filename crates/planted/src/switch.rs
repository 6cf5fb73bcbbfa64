use std::cell::Cell;

use crate::Bug;

thread_local! {
    static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    static REACHED: Cell<u64> = const { Cell::new(0) };
}

/// Runs `work` with that bug on this thread, and with none again afterwards, also if it panics.
pub fn with<T>(bug: Bug, work: impl FnOnce() -> T) -> T {
    struct Off(Option<Bug>);
    impl Drop for Off {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _off = Off(ON.replace(Some(bug)));
    REACHED.set(0);
    work()
}

/// Whether that bug is on.
#[must_use]
pub fn is_on(bug: Bug) -> bool {
    let on = ON.get() == Some(bug);
    REACHED.set(REACHED.get() + u64::from(on));
    on
}

/// How often this thread has come by the site of a bug that was on, since the last [`with`] began.
/// What is never reached cannot be found.
#[must_use]
pub fn reached() -> u64 {
    REACHED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bug_is_on_and_only_inside() {
        assert!(!is_on(Bug::AckBeforeSync));
        with(Bug::AckBeforeSync, || {
            assert!(is_on(Bug::AckBeforeSync) && crate::planted!(AckBeforeSync));
            assert!(!is_on(Bug::RetryFailedSync));
        });
        assert!(!is_on(Bug::AckBeforeSync));
        assert_eq!(reached(), 2);
    }

    #[test]
    fn other_threads_have_no_bug() {
        with(Bug::AckBeforeSync, || {
            let other = std::thread::scope(|scope| {
                scope.spawn(|| is_on(Bug::AckBeforeSync)).join().unwrap_or(true)
            });
            assert!(!other);
        });
    }
}
