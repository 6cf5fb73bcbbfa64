//! A whole server without sockets, in one thread, and clients of it: what a request costs can be counted
//! there, since nothing else happens at the time.

#![forbid(unsafe_code)]

mod client;
mod server;

use std::error::Error;

pub use client::Client;
pub use server::{Server, Stream};

/// Anything that goes wrong makes the count worthless.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Sends the next requests of every connection. Each time all of them share a group commit.
///
/// # Errors
///
/// If a client has nothing more to send, or gets no answer.
pub fn ingest(server: &Server, clients: &mut [Client], requests: usize) -> Result<()> {
    for _ in 0..requests {
        clients.iter_mut().try_for_each(Client::send)?;
        server.commit();
        clients.iter_mut().try_for_each(Client::take_answer)?;
    }
    Ok(())
}
