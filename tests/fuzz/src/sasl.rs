//! A bare SASL token, as it follows SaslHandshake version 0.

use std::sync::{Arc, OnceLock};

use logboom_access::{AccessKey, Directory, Logstore, Policy, Project, Secret, SecretHash};
use logboom_conn::{AuthVerdict, CloseReason, Command, Event, Limits, Phase, Unmetered};

use crate::connection::Host;
use crate::memory::bounded;
use crate::seeds;

/// The longest token that fits into a frame before authentication, by default.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The one login that is right.
const LOGIN: (&str, &str) = ("demo", "key#secret");

/// A token, sent to a connection and checked against a directory with one key.
pub fn raw_sasl(input: &[u8]) {
    let token = &input[..input.len().min(TOKEN_BYTES_MAX)];
    let (mut host, event) = bounded(token.len(), 0, || {
        let mut host = Host::new(Limits::default(), Arc::new(Unmetered));
        send(&mut host, &seeds::handshake(0));
        send(&mut host, &seeds::framed(token));
        let event = host.events.pop();
        (host, event)
    });
    let Some((user, password)) = plain(token) else {
        assert!(event.is_none());
        return assert_eq!(end(&mut host), CloseReason::MalformedSaslToken);
    };
    let Some(Event::Authenticate(attempt)) = event else { panic!("{event:?} instead of a login") };
    assert!(attempt.raw);
    assert_eq!(attempt.username, user);
    assert_eq!(attempt.password.expose(), password.as_bytes());
    let accepted = directory().authenticate(user, password.as_bytes()).is_ok();
    assert_eq!(accepted, (user, password) == LOGIN);
    if accepted {
        host.apply(Command::Authenticated(attempt.ticket, AuthVerdict::Accepted));
        host.poll().expect("open");
        return assert_eq!(host.connection.phase(), Phase::Ready);
    }
    let verdict = AuthVerdict::Rejected { message: "no".into() };
    host.apply(Command::Authenticated(attempt.ticket, verdict));
    assert_eq!(end(&mut host), CloseReason::CredentialsRefused);
}

/// Sends bytes, and reads the answer.
fn send(host: &mut Host, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let taken = host.fill(bytes);
        assert!(taken > 0, "a stranger's bytes are read up to the limit");
        bytes = &bytes[taken..];
        while host.poll().expect("open").write {
            host.read(usize::MAX);
        }
    }
}

/// Lets time pass until the connection has closed.
fn end(host: &mut Host) -> CloseReason {
    loop {
        match host.poll() {
            Ok(wait) if wait.write => host.read(usize::MAX),
            Ok(wait) => host.now = wait.deadline.expect("something to wait for"),
            Err(reason) => return reason,
        }
    }
}

/// User and password of a token by RFC 4616, written down once more: nobody else to act as, and
/// neither empty.
fn plain(token: &[u8]) -> Option<(&str, &str)> {
    let (authzid, rest) = str::from_utf8(token).ok()?.split_once('\0')?;
    let (user, password) = rest.split_once('\0')?;
    let as_itself = authzid.is_empty() || authzid == user;
    let whole = !user.is_empty() && !password.is_empty() && !password.contains('\0');
    (as_itself && whole).then_some((user, password))
}

fn directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let mut builder = Directory::builder();
        builder.project(Project {
            name: "demo".parse().expect("a name"),
            logstores: vec![Logstore::new("logs".parse().expect("a name"))],
        });
        builder.access_key(AccessKey {
            id: "key".parse().expect("an id"),
            project: "demo".parse().expect("a name"),
            secrets: vec![SecretHash::new(&Secret::new("secret"), [0; SecretHash::SALT_BYTES])],
            policies: vec![Policy::full_access()],
        });
        builder.build().expect("no mistakes")
    })
}
