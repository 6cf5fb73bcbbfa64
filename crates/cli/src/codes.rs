//! Every code that logboom prints: stable, documented, and explained offline.

/// One code with the page about it.
#[derive(Debug)]
pub struct CodePage {
    /// `LBnnnn`. Its meaning never changes; a code that falls out of use is not given again.
    pub code: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// The page, in Markdown.
    pub page: &'static str,
}

/// Declares the codes; each has a page with the same name.
macro_rules! codes {
    ($($code:literal $title:literal,)+) => {
        /// All codes, in order.
        pub static CODES: &[CodePage] = &[$(CodePage {
            code: $code,
            title: $title,
            page: include_str!(concat!("explain/pages/", $code, ".md")),
        },)+];
    };
}

codes! {
    "LB0101" "the configuration is not TOML",
    "LB0102" "a file cannot be read",
    "LB0103" "unknown key",
    "LB0104" "a value of the wrong type",
    "LB0105" "a value that is out of range or cannot be used",
    "LB0106" "missing key",
    "LB0107" "the same name twice",
    "LB0108" "a name that nothing has",
    "LB0109" "a name that cannot be one",
    "LB0110" "invalid policy document",
    "LB0111" "unusable secret",
    "LB0121" "the demo listens on this machine only",
    "LB0122" "a listener without TLS",
    "LB0141" "the certificate does not cover the advertised name",
    "LB0142" "unusable certificate or key",
    "LB0143" "the private key does not belong to the certificate",
    "LB0144" "the certificate has ended or ends soon",
    "LB0145" "everybody on this machine may read a secret",
    "LB0146" "an access key that may write to no Logstore",
    "LB0147" "clients may not reach the advertised name",
    "LB0148" "unusable data directory",
    "LB0201" "the data directory is in use",
    "LB0202" "the data directory is damaged",
    "LB0203" "the address is in use",
    "LB0204" "the address cannot be listened on",
    "LB0205" "an inherited socket cannot be used",
    "LB0206" "this machine does not allow so many connections",
    "LB0311" "plaintext on a TLS port",
    "LB0312" "TLS on a plaintext port",
    "LB0313" "HTTP on a Kafka port",
    "LB0314" "the TLS handshake failed",
    "LB0315" "the client refused the certificate",
    "LB0401" "unknown project, key or secret",
    "LB0402" "the password has no '#'",
    "LB0403" "logins paused after too many failures",
    "LB0404" "a SASL mechanism other than PLAIN",
    "LB0405" "malformed SASL/PLAIN token",
    "LB0406" "SASL messages out of order",
    "LB0407" "no login within the time allowed",
    "LB0408" "the access key was revoked",
    "LB0501" "no right to write to this topic",
    "LB0521" "no such Logstore",
    "LB0522" "not a possible name of a Logstore",
    "LB0523" "no such shard",
    "LB0531" "a batch whose checksum does not match",
    "LB0532" "a batch that cannot be decoded",
    "LB0533" "a batch that is too large",
    "LB0534" "unknown compression codec",
    "LB0535" "transactional producer",
    "LB0536" "sequence number out of order",
    "LB0537" "acks other than all, 1 and 0",
    "LB0538" "a control batch",
    "LB0601" "a request that is too large",
    "LB0602" "bytes that are no Kafka request",
    "LB0603" "an API or version that is not offered",
    "LB0604" "a request before the login",
    "LB0605" "the client went quiet",
    "LB0606" "too many connections",
    "LB0607" "too many connections from one address",
    "LB0608" "too many requests before the login",
    "LB0609" "no memory for a request in time",
    "LB0701" "recovering",
    "LB0702" "the disk is full",
    "LB0703" "the disk failed to make data durable",
    "LB0704" "the store is read only",
    "LB0705" "a request was not durable in time",
    "LB0801" "the host name belongs to another project",
    "LB0802" "batches in an old message format",
    "LB0803" "a producer id that this server never gave out",
    "LB0804" "records from the future",
    "LB0901" "a bug in logboom",
}

/// The page about a code. Takes `LB0402`, `lb0402` and `402`.
#[must_use]
pub fn find(code: &str) -> Option<&'static CodePage> {
    let upper = code.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix("LB").unwrap_or(&upper);
    let full = format!("LB{digits:0>4}");
    CODES.iter().find(|page| page.code == full)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn codes_are_in_order_and_found_however_they_are_typed() {
        assert!(CODES.is_sorted_by(|a, b| a.code < b.code));
        for spelling in ["LB0402", "lb0402", "0402", "402", " LB0402 "] {
            assert_eq!(find(spelling).map(|page| page.code), Some("LB0402"), "{spelling}");
        }
        assert!(find("9999").is_none());
    }

    #[test]
    fn every_page_has_its_title_and_the_same_sections() {
        for CodePage { code, title, page } in CODES {
            assert!(page.starts_with(&format!("# {code}: {title}\n")), "{code}");
            let headings: Vec<&str> =
                page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
            let expected = ["What happened", "Why", "What to do", "Where it is seen"];
            assert_eq!(headings, expected, "{code}");
            assert!(page.lines().all(|line| line.is_ascii() && line.len() <= 100), "{code}");
            assert!(page.lines().count() <= 60, "{code}: a page is short");
        }
    }

    #[test]
    fn every_page_has_a_code() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/pages");
        let pages: BTreeSet<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let codes: BTreeSet<String> =
            CODES.iter().map(|page| format!("{}.md", page.code)).collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn every_code_that_is_used_has_a_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap();
        let mut used = BTreeSet::new();
        for folder in ["crates", "runtimes"] {
            collect_codes(&root.join(folder), &mut used);
        }
        assert!(used.contains("LB0103"), "the search finds nothing");
        let unknown: Vec<&String> = used.iter().filter(|code| find(code).is_none()).collect();
        assert!(unknown.is_empty(), "codes without a page: {unknown:?}");
    }

    /// Codes in the Rust sources below `directory`.
    fn collect_codes(directory: &Path, used: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect_codes(&path, used);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let quoted = text.split("\"LB").skip(1).filter_map(|rest| rest.get(..5));
                let codes = quoted.filter(|rest| rest.ends_with('"')).map(|rest| &rest[..4]);
                let codes = codes.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
                used.extend(codes.map(|digits| format!("LB{digits}")));
            }
        }
    }
}
