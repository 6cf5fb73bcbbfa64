use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Chooses a certificate by the server name that the client asks for (SNI, RFC 6066, section 3).
///
/// An exact name wins over a wildcard; a client that sends no name, or an unknown one, gets the
/// default certificate and judges for itself. The name chooses a certificate and nothing else: it
/// gives no right.
///
/// It never changes: to reload certificates, build a new one and a new
/// [`server_config`](crate::server_config), and give that to the connections accepted from then on.
#[derive(Debug, Clone)]
pub struct CertificateResolver {
    exact: BTreeMap<String, Arc<CertifiedKey>>,
    /// Keyed by what stands behind `*.`.
    wildcard: BTreeMap<String, Arc<CertifiedKey>>,
    default: Arc<CertifiedKey>,
}

impl CertificateResolver {
    /// A resolver that always chooses `default`.
    #[must_use]
    pub fn new(default: Arc<CertifiedKey>) -> Self {
        Self { exact: BTreeMap::new(), wildcard: BTreeMap::new(), default }
    }

    /// Chooses `certificate` for each of `names`, which are host names or a host name behind `*.`.
    ///
    /// A wildcard stands for exactly one label (RFC 9525, section 6.3). If a name is given more
    /// than once, the first certificate keeps it.
    #[must_use]
    pub fn with_certificate<N: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = N>,
        certificate: &Arc<CertifiedKey>,
    ) -> Self {
        for name in names {
            let name = name.as_ref().to_ascii_lowercase();
            let (map, key) = match name.strip_prefix("*.") {
                Some(parent) => (&mut self.wildcard, parent.to_owned()),
                None => (&mut self.exact, name),
            };
            map.entry(key).or_insert_with(|| Arc::clone(certificate));
        }
        self
    }

    /// The certificate for a client that asks for `server_name`.
    #[must_use]
    pub fn choose(&self, server_name: Option<&str>) -> &Arc<CertifiedKey> {
        let name = server_name.unwrap_or_default().to_ascii_lowercase();
        let by_wildcard = || {
            let (label, parent) = name.split_once('.')?;
            self.wildcard.get(parent).filter(|_| !label.is_empty())
        };
        self.exact.get(&name).or_else(by_wildcard).unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.choose(hello.server_name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::certificate;

    #[test]
    fn an_exact_name_wins_over_a_wildcard_and_both_over_the_default() {
        let [default, exact, wildcard] = [(); 3].map(|()| certificate(&["localhost"]).key);
        let resolver = CertificateResolver::new(Arc::clone(&default))
            .with_certificate(["Logs.example.com"], &exact)
            .with_certificate(["*.example.com", "logs.example.com"], &wildcard);
        for (server_name, expected) in [
            (Some("logs.example.com"), &exact),
            (Some("LOGS.example.COM"), &exact),
            (Some("demo.example.com"), &wildcard),
            (Some("a.demo.example.com"), &default),
            (Some("example.com"), &default),
            (Some(".example.com"), &default),
            (Some("*.example.com"), &wildcard),
            (Some("elsewhere.net"), &default),
            (Some(""), &default),
            (None, &default),
        ] {
            let chosen = resolver.choose(server_name);
            assert!(Arc::ptr_eq(chosen, expected), "wrong certificate for {server_name:?}");
        }
    }
}
