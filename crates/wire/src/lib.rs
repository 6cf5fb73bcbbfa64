//! The Kafka wire format: bytes to requests and record batches, responses to bytes.
//!
//! Everything here is a pure function of bytes. The crate knows no connection, no clock and no
//! store, and it takes nothing on trust: every length and count a peer wrote is compared with the
//! bytes that are really there before it is used.
//!
//! * A **frame** is a length prefix of four bytes and so many bytes behind it: [`frame`].
//! * A frame starts with a **request header**: [`header`].
//! * The rest is the body of a **request**, a view that borrows the frame and allocates nothing:
//!   [`request`].
//! * A **response** is appended to a buffer as one whole frame: [`response`].
//! * The records inside a Produce request are **batches**: [`records`].
//!
//! [`api`] is the table of what this crate speaks. It is also what a server advertises, so that no
//! client can be told of a version that is not implemented.

#![forbid(unsafe_code)]

pub mod api;
pub mod error;
pub mod frame;
pub mod header;
pub mod primitive;
pub mod records;
pub mod request;
pub mod response;
