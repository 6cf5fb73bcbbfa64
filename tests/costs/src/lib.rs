//! A whole server without sockets, in one thread, and clients of it: what a request costs can be counted
//! there, since nothing else happens at the time.

#![forbid(unsafe_code)]

mod client;
mod server;

use std::error::Error;

use logboom_bench::load::{Content, Frames};
use logboom_engine::testing::START_MS;

use client::Client;
pub use server::Server;

/// Anything that goes wrong makes the count worthless.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A server with clients that are logged in and hold all that they will ever send.
#[derive(Debug)]
pub struct Run {
    server: Server,
    clients: Vec<Client>,
    requests: usize,
    value_bytes: u64,
}

impl Run {
    /// Starts a server, with `tls` an encrypted one, and so many clients of `requests` requests each.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or a client is not let in.
    pub fn start(content: &Content, tls: bool, clients: usize, requests: usize) -> Result<Self> {
        let frames = Frames::new(content, "demo.json", -1, START_MS)?;
        let server = Server::start(tls)?;
        let connect =
            |_| Client::connect(&server, (0..requests).map(|at| frames.request(at, 0, 0)));
        let clients = (0..clients).map(connect).collect::<Result<_>>()?;
        Ok(Self { server, clients, requests, value_bytes: frames.value_bytes() })
    }

    /// Sends the next `requests` requests of every client. Each time all of them share a group commit.
    ///
    /// # Errors
    ///
    /// If a client has nothing more to send, or gets no answer.
    pub fn ingest(&mut self, requests: usize) -> Result<()> {
        for _ in 0..requests {
            self.clients.iter_mut().try_for_each(Client::send)?;
            self.server.commit();
            self.clients.iter_mut().try_for_each(Client::take_answer)?;
        }
        Ok(())
    }

    /// Makes sure that everything was sent and is stored. Returns how many batches that are.
    ///
    /// # Errors
    ///
    /// If there are fewer or more.
    pub fn check_stored(&self) -> Result<u64> {
        let stored = self.server.engine().counters().batches_stored.get();
        let sent = (self.requests * self.clients.len()) as u64;
        if stored == sent {
            Ok(stored)
        } else {
            Err(format!("{stored} batches are stored, of {sent}").into())
        }
    }

    /// Bytes of the values of each request.
    #[must_use]
    pub const fn value_bytes(&self) -> u64 {
        self.value_bytes
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.server
    }
}
