//! Drives one state machine over one asynchronous byte stream and one timer.
//!
//! [`drive`] is everything a runtime does for a connection. It knows [`Machine`] and [`Session`] of
//! `logboom-sans-io`, and two small traits that a runtime implements: [`Transport`] and [`Timer`].
//! It contains no protocol, spawns nothing, and runs on any executor, also on that of a simulator.
//!
//! # What it takes care of
//!
//! - **Both directions, always.** A write that is stuck never keeps bytes from being read, nor the
//!   other way round; only [`Wait::read`](logboom_sans_io::Wait::read) stops reading.
//! - **Fairness.** After [`TURNS_MAX`] turns without having to wait it yields to other tasks.
//! - **Few system calls.** One vectored write for up to [`SLICES_MAX`] pieces, one read for as much
//!   as the machine takes, a timer that is set only when it has to ring earlier, and
//!   [`Transport::set_want`] against wake-ups for a few bytes.
//! - **Panics.** A machine or a session that panics loses its connection, and nothing else ends.
//!
//! [`Machine`]: logboom_sans_io::Machine

#![forbid(unsafe_code)]

mod exchange;
mod transport;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use futures_lite::FutureExt;
use futures_lite::future::yield_now;
use logboom_planted::planted;
use logboom_sans_io::{Accepted, Inbox, Machine, Session, Step};

use exchange::Exchange;
pub use exchange::{SLICES_MAX, WANT_BYTES_MAX, WANT_BYTES_MIN};
pub use transport::{Timer, Transport};

/// So many turns (an event, or a round of reading and writing) are taken before other tasks get
/// theirs. With reads of 64 KiB that is 1 to 2 MiB.
pub const TURNS_MAX: u32 = 32;

/// Runs a connection to its end.
///
/// The transport is closed before the session hears of the end. If the future is dropped earlier,
/// the session does not hear of it: its own `Drop` does.
pub async fn drive<M, S>(connection: Accepted<M, S>, transport: impl Transport, timer: impl Timer)
where
    M: Machine,
    S: Session<Event = M::Event, Closed = M::Closed>,
{
    let Accepted { machine, inbox, mut session } = connection;
    let exchange = Exchange::new(transport, timer);
    // Whatever the panicking code left half done is dropped with the future; the session is only
    // told that it is over.
    let run = AssertUnwindSafe(run(machine, &inbox, &mut session, exchange));
    let end = run.catch_unwind().await;
    match end {
        Ok(reason) => session.on_closed(reason),
        Err(_panic) => session.on_panic(),
    }
}

/// Runs `machine` until it closes.
async fn run<M, S>(
    mut machine: M,
    inbox: &Inbox<M::Command>,
    session: &mut S,
    mut exchange: Exchange<impl Transport, impl Timer>,
) -> M::Closed
where
    M: Machine,
    S: Session<Event = M::Event, Closed = M::Closed>,
{
    let mut commands = VecDeque::new();
    let mut turns = 0;
    loop {
        inbox.drain_into(&mut commands);
        let commands_max = if planted!(CommandsLost) { 1 } else { usize::MAX };
        for command in commands.drain(..).take(commands_max) {
            // Stale: the machine has already told its peer something else.
            let _stale = machine.apply(command);
        }
        match machine.poll(exchange.now()) {
            Step::Event(event) => session.on_event(event),
            Step::Closed(reason) => return reason,
            Step::Wait(wait) => {
                debug_assert!(
                    matches!(machine.poll(exchange.now()), Step::Wait(again) if again == wait),
                    "a machine that waits has something left to do"
                );
                if exchange.wait(&mut machine, inbox, wait).await {
                    turns = 0;
                }
            }
        }
        turns += 1;
        if turns == TURNS_MAX {
            turns = 0;
            yield_now().await;
        }
    }
}
