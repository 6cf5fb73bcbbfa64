//! The demo: everything that a server needs to be tried out, made in one directory.
//!
//! ```text
//!   logboom-data/              the data directory
//!     ca.pem                   the certificate of the demo's authority, for clients
//!     demo/
//!       logboom.toml           an ordinary configuration
//!       client.conf            how to connect, in the format of librdkafka
//!       ca.pem  ca-key.pem  server.pem  server-key.pem
//! ```
//!
//! A start that is cut short leaves either no `demo` directory or a complete one, and every later
//! start puts right what is missing. The password is only in `client.conf`: if that is gone, a new
//! access key is made.

mod certificates;
mod files;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use logboom_access::ProjectName;

use crate::client_conf::ClientConf;
use crate::config::{self, Allow, Loaded, Located, Scope};
use crate::diagnostics::{Finding, Findings};
use crate::environment::Environment;
use crate::io_reason::io_reason;
use crate::new_key::NewKey;
use files::Access;

/// The project of the demo, and its Logstore.
pub const PROJECT: &str = "demo";

/// The port on loopback where the demo listens if nobody says otherwise.
const PORT: u16 = 10_012;

/// What to open, or to create.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The data directory; see [`directory`].
    pub directory: &'a Path,
    /// Where to listen instead of the usual address. Loopback only.
    pub listen: Option<SocketAddr>,
    /// The variables of the process.
    pub environment: &'a Environment,
    /// The present time, for certificates.
    pub now: Timestamp,
}

/// A demo that is ready to be served.
#[derive(Debug)]
pub struct Demo {
    /// What a server runs on, the same as from any other configuration.
    pub loaded: Loaded,
    /// Whether it was created just now.
    pub created: bool,
    /// How its clients connect; [`write_client_conf`](Self::write_client_conf) tells the port.
    pub client_conf: ClientConf,
    /// Whether the password was made just now, so that it may be shown, once.
    pub password_is_new: bool,
    /// SHA-256 of the certificate of its authority: `9F:3C:...`, 32 pairs.
    pub ca_fingerprint: String,
    /// Where its files are.
    pub paths: Paths,
}

/// Where the files of a demo are, as they are shown to people: relative if the directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The data directory.
    pub directory: PathBuf,
    /// The certificate of the authority, for clients.
    pub ca: PathBuf,
    /// How to connect.
    pub client_conf: PathBuf,
    /// The configuration.
    pub config: PathBuf,
}

impl Paths {
    /// The paths of a demo in this data directory.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let demo = directory.join("demo");
        Self {
            directory: directory.to_owned(),
            ca: directory.join("ca.pem"),
            client_conf: demo.join("client.conf"),
            config: demo.join("logboom.toml"),
        }
    }

    fn demo(&self) -> PathBuf {
        self.directory.join("demo")
    }
}

/// The data directory of the demo: the one of the environment, or `./logboom-data`.
#[must_use]
pub fn directory(environment: &Environment) -> PathBuf {
    let variable = config::variable_name("node.data_dir");
    PathBuf::from(environment.get(&variable).unwrap_or(config::DATA_DIR_DEFAULT))
}

/// Opens the demo in a directory, or creates it there.
///
/// # Errors
///
/// If it would listen on an address that others reach (LB0121), if its files cannot be written, or
/// if somebody changed its configuration and made a mistake.
pub fn open_or_create(request: &Request<'_>) -> Result<Demo, DemoError> {
    if let Some(address) = request.listen.filter(|address| !address.ip().is_loopback()) {
        return Err(DemoError::from(
            Finding::error(
                "LB0121",
                format!("{address} can be reached by others, and the demo is for this machine"),
            )
            .help("write a configuration: `init > logboom.toml`, then `serve --config`"),
        ));
    }
    let paths = Paths::new(request.directory);
    let made = make(&paths, request.now).map_err(|error| {
        let title = format!("cannot make a demo in {}", paths.directory.display());
        DemoError::from(Finding::error("LB0148", title).note(io_reason(&error)))
    })?;
    let mut loaded = config::load(&config::Request {
        file: &paths.config,
        settings: &[],
        environment: request.environment,
        scope: Scope::Machine,
        now: request.now,
    })
    .map_err(DemoError)?;
    loaded.config.node.data_dir = Located::default_value(paths.directory.clone());
    if let (Some(address), Some(listener)) = (request.listen, loaded.config.listeners.first_mut()) {
        listener.address = Located::default_value(address);
    }
    Ok(Demo {
        loaded,
        created: made.created,
        client_conf: made.client_conf,
        password_is_new: made.password_is_new,
        ca_fingerprint: made.ca_fingerprint,
        paths,
    })
}

