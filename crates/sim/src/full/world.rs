//! Everything in one queue: the clients, the network, the server, and what goes wrong.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::client::{Client, ClientEvent, Hostile, Port, Producer, address};
use super::event::Event;
use super::oracle::Oracle;
use super::plan::Plan;
use super::server::Server;
use super::service::{ENCRYPTED, PLAIN};
use super::site::Site;
use crate::dice::Dice;
use crate::fault::FaultSet;
use crate::net::{ConnectionId, Happening, Simulation};
use crate::outcome::Violation;
use crate::random::Stream;
use crate::run::Script;

/// How long everything may take once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// A client, and whether it speaks TLS.
pub(crate) struct Seat {
    pub(crate) client: Box<dyn Client>,
    encrypted: bool,
    connects: usize,
}

/// One simulated world.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    pub(crate) simulation: Simulation<Event>,
    pub(crate) server: Server,
    pub(crate) site: Site,
    pub(crate) oracle: Oracle,
    pub(crate) seats: Vec<Seat>,
    /// Whose connection it is.
    owners: Vec<usize>,
    pub(crate) calm: bool,
}

impl World {
    pub(crate) fn new(dice: &Dice, faults: FaultSet) -> Self {
        let plan = Plan::draw(dice, faults);
        let simulation = Simulation::with_dice(dice, plan.net);
        let server = Server::new(dice, simulation.clock(), &plan);
        let mut world = Self {
            dice: dice.clone(),
            site: plan.site.clone(),
            plan,
            simulation,
            server,
            oracle: Oracle::default(),
            seats: Vec::new(),
            owners: Vec::new(),
            calm: false,
        };
        let producers = world.plan.producers.clone();
        for task in producers {
            let encrypted = task.tls.is_some();
            let client = Producer::new(world.seats.len(), task);
            world.seat(Box::new(client), encrypted);
        }
        for task in world.plan.hostile.clone() {
            let encrypted = world.dice.chance(Stream::Plan, 100);
            world.seat(Box::new(Hostile::new(task)), encrypted);
        }
        world
    }

    /// Lets a client take part.
    pub(crate) fn seat(&mut self, client: Box<dyn Client>, encrypted: bool) {
        self.seats.push(Seat { client, encrypted, connects: 0 });
    }

    /// Adds what is not drawn.
    pub(crate) fn add(&mut self, script: &Script) {
        for make in &script.clients {
            self.seat(make(), false);
        }
        self.plan.operations.extend(&script.operations);
        // The faults are over after the last of them.
        let last = script.operations.iter().map(|(at, _)| *at).max().unwrap_or_default();
        self.plan.calm_at = self.plan.calm_at.max(last + Duration::from_millis(1));
    }

