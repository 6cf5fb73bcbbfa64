//! The suite that every host of state machines passes, for the event loop of the example.

mod adapter;
#[path = "../../../tests/conformance/cases/mod.rs"]
mod cases;
#[allow(dead_code, unreachable_pub, reason = "an example that is a program of its own")]
#[path = "../examples/custom_loop.rs"]
mod custom_loop;
#[path = "../../../tests/conformance/host/mod.rs"]
mod host;

use adapter::Adapter;
