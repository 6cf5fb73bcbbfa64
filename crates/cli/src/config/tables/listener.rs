use std::net::SocketAddr;

use logboom_access::LogstoreName;

use crate::config::model::{CertificatePair, Listener, Located};
use crate::config::names;
use crate::config::section::{Section, Value};
use crate::diagnostics::{Finding, Findings, SourceId};

const KEYS: [&str; 7] = ["name", "address", "tls", "cert", "key", "certificates", "advertise"];

/// Reads one `[[listener]]`. None if it has no usable name, address or advertised name.
pub(super) fn read(
    findings: &mut Findings,
    source: SourceId,
    value: &Value<'_>,
) -> Option<Listener> {
    let section = Section::open(findings, source, "[[listener]]", value, &KEYS)?;
    section.require(findings, "name", "name = \"public\"");
    section.require(findings, "address", "address = \"0.0.0.0:10012\"");
    section.require(findings, "advertise", "advertise = \"logs.example.com:10012\"");

    let name = section.string(findings, "name");
    if let Some(name) = &name {
        // Listeners follow the rule of all other names.
        names::check::<LogstoreName>(findings, name, "a listener");
    }
    let address = section.parsed(findings, "address", parse_address);
    let advertise = section.parsed(findings, "advertise", str::parse);
    let tls = section.boolean(findings, "tls").unwrap_or(Located::default_value(true));
    let certificates = read_certificates(findings, source, &section, &tls);
    Some(Listener {
        name: name?,
        address: address?,
        tls,
        certificates,
        advertise: advertise?,
        header: section.header(),
    })
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, such as \"0.0.0.0:10012\" or \"[::]:10012\"".to_owned()
    })
}

fn read_certificates(
    findings: &mut Findings,
    source: SourceId,
    section: &Section<'_>,
    tls: &Located<bool>,
) -> Vec<CertificatePair> {
    if !tls.value {
        refuse_certificates_without_tls(findings, section, tls);
        return Vec::new();
    }
    section.require(findings, "cert", "cert = \"/etc/logboom/tls/fullchain.pem\", or tls = false");
    if section.get("cert").is_some() {
        section.require(findings, "key", "key = \"/etc/logboom/tls/privkey.pem\"");
    }
    let mut pairs: Vec<CertificatePair> =
        read_pair(findings, source, section).into_iter().collect();
    for value in section.list(findings, "certificates") {
        let name = "an entry of `certificates`";
        let Some(entry) = Section::open(findings, source, name, value, &["cert", "key"]) else {
            continue;
        };
        entry.require(findings, "cert", "cert = \"fullchain.pem\"");
        entry.require(findings, "key", "key = \"privkey.pem\"");
        pairs.extend(read_pair(findings, source, &entry));
    }
    pairs
}

fn read_pair(
    findings: &mut Findings,
    source: SourceId,
    section: &Section<'_>,
) -> Option<CertificatePair> {
    let cert = section.string(findings, "cert");
    let key = section.string(findings, "key");
    let sources = findings.sources();
    Some(CertificatePair {
        cert: cert?.map(|path| sources.resolve(source, &path)),
        key: key?.map(|path| sources.resolve(source, &path)),
    })
}

/// Somebody who gives a certificate wants TLS: saying nothing would serve passwords in clear.
fn refuse_certificates_without_tls(
    findings: &mut Findings,
    section: &Section<'_>,
    tls: &Located<bool>,
) {
    let Some(cert) = section.get("cert").or(section.get("certificates")) else { return };
    let mut finding = Finding::error("LB0105", "a certificate on a listener without TLS")
        .at(section.span(cert), "this would not be used")
        .help("remove `tls = false`, or the certificate");
    if let Some(span) = tls.origin {
        finding = finding.with_context(span, "TLS is switched off here");
    }
    findings.push(finding);
}
