//! `logboom.toml`: from text to a typed [`Config`], and from there to what a server runs on.
//!
//! ```text
//!   files ─▶ tables ─▶ Config ─▶ checks ─▶ Directory, certificates ─▶ Loaded
//!                 ▲                ▲
//!        environment, --set   this machine
//! ```
//!
//! Every step goes on after a mistake and reports it as a [`Finding`](crate::diagnostics::Finding),
//! so that one run finds all of them. `check` and `serve` take the same steps.

mod advertise;
mod certificates;
mod checks;
mod directory;
mod effective;
mod files;
mod keys;
mod limits;
mod machine;
mod model;
mod names;
mod overrides;
mod section;
mod tables;
mod tls;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use logboom_access::{Directory, SecretHash};

pub use advertise::Advertise;
pub use limits::{LIMITS, Limit, LimitKind, Limits, limit};
pub use model::{
    AccessKey, Allow, CertificatePair, Config, Listener, Located, Logstore, Node, Origin, Project,
    Retention, SecretSource,
};
pub use overrides::variable_name;

use crate::diagnostics::Findings;
use crate::environment::Environment;
use directory::KeyMaterial;

/// Where everything is kept if nobody says otherwise, below the working directory.
pub const DATA_DIR_DEFAULT: &str = "logboom-data";

/// What to load, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The main file.
    pub file: &'a Path,
    /// The `--set KEY=VALUE` options.
    pub settings: &'a [String],
    /// The variables of the process.
    pub environment: &'a Environment,
    /// How far to look beyond the files.
    pub scope: Scope,
    /// The present time, for certificates.
    pub now: Timestamp,
}

/// How far beyond the files of a configuration to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nothing else is opened: no certificate, secret, policy or disk.
    Files,
    /// Everything that a server needs to start.
    Machine,
    /// Also whether advertised names resolve, which may take the time of a DNS query.
    Names,
}

/// A configuration that a server can run on.
#[derive(Debug)]
pub struct Loaded {
    /// What was written.
    pub config: Config,
    /// Projects, Logstores and access keys.
    pub directory: Arc<Directory>,
    /// What TLS needs, for each listener in their order; none where `tls = false`.
    pub tls: Vec<Option<Arc<rustls::ServerConfig>>>,
    /// Eight hexadecimal digits that change whenever a value in force does.
    pub digest: String,
    /// What is not wrong but worth a look.
    pub warnings: Findings,
}

/// Loads a configuration.
///
/// # Errors
///
/// Everything that was found, if any of it stops the server.
pub fn load(request: &Request<'_>) -> Result<Loaded, Findings> {
    examine(request).into_loaded()
}

/// What looking at a configuration has shown.
#[derive(Debug)]
pub struct Examined {
    /// What was understood of it.
    pub config: Config,
    /// What was found.
    pub findings: Findings,
    /// Free bytes where the data directory is or will be, if that was looked at.
    pub data_dir_free_bytes: Option<u64>,
    /// What a server runs on, if everything for it could be read.
    material: Option<Material>,
}

impl Examined {
    /// What a server can run on.
    ///
    /// # Errors
    ///
    /// Everything that was found, if any of it stops the server.
    pub fn into_loaded(self) -> Result<Loaded, Findings> {
        let findings = self.findings;
        match self.material {
            Some(material) if findings.error_count() == 0 => Ok(Loaded {
                digest: effective::digest(&self.config),
                config: self.config,
                directory: Arc::new(material.directory),
                tls: material.tls,
                warnings: findings,
            }),
            _ => Err(findings),
        }
    }

    /// All values in force with where they come from. Secrets are `***`.
    #[must_use]
    pub fn effective(&self) -> String {
        effective::render(&self.config, self.findings.sources())
    }

    /// Eight hexadecimal digits that change whenever a value in force does.
    #[must_use]
    pub fn digest(&self) -> String {
        effective::digest(&self.config)
    }
}

#[derive(Debug)]
struct Material {
    directory: Directory,
    tls: Vec<Option<Arc<rustls::ServerConfig>>>,
}

/// Looks at a configuration as far as the scope goes, without binding or creating anything.
#[must_use]
pub fn examine(request: &Request<'_>) -> Examined {
    let mut findings = Findings::default();
    let draft = files::read(&mut findings, request.file);
    let mut examined = combine(findings, draft, request.environment, request.settings);
    // Without a main file, everything else would only be a consequence.
    if examined.findings.sources().first().is_none() {
        return examined;
    }
    if request.scope == Scope::Files {
        examine_names(&mut examined);
    } else {
        examine_machine(&mut examined, request);
    }
    examined
}

/// Looks at the text of a main file as [`Scope::Files`] does, and opens no file at all: what it
/// includes is left out.
#[must_use]
pub fn examine_text(name: &str, text: &str, environment: &Environment) -> Examined {
    let mut findings = Findings::default();
    let (draft, _includes) = files::read_main(&mut findings, name, text.to_owned());
    let mut examined = combine(findings, draft, environment, &[]);
    examine_names(&mut examined);
    examined
}

/// Puts together what files, environment and command line say, and checks it as a whole.
fn combine(
    mut findings: Findings,
    draft: tables::Draft,
    environment: &Environment,
    settings: &[String],
) -> Examined {
    let tables::Draft { mut node, listeners, projects, access_keys } = draft;
    overrides::apply_environment(&mut findings, &mut node, environment, &access_keys);
    overrides::apply_settings(&mut findings, &mut node, settings);
    let config = Config { node, listeners, projects, access_keys };
    if let Some(main) = findings.sources().first() {
        checks::check(&mut findings, &config, main);
    }
    Examined { config, findings, data_dir_free_bytes: None, material: None }
}

/// Finds what is wrong between names, with stand-ins for what is not read.
fn examine_names(examined: &mut Examined) {
    let nobody = || SecretHash::new(&logboom_access::Secret::new(""), [0; SecretHash::SALT_BYTES]);
    let stand_in = |_| KeyMaterial { secrets: vec![nobody()], policies: Vec::new() };
    // The directory is dropped: with its stand-ins it must never let anybody in.
    let _ = directory::build(&mut examined.findings, &examined.config, stand_in);
}

fn examine_machine(examined: &mut Examined, request: &Request<'_>) {
    let Examined { config, findings, .. } = examined;
    let materials: Vec<KeyMaterial> = config
        .access_keys
        .iter()
        .map(|key| keys::read(findings, key, request.environment))
        .collect();
    let mut materials = materials.into_iter().map(Some).collect::<Vec<_>>();
    let directory = directory::build(findings, config, |number| {
        materials.get_mut(number).and_then(Option::take).unwrap_or_default()
    });
    // What a policy that was refused would have allowed, nobody knows.
    if let Some(directory) = directory.as_ref().filter(|_| findings.error_count() == 0) {
        keys::warn_useless(findings, config, directory);
    }
    let tls = tls::build(findings, config, request.now);
    examined.data_dir_free_bytes = machine::check_data_dir(findings, config);
    machine::check_memory(findings, config);
    machine::check_advertised(findings, config, request.scope == Scope::Names);
    examined.material = directory.map(|directory| Material { directory, tls });
}
