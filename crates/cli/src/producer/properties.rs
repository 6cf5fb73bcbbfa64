use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use logboom_access::Secret;

use super::address::Address;

/// The properties of librdkafka that say where to connect to, and as whom.
///
/// One `name=value` a line; empty lines and lines that start with `#` are skipped, as kcat does. A
/// `#` behind the name belongs to the value: passwords have one. Properties about who is trusted are
/// obeyed or refused, never ignored. Others, such as `linger.ms`, are for other programs.
#[derive(Debug)]
pub(crate) struct Properties {
    /// `bootstrap.servers`; empty if it does not say.
    pub(crate) servers: Vec<Address>,
    /// Whether `security.protocol` has TLS in it.
    pub(crate) tls: bool,
    /// `sasl.username` and `sasl.password`, if `security.protocol` has SASL in it.
    pub(crate) login: Option<Login>,
    /// `ssl.ca.location`: who may sign the certificate of the server.
    pub(crate) ca: Option<PathBuf>,
    /// `client.id`.
    pub(crate) client_id: Option<String>,
}

/// Who logs in with SASL/PLAIN.
#[derive(Debug)]
pub(crate) struct Login {
    /// The project.
    pub(crate) username: String,
    /// AccessKey ID, `#`, and AccessKey secret.
    pub(crate) password: Secret,
}

impl Properties {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The first mistake. It never repeats a value that may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let values = Values::parse(text)?;
        let (tls, sasl) = values.security_protocol()?;
        values.check_trust()?;
        let login = if sasl { Some(values.login()?) } else { None };
        let servers = match values.get("bootstrap.servers") {
            Some((line, list)) => {
                Address::parse_list(list).map_err(|message| Mistake::at(line, message))?
            }
            None => Vec::new(),
        };
        Ok(Self {
            servers,
            tls,
            login,
            ca: values.get("ssl.ca.location").map(|(_, path)| path.into()),
            client_id: values.get("client.id").map(|(_, id)| id.to_owned()),
        })
    }
}

/// Names that mean the same, the second one as it is called here.
const ALIASES: [(&str, &str); 2] =
    [("metadata.broker.list", "bootstrap.servers"), ("sasl.mechanisms", "sasl.mechanism")];

/// Properties about trust. All others that begin alike are refused.
const UNDERSTOOD: [&str; 7] = [
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
];

/// How the names of properties about trust begin.
const TRUST: [&str; 4] = ["security.", "sasl.", "ssl.", "enable.ssl."];