    /// From the first start of the server to its last.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        self.dice.set_faults(false);
        self.start()?;
        self.dice.set_faults(true);
        for client in 0..self.seats.len() {
            let millis = self.dice.below(Stream::Workload, 500);
            self.simulation.plan(Duration::from_millis(millis), Event::Begin { client });
        }
        for (at, kind) in self.plan.operations.clone() {
            self.simulation.plan(at, Event::Operation(kind));
        }
        self.simulation.plan(self.plan.calm_at, Event::Calm);
        let end = self.plan.calm_at + PATIENCE;
        while !self.is_over() {
            let Some(left) = end.checked_sub(self.simulation.clock().passed()) else {
                return Err(self.stuck());
            };
            self.turn(left)?;
        }
        self.finish()
    }

    /// Lets one thing happen.
    fn turn(&mut self, at_most: Duration) -> Result<(), Violation> {
        let Some(happening) = self.simulation.step(at_most)? else { return Err(self.stuck()) };
        match happening {
            Happening::Arrived(id) => self.tell_owner(id, ClientEvent::Arrived(id))?,
            Happening::Ended(id) => self.tell_owner(id, ClientEvent::Ended(id))?,
            Happening::Reset(id) => self.tell_owner(id, ClientEvent::Reset(id))?,
            Happening::Event(event) => self.handle(event)?,
        }
        self.look_after()
    }

    fn is_over(&self) -> bool {
        self.calm && self.server.listens() && self.seats.iter().all(|seat| seat.client.is_done())
    }

    fn stuck(&self) -> Violation {
        let open = self.seats.iter().filter(|seat| !seat.client.is_done());
        let names: Vec<String> = open.map(|seat| seat.client.name()).collect();
        let detail = format!("not done: {}", names.join(", "));
        Violation::new("everybody is done when nothing goes wrong any more", detail)
    }

    fn handle(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Begin { client } => self.tell(client, ClientEvent::Timer(0)),
            Event::Connect { client } => self.connect(client),
            Event::GiveUpConnecting { client } => self.tell(client, ClientEvent::Refused),
            Event::Timer { client, number } => self.tell(client, ClientEvent::Timer(number)),
            Event::Commit { boot } if boot == self.server.boot => self.commit(),
            Event::Retention { boot } if boot == self.server.boot => self.retain(),
            Event::DrainEnd { boot } if boot == self.server.boot => self.end_drain(),
            Event::Commit { .. } | Event::Retention { .. } | Event::DrainEnd { .. } => Ok(()),
            Event::Start => self.start(),
            Event::Operation(kind) => self.operate(kind),
            Event::Undo(undo) => self.undo(undo),
            Event::Calm => self.calm_down(),
        }
    }

    pub(crate) fn tell(&mut self, client: usize, event: ClientEvent) -> Result<(), Violation> {
        self.dice.trace(|| {
            let passed = self.simulation.clock().passed();
            format!("{passed:?} {}: {event:?}", self.seats[client].client.name())
        });
        self.dice.note(10, client as u64);
        let mut port = Port {
            simulation: &mut self.simulation,
            dice: &self.dice,
            oracle: &mut self.oracle,
            site: &self.site,
            client,
        };
        self.seats[client].client.on_event(event, &mut port)
    }

    fn tell_owner(&mut self, id: ConnectionId, event: ClientEvent) -> Result<(), Violation> {
        self.tell(self.owners[id.number()], event)
    }

    /// A client's wish for a connection has arrived.
    fn connect(&mut self, client: usize) -> Result<(), Violation> {
        let silent =
            self.simulation.network().is_partitioned() || self.simulation.network().dark.get();
        if silent {
            let event = Event::GiveUpConnecting { client };
            self.simulation.plan(Duration::from_secs(3), event);
            return Ok(());
        }
        if !self.server.listens() {
            return self.tell(client, ClientEvent::Refused);
        }
        let seat = &mut self.seats[client];
        seat.connects += 1;
        let peer = address(client, seat.connects);
        let listener = if seat.encrypted { ENCRYPTED } else { PLAIN };
        let Some(running) = &self.server.running else { return Ok(()) };
        match self.simulation.connect(&running.service, listener, peer) {
            Some(id) => {
                self.owners.push(client);
                self.tell(client, ClientEvent::Connected(id))
            }
            None => self.tell(client, ClientEvent::Refused),
        }
    }

    /// What has to be seen to after everything that happens.
    fn look_after(&mut self) -> Result<(), Violation> {
        if self.server.watch.panics.load(Ordering::Relaxed) > 0 {
            return Err(crate::run::panicked());
        }
        if let Some(violation) = self.server.watch.violation().take() {
            return Err(violation);
        }
        if self.server.disk.has_stopped() {
            return self.power_cut();
        }
        let boot = self.server.boot;
        let time = self.server.commit_time(&self.plan);
        let Some(running) = &mut self.server.running else { return Ok(()) };
        let budget = running.engine.budget();
        if budget.used_bytes() > self.plan.budget_bytes {
            let detail = format!("{} of {}", budget.used_bytes(), self.plan.budget_bytes);
            return Err(Violation::new("the memory for requests has a bound", detail));
        }
        if budget.waiting() > 0 && budget.used_bytes() == 0 {
            let detail = format!("{} wait, and all of it is free", budget.waiting());
            return Err(Violation::new("who waits for memory gets it", detail));
        }
        if self.server.watch.commit_wanted.swap(false, Ordering::Relaxed) && !running.commit_planned
        {
            running.commit_planned = true;
            self.simulation.plan(time, Event::Commit { boot });
        }
        if running.failed.load(Ordering::Relaxed) && !running.draining {
            self.dice.reached(crate::coverage::State::StorePoisoned);
            return self.drain();
        }
        if self.server.running.as_ref().is_some_and(|running| running.draining)
            && self.simulation.driven() == 0
        {
            return self.exit();
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Violation> {
        let boot = self.server.boot;
        let time = self.server.commit_time(&self.plan);
        let Some(running) = &mut self.server.running else { return Ok(()) };
        running.commit_planned = running.store.commit_group();
        self.dice.note(11, running.store.log_end().get());
        if running.commit_planned {
            self.simulation.plan(time, Event::Commit { boot });
        }
        Ok(())
    }

    fn retain(&mut self) -> Result<(), Violation> {
        let Some(running) = &self.server.running else { return Ok(()) };
        // A disk that is full or fails now is asked again in a while.
        if let Ok(retained) = running.engine.apply_retention()
            && retained.segments_removed > 0
        {
            self.dice.reached(crate::coverage::State::SegmentRemoved);
        }
        // What retention asks of the committer.
        self.server.watch.commit_wanted.store(true, Ordering::Relaxed);
        let boot = self.server.boot;
        self.simulation.plan(self.plan.retention_period, Event::Retention { boot });
        // What can be read must be right at any moment.
        self.verify()
    }
}
