use std::fmt::Write as _;

use super::Credentials;

/// A configuration as tests change it. [`Site::configure`](super::Site::configure) writes it.
///
/// The default has what most tests need: the listeners `public` (TLS) and `internal` (plaintext),
/// the projects `acme` and `beta`, and a few keys. It also lets a stop not wait long for clients
/// that do not close their end, since those of tests do not care.
#[derive(Debug, Clone)]
pub struct Config {
    /// Names and values of `[node.limits]`, the values as they stand in TOML.
    pub limits: Vec<(&'static str, &'static str)>,
    /// What clients connect to.
    pub listeners: Vec<Listener>,
    /// The tenants.
    pub projects: Vec<Project>,
    /// Who may log in.
    pub keys: Vec<Key>,
}

/// A `[[listener]]`.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name.
    pub name: &'static str,
    /// Where it listens.
    pub address: String,
    /// Whether it has TLS, with the certificate of the site.
    pub tls: bool,
}

/// A `[[project]]`.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name.
    pub name: &'static str,
    /// Its Logstores.
    pub logstores: Vec<Logstore>,
}

/// A `[[project.logstore]]`.
#[derive(Debug, Clone, Copy)]
pub struct Logstore {
    /// Its name.
    pub name: &'static str,
    /// How many shards it has.
    pub shards: u32,
}

/// An `[[access_key]]`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its ID.
    pub id: &'static str,
    /// The project it belongs to.
    pub project: &'static str,
    /// Its secret, which the configuration keeps in a file.
    pub secret: &'static str,
    /// What it may do.
    pub rights: Rights,
}

/// What an access key may do.
#[derive(Debug, Clone, Copy)]
pub enum Rights {
    /// The value of `allow`.
    Allow(&'static str),
    /// A policy document.
    Policy(&'static str),
}

/// Allows to write to one Logstore only.
const ONLY_WEB: &str = r#"{
    "Version": "1",
    "Statement": [{
        "Effect": "Allow",
        "Action": "log:PostLogStoreLogs",
        "Resource": "acs:log:*:*:project/acme/logstore/web"
    }]
}"#;

impl Config {
    /// May do everything in `acme`.
    pub const ACME: Key = Key {
        id: "acme-all",
        project: "acme",
        secret: "Tq3vR8sXw2Zc6Bn9",
        rights: Rights::Allow("all"),
    };
    /// May write to `web` in `acme`, and nothing else.
    pub const ACME_WEB: Key = Key {
        id: "acme-web",
        project: "acme",
        secret: "Lk5jH4gF3dS2aP1o",
        rights: Rights::Policy(ONLY_WEB),
    };
    /// May do everything in `beta`.
    pub const BETA: Key = Key {
        id: "beta-all",
        project: "beta",
        secret: "Mn7bV6cX5zL4kJ3h",
        rights: Rights::Allow("all"),
    };

    /// The default with another limit, whose value is as it stands in TOML.
    #[must_use]
    pub fn with_limit(name: &'static str, value: &'static str) -> Self {
        let mut config = Self::default();
        config.limits.push((name, value));
        config
    }

    /// The text of the file.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::from("[node]\ndata_dir = \"data\"\n\n[node.limits]\n");
        if !self.limits.iter().any(|(name, _)| *name == "connections_max") {
            // Machines that test may not have room for the default, least of all in threads.
            text += "connections_max = 2000\n";
        }
        let limits = self.limits.iter().map(|(name, value)| format!("{name} = {value}\n"));
        limits
            .chain(self.listeners.iter().map(Listener::to_text))
            .chain(self.projects.iter().map(Project::to_text))
            .chain(self.keys.iter().map(|key| key.to_text()))
            .for_each(|part| text += &part);
        text
    }
}

impl Default for Config {
    fn default() -> Self {
        let web = Logstore { name: "web", shards: 4 };
        let audit = Logstore { name: "audit", shards: 1 };
        let listener = |name, tls| Listener { name, address: "127.0.0.1:0".into(), tls };
        Self {
            limits: vec![("linger", "\"100ms\"")],
            listeners: vec![listener("public", true), listener("internal", false)],
            projects: vec![
                Project { name: "acme", logstores: vec![web, audit] },
                Project { name: "beta", logstores: vec![web] },
            ],
            keys: vec![Self::ACME, Self::ACME_WEB, Self::BETA],
        }
    }
}

impl Listener {
    fn to_text(&self) -> String {
        let Self { name, address, tls } = self;
        let tls = match tls {
            true => "cert = \"server.pem\"\nkey = \"server-key.pem\"",
            false => "tls = false",
        };
        format!(
            "\n[[listener]]\nname = \"{name}\"\naddress = \"{address}\"\n{tls}\n\
             advertise = \"localhost\"\n"
        )
    }
}

impl Project {
    fn to_text(&self) -> String {
        let mut text = format!("\n[[project]]\nname = \"{}\"\n", self.name);
        for Logstore { name, shards } in &self.logstores {
            write!(text, "\n[[project.logstore]]\nname = \"{name}\"\nshards = {shards}\n")
                .expect("writing to a string");
        }
        text
    }
}

impl Key {
    /// What a client logs in with.
    #[must_use]
    pub fn credentials(self) -> Credentials {
        let password = format!("{}#{}", self.id, self.secret);
        Credentials { project: self.project.to_owned(), password }
    }

    fn to_text(self) -> String {
        let Self { id, project, rights, .. } = self;
        let rights = match rights {
            Rights::Allow(word) => format!("allow = \"{word}\""),
            Rights::Policy(_) => format!("policies = [\"{}\"]", self.policy_file()),
        };
        format!(
            "\n[[access_key]]\nid = \"{id}\"\nproject = \"{project}\"\n\
             secrets = [{{ file = \"{}\" }}]\n{rights}\n",
            self.secret_file()
        )
    }

    pub(super) fn secret_file(self) -> String {
        format!("{}.secret", self.id)
    }

    pub(super) fn policy_file(self) -> String {
        format!("{}.policy.json", self.id)
    }
}
