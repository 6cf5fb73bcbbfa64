//! The simulated process of the server, on the simulated machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logboom_conn::Config;
use logboom_engine::{Advertise, ConnectionLimits, Engine, Listener, Options};
use logboom_store::{Crash, MemDisk, Recovery, Store};

use super::plan::Plan;
use super::service::{SimService, Watch};
use super::site::Site;
use super::tls;
use crate::coverage::State;
use crate::dice::Dice;
use crate::disk::{DiskControl, DiskRates, draw_crash};
use crate::fault::FaultKind;
use crate::net::VirtualClock;
use crate::outcome::Violation;
use crate::random::Stream;

/// How often recovery is interrupted, one inside of another.
const DEPTH_MAX: u32 = 3;

/// A server that runs.
pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) engine: Arc<Engine>,
    pub(crate) service: SimService,
    /// The disk has failed, and the process is to end.
    pub(crate) failed: Arc<AtomicBool>,
    pub(crate) draining: bool,
    pub(crate) commit_planned: bool,
}

/// The machine, and the process on it if there is one.
pub(crate) struct Server {
    pub(crate) disk: MemDisk,
    pub(crate) control: DiskControl,
    pub(crate) running: Option<Running>,
    /// Counts the starts. What was planned for an earlier one does not count.
    pub(crate) boot: u64,
    pub(crate) certificate: usize,
    pub(crate) watch: Arc<Watch>,
    /// The last process has closed the store in an orderly way.
    pub(crate) closed_whole: bool,
    dice: Dice,
    clock: Arc<VirtualClock>,
}

impl Server {
    pub(crate) fn new(dice: &Dice, clock: &Arc<VirtualClock>, plan: &Plan) -> Self {
        Self {
            disk: MemDisk::with_capacity(plan.capacity_bytes),
            control: DiskControl::default(),
            running: None,
            boot: 0,
            certificate: 0,
            watch: Arc::default(),
            closed_whole: false,
            dice: dice.clone(),
            clock: Arc::clone(clock),
        }
    }

    /// Starts the process: opens the store, however often it takes, and gets ready to listen.
    pub(crate) fn start(&mut self, plan: &Plan, site: &Site) -> Result<(), Violation> {
        let whole = std::mem::take(&mut self.closed_whole);
        let mut interrupted = 0;
        for attempt in 0..20 {
            let rates = if attempt < 10 { plan.disk } else { DiskRates::default() };
            self.control.install(&self.disk, &self.dice, rates);
            let kind = FaultKind::CrashInRecovery;
            if interrupted < DEPTH_MAX
                && attempt < 10
                && self.dice.strikes(kind, plan.stop_in_recovery)
            {
                self.control.stop_in(Some(self.dice.below(Stream::Fault(kind), 12)));
            }
            let hits = self.control.hits();
            self.control.set_recovering(Some(&self.disk));
            let opened = self.open(plan, site);
            self.control.set_recovering(None);
            self.dice.trace(|| {
                let result = opened.as_ref().map(|(_, recovery)| recovery);
                format!("server: start, try {attempt}: {result:?}")
            });
            if self.disk.has_stopped() {
                drop(opened);
                self.dice.reached(State::RecoveryInterrupted);
                interrupted += 1;
                self.disk = self.disk.restart(draw_crash(&self.dice));
                continue;
            }
            self.control.stop_in(None);
            match opened {
                Ok((running, recovery)) => {
                    let quiet = attempt == 0 && self.control.hits() == hits;
                    self.note(&recovery, whole && quiet)?;
                    self.running = Some(running);
                    self.boot += 1;
                    return Ok(());
                }
                Err(_) if self.control.hits() > hits => {
                    self.dice.reached(State::OpenRetried);
                    self.disk = self.disk.restart(Crash::Kill);
                }
                Err(error) => {
                    return Err(Violation::new("a store can be opened after any crash", error));
                }
            }
        }
        Err(Violation::new("a store can be opened", "twenty tries without success"))
    }

    fn open(&self, plan: &Plan, site: &Site) -> Result<(Running, Recovery), String> {
        let disk = Arc::new(self.disk.clone());
        let now_ms = self.clock.wall_ms();
        let (store, recovery) = Store::open(disk, plan.store.clone(), self.dice.entropy(), now_ms)
            .map_err(|error| error.to_string())?;
        let options = Options {
            request_bytes_in_flight_max: plan.budget_bytes,
            connections: ConnectionLimits {
                connections_per_address_max: 20,
                ..ConnectionLimits::default()
            },
            clock: Arc::clone(&self.clock) as Arc<dyn logboom_engine::Clock>,
            ..Options::default()
        };
        let engine = Engine::new(store.clone(), site.directory(), options)
            .map_err(|error| error.to_string())?;
        let failed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&failed);
        engine.when_store_fails(move |_| flag.store(true, Ordering::Relaxed));
        let memory = Arc::new(engine.budget().clone());
        let config = Config::new(plan.limits.clone(), memory).map_err(|error| error.to_string())?;
        let host = "{project}.logs.test".to_owned();
        let listener =
            Listener { name: "public".into(), advertise: Advertise::Fixed { host, port: 9 } };
        let service = SimService {
            engine: Arc::clone(&engine),
            config: Arc::new(config),
            listener: Arc::new(listener),
            tls: Mutex::new(tls::server(self.certificate)),
            dice: self.dice.clone(),
            watch: Arc::clone(&self.watch),
        };
        let running =
            Running { store, engine, service, failed, draining: false, commit_planned: false };
        Ok((running, recovery))
    }

    fn note(&self, recovery: &Recovery, whole: bool) -> Result<(), Violation> {
        self.dice.reached(State::StoreRecovered);
        self.dice.note(21, recovery.log_bytes);
        if recovery.truncated_bytes > 0 {
            self.dice.reached(State::TailTruncated);
            if whole {
                let detail = format!("{} bytes were cut off", recovery.truncated_bytes);
                return Err(Violation::new("a store that was closed needs no repair", detail));
            }
        }
        if recovery.footers_rebuilt > 0 {
            self.dice.reached(State::FooterRebuilt);
        }
        if whole {
            self.dice.reached(State::ClosedWhole);
        }
        Ok(())
    }

    /// How long the disk takes for the next group.
    pub(crate) fn commit_time(&self, plan: &Plan) -> Duration {
        if self.dice.strikes(FaultKind::SlowDisk, plan.slow_disk) {
            let millis = self.dice.between(Stream::Fault(FaultKind::SlowDisk), 1, 5_000);
            return Duration::from_millis(millis);
        }
        Duration::from_micros(self.dice.between(Stream::Disk, 30, 3_000))
    }

    /// Whether it takes connections.
    pub(crate) fn listens(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.draining)
    }
}