/// Values by name, with the number of their line. The last of several lines counts.
struct Values<'a>(BTreeMap<&'a str, (usize, &'a str)>);

impl<'a> Values<'a> {
    fn parse(text: &'a str) -> Result<Self, Mistake> {
        let mut values = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) =
                line.split_once('=').ok_or_else(|| Mistake::at(number, "no `=` in this line"))?;
            let name = name.trim();
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let name = alias.map_or(name, |(_, name)| name);
            if TRUST.iter().any(|begin| name.starts_with(begin)) && !UNDERSTOOD.contains(&name) {
                return Err(Mistake::at(number, format!("`{name}` is not supported here")));
            }
            values.insert(name, (number, value.trim()));
        }
        Ok(Self(values))
    }

    fn get(&self, name: &str) -> Option<(usize, &'a str)> {
        self.0.get(name).copied()
    }

    /// Whether there is TLS, and whether there is SASL.
    fn security_protocol(&self) -> Result<(bool, bool), Mistake> {
        let Some((line, protocol)) = self.get("security.protocol") else {
            // What librdkafka does by default.
            return Ok((false, false));
        };
        match protocol.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Ok((false, false)),
            "SSL" => Ok((true, false)),
            "SASL_PLAINTEXT" => Ok((false, true)),
            "SASL_SSL" => Ok((true, true)),
            _ => Err(Mistake::at(
                line,
                "`security.protocol` is SASL_SSL, SASL_PLAINTEXT, SSL or PLAINTEXT",
            )),
        }
    }

    /// Refuses what would make the server's certificate worthless.
    fn check_trust(&self) -> Result<(), Mistake> {
        let needed = [
            ("enable.ssl.certificate.verification", "true"),
            ("ssl.endpoint.identification.algorithm", "https"),
        ];
        for (name, value) in needed {
            match self.get(name) {
                Some((line, other)) if !other.eq_ignore_ascii_case(value) => {
                    let message = format!("`{name}` can only be `{value}`: a password is sent");
                    return Err(Mistake::at(line, message));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn login(&self) -> Result<Login, Mistake> {
        if let Some((line, mechanism)) = self.get("sasl.mechanism")
            && !mechanism.eq_ignore_ascii_case("PLAIN")
        {
            return Err(Mistake::at(line, "`sasl.mechanism` can only be `PLAIN`"));
        }
        let needed = |name| match self.get(name) {
            Some((line, "")) => Err(Mistake::at(line, format!("`{name}` is empty"))),
            Some((_, value)) => Ok(value),
            None => Err(Mistake { line: None, message: format!("`{name}` is missing") }),
        };
        Ok(Login {
            username: needed("sasl.username")?.to_owned(),
            password: Secret::new(needed("sasl.password")?),
        })
    }
}

/// What is wrong with a file, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Counted from 1; none if something is missing.
    pub(crate) line: Option<usize>,
    pub(crate) message: String,
}

impl Mistake {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = "\
        # written by logboom\n\
        bootstrap.servers=localhost:10012\n\
        security.protocol=SASL_SSL\n\
        sasl.mechanisms=PLAIN\n\
        sasl.username=demo\n\
        sasl.password=4hXw9QpLk2Ts#c0Vb8mZr\n\
        ssl.ca.location=/srv/logboom-data/ca.pem\n\
        linger.ms=5\n";

    fn mistake(lines: &str) -> String {
        Properties::parse(lines).unwrap_err().to_string()
    }

    #[test]
    fn a_file_for_librdkafka_is_understood() {
        let conf = Properties::parse(DEMO).unwrap();
        assert_eq!(conf.servers, ["localhost:10012".parse().unwrap()]);
        assert!(conf.tls);
        assert_eq!(conf.ca, Some("/srv/logboom-data/ca.pem".into()));
        let login = conf.login.unwrap();
        assert_eq!(login.username, "demo");
        assert_eq!(login.password.expose(), "4hXw9QpLk2Ts#c0Vb8mZr");
    }

    #[test]
    fn each_protocol_has_its_two_halves() {
        let halves = |protocol: &str| {
            let text = format!("security.protocol={protocol}\nsasl.username=u\nsasl.password=p");
            let conf = Properties::parse(&text).unwrap();
            (conf.tls, conf.login.is_some())
        };
        assert_eq!(halves("SASL_SSL"), (true, true));
        assert_eq!(halves("sasl_plaintext"), (false, true));
        assert_eq!(halves("ssl"), (true, false));
        assert_eq!(halves("PLAINTEXT"), (false, false));
        assert!(!Properties::parse("").unwrap().tls);
    }

    #[test]
    fn names_may_have_spaces_around_them_and_the_last_line_counts() {
        let conf = Properties::parse(" client.id = a \n\n metadata.broker.list=b:1\nclient.id=c");
        let conf = conf.unwrap();
        assert_eq!(conf.client_id.as_deref(), Some("c"));
        assert_eq!(conf.servers.len(), 1);
    }

    #[test]
    fn a_mistake_has_its_line_and_no_secret() {
        assert_eq!(mistake("client.id=x\nsasl.password hunter2"), "line 2: no `=` in this line");
        assert_eq!(
            mistake("security.protocol=TLS"),
            "line 1: `security.protocol` is SASL_SSL, SASL_PLAINTEXT, SSL or PLAINTEXT"
        );
        assert_eq!(mistake("security.protocol=SASL_SSL"), "`sasl.username` is missing");
        let empty = "security.protocol=SASL_SSL\nsasl.username=u\nsasl.password=";
        assert_eq!(mistake(empty), "line 3: `sasl.password` is empty");
        let scram = "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256";
        assert_eq!(mistake(scram), "line 2: `sasl.mechanism` can only be `PLAIN`");
        assert!(mistake("bootstrap.servers=localhost").starts_with("line 1: `localhost`"));
    }

    #[test]
    fn properties_about_trust_are_never_ignored() {
        for line in [
            "enable.ssl.certificate.verification=false",
            "ssl.endpoint.identification.algorithm=none",
            "ssl.key.location=/etc/key.pem",
            "sasl.oauthbearer.config=x",
        ] {
            assert!(mistake(line).starts_with("line 1: "), "{line}");
        }
    }

    #[test]
    fn the_password_has_no_printed_form() {
        let printed = format!("{:?}", Properties::parse(DEMO).unwrap());
        assert!(!printed.contains("c0Vb8mZr"), "{printed}");
    }
}
