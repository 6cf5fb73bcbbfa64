//! What can go wrong, in words for the person who wanted to send something.

use std::fmt;
use std::io;
use std::time::Duration;

use kafka_protocol::ResponseError;

use super::address::Address;
use crate::io_reason::io_reason;
use crate::units::format_duration;

/// Why something was not sent.
#[derive(Debug)]
pub(crate) struct Error {
    /// What may be done about it.
    pub(crate) kind: ErrorKind,
    /// The stable code of the page about it, if there is one.
    pub(crate) code: Option<&'static str>,
    /// One line, without a full stop.
    pub(crate) message: String,
    /// What to do. `{program}` stands for the name of the program.
    pub(crate) help: Vec<String>,
}

/// What may be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// Something that the caller chose cannot be used.
    Configuration,
    /// A new connection may do better.
    Connection,
    /// The server may grant the same request later.
    Busy,
    /// Trying again is of no use.
    Final,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), help: Vec::new() }
    }

    fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// A setting that cannot be used.
    pub(super) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// Nobody could be reached at an address.
    pub(super) fn unreachable(address: &Address, error: &io::Error) -> Self {
        let message = format!("cannot connect to {address}: {}", io_reason(error));
        let error_itself = Self::new(ErrorKind::Connection, message);
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                error_itself.help("is the server running? `{program} serve` starts one")
            }
            _ => error_itself,
        }
    }

    /// The server told its clients to use an address that does not work from here.
    pub(super) fn advertised(self, told_by: &Address, address: &Address) -> Self {
        self.help(format!(
            "{told_by} tells its clients to connect to {address}; `advertise` of its listener must \
             be an address that they reach"
        ))
    }

    /// A connection broke.
    pub(super) fn lost(address: &Address, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            _ => io_reason(error),
        };
        Self::new(ErrorKind::Connection, format!("lost the connection to {address}: {reason}"))
    }

    /// It happened to the first request of all, and there was no TLS.
    pub(super) fn without_tls(self) -> Self {
        match self.kind {
            ErrorKind::Connection => {
                self.help("if this port has TLS, set security.protocol=SASL_SSL")
            }
            ErrorKind::Configuration | ErrorKind::Busy | ErrorKind::Final => self,
        }
    }

    /// The server has not answered for so long.
    pub(super) fn silent(address: &Address, patience: Duration) -> Self {
        let patience = format_duration(patience);
        let message = format!("{address} has not answered a request for {patience}");
        Self::new(ErrorKind::Connection, message)
    }

    /// The handshake of TLS failed.
    pub(super) fn handshake(address: &Address, error: &rustls::Error) -> Self {
        use rustls::{CertificateError, Error as Tls};
        let fatal = |message| Self::new(ErrorKind::Final, message);
        match error {
            // The signature is bad if another authority has the same name, as that of an older demo.
            Tls::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => fatal(format!(
                "the certificate of {address} is not trusted: its authority is unknown here"
            ))
            .help("--ca FILE, or ssl.ca.location, names the certificate of the authority"),
            Tls::InvalidCertificate(reason) => {
                fatal(format!("the certificate of {address} is not trusted: {reason}"))
            }
            Tls::InvalidMessage(_) => fatal(format!("{address} does not speak TLS"))
                .help("use the TLS port, or set security.protocol=SASL_PLAINTEXT"),
            other => fatal(format!("no TLS connection to {address}: {other}")),
        }
    }

    /// What came is no Kafka, or not the answer to what was asked.
    pub(super) fn not_kafka(address: &Address, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Final, format!("cannot understand the answer of {address}: {reason}"))
            .help("is this a Kafka port, and does security.protocol say whether it has TLS?")
    }

    /// The server has no version of an API that is spoken here.
    pub(super) fn unsupported(address: &Address, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Final, format!("{address} does not support {what}"))
    }

    /// SASL/PLAIN is not wanted.
    pub(super) fn mechanism(address: &Address, offered: &str) -> Self {
        let message = format!("{address} takes no SASL/PLAIN here; it says: {offered}");
        Self::new(ErrorKind::Final, message)
    }

    /// The server refused the login, with these words.
    pub(super) fn login(words: &str) -> Self {
        let words = if words.is_empty() { "the server gives no reason" } else { words };
        let error = Self::new(ErrorKind::Final, format!("login refused: {words}"));
        match code_in(words) {
            Some(code) => error.help(format!("`{{program}} explain {code}` tells more")),
            None => error,
        }
    }

    /// The server refused a topic before anything was sent there.
    pub(super) fn topic(topic: &str, code: i16) -> Self {
        Self::refused(topic, code, None)
    }

    /// A topic that takes more than one connection.
    pub(super) fn spread(topic: &str) -> Self {
        let message = format!("the shards of `{topic}` are spread over several servers");
        Self::new(ErrorKind::Final, message).help("kcat can write to a whole cluster")
    }

    /// The server gives out no producer id.
    pub(super) fn producer_id(code: i16) -> Self {
        let error = ResponseError::try_from_code(code).unwrap_or(ResponseError::Unknown(code));
        let kind = if error.is_retriable() { ErrorKind::Busy } else { ErrorKind::Final };
        let name = kafka_name(error);
        Self::new(kind, format!("the server gives out no producer id ({name} {code})"))
    }

    /// The server refused a batch.
    pub(super) fn refused(topic: &str, code: i16, words: Option<&str>) -> Self {
        let Some(error) = ResponseError::try_from_code(code) else {
            return Self::new(ErrorKind::Final, format!("writing to `{topic}` was refused"));
        };
        let words = words.filter(|words| !words.is_empty()).map(|words| format!(": {words}"));
        let words = words.unwrap_or_default();
        let refusal = |kind, what: String| {
            Self::new(kind, format!("{what} ({} {code}){words}", kafka_name(error)))
        };
        match error {
            ResponseError::TopicAuthorizationFailed => {
                refusal(ErrorKind::Final, format!("no right to write to `{topic}`"))
                    .code("LB0501")
                    .help("the Logstore is not there, or the access key may not write to it")
            }
            ResponseError::UnknownTopicOrPartition => {
                refusal(ErrorKind::Final, format!("there is no Logstore for `{topic}`"))
                    .code("LB0521")
                    .help("Logstores stand in the configuration of the server")
            }
            ResponseError::InvalidTopicException => {
                refusal(ErrorKind::Final, format!("`{topic}` cannot name a Logstore"))
                    .code("LB0522")
            }
            _ if error.is_retriable() => {
                refusal(ErrorKind::Busy, format!("the server cannot write to `{topic}` now"))
            }
            _ => refusal(ErrorKind::Final, format!("writing to `{topic}` was refused")),
        }
    }

    /// Nothing was acknowledged for so long; `cause` is what happened last.
    pub(super) fn gave_up(after: Duration, cause: Option<Self>) -> Self {
        let after = format_duration(after);
        let waited = format!("gave up after {after} without an acknowledgement");
        let mut error = match cause {
            Some(cause) => {
                let message = format!("{waited}: {}", cause.message);
                Self { kind: ErrorKind::Final, message, ..cause }
            }
            None => Self::new(ErrorKind::Final, waited),
        };
        error.help.push("--timeout 5min waits longer".to_owned());
        error
    }

    /// With acks=0, what was on its way when the connection broke is lost without a trace.
    pub(super) fn unacknowledged(self) -> Self {
        let error = Self { kind: ErrorKind::Final, ..self };
        error.help("with --acks 0 nobody knows which lines arrived; --acks all can tell")
    }

    /// The input broke.
    pub(super) fn input(error: &io::Error) -> Self {
        Self::new(ErrorKind::Final, format!("cannot read standard input: {}", io_reason(error)))
    }

    /// A line that fits into no batch.
    pub(super) fn line_too_long(line: u64, bytes_max: usize) -> Self {
        let limit = crate::units::format_size_bytes(bytes_max as u64);
        Self::new(ErrorKind::Final, format!("line {line} of the input is longer than {limit}"))
    }

    /// A fault of this program.
    pub(super) fn internal(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Final, format!("a bug in logboom: {what}")).code("LB0901")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The code that logboom puts into brackets at the end of what it says.
