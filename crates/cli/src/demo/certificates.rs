//! The demo's own certificate authority, and the certificate for localhost.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::files::{self, Access};

/// What the certificate of the demo is valid for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const AUTHORITY_YEARS: i64 = 10;
/// Some clients refuse server certificates that are valid for longer.
const SERVER_DAYS: i64 = 397;
/// What is left when a certificate is renewed.
const RENEWED_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 86_400;

const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca-key.pem";
pub(super) const SERVER: &str = "server.pem";
pub(super) const SERVER_KEY: &str = "server-key.pem";

/// Sees to it that `directory` has an authority and a certificate that last for a while, and
/// returns the certificate of the authority.
pub(super) fn ensure(directory: &Path, now: Timestamp) -> io::Result<String> {
    let authority = match Authority::read(directory, now) {
        Some(authority) => authority,
        None => Authority::create(directory, now)?,
    };
    if !is_usable(directory, &authority, now) {
        authority.sign_server(directory, now)?;
    }
    Ok(authority.pem)
}

/// SHA-256 of a certificate, as browsers and `openssl x509 -fingerprint` show it.
pub(super) fn fingerprint(pem: &str) -> io::Result<String> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
    let bytes: Vec<String> =
        Sha256::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(bytes.join(":"))
}

struct Authority {
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// What is there, if it is whole and lasts longer than a new server certificate would.
    fn read(directory: &Path, now: Timestamp) -> Option<Self> {
        let pem = fs::read_to_string(directory.join(AUTHORITY)).ok()?;
        let key = fs::read_to_string(directory.join(AUTHORITY_KEY)).ok()?;
        let key = KeyPair::from_pem(&key).ok()?;
        let belongs = public_key(&pem)? == key.subject_public_key_info();
        let lasts = days_left(&pem, now)? > SERVER_DAYS;
        (belongs && lasts).then_some(Self { pem, key })
    }

    /// Makes a new one. The key is written first: without its certificate it is made again.
    fn create(directory: &Path, now: Timestamp) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = authority_params();
        set_validity(&mut params, now, Span::new().years(AUTHORITY_YEARS));
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        files::replace(&directory.join(AUTHORITY_KEY), &key.serialize_pem(), Access::Private)?;
        files::replace(&directory.join(AUTHORITY), &pem, Access::Public)?;
        Ok(Self { pem, key })
    }

    /// Makes a new key and certificate for the server. The key is written first: with an older
    /// certificate it does not fit, and both are made again.
    fn sign_server(&self, directory: &Path, now: Timestamp) -> io::Result<()> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params =
            CertificateParams::new(NAMES.map(String::from)).map_err(io::Error::other)?;
        params.distinguished_name = name_of("localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_validity(&mut params, now, Span::new().days(SERVER_DAYS));
        let issuer = authority_params();
        let issuer = Issuer::from_params(&issuer, &self.key);
        let pem = params.signed_by(&key, &issuer).map_err(io::Error::other)?.pem();
        files::replace(&directory.join(SERVER_KEY), &key.serialize_pem(), Access::Private)?;
        files::replace(&directory.join(SERVER), &pem, Access::Public)
    }
}

/// Whether the certificate of the server fits its key and its authority, and lasts for a while.
fn is_usable(directory: &Path, authority: &Authority, now: Timestamp) -> bool {
    let read = |name| fs::read_to_string(directory.join(name)).ok();
    let (Some(pem), Some(key)) = (read(SERVER), read(SERVER_KEY)) else { return false };
    let Ok(key) = KeyPair::from_pem(&key) else { return false };
    let belongs = public_key(&pem).is_some_and(|public| public == key.subject_public_key_info());
    belongs && is_accepted(&pem, &authority.pem, now) == Some(true)
}

/// The same each time, so that it also describes an authority that was made earlier.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name_of("logboom demo CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn name_of(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// From yesterday, because not every clock is right, for so long.
fn set_validity(params: &mut CertificateParams, now: Timestamp, lasts: Span) {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |date: Date| {
        let [month, day] = [date.month(), date.day()].map(|number| number.unsigned_abs());
        date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(today.yesterday().unwrap_or(today));
    params.not_after = day(today.saturating_add(lasts));
}

fn days_left(pem: &str, now: Timestamp) -> Option<i64> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some((certificate.validity().not_after.timestamp() - now.as_second()) / DAY_SECONDS)
}

fn public_key(pem: &str) -> Option<Vec<u8>> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

/// Whether a client that trusts `authority` accepts `pem` under every name of the demo, now and
/// until it is to be renewed.
fn is_accepted(pem: &str, authority: &str, now: Timestamp) -> Option<bool> {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let mut roots = RootCertStore::empty();
    roots.add(der(authority)?).ok()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
    let server = der(pem)?;
    let seconds = now.as_second() + RENEWED_DAYS * DAY_SECONDS;
    let then = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).ok()?));
    Some(NAMES.into_iter().all(|name| {
        ServerName::try_from(name)
            .is_ok_and(|name| verifier.verify_server_cert(&server, &[], &name, &[], then).is_ok())
    }))
}
