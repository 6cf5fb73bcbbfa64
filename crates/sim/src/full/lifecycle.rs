//! How the process of the server begins and ends, and what is checked then.

use std::time::Duration;

use logboom_store::{Crash, Health, Store};

use super::event::Event;
use super::server::Running;
use super::world::World;
use crate::coverage::State;
use crate::disk::draw_crash;
use crate::outcome::Violation;
use crate::random::Stream;

/// How long connections may take to end after a drain has run out of time, as in the real server.
const PATIENCE_AFTER_DRAIN: Duration = Duration::from_secs(3);

/// How long a connection may take to end after its peer has: longer than anything it waits for but an
/// idle peer.
const PATIENCE_WITH_ENDS: Duration = Duration::from_secs(100);

impl World {
    /// Starts the server, if it is not running.
    pub(crate) fn start(&mut self) -> Result<(), Violation> {
        if self.server.running.is_some() {
            return Ok(());
        }
        self.server.start(&self.plan, &self.site)?;
        self.simulation.restart_server();
        self.verify()?;
        let boot = self.server.boot;
        self.simulation.plan(self.plan.retention_period, Event::Retention { boot });
        Ok(())
    }

    /// Compares what is in the store with what must be.
    pub(crate) fn verify(&mut self) -> Result<(), Violation> {
        let Some(running) = &self.server.running else { return Ok(()) };
        // A machine that has just stopped reads nothing.
        if self.server.disk.has_stopped() {
            return Ok(());
        }
        self.dice.set_faults(false);
        let store = running.store.clone();
        let result = self.verify_store(&store);
        self.dice.set_faults(!self.calm);
        result
    }

    fn verify_store(&mut self, store: &Store) -> Result<(), Violation> {
        let streams = store.streams();
        let keys: Vec<_> = self.oracle.keys().collect();
        for key in keys {
            let project = &self.site.projects[key.project];
            let name = &project.logstores[key.logstore].name;
            let found = streams.iter().find(|(_, p, l)| p == project.name && l == name);
            let Some((stream, _, _)) = found else {
                return Err(Violation::new("a Logstore keeps its number", name.as_str()));
            };
            self.oracle.verify(store, *stream, key, &self.dice)?;
        }
        self.oracle.check_acknowledged()
    }

    /// Asks the server to stop.
    pub(crate) fn drain(&mut self) -> Result<(), Violation> {
        let boot = self.server.boot;
        let Some(running) = &mut self.server.running else { return Ok(()) };
        if running.draining {
            return Ok(());
        }
        running.draining = true;
        self.dice.trace(|| "server: drain".to_owned());
        let timeout = self.plan.drain_timeout;
        running.engine.drain(self.simulation.clock().instant() + timeout);
        self.simulation.plan(timeout + PATIENCE_AFTER_DRAIN, Event::DrainEnd { boot });
        Ok(())
    }

    /// A drain has had all the time there is.
    pub(crate) fn end_drain(&mut self) -> Result<(), Violation> {
        let Some(running) = &self.server.running else { return Ok(()) };
        if running.draining && running.engine.abort() > 0 {
            let detail = format!("{} connections are open", running.engine.connections());
            return Err(Violation::new("a drain ends in time", detail));
        }
        Ok(())
    }

    /// The process ends in an orderly way: every connection is closed.
    pub(crate) fn exit(&mut self) -> Result<(), Violation> {
        let Some(running) = self.server.running.take() else { return Ok(()) };
        self.note_counters(&running);
        self.dice.note(12, 0);
        running.store.close();
        let used_bytes = running.engine.budget().used_bytes();
        if used_bytes > 0 || running.engine.connections() > 0 {
            let detail =
                format!("{used_bytes} bytes, {} connections", running.engine.connections());
            return Err(Violation::new("nothing is left after the last connection", detail));
        }
        self.server.closed_whole = running.store.health() == Health::Closed;
        self.dice.trace(|| format!("server: exit, {:?}", running.store.health()));
        drop(running);
        if !self.server.disk.has_stopped() {
            self.server.disk = self.server.disk.restart(Crash::Kill);
        } else {
            self.server.disk = self.server.disk.restart(draw_crash(&self.dice));
            self.server.closed_whole = false;
        }
        self.plan_start();
        Ok(())
    }

