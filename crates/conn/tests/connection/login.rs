//! Phases, SASL, and what strangers may do.

use std::time::Duration;

use logboom_conn::{AuthVerdict, ClientInfo, CloseReason, Command, Event, Limits, Phase, Timer};
use logboom_sans_io::{Machine, OnSecured, Stale};
use logboom_wire::api::ApiKey;

use crate::client::{self, Production, TOKEN};
use crate::host::Host;

fn rejected() -> AuthVerdict {
    AuthVerdict::Rejected { message: "Authentication failed: invalid AccessKey".into() }
}

#[test]
fn a_login_works_in_every_order_clients_use() {
    for (handshake, token) in [(0, None), (1, Some(0)), (1, Some(1)), (1, Some(2))] {
        for api_versions in [&[][..], &[0], &[3], &[3, 4], &[9, 4]] {
            let mut host = Host::new(Limits::default());
            for version in api_versions {
                host.send(&client::api_versions(*version, 1));
            }
            host.send(&client::handshake(handshake, 2, "PLAIN"));
            host.read_all();
            host.received.clear();
            match token {
                None => host.send(&client::framed(TOKEN)),
                Some(version) => host.send(&client::authenticate(version, 3, TOKEN)),
            };
            assert_eq!(host.connection.phase(), Phase::Verifying);
            host.judge(AuthVerdict::Accepted);
            host.read_all();
            match token {
                None => assert_eq!(host.received, [0, 0, 0, 0]),
                Some(_) => assert_eq!(host.received[4..8], [0, 0, 0, 3]),
            }
            assert!(matches!(host.events[..], [Event::Ready(_)]));
            assert_eq!(host.connection.phase(), Phase::Ready);
        }
    }
}

#[test]
fn sessions_have_no_lifetime() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&client::authenticate(1, 2, TOKEN));
    host.judge(AuthVerdict::Accepted);
    let answer = &host.responses()[1];
    let mut reader = answer.reader();
    assert_eq!(reader.i16(), Ok(0));
    assert_eq!(reader.nullable_string(), Ok(None));
    assert_eq!(reader.bytes(), Ok(&[][..]));
    assert_eq!(reader.i64(), Ok(0));
}

#[test]
fn api_versions_of_the_future_is_answered_in_version_0_and_the_connection_goes_on() {
    for version in [5, 99, i16::MAX, -1] {
        let mut host = Host::new(Limits::default());
        host.send(&client::request(18, version, 7, |body| body.raw(&[0xff; 30])));
        host.send(&client::api_versions(4, 8));
        let [unsupported, supported] = &host.responses()[..] else { panic!("two responses") };
        assert_eq!(unsupported.error(), 35);
        assert_eq!(unsupported.reader().rest().len(), 2 + 4 + 6 * ApiKey::ALL.len());
        assert_eq!(supported.error(), 0);
    }
}

#[test]
fn credentials_are_handed_over_with_what_is_known_of_the_client() {
    let mut host = Host::new(Limits::default());
    host.connection.handle_secured(Some("acme.logs.example.com"));
    host.send(&client::api_versions(3, 1));
    host.send(&client::handshake(1, 2, "PLAIN"));
    host.send(&client::authenticate(2, 3, TOKEN));
    let [Event::Authenticate(attempt)] = &host.events[..] else { panic!("{:?}", host.events) };
    assert_eq!((attempt.username.as_str(), attempt.raw), ("acme", false));
    assert_eq!(attempt.password.expose(), b"id#secret");
    let expected = ClientInfo {
        software_name: Some("librdkafka".to_owned()),
        software_version: Some("2.11.1".to_owned()),
        client_id: Some(client::CLIENT_ID.to_owned()),
        server_name: Some("acme.logs.example.com".into()),
    };
    assert_eq!(attempt.client, expected);
    host.judge(AuthVerdict::Accepted);
    host.wait();
    assert!(matches!(&host.events[..], [Event::Ready(client)] if *client == expected));
}

#[test]
fn wrong_credentials_are_refused_in_words_after_the_delay() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&client::authenticate(0, 2, TOKEN));
    host.read_all();
    host.received.clear();
    host.pass(Duration::from_millis(100));
    host.judge(rejected());
    let wait = host.wait();
    assert!(!wait.write && !wait.read);
    assert_eq!(wait.deadline, Some(host.start + Duration::from_millis(250)), "since the token");

    host.ring(Timer::FailedAuth);
    let [answer] = &host.responses()[..] else { panic!("one response") };
    assert_eq!(answer.error(), 58);
    let mut reader = answer.reader();
    let _error = reader.i16();
    let message = reader.nullable_string().unwrap();
    assert_eq!(message, Some("Authentication failed: invalid AccessKey"));
    assert!(host.wait().fin);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::CredentialsRefused);
}

