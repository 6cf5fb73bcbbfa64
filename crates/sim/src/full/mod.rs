//! Everything at once: clients, network, driver, TLS, connections, engine, store, disk.

mod client;
mod event;
mod lifecycle;
mod observed;
mod operations;
mod oracle;
mod plan;
mod server;
mod service;
mod site;
mod tls;
mod world;

pub use client::{Client, ClientEvent, Port};

use crate::dice::Dice;
use crate::fault::FaultSet;
use crate::outcome::Violation;
use crate::run::Script;

/// Runs one world to its end.
pub(crate) fn run(dice: &Dice, faults: FaultSet, script: &Script) -> (Result<(), Violation>, u64) {
    let mut world = world::World::new(dice, faults);
    world.add(script);
    let result = world.run();
    let passed = world.simulation.clock().passed().as_millis();
    (result, u64::try_from(passed).unwrap_or(u64::MAX))
}
