//! What is no client, or does not log in as it should.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use logboom_tests::{
    Client, Config, Connector, Credentials, Event, Server, Site, batch, eventually,
};

use super::{acme, site};

/// Each refusal is logged once, however often it happens.
fn stop_and_check(site: &Site, server: Server, codes: &[&str]) {
    for code in codes {
        let _event = server.wait_for_code(code);
    }
    let events = server.stop();
    let count = |code: &str| events.iter().filter(|event| event.code() == code).count();
    for code in codes {
        assert_eq!(count(code), 1, "{code} in {events:#?}");
    }
    let helpless = |event: &&Event| !event.code().is_empty() && event.text("help").is_empty();
    assert_eq!(events.iter().find(helpless), None, "it does not say what to do");
    for key in &Config::default().keys {
        assert!(!format!("{events:?}").contains(key.secret), "a secret is in the log");
    }
    assert_eq!(site.read("acme/web"), []);
}

#[test]
fn a_wrong_login_is_refused_with_words_that_do_not_tell_what_was_wrong() {
    let site = Site::new(crate::PROGRAM, &Config::with_limit("failed_auth_delay", "\"1ms\""));
    let server = site.serve();
    let refuse = |project: &str, password: String| {
        let mut client = server.public(&site).connect();
        let login = client.login(&Credentials { project: project.to_owned(), password });
        let error = login.expect("an answer").expect_err("it is wrong");
        assert_eq!(error.code, 58);
        client.expect_end();
        error.message
    };
    let password = acme().password;
    let wrong_secret = refuse("acme", format!("{password}x"));
    assert!(wrong_secret.contains("[LB0401]"), "{wrong_secret}");
    for (project, password) in [
        ("acme", "nobody#Aq3wS2xE5dC6rF7t".to_owned()),
        ("beta", password.clone()),
        ("nobody", password.clone()),
    ] {
        assert_eq!(refuse(project, password), wrong_secret, "{project}");
    }
    let no_hash = refuse("acme", Config::ACME.secret.to_owned());
    assert!(no_hash.contains("[LB0402]"), "{no_hash}");
    assert_eq!(refuse("acme", Config::ACME.id.to_owned()), no_hash);
    stop_and_check(&site, server, &["LB0401", "LB0402"]);
}

#[test]
fn ten_wrong_logins_pause_further_ones_of_that_project_and_no_right_one() {
    let site = Site::new(crate::PROGRAM, &Config::with_limit("failed_auth_delay", "\"1ms\""));
    let server = site.serve();
    let wrong = Credentials { password: "nobody#Aq3wS2xE5dC6rF7t".to_owned(), ..acme() };
    let login = |credentials: &Credentials| {
        server.public(&site).connect().login(credentials).expect("an answer")
    };
    for _ in 0..10 {
        assert_eq!(login(&wrong).expect_err("it is wrong").code, 58);
    }
    // The words name the first cause, and no longer what is wrong now.
    let other = Credentials { password: "no hash".to_owned(), ..acme() };
    for paused in [&wrong, &other].map(|credentials| login(credentials).expect_err("wrong")) {
        assert_eq!(paused.code, 58);
        let message = &paused.message;
        assert!(message.contains("[LB0401]") && message.contains("paused"), "{message}");
    }
    assert_eq!(login(&acme()), Ok(()));
    assert_eq!(login(&Config::BETA.credentials()), Ok(()));
    stop_and_check(&site, server, &["LB0401", "LB0403"]);
}

#[test]
fn requests_in_the_wrong_order_end_the_connection() {
    let site = site();
    let server = site.serve();
    for _ in 0..2 {
        let mut client = server.public(&site).connect();
        assert_eq!(client.ask_mechanism("SCRAM-SHA-256").expect("an answer").0, 33);
        client.expect_end();

        let mut client = server.public(&site).connect();
        client.api_versions().expect("it may be asked");
        assert!(client.metadata(&[]).is_err(), "it may not be asked yet");
        client.expect_end();

        let mut client = server.public(&site).connect();
        let early = client.encode_batch("web", 0, batch(["early"]));
        client.send_bytes(&early).expect("the connection lives");
        client.expect_end();
    }
    stop_and_check(&site, server, &["LB0404", "LB0604"]);
}

