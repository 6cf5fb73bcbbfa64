//! What an operator or a user writes by hand.

use logboom_cli::Environment;
use logboom_cli::client_conf::ClientConf;
use logboom_cli::config::examine_text;

use crate::memory::bounded;

/// What findings take besides: each has texts of its own, and may come at the price of a few bytes.
/// Only the operator of a server writes these files.
const BYTES_PER_FINDING_MAX: usize = 2 * 1024;

/// A `logboom.toml`, without what it includes.
pub fn config_toml(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let more = (text.len() + 100) * BYTES_PER_FINDING_MAX;
    let examined =
        bounded(input.len(), more, || examine_text("logboom.toml", text, &Environment::default()));
    let findings = &examined.findings;
    for finding in findings.sorted() {
        assert!(finding.code.is_some() && !finding.message.is_empty());
        if let Some(position) = findings.position(finding) {
            assert!(position.line >= 1 && position.column >= 1);
        }
    }
    assert_eq!(findings.render(false).is_empty(), findings.sorted().is_empty());
    for line in findings.render_json().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    assert_eq!(examined.digest(), examined.digest());
    assert!(!examined.effective().is_empty());
}

/// A `client.conf`. What was understood reads back the same after it was written.
pub fn client_conf(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let parsed = bounded(input.len(), 0, || ClientConf::parse(text));
    match parsed {
        Ok(conf) => {
            if let Ok(text) = conf.to_text() {
                assert_eq!(ClientConf::parse(&text), Ok(conf));
            }
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}
