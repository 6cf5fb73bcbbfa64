use std::fmt;
use std::str::FromStr;

/// Where a server listens: a host name or address, and a TCP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without the brackets that stand around an IPv6 address with a port behind it.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads a list with commas, as it stands in `bootstrap.servers`.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::parse).collect()
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (host, port) = text.rsplit_once(':')?;
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            // Without brackets nobody can tell where an IPv6 address ends.
            let host = bare.or_else(|| (!host.contains(':')).then_some(host))?;
            let port = port.parse().ok().filter(|port| *port != 0)?;
            (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
        };
        parse().ok_or_else(|| {
            format!("`{text}` is no address; write HOST:PORT, for instance localhost:10012")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_printed_as_it_was_written() {
        for text in ["localhost:10012", "127.0.0.1:1", "[::1]:65535", "acme.logs.example.com:9093"]
        {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert_eq!("[::1]:9".parse::<Address>().unwrap().host, "::1");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost", "localhost:", ":10012", "::1:9", "a:0", "a:65536", "a:b"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_has_commas_and_maybe_spaces() {
        let list = Address::parse_list("a:1, b:2,").unwrap();
        assert_eq!(list.iter().map(Address::to_string).collect::<Vec<_>>(), ["a:1", "b:2"]);
        assert!(Address::parse_list("a:1,b").is_err());
    }
}
