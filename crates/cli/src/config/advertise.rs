use std::fmt;
use std::str::FromStr;

/// The place of the project's name in an advertised host.
const PROJECT: &str = "{project}";

/// The host and port that clients of a listener are told to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertise {
    /// May contain `{project}`.
    host: String,
    /// Without one, clients are told the port that the listener is bound to.
    port: Option<u16>,
}

impl Advertise {
    /// What clients of `project` are told: the host of that project.
    #[must_use]
    pub fn host(&self, project: &str) -> String {
        self.host.replace(PROJECT, project)
    }

    /// The port clients are told if the listener is bound to `bound`.
    #[must_use]
    pub fn port(&self, bound: u16) -> u16 {
        self.port.unwrap_or(bound)
    }

    /// Host and port for `project`, as clients want it for their list of brokers.
    #[must_use]
    pub fn endpoint(&self, project: &str, bound: u16) -> String {
        let host = self.host(project);
        let port = self.port(bound);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Whether each project has a host of its own.
    #[must_use]
    pub fn is_per_project(&self) -> bool {
        self.host.contains(PROJECT)
    }

    /// The same with a wildcard for the project, as a certificate would name it.
    #[must_use]
    pub fn wildcard_host(&self) -> String {
        self.host.replace(PROJECT, "*")
    }

    /// The simplest change that gives all projects one host, if they do not share one already.
    #[must_use]
    pub fn without_project(&self) -> Option<Self> {
        let host = self.host.strip_prefix(PROJECT)?.strip_prefix('.')?;
        (!host.contains(PROJECT)).then(|| Self { host: host.to_owned(), port: self.port })
    }
}

impl FromStr for Advertise {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = split(text)?;
        let port = match port {
            None => None,
            Some(port) => {
                Some(port.parse::<u16>().ok().filter(|&port| port != 0).ok_or_else(|| {
                    format!("`{port}` is no port; it is a number from 1 to 65535")
                })?)
            }
        };
        let sample = host.replace(PROJECT, "project");
        if sample.contains(['{', '}']) {
            return Err("the only placeholder here is {project}".to_owned());
        }
        rustls::pki_types::ServerName::try_from(sample.as_str())
            .map_err(|_| format!("`{host}` is neither a host name nor an address"))?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Advertise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Splits `host`, `host:port`, `[address]` and `[address]:port`.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) =
            rest.split_once(']').ok_or_else(|| format!("`{text}` has no closing bracket"))?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("`{rest}` after the address is no port")),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => {
            Err("an IPv6 address stands in brackets, such as \"[2001:db8::1]:10012\"".to_owned())
        }
        Some((host, port)) => Ok((host, Some(port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_may_have_a_host_of_its_own() {
        let advertise: Advertise = "{project}.logs.example.com:10012".parse().unwrap();
        assert_eq!(advertise.endpoint("acme", 9), "acme.logs.example.com:10012");
        assert_eq!(advertise.wildcard_host(), "*.logs.example.com");
        assert_eq!(advertise.without_project().unwrap().to_string(), "logs.example.com:10012");
        assert!(advertise.is_per_project());
    }

    #[test]
    fn without_a_port_clients_are_told_the_one_that_is_bound() {
        let advertise: Advertise = "localhost".parse().unwrap();
        assert_eq!(advertise.endpoint("demo", 40_123), "localhost:40123");
        let advertise: Advertise = "[2001:db8::1]".parse().unwrap();
        assert_eq!(advertise.endpoint("demo", 10_012), "[2001:db8::1]:10012");
        assert_eq!(advertise.host("demo"), "2001:db8::1");
    }

    #[test]
    fn what_no_client_could_use_is_refused() {
        for text in
            ["", "a b:1", "host:0", "host:65536", "host:", "{tenant}.x:1", "2001:db8::1", "[::1"]
        {
            assert!(text.parse::<Advertise>().is_err(), "{text}");
        }
    }
}
