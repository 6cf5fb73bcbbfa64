use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::dice::Dice;
use crate::random::Stream;

/// Tasks, of which those that were woken are polled in an order that the dice decide.
#[derive(Default)]
pub(crate) struct Executor {
    tasks: Vec<Option<Task>>,
    ready: Arc<Mutex<Vec<usize>>>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    signal: Arc<Signal>,
    waker: Waker,
}

struct Signal {
    task: usize,
    queued: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            lock(&self.ready).push(self.task);
        }
    }
}

impl Executor {
    /// Adds a task, which runs for the first time with the next round. Returns its number.
    pub(crate) fn spawn(&mut self, future: Pin<Box<dyn Future<Output = ()>>>) -> usize {
        let task = self.tasks.len();
        let ready = Arc::clone(&self.ready);
        let signal = Arc::new(Signal { task, queued: AtomicBool::new(false), ready });
        let waker = Waker::from(Arc::clone(&signal));
        signal.wake_by_ref();
        self.tasks.push(Some(Task { future, signal, waker }));
        task
    }

    /// Polls one of the tasks that were woken. False if there is none.
    pub(crate) fn poll_one(&mut self, dice: &Dice) -> bool {
        let next = {
            let mut ready = lock(&self.ready);
            if ready.is_empty() {
                return false;
            }
            let index = dice.index(Stream::Schedule, ready.len());
            ready.swap_remove(index)
        };
        let Some(Some(task)) = self.tasks.get_mut(next) else { return true };
        task.signal.queued.store(false, Ordering::Relaxed);
        let mut context = Context::from_waker(&task.waker);
        if let Poll::Ready(()) = task.future.as_mut().poll(&mut context) {
            self.tasks[next] = None;
        }
        true
    }

    /// Drops all tasks, wherever they are.
    pub(crate) fn clear(&mut self) {
        self.tasks.iter_mut().for_each(|task| *task = None);
    }

    /// How many tasks have not ended.
    pub(crate) fn len(&self) -> usize {
        self.tasks.iter().flatten().count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
