//! The primitive types of the protocol: reading them from hostile bytes and writing them.
//!
//! Kafka has two encodings of the same types. In the older one lengths are integers of fixed width;
//! in the *flexible* versions of KIP-482 they are varints, and every structure ends with tagged
//! fields. [`Reader`] and [`Writer`] are told once which of the two they deal with, so that the
//! messages describe their fields only once.

mod array;
mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod varint;
mod writer;

pub use array::{Array, Element, Elements};
pub use reader::Reader;
pub use writer::Writer;
