use std::sync::mpsc::Sender;
use std::time::Instant;

use super::delivery::Event;
use super::error::Error;
use super::link::Link;
use super::login::Session;
use super::outbox::Backoff;
use super::{Destination, Settings, bootstrap};
use crate::clock::now;

/// The link to the server: the one that is there, or the way to the next.
#[derive(Debug)]
pub(super) struct Uplink<'a> {
    destination: &'a Destination,
    settings: &'a Settings,
    events: Sender<Event>,
    link: Option<Link>,
    /// How many links there were.
    links: u64,
    /// Not before this time another one is tried.
    retry_at: Option<Instant>,
    backoff: Backoff,
}

impl<'a> Uplink<'a> {
    /// Begins with a connection that is there already.
    pub(super) fn new(
        destination: &'a Destination,
        settings: &'a Settings,
        session: Session,
        events: Sender<Event>,
    ) -> Result<Self, Error> {
        let backoff = Backoff::default();
        let mut uplink =
            Self { destination, settings, events, link: None, links: 0, retry_at: None, backoff };
        uplink.start(session)?;
        Ok(uplink)
    }

    /// Whether there is a link.
    pub(super) fn is_up(&self) -> bool {
        self.link.is_some()
    }

    /// The link that is there.
    pub(super) fn current(&mut self) -> Option<&mut Link> {
        self.link.as_mut()
    }

    /// The link with this number, if it is the one that is there.
    pub(super) fn numbered(&mut self, number: u64) -> Option<&mut Link> {
        self.link.as_mut().filter(|link| link.number() == number)
    }

    /// Connects if there is no link and enough time has passed since the last attempt. May block.
    pub(super) fn restore(&mut self) -> Result<(), Error> {
        if self.link.is_some() || self.retry_at.is_some_and(|at| now() < at) {
            return Ok(());
        }
        let connected = bootstrap::connect(self.destination, self.settings.patience());
        let started = connected.and_then(|(session, _)| self.start(session));
        if started.is_err() {
            self.disconnect();
        }
        started
    }

    /// Ends the link. Another one is made no sooner than after a while.
    pub(super) fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            link.close();
        }
        self.retry_at = Some(now() + self.backoff.next());
    }

    /// The link works: the next attempt need not wait as long as the last one.
    pub(super) fn works(&mut self) {
        self.backoff = Backoff::default();
    }

    /// When something is to be done: [restoring](Self::restore) the link, or giving it up because the
    /// server is silent.
    pub(super) fn due_at(&self) -> Option<Instant> {
        match &self.link {
            Some(link) => link.overdue_at(),
            None => self.retry_at,
        }
    }

    fn start(&mut self, session: Session) -> Result<(), Error> {
        self.links += 1;
        let Self { destination, settings, events, links, .. } = self;
        let (acks, patience) = (settings.acks, settings.patience());
        let link = Link::start(session, *links, destination, acks, patience, events.clone())?;
        self.link = Some(link);
        Ok(())
    }
}
