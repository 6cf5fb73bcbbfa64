//! Parts of the documents are made from the code, so that they cannot go stale. After a change run
//! `LOGBOOM_BLESS=1 cargo test -p logboom-tests --test documents` and read the difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use logboom_cli::config::LIMITS;
use logboom_wire::api::ApiKey;

#[test]
fn protocol_shows_the_advertised_apis() {
    let mut table = String::from("| key | API | versions | |\n| --- | --- | --- | --- |\n");
    for api in ApiKey::ALL {
        let (min, max) = api.versions();
        let note = match api {
            ApiKey::Fetch | ApiKey::FindCoordinator => "refused",
            _ => "",
        };
        writeln!(table, "| {} | {} | {min} to {max} | {note} |", api.id(), api.name())
            .expect("writing to a string");
    }
    assert_generated("protocol.md", "apis", &table);
}

#[test]
fn protocol_shows_the_phases_of_the_state_machine() {
    let diagram = format!("```mermaid\n{}```\n", logboom_conn::phase_diagram());
    assert_generated("protocol.md", "phases", &diagram);
}

#[test]
fn limits_shows_every_limit_of_the_configuration() {
    let mut table = String::from("| limit | default | what it bounds |\n| --- | --- | --- |\n");
    for limit in LIMITS {
        let default = limit.kind.format(limit.default);
        writeln!(table, "| `{}` | `{default}` | {} |", limit.name, limit.about.trim())
            .expect("writing to a string");
    }
    assert_generated("limits.md", "limits", &table);
}

/// Compares a marked part of a document with what it should be, or writes it there.
#[allow(clippy::disallowed_methods, reason = "asks whether to write, as snapshot tests do")]
fn assert_generated(document: &str, part: &str, expected: &str) {
    let path = docs().join(document);
    let text = std::fs::read_to_string(&path).expect("the document exists");
    let opening = format!("<!-- generated: {part} -->\n");
    let start = text.find(&opening).expect("the part begins") + opening.len();
    let end = start + text[start..].find("<!-- end -->").expect("the part ends");
    if std::env::var_os("LOGBOOM_BLESS").is_some() {
        let blessed = format!("{}{expected}{}", &text[..start], &text[end..]);
        std::fs::write(&path, blessed).expect("the document can be written");
        return;
    }
    assert_eq!(&text[start..end], expected, "{document} is stale; see the top of this test");
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}
