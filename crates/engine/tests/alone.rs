//! The part of the conformance suite that needs a process of its own.

mod adapter;
#[path = "../../../tests/conformance/alone.rs"]
mod alone;
#[allow(dead_code, unreachable_pub, reason = "an example that is a program of its own")]
#[path = "../examples/custom_loop.rs"]
mod custom_loop;
#[path = "../../../tests/conformance/host/mod.rs"]
mod host;

use adapter::Adapter;
