use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;

use super::Destination;
use super::address::Address;
use super::connection::Connection;
use super::dialogue::Dialogue;
use super::error::Error;
use super::properties::Login;

/// The version of ApiVersions that is asked first: with the name of the software (KIP-511).
const API_VERSIONS_VERSION: i16 = 3;

/// What every server can answer.
const API_VERSIONS_FALLBACK: i16 = 0;

/// Bytes of the correlation id, which is all of the header of an answer to ApiVersions.
const ID_BYTES: usize = 4;

/// A connection that is logged in.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) dialogue: Dialogue,
    pub(super) versions: Versions,
}

/// The versions that both sides speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) produce: i16,
    pub(super) metadata: i16,
    /// None if the server has no idempotent producers.
    pub(super) init_producer_id: Option<i16>,
    sasl_handshake: Option<i16>,
    sasl_authenticate: Option<i16>,
}

impl Session {
    /// Connects to a server and logs in.
    ///
    /// # Errors
    ///
    /// Whatever is in the way; the login is refused with the words of the server.
    pub(super) fn open(
        address: &Address,
        destination: &Destination,
        patience: Duration,
    ) -> Result<Self, Error> {
        let connection = Connection::open(address, destination.tls.as_ref(), patience)?;
        let mut dialogue = Dialogue::new(connection, address.clone(), &destination.client_id);
        let offered = ask_versions(&mut dialogue).map_err(|error| match destination.tls {
            None => error.without_tls(),
            Some(_) => error,
        })?;
        let versions = Versions::choose(&offered, address)?;
        if let Some(login) = &destination.login {
            log_in(&mut dialogue, versions, login)?;
        }
        Ok(Self { dialogue, versions })
    }
}

fn ask_versions(dialogue: &mut Dialogue) -> Result<ApiVersionsResponse, Error> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name("logboom-send".into())
        .with_client_software_version(env!("CARGO_PKG_VERSION").into());
    let answer = dialogue.ask_for_frame(&request, API_VERSIONS_VERSION)?;
    if error_code(&answer) == Some(ErrorCode::UnsupportedVersion.code()) {
        // The answer to a version that is too new is always one of version 0, and so is the next.
        return dialogue.ask(&ApiVersionsRequest::default(), API_VERSIONS_FALLBACK);
    }
    dialogue.decode::<ApiVersionsRequest>(answer, API_VERSIONS_VERSION)
}

/// The error code of an answer to ApiVersions, which is at the same place in every version.
fn error_code(answer: &Bytes) -> Option<i16> {
    answer.get(ID_BYTES..)?.try_get_i16().ok()
}

impl Versions {
    /// The newest versions that both sides speak.
    fn choose(offered: &ApiVersionsResponse, address: &Address) -> Result<Self, Error> {
        let choose = |key: ApiKey, min: i16, max: i16| {
            let api = offered.api_keys.iter().find(|api| api.api_key == key.id())?;
            let version = api.max_version.min(max);
            (version >= min.max(api.min_version)).then_some(version)
        };
        let needed = |key: ApiKey, min, max| {
            choose(key, min, max).ok_or_else(|| {
                Error::unsupported(address, format!("{} {min} to {max}", key.name()))
            })
        };
        Ok(Self {
            // Record batches (magic 2) begin with Produce 3; 13 names topics by id.
            produce: needed(ApiKey::Produce, 3, 11)?,
            // Metadata 4 is the first that can be told to create no topic.
            metadata: needed(ApiKey::Metadata, 4, 12)?,
            init_producer_id: choose(ApiKey::InitProducerId, 0, 4),
            // Since SaslHandshake 1 a refused login has a reason (KIP-152).
            sasl_handshake: choose(ApiKey::SaslHandshake, 1, 1),
            sasl_authenticate: choose(ApiKey::SaslAuthenticate, 0, 2),
        })
    }
}

fn log_in(dialogue: &mut Dialogue, versions: Versions, login: &Login) -> Result<(), Error> {
    let (Some(handshake), Some(authenticate)) =
        (versions.sasl_handshake, versions.sasl_authenticate)
    else {
        return Err(Error::unsupported(dialogue.address(), "SaslHandshake 1, which a login needs"));
    };
    let mechanism = SaslHandshakeRequest::default().with_mechanism("PLAIN".into());
    let answer = dialogue.ask(&mechanism, handshake)?;
    if answer.error_code != 0 {
        let offered: Vec<&str> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
        return Err(Error::mechanism(dialogue.address(), &offered.join(", ")));
    }
    // RFC 4616: the identity to act as is left empty, it is that of the user.
    let token = format!("\0{}\0{}", login.username, login.password.expose());
    let token = SaslAuthenticateRequest::default().with_auth_bytes(token.into());
    let answer = dialogue.ask(&token, authenticate)?;
    match answer.error_code {
        0 => Ok(()),
        _ => Err(Error::login(answer.error_message.as_deref().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::api_versions_response::ApiVersion;

    use super::*;

    fn choose(offered: &[(i16, i16, i16)]) -> Result<Versions, Error> {
        let api = |(key, min, max): &(i16, i16, i16)| {
            ApiVersion::default().with_api_key(*key).with_min_version(*min).with_max_version(*max)
        };
        let offered =
            ApiVersionsResponse::default().with_api_keys(offered.iter().map(api).collect());
        Versions::choose(&offered, &"localhost:1".parse().unwrap())
    }

    #[test]
    fn the_newest_version_that_both_sides_speak_is_taken() {
        let versions = choose(&[(0, 0, 9), (3, 0, 99), (22, 1, 1)]).unwrap();
        assert_eq!((versions.produce, versions.metadata), (9, 12));
        assert_eq!(versions.init_producer_id, Some(1));
        assert_eq!(versions.sasl_handshake, None);
    }

    #[test]
    fn a_server_that_is_too_old_or_too_new_is_named_with_what_it_lacks() {
        let error = choose(&[(0, 0, 2), (3, 0, 12)]).unwrap_err();
        assert_eq!(error.message, "localhost:1 does not support Produce 3 to 11");
        let error = choose(&[(0, 0, 11), (3, 13, 14)]).unwrap_err();
        assert_eq!(error.message, "localhost:1 does not support Metadata 4 to 12");
    }
}
