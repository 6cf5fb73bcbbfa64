//! The part of the conformance suite that needs a process of its own.

mod adapter;
#[path = "../../../tests/conformance/alone.rs"]
mod alone;
#[path = "../../../tests/conformance/host/mod.rs"]
mod host;

use adapter::Adapter;