#[test]
fn wrong_credentials_without_a_request_around_them_are_refused_without_a_byte() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(0, 1, "PLAIN"));
    host.read_all();
    host.received.clear();
    host.send(&client::framed(TOKEN));
    host.judge(rejected());
    host.ring(Timer::FailedAuth);
    host.read_all();
    assert!(host.wait().fin);
    assert!(host.received.is_empty());
    host.ring(Timer::Linger);
    assert_eq!(host.closed(), CloseReason::CredentialsRefused);
}

#[test]
fn a_malformed_token_never_reaches_the_application() {
    for raw in [false, true] {
        let mut host = Host::new(Limits::default());
        host.send(&client::handshake(if raw { 0 } else { 1 }, 1, "PLAIN"));
        let token = b"root\0acme\0id#secret";
        host.send(&if raw { client::framed(token) } else { client::authenticate(0, 2, token) });
        assert!(host.events.is_empty());
        host.ring(Timer::FailedAuth);
        let answers = host.responses();
        assert_eq!(answers.get(1).map(client::Response::error), (!raw).then_some(58));
        host.connection.handle_eof();
        assert_eq!(host.closed(), CloseReason::MalformedSaslToken);
    }
}

#[test]
fn an_empty_raw_token_is_malformed() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(0, 1, "PLAIN"));
    host.send(&client::framed(b""));
    host.ring(Timer::FailedAuth);
    host.read_all();
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::MalformedSaslToken);
}

#[test]
fn a_peer_is_not_told_that_its_credentials_are_wrong_when_nobody_knows() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&client::authenticate(0, 2, TOKEN));
    host.judge(AuthVerdict::Unavailable);
    assert_eq!(host.correlation_ids(), [1]);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::AuthUnavailable);
}

#[test]
fn another_mechanism_is_refused_with_the_list_of_mechanisms() {
    for version in [0, 1] {
        let mut host = Host::new(Limits::default());
        host.send(&client::handshake(version, 1, "SCRAM-SHA-256\n"));
        let [answer] = &host.responses()[..] else { panic!("one response") };
        let mut reader = answer.reader();
        assert_eq!(reader.i16(), Ok(33));
        assert_eq!(reader.array_count(), Ok(Some(1)));
        assert_eq!(reader.string(), Ok("PLAIN"));
        assert!(host.wait().fin);
        host.connection.handle_eof();
        let mechanism = "SCRAM-SHA-256\\n".to_owned();
        assert_eq!(host.closed(), CloseReason::MechanismRefused(mechanism));
    }
}

#[test]
fn sasl_requests_out_of_order_are_refused() {
    let token_first = client::authenticate(1, 1, TOKEN);
    let twice = [client::handshake(1, 1, "PLAIN"), client::handshake(1, 2, "PLAIN")].concat();
    for requests in [token_first, twice] {
        let mut host = Host::new(Limits::default());
        host.send(&requests);
        assert_eq!(host.responses().last().map(client::Response::error), Some(34));
        host.connection.handle_eof();
        assert_eq!(host.closed(), CloseReason::IllegalSaslState);
    }
}

#[test]
fn a_second_login_is_refused_and_the_session_lives_on() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::handshake(1, 10, "PLAIN"));
    host.send(&client::authenticate(1, 11, TOKEN));
    host.send(&client::api_versions(3, 12));
    let errors: Vec<i16> = host.responses().iter().map(client::Response::error).collect();
    assert_eq!(errors, [34, 34, 0]);
    assert_eq!(host.connection.phase(), Phase::Ready);
}

#[test]
fn before_login_every_other_api_closes_the_connection_in_every_version() {
    let strangers: &[&[u8]] = &[&[], &client::handshake(1, 1, "PLAIN")];
    for first in strangers {
        for (key, version) in (0..=80).flat_map(|key| (-1..=15).map(move |v| (key, v))) {
            let mut host = Host::new(Limits::default());
            host.send(first);
            host.read_all();
            // If the body were looked at, it would be refused for another reason.
            host.send(&client::request(key, version, 2, |body| body.raw(&[0xff; 40])));
            let phase = if first.is_empty() { Phase::Handshake } else { Phase::Token };
            let reason = match ApiKey::from_i16(key) {
                None => CloseReason::UnsupportedApi { key, version },
                Some(ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate) => {
                    continue;
                }
                Some(api) => CloseReason::ApiNotAllowed { phase, api },
            };
            assert_eq!(host.read(usize::MAX), 0, "{key} v{version}");
            host.connection.handle_eof();
            assert_eq!(host.closed(), reason);
            assert!(host.events.is_empty());
        }
    }
}

