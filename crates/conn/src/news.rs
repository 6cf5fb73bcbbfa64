use std::io::ErrorKind;
use std::time::Instant;

use logboom_planted::planted;
use logboom_sans_io::Stale;
use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;

use crate::answer::Answer;
use crate::close::CloseReason;
use crate::command::{AbortReason, AuthVerdict, Command};
use crate::connection::Connection;
use crate::phase::Phase;
use crate::ticket::Address;
use crate::timer::Timer;

/// What happened since the last poll and means something for time or phase. It waits for the next
/// poll, which knows what time it is.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) received: bool,
    pub(crate) sent: bool,
    pub(crate) transport_error: Option<ErrorKind>,
    answered: bool,
    verdict: Option<AuthVerdict>,
    silent_failure: Option<ErrorCode>,
    drain_until: Option<Instant>,
    abort: Option<AbortReason>,
}

impl Connection {
    /// Takes an answer or an order.
    pub(crate) fn take_command(&mut self, command: Command) -> Result<(), Stale> {
        if self.phase == Phase::Closed {
            return Err(Stale);
        }
        match command {
            Command::Authenticated(ticket, verdict) => {
                self.slots.waiting(self.sequence(ticket.0)?)?;
                self.news.verdict = Some(verdict);
            }
            Command::Metadata(ticket, view) => {
                self.slots.answer(self.sequence(ticket.0)?, Answer::Metadata(view))?;
            }
            Command::ProducerId(ticket, granted) => {
                let answer = granted.map_or_else(Answer::Error, Answer::ProducerId);
                self.slots.answer(self.sequence(ticket.0)?, answer)?;
            }
            Command::Produced(ticket, outcomes) => {
                self.take_outcomes(self.sequence(ticket.0)?, outcomes)?;
            }
            Command::MemoryGranted(ticket, reservation) => {
                let sequence = self.sequence(ticket.0)?;
                self.memory.grant(sequence, reservation)?;
            }
            Command::Drain { until } => {
                let earlier = self.news.drain_until.filter(|earlier| *earlier < until);
                self.news.drain_until = earlier.or(Some(until));
            }
            Command::Abort(reason) => {
                self.news.abort.get_or_insert(reason);
            }
        }
        self.news.answered = true;
        Ok(())
    }

    /// Acts upon what happened since the last poll.
    pub(crate) fn take_news(&mut self) {
        let news = std::mem::take(&mut self.news);
        if self.phase == Phase::Closed {
            return;
        }
        if news.sent {
            self.timers.clear(Timer::Write);
        }
        if self.phase.is_open() && (news.received || news.sent || news.answered) {
            self.set_timer(Timer::Idle, self.config.limits().idle_timeout);
            if planted!(IdleTimerStopped) {
                self.timers.clear(Timer::Idle);
            }
        }
        if let Some(until) = news.drain_until {
            self.draining = true;
            if planted!(DrainDropsRequests) {
                self.slots.clear();
            }
            self.timers.set_no_later(Timer::Drain, Some(until));
        }
        if let Some(verdict) = news.verdict {
            self.judge(verdict);
        }
        if let Some(error) = news.silent_failure {
            self.begin_closing(CloseReason::AcksZeroFailed(error));
        }
        if let Some(kind) = news.transport_error {
            self.interrupt(CloseReason::Transport(kind));
        }
        if let Some(reason) = news.abort {
            self.close(CloseReason::Aborted(reason));
        }
    }

    fn take_outcomes(
        &mut self,
        sequence: u64,
        outcomes: Vec<PartitionOutcome>,
    ) -> Result<(), Stale> {
        if !self.slots.waiting(sequence)?.silent || planted!(AcksZeroAnswered) {
            return self.slots.answer(sequence, Answer::Outcomes(outcomes));
        }
        match outcomes.iter().find(|outcome| outcome.error != ErrorCode::None) {
            None => self.slots.answer(sequence, Answer::Silence),
            Some(failed) => {
                // What is before it is still answered; what is behind it never will be.
                self.slots.drop_from(sequence);
                self.news.silent_failure = Some(failed.error);
                Ok(())
            }
        }
    }

    /// The number of the request that a ticket belongs to, if it belongs here.
    fn sequence(&self, address: Address) -> Result<u64, Stale> {
        if address.stamp == self.stamp { Ok(address.sequence) } else { Err(Stale) }
    }
}
