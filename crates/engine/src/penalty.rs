use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Failed logins within [`WINDOW`] after which an address pauses for a project.
pub const FAILURES_MAX: u32 = 10;
/// The time over which failures are counted.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long a pause lasts.
pub const PAUSE: Duration = Duration::from_secs(60);
/// How many (address, project) pairs are watched. Beyond that the one with the oldest failure is
/// forgotten, so that inventing project names costs no memory.
pub const WATCHED_MAX: usize = 4_096;

/// Counts failed logins per address and project, so that a client with a wrong password, which
/// connects again for ever, costs little and fills no log. It is no defence against guessing:
/// secrets are random and long, and right credentials are let in even during a pause.
#[derive(Debug, Default)]
pub(crate) struct Penalties {
    watched: BTreeMap<(IpAddr, String), Watched>,
}

#[derive(Debug)]
struct Watched {
    first_failure: Instant,
    failures: u32,
    paused_until: Option<Instant>,
    /// What was said before the pause. It is repeated, since the last line in a client's log should
    /// name the cause and not the pause.
    message: String,
}

impl Penalties {
    /// The message of the failure that led to the pause, if logins are paused.
    pub(crate) fn paused(&self, peer: IpAddr, project: &str, now: Instant) -> Option<String> {
        let watched = self.watched.get(&(peer, project.to_owned()))?;
        watched.paused_until.filter(|until| now < *until)?;
        Some(watched.message.clone())
    }

    /// Counts a failure, of which the peer was told `message`. The tenth starts a pause.
    pub(crate) fn failed(&mut self, peer: IpAddr, project: &str, message: &str, now: Instant) {
        let key = (peer, project.to_owned());
        if !self.watched.contains_key(&key) && self.watched.len() >= WATCHED_MAX {
            self.forget_oldest();
        }
        let watched = self.watched.entry(key).or_insert_with(|| Watched::new(now));
        if now.saturating_duration_since(watched.first_failure) > WINDOW {
            *watched = Watched::new(now);
        }
        watched.failures += 1;
        if watched.failures >= FAILURES_MAX {
            watched.paused_until = Some(now + PAUSE);
            message.clone_into(&mut watched.message);
        }
    }

    /// Forgets the failures of a client that got it right.
    pub(crate) fn succeeded(&mut self, peer: IpAddr, project: &str) {
        self.watched.remove(&(peer, project.to_owned()));
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .watched
            .iter()
            .min_by_key(|(_, watched)| watched.first_failure)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.watched.remove(&key);
        }
    }
}

impl Watched {
    fn new(now: Instant) -> Self {
        Self { first_failure: now, failures: 0, paused_until: None, message: String::new() }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests need one point in time to start from")]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn ten_failures_pause_one_address_for_one_project() {
        let start = Instant::now();
        let mut penalties = Penalties::default();
        for _ in 1..FAILURES_MAX {
            penalties.failed(PEER, "acme", "wrong", start);
            assert_eq!(penalties.paused(PEER, "acme", start), None);
        }
        penalties.failed(PEER, "acme", "wrong", start);
        assert_eq!(penalties.paused(PEER, "acme", start), Some("wrong".to_owned()));
        assert_eq!(penalties.paused(PEER, "beta", start), None);
        assert_eq!(penalties.paused(PEER, "acme", start + PAUSE), None);
    }

    #[test]
    fn failures_of_another_minute_do_not_count() {
        let start = Instant::now();
        let later = start + WINDOW + Duration::from_millis(1);
        let mut penalties = Penalties::default();
        for _ in 1..FAILURES_MAX {
            penalties.failed(PEER, "acme", "wrong", start);
        }
        penalties.failed(PEER, "acme", "wrong", later);
        assert_eq!(penalties.paused(PEER, "acme", later), None);
    }

    #[test]
    fn a_success_clears_the_count() {
        let now = Instant::now();
        let mut penalties = Penalties::default();
        for _ in 1..FAILURES_MAX {
            penalties.failed(PEER, "acme", "wrong", now);
        }
        penalties.succeeded(PEER, "acme");
        penalties.failed(PEER, "acme", "wrong", now);
        assert_eq!(penalties.paused(PEER, "acme", now), None);
    }

    #[test]
    fn invented_projects_cost_bounded_memory() {
        let now = Instant::now();
        let mut penalties = Penalties::default();
        for number in 0..WATCHED_MAX + 10 {
            penalties.failed(PEER, &format!("project{number}"), "wrong", now);
        }
        assert_eq!(penalties.watched.len(), WATCHED_MAX);
    }
}
