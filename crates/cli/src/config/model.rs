use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use logboom_access::{AuthFailure, SecretHash};
use logboom_model::{FieldNames, KeyMapping, MappingOptions};

use super::advertise::Advertise;
use super::limits::Limits;
use crate::diagnostics::Span;

/// Where a value comes from. `None` is the default of the program.
pub type Origin = Option<Span>;

/// A value and where it comes from, so that later checks can point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> Located<T> {
    /// A value that nobody wrote: the default.
    pub fn default_value(value: T) -> Self {
        Self { value, origin: None }
    }

    /// A value that was written at `span`.
    pub fn at(value: T, span: Span) -> Self {
        Self { value, origin: Some(span) }
    }

    /// The same place with what `f` makes of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: f(self.value), origin: self.origin }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A whole configuration: what the files, the environment and the command line say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[node]`.
    pub node: Node,
    /// `[[listener]]`, in the order of the files.
    pub listeners: Vec<Listener>,
    /// `[[project]]`, in the order of the files.
    pub projects: Vec<Project>,
    /// `[[access_key]]`, in the order of the files.
    pub access_keys: Vec<AccessKey>,
}

/// `[node]`: what belongs to this server and not to a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where everything that the server writes is kept.
    pub data_dir: Located<PathBuf>,
    /// What a client meets whose password is wrong.
    pub auth_failure: Located<AuthFailure>,
    /// `[node.limits]`.
    pub limits: Limits,
    /// Where each limit that is not a default was written.
    pub limit_origins: BTreeMap<&'static str, Span>,
}

impl Node {
    /// The directory of the log itself; the data directory holds other things beside it.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.data_dir.join("store")
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            data_dir: Located::default_value(PathBuf::from(super::DATA_DIR_DEFAULT)),
            auth_failure: Located::default_value(AuthFailure::Error),
            limits: Limits::default(),
            limit_origins: BTreeMap::new(),
        }
    }
}

/// `[[listener]]`: an address that clients connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name in logs and metrics.
    pub name: Located<String>,
    /// Where it listens. Port 0 takes any free port.
    pub address: Located<SocketAddr>,
    /// Whether clients must speak TLS.
    pub tls: Located<bool>,
    /// Certificates with their keys. The first is shown to clients that send no server name or an
    /// unknown one. Empty without TLS.
    pub certificates: Vec<CertificatePair>,
    /// The host and port that clients are told to connect to.
    pub advertise: Located<Advertise>,
    /// The `[[listener]]` line.
    pub header: Span,
}

/// A chain of certificates and the key of its first one, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePair {
    /// The chain, leaf first.
    pub cert: Located<PathBuf>,
    /// The private key.
    pub key: Located<PathBuf>,
}

/// `[[project]]`: a tenant, and the SASL user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: Located<String>,
    /// `[[project.logstore]]`.
    pub logstores: Vec<Logstore>,
}

/// `[[project.logstore]]`: a stream of logs, and the Kafka topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logstore {
    /// Its name.
    pub name: Located<String>,
    /// How many shards it has, which clients see as partitions.
    pub shards: Located<u32>,
    /// When its logs expire.
    pub retention: Retention,
    /// What becomes of the key of a record.
    pub key: Located<KeyMapping>,
    /// Whether field names keep to the naming rule of the log data model.
    pub field_names: Located<FieldNames>,
}

impl Logstore {
    /// How its records become logs.
    #[must_use]
    pub fn mapping(&self) -> MappingOptions {
        MappingOptions {
            key: self.key.value,
            field_names: self.field_names.value,
            ..MappingOptions::default()
        }
    }
}

/// When logs expire. Without either bound they are kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Logs appended longer ago than this expire.
    pub age: Option<Located<Duration>>,
    /// The oldest logs beyond this many bytes expire.
    pub bytes: Option<Located<u64>>,
}

/// `[[access_key]]`: who may do what in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The AccessKey ID: the part of the password before `#`.
    pub id: Located<String>,
    /// The project it belongs to.
    pub project: Located<String>,
    /// Live secrets: one, or two while they are being rotated.
    pub secrets: Vec<Located<SecretSource>>,
    /// Rights in one word.
    pub allow: Option<Located<Allow>>,
    /// Policy documents.
    pub policies: Vec<Located<PathBuf>>,
    /// The `[[access_key]]` line.
    pub header: Span,
}

/// Where a secret is to be had. The configuration never contains one in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Its salted hash.
    Sha256(SecretHash),
    /// A file that contains it.
    File(PathBuf),
    /// An environment variable that contains it.
    Environment(String),
}

/// Rights on all Logstores of the project of a key, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Allow {
    /// Produce only.
    Write,
    /// Read only.
    Read,
    /// Both.
    All,
}

impl Allow {
    /// The word for it in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::All => "all",
        }
    }
}
