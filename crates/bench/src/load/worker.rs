//! A thread with some of the producers of a run.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::producer::{Done, Plan, Producer};
use crate::clock::now;
use crate::{Failure, Result};

/// So many events are taken at a time.
const EVENTS_MAX: usize = 256;

/// So often a thread looks whether the run is over.
const TICK: Duration = Duration::from_millis(50);

/// For so long answers are waited for when the run is over.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// What takes longer is counted as this, in microseconds.
const LATENCY_US_MAX: u64 = 100_000_000;

/// What all threads of a run, and the one that watches them, look at.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Bytes of values that were acknowledged.
    pub(super) value_bytes: AtomicU64,
    /// Bytes of batches that were acknowledged, as sent.
    pub(super) batch_bytes: AtomicU64,
    /// Requests that were acknowledged.
    pub(super) requests: AtomicU64,
    /// Nothing more is to be sent.
    pub(super) stop: AtomicBool,
}

/// What a thread has seen.
#[derive(Debug)]
pub(super) struct Tally {
    /// From when each request was due to its answer, in microseconds, after warming up.
    pub(super) latency_us: Histogram<u64>,
    /// Answers with an error: partition, code, how many.
    pub(super) errors: BTreeMap<(i32, i16), u64>,
    /// Requests that were due and never begun, or never answered.
    pub(super) unfinished: u64,
}

impl Tally {
    pub(super) fn new() -> Result<Self> {
        let latency_us = Histogram::new_with_max(LATENCY_US_MAX, 3)
            .map_err(Failure::while_doing("make a histogram"))?;
        Ok(Self { latency_us, errors: BTreeMap::new(), unfinished: 0 })
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.latency_us += &other.latency_us;
        for (&what, count) in &other.errors {
            *self.errors.entry(what).or_default() += count;
        }
        self.unfinished += other.unfinished;
    }

    fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record(micros);
    }
}

/// When the requests of a thread are due, whatever the server does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) next: Instant,
    pub(super) interval: Duration,
}

pub(super) struct Worker<'a> {
    plan: &'a Plan,
    shared: &'a Shared,
    producers: Vec<Producer>,
    poller: OwnedFd,
    /// Without one, the next request is due when another one is answered.
    schedule: Option<Schedule>,
    /// The next producer that is asked by the schedule.
    turn: usize,
    /// Before this the server warms up.
    measured_from: Instant,
    tally: Tally,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        shared: &'a Shared,
        producers: Vec<Producer>,
        schedule: Option<Schedule>,
        measured_from: Instant,
    ) -> Result<Self> {
        let poller =
            epoll::create(CreateFlags::CLOEXEC).map_err(Failure::while_doing("make a poller"))?;
        // Told once: a full socket costs no call to say that it is of interest. But where nothing is
        // answered, and nothing is scheduled, room in the socket is what makes a request due.
        let once =
            if plan.answered || schedule.is_some() { EventFlags::ET } else { EventFlags::empty() };
        for (number, producer) in producers.iter().enumerate() {
            let data = EventData::new_u64(number as u64);
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | once;
            epoll::add(&poller, producer.socket(), data, flags)
                .map_err(Failure::while_doing("watch a connection"))?;
        }
        let tally = Tally::new()?;
        Ok(Self { plan, shared, producers, poller, schedule, turn: 0, measured_from, tally })
    }

    /// Sends until it is told to stop, and waits for the answers to what is under way.
    ///
    /// # Errors
    ///
    /// If a connection ends.
    pub(super) fn run(mut self) -> Result<Tally> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        while !self.stopped() {
            let timeout = self.make_due()?;
            self.turn(&mut events, timeout)?;
        }
        let stopped_at = now();
        let mut late = Vec::new();
        self.producers.iter_mut().for_each(|producer| late.extend(producer.take_late()));
        self.unfinished(&late, stopped_at);
        let deadline = stopped_at + DRAIN_PATIENCE;
        while self.producers.iter().any(|it| it.under_way() > 0) && now() < deadline {
            self.turn(&mut events, TICK)?;
        }
        let unanswered: Vec<_> = self.producers.iter().flat_map(Producer::unanswered).collect();
        self.unfinished(&unanswered, now());
        Ok(self.tally)
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// What is not answered has a latency all the same: at least until now. Leaving it out would
    /// make a server look the better, the worse it keeps up.
    fn unfinished(&mut self, due: &[Instant], until: Instant) {
        for &due in due.iter().filter(|&&due| due >= self.measured_from) {
            self.tally.record(until.saturating_duration_since(due));
            self.tally.unfinished += 1;
        }
    }

    /// Asks producers for what is due by now. Returns how long nothing more will be.
    fn make_due(&mut self) -> Result<Duration> {
        let Some(mut schedule) = self.schedule else {
            return self.fill().map(|()| TICK);
        };
        let time = now();
        while schedule.next <= time {
            let number = self.turn % self.producers.len();
            self.producers[number].request(schedule.next, self.plan);
            self.send(number)?;
            schedule.next += schedule.interval;
            self.turn += 1;
        }
        self.schedule = Some(schedule);
        Ok(schedule.next.saturating_duration_since(now()).min(TICK))
    }

    /// At the beginning of a closed loop, everybody has as much under way as is allowed. Later this
    /// finds nothing to do.
    fn fill(&mut self) -> Result<()> {
        if self.turn == 0 {
            self.turn = 1;
            (0..self.producers.len()).try_for_each(|number| self.send(number))?;
        }
        Ok(())
    }

    fn turn(&mut self, events: &mut Vec<epoll::Event>, timeout: Duration) -> Result<()> {
        events.clear();
        let timeout = Timespec::try_from(timeout).map_err(Failure::while_doing("wait"))?;
        let space = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.poller, space, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::while_doing("wait")(error)),
        }
        for event in events.iter() {
            let number = event.data.u64() as usize;
            self.receive(number)?;
            self.send(number)?;
        }
        Ok(())
    }

    fn receive(&mut self, number: usize) -> Result<()> {
        let Self { plan, shared, producers, tally, measured_from, .. } = self;
        let mut done = |done: Done| settle(done, *measured_from, plan, shared, tally);
        producers[number].receive(plan, &mut done).map_err(|error| lost(number, &error))
    }

    /// Writes what there is; in a closed loop, after more has been added.
    fn send(&mut self, number: usize) -> Result<()> {
        let open_loop = self.schedule.is_some() || self.stopped();
        let Self { plan, shared, producers, tally, measured_from, .. } = self;
        let producer = &mut producers[number];
        let time = now();
        let mut done = |done: Done| settle(done, *measured_from, plan, shared, tally);
        while !open_loop && producer.has_room(plan) {
            producer.request(time, plan);
        }
        producer.send(plan, &mut done).map_err(|error| lost(number, &error))
    }
}

fn settle(done: Done, measured_from: Instant, plan: &Plan, shared: &Shared, tally: &mut Tally) {
    if done.error_code != 0 {
        *tally.errors.entry((done.partition, done.error_code)).or_default() += 1;
        return;
    }
    if done.due >= measured_from {
        tally.record(now().saturating_duration_since(done.due));
    }
    shared.value_bytes.fetch_add(plan.frames.value_bytes, Ordering::Relaxed);
    shared.batch_bytes.fetch_add(done.batch_bytes, Ordering::Relaxed);
    shared.requests.fetch_add(1, Ordering::Relaxed);
}

fn lost(number: usize, error: &io::Error) -> Failure {
    Failure::new(match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("the server has ended connection {number}"),
        _ => format!("connection {number} failed: {error}"),
    })
}