#[test]
fn bytes_that_are_no_request_end_the_connection_before_they_cost_memory() {
    let site = site();
    let server = site.serve();
    let refused = |bytes: &[u8]| {
        for connector in [server.public(&site), server.internal()] {
            let mut client = connector.connect();
            client.send_bytes(bytes).expect("the connection lives");
            client.expect_end();
        }
    };
    // Lengths: negative, too small for a request, above the limit before the login.
    refused(&[0xff; 64]);
    refused(&[0, 0, 0, 3, 1, 2, 3]);
    refused(&(16_u32 * 1024 + 1).to_be_bytes());
    refused(&i32::MAX.to_be_bytes());
    // An API that nobody has.
    refused(&[0, 0, 0, 10, 0x7f, 0x7f, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
    stop_and_check(&site, server, &["LB0601", "LB0602", "LB0603"]);
}

#[test]
fn plaintext_on_the_tls_port_is_told_so_where_the_protocol_has_words_for_it() {
    let site = site();
    let server = site.serve();
    // No login that could be answered in words: not a byte, not even of an alert, which clients take
    // for a length.
    let mut other = server.internal().connect();
    let kafka = other.encode_batch("web", 0, batch(["plain"]));
    for _ in 0..2 {
        assert_eq!(answer_to(&server.public(&site), &kafka), b"");
        let to_http = answer_to(&server.public(&site), b"GET / HTTP/1.1\r\n\r\n");
        assert!(to_http.starts_with(b"HTTP/1.1 400 "), "{}", to_http.escape_ascii());
    }
    stop_and_check(&site, server, &["LB0311", "LB0313"]);
}

#[test]
fn a_client_without_tls_is_told_before_it_sends_its_password() {
    let site = site();
    let server = site.serve();
    let mut client = Connector::plaintext(server.addresses()[0]).connect();
    let versions = client.api_versions().expect("an answer");
    assert_eq!(versions.error_code, 0);
    let (code, mechanisms) = client.ask_mechanism("PLAIN").expect("an answer");
    assert_eq!((code, &mechanisms[..]), (33, &["PLAIN over SASL_SSL only".to_owned()][..]));
    client.expect_end();
    let refused = server.wait_for_code("LB0311");
    let told = refused.text("detail");
    assert!(told.contains("logboom-tests 1"), "who it was: {told}");
    drop(client);
    stop_and_check(&site, server, &["LB0311"]);
}

#[test]
fn tls_and_http_on_the_plaintext_port_are_told_so() {
    let site = site();
    let server = site.serve();
    let hello = b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03";
    for _ in 0..2 {
        let to_tls = answer_to(&server.internal(), hello);
        assert!(to_tls.ends_with(b"[LB0312]\n"), "{}", to_tls.escape_ascii());
        let to_http = answer_to(&server.internal(), b"GET / HTTP/1.1\r\n\r\n");
        assert!(to_http.starts_with(b"HTTP/1.1 400 "), "{}", to_http.escape_ascii());
        assert!(to_http.ends_with(b"[LB0313]\n"), "{}", to_http.escape_ascii());
    }
    stop_and_check(&site, server, &["LB0312", "LB0313"]);
}

#[test]
fn who_takes_too_long_to_log_in_is_closed() {
    let site = Site::new(crate::PROGRAM, &Config::with_limit("auth_timeout", "\"1s\""));
    let server = site.serve();
    // Not even a TLS handshake; a handshake and no more; a login that was begun.
    let mut silent = server.public(&site).tcp();
    let mut secured = server.public(&site).connect();
    let mut begun = server.public(&site).connect();
    // On a slow machine it is too late already.
    let _answer = begun.api_versions();
    let mut in_time = eventually("a login in time", || {
        let mut client = server.public(&site).try_connect().ok()?;
        client.login(&acme()).ok()?.ok().map(|()| client)
    });
    assert_eq!(silent.read(&mut [0; 100]).expect("an end in order"), 0);
    secured.expect_end();
    begun.expect_end();
    in_time.metadata(&[]).expect("who is logged in may stay");
    stop_and_check(&site, server, &["LB0407"]);
}

#[test]
fn one_address_has_so_many_connections_and_no_more() {
    let config = Config::with_limit("connections_per_address_max", "2");
    let site = Site::new(crate::PROGRAM, &config);
    let server = site.serve();
    let mut first = server.public(&site).login(&acme());
    let second = server.public(&site).login(&acme());
    for _ in 0..2 {
        assert!(server.public(&site).try_connect().is_err(), "that is one too many");
    }
    first.metadata(&[]).expect("the others are not disturbed");
    drop(second);
    // The server takes a moment to see that it is gone.
    eventually("another connection", || server.public(&site).try_connect().ok());
    stop_and_check(&site, server, &["LB0607"]);
}

#[test]
fn a_connection_that_leaves_in_a_handshake_is_no_news() {
    let site = site();
    let server = site.serve();
    drop(server.public(&site).tcp());
    let gone: Client = server.public(&site).connect();
    drop(gone);
    let mut client = server.public(&site).login(&acme());
    client.metadata(&[]).expect("an answer");
    let events = server.stop();
    let refusals = events.iter().filter(|event| event.code() != "LB0122");
    assert!(refusals.clone().all(|event| event.code().is_empty()), "{events:#?}");
}

/// Sends bytes to a listener, past its TLS if it has any, and reads until the end.
fn answer_to(connector: &Connector, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connector.tcp();
    stream.write_all(bytes).expect("the connection lives");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an end in order");
    // The other end waits for this one, so that nothing is reset.
    stream.shutdown(Shutdown::Write).expect("still connected");
    answer
}
