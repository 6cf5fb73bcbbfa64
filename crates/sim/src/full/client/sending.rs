//! Batches out, answers in.

use std::time::Duration;

use bytes::Bytes;
use logboom_wire::api::ApiKey;
use logboom_wire::records::ProducerStamp;

use super::producer::{Asked, Place, Producer, Stage, Waiting};
use super::request::{Part, Request};
use super::response::{self, PartOutcome};
use super::{Port, records};
use crate::coverage::State;
use crate::fault::FaultKind;
use crate::outcome::Violation;

impl Producer {
    /// Sends what may be sent.
    pub(crate) fn send_batches(&mut self, port: &mut Port<'_>) {
        while self.stage == Stage::Ready
            && !self.shut
            && !self.queue.is_empty()
            && self.waiting.len() < self.personality().in_flight_max
        {
            self.send_request(port);
            if self.misbehaves(FaultKind::EndOfStream, port) {
                return self.go_offline(true, port);
            }
            if self.misbehaves(FaultKind::HalfClose, port)
                && let Some(channel) = &self.channel
            {
                self.shut = true;
                port.shutdown_write(channel.id);
                // Whoever is told nothing more gives up some time.
                let timeout = Duration::from_millis(self.personality().request_timeout_ms);
                self.setup_due = port.passed() + timeout;
                self.wake_after(timeout, port);
            }
        }
    }

    fn send_request(&mut self, port: &mut Port<'_>) {
        let mut chosen: Vec<(u64, Place)> = Vec::new();
        let mut index = 0;
        while index < self.queue.len() && chosen.len() < self.personality().parts_max {
            let number = self.queue[index];
            let place = self.pending[&number].place;
            if chosen.iter().any(|(_, other)| *other == place) {
                index += 1;
                continue;
            }
            self.queue.remove(index);
            chosen.push((number, place));
        }
        // The order of the topics is that of the shards.
        let twice = self.misbehaves(FaultKind::ClientRetry, port);
        for _ in 0..if twice { 2 } else { 1 } {
            self.send_parts(&chosen, port);
        }
    }

    fn send_parts(&mut self, chosen: &[(u64, Place)], port: &mut Port<'_>) {
        let connection = self.channel.as_ref().map_or(0, |channel| channel.id.number());
        let mut parts = Vec::new();
        for (number, place) in chosen {
            let bytes = self.batch(*number, port);
            if let Some(pending) = self.pending.get_mut(number) {
                pending.attempts += 1;
                pending.under_way += 1;
                port.oracle.sent(pending.id, connection);
            }
            parts.push((self.topic(*place, port), place.2, bytes));
        }
        let views: Vec<Part<'_>> = parts
            .iter()
            .map(|(topic, shard, records)| Part {
                topic,
                shard: i32::try_from(*shard).expect("few shards"),
                records,
            })
            .collect();
        let personality = *self.personality();
        let correlation = self.next_correlation();
        let client_id = self.client_id.clone();
        let request = Request {
            api: ApiKey::Produce,
            version: personality.produce,
            correlation,
            client_id: &client_id,
        };
        let frame = request.produce(personality.acks, 10_000, &views);
        if personality.acks == 0 {
            for (number, _) in chosen {
                port.reached(State::AcksZero);
                self.pending.remove(number);
            }
        } else {
            self.expect(Asked::Produce, correlation, chosen.to_vec(), port);
        }
        self.send(&frame, port);
    }

    fn topic(&self, place: Place, port: &Port<'_>) -> String {
        let name = &port.site.projects[self.task.project].logstores[place.0].name;
        if place.1 { format!("{name}.json") } else { name.clone() }
    }

