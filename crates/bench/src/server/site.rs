use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use super::Config;
use crate::{Failure, Result};

/// A directory with everything that one server needs. It goes away with all that was stored.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    certificate: CertificateDer<'static>,
}

impl Site {
    /// The file with the configuration.
    pub(super) const CONFIG: &str = "logboom.toml";

    /// Writes a configuration, a secret, and a certificate that signs itself.
    ///
    /// # Errors
    ///
    /// If there is no place for it.
    pub fn new(config: &Config) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("logboom-bench-")
            .tempdir()
            .map_err(Failure::while_doing("make a directory"))?;
        let key = KeyPair::generate().map_err(Failure::while_doing("make a key"))?;
        let certificate = CertificateParams::new([Config::HOST.to_owned()])
            .and_then(|params| params.self_signed(&key))
            .map_err(Failure::while_doing("make a certificate"))?;
        let path = |name: &str| directory.path().join(name);
        fs::write(path("server.pem"), certificate.pem())
            .and_then(|()| write_private(&path("server-key.pem"), &key.serialize_pem()))
            .and_then(|()| write_private(&path("key.secret"), Config::SECRET))
            .and_then(|()| fs::write(path(Self::CONFIG), config.to_text()))
            .map_err(Failure::while_doing("write a configuration"))?;
        Ok(Self { certificate: certificate.der().clone(), directory })
    }

    /// The certificate that clients have to trust.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Writes a file that only its owner can read, as servers demand of secrets.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
