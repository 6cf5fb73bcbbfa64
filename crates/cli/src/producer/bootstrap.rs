use std::time::Duration;

use logboom_wire::records::Codec;

use super::error::{Error, ErrorKind};
use super::login::Session;
use super::metadata::{self, ProducerId, TopicView};
use super::outbox::Backoff;
use super::{Acks, Destination, Settings};
use crate::clock::now;

/// Zstandard came with this version of Produce (KIP-110).
const PRODUCE_VERSION_OF_ZSTD: i16 = 7;

/// All that a producer needs to know before it can send.
#[derive(Debug)]
pub(super) struct Introduction {
    pub(super) session: Session,
    /// How many shards the topic has.
    pub(super) shards: u32,
    /// None if nothing makes batches recognisable when they are sent twice.
    pub(super) producer: Option<ProducerId>,
}

/// Connects for the first time, as often as the server says that it cannot answer now. `wait` passes
/// the time in between.
///
/// # Errors
///
/// Whatever is in the way. A server that cannot be reached is not tried again: somebody is there to
/// read why.
pub(super) fn introduce(
    destination: &Destination,
    settings: &Settings,
    mut wait: impl FnMut(Duration),
) -> Result<Introduction, Error> {
    let give_up_at = now() + settings.timeout;
    let mut backoff = Backoff::default();
    loop {
        match introduce_once(destination, settings) {
            Err(error) if error.kind == ErrorKind::Busy => {
                let pause = backoff.next();
                if now() + pause >= give_up_at {
                    return Err(Error::gave_up(settings.timeout, Some(error)));
                }
                wait(pause);
            }
            done => return done,
        }
    }
}

fn introduce_once(destination: &Destination, settings: &Settings) -> Result<Introduction, Error> {
    let (mut session, shards) = connect(destination, settings.patience())?;
    if settings.codec == Codec::Zstd && session.versions.produce < PRODUCE_VERSION_OF_ZSTD {
        let address = session.dialogue.address();
        return Err(Error::unsupported(address, "zstd; --codec lz4 is older"));
    }
    let producer = match settings.acks {
        // Without answers nothing is ever sent again.
        Acks::None => None,
        Acks::Leader | Acks::All => metadata::producer_id(&mut session)?,
    };
    Ok(Introduction { session, shards, producer })
}

/// Connects to the server that takes the records of the topic, the way every client does: one of the
/// servers that are known tells which it is. Returns the connection and how many shards there are.
///
/// # Errors
///
/// Whatever is in the way.
pub(super) fn connect(
    destination: &Destination,
    patience: Duration,
) -> Result<(Session, u32), Error> {
    let mut session = open_any(destination, patience)?;
    let told_by = session.dialogue.address().clone();
    let TopicView { leader, shards } = metadata::look_up(&mut session, &destination.topic)?;
    if leader == told_by {
        return Ok((session, shards));
    }
    let advertised = |error: Error| error.advertised(&told_by, &leader);
    let session = Session::open(&leader, destination, patience).map_err(advertised)?;
    Ok((session, shards))
}

/// Logs in at the first server that can be reached.
fn open_any(destination: &Destination, patience: Duration) -> Result<Session, Error> {
    let mut failure = Error::configuration("no server to connect to");
    for address in &destination.servers {
        match Session::open(address, destination, patience) {
            Err(error) if error.kind == ErrorKind::Connection => failure = error,
            done => return done,
        }
    }
    Err(failure)
}
