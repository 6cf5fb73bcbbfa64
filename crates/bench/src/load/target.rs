//! Which server is measured, and how to get in.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::{Failure, Result};

/// A server, as an address or as a file in the format of librdkafka says.
#[derive(Clone)]
pub struct Target {
    /// What it is called in tables.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// What is written to.
    pub topic: String,
    /// Whose processor time and memory is measured, if it is known.
    pub pid: Option<u32>,
    /// How connections are encrypted, if they are.
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// User and password, if it asks for them.
    pub(super) login: Option<(String, String)>,
}

impl Target {
    /// `HOST:PORT` of a server that wants neither TLS nor a login, or the path of a file such as the
    /// `client.conf` of a logboom demo.
    ///
    /// # Errors
    ///
    /// If there is no such host, or the file asks for something that this client cannot do.
    pub fn parse(text: &str, topic: &str) -> Result<Self> {
        let path = Path::new(text);
        if path.is_file() {
            let content = std::fs::read_to_string(path)
                .map_err(Failure::while_doing(format_args!("read {text}")))?;
            return Self::from_properties(&content, topic)
                .map_err(|failure| Failure::new(format!("{text}: {}", failure.message())));
        }
        if text.contains('/') {
            return Err(Failure::new(format!("there is no file {text}")));
        }
        Self::new(text, topic)
    }

    fn new(address: &str, topic: &str) -> Result<Self> {
        let found = address
            .to_socket_addrs()
            .map_err(Failure::while_doing(format_args!("find the host {address}")))?
            .next();
        Ok(Self {
            name: address.to_owned(),
            address: found.ok_or_else(|| Failure::new(format!("{address} has no address")))?,
            topic: topic.to_owned(),
            pid: None,
            tls: None,
            login: None,
        })
    }

    fn from_properties(text: &str, topic: &str) -> Result<Self> {
        let properties: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let get = |wanted: &str| {
            properties.iter().rev().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
        };
        let need = |name| get(name).ok_or_else(|| Failure::new(format!("{name} is missing")));
        let servers = get("bootstrap.servers").or_else(|| get("metadata.broker.list"));
        let servers = servers.ok_or_else(|| Failure::new("bootstrap.servers is missing"))?;
        let address = servers.split(',').next().unwrap_or(servers);
        let mut target = Self::new(address, topic)?;
        let protocol = get("security.protocol").unwrap_or("plaintext").to_ascii_lowercase();
        let (tls, login) = match protocol.as_str() {
            "plaintext" => (false, false),
            "ssl" => (true, false),
            "sasl_plaintext" => (false, true),
            "sasl_ssl" => (true, true),
            other => return Err(Failure::new(format!("security.protocol is {other}"))),
        };
        if tls {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(host).map_err(Failure::while_doing("use the host"))?;
            target.tls = Some((trusting(get("ssl.ca.location").map(PathBuf::from))?, name));
        }
        if login {
            let mechanism = get("sasl.mechanism").or_else(|| get("sasl.mechanisms"));
            if !mechanism.unwrap_or("PLAIN").eq_ignore_ascii_case("PLAIN") {
                return Err(Failure::new("sasl.mechanism is not PLAIN, the only one known here"));
            }
            target.login =
                Some((need("sasl.username")?.to_owned(), need("sasl.password")?.to_owned()));
        }
        Ok(target)
    }

    /// What the connections to it are, for tables.
    #[must_use]
    pub const fn security(&self) -> &'static str {
        match (&self.tls, &self.login) {
            (None, None) => "plaintext",
            (Some(_), None) => "TLS",
            (None, Some(_)) => "plaintext, SASL",
            (Some(_), Some(_)) => "TLS, SASL",
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// TLS that trusts the authorities in a file in PEM, or else those of the operating system.
fn trusting(ca: Option<PathBuf>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let unusable = || format!("use the authorities in {}", path.display());
            let certificates =
                CertificateDer::pem_file_iter(&path).map_err(Failure::while_doing(unusable()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(Failure::while_doing(unusable()))?;
                roots.add(certificate).map_err(Failure::while_doing(unusable()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Failure::while_doing("set up TLS"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Every connection is one of a stranger.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_server_without_login() {
        let target = Target::parse("127.0.0.1:9092", "logs").unwrap();
        assert_eq!((target.address.port(), target.security()), (9092, "plaintext"));
        assert!(Target::parse("no/such/file", "logs").is_err());
    }

    #[test]
    fn a_file_says_how_to_log_in() {
        let text = "# written by hand\nbootstrap.servers=127.0.0.1:9093\n\
                    security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=demo\n\
                    sasl.password=key#secret=\nlinger.ms=5\n";
        let target = Target::from_properties(text, "logs").unwrap();
        assert_eq!(target.security(), "TLS, SASL");
        assert_eq!(target.login, Some(("demo".to_owned(), "key#secret=".to_owned())));
        assert!(!format!("{target:?}").contains("secret"));
    }

    #[test]
    fn what_is_not_known_here_is_refused() {
        for wrong in [
            "security.protocol=sasl_ssl",
            "bootstrap.servers=127.0.0.1:1\nsecurity.protocol=kerberos",
            "bootstrap.servers=127.0.0.1:1\nsecurity.protocol=sasl_plaintext\nsasl.mechanism=GSSAPI",
            "bootstrap.servers=127.0.0.1:1\nsecurity.protocol=sasl_plaintext\nsasl.username=x",
            "bootstrap.servers=127.0.0.1:1\nsecurity.protocol=ssl\nssl.ca.location=/no/such/ca.pem",
        ] {
            assert!(Target::from_properties(wrong, "logs").is_err(), "{wrong}");
        }
    }
}