    /// What only the engine and the store know.
    fn note_counters(&self, running: &Running) {
        if running.engine.counters().duplicates.get() > 0 {
            self.dice.reached(State::DuplicateAnswered);
        }
        if running.store.segment_count() > 1 {
            self.dice.reached(State::SegmentSealed);
        }
    }

    pub(crate) fn plan_start(&mut self) {
        let most = if self.calm { 100 } else { 3_000 };
        let millis = self.dice.between(Stream::Schedule, 1, most);
        self.simulation.plan(Duration::from_millis(millis), Event::Start);
    }

    /// The process is killed, and the machine lives on: its kernel closes the connections.
    pub(crate) fn kill(&mut self) -> Result<(), Violation> {
        self.die(Crash::Kill, false)
    }

    /// The machine goes down, and nobody hears of it.
    pub(crate) fn power_cut(&mut self) -> Result<(), Violation> {
        let crash = draw_crash(&self.dice);
        self.die(crash, crash != Crash::Kill)
    }

    pub(crate) fn die(&mut self, crash: Crash, dark: bool) -> Result<(), Violation> {
        let Some(running) = self.server.running.take() else { return Ok(()) };
        self.note_counters(&running);
        self.dice.note(13, u64::from(dark));
        self.dice.trace(|| format!("server: dies, {crash:?}"));
        self.server.closed_whole = false;
        self.server.control.stop_in(None);
        self.server.disk = self.server.disk.restart(crash);
        // Nothing that still runs here can reach the disk any more, nor anybody's ear.
        self.simulation.drop_server(dark);
        drop(running);
        self.plan_start();
        Ok(())
    }

    /// Everybody has gone, and their connections end by themselves.
    fn await_ends(&mut self) -> Result<(), Violation> {
        let end = self.simulation.clock().passed() + PATIENCE_WITH_ENDS;
        while self.simulation.driven() > 0 {
            let left = end.saturating_sub(self.simulation.clock().passed());
            if left.is_zero() {
                let detail = format!("{} connections are open", self.simulation.driven());
                return Err(Violation::new("a peer that has gone is let go", detail));
            }
            let _happening = self.simulation.step(left)?;
            if let Some(running) = &self.server.running {
                while running.store.commit_group() {}
            }
        }
        Ok(())
    }

    /// Everybody is done: the server stops and starts again, and everything is there.
    pub(crate) fn finish(&mut self) -> Result<(), Violation> {
        self.verify()?;
        self.await_ends()?;
        self.drain()?;
        let most = self.plan.drain_timeout + PATIENCE_AFTER_DRAIN + Duration::from_secs(1);
        let end = self.simulation.clock().passed() + most;
        while self.server.running.is_some() && self.simulation.driven() > 0 {
            let left = end.saturating_sub(self.simulation.clock().passed());
            if left.is_zero() {
                let detail = format!("{} connections are open", self.simulation.driven());
                return Err(Violation::new("a drain ends in time", detail));
            }
            // What clients are told now changes nothing any more.
            let _happening = self.simulation.step(left)?;
            if let Some(running) = &self.server.running {
                while running.store.commit_group() {}
            }
        }
        self.exit()?;
        self.dice.reached(State::ClosedWhole);
        for crash in [Crash::Kill, Crash::LoseUnsynced] {
            self.server.disk = self.server.disk.restart(crash);
            self.server.running = None;
            self.server.start(&self.plan, &self.site)?;
            self.verify()?;
        }
        self.oracle.check_too_late()
    }
}
