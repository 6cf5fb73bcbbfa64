use std::time::Duration;

use super::Destination;
use super::error::{Error, ErrorKind};
use super::login::Session;
use super::metadata::{self, TopicView};

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