fn code_in(words: &str) -> Option<&str> {
    let (_, rest) = words.rsplit_once('[')?;
    let (code, _) = rest.split_once(']')?;
    let digits = code.strip_prefix("LB")?;
    (digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// The name that Kafka gives an error, such as `KAFKA_STORAGE_ERROR`.
fn kafka_name(error: ResponseError) -> String {
    if let ResponseError::Unknown(_) = error {
        return "unknown error".to_owned();
    }
    let mut name = String::new();
    for letter in error.to_string().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        "localhost:10012".parse().unwrap()
    }

    #[test]
    fn a_refused_connection_asks_whether_the_server_runs() {
        let refused = io::Error::from_raw_os_error(111);
        let error = Error::unreachable(&address(), &refused);
        assert_eq!(error.message, "cannot connect to localhost:10012: connection refused");
        assert_eq!(error.help, ["is the server running? `{program} serve` starts one"]);
        assert_eq!(error.kind, ErrorKind::Connection);
    }

    #[test]
    fn the_words_of_the_server_are_repeated_and_its_code_is_looked_up() {
        let words = "Authentication failed: unknown project, key or secret. [LB0401]";
        let error = Error::login(words);
        assert_eq!(error.message, format!("login refused: {words}"));
        assert_eq!(error.help, ["`{program} explain LB0401` tells more"]);
        for words in ["", "[LB04]", "LB0401", "[LBABCD]", "]["] {
            assert!(Error::login(words).help.is_empty(), "{words}");
        }
    }

    #[test]
    fn codes_of_kafka_are_told_by_name_and_number() {
        let error = Error::refused("demo", 29, None);
        let expected = "no right to write to `demo` (TOPIC_AUTHORIZATION_FAILED 29)";
        assert_eq!((error.message.as_str(), error.code), (expected, Some("LB0501")));
        assert_eq!(Error::topic("demo", 3).code, Some("LB0521"));
        let error = Error::refused("demo", 87, Some("bad batch"));
        assert_eq!(error.message, "writing to `demo` was refused (INVALID_RECORD 87): bad batch");
        let error = Error::refused("demo", 999, None);
        assert_eq!(error.message, "writing to `demo` was refused (unknown error 999)");
    }

    #[test]
    fn what_other_clients_retry_is_retried_and_missing_rights_are_not() {
        let kind = |code| Error::refused("demo", code, None).kind;
        for code in [2, 6, 7, 19, 56] {
            assert_eq!(kind(code), ErrorKind::Busy, "{code}");
        }
        for code in [-1, 3, 10, 17, 29, 45, 47, 76, 87, 999] {
            assert_eq!(kind(code), ErrorKind::Final, "{code}");
        }
    }

    #[test]
    fn giving_up_names_the_last_cause() {
        let cause = Error::refused("demo", 56, None);
        let error = Error::gave_up(Duration::from_secs(30), Some(cause));
        assert_eq!(
            error.message,
            "gave up after 30 s without an acknowledgement: the server cannot write to `demo` now \
             (KAFKA_STORAGE_ERROR 56)"
        );
        assert_eq!(error.kind, ErrorKind::Final);
    }
}
