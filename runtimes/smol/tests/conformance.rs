//! The suite that every host of state machines passes.

mod adapter;
#[path = "../../../tests/conformance/cases/mod.rs"]
mod cases;
#[path = "../../../tests/conformance/host/mod.rs"]
mod host;

use adapter::Adapter;
