use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::Signal;

use super::{Connector, Event, Exit, Lines, Process, Site};

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    pub(super) fn start(site: &Site, arguments: &[&str]) -> Self {
        Self::when_ready(Process::spawn(site.program().command(site.directory(), arguments)))
    }

    /// The same, and then closes the other end of its standard error.
    pub(super) fn start_unheard(site: &Site, arguments: &[&str]) -> Self {
        let command = site.program().command(site.directory(), arguments);
        Self::when_ready(Process::spawn_heard_until(command, Stdio::null(), |line| {
            ready(line).is_some()
        }))
    }

    /// A process that serves, once it says that it is ready.
    #[must_use]
    pub fn when_ready(process: Process) -> Self {
        let addresses = process
            .stderr()
            .wait_for("ready line", |lines| lines.iter().find_map(|line| ready(line)));
        Self { process, addresses }
    }

    /// Where its listeners listen, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its first listener, to a client that trusts the authority of `site`.
    #[must_use]
    pub fn public(&self, site: &Site) -> Connector {
        Connector::tls(self.addresses[0], site.authority().trusting())
    }

    /// Its second listener, which has no TLS.
    #[must_use]
    pub fn internal(&self) -> Connector {
        Connector::plaintext(self.addresses[1])
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for an event in its log. `what` names it in the panic.
    ///
    /// # Panics
    ///
    /// If it does not come.
    #[must_use]
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        self.log().wait_for(what, |lines| {
            lines.iter().filter_map(|line| Event::parse(line)).find(|event| is_it(event))
        })
    }

    /// Waits for an event with this message.
    #[must_use]
    pub fn wait_for_message(&self, start: &str) -> Event {
        self.wait_for(start, |event| event.message().starts_with(start))
    }

    /// Waits for an event with this `LB` code.
    #[must_use]
    pub fn wait_for_code(&self, code: &str) -> Event {
        self.wait_for(code, |event| event.code() == code)
    }

    /// Its log.
    #[must_use]
    pub const fn log(&self) -> &Lines {
        self.process.stderr()
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(self) -> Exit {
        self.process.wait()
    }

    /// Stops it in order, and returns all events of its log.
    ///
    /// # Panics
    ///
    /// If it does not end with success.
    pub fn stop(self) -> Vec<Event> {
        self.signal(Signal::TERM);
        let exit = self.wait();
        assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
        let event = |line| Event::parse(line).expect("nothing but events");
        exit.stderr.lines().map(event).collect()
    }

    /// Kills it, as a crash would.
    pub fn kill(self) {
        self.signal(Signal::KILL);
        let exit = self.wait();
        assert_eq!(exit.signal(), Some(Signal::KILL.as_raw()));
    }
}

/// The addresses in the line that says that a server is ready.
fn ready(line: &str) -> Option<Vec<SocketAddr>> {
    let event = Event::parse(line)?;
    let (_, addresses) = event.message().strip_prefix("ready in ")?.split_once(" on ")?;
    addresses.split(" and ").map(|address| address.parse().ok()).collect()
}