    /// The bytes of a batch, which are made when it is sent for the first time.
    fn batch(&mut self, number: u64, port: &mut Port<'_>) -> Bytes {
        let Some(pending) = self.pending.get(&number) else { return Bytes::new() };
        if pending.id != usize::MAX {
            return port.oracle.bytes(pending.id);
        }
        let place = pending.place;
        let count = 1 + port.draw(3);
        let project = port.site.projects[self.task.project].name;
        let length = usize::try_from(port.draw(self.task.value_bytes_max + 1)).expect("short");
        let values: Vec<String> = (0..count)
            .map(|record| {
                let filling = "x".repeat(length);
                format!("tag-{project}-{} {number} {record} {filling}", port.client)
            })
            .collect();
        let personality = *self.personality();
        let stamp = self.producer_id.filter(|_| personality.idempotent).map(|(id, epoch)| {
            let sequence = self.sequences.entry(place).or_default();
            let base_sequence = *sequence;
            *sequence += i32::try_from(count).expect("few records");
            ProducerStamp { id, epoch, base_sequence }
        });
        let bytes = if personality.magic == 1 {
            port.reached(State::OldFormat);
            records::message_set(&values)
        } else {
            records::batch(&values, stamp, personality.codec)
        };
        let bytes = Bytes::from(bytes);
        let kind = (personality.idempotent, place.1);
        let id = port.oracle.create(self.key(place), port.client, kind, &bytes);
        if let Some(pending) = self.pending.get_mut(&number) {
            pending.id = id;
        }
        bytes
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&mut self, port: &mut Port<'_>) -> Result<(), Violation> {
        let Some(channel) = &mut self.channel else { return Ok(()) };
        let before = channel.received.len();
        let good = channel.receive(port);
        scan_for_others(&channel.received[before..], self.task.project, port)?;
        if self.stage == Stage::Tls && channel.is_open() {
            port.reached(State::TlsConnection);
            port.simulation.mark_encrypted(channel.id);
            self.log_in(port);
        }
        while let Some(channel) = &mut self.channel
            && let Some(frame) = response::take_frame(&mut channel.received)
        {
            self.take(&frame, port)?;
        }
        if !good && self.channel.is_some() {
            port.reached(State::TlsFailed);
            self.go_offline(true, port);
        }
        Ok(())
    }

    fn take(&mut self, frame: &[u8], port: &mut Port<'_>) -> Result<(), Violation> {
        let Some(waiting) = self.waiting.pop_front() else {
            let detail = format!("{}: {} bytes unasked", self.client_id, frame.len());
            return Err(Violation::new("one response for each request", detail));
        };
        let bare = waiting.asked == Asked::Login && self.personality().raw_sasl;
        let correlation = response::correlation(frame);
        if bare && !frame.is_empty() || !bare && correlation != Some(waiting.correlation) {
            let detail =
                format!("{}: {correlation:?} instead of {}", self.client_id, waiting.correlation);
            return Err(Violation::new("responses leave in request order", detail));
        }
        port.dice.note(30, waiting.correlation.unsigned_abs().into());
        if waiting.asked == Asked::Produce {
            return self.produced(&waiting, frame, port);
        }
        self.answered(waiting.asked, waiting.live, frame, port)
    }

    fn produced(
        &mut self,
        waiting: &Waiting,
        frame: &[u8],
        port: &mut Port<'_>,
    ) -> Result<(), Violation> {
        let outcomes = response::produce(self.personality().produce, frame).map_err(|error| {
            Violation::new("responses are well formed", format!("Produce: {error}"))
        })?;
        let same = |((_, place), outcome): (&(u64, Place), &PartOutcome)| {
            self.topic(*place, port) == outcome.topic
                && i64::from(place.2) == i64::from(outcome.shard)
        };
        if outcomes.len() != waiting.parts.len() || !waiting.parts.iter().zip(&outcomes).all(same) {
            let detail = format!("{}: {outcomes:?}", self.client_id);
            return Err(Violation::new("a response is about its request", detail));
        }
        let mut failed = false;
        for ((number, place), outcome) in waiting.parts.iter().zip(&outcomes) {
            port.dice.trace(|| format!("{}: batch {number}: {outcome:?}", self.client_id));
            self.landed(*number);
            failed |= outcome.error != 0;
            self.judge(*number, *place, outcome, waiting.live, port)?;
        }
        if failed {
            let backoff = Duration::from_millis(self.personality().backoff_ms);
            self.resume_at = port.passed() + backoff;
            self.wake_after(backoff, port);
        }
        Ok(())
    }

