use std::borrow::Cow;
use std::sync::Arc;

use logboom_planted::planted;
use logboom_wire::api::ApiKey;
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{FetchRequest, FindCoordinatorRequest, ProduceRequest};
use logboom_wire::response::{
    ApiVersionsResponse, ClusterView, FetchResponse, FindCoordinatorResponse,
    InitProducerIdResponse, PartitionOutcome, ProduceResponse, SaslAuthenticateResponse,
    SaslHandshakeResponse,
};

use crate::command::ProducerIdGrant;
use crate::request::Request;
use crate::sasl::{PLAIN, PLAIN_OVER_TLS};

/// A bare token was accepted: an empty token of the server, without a response header. Not a null
/// one, which ruby-kafka takes for an error.
const RAW_TOKEN_ACCEPTED: [u8; 4] = [0, 0, 0, 0];

/// Sessions end when the connection does (KIP-368): many clients cannot authenticate again.
const SESSION_LIFETIME_MS: i64 = 0;

/// What is answered to a request, not yet encoded.
///
/// Answers stay in this form until it is their turn, so that what waits behind an unfinished request
/// takes little memory: an encoded Metadata response can be a million times its request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing is sent: acks=0.
    Silence,
    /// A bare SASL token was accepted.
    RawTokenAccepted,
    /// Success where there is nothing else to say: ApiVersions, SaslHandshake, SaslAuthenticate.
    Success,
    /// A SASL mechanism is refused because the connection is not encrypted.
    TlsWanted,
    /// The same error for everything the request names.
    Error(ErrorCode),
    /// The credentials are wrong, in words.
    Rejected(Cow<'static, str>),
    /// Topics and their places.
    Metadata(Arc<ClusterView>),
    /// The identity of a producer.
    ProducerId(ProducerIdGrant),
    /// What became of each partition.
    Outcomes(Vec<PartitionOutcome>),
}

impl Answer {
    /// Appends the response to `request` as one frame.
    pub(crate) fn encode(&self, request: &Request, out: &mut Vec<u8>) {
        let (version, mut correlation_id) = (request.version, request.correlation_id);
        if planted!(PreviousCorrelationId) {
            correlation_id = correlation_id.wrapping_sub(1);
        }
        match self {
            Self::Silence => {}
            Self::RawTokenAccepted => out.extend_from_slice(&RAW_TOKEN_ACCEPTED),
            Self::Success => encode_status(request, ErrorCode::None, None, out),
            Self::TlsWanted => {
                let error = ErrorCode::UnsupportedSaslMechanism;
                SaslHandshakeResponse { error, mechanisms: &[PLAIN_OVER_TLS] }.encode(
                    version,
                    correlation_id,
                    out,
                );
            }
            Self::Error(error) => encode_status(request, *error, None, out),
            Self::Rejected(message) => {
                encode_status(request, ErrorCode::SaslAuthenticationFailed, Some(message), out);
            }
            Self::Metadata(view) => view.encode(version, correlation_id, out),
            Self::ProducerId(grant) => {
                let ProducerIdGrant { producer_id, producer_epoch } = *grant;
                InitProducerIdResponse { error: ErrorCode::None, producer_id, producer_epoch }
                    .encode(version, correlation_id, out);
            }
            Self::Outcomes(outcomes) => encode_outcomes(request, outcomes, out),
        }
    }
}

/// Encodes a response that says the same about everything its request names.
fn encode_status(request: &Request, error: ErrorCode, message: Option<&str>, out: &mut Vec<u8>) {
    let Request { api, version, correlation_id, .. } = *request;
    // The bodies were decoded before they got here, so the defaults never show.
    match api {
        ApiKey::ApiVersions => ApiVersionsResponse { error }.encode(version, correlation_id, out),
        ApiKey::SaslHandshake => SaslHandshakeResponse { error, mechanisms: &[PLAIN] }.encode(
            version,
            correlation_id,
            out,
        ),
        ApiKey::SaslAuthenticate => SaslAuthenticateResponse {
            error,
            error_message: message,
            auth_bytes: &[],
            session_lifetime_ms: SESSION_LIFETIME_MS,
        }
        .encode(version, correlation_id, out),
        ApiKey::Fetch => {
            let request = FetchRequest::decode(version, request.body()).unwrap_or_default();
            FetchResponse { request, error }.encode(version, correlation_id, out);
        }
        ApiKey::FindCoordinator => {
            let request =
                FindCoordinatorRequest::decode(version, request.body()).unwrap_or_default();
            FindCoordinatorResponse { request, error }.encode(version, correlation_id, out);
        }
        ApiKey::InitProducerId => {
            InitProducerIdResponse { error, producer_id: -1, producer_epoch: -1 }.encode(
                version,
                correlation_id,
                out,
            );
        }
        ApiKey::Produce => {
            let partitions = decode_produce(request).partition_count();
            encode_outcomes(request, &vec![PartitionOutcome::failed(error, None); partitions], out);
        }
        // Answered with a view of the cluster, in which every topic has an error of its own.
        ApiKey::Metadata => {}
    }
}

fn encode_outcomes(request: &Request, outcomes: &[PartitionOutcome], out: &mut Vec<u8>) {
    let response = ProduceResponse { request: decode_produce(request), outcomes };
    response.encode(request.version, request.correlation_id, out);
}

fn decode_produce(request: &Request) -> ProduceRequest<'_> {
    ProduceRequest::decode_again(request.version, request.body())
}
