//! Figures of `logboom-bench load` side by side: a table in Markdown, charts in SVG.
//!
//! The charts are written by hand. A plotting library draws axes and points; these are bars with a
//! name and a number each, in text that browsers lay out, search and read aloud.

mod chart;
mod command;
mod measured;

pub use command::Args;
