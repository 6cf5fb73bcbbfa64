//! Real TLS, with certificates that are made once for the whole process.
//!
//! Keys and nonces are random, and nothing that can be observed may depend on them: so signatures
//! are those of Ed25519, which always have the same length, and keys are exchanged with X25519,
//! which takes any bytes.

use std::sync::{Arc, OnceLock};

use logboom_tls::{CertificateResolver, server_config};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// How many certificates a server can swap.
pub(crate) const CERTIFICATES: usize = 2;

struct Made {
    servers: Vec<Arc<ServerConfig>>,
    clients: [Arc<ClientConfig>; 2],
}

/// The configuration of a server with that certificate.
pub(crate) fn server(certificate: usize) -> Arc<ServerConfig> {
    Arc::clone(&made().servers[certificate % CERTIFICATES])
}

/// The configuration of a client that trusts them all.
pub(crate) fn client(version_1_2: bool) -> Arc<ClientConfig> {
    Arc::clone(&made().clients[usize::from(version_1_2)])
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let certificates: Vec<_> = (0..CERTIFICATES).map(|_| certificate()).collect();
        let mut roots = RootCertStore::empty();
        for (der, _) in &certificates {
            roots.add(der.clone()).expect("a well-formed certificate");
        }
        let servers = certificates
            .iter()
            .map(|(_, key)| server_config(CertificateResolver::new(Arc::clone(key))));
        let clients = [&rustls::version::TLS13, &rustls::version::TLS12];
        let clients = clients.map(|version| client_config(roots.clone(), version));
        Made { servers: servers.collect(), clients }
    })
}

fn certificate() -> (CertificateDer<'static>, Arc<CertifiedKey>) {
    let pair = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a host name");
    let der = params.self_signed(&pair).expect("a certificate").der().clone();
    let private = PrivateKeyDer::try_from(pair.serialize_der()).expect("a PKCS #8 key");
    let provider = aws_lc_rs::default_provider();
    let key = CertifiedKey::from_der(vec![der.clone()], private, &provider);
    (der, Arc::new(key.expect("a key that fits its certificate")))
}

fn client_config(
    roots: RootCertStore,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .expect("a version that the provider has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
