//! Every file in `tests/broken` says in its first lines what is wrong with it:
//!
//! ```text
//! #! LB0103 error 9:1                      in this file, at line 9, column 1
//! #! LB0103 error conf.d/acme.toml:9:1     in another file
//! #! LB0148 error -                        without a place
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use logboom_cli::Environment;
use logboom_cli::config::{Examined, Request, Scope, examine};

/// The present time of all tests.
const NOW: &str = "2026-11-22T10:00:00Z";

#[test]
fn every_mistake_is_found_at_its_place() {
    let directory = copy_of_broken();
    let mut count = 0;
    let mut wrong = String::new();
    for path in configurations(directory.path()) {
        count += 1;
        let expected = expectations(&path);
        let found = found(&path, directory.path());
        if found != expected {
            wrong += &format!("{}\n  expected {expected:#?}\n  found {found:#?}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 30, "only {count} configurations were looked at");
}

#[test]
fn twenty_mistakes_are_found_in_one_run() {
    let directory = copy_of_broken();
    let examined = examine_at(&directory.path().join("twenty-mistakes.toml"));
    assert!(examined.findings.error_count() >= 20, "{}", examined.findings.render(false));
}

#[test]
fn no_finding_prints_a_secret_that_stands_in_the_wrong_place() {
    let directory = copy_of_broken();
    let examined = examine_at(&directory.path().join("bad-secrets.toml"));
    for text in [examined.findings.render(false), examined.findings.render_json()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

const UNCOVERED_NAME: &str = "\
error[LB0141]: the certificate does not cover the advertised name
 --> uncovered-name.toml:7:8
  |
3 | [[listener]]
  | ------------ listener `public`
...
6 | advertise = \"{project}.logs.example.com:10012\"
  |             ---------------------------------- project `acme` will be told acme.logs.example.com
7 | cert = \"tls/logs.pem\"
  |        ^^^^^^^^^^^^^^ valid for logs.example.com, until 2027-12-27
  |
  = help: add *.logs.example.com to the certificate, or advertise = \"logs.example.com:10012\"
  = note: clients would say \"certificate verify failed\" or \"hostname mismatch\"

";

#[test]
fn a_finding_shows_all_the_lines_that_are_at_odds() {
    let directory = copy_of_broken();
    let examined = examine_at(&directory.path().join("uncovered-name.toml"));
    let root = format!("{}/", directory.path().display());
    assert_eq!(examined.findings.render(false).replace(&root, ""), UNCOVERED_NAME);
}

/// `code severity place`, one for each finding, in the order they are reported.
fn found(path: &Path, root: &Path) -> Vec<String> {
    let findings = examine_at(path).findings;
    let line = |finding: &logboom_cli::diagnostics::Finding| {
        let place = match (&finding.place, findings.position(finding)) {
            (Some(place), Some(at)) => {
                let file = &findings.sources().get(place.span.source).name;
                let file = Path::new(file).strip_prefix(root).unwrap_or(Path::new(file));
                let file = if root.join(file) == path {
                    String::new()
                } else {
                    format!("{}:", file.display())
                };
                format!("{file}{}:{}", at.line, at.column)
            }
            _ => "-".to_owned(),
        };
        format!("{} {} {place}", finding.code.unwrap_or("-"), finding.severity.name())
    };
    findings.sorted().into_iter().map(line).collect()
}

fn examine_at(path: &Path) -> Examined {
    let environment = Environment::default();
    let now = NOW.parse().unwrap();
    let scope = Scope::Machine;
    examine(&Request { file: path, settings: &[], environment: &environment, scope, now })
}

fn expectations(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map_while(|line| line.strip_prefix("#! ")).map(str::to_owned).collect()
}

fn configurations(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths
}

/// The broken configurations beside certificates that are made for them.
fn copy_of_broken() -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken"), to.path());
    let tls = to.path().join("tls");
    fs::create_dir(&tls).unwrap();
    let lasting = Duration::from_secs(400 * 86_400);
    write_certificate(&tls, "logs", "logs.example.com", lasting);
    write_certificate(&tls, "other", "other.example.com", lasting);
    write_certificate(&tls, "localhost", "localhost", lasting);
    write_certificate(&tls, "soon", "logs.example.com", Duration::from_secs(10 * 86_400));
    write_certificate(&tls, "expired", "logs.example.com", Duration::ZERO);
    to
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Writes a certificate that ended a day before, or ends so long after, [`NOW`].
fn write_certificate(directory: &Path, file: &str, name: &str, lasts: Duration) {
    use std::os::unix::fs::PermissionsExt as _;

    let day = |time: Timestamp| {
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let [month, day] = [date.month(), date.day()].map(|number| u8::try_from(number).unwrap());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    let now: Timestamp = NOW.parse().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = day(now - Duration::from_secs(10 * 86_400));
    params.not_after = day(now + lasts);
    let certificate = params.self_signed(&key).unwrap();
    fs::write(directory.join(format!("{file}.pem")), certificate.pem()).unwrap();
    let key_path = directory.join(format!("{file}-key.pem"));
    fs::write(&key_path, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_path, fs::Permissions::from_mode(0o600)).unwrap();
}
