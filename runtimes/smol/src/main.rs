//! The `logboom-smol` server.

fn main() {}
