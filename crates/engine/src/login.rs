use std::sync::Arc;

use logboom_access::{AuthFailure, LoginError, Principal, ProjectName};
use logboom_conn::{AbortReason, AuthAttempt, AuthTicket, AuthVerdict, Command};

use crate::session::Client;
use crate::{Code, Engine};

/// Decides about a login and answers it.
pub(crate) fn login(engine: &Engine, client: &mut Client, id: u64, attempt: AuthAttempt) {
    let AuthAttempt { ticket, username, password, client: info, .. } = attempt;
    let directory = Arc::clone(&engine.snapshot().directory);
    // A user name that cannot be a project may be a password in the wrong place: it is neither
    // kept nor logged, and all of them count as one.
    let project = username.parse::<ProjectName>().ok();
    let peer = client.peer.ip();
    let now = engine.clock().monotonic();
    client.info = Some(info);
    client.project = project.as_ref().map(ToString::to_string);
    let project = project.as_ref().map_or("", ProjectName::as_str);
    let paused = engine.penalties().paused(peer, project, now);
    if let Some(message) = paused {
        client.refused(engine, Code::LoginPaused, || "ten failures within a minute".into());
        reject(client, ticket, format!("{message} (paused 60 s after 10 failures)"));
        return;
    }
    match directory.authenticate(&username, password.expose()) {
        Ok(principal) => {
            engine.penalties().succeeded(peer, project);
            engine.counters().logins.increment();
            accept(engine, client, id, ticket, Some(principal));
        }
        Err(error) => {
            report(engine, client, &error);
            match directory.auth_failure() {
                AuthFailure::Topic => accept(engine, client, id, ticket, None),
                AuthFailure::Error => {
                    let message = error.client_message();
                    engine.penalties().failed(peer, project, message, now);
                    reject(client, ticket, message.to_owned());
                }
            }
        }
    }
}

fn accept(
    engine: &Engine,
    client: &mut Client,
    id: u64,
    ticket: AuthTicket,
    principal: Option<Arc<Principal>>,
) {
    engine.registry().logged_in(id, principal.clone());
    client.principal = principal;
    client.inbox.push(Command::Authenticated(ticket, AuthVerdict::Accepted));
    // A reload while the secret was being compared did not find this session among those to close.
    // The next one will: it is registered by now.
    let directory = &engine.snapshot().directory;
    if client.principal.as_ref().is_some_and(|principal| !directory.still_valid(principal)) {
        client.inbox.push(Command::Abort(AbortReason::KeyRevoked));
    }
}

fn reject(client: &Client, ticket: AuthTicket, message: String) {
    let verdict = AuthVerdict::Rejected { message: message.into() };
    client.inbox.push(Command::Authenticated(ticket, verdict));
}

fn report(engine: &Engine, client: &Client, error: &LoginError) {
    let code = match error {
        LoginError::NoHash { .. } | LoginError::EmptyHalf { .. } => Code::PasswordFormat,
        _ => Code::BadCredentials,
    };
    client.refused_with_help(engine, code, error.help(), || match error.known_key() {
        Some(key) => format!("{error}; key {key}"),
        None => error.to_string(),
    });
}
