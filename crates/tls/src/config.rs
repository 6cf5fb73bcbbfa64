use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};

use crate::CertificateResolver;

/// A configuration for [`Tls`](crate::Tls): TLS 1.3 and 1.2, certificates from `certificates`.
///
/// - **Cipher suites**: the server's order counts, AES-GCM before ChaCha20-Poly1305, because
///   ingesting servers have AES instructions and are the side that runs out of processor.
/// - **No resumption**: no session ids, no tickets, no early data. Producers keep a connection for
///   hours, so a full handshake is rare; in return every connection stands on its own keys and its
///   own login, several servers need not share a ticket key, and reloading certificates takes
///   effect with the next connection.
/// - **No client certificates**: clients log in with SASL.
/// - **No ALPN**: Kafka clients offer none.
#[must_use]
pub fn server_config(certificates: CertificateResolver) -> Arc<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(StoppedClock))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has cipher suites for both versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// The wall clock of a server that issues no tickets and asks for no client certificates: nobody
/// looks at it. rustls reads it when a client offers a ticket, before it finds that it has none.
#[derive(Debug)]
struct StoppedClock;

impl TimeProvider for StoppedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}
