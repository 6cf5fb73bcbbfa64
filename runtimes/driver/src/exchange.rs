use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_lite::{AsyncRead, AsyncWrite};
use logboom_planted::planted;
use logboom_sans_io::{Inbox, Machine, Wait};

use crate::{Timer, Transport};

/// So many pieces go into one vectored write.
pub const SLICES_MAX: usize = 16;

/// No smaller hint than this is worth a system call, in bytes.
pub const WANT_BYTES_MIN: usize = 1 << 10;

/// No hint is larger, in bytes: beyond this a wake-up costs little per byte.
pub const WANT_BYTES_MAX: usize = 64 << 10;

/// The outside of one machine: its transport, its timer, and what is set there.
#[derive(Debug)]
pub(crate) struct Exchange<T, C> {
    transport: T,
    timer: C,
    /// When the timer will ring.
    alarm: Option<Instant>,
    /// The hint that the transport has.
    want: usize,
    reads: bool,
    writes: bool,
    /// The last read has taken all that was there.
    drained: bool,
}

impl<T: Transport, C: Timer> Exchange<T, C> {
    pub(crate) fn new(transport: T, timer: C) -> Self {
        Self { transport, timer, alarm: None, want: 1, reads: true, writes: true, drained: false }
    }

    pub(crate) fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Does what `wait` allows until something has happened. Whether the task has slept.
    pub(crate) async fn wait<M: Machine>(
        &mut self,
        machine: &mut M,
        inbox: &Inbox<M::Command>,
        wait: Wait,
    ) -> bool {
        let mut slept = false;
        poll_fn(|context| {
            // No short-circuit: every direction is tried, and every waker registered.
            let happened = inbox.poll_ready(context).is_ready()
                | self.write(machine, wait, context)
                | self.read(machine, wait, context)
                | self.shutdown_write(machine, wait)
                | self.notice_break(machine, wait, context)
                | self.ring(wait.deadline, context);
            if happened {
                return Poll::Ready(());
            }
            slept = true;
            Poll::Pending
        })
        .await;
        slept
    }

    /// Asks for a reset where no read or write would meet it.
    fn notice_break(
        &mut self,
        machine: &mut impl Machine,
        wait: Wait,
        context: &mut Context<'_>,
    ) -> bool {
        let (reads, writes) = (wait.read && self.reads, wait.write && self.writes);
        if reads || writes {
            return false;
        }
        let Poll::Ready(kind) = self.transport.poll_broken(context) else { return false };
        self.fail(machine, kind);
        true
    }

    fn write(&mut self, machine: &mut impl Machine, wait: Wait, context: &mut Context<'_>) -> bool {
        if !wait.write || !self.writes {
            return false;
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = machine.transmit(&mut slices);
        assert!(count > 0, "a machine that wants to write offers nothing");
        let stream = Pin::new(self.transport.stream());
        match stream.poll_write_vectored(context, &slices[..count]) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.fail(machine, ErrorKind::WriteZero),
            Poll::Ready(Ok(_)) if planted!(ShortSendIsFull) => {
                let bytes = slices[..count].iter().map(|slice| slice.len()).sum();
                machine.handle_sent(bytes);
            }
            Poll::Ready(Ok(n)) => machine.handle_sent(n),
            Poll::Ready(Err(error)) => self.handle_error(machine, &error),
        }
        true
    }

    fn read(&mut self, machine: &mut impl Machine, wait: Wait, context: &mut Context<'_>) -> bool {
        if !wait.read || !self.reads {
            return false;
        }
        self.hint(wait.want);
        if self.drained && self.transport.poll_readable(context).is_pending() {
            return false;
        }
        let Some(space) = machine.recv_space() else {
            debug_assert!(false, "a machine that wants to read has no space");
            return false;
        };
        let space_bytes = space.len();
        let read = Pin::new(self.transport.stream()).poll_read(context, space);
        self.drained = match &read {
            Poll::Pending => true,
            Poll::Ready(Ok(n)) => *n < space_bytes,
            Poll::Ready(Err(_)) => false,
        };
        match read {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => {
                self.reads = false;
                if !planted!(EndIgnored) {
                    machine.handle_eof();
                }
            }
            Poll::Ready(Ok(n)) => machine.handle_received(n),
            Poll::Ready(Err(error)) => self.handle_error(machine, &error),
        }
        true
    }

    /// Passes on how many bytes are missing, if that can save a wake-up or prevent a lost one. Nobody is
    /// woken while there is more to read.
    fn hint(&mut self, want: usize) {
        let want = want.clamp(1, WANT_BYTES_MAX);
        let falls = want < self.want;
        let rises = self.drained && want > self.want.max(WANT_BYTES_MIN);
        if falls || rises {
            self.transport.set_want(want);
            self.want = want;
        }
        if falls {
            // What is there may be enough now.
            self.drained = false;
        }
    }

    fn shutdown_write(&mut self, machine: &mut impl Machine, wait: Wait) -> bool {
        if !wait.fin || wait.write || !self.writes {
            return false;
        }
        self.writes = false;
        if let Err(error) = self.transport.shutdown_write() {
            self.handle_error(machine, &error);
        }
        true
    }

    /// Whether the machine may have a deadline behind it. A timer that rings too early does no
    /// harm: the machine is asked, and the timer set again.
    fn ring(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> bool {
        let Some(deadline) = deadline else { return false };
        if self.alarm.is_none_or(|alarm| deadline < alarm) {
            self.timer.set(deadline);
            self.alarm = Some(deadline);
        }
        let rung = self.timer.poll_rung(context).is_ready();
        if rung && !planted!(AlarmSetOnce) {
            self.alarm = None;
        }
        rung
    }

    fn handle_error(&mut self, machine: &mut impl Machine, error: &io::Error) {
        match error.kind() {
            // Nothing happened, and the transport has not promised to wake: try again.
            ErrorKind::Interrupted | ErrorKind::WouldBlock if !planted!(InterruptionIsFatal) => {}
            kind => self.fail(machine, kind),
        }
    }

    fn fail(&mut self, machine: &mut impl Machine, kind: ErrorKind) {
        self.reads = false;
        self.writes = false;
        machine.handle_transport_error(kind);
    }
}
