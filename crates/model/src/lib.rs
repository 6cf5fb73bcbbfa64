//! Log, LogGroup, LogGroupList, and the mapping from a Kafka record to a log.
#![forbid(unsafe_code)]

mod options;

pub use options::{FieldNames, Form, KeyMapping, MappingOptions};
