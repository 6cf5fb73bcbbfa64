use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use logboom_driver::Timer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::bell::Bell;

/// The one place in which the thread of a socket sleeps, and what may wake it there.
pub(crate) struct Reactor {
    bell: Arc<Bell>,
    /// Weak, so that whoever owns the socket closes it by dropping it.
    socket: Weak<dyn AsFd>,
    /// What the present sleep waits for at the socket.
    interest: Cell<PollFlags>,
    /// When the present sleep ends.
    deadline: Cell<Option<Instant>>,
    /// The last sleep has seen something to read, or an error, which nobody has asked for since.
    readable: Cell<bool>,
    broken: Cell<bool>,
}

impl Reactor {
    pub(crate) fn new(bell: Arc<Bell>, socket: &Rc<impl AsFd + 'static>) -> Rc<Self> {
        let socket = Rc::downgrade(socket);
        Rc::new(Self {
            bell,
            socket,
            interest: Cell::new(PollFlags::empty()),
            deadline: Cell::new(None),
            readable: Cell::new(true),
            broken: Cell::new(false),
        })
    }

    /// Runs a future to its end on this thread.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            self.interest.set(PollFlags::empty());
            self.deadline.set(None);
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            if self.bell.may_sleep() {
                self.bell.wake_up(self.sleep());
            }
        }
    }

    /// The outcome of something that does not wait; if it would have to, the next sleep ends when the
    /// socket is ready for it.
    pub(crate) fn poll_io<T>(&self, done: io::Result<T>, wanted: PollFlags) -> Poll<io::Result<T>> {
        match done {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.interest.set(self.interest.get() | wanted);
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    /// Ready once if a sleep has seen something to read, or an error, at the socket; otherwise the next
    /// sleep looks for that.
    pub(crate) fn poll_readable(&self) -> Poll<()> {
        if self.readable.take() {
            return Poll::Ready(());
        }
        self.interest.set(self.interest.get() | PollFlags::IN);
        Poll::Pending
    }

    /// Whether a sleep that did not wait for the socket was ended by a reset.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    /// Sleeps until something happens. Whether the bell rings. A failure is a wake-up for nothing: the
    /// sleep was interrupted, or lacks memory.
    fn sleep(&self) -> bool {
        let Ok(timeout) = self.timeout() else { return false };
        let interest = self.interest.get();
        let bell = PollFd::new(&self.bell, PollFlags::IN);
        let Some(socket) = self.socket.upgrade() else {
            let mut sources = [bell];
            return poll(&mut sources, timeout.as_ref()).is_ok()
                && !sources[0].revents().is_empty();
        };
        let mut sources = [bell, PollFd::from_borrowed_fd(socket.as_fd(), interest)];
        let woken = poll(&mut sources, timeout.as_ref()).is_ok();
        let [bell, socket] = &sources;
        if woken && interest.is_empty() && !socket.revents().is_empty() {
            self.broken.set(true);
        }
        self.readable.set(woken && !(socket.revents() - PollFlags::OUT).is_empty());
        woken && !bell.revents().is_empty()
    }

    /// How long the sleep may last; an error if it is over before it begins.
    fn timeout(&self) -> Result<Option<Timespec>, ()> {
        let Some(deadline) = self.deadline.get() else { return Ok(None) };
        let left = deadline.checked_duration_since(logboom_net::now()).ok_or(())?;
        // A deadline too far away to be told is none.
        Ok(left.try_into().ok())
    }
}

/// The clock of the machine, and an alarm that ends the sleep of a reactor.
pub(crate) struct Alarm {
    reactor: Rc<Reactor>,
    rings_at: Option<Instant>,
}

impl Alarm {
    pub(crate) const fn new(reactor: Rc<Reactor>) -> Self {
        Self { reactor, rings_at: None }
    }
}

impl Timer for Alarm {
    fn now(&self) -> Instant {
        logboom_net::now()
    }

    fn set(&mut self, deadline: Instant) {
        self.rings_at = Some(deadline);
    }

    fn poll_rung(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.rings_at.is_some_and(|deadline| deadline <= self.now()) {
            self.rings_at = None;
            return Poll::Ready(());
        }
        self.reactor.deadline.set(self.rings_at);
        Poll::Pending
    }
}
