use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use logboom_conn::{Config as ConnectionConfig, ConfigError};
use logboom_engine::{Engine, Entropy as _, KafkaService, SystemEntropy};
use logboom_sans_io::Shutdown;
use logboom_store::{OpenError, RealDisk, Recovery, Store};

use super::banner::Banner;
use super::brief::Brief;
use super::data_dir;
use super::inherited::Inherited;
use super::limits;
use super::listeners::{self, Bound};
use super::signals::{Signals, Wish};
use super::supervisor::Supervisor;
use crate::Runtime;
use crate::clock::now;
use crate::commands::Context;
use crate::config::{Config, Loaded};
use crate::demo::Demo;
use crate::diagnostics::{Finding, Findings, Severity};
use crate::failure::Failure;

/// How much longer than its drain the server before this one may take to end.
const HANDOVER: Duration = Duration::from_secs(5);

/// Where the configuration of a server is from.
pub(crate) enum Origin<'a> {
    /// Nowhere: this demo.
    Demo(&'a mut Demo),
    /// Files, which can be read again.
    Files {
        /// What they say.
        loaded: Box<Loaded>,
        /// Reads them again.
        reload: &'a (dyn Fn() -> Result<Loaded, Findings> + Sync),
    },
}

impl Origin<'_> {
    /// What the server runs on.
    pub(crate) const fn loaded(&self) -> &Loaded {
        match self {
            Self::Demo(demo) => &demo.loaded,
            Self::Files { loaded, .. } => loaded,
        }
    }
}

/// Runs a server until it is told to stop.
pub(crate) fn run(
    mut origin: Origin<'_>,
    inherited: Inherited,
    context: &Context,
    runtime: &impl Runtime,
    begin: Instant,
) -> Result<(), Failure> {
    let loaded = origin.loaded();
    // Before anything is made: a second server in the same place must not touch the first one's.
    let until = begin + patience(&loaded.config, &inherited);
    let inherited = inherited.assign(&loaded.config.listeners)?;
    let (store, recovery) = open_store(&loaded.config, until)?;
    let engine = Engine::new(store.clone(), Arc::clone(&loaded.directory), {
        limits::of_engine(&loaded.config.node.limits)
    })
    .map_err(|error| Failure::run(format!("cannot write the catalogue of the store: {error}")))?;
    let connections = connection_config(&loaded.config, &engine)
        .map_err(|error| Failure::usage(error.to_string(), "correct [node.limits]"))?;
    let bound = listeners::bind(loaded, inherited, matches!(origin, Origin::Demo(_)))?;
    if let Origin::Demo(demo) = &mut origin {
        write_client_conf(demo, &bound)?;
    }
    let signals = Signals::catch(matches!(origin, Origin::Files { .. })).map_err(machine)?;
    let service = Arc::new(KafkaService::new(Arc::clone(&engine), connections, bound.ports));
    let committer = store.spawn_committer().map_err(machine)?;
    let failing = signals.sender();
    engine.when_store_fails(move |poison| {
        // Nobody listens any more if the server is stopping anyway.
        let _ = failing.send(Wish::Fail(poison));
    });
    let banner = Banner {
        origin: &origin,
        context,
        addresses: &bound.addresses,
        inherited: &bound.inherited,
        begin,
    };
    banner.show(&recovery);

    let running_digest = Mutex::new(origin.loaded().digest.clone());
    let shutdown = Shutdown::new();
    let stopped = signals.sender();
    let supervisor = Supervisor {
        engine: &engine,
        shutdown: shutdown.clone(),
        wishes: signals,
        drain_timeout: limits::time(origin.loaded().config.node.limits.drain_timeout),
        reload: &|| reload(&origin, &running_digest, &engine, &service),
    };
    let outcome = supervise(supervisor, || {
        let served = runtime.serve(bound.sockets, Arc::clone(&service), shutdown);
        // The supervisor may have stopped before, and then nobody listens.
        let _ = stopped.send(Wish::Stopped);
        served
    });
    drop(committer);
    banner.farewell(&engine);
    outcome
}

/// Serves on this thread and supervises on another, until both have ended.
fn supervise(
    supervisor: Supervisor<'_>,
    serve: impl FnOnce() -> io::Result<()>,
) -> Result<(), Failure> {
    thread::scope(|scope| {
        let supervising = thread::Builder::new()
            .name("logboom-supervisor".into())
            .spawn_scoped(scope, move || supervisor.run())
            .map_err(machine)?;
        let served = serve();
        let supervised = supervising.join().unwrap_or_else(|_| {
            Err(Failure::run("the supervisor panicked, which is a bug; please report it"))
        });
        served.map_err(machine).and(supervised)
    })
}

/// How long to wait for the server before this one to let go of the data directory. Whoever passes
/// sockets may start this process while that one still answers what it has received.
fn patience(config: &Config, inherited: &Inherited) -> Duration {
    if inherited.is_empty() {
        return Duration::ZERO;
    }
    limits::time(config.node.limits.drain_timeout) + HANDOVER
}

