use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::frames::Frames;
use super::login::{log_in, partitions};
use super::producer::{Plan, Producer};
use super::target::Target;
use super::worker::{Schedule, Shared, Tally, Worker};
use super::{Amount, Workload};
use crate::clock::{now, unix_ms};
use crate::proc::{self, Usage};
use crate::{Failure, Result};

/// So often it is looked whether the run is over.
const TICK: Duration = Duration::from_millis(20);

/// Making batches due more often than this would be all that is done.
const INTERVAL_MIN: Duration = Duration::from_micros(1);

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// Connections that are open.
    Connecting(usize),
    /// It warms up.
    WarmingUp,
    /// It is measured for so long, and so many bytes of values were acknowledged meanwhile.
    Measuring(Duration, u64),
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) value_bytes: u64,
    pub(super) batch_bytes: u64,
    pub(super) requests: u64,
    pub(super) server: Option<Usage>,
    pub(super) client_cpu: Duration,
}

/// One run against one server.
///
/// # Errors
///
/// If the server is not there, refuses the login, or ends a connection. Errors about batches are
/// in the figures.
pub fn run(target: &Target, workload: &Workload, say: &mut dyn FnMut(Progress)) -> Result<Figures> {
    let plan = plan(target, workload)?;
    let pid = server_pid(target)?;
    let mut producers = Vec::with_capacity(workload.connections);
    for number in 0..workload.connections {
        say(Progress::Connecting(number));
        let link = log_in(target)?;
        link.set_nonblocking().map_err(Failure::while_doing("set up a connection"))?;
        producers.push(Producer::new(link, number));
    }
    if let Some(pid) = pid {
        // Where it is not allowed, the peak is that since the start of the server.
        let _ = proc::reset_peak(pid);
    }
    let shared = Shared::default();
    let measured_from = now() + workload.warm_up;
    let workers = workers(producers, workload, &plan, &shared, measured_from)?;
    let watch = Watch { shared: &shared, pid, measured_from, amount: workload.amount };
    let (window, tallies) = thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                thread::Builder::new().name("producers".into()).spawn_scoped(scope, || worker.run())
            })
            .collect();
        let threads: std::result::Result<Vec<_>, _> = threads.into_iter().collect();
        let threads = threads.inspect_err(|_| shared.stop.store(true, Ordering::Relaxed));
        let threads = threads.map_err(Failure::while_doing("start a thread"))?;
        let window = watch.watch(&threads, say);
        shared.stop.store(true, Ordering::Relaxed);
        // The failure of a connection says more than that the measurement has ended early.
        let tallies = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let tallies = tallies.collect::<Result<Vec<_>>>()?;
        Ok((window?, tallies))
    })?;
    let mut tally = Tally::new()?;
    tallies.iter().for_each(|other| tally.add(other));
    Ok(Figures::new(window, tally, &plan.frames))
}

fn plan(target: &Target, workload: &Workload) -> Result<Plan> {
    let mut partitions = partitions(target)?;
    if let Some(wanted) = workload.partitions {
        if partitions.len() < wanted {
            let (topic, there) = (&target.topic, partitions.len());
            return Err(Failure::new(format!("the topic {topic} has {there} partitions"))
                .help(format!("create it with {wanted}, or take fewer --partitions")));
        }
        partitions.truncate(wanted);
    }
    Ok(Plan {
        frames: Frames::new(&workload.content, &target.topic, workload.acks, unix_ms())?,
        topic: target.topic.clone(),
        partitions,
        depth: workload.depth,
        answered: workload.acks != 0,
    })
}

/// The server, if it runs on this machine and was not named.
fn server_pid(target: &Target) -> Result<Option<u32>> {
    if target.pid.is_some() || !target.address.ip().is_loopback() {
        return Ok(target.pid);
    }
    match proc::listeners(target.address.port())[..] {
        [] => Ok(None),
        [pid] => Ok(Some(pid)),
        ref several => Err(Failure::new(format!(
            "several processes listen on {}: {several:?}",
            target.address
        ))
        .help("say which one does the work: --pid, or --vs-pid")),
    }
}

/// The producers, dealt to the threads like cards.
fn workers<'a>(
    producers: Vec<Producer>,
    workload: &Workload,
    plan: &'a Plan,
    shared: &'a Shared,
    measured_from: Instant,
) -> Result<Vec<Worker<'a>>> {
    let threads = workload.threads.min(workload.connections);
    let mut hands: Vec<_> = (0..threads).map(|_| Vec::new()).collect();
    for (number, producer) in producers.into_iter().enumerate() {
        hands[number % threads].push(producer);
    }
    let (begin, each) = (now(), workload.rate.map(|rate| interval(plan, rate)).transpose()?);
    let schedule = |hand: usize| {
        let each = each?;
        Some(Schedule { next: begin + each * hand as u32, interval: each * threads as u32 })
    };
    hands
        .into_iter()
        .enumerate()
        .map(|(hand, dealt)| Worker::new(plan, shared, dealt, schedule(hand), measured_from))
        .collect()
}

/// From one batch to the next.
fn interval(plan: &Plan, rate: u64) -> Result<Duration> {
    let interval = Duration::from_secs_f64(plan.frames.value_bytes as f64 / rate as f64);
    match interval < INTERVAL_MIN {
        true => Err(Failure::new(format!("a batch would be due every {interval:?}"))
            .help("take a larger --batch-bytes, or a lower --rate")),
        false => Ok(interval),
    }
}

/// The one that looks at the clock while the others work.
struct Watch<'a> {
    shared: &'a Shared,
    pid: Option<u32>,
    measured_from: Instant,
    amount: Amount,
}

impl Watch<'_> {
    /// Waits for the end of the run. Returns what was known when measuring began and ended.
    fn watch(
        &self,
        threads: &[ScopedJoinHandle<'_, Result<Tally>>],
        say: &mut dyn FnMut(Progress),
    ) -> Result<RangeInclusive<Sample>> {
        say(Progress::WarmingUp);
        while now() < self.measured_from {
            self.pause(self.measured_from, threads)?;
        }
        let begin = self.sample()?;
        loop {
            let bytes = self.shared.value_bytes.load(Ordering::Relaxed) - begin.value_bytes;
            let measured = now() - begin.at;
            say(Progress::Measuring(measured, bytes));
            let rest = match self.amount {
                Amount::Time(time) => time.saturating_sub(measured),
                Amount::Bytes(enough) if bytes >= enough => Duration::ZERO,
                Amount::Bytes(_) => TICK,
            };
            if rest.is_zero() {
                return Ok(begin..=self.sample()?);
            }
            self.pause(now() + rest, threads)?;
        }
    }

    fn pause(&self, until: Instant, threads: &[ScopedJoinHandle<'_, Result<Tally>>]) -> Result<()> {
        if threads.iter().any(ScopedJoinHandle::is_finished) {
            return Err(Failure::new("a thread has ended early"));
        }
        thread::park_timeout(until.saturating_duration_since(now()).min(TICK));
        Ok(())
    }

    fn sample(&self) -> Result<Sample> {
        let shared = self.shared;
        let server = self.pid.map(Usage::of).transpose()?;
        Ok(Sample {
            at: now(),
            value_bytes: shared.value_bytes.load(Ordering::Relaxed),
            batch_bytes: shared.batch_bytes.load(Ordering::Relaxed),
            requests: shared.requests.load(Ordering::Relaxed),
            server,
            client_cpu: Usage::of(std::process::id())?.cpu,
        })
    }
}
