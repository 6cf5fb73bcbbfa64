//! What is done to the server and to the world around it.

use std::time::Duration;

use logboom_store::Crash;

use super::client::ClientEvent;
use super::event::{Event, Undo};
use super::tls;
use super::world::World;
use crate::disk::DiskRates;
use crate::fault::FaultKind;
use crate::net::NetRates;
use crate::outcome::Violation;
use crate::random::Stream;

impl World {
    pub(crate) fn operate(&mut self, kind: FaultKind) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.dice.note(14, kind as u64);
        self.dice.trace(|| format!("operation: {kind}"));
        match kind {
            FaultKind::TornSectors => {}
            kind => self.dice.struck(kind),
        }
        match kind {
            FaultKind::Kill => return self.kill(),
            FaultKind::UnsyncedLost => return self.die(Crash::LoseUnsynced, true),
            FaultKind::TornSectors => {
                // In the middle of whatever the disk does next.
                let stream = Stream::Fault(FaultKind::CrashInOperation);
                self.server.control.stop_in(Some(self.dice.below(stream, 30)));
            }
            FaultKind::Drain => return self.drain(),
            FaultKind::CertificateSwap => self.swap_certificate(),
            FaultKind::KeyRotation => self.rotate_key(),
            FaultKind::KeyRevocation => self.revoke_key(),
            FaultKind::ClockStep => self.step_clock(),
            FaultKind::LogstoreDeleted => self.delete_logstore(),
            FaultKind::Partition => {
                let millis = self.dice.between(Stream::Fault(kind), 1, 10_000);
                self.simulation.network().partition_for(millis * 1_000_000);
            }
            FaultKind::DiskFull => {
                self.server.disk.set_foreign_bytes(self.plan.capacity_bytes);
                self.undo_later(kind, Undo::FreeDisk);
            }
            _ => {}
        }
        Ok(())
    }

    fn undo_later(&mut self, kind: FaultKind, undo: Undo) {
        let millis = self.dice.between(Stream::Fault(kind), 1, 5_000);
        self.simulation.plan(Duration::from_millis(millis), Event::Undo(undo));
    }

    pub(crate) fn undo(&mut self, undo: Undo) -> Result<(), Violation> {
        match undo {
            Undo::TellSecret { project } => self.tell_secret(project),
            Undo::DropOldSecrets { project } => {
                self.tell_secret(project);
                let newest = self.site.projects[project].known.clone();
                self.site.projects[project].live.retain(|secret| *secret == newest);
                self.site.projects[project].was_revoked = true;
                self.reload();
            }
            Undo::RestoreLogstore { project, logstore } => {
                self.site.projects[project].logstores[logstore].present = true;
                self.reload();
            }
            Undo::FreeDisk => self.server.disk.set_foreign_bytes(0),
            Undo::Unfreeze => self.simulation.clock().freeze_wall(false),
        }
        Ok(())
    }

    /// Gives the engine the present site. A server that cannot write its catalogue keeps the old
    /// one; it is asked again until it can, or is started with the new one.
    fn reload(&mut self) {
        let Some(running) = &self.server.running else { return };
        for _ in 0..100 {
            if running.engine.reload(self.site.directory()).is_ok() {
                return;
            }
        }
        // It does not come to itself: it is poisoned or has no space for a new Logstore, of which
        // there are none here. Poisoned servers end.
    }

    fn swap_certificate(&mut self) {
        self.server.certificate += 1;
        if let Some(running) = &self.server.running {
            running.service.swap(tls::server(self.server.certificate));
        }
    }

    fn any_project(&self, kind: FaultKind) -> usize {
        self.dice.index(Stream::Fault(kind), self.site.projects.len())
    }

    fn tell_secret(&mut self, project: usize) {
        let project = &mut self.site.projects[project];
        if let Some(newest) = project.live.last() {
            project.known.clone_from(newest);
        }
    }

    /// A second secret, which clients learn a little later, and then the first one goes.
    fn rotate_key(&mut self) {
        let project = self.any_project(FaultKind::KeyRotation);
        if self.site.projects[project].live.len() > 1 {
            return;
        }
        let secret = self.site.new_secret(project);
        self.site.projects[project].live.push(secret);
        self.reload();
        self.undo_later(FaultKind::KeyRotation, Undo::TellSecret { project });
        self.undo_later(FaultKind::KeyRotation, Undo::DropOldSecrets { project });
    }

    /// All secrets go, and clients learn the new one later.
    fn revoke_key(&mut self) {
        let project = self.any_project(FaultKind::KeyRevocation);
        let secret = self.site.new_secret(project);
        self.site.projects[project].live = vec![secret];
        self.site.projects[project].was_revoked = true;
        self.reload();
        self.undo_later(FaultKind::KeyRevocation, Undo::TellSecret { project });
    }

    fn step_clock(&mut self) {
        let stream = Stream::Fault(FaultKind::ClockStep);
        if self.dice.chance(stream, 300) {
            self.simulation.clock().freeze_wall(true);
            return self.undo_later(FaultKind::ClockStep, Undo::Unfreeze);
        }
        let hour = 3_600_000;
        let step = i64::try_from(self.dice.below(stream, 2 * hour)).expect("two hours");
        self.simulation.clock().step_wall(step - 3_600_000);
    }

    fn delete_logstore(&mut self) {
        let project = self.any_project(FaultKind::LogstoreDeleted);
        let stream = Stream::Fault(FaultKind::LogstoreDeleted);
        let logstores = &mut self.site.projects[project].logstores;
        let logstore = self.dice.index(stream, logstores.len());
        logstores[logstore].present = false;
        logstores[logstore].was_absent = true;
        self.reload();
        self.undo_later(FaultKind::LogstoreDeleted, Undo::RestoreLogstore { project, logstore });
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm_down(&mut self) -> Result<(), Violation> {
        self.calm = true;
        self.dice.trace(|| "calm".to_owned());
        self.dice.set_faults(false);
        self.server.control.stop_in(None);
        self.server.disk.set_foreign_bytes(0);
        self.plan.disk = DiskRates::default();
        self.plan.net = kind_rates(self.plan.net);
        self.simulation.network().set_rates(self.plan.net);
        self.simulation.network().heal();
        self.simulation.clock().freeze_wall(false);
        for project in 0..self.site.projects.len() {
            for logstore in &mut self.site.projects[project].logstores {
                logstore.present = true;
            }
            self.tell_secret(project);
        }
        self.reload();
        for client in 0..self.seats.len() {
            self.tell(client, ClientEvent::Calm)?;
        }
        Ok(())
    }
}

/// The same network without its faults.
const fn kind_rates(rates: NetRates) -> NetRates {
    NetRates {
        delay: 0,
        resegment: 0,
        short_write: 0,
        spurious: 0,
        stall: 0,
        reset: 0,
        bit_flip: 0,
        ..rates
    }
}
