//! Without a configuration there is a demo that explains itself.

use std::fs::metadata;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::Arc;

use logboom_tests::{Connector, Credentials, Server, Site, Terminal, batch};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

#[test]
fn a_first_start_makes_a_demo_whose_secrets_only_its_owner_can_read() {
    let site = Site::empty(crate::PROGRAM);
    let _events = site.serve_demo().stop();
    let mode = |name: &str| {
        let path = site.path("logboom-data").join(name);
        metadata(path).unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode()
    };
    for secret in ["client.conf", "logboom.toml", "ca-key.pem", "server-key.pem"] {
        assert_eq!(mode(&format!("demo/{secret}")) & 0o777, 0o600, "{secret}");
    }
    assert_eq!(mode("demo") & 0o077, 0, "others can enter");
    assert_eq!(mode("store") & 0o007, 0, "others can read logs");
    assert_eq!(mode("ca.pem") & 0o777, 0o644);
}

#[test]
fn off_a_terminal_no_secret_is_printed() {
    let site = Site::empty(crate::PROGRAM);
    for _start in 0..2 {
        let server = site.serve_demo();
        server.signal(rustix::process::Signal::TERM);
        let exit = server.wait();
        assert!(exit.stderr.contains("ready in"), "{}", exit.stderr);
        assert!(!exit.stderr.contains(secret(&site).as_str()), "{}", exit.stderr);
        assert_eq!(exit.stdout, "");
    }
}

#[test]
fn on_a_terminal_the_password_is_shown_at_the_first_start_only() {
    let site = Site::empty(crate::PROGRAM);
    for shown in [true, false] {
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let server = Terminal::spawn(site.program().command(site.directory(), &arguments));
        server.screen().wait_for("ready line", |lines| {
            lines.iter().find(|line| line.starts_with("ready in")).cloned()
        });
        let (code, screen) = server.interrupt();
        assert_eq!(code, Some(0));
        let screen = screen.join("\n");
        assert_eq!(screen.contains(secret(&site).as_str()), shown, "{screen}");
        assert!(screen.contains("read demo/demo --from earliest"), "{screen}");
    }
}

#[test]
fn client_conf_is_all_that_a_client_needs_and_stays_so() {
    let site = Site::empty(crate::PROGRAM);
    let mut known = None;
    for (start, value) in ["first", "second"].into_iter().enumerate() {
        let server = site.serve_demo();
        let (connector, credentials) = client_conf(&site, &server);
        let password = credentials.password.clone();
        assert_eq!(*known.get_or_insert(password.clone()), password);
        let mut client = connector.login(&credentials);
        let offset = client.produce("demo", 0, batch([value])).expect("the connection lives");
        assert_eq!(offset, Ok(start as u64));
        drop(client);
        let values = |site: &Site| {
            let logs = site.read_demo("demo/demo");
            logs.iter().map(|log| log.content().to_owned()).collect::<Vec<_>>()
        };
        let expected = &["first", "second"][..=start];
        assert_eq!(values(&site), expected, "while the server runs");
        let _events = server.stop();
        assert_eq!(values(&site), expected, "after it has stopped");
    }
}

#[test]
fn send_and_read_are_enough_for_a_first_log() {
    let site = Site::empty(crate::PROGRAM);
    let server = site.serve_demo();
    let mut send = site.program().command(site.directory(), &["send", "demo/demo"]);
    send.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut send = send.spawn().expect("the program starts");
    let mut stdin = send.stdin.take().expect("it is piped");
    stdin.write_all(b"hello\nworld\n").expect("it reads");
    drop(stdin);
    let sent = send.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&sent.stderr);
    assert!(sent.status.success(), "{said}");
    let logs = site.read_demo("demo/demo");
    assert_eq!(logs.iter().map(|log| log.content()).collect::<Vec<_>>(), ["hello", "world"]);
    let _events = server.stop();
}

/// A property of `client.conf`.
fn property(site: &Site, name: &str) -> String {
    let text = site.text("logboom-data/demo/client.conf");
    let properties = text.lines().filter_map(|line| line.split_once('='));
    let mut values = properties.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    values.next().unwrap_or_else(|| panic!("{name} is missing"))
}

fn secret(site: &Site) -> String {
    let password = property(site, "sasl.password");
    password.split_once('#').expect("AccessKeyID#AccessKeySecret").1.to_owned()
}

/// What `client.conf` says, and nothing else.
fn client_conf(site: &Site, server: &Server) -> (Connector, Credentials) {
    assert_eq!(property(site, "security.protocol"), "SASL_SSL");
    assert_eq!(property(site, "sasl.mechanism"), "PLAIN");
    let address = server.addresses()[0];
    assert_eq!(property(site, "bootstrap.servers"), format!("localhost:{}", address.port()));
    let ca = CertificateDer::from_pem_file(property(site, "ssl.ca.location")).expect("a PEM file");
    let mut roots = RootCertStore::empty();
    roots.add(ca).expect("a well-formed certificate");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("supported versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let project = property(site, "sasl.username");
    let password = property(site, "sasl.password");
    (Connector::tls(address, Arc::new(tls)), Credentials { project, password })
}
