//! What a producer says before its first batch.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse, ResponseHeader,
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use rustls::ClientConnection;

use super::frames::{PRODUCE_KEY, PRODUCE_VERSION, request_bytes};
use super::link::Link;
use super::target::Target;
use crate::clock::now;
use crate::{Failure, Result};

/// Key and version of what is asked. Old versions, which every server has.
const API_VERSIONS: (i16, i16) = (18, 0);
const SASL_HANDSHAKE: (i16, i16) = (17, 1);
const SASL_AUTHENTICATE: (i16, i16) = (36, 0);
const METADATA: (i16, i16) = (3, 4);

/// No server takes so long to answer one of these.
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic that is created on the way is there after this.
const CREATION_PATIENCE: Duration = Duration::from_secs(5);
const CREATION_PAUSE: Duration = Duration::from_millis(100);

/// No answer to these is larger.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Connects to a server and logs in.
///
/// # Errors
///
/// If the server is not there, refuses, or does not speak what is needed.
pub(super) fn log_in(target: &Target) -> Result<Link> {
    let link = connect(target)
        .map_err(Failure::while_doing(format_args!("connect to {}", target.address)))?;
    let mut dialogue = Dialogue { link, correlation: 0 };
    dialogue.check_versions()?;
    if let Some((user, password)) = &target.login {
        dialogue.authenticate(user, password)?;
    }
    Ok(dialogue.link)
}

/// Asks for the partitions of the topic, which is created if the server does that.
///
/// # Errors
///
/// If there is no such topic, or part of it is elsewhere.
pub(super) fn partitions(target: &Target) -> Result<Vec<i32>> {
    let mut dialogue = Dialogue { link: log_in(target)?, correlation: 100 };
    let deadline = now() + CREATION_PATIENCE;
    loop {
        match dialogue.partitions(&target.topic)? {
            Ok(partitions) => return Ok(partitions),
            Err(ResponseError::UnknownTopicOrPartition | ResponseError::LeaderNotAvailable)
                if now() < deadline =>
            {
                std::thread::park_timeout(CREATION_PAUSE);
            }
            Err(error) => {
                let topic = &target.topic;
                return Err(Failure::new(format!("the topic {topic} cannot be used: {error}")));
            }
        }
    }
}

fn connect(target: &Target) -> io::Result<Link> {
    let stream = TcpStream::connect_timeout(&target.address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Some((config, name)) = &target.tls else { return Ok(Link::Plain(stream)) };
    let session =
        ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
    Ok(Link::tls(stream, session))
}

/// One question after the other.
struct Dialogue {
    link: Link,
    correlation: i32,
}

impl Dialogue {
    fn check_versions(&mut self) -> Result<()> {
        let answer: ApiVersionsResponse =
            self.ask("ApiVersions", API_VERSIONS, &ApiVersionsRequest::default())?;
        refused("ApiVersions", answer.error_code, None)?;
        let produce = answer.api_keys.iter().find(|api| api.api_key == PRODUCE_KEY);
        match produce {
            Some(api) if (api.min_version..=api.max_version).contains(&PRODUCE_VERSION) => Ok(()),
            Some(api) => Err(Failure::new(format!(
                "the server speaks Produce {} to {}, and this client {PRODUCE_VERSION}",
                api.min_version, api.max_version
            ))),
            None => Err(Failure::new("the server does not take Produce requests")),
        }
    }

    fn authenticate(&mut self, user: &str, password: &str) -> Result<()> {
        let plain =
            SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str("PLAIN"));
        let answer: SaslHandshakeResponse = self.ask("SaslHandshake", SASL_HANDSHAKE, &plain)?;
        refused("SaslHandshake", answer.error_code, None)?;
        let token = SaslAuthenticateRequest::default()
            .with_auth_bytes(format!("\0{user}\0{password}").into());
        let answer: SaslAuthenticateResponse =
            self.ask("SaslAuthenticate", SASL_AUTHENTICATE, &token)?;
        refused("SaslAuthenticate", answer.error_code, answer.error_message.as_deref())
    }

    /// All partitions that are led by the one server which leads the first of them.
    fn partitions(&mut self, topic: &str) -> Result<std::result::Result<Vec<i32>, ResponseError>> {
        let name = TopicName(StrBytes::from_string(topic.to_owned()));
        let named = MetadataRequestTopic::default().with_name(Some(name));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![named]))
            .with_allow_auto_topic_creation(true);
        let answer: MetadataResponse = self.ask("Metadata", METADATA, &request)?;
        let Some(topic) = answer.topics.first() else {
            return Err(Failure::new("the answer to Metadata has no topic"));
        };
        let codes = topic.partitions.iter().map(|it| it.error_code);
        if let Some(code) = [topic.error_code].into_iter().chain(codes).find(|&code| code != 0) {
            return Ok(Err(error_of(code)));
        }
        let Some(first) = topic.partitions.first() else {
            return Ok(Err(ResponseError::LeaderNotAvailable));
        };
        if topic.partitions.iter().any(|it| it.leader_id != first.leader_id) {
            return Err(Failure::new("the topic is spread over several servers")
                .help("this measures one server: use a topic that one of them leads"));
        }
        let mut found: Vec<_> = topic.partitions.iter().map(|it| it.partition_index).collect();
        found.sort_unstable();
        Ok(Ok(found))
    }

    fn ask<Q, R>(&mut self, what: &str, (key, version): (i16, i16), request: &Q) -> Result<R>
    where
        Q: Encodable + HeaderVersion,
        R: Decodable + HeaderVersion,
    {
        self.correlation += 1;
        let frame = request_bytes(key, version, self.correlation, request)?;
        let mut answer = self.exchange(&frame).map_err(|error| no_answer(what, &error))?;
        let header = ResponseHeader::decode(&mut answer, R::header_version(version));
        let not_understood = || Failure::while_doing(format!("understand the answer to {what}"));
        if header.map_err(not_understood())?.correlation_id != self.correlation {
            return Err(Failure::new(format!("{what} has the answer to something else")));
        }
        R::decode(&mut answer, version).map_err(not_understood())
    }

    fn exchange(&mut self, frame: &[u8]) -> io::Result<Bytes> {
        self.link.write_all(frame)?;
        io::Write::flush(&mut self.link)?;
        let mut length = [0; 4];
        self.link.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(io::Error::other(format!("it claims to have {length} bytes")));
        }
        let mut answer = vec![0; length];
        self.link.read_exact(&mut answer)?;
        Ok(answer.into())
    }
}

fn no_answer(what: &str, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::WouldBlock => Failure::new(format!("the server does not answer {what}")),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => Failure::new(format!(
            "the server has ended the connection instead of answering {what}"
        ))
        .help("does it want TLS or a login? Name a file with properties instead of an address"),
        _ => Failure::new(format!("no answer to {what}: {error}")),
    }
}

fn refused(what: &str, code: i16, message: Option<&str>) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    let message = message.map(|it| format!(": {it}")).unwrap_or_default();
    Err(Failure::new(format!("{what} was refused with {}{message}", error_name(code))))
}

/// The name of an error and its number.
pub(super) fn error_name(code: i16) -> String {
    format!("{} ({code})", error_of(code))
}

fn error_of(code: i16) -> ResponseError {
    ResponseError::try_from_code(code).unwrap_or(ResponseError::Unknown(code))
}
