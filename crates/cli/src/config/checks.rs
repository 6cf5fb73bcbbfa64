//! What is wrong between values that are each right: checks that need nothing but the files.

use std::collections::BTreeMap;

use super::limits::{Limit, NOT_ABOVE, limit};
use super::model::{Config, Listener};
use crate::diagnostics::{Finding, Findings, SourceId, Span};

/// Checks the configuration as a whole. `main` is the file that was named on the command line.
pub(super) fn check(findings: &mut Findings, config: &Config, main: SourceId) {
    check_limits(findings, config);
    check_listeners(findings, config);
    // One that was refused has been reported.
    if config.listeners.is_empty() && findings.error_count() == 0 {
        findings.push(
            Finding::error("LB0106", "no [[listener]]: there is nothing to listen on")
                .at(Span::new(main, 0..0), "")
                .help("`init` prints a commented configuration to start from"),
        );
    }
}

fn check_limits(findings: &mut Findings, config: &Config) {
    for (low, high) in NOT_ABOVE.map(|(low, high)| (limit(low), limit(high))) {
        let (Some(low), Some(high)) = (low, high) else { continue };
        let limits = &config.node.limits;
        if low.get(limits) <= high.get(limits) {
            continue;
        }
        let value = |limit: &Limit| limit.kind.format(limit.get(limits));
        let origin = |limit: &Limit| config.node.limit_origins.get(limit.name).copied();
        let mut finding = Finding::error(
            "LB0105",
            format!("{} = {} is above {} = {}", low.name, value(low), high.name, value(high)),
        );
        // One of the two was written, because the defaults agree.
        let written: Vec<Span> = [low, high].into_iter().filter_map(origin).collect();
        if let [first, rest @ ..] = &written[..] {
            finding = finding.at(*first, "");
            finding = rest.iter().fold(finding, |finding, span| finding.with_context(*span, ""));
        }
        findings.push(finding);
    }
}

fn check_listeners(findings: &mut Findings, config: &Config) {
    let mut names: BTreeMap<&str, &Listener> = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for listener in &config.listeners {
        if let Some(first) = names.get(listener.name.as_str()) {
            let title = format!("two listeners are called `{}`", *listener.name);
            findings.push(twice(title, listener.name.origin, first.name.origin));
        } else {
            names.insert(&listener.name, listener);
        }
        // Port 0 is another one each time.
        if listener.address.port() != 0 {
            if let Some(first) = addresses.get(&*listener.address) {
                let title = format!("two listeners on {}", *listener.address);
                findings.push(twice(title, listener.address.origin, *first));
            } else {
                addresses.insert(*listener.address, listener.address.origin);
            }
        }
        warn_without_tls(findings, listener);
    }
}

/// A finding about something that is there twice.
pub(super) fn twice(title: String, second: Option<Span>, first: Option<Span>) -> Finding {
    let mut finding = Finding::error("LB0107", title);
    if let Some(second) = second {
        finding = finding.at(second, "again here");
    }
    if let Some(first) = first {
        finding = finding.with_context(first, "first here");
    }
    finding
}

fn warn_without_tls(findings: &mut Findings, listener: &Listener) {
    let Some(span) = listener.tls.origin.filter(|_| !listener.tls.value) else { return };
    findings.push(
        Finding::warning("LB0122", format!("listener `{}` is without TLS", *listener.name))
            .at(span, "passwords and logs cross the network in clear")
            .help("give it `cert` and `key`, or let it listen where nobody else can read along"),
    );
}
