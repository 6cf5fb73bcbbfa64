//! Logs, and how a Kafka record becomes one.
//!
//! A record has a timestamp, a key, a value and headers. A [`Log`] has a time and fields: names and
//! values, both bytes. [`map`] makes one of the other, by the rules in its table; [`group`] adds
//! where logs came from. It happens when logs are read, so that what is stored is what was sent, and
//! rules can become better without rewriting data.
//!
//! ```text
//!   wire::records::read ──▶ Record ──map──▶ Log ──group──▶ LogGroup ──▶ protobuf (prost)
//!                                                                 └──▶ text::write_json, write_pretty
//! ```
//!
//! The crate is pure, and records come from strangers: no input makes it panic, recurse by the depth
//! of what was sent, or use memory out of proportion to it. What does not fit is changed as little
//! as possible and counted in a [`MappingReport`].
//!
//! The messages are those of the published protobuf schema, so that its readers understand them.
//! [`prost`] and [`bytes`] are part of the public API.
//!
//! # Example
//!
//! ```
//! use logboom_model::{Form, MappingOptions, MappingReport, Origin, group, map, text};
//! use logboom_wire::records::{BatchBuilder, Codec, Limits, Scratch, read};
//!
//! let mut builder = BatchBuilder::new();
//! builder.append(1_795_342_443_221, None, Some(br#"{"level":"info","n":1.0}"#), &[])?;
//! let batch = builder.build(Codec::None);
//!
//! let (options, mut report) = (MappingOptions::default(), MappingReport::default());
//! let mut scratch = Scratch::default();
//! let mut logs = Vec::new();
//! for record in read(&batch, &Limits::default(), &mut scratch)? {
//!     logs.push(map(&record?, Form::Json, &options, 0, &mut report));
//! }
//! let peer = [192, 0, 2, 1].into();
//! let group = group(logs, &Origin { peer, client_id: b"", shard: 0, first_offset: None });
//!
//! let mut line = String::new();
//! text::write_json(&mut line, &group.logs[0], &group, None);
//! assert!(line.starts_with(r#"{"level":"info","n":"1.0","__time__":1795342443.221,"#));
//! assert!(report.is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod ascii;
mod field;
mod group;
mod json;
mod map;
mod options;
mod proto;
mod repeats;
mod report;
pub mod text;

pub use group::{Origin, group};
pub use map::map;
pub use options::{FieldNames, Form, KeyMapping, MappingOptions};
/// Encodes and decodes the messages of this crate.
pub use prost::Message;
pub use proto::{Content, Log, LogGroup, LogGroupList, LogTag};
pub use report::MappingReport;
