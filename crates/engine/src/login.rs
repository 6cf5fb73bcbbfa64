use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use logboom_access::{AuthFailure, LoginError, Principal, ProjectName};
use logboom_conn::{AbortReason, AuthAttempt, AuthTicket, AuthVerdict, Command};
use logboom_planted::planted;

use crate::client::Client;
use crate::{Code, Engine, Notice, host_name};

/// Decides about a login and answers it.
pub(crate) fn login(engine: &Engine, client: &mut Client, id: u64, attempt: AuthAttempt) {
    let AuthAttempt { ticket, username, password, client: info, .. } = attempt;
    let directory = Arc::clone(&engine.snapshot().directory);
    // A user name that cannot be a project may be a password in the wrong place: it is neither
    // kept nor logged, and all of them count as one.
    let project = username.parse::<ProjectName>().ok();
    let (peer, now) = (client.peer.ip(), engine.clock().monotonic());
    let reached = info.server_name.as_deref();
    let reached = reached.and_then(|name| host_name::project_of(&client.listener.advertise, name));
    // Differs only between two names that can be projects: a password in the place of the user name
    // must not be repeated.
    let other = reached.filter(|reached| project.as_ref().is_some_and(|named| named != reached));
    client.info = Some(info);
    client.project = project.as_ref().map(ToString::to_string);
    let project = project.as_ref().map_or("", ProjectName::as_str);
    match directory.authenticate(&username, password.expose()) {
        Ok(principal) => {
            engine.penalties().succeeded(peer, project);
            engine.counters().logins.increment();
            // A name that stands for no project may be an alias for all of them.
            if let Some(other) = other.filter(|other| directory.has_project(other.as_str())) {
                client.notice(engine, Notice::HostOfAnotherProject, || mismatch(&other, project));
            }
            accept(engine, client, id, ticket, Some(principal));
        }
        Err(error) if directory.auth_failure() == AuthFailure::Topic => {
            report(engine, client, &error, None);
            accept(engine, client, id, ticket, None);
        }
        Err(error) => {
            let mismatch = other.map(|other| mismatch(&other, project));
            let message = refuse(engine, client, &error, project, mismatch.as_deref(), now);
            let verdict = AuthVerdict::Rejected { message: message.into() };
            client.inbox.push(Command::Authenticated(ticket, verdict));
        }
    }
}

/// Reports a refused login, and says what the client is told. Only failures pause: right credentials
/// are always let in, since many clients share an address, and one of them with an old password must
/// not keep the others out.
fn refuse(
    engine: &Engine,
    client: &Client,
    error: &LoginError,
    project: &str,
    mismatch: Option<&str>,
    now: Instant,
) -> String {
    let peer = client.peer.ip();
    let paused = engine.penalties().paused(peer, project, now);
    if let Some(message) = paused {
        client.refused(engine, Code::LoginPaused, || "ten failures within a minute".into());
        return format!("{message} (paused 60 s after 10 failures)");
    }
    report(engine, client, error, mismatch);
    // The client has said both names itself: repeating them tells it nothing about what exists.
    let message = match mismatch {
        Some(mismatch) => format!("{} Note that {mismatch}.", error.client_message()),
        None => error.client_message().to_owned(),
    };
    engine.penalties().failed(peer, project, &message, now);
    message
}

/// Says that a client used the host name of one project and the user name of another.
fn mismatch(reached: &ProjectName, project: &str) -> String {
    format!("the host name is that of project {reached}, the user name {project}")
}

fn accept(
    engine: &Engine,
    client: &mut Client,
    id: u64,
    ticket: AuthTicket,
    principal: Option<Arc<Principal>>,
) {
    if !planted!(SessionNotRegistered) {
        engine.registry().logged_in(id, principal.clone());
    }
    client.principal = principal;
    client.inbox.push(Command::Authenticated(ticket, AuthVerdict::Accepted));
    // A reload while the secret was being compared did not find this session among those to close.
    // The next one will: it is registered by now.
    let directory = &engine.snapshot().directory;
    if client.principal.as_ref().is_some_and(|principal| !directory.still_valid(principal)) {
        client.inbox.push(Command::Abort(AbortReason::KeyRevoked));
    }
}

fn report(engine: &Engine, client: &Client, error: &LoginError, mismatch: Option<&str>) {
    let code = match error {
        LoginError::NoHash { .. } | LoginError::EmptyHalf { .. } => Code::PasswordFormat,
        _ => Code::BadCredentials,
    };
    let help = match mismatch {
        Some(mismatch) => Cow::Owned(format!("{}; {mismatch}", error.help())),
        None => Cow::Borrowed(error.help()),
    };
    client.refused_with_help(engine, code, &help, || match error.known_key() {
        Some(key) => format!("{error}; key {key}"),
        None => error.to_string(),
    });
}
