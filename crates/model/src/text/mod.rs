//! Logs as text: one JSON object per line, or a form for people.

mod escape;
mod json_line;
mod pretty;

pub use json_line::write_json;
pub use pretty::write_pretty;

/// Where a log is kept. With it, it can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The shard of the Logstore.
    pub shard: u32,
    /// The offset within the shard.
    pub offset: i64,
}
