use std::path::Path;
use std::time::Duration;

use super::{Figures, Options};
use crate::client::{Pool, Script};
use crate::clock::now;
use crate::server::{Config, Server, Site};
use crate::{Failure, Result};

/// Connections beside those that are measured may come before one has ended.
const CONNECTIONS_BESIDE: usize = 16;

/// The default `drain_timeout` of a server, and time to end after it.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// One run with one server, from its start to its end.
///
/// # Errors
///
/// If the server fails in what is asked of it.
pub fn measure(program: &Path, options: &Options, say: &mut dyn FnMut(&str)) -> Result<Figures> {
    let config = Config::for_connections(options.idle + options.active + CONNECTIONS_BESIDE);
    let script = Script::new(config.shards, options.records, options.record_bytes)?;
    let site = Site::new(&config)?;
    let server = Server::start(program, &site)?;
    let mut pool = Pool::new(server.address(), site.certificate(), script)?;
    let measured = Steps { server: &server, pool: &mut pool, options, say }.run();
    let mut figures = measured.map_err(|failure| server.failure(&failure))?;

    say("draining");
    let stopped_at = now();
    server.terminate()?;
    figures.ends = pool.drain(DRAIN_PATIENCE).map_err(|failure| server.failure(&failure))?;
    figures.ended = now() - stopped_at;
    server.wait(DRAIN_PATIENCE)?;
    figures.drain = now() - stopped_at;
    Ok(figures)
}

/// What happens while the server serves.
struct Steps<'a> {
    server: &'a Server,
    pool: &'a mut Pool,
    options: &'a Options,
    say: &'a mut dyn FnMut(&str),
}

impl Steps<'_> {
    fn run(mut self) -> Result<Figures> {
        let Options { idle, active, window, .. } = *self.options;
        let before = self.server.usage()?;
        let opening = self.open(idle)?;
        let opened = self.server.usage()?;
        (self.say)(&format!("idle for {window:?}"));
        self.pool.idle(window)?;
        let rested = self.server.usage()?;
        self.open(active)?;
        (self.say)(&format!("{active} connections send for {:?}", self.options.load_window));
        let loading = self.server.usage()?;
        let load = self.pool.produce(active, self.options.load_window)?;
        let loaded = self.server.usage()?;
        if load.latency_us.is_empty() {
            return Err(Failure::new("nothing was acknowledged"));
        }
        Ok(Figures {
            idle,
            active,
            opening,
            before,
            opened,
            rested,
            window,
            loading,
            loaded,
            load,
            ended: Duration::ZERO,
            drain: Duration::ZERO,
            ends: crate::client::Ends::default(),
        })
    }

    /// Opens connections and tells of every tenth of them.
    fn open(&mut self, count: usize) -> Result<Duration> {
        let (step, mut next) = ((count / 10).max(1), 0);
        self.pool.open(count, self.options.handshakes, |complete| {
            if complete >= next {
                (self.say)(&format!("{complete} of {count} connections"));
                next = complete - complete % step + step;
            }
        })
    }
}
