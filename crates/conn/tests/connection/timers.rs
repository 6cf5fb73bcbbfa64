//! Every timer, and what does not set it off.

use std::time::Duration;

use logboom_conn::{AuthVerdict, CloseReason, Command, Event, Limits, Timer};
use logboom_sans_io::{Machine, Stale};

use crate::client::{self, Production, TOKEN};
use crate::host::Host;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn authentication_has_a_deadline_from_accept_whatever_the_peer_does() {
    let mut host = Host::new(Limits::default());
    host.pass(6 * SECOND);
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.pass(3 * SECOND);
    host.send(&client::authenticate(0, 2, TOKEN));
    host.read_all();
    host.ring(Timer::Auth);
    assert_eq!(host.now, host.start + 10 * SECOND);
    assert_eq!(host.closed(), CloseReason::AuthTimeout);
    let Some(Event::Authenticate(attempt)) = host.events.pop() else { panic!("no login") };
    let late = Command::Authenticated(attempt.ticket, AuthVerdict::Accepted);
    assert_eq!(host.connection.apply(late), Err(Stale));
}

#[test]
fn a_refusal_that_is_being_delayed_is_not_a_login_timeout() {
    let mut host = Host::new(Limits::default());
    host.send(&client::handshake(1, 1, "PLAIN"));
    host.pass(Duration::from_millis(9_900));
    host.send(&client::authenticate(0, 2, TOKEN));
    host.judge(AuthVerdict::Rejected { message: "no".into() });
    host.read_all();
    host.ring(Timer::FailedAuth);
    assert_eq!(host.now, host.start + Duration::from_millis(10_150));
    host.read_all();
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::CredentialsRefused);
}

#[test]
fn an_idle_connection_is_closed_and_anything_that_happens_is_not_idle() {
    let mut host = Host::ready(Limits::default());
    host.pass(599 * SECOND);
    host.send(&client::metadata(1, 1, None));
    host.pass(599 * SECOND);
    host.answer();
    host.wait();
    host.pass(29 * SECOND);
    host.read_all();
    let read_at = host.now;
    host.ring(Timer::Idle);
    assert_eq!(host.now, read_at + 600 * SECOND);
    assert_eq!(host.closed(), CloseReason::IdleTimeout);
}

#[test]
fn a_peer_that_waits_for_an_answer_for_ever_is_idle() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None));
    host.ring(Timer::Idle);
    assert_eq!(host.closed(), CloseReason::IdleTimeout);
}

#[test]
fn a_small_frame_has_to_be_complete_in_time() {
    let mut host = Host::ready(Limits::default());
    let request = client::metadata(1, 1, None);
    for byte in &request[..5] {
        host.send(&[*byte]);
        host.pass(5 * SECOND);
    }
    host.ring(Timer::Frame);
    assert_eq!(host.now, host.start + 30 * SECOND);
    assert!(host.wait().fin);
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::FrameTimeout);
}

#[test]
fn earlier_requests_are_answered_before_a_slow_frame_closes() {
    let mut host = Host::ready(Limits::default());
    let request = client::metadata(1, 1, None);
    host.send(&[&request[..], &request[..7]].concat());
    host.ring(Timer::Frame);
    assert!(!host.wait().fin);
    host.answer();
    assert_eq!(host.correlation_ids(), [1]);
    assert!(host.wait().fin);
}

#[test]
fn a_large_frame_gets_time_for_its_size() {
    let mut host = Host::ready(Limits::default());
    let production = Production { records_bytes: 100 * 256 * 1024, ..Production::default() };
    let request = client::produce(1, &production);
    host.send(&request[..request.len() - 1]);
    host.ring(Timer::Frame);
    assert_eq!(host.now, host.start + 130 * SECOND);
    host.wait();
    host.connection.handle_eof();
    assert_eq!(host.closed(), CloseReason::FrameTimeout);
}

#[test]
fn every_frame_has_its_own_time() {
    let mut host = Host::ready(Limits::default());
    let request = client::api_versions(0, 1);
    host.send(&request[..5]);
    host.pass(29 * SECOND);
    host.send(&[&request[5..], &request[..5]].concat());
    host.read_all();
    let begun = host.now;
    host.ring(Timer::Frame);
    assert_eq!(host.now, begun + 30 * SECOND);
}

#[test]
fn a_frame_that_is_complete_is_not_late_because_the_host_is() {
    let mut host = Host::ready(Limits::default());
    let request = client::api_versions(0, 1);
    host.send(&request[..5]);
    host.pass(31 * SECOND);
    host.fill(&request[5..]);
    assert_eq!(host.correlation_ids(), [1]);
}

#[test]
fn time_in_which_nothing_is_read_is_not_the_fault_of_the_peer() {
    let limits = Limits { requests_in_flight_max: 1, ..Limits::default() };
    let mut host = Host::ready(limits);
    let request = client::metadata(1, 1, None);
    host.send(&[&request[..], &request[..7]].concat());
    host.pass(300 * SECOND);
    assert!(!host.wait().read);
    host.answer();
    host.read_all();
    let resumed = host.now;
    host.ring(Timer::Frame);
    assert_eq!(host.now, resumed + 30 * SECOND);
}

#[test]
fn a_peer_that_does_not_read_is_given_up() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::api_versions(0, 1));
    host.pass(29 * SECOND);
    host.wait();
    assert_eq!(host.read(1), 1);
    let progress = host.now;
    host.ring(Timer::Write);
    assert_eq!(host.now, progress + 30 * SECOND);
    assert_eq!(host.closed(), CloseReason::WriteTimeout);
}

#[test]
fn lingering_has_an_end() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::request(99, 0, 1, |_| {}));
    let begun = host.now;
    assert!(host.wait().fin);
    host.pass(SECOND);
    host.send(&[0; 5_000]);
    host.ring(Timer::Linger);
    assert_eq!(host.now, begun + 2 * SECOND);
    assert_eq!(host.closed(), CloseReason::UnsupportedApi { key: 99, version: 0 });
}

#[test]
fn closing_waits_for_answers_only_so_long() {
    let mut host = Host::ready(Limits::default());
    host.send(&client::metadata(1, 1, None));
    host.send(&client::request(99, 0, 1, |_| {}));
    let begun = host.now;
    host.ring(Timer::Drain);
    assert_eq!(host.now, begun + 30 * SECOND);
    assert_eq!(host.closed(), CloseReason::UnsupportedApi { key: 99, version: 0 });
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut host = Host::ready(Limits::default());
    host.pass(100 * SECOND);
    host.send(&client::api_versions(0, 1));
    host.read_all();
    let deadline = host.wait().deadline;
    let later = std::mem::replace(&mut host.now, host.start);
    assert_eq!(host.wait().deadline, deadline);
    assert_eq!(deadline, Some(later + 600 * SECOND));
}
