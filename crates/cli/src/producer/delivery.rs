use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::batches::{Gathered, Gatherer, Packer};
use super::bootstrap::{self, Introduction};
use super::dialogue::broken;
use super::error::{Error, ErrorKind};
use super::input::{Input, Lines};
use super::link::Answered;
use super::outbox::{Answer, Outbox, Verdict};
use super::tally::Tally;
use super::uplink::Uplink;
use super::{Acks, Destination, Settings};
use crate::clock::now;

/// How often a [`Watcher`] hears of the progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Something that happened while the producer was waiting.
#[derive(Debug)]
pub(super) enum Event {
    /// A piece of the input, empty at its end.
    Input(io::Result<Vec<u8>>),
    /// An answer on the link with this number, or the end of that link.
    Answer { link: u64, answer: io::Result<Bytes> },
    /// Somebody wants it to end, with this signal.
    Stop(i32),
}

/// Who is told how things go.
pub(crate) trait Watcher {
    /// About once a second.
    fn progress(&mut self, tally: &Tally);
    /// Something failed and will be tried again.
    fn trouble(&mut self, error: &Error);
}

/// Makes a delivery end early, from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Stopper(Sender<Event>);

impl Stopper {
    /// Lets it read no further and finish what it has read.
    pub(crate) fn stop(&self, signal: i32) {
        // A delivery that is over needs no stopping.
        let _ = self.0.send(Event::Stop(signal));
    }
}

/// How a delivery ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// The signal that ended it early, or none if the input came to its end.
    pub(crate) result: Result<Option<i32>, Error>,
    /// The number of the first line of the input that was not acknowledged.
    pub(crate) first_line_left: u64,
}

/// The delivery of one input to one topic.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    settings: &'a Settings,
    events: Receiver<Event>,
    sender: Sender<Event>,
    reading: Reading,
    lines: Lines,
    gatherer: Gatherer,
    packer: Packer,
    outbox: Outbox,
    uplink: Uplink<'a>,
    arrival: Arrival,
    /// When the server last acknowledged anything, or was first expected to.
    progress_at: Instant,
    /// What went wrong since then.
    trouble: Option<Error>,
    /// What ended the input before its end.
    failure: Option<Error>,
    stopped_by: Option<i32>,
    tally: Tally,
}

/// Where the reading of the input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Idle,
    Wanted,
    /// It came to its end, or something ended it early.
    Ended,
}

/// Whether batches that are never acknowledged have arrived at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    Certain,
    Unknown,
    Asked,
}

impl<'a> Delivery<'a> {
    /// Connects and gets ready to send.
    ///
    /// # Errors
    ///
    /// Whatever is in the way. Only what the server itself calls temporary is tried again.
    pub(crate) fn connect(
        destination: &'a Destination,
        settings: &'a Settings,
    ) -> Result<Self, Error> {
        let (sender, events) = channel();
        let Introduction { session, shards, producer } = bootstrap::introduce(
            destination,
            settings,
            // Nobody sends an event yet, so waiting for one is just waiting.
            |wait| drop(events.recv_timeout(wait)),
        )?;
        let Settings { key, headers, batch_lines_max, linger, .. } = settings;
        Ok(Self {
            settings,
            events,
            reading: Reading::Idle,
            lines: Lines::default(),
            gatherer: Gatherer::new(key.clone(), headers.clone(), *batch_lines_max, *linger),
            packer: Packer::new(settings.codec, producer, shards, key.as_deref()),
            outbox: Outbox::new(shards, producer.is_some()),
            uplink: Uplink::new(destination, settings, session, sender.clone())?,
            sender,
            arrival: Arrival::Certain,
            progress_at: now(),
            trouble: None,
            failure: None,
            stopped_by: None,
            tally: Tally::default(),
        })
    }

    /// What ends it early.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }

