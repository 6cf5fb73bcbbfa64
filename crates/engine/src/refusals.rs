use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::notice::Volume;
use crate::{Code, Counters, Notice};

/// For how long refusals of one kind from one address make one log line.
pub const FOLD: Duration = Duration::from_secs(60);
/// How many (address, code) pairs are folded at once. Beyond that the oldest one is forgotten and
/// its next refusal is logged again.
pub const FOLDED_MAX: usize = 4_096;

/// Who was refused what, or what was noticed about whom, as far as it is known.
#[derive(Debug, Clone)]
pub(crate) struct Refused<'a> {
    pub(crate) peer: SocketAddr,
    pub(crate) listener: &'a str,
    pub(crate) project: Option<&'a str>,
    pub(crate) client: Option<String>,
    /// What exactly, in words that contain no secret and no raw bytes of the peer.
    pub(crate) detail: String,
    /// What to do about it.
    pub(crate) help: Cow<'a, str>,
}

/// Turns each refusal and each notice into one count, and many of the same kind into one log line.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    folded: Mutex<BTreeMap<(IpAddr, &'static str), Folded>>,
}

#[derive(Debug, Clone, Copy)]
struct Folded {
    since: Instant,
    suppressed: u64,
}

impl Refusals {
    /// Counts a refusal, and logs it unless the same address was refused the same within the last
    /// minute. The line after that says how many were left out. The words are asked for only if
    /// there is a line.
    pub(crate) fn report<'a>(
        &self,
        counters: &Counters,
        code: Code,
        peer: IpAddr,
        now: Instant,
        refused: impl FnOnce() -> Refused<'a>,
    ) {
        counters.count_refusal(code);
        let Some(similar) = self.unfold(code.as_str(), peer, now) else { return };
        let refused = refused();
        tracing::warn!(
            target: "logboom::refuse",
            code = code.as_str(),
            peer = %refused.peer,
            listener = refused.listener,
            project = refused.project,
            client = refused.client,
            detail = refused.detail,
            help = &*refused.help,
            similar_last_minute = similar,
            "{}",
            code.title(),
        );
    }

    /// The same for something that is not refused.
    pub(crate) fn notice<'a>(
        &self,
        counters: &Counters,
        notice: Notice,
        peer: IpAddr,
        now: Instant,
        noticed: impl FnOnce() -> Refused<'a>,
    ) {
        counters.count_notice(notice);
        let Some(similar) = self.unfold(notice.as_str(), peer, now) else { return };
        let noticed = noticed();
        // The level of an event is part of its static description.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "logboom::notice",
                    code = notice.as_str(),
                    peer = %noticed.peer,
                    listener = noticed.listener,
                    project = noticed.project,
                    client = noticed.client,
                    detail = noticed.detail,
                    help = &*noticed.help,
                    similar_last_minute = similar,
                    "{}",
                    notice.title(),
                )
            };
        }
        match notice.volume() {
            Volume::Info => line!(info),
            Volume::Warn => line!(warn),
        }
    }

    /// How many refusals were left out since the last line, if it is time for a line.
    fn unfold(&self, code: &'static str, peer: IpAddr, now: Instant) -> Option<u64> {
        let key = (peer, code);
        let mut folded = self.folded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = folded.get_mut(&key) {
            if now.saturating_duration_since(known.since) < FOLD {
                known.suppressed += 1;
                return None;
            }
            let similar = known.suppressed;
            *known = Folded { since: now, suppressed: 0 };
            return Some(similar);
        }
        if folded.len() >= FOLDED_MAX {
            let oldest = folded.iter().min_by_key(|(_, known)| known.since).map(|(key, _)| *key);
            oldest.map(|key| folded.remove(&key));
        }
        folded.insert(key, Folded { since: now, suppressed: 0 });
        Some(0)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests need one point in time to start from")]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn refusals_of_one_kind_make_one_line_a_minute() {
        let refusals = Refusals::default();
        let start = Instant::now();
        assert_eq!(refusals.unfold(Code::NoWriteRight.as_str(), PEER, start), Some(0));
        assert_eq!(refusals.unfold(Code::NoWriteRight.as_str(), PEER, start), None);
        assert_eq!(refusals.unfold(Code::UnknownShard.as_str(), PEER, start), Some(0));
        assert_eq!(refusals.unfold(Code::NoWriteRight.as_str(), PEER, start + FOLD), Some(1));
        assert_eq!(refusals.unfold(Code::NoWriteRight.as_str(), PEER, start + FOLD), None);
    }

    #[test]
    fn every_refusal_is_counted_even_if_its_line_is_folded() {
        let refusals = Refusals::default();
        let counters = Counters::default();
        let now = Instant::now();
        let mut lines = 0;
        for port in 0..3 {
            refusals.report(&counters, Code::NoWriteRight, PEER, now, || {
                lines += 1;
                Refused {
                    peer: SocketAddr::new(PEER, port),
                    listener: "public",
                    project: None,
                    client: None,
                    detail: String::new(),
                    help: "".into(),
                }
            });
        }
        assert_eq!((counters.refusals(Code::NoWriteRight), lines), (3, 1));
    }

    #[test]
    fn inventing_addresses_costs_bounded_memory() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let peer = |number: usize| IpAddr::from((number as u128).to_be_bytes());
        for number in 0..=FOLDED_MAX {
            let now = start + Duration::from_micros(number as u64);
            assert_eq!(refusals.unfold(Code::Http.as_str(), peer(number), now), Some(0));
        }
        assert_eq!(refusals.folded.lock().expect("nobody panicked").len(), FOLDED_MAX);
        assert_eq!(refusals.unfold(Code::Http.as_str(), peer(FOLDED_MAX), start), None);
        assert_eq!(refusals.unfold(Code::Http.as_str(), peer(0), start), Some(0), "forgotten");
    }
}
