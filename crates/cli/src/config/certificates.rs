//! Certificates: whether they can be used, how long, and whether they name what clients are told.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::keys::warn_world_readable;
use super::model::{CertificatePair, Config, Listener, Located, Project};
use crate::diagnostics::{Finding, Findings};
use crate::io_reason::io_reason;

/// A certificate that ends within so many days is worth a warning.
const EXPIRES_SOON_DAYS: i64 = 21;
const DAY_SECONDS: i64 = 86_400;

/// A certificate with its key, ready for use, and the names it is valid for.
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Reads the certificates of a listener, and reports what is wrong with them. Returns those that
/// can be used.
pub(super) fn read(
    findings: &mut Findings,
    config: &Config,
    listener: &Listener,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Vec<Certificate> {
    let mut certificates = Vec::new();
    for pair in &listener.certificates {
        let Some(key) = read_pair(findings, pair, provider) else { continue };
        match Certificate::new(key) {
            Ok(certificate) => {
                check_time(findings, pair, &certificate, now);
                certificates.push(certificate);
            }
            Err(problem) => findings.push(unusable(&pair.cert, &problem)),
        }
    }
    // With a certificate missing, nobody can say what is not covered.
    if !certificates.is_empty() && certificates.len() == listener.certificates.len() {
        check_names(findings, config, listener, &certificates);
    }
    certificates
}

impl Certificate {
    fn new(key: CertifiedKey) -> Result<Self, String> {
        let leaf = key.cert.first().ok_or("it contains no certificate")?;
        let (_, certificate) =
            X509Certificate::from_der(leaf).map_err(|error| error.to_string())?;
        let time = |seconds| Timestamp::from_second(seconds).map_err(|error| error.to_string());
        let validity = certificate.validity();
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => {
                extension.value.general_names.iter().filter_map(name_in_words).collect()
            }
            Ok(None) | Err(_) => Vec::new(),
        };
        let not_before = time(validity.not_before.timestamp())?;
        let not_after = time(validity.not_after.timestamp())?;
        Ok(Self { key: Arc::new(key), names, not_before, not_after })
    }

    /// Whether a client that was told `host` would accept it.
    fn covers(&self, host: &ServerName<'_>) -> bool {
        let leaf = self.key.cert.first().map(ParsedCertificate::try_from);
        matches!(leaf, Some(Ok(leaf)) if rustls::client::verify_server_name(&leaf, host).is_ok())
    }

    fn in_words(&self) -> String {
        let names = if self.names.is_empty() {
            "no host name at all".to_owned()
        } else {
            self.names.join(", ")
        };
        format!("valid for {names}, until {}", day(self.not_after))
    }
}

fn name_in_words(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => Some(std::net::IpAddr::from(v4).to_string()),
            Err(_) => Some(std::net::IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    }
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).date().to_string()
}

fn read_pair(
    findings: &mut Findings,
    pair: &CertificatePair,
    provider: &CryptoProvider,
) -> Option<CertifiedKey> {
    let chain = read_chain(&pair.cert);
    let key = PrivateKeyDer::from_pem_file(&pair.key.value).map_err(pem_problem);
    warn_world_readable(findings, &pair.key, pair.key.origin);
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => {
            for (path, problem) in [(&pair.cert, chain.err()), (&pair.key, key.err())] {
                findings.extend_from(problem.map(|problem| unusable(path, &problem)));
            }
            return None;
        }
    };
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(key) => Some(key),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let mut finding =
                Finding::error("LB0143", "the private key does not belong to the certificate");
            if let (Some(key), Some(cert)) = (pair.key.origin, pair.cert.origin) {
                finding = finding
                    .at(key, "this key is of another certificate")
                    .with_context(cert, "the first certificate in this file has another key");
            }
            findings.push(finding);
            None
        }
        Err(error) => {
            findings.push(unusable(&pair.key, &error.to_string()));
            None
        }
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem_problem)?;
    if chain.is_empty() { Err("it contains no certificate".to_owned()) } else { Ok(chain) }
}

fn pem_problem(error: rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => io_reason(&error),
        Error::NoItemsFound => "it contains nothing of this kind in PEM".to_owned(),
        other => other.to_string(),
    }
}

fn unusable(path: &Located<std::path::PathBuf>, problem: &str) -> Finding {
    let finding = Finding::error("LB0142", format!("cannot use {}", path.display()));
    match path.origin {
        Some(span) => finding.at(span, problem),
        None => finding.note(problem),
    }
}

fn check_time(
    findings: &mut Findings,
    pair: &CertificatePair,
    certificate: &Certificate,
    now: Timestamp,
) {
    let (not_before, not_after) = (certificate.not_before, certificate.not_after);
    let seconds_left = not_after.as_second() - now.as_second();
    let finding = if now < not_before {
        Finding::error("LB0144", format!("the certificate is valid from {} on", day(not_before)))
            .note("if that is in the past, look at the clock of this machine")
    } else if seconds_left < 0 {
        Finding::error("LB0144", format!("the certificate ended on {}", day(not_after)))
            .note("clients would say \"certificate has expired\"")
    } else if seconds_left < EXPIRES_SOON_DAYS * DAY_SECONDS {
        let days = seconds_left / DAY_SECONDS;
        let title = format!("the certificate ends on {}, in {days} days", day(not_after));
        Finding::warning("LB0144", title)
    } else {
        return;
    };
    findings.push(match pair.cert.origin {
        Some(span) => finding.at(span, ""),
        None => finding,
    });
}

/// Each project must be told a name that one of the certificates covers.
fn check_names(
    findings: &mut Findings,
    config: &Config,
    listener: &Listener,
    certificates: &[Certificate],
) {
    let advertise = &*listener.advertise;
    let uncovered = |project: &&Project| !is_covered(&advertise.host(&project.name), certificates);
    let Some(project) = config.projects.iter().find(uncovered) else { return };
    let host = advertise.host(&project.name);
    let mut finding =
        Finding::error("LB0141", "the certificate does not cover the advertised name");
    let cert = listener.certificates.first().and_then(|pair| pair.cert.origin);
    if let (Some(cert), Some(first)) = (cert, certificates.first()) {
        finding = finding.at(cert, first.in_words());
    }
    finding = finding.with_context(listener.header, format!("listener `{}`", *listener.name));
    if let Some(span) = listener.advertise.origin {
        let told = format!("project `{}` will be told {host}", *project.name);
        finding = finding.with_context(span, told);
    }
    let wildcard = advertise.wildcard_host();
    let help = match advertise.without_project() {
        Some(one_host) if is_covered(&one_host.host(""), certificates) => {
            format!("add {wildcard} to the certificate, or advertise = \"{one_host}\"")
        }
        _ => format!("add {wildcard} to the certificate"),
    };
    findings.push(
        finding
            .help(help)
            .note("clients would say \"certificate verify failed\" or \"hostname mismatch\""),
    );
}

fn is_covered(host: &str, certificates: &[Certificate]) -> bool {
    ServerName::try_from(host)
        .is_ok_and(|host| certificates.iter().any(|certificate| certificate.covers(&host)))
}