    /// Delivers the lines of `source` until it ends, and waits until all are acknowledged.
    pub(crate) fn run(
        mut self,
        source: Box<dyn Read + Send>,
        watcher: &mut dyn Watcher,
    ) -> Outcome {
        let result = Input::start(source, self.sender.clone())
            .and_then(|input| self.deliver(&input, watcher));
        let left = self.outbox.first_line().or_else(|| self.gatherer.first_line());
        self.uplink.disconnect();
        Outcome {
            first_line_left: left.unwrap_or_else(|| self.lines.next_number()),
            tally: self.tally,
            result,
        }
    }

    fn deliver(&mut self, input: &Input, watcher: &mut dyn Watcher) -> Result<Option<i32>, Error> {
        let mut report_at = now() + PROGRESS_EVERY;
        loop {
            self.gather(input)?;
            if let Err(error) = self.transmit() {
                self.broken(error, watcher)?;
            }
            if self.is_done() {
                return self.failure.take().map_or(Ok(self.stopped_by), Err);
            }
            let now = now();
            if now >= report_at {
                watcher.progress(&self.tally);
                report_at = now + PROGRESS_EVERY;
            }
            if self.give_up_at().is_some_and(|at| at <= now) {
                return Err(Error::gave_up(self.settings.timeout, self.trouble.take()));
            }
            let wake_at = self.due_at().map_or(report_at, |due| due.min(report_at));
            match self.events.recv_timeout(wake_at.saturating_duration_since(now)) {
                Ok(event) => self.handle(event, watcher)?,
                // `sender` keeps the channel open.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// Gathers lines into batches as long as there is room for them.
    fn gather(&mut self, input: &Input) -> Result<(), Error> {
        let (now, timestamp_ms) = (now(), Timestamp::now().as_millisecond());
        while self.outbox.has_room() {
            let number = self.lines.next_number();
            self.tally.lines_read = number - 1;
            let line = match self.lines.take() {
                Ok(line) => line,
                Err(error) => {
                    self.end_input(Some(error));
                    None
                }
            };
            if let Some(line) = line {
                let full = self.gatherer.add(line, number, timestamp_ms, now)?;
                self.push(full);
                continue;
            }
            if self.reading == Reading::Idle {
                self.reading = Reading::Wanted;
                input.want();
            }
            let due = match self.reading {
                Reading::Ended => self.gatherer.take(),
                Reading::Idle | Reading::Wanted => self.gatherer.take_due(now),
            };
            self.push(due);
            break;
        }
        Ok(())
    }

    fn push(&mut self, gathered: Option<Gathered>) {
        let Some(gathered) = gathered else { return };
        if self.outbox.is_empty() {
            self.progress_at = now();
        }
        self.outbox.push(self.packer.pack(gathered));
    }

    /// Sends what may be sent.
    fn transmit(&mut self) -> Result<(), Error> {
        if self.outbox.is_empty() && self.arrival == Arrival::Certain {
            return Ok(());
        }
        self.uplink.restore()?;
        let Some(link) = self.uplink.current() else { return Ok(()) };
        if link.overdue_at().is_some_and(|at| at <= now()) {
            return Err(Error::silent(link.address(), self.settings.patience()));
        }
        while let Some(batch) = self.outbox.send(now()) {
            link.send(&batch, now())?;
            if self.settings.acks == Acks::None {
                self.arrival = Arrival::Unknown;
                self.outbox.answered(batch.shard, Answer::Stored(None), now())?;
                self.tally.stored(&batch, None);
            }
        }
        if self.arrival == Arrival::Unknown {
            self.arrival = Arrival::Asked;
            link.ask_for_sign_of_life(now())?;
        }
        Ok(())
    }

    fn handle(&mut self, event: Event, watcher: &mut dyn Watcher) -> Result<(), Error> {
        match event {
            // What is read after the end was cut off.
            Event::Input(_) if self.reading == Reading::Ended => Ok(()),
            Event::Input(Ok(piece)) if piece.is_empty() => {
                self.lines.end();
                self.end_input(None);
                Ok(())
            }
            Event::Input(Ok(piece)) => {
                self.reading = Reading::Idle;
                self.tally.bytes_read += piece.len() as u64;
                self.lines.push(&piece);
                Ok(())
            }
            Event::Input(Err(error)) => {
                self.end_input(Some(Error::input(&error)));
                Ok(())
            }
            Event::Stop(signal) => {
                if self.reading != Reading::Ended {
                    self.stopped_by = Some(signal);
                    self.end_input(None);
                }
                Ok(())
            }
            Event::Answer { link, answer } => match self.read_answer(link, answer) {
                Ok(None) => Ok(()),
                Ok(Some(answered)) => self.answered(answered, watcher),
                Err(error) => self.broken(error, watcher),
            },
        }
    }

    /// Nothing more is read. What was read is still sent; then it fails, if `failure` says so.
    fn end_input(&mut self, failure: Option<Error>) {
        if self.reading != Reading::Ended {
            self.reading = Reading::Ended;
            self.failure = failure;
        }
    }

    /// What an answer belongs to. None if it came on a link that is given up.
    fn read_answer(
        &mut self,
        link: u64,
        answer: io::Result<Bytes>,
    ) -> Result<Option<Answered>, Error> {
        let Some(link) = self.uplink.numbered(link) else { return Ok(None) };
        match answer {
            Ok(frame) => link.answered(frame, now()).map(Some),
            Err(error) => Err(broken(link.address(), &error)),
        }
    }

    fn answered(&mut self, answered: Answered, watcher: &mut dyn Watcher) -> Result<(), Error> {
        match answered {
            Answered::Batch { shard, answer } => {
                match self.outbox.answered(shard, answer, now())? {
                    Verdict::Stored(batch, offset) => {
                        self.tally.stored(&batch, offset);
                        self.progress_at = now();
                        self.trouble = None;
                        self.uplink.works();
                    }
                    Verdict::Again(error) => self.note(error, watcher),
                }
            }
            Answered::SignOfLife => {
                // It may be the answer to an earlier question, with batches sent since.
                let is_last = self.uplink.current().is_some_and(|link| link.is_idle());
                if is_last && self.arrival == Arrival::Asked {
                    self.arrival = Arrival::Certain;
                }
            }
        }
        Ok(())
    }

    /// The link is of no use any more. Decides whether another one is.
    fn broken(&mut self, error: Error, watcher: &mut dyn Watcher) -> Result<(), Error> {
        self.uplink.disconnect();
        self.outbox.connection_lost();
        if !matches!(error.kind, ErrorKind::Connection | ErrorKind::Busy) {
            return Err(error);
        }
        if self.arrival != Arrival::Certain {
            return Err(error.unacknowledged());
        }
        // A server may well close a connection on which nothing happens.
        if !self.outbox.is_empty() {
            self.note(error, watcher);
        }
        Ok(())
    }

    fn note(&mut self, error: Error, watcher: &mut dyn Watcher) {
        watcher.trouble(&error);
        self.trouble = Some(error);
    }

    fn is_done(&self) -> bool {
        self.reading == Reading::Ended
            && self.gatherer.first_line().is_none()
            && self.outbox.is_empty()
            && self.arrival == Arrival::Certain
    }

    fn give_up_at(&self) -> Option<Instant> {
        (!self.outbox.is_empty()).then(|| self.progress_at + self.settings.timeout)
    }

    /// When something is to be done, whether or not anything happens before.
    fn due_at(&self) -> Option<Instant> {
        let gathered = self.gatherer.due_at().filter(|_| self.outbox.has_room());
        let waiting = !self.outbox.is_empty() || self.arrival != Arrival::Certain;
        let uplink = self.uplink.due_at().filter(|_| waiting);
        let retry = self.outbox.retry_at().filter(|_| self.uplink.is_up());
        [gathered, uplink, retry, self.give_up_at()].into_iter().flatten().min()
    }
}