impl Demo {
    /// Writes `client.conf` with the port that the listener is bound to, unless it says so already.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_client_conf(&mut self, bound: SocketAddr) -> io::Result<()> {
        let Some(listener) = self.loaded.config.listeners.first() else { return Ok(()) };
        self.client_conf.bootstrap_servers = listener.advertise.endpoint(PROJECT, bound.port());
        // The directory may have been moved since the file was written.
        self.client_conf.ca = Some(std::path::absolute(&self.paths.ca)?);
        if ClientConf::read(&self.paths.client_conf).as_ref() == Ok(&self.client_conf) {
            return Ok(());
        }
        write_client_conf(&self.paths.client_conf, &self.client_conf)
    }
}

/// Why there is no demo.
#[derive(Debug)]
pub struct DemoError(pub Findings);

impl From<Finding> for DemoError {
    fn from(finding: Finding) -> Self {
        let mut findings = Findings::default();
        findings.push(finding);
        Self(findings)
    }
}

/// What [`make`] found or made.
struct Made {
    created: bool,
    client_conf: ClientConf,
    password_is_new: bool,
    ca_fingerprint: String,
}

/// Sees to it that every file is there and fits the others.
fn make(paths: &Paths, now: Timestamp) -> io::Result<Made> {
    let demo = paths.demo();
    let created = !demo.exists();
    if created {
        create(paths, now)?;
    }
    let ca = certificates::ensure(&demo, now)?;
    if fs::read_to_string(&paths.ca).ok().as_ref() != Some(&ca) {
        files::replace(&paths.ca, &ca, Access::Public)?;
    }
    let ca_fingerprint = certificates::fingerprint(&ca)?;
    // A password is of use only together with the configuration that knows its hash.
    let kept = if paths.config.exists() { ClientConf::read(&paths.client_conf).ok() } else { None };
    let (client_conf, password_is_new) = match kept {
        Some(client_conf) => (client_conf, created),
        None => (add_key(&demo, paths)?, true),
    };
    Ok(Made { created, client_conf, password_is_new, ca_fingerprint })
}

/// Makes the whole directory under another name, and puts it into place when it is complete.
fn create(paths: &Paths, now: Timestamp) -> io::Result<()> {
    files::create_directory(&paths.directory)?;
    let unfinished = paths.directory.join("demo.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    files::create_directory(&unfinished)?;
    certificates::ensure(&unfinished, now)?;
    add_key(&unfinished, paths)?;
    files::sync_directory(&unfinished)?;
    fs::rename(&unfinished, paths.demo())?;
    files::sync_directory(&paths.directory)
}

/// Makes an access key: adds it to the configuration in `demo`, then writes `client.conf`. Between
/// the two, a key is there that nobody has, which does no harm.
fn add_key(demo: &Path, paths: &Paths) -> io::Result<ClientConf> {
    let project: ProjectName = PROJECT.parse().map_err(io::Error::other)?;
    let key = NewKey::generate(None)?;
    let config = demo.join("logboom.toml");
    let before = match fs::read_to_string(&config) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => configuration(),
        Err(error) => return Err(error),
    };
    let text = format!("{before}\n{}", key.block(&project, Allow::All));
    files::replace(&config, &text, Access::Private)?;
    let client_conf = ClientConf {
        bootstrap_servers: format!("localhost:{PORT}"),
        tls: true,
        username: PROJECT.to_owned(),
        password: key.password(),
        ca: Some(std::path::absolute(&paths.ca)?),
    };
    write_client_conf(&demo.join("client.conf"), &client_conf)?;
    Ok(client_conf)
}

fn write_client_conf(path: &Path, client_conf: &ClientConf) -> io::Result<()> {
    let text = client_conf.to_text().map_err(io::Error::other)?;
    files::replace(path, &text, Access::Private)
}

/// The configuration of the demo, without access keys.
fn configuration() -> String {
    format!(
        r#"# The demo of logboom, made by `serve` without --config. It is an ordinary configuration.

[node]
data_dir = ".."

[[listener]]
name = "demo"
address = "127.0.0.1:{PORT}"
cert = "{}"
key = "{}"
advertise = "localhost"

[[project]]
name = "{PROJECT}"

[[project.logstore]]
name = "{PROJECT}"
"#,
        certificates::SERVER,
        certificates::SERVER_KEY
    )
}

#[cfg(test)]
mod tests;
