//! From batches on their way to the disk to the one answer to their request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use logboom_access::Principal;
use logboom_conn::{Command, Produce, ProduceTicket};
use logboom_planted::planted;
use logboom_sans_io::Inbox;
use logboom_store::{Append, AppendError, Appended};
use logboom_wire::error::ErrorCode;
use logboom_wire::response::PartitionOutcome;

use crate::client::Client;
use crate::refusal::Refusal;
use crate::refusals::Refused;
use crate::{Code, Engine, Listener};

/// Appends the batches of a request, each of them for the partition with its number, and answers
/// the request when the last one is durable or has failed. Answers at once if there are none.
pub(crate) fn append(
    engine: &Arc<Engine>,
    client: &Client,
    request: Produce,
    outcomes: Vec<PartitionOutcome>,
    appends: Vec<(usize, Append)>,
) {
    let answer = Arc::new(Answer {
        engine: Arc::clone(engine),
        inbox: Arc::clone(&client.inbox),
        peer: client.peer,
        listener: Arc::clone(&client.listener),
        principal: client.principal.clone(),
        due: engine.clock().monotonic().checked_add(request.timeout),
        state: Mutex::new(State {
            ticket: Some(request.ticket),
            outcomes,
            // One more than there are batches, so that the first ones to complete do not answer
            // before the last one was submitted.
            missing: appends.len() + 1,
        }),
    });
    for (partition, append) in appends {
        let (records, bytes) = (u64::from(append.record_count), append.batch.len() as u64);
        let answer = Arc::clone(&answer);
        let done = move |result| {
            let outcome = answer.judge(result, records, bytes);
            let partition = if planted!(OutcomeMisplaced) { 0 } else { partition };
            answer.complete(|outcomes| note(&mut outcomes[partition], outcome));
        };
        if client.defers_commits {
            engine.store().append_unhurried(append, done);
        } else {
            engine.store().append(append, done);
        }
    }
    answer.complete(|_| ());
}

/// The answer to one request while some of its batches are on their way to the disk.
struct Answer {
    engine: Arc<Engine>,
    inbox: Arc<Inbox<Command>>,
    peer: SocketAddr,
    listener: Arc<Listener>,
    principal: Option<Arc<Principal>>,
    /// When the client is told that it took too long.
    due: Option<Instant>,
    state: Mutex<State>,
}

struct State {
    ticket: Option<ProduceTicket>,
    outcomes: Vec<PartitionOutcome>,
    missing: usize,
}

impl Answer {
    /// Counts and reports what became of a batch.
    fn judge(
        &self,
        result: Result<Appended, AppendError>,
        records: u64,
        bytes: u64,
    ) -> Result<Appended, Refusal> {
        match result {
            Ok(appended) => {
                self.engine.count_stored(&appended, records, bytes);
                Ok(appended)
            }
            Err(error) => {
                self.engine.note_append_error(&error);
                // A server that stops refuses nothing: the client sends the batch to the next one.
                let stopped = error == AppendError::Closed;
                let refusal = Refusal::Store(error);
                if !stopped {
                    self.refused(refusal.code(), || refusal.to_string());
                }
                Err(refusal)
            }
        }
    }

    /// Notes what one completion brought, and answers if it was the last.
    fn complete(&self, note: impl FnOnce(&mut [PartitionOutcome])) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut state.outcomes);
        state.missing -= 1;
        if state.missing > 0 && !planted!(AnsweredAtFirstBatch) {
            return;
        }
        let outcomes = if planted!(AnsweredAtFirstBatch) {
            state.outcomes.clone()
        } else {
            std::mem::take(&mut state.outcomes)
        };
        let ticket = state.ticket.take();
        drop(state);
        if self.due.is_some_and(|due| self.engine.clock().monotonic() >= due) {
            self.refused(Code::ProduceTimeout, || "answered REQUEST_TIMED_OUT before".into());
        }
        if let Some(ticket) = ticket {
            // Stale if it is too late. The connection has answered by itself then.
            self.inbox.push(Command::Produced(ticket, outcomes));
        }
    }

    fn refused(&self, code: Code, detail: impl FnOnce() -> String) {
        self.engine.refuse(code, self.peer, || Refused {
            peer: self.peer,
            listener: &self.listener.name,
            project: self.principal.as_ref().map(|principal| principal.project().as_str()),
            client: None,
            detail: detail(),
            help: code.help().into(),
        });
    }
}

/// Merges what became of one batch into the outcome of its partition: the offset of the first
/// batch, or the first error, since a partition is sent again as a whole.
fn note(outcome: &mut PartitionOutcome, result: Result<Appended, Refusal>) {
    match result {
        _ if outcome.error != ErrorCode::None => {}
        Ok(appended) if outcome.base_offset < 0 => {
            outcome.base_offset = appended.base_offset;
            outcome.log_start_offset = appended.log_start_offset;
        }
        Ok(_) => {}
        Err(_) if planted!(FailureIsSuccess) => {}
        Err(refusal) => *outcome = refusal.outcome(Some(refusal.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(base_offset: i64) -> Result<Appended, Refusal> {
        Ok(Appended { base_offset, append_time_ms: 0, log_start_offset: 0, duplicate: false })
    }

    fn merged(results: Vec<Result<Appended, Refusal>>) -> PartitionOutcome {
        let mut outcome = PartitionOutcome::failed(ErrorCode::None, None);
        results.into_iter().for_each(|result| note(&mut outcome, result));
        outcome
    }

    #[test]
    fn a_partition_has_the_offset_of_its_first_batch() {
        let outcome = merged(vec![appended(7), appended(9)]);
        assert_eq!((outcome.error, outcome.base_offset), (ErrorCode::None, 7));
    }

    #[test]
    fn a_partition_with_a_failed_batch_fails_with_its_first_error() {
        let gap = || Err(Refusal::Store(AppendError::OutOfOrderSequence { expected: 3 }));
        let full = || Err(Refusal::Store(AppendError::NoSpace));
        for results in [vec![appended(7), gap(), full(), appended(9)], vec![gap(), appended(7)]] {
            let outcome = merged(results);
            assert_eq!(outcome.error, ErrorCode::OutOfOrderSequenceNumber);
            assert_eq!((outcome.base_offset, outcome.log_start_offset), (-1, -1));
        }
    }
}
