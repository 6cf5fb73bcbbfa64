use logboom_wire::api::ApiKey;

use crate::phase::{OPEN, PERMISSIONS, Permission, Phase, TRANSITIONS, Trigger};

/// The phases of a connection as a Mermaid state diagram, drawn from the tables that the connection
/// itself follows.
#[must_use]
pub fn phase_diagram() -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned(), "    [*] --> Open".to_owned()];
    lines.push("    state Open {".to_owned());
    lines.push(format!("        [*] --> {}", OPEN[0]));
    lines.extend(inner_transitions());
    lines.extend(requests());
    lines.push("    }".to_owned());
    lines.extend(outer_transitions());
    lines.push(format!("    {} --> [*]\n", Phase::Closed));
    lines.join("\n")
}

/// The ways from one open phase to another.
fn inner_transitions() -> impl Iterator<Item = String> {
    let inner = TRANSITIONS.iter().filter(|way| way.to.is_open());
    inner.flat_map(|way| {
        let label = label(way.trigger);
        way.from.iter().map(move |from| format!("        {from} --> {}: {label}", way.to))
    })
}

/// What requests do that lead to no other open phase.
fn requests() -> impl Iterator<Item = String> {
    PERMISSIONS.into_iter().filter_map(|(phase, api, permission)| {
        let name = api.name();
        match permission {
            Permission::Serve if is_login(api) => None,
            Permission::Serve => Some(format!("        {phase} --> {phase}: {name}")),
            Permission::Refuse(error) => {
                Some(format!("        {phase} --> {phase}: {name} (error {})", error.code()))
            }
            Permission::RefuseAndClose(error) => {
                Some(format!("        {phase} --> [*]: {name} (error {})", error.code()))
            }
        }
    })
}

/// The ways that leave the open phases, all at once, or start outside of them.
fn outer_transitions() -> impl Iterator<Item = String> {
    let outer = TRANSITIONS.iter().filter(|way| !way.to.is_open());
    outer.flat_map(|way| {
        let label = label(way.trigger);
        let open = way.from.contains(&OPEN[0]).then(|| "Open".to_owned());
        let others = way.from.iter().filter(|phase| !phase.is_open()).map(Phase::to_string);
        let sources = open.into_iter().chain(others);
        sources.map(move |from| format!("    {from} --> {}: {label}", way.to))
    })
}

/// Whether the transitions already show what serving this API does.
const fn is_login(api: ApiKey) -> bool {
    matches!(api, ApiKey::SaslHandshake | ApiKey::SaslAuthenticate)
}

const fn label(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Plaintext => "plaintext where TLS is wanted",
        Trigger::HandshakeV0 => "SaslHandshake v0",
        Trigger::HandshakeV1 => "SaslHandshake v1",
        Trigger::TokenArrived => "token",
        Trigger::Accepted => "credentials accepted",
        Trigger::LastRequest => "refusal, drain or end of stream",
        Trigger::AllSent => "all answered and sent",
        Trigger::Over => "timeout, abort, reset or end of stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diagram_shows_every_phase_and_every_refusal() {
        let diagram = phase_diagram();
        for phase in TRANSITIONS.iter().flat_map(|way| way.from.iter().chain([&way.to])) {
            assert!(diagram.contains(&phase.to_string()), "{phase}\n{diagram}");
        }
        for line in [
            "    [*] --> Open",
            "        Handshake --> RawToken: SaslHandshake v0",
            "        Handshake --> [*]: SaslAuthenticate (error 34)",
            "        Ready --> Ready: Fetch (error 29)",
            "    Open --> Closing: refusal, drain or end of stream",
            "    Closing --> Lingering: all answered and sent",
        ] {
            assert!(diagram.lines().any(|drawn| drawn == line), "{line}\n{diagram}");
        }
    }
}
