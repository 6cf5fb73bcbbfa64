//! How a client connects, in the file format of librdkafka: `client.conf`.

use std::path::{Path, PathBuf};

use crate::io_reason::io_reason;
use crate::producer::{Address, Properties};

/// kcat reads lines into a buffer of 512 bytes, with the line break and the final zero.
const LINE_BYTES_MAX: usize = 510;

/// What a client needs to connect and log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientConf {
    /// Host and port to connect to first.
    pub bootstrap_servers: String,
    /// Whether to use TLS.
    pub tls: bool,
    /// The SASL user name: the project.
    pub username: String,
    /// The SASL password: `AccessKeyID#AccessKeySecret`.
    pub password: String,
    /// The certificates of the authorities to trust; none are those of the system.
    pub ca: Option<PathBuf>,
}

impl ClientConf {
    /// The value of `security.protocol`.
    #[must_use]
    pub const fn security_protocol(&self) -> &'static str {
        if self.tls { "SASL_SSL" } else { "SASL_PLAINTEXT" }
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// If a line would be longer than kcat can read.
    pub fn to_text(&self) -> Result<String, String> {
        let mut lines = vec![
            format!("bootstrap.servers={}", self.bootstrap_servers),
            format!("security.protocol={}", self.security_protocol()),
            "sasl.mechanism=PLAIN".to_owned(),
            format!("sasl.username={}", self.username),
            format!("sasl.password={}", self.password),
        ];
        if let Some(ca) = &self.ca {
            lines.push(format!("ssl.ca.location={}", ca.display()));
        }
        if let Some(line) = lines.iter().find(|line| line.len() > LINE_BYTES_MAX) {
            let name = line.split('=').next().unwrap_or_default();
            return Err(format!("{name} is longer than {LINE_BYTES_MAX} bytes"));
        }
        Ok(lines.join("\n") + "\n")
    }

    /// Reads the text of a file. Properties that are not needed to connect are skipped.
    ///
    /// # Errors
    ///
    /// Which property is missing or cannot be used here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let properties = Properties::parse(text).map_err(|mistake| mistake.to_string())?;
        let Some(login) = properties.login else {
            return Err("security.protocol has no SASL in it, so nobody is logged in".to_owned());
        };
        if properties.servers.is_empty() {
            return Err("bootstrap.servers is missing".to_owned());
        }
        let servers: Vec<_> = properties.servers.iter().map(Address::to_string).collect();
        Ok(Self {
            bootstrap_servers: servers.join(","),
            tls: properties.tls,
            username: login.username,
            password: login.password.expose().to_owned(),
            ca: properties.ca,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with its path.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {}", path.display(), io_reason(&error)))?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }
}

/// Without the password.
impl std::fmt::Debug for ClientConf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConf")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("tls", &self.tls)
            .field("username", &self.username)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf() -> ClientConf {
        ClientConf {
            bootstrap_servers: "localhost:10012".into(),
            tls: true,
            username: "demo".into(),
            password: "key#secret".into(),
            ca: Some("/srv/logboom-data/ca.pem".into()),
        }
    }

    #[test]
    fn the_text_is_what_librdkafka_reads_and_reads_back() {
        let text = conf().to_text().unwrap();
        assert_eq!(
            text,
            "bootstrap.servers=localhost:10012\n\
             security.protocol=SASL_SSL\n\
             sasl.mechanism=PLAIN\n\
             sasl.username=demo\n\
             sasl.password=key#secret\n\
             ssl.ca.location=/srv/logboom-data/ca.pem\n"
        );
        assert_eq!(ClientConf::parse(&text), Ok(conf()));
    }

    #[test]
    fn files_of_other_people_are_read_too() {
        let text = "# mine\n\nmetadata.broker.list = a:1,b:2\nsecurity.protocol=sasl_plaintext\n\
                    sasl.mechanisms=PLAIN\nsasl.username=x\nsasl.password=a=b#c\nlinger.ms=5\n";
        let conf = ClientConf::parse(text).unwrap();
        assert_eq!(conf.bootstrap_servers, "a:1,b:2");
        assert_eq!(conf.password, "a=b#c");
        assert!(!conf.tls && conf.ca.is_none());
    }

    #[test]
    fn what_cannot_log_in_is_refused_by_name() {
        let error = |text: &str| ClientConf::parse(text).unwrap_err();
        assert!(error("").starts_with("security.protocol"), "{}", error(""));
        assert!(error("security.protocol=ssl").starts_with("security.protocol has no SASL"));
        assert!(error("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI").contains("PLAIN"));
    }

    #[test]
    fn a_line_that_kcat_would_cut_is_refused() {
        let long = ClientConf { ca: Some("/x".repeat(400).into()), ..conf() };
        assert!(long.to_text().unwrap_err().starts_with("ssl.ca.location"));
    }

    #[test]
    fn debug_does_not_print_the_password() {
        assert!(!format!("{:?}", conf()).contains("secret"));
    }
}