/// Opens the store, and recovers what a crash has left. While another server has it, tries again
/// until `until`.
fn open_store(config: &Config, until: Instant) -> Result<(Store, Recovery), Failure> {
    let directory = config.node.store_dir();
    let shown = directory.display();
    let created = data_dir::create(&config.node.data_dir);
    let disk = created.and_then(|()| RealDisk::create(&directory)).map_err(|error| {
        let title = format!("cannot use the data directory {shown}: {error}");
        Failure::run_with(Finding::error("LB0148", title))
    })?;
    let mut entropy = [0; 32];
    SystemEntropy
        .fill(&mut entropy)
        .map_err(|error| Failure::run(format!("no randomness to be had: {error}")))?;
    let now_ms = Timestamp::now().as_millisecond();
    let disk = Arc::new(disk);
    let mut waits = false;
    let opened = loop {
        let disk = Arc::clone(&disk);
        match Store::open(disk, limits::of_store(&config.node.limits), entropy, now_ms) {
            // Each attempt waits a moment by itself.
            Err(OpenError::InUse) if now() < until => {
                if !std::mem::replace(&mut waits, true) {
                    tracing::info!(
                        target: "logboom::start",
                        "waiting for the server before this one, which still uses {shown}",
                    );
                }
            }
            opened => break opened,
        }
    };
    opened.map_err(|error| {
        Failure::run_with(match &error {
            OpenError::InUse => {
                let title = format!("the data directory {shown} is in use by another server");
                Finding::error("LB0201", title).help("stop that one, or use another node.data_dir")
            }
            OpenError::Damaged { .. } | OpenError::Missing { .. } => {
                let title = format!("the data directory {shown} is damaged: {error}");
                Finding::error("LB0202", title)
                    .note("nothing was changed")
                    .help("look at the disk; restore the file from a copy if there is one")
            }
            _ => {
                let title = format!("cannot open the data directory {shown}: {error}");
                Finding::error("LB0148", title)
            }
        })
    })
}

fn connection_config(config: &Config, engine: &Engine) -> Result<ConnectionConfig, ConfigError> {
    let limits = limits::of_connection(&config.node.limits);
    ConnectionConfig::new(limits, Arc::new(engine.budget().clone()))
}

fn write_client_conf(demo: &mut Demo, bound: &Bound) -> Result<(), Failure> {
    let Some(address) = bound.addresses.first() else { return Ok(()) };
    demo.write_client_conf(*address).map_err(|error| {
        let path = demo.paths.client_conf.display();
        Failure::run(format!("cannot write {path}: {error}"))
    })
}

/// Reads the configuration again and puts it in the place of the present one. A bad one changes
/// nothing.
fn reload(
    origin: &Origin<'_>,
    running_digest: &Mutex<String>,
    engine: &Engine,
    service: &KafkaService,
) {
    let Origin::Files { loaded: started_with, reload } = origin else { return };
    let mut running_digest = running_digest.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |mistakes: usize, first: &Brief<'_>| {
        let Brief { code, message, file, line, col, .. } = *first;
        tracing::error!(
            target: "logboom::config",
            code,
            mistakes,
            file,
            line,
            col,
            running_digest = running_digest.as_str(),
            help = "`check --config` shows every mistake and its place",
            "not reloaded, still running the present configuration: {message}",
        );
    };
    let loaded = match reload() {
        Ok(loaded) => loaded,
        Err(findings) => {
            let sorted = findings.sorted();
            let error = sorted.iter().find(|finding| finding.severity == Severity::Error);
            let first = error.map(|finding| Brief::new(finding, &findings));
            let unknown = Brief::without_place("LB0102", "it cannot be read");
            return refused(findings.error_count(), &first.unwrap_or(unknown));
        }
    };
    let connections = match connection_config(&loaded.config, engine) {
        Ok(connections) => connections,
        Err(error) => return refused(1, &Brief::without_place("LB0105", &error.to_string())),
    };
    match engine.reload(Arc::clone(&loaded.directory)) {
        Ok(revoked) => {
            service.set_connections(connections);
            for (listener, tls) in loaded.tls.iter().enumerate() {
                if let Some(tls) = tls {
                    service.set_tls(listener, Arc::clone(tls));
                }
            }
            tracing::info!(
                target: "logboom::config",
                digest = loaded.digest,
                sessions_revoked = revoked,
                "configuration reloaded",
            );
            warn_about_restart(&started_with.config, &loaded.config);
            running_digest.clone_from(&loaded.digest);
        }
        Err(error) => refused(0, &Brief::without_place("LB0702", &error.to_string())),
    }
}

/// Says what of a new configuration waits for a restart.
fn warn_about_restart(running: &Config, new: &Config) {
    let addresses = |config: &Config| {
        let listeners = config.listeners.iter();
        let facts = listeners.map(|listener| {
            (listener.address.value, listener.tls.value, listener.advertise.value.clone())
        });
        facts.collect::<Vec<_>>()
    };
    let of_process = |config: &Config| {
        let limits = &config.node.limits;
        (
            limits.connections_max,
            limits.connections_per_address_max,
            limits.process_bytes_in_flight_max,
            limits.batch_bytes_max,
            limits.decompressed_bytes_max,
            limits.snappy_block_bytes_max,
            limits.zstd_window_log_max,
            limits.headers_per_record_max,
            limits.drain_timeout,
        )
    };
    let changed = [
        ("listeners", addresses(running) != addresses(new)),
        ("node.data_dir", running.node.data_dir.value != new.node.data_dir.value),
        ("limits of the whole process", of_process(running) != of_process(new)),
    ];
    for (what, _) in changed.iter().filter(|(_, changed)| *changed) {
        tracing::warn!(target: "logboom::config", "{what} changed: restart to use the new values");
    }
}

fn machine(error: io::Error) -> Failure {
    Failure::run(format!("cannot run: {error}"))
}
