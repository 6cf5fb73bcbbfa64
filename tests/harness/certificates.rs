use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// A certificate authority of the tests.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// Makes one of this name.
    ///
    /// # Panics
    ///
    /// If there is no randomness.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Issues a certificate for localhost and writes it and its key, as PEM.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    pub fn issue(&self, certificate: &Path, key: &Path) {
        let pair = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        let signed = params.signed_by(&pair, &self.issuer).expect("a certificate");
        super::site::write_private(key, &pair.serialize_pem());
        std::fs::write(certificate, signed.pem()).expect("the certificate is written");
    }

    /// The TLS of a client that trusts this authority and no other.
    #[must_use]
    pub fn trusting(&self) -> Arc<ClientConfig> {
        trusting(self.certificate.clone())
    }
}

/// The TLS of a client that trusts this authority.
pub(super) fn trusting(authority: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("a well-formed certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
