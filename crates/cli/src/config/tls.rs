//! From the certificates of each listener to what TLS runs on.

use std::sync::Arc;

use jiff::Timestamp;
use logboom_tls::CertificateResolver;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;

use super::certificates;
use super::model::Config;
use crate::diagnostics::Findings;

/// What TLS needs, for each listener in their order; none where `tls = false`, and where no
/// certificate can be used, which is reported.
pub(super) fn build(
    findings: &mut Findings,
    config: &Config,
    now: Timestamp,
) -> Vec<Option<Arc<ServerConfig>>> {
    let provider = aws_lc_rs::default_provider();
    config
        .listeners
        .iter()
        .map(|listener| {
            let read = certificates::read(findings, config, listener, &provider, now);
            let default = Arc::clone(&read.first()?.key);
            let resolver =
                read.iter().fold(CertificateResolver::new(default), |resolver, certificate| {
                    resolver.with_certificate(&certificate.names, &certificate.key)
                });
            Some(logboom_tls::server_config(resolver))
        })
        .collect()
}
