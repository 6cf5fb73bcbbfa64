use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::Error;

/// TLS that trusts the authorities in `ca`, a file in PEM, or else those of the operating system.
///
/// # Errors
///
/// If there is no authority to trust.
pub(crate) fn tls_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let roots = match ca {
        Some(path) => roots_in_file(path),
        None => roots_of_system(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots_in_file(path: &Path) -> Result<RootCertStore, Error> {
    let unusable = |problem: &dyn std::fmt::Display| {
        Error::configuration(format!("cannot use the authorities in {}: {problem}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() { Err(unusable(&"no certificate in PEM")) } else { Ok(roots) }
}

fn roots_of_system() -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may hold certificates that are too odd to use; the others still count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = found.errors.first().map_or("there are none".to_owned(), ToString::to_string);
        let message = format!("cannot use the authorities of this system: {reason}");
        return Err(Error::configuration(message));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorKind;
    use super::*;

    fn tls_with(text: &str) -> Result<Arc<ClientConfig>, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        tls_config(Some(file.path()))
    }

    #[test]
    fn the_authorities_of_a_file_are_trusted() {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        assert!(tls_with(&certificate.cert.pem()).is_ok());
    }

    #[test]
    fn a_file_without_certificates_is_a_mistake_and_not_an_empty_trust() {
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert_eq!(tls_with(text).unwrap_err().kind, ErrorKind::Configuration, "{text}");
        }
        let missing = tls_config(Some(Path::new("/nonexistent/ca.pem"))).unwrap_err();
        assert!(missing.message.starts_with("cannot use the authorities in /nonexistent/ca.pem"));
    }
}
