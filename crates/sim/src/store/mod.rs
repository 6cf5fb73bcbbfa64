//! The store under operations, faults and crashes, against a model of what must be in it.

mod appends;
mod expiry;
mod faults;
mod model;
mod plan;
mod restart;
mod verify;
mod world;

use crate::dice::Dice;
use crate::fault::FaultSet;
use crate::outcome::Violation;

/// Runs one store through everything the dice decide.
pub(crate) fn run(dice: &Dice, faults: FaultSet) -> (Result<(), Violation>, u64) {
    let mut world = world::World::new(dice, faults);
    let result = world.run();
    (result, world.passed_ms())
}