    fn judge(
        &mut self,
        number: u64,
        place: Place,
        outcome: &PartOutcome,
        live: bool,
        port: &mut Port<'_>,
    ) -> Result<(), Violation> {
        let Some(id) = self.pending.get(&number).map(|pending| pending.id) else { return Ok(()) };
        let idempotent = self.personality().idempotent;
        let mut gives_up = false;
        let expected = match outcome.error {
            0 => {
                port.reached(State::BatchAcknowledged);
                if self.personality().codec != logboom_wire::records::Codec::None {
                    port.reached(State::Compressed);
                }
                port.oracle.acknowledged(id, outcome.offset)?;
                port.dice.note(31, outcome.offset.unsigned_abs());
                if let Some(pending) = self.pending.get_mut(&number) {
                    pending.done = true;
                }
                live
            }
            56 | 7 => {
                let timed_out = outcome.error == 7;
                port.reached(if timed_out { State::TimedOut } else { State::StorageError });
                if let Some(pending) = self.pending.get_mut(&number) {
                    pending.unknown = true;
                }
                true
            }
            error => {
                port.oracle.refused(id);
                match error {
                    29 => {
                        port.reached(State::RightRefused);
                        gives_up = !idempotent;
                        !self.secret_is_live(port)
                    }
                    3 => {
                        port.reached(State::UnknownTopic);
                        let project = &port.site.projects[self.task.project];
                        project.logstores[place.0].was_absent
                    }
                    45 => {
                        port.reached(State::SequenceRefused);
                        gives_up = self.is_behind_a_gap(number, place, port);
                        idempotent
                    }
                    _ => false,
                }
            }
        };
        if !expected {
            let detail = format!("{}: batch {id}: {outcome:?}", self.client_id);
            let invariant = match outcome.error {
                0 => "a withdrawn secret opens nothing",
                _ => "a good batch is not refused",
            };
            return Err(Violation::new(invariant, detail));
        }
        if gives_up && self.pending.get(&number).is_some_and(|pending| pending.under_way == 0) {
            port.reached(State::ClientGaveUp);
            self.pending.remove(&number);
        }
        self.send_again(number, port);
        Ok(())
    }
}

impl Producer {
    /// Whether a batch will be refused for ever. Real clients give it up after two minutes, and
    /// begin a new epoch. There are two reasons why that may be:
    ///
    /// - It is stored, but the answer was lost or late, and five batches behind it have been stored
    ///   since: the server knows no more that it has it.
    /// - It was refused because a Logstore or a right was missing, and a later one was taken as the
    ///   first of its producer.
    fn is_behind_a_gap(&mut self, number: u64, place: Place, port: &mut Port<'_>) -> bool {
        let Some(pending) = self.pending.get_mut(&number) else { return false };
        pending.gaps += 1;
        if pending.gaps <= 50 {
            return false;
        }
        let project = &port.site.projects[self.task.project];
        if project.logstores[place.0].was_absent || project.was_revoked {
            return true;
        }
        if pending.unknown {
            port.oracle.too_late(pending.id);
        }
        pending.unknown
    }
}

/// Nothing of another project may reach a client.
pub(crate) fn scan_for_others(
    received: &[u8],
    project: usize,
    port: &Port<'_>,
) -> Result<(), Violation> {
    for (index, other) in port.site.projects.iter().enumerate() {
        let name = other.name.as_bytes();
        if index != project && received.windows(name.len()).any(|window| window == name) {
            let detail = format!("{} in an answer to {project}", other.name);
            return Err(Violation::new("nobody hears of another project", detail));
        }
    }
    Ok(())
}
