use std::fmt;

use logboom_planted::planted;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;

use ApiKey::{
    ApiVersions, Fetch, FindCoordinator, InitProducerId, Metadata, Produce, SaslAuthenticate,
    SaslHandshake,
};
use ErrorCode::{GroupAuthorizationFailed, IllegalSaslState, TopicAuthorizationFailed};
use Permission::{Refuse, RefuseAndClose, Serve};
use Phase::{Closed, Closing, Handshake, Lingering, RawToken, Ready, Token, Unsecured, Verifying};

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody knows yet who the peer is, and no SASL mechanism is chosen.
    Handshake,
    /// The peer speaks plaintext where TLS is wanted. It is told so before it sends its password.
    Unsecured,
    /// The next frame is a SASL token without a request header (SaslHandshake version 0).
    RawToken,
    /// The next frame but ApiVersions is a SaslAuthenticate request (KIP-152).
    Token,
    /// The application checks the credentials. Nothing is decoded meanwhile.
    Verifying,
    /// The peer is authenticated.
    Ready,
    /// No further request is decoded; answers are still awaited and sent.
    Closing,
    /// Everything is sent and the writing side shut down; what still comes in is discarded.
    Lingering,
    /// Over.
    Closed,
}

/// What happens to a request. An API that a phase does not list closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It is served.
    Serve,
    /// It is answered with an error.
    Refuse(ErrorCode),
    /// It is answered with an error, and that was the last answer.
    RefuseAndClose(ErrorCode),
}

/// What makes a connection go from one phase to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The first bytes are plaintext inside of a TLS layer.
    Plaintext,
    /// SaslHandshake version 0 chose PLAIN.
    HandshakeV0,
    /// SaslHandshake version 1 chose PLAIN.
    HandshakeV1,
    /// A well-formed token arrived.
    TokenArrived,
    /// The credentials are right.
    Accepted,
    /// No further request will be decoded.
    LastRequest,
    /// Everything is answered and sent.
    AllSent,
    /// There is nothing left to wait for.
    Over,
}

/// One way from phases to a phase.
#[derive(Debug)]
pub(crate) struct Transition {
    pub(crate) from: &'static [Phase],
    pub(crate) trigger: Trigger,
    pub(crate) to: Phase,
}

/// What every phase allows. Before authentication only the three APIs that lead to it are known at
/// all, so that strangers reach as little of the decoder as possible.
pub(crate) const PERMISSIONS: [(Phase, ApiKey, Permission); 16] = [
    (Handshake, ApiVersions, Serve),
    (Handshake, SaslHandshake, Serve),
    (Handshake, SaslAuthenticate, RefuseAndClose(IllegalSaslState)),
    (Unsecured, ApiVersions, Serve),
    // Clients show the names of the mechanisms, so the one that is there says what to change.
    (Unsecured, SaslHandshake, Serve),
    (Token, ApiVersions, Serve),
    (Token, SaslAuthenticate, Serve),
    (Token, SaslHandshake, RefuseAndClose(IllegalSaslState)),
    (Ready, Produce, Serve),
    (Ready, Metadata, Serve),
    (Ready, InitProducerId, Serve),
    (Ready, ApiVersions, Serve),
    // Listed among the APIs so that librdkafka uses record batches and compression; refused because
    // nothing is read over Kafka.
    (Ready, Fetch, Refuse(TopicAuthorizationFailed)),
    (Ready, FindCoordinator, Refuse(GroupAuthorizationFailed)),
    // Sessions have no lifetime (KIP-368), so there is nothing to authenticate again for.
    (Ready, SaslHandshake, Refuse(IllegalSaslState)),
    (Ready, SaslAuthenticate, Refuse(IllegalSaslState)),
];

/// The phases in which the connection serves its peer.
pub(crate) const OPEN: &[Phase] = &[Handshake, Unsecured, RawToken, Token, Verifying, Ready];

const NOT_CLOSED: &[Phase] =
    &[Handshake, Unsecured, RawToken, Token, Verifying, Ready, Closing, Lingering];

/// Every way from one phase to another.
pub(crate) const TRANSITIONS: [Transition; 8] = [
    Transition { from: &[Handshake], trigger: Trigger::Plaintext, to: Unsecured },
    Transition { from: &[Handshake], trigger: Trigger::HandshakeV0, to: RawToken },
    Transition { from: &[Handshake], trigger: Trigger::HandshakeV1, to: Token },
    Transition { from: &[RawToken, Token], trigger: Trigger::TokenArrived, to: Verifying },
    Transition { from: &[Verifying], trigger: Trigger::Accepted, to: Ready },
    Transition { from: OPEN, trigger: Trigger::LastRequest, to: Closing },
    Transition { from: &[Closing], trigger: Trigger::AllSent, to: Lingering },
    Transition { from: NOT_CLOSED, trigger: Trigger::Over, to: Closed },
];

impl Phase {
    /// Whether the connection still serves its peer.
    #[must_use]
    pub fn is_open(self) -> bool {
        OPEN.contains(&self)
    }

    /// Whether frames are taken from the peer.
    pub(crate) fn takes_frames(self) -> bool {
        self.is_open() && self != Verifying
    }

    /// What happens to a request of this API, or `None` if it closes the connection.
    pub(crate) fn permission(self, api: ApiKey) -> Option<Permission> {
        let phase = if planted!(LoginNotNeeded) { Ready } else { self };
        let row = PERMISSIONS.iter().find(|(row_phase, key, _)| *row_phase == phase && *key == api);
        row.map(|(_, _, permission)| *permission)
    }

    /// The phase after this one, if the trigger means anything in this one.
    pub(crate) fn after(self, trigger: Trigger) -> Option<Self> {
        let way = |way: &&Transition| way.trigger == trigger && way.from.contains(&self);
        TRANSITIONS.iter().find(way).map(|way| way.to)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_apis_are_known_before_authentication() {
        for (phase, api, _) in PERMISSIONS {
            if phase != Ready {
                assert!([ApiVersions, SaslHandshake, SaslAuthenticate].contains(&api), "{api:?}");
            }
        }
    }

    #[test]
    fn every_api_is_known_after_authentication() {
        assert!(ApiKey::ALL.into_iter().all(|api| Ready.permission(api).is_some()));
    }

    #[test]
    fn no_phase_has_two_rows_for_an_api_or_two_ways_for_a_trigger() {
        for (index, (phase, api, _)) in PERMISSIONS.iter().enumerate() {
            let earlier = &PERMISSIONS[..index];
            assert!(earlier.iter().all(|(other, key, _)| (other, key) != (phase, api)));
        }
        for (index, way) in TRANSITIONS.iter().enumerate() {
            let same = TRANSITIONS[..index].iter().filter(|other| other.trigger == way.trigger);
            assert!(same.flat_map(|other| other.from).all(|from| !way.from.contains(from)));
        }
    }

    #[test]
    fn closed_is_final() {
        assert!(TRANSITIONS.iter().all(|way| !way.from.contains(&Closed)));
    }
}