#[test]
fn after_login_every_advertised_version_of_every_api_is_answered() {
    for api in ApiKey::ALL {
        let (min, max) = api.versions();
        for version in min..=max {
            if matches!(api, ApiKey::Fetch | ApiKey::FindCoordinator) && version != min {
                continue;
            }
            let mut host = Host::ready(Limits::default());
            host.send(&client::any_request(api, version, 77));
            host.answer_all();
            assert_eq!(host.correlation_ids(), [77], "{api:?} v{version}");
            assert_eq!(host.connection.phase(), Phase::Ready);
        }
    }
}

#[test]
fn a_version_that_is_not_advertised_closes_the_connection() {
    for api in ApiKey::ALL.into_iter().filter(|api| *api != ApiKey::ApiVersions) {
        let (key, version) = (api.id(), api.versions().1 + 1);
        let mut host = Host::ready(Limits::default());
        host.send(&client::request(key, version, 77, |_| {}));
        host.connection.handle_eof();
        assert_eq!(host.closed(), CloseReason::UnsupportedApi { key, version });
        assert!(host.received.is_empty());
    }
}

#[test]
fn frames_before_login_are_counted_raw_tokens_too() {
    let mut host = Host::new(Limits::default());
    for correlation_id in 0..8 {
        host.send(&client::api_versions(0, correlation_id));
    }
    assert_eq!(host.correlation_ids().len(), 8);
    host.send(&client::api_versions(0, 9));
    host.connection.handle_eof();
    let expected = CloseReason::TooManyFramesBeforeAuth { frames_max: 8 };
    assert_eq!(host.closed(), expected);

    let limits = Limits { frames_before_auth_max: 1, ..Limits::default() };
    let mut host = Host::new(limits);
    host.send(&client::handshake(0, 1, "PLAIN"));
    host.send(&client::framed(TOKEN));
    host.read_all();
    host.connection.handle_eof();
    let expected = CloseReason::TooManyFramesBeforeAuth { frames_max: 1 };
    assert_eq!(host.closed(), expected);
    assert!(host.events.is_empty());
}

#[test]
fn a_large_frame_before_login_closes_before_anything_is_allocated_for_it() {
    let mut host = Host::new(Limits::default());
    let bytes = 16 * 1024 + 1;
    host.send(&(bytes as i32).to_be_bytes());
    assert!(host.connection.bytes_held() <= 16 * 1024);
    host.connection.handle_eof();
    let expected = CloseReason::FrameTooLarge { bytes, bytes_max: 16 * 1024 };
    assert_eq!(host.closed(), expected);
}

#[test]
fn nothing_is_decoded_while_credentials_are_checked() {
    let mut host = Host::new(Limits::default());
    let pipelined = [
        client::handshake(1, 1, "PLAIN"),
        client::authenticate(0, 2, TOKEN),
        client::produce(3, &Production::default()),
        client::metadata(4, 4, None),
    ];
    let sent = host.send(&pipelined.concat());
    assert_eq!(sent, pipelined.concat().len(), "one read took it all");
    assert!(matches!(host.events[..], [Event::Authenticate(_)]));
    assert!(!host.wait().read);
    host.judge(AuthVerdict::Accepted);
    host.wait();
    assert!(matches!(host.events[..], [Event::Ready(_), Event::Produce(_), Event::Metadata(_)]));
    host.events.remove(0);
    host.answer_all();
    assert_eq!(host.correlation_ids(), [1, 2, 3, 4]);
}

#[test]
fn an_answer_for_another_connection_is_stale() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&client::authenticate(0, 2, TOKEN));
    let Some(Event::Authenticate(attempt)) = host.events.pop() else { panic!("no login") };

    let peer = host.connection.peer().clone();
    let config = std::sync::Arc::clone(&host.config);
    host.connection = logboom_conn::Connection::new(config, peer, [8; 32], host.now);
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.send(&client::authenticate(0, 2, TOKEN));
    let strayed = Command::Authenticated(attempt.ticket, AuthVerdict::Accepted);
    assert_eq!(host.connection.apply(strayed), Err(Stale));
    assert_eq!(host.connection.phase(), Phase::Verifying);
}
