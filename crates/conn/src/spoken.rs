use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use logboom_wire::api::ApiKey;

use crate::client::ClientInfo;

/// How many pairs of an API and a version are kept of one connection. Clients use up to eight.
const PAIRS_MAX: usize = 16;

/// A place where nothing is noted yet. No pair looks like this.
const FREE: u8 = u8::MAX;

/// Where a token without a request around it stands among the APIs.
const TOKEN: usize = ApiKey::ALL.len();

/// Which APIs a connection was asked for and in which versions, in the order of their first use.
///
/// A fixed table, so that noting a request allocates nothing. The connection writes it; whoever else
/// holds it may read it at any time, also when the connection is gone.
#[derive(Debug)]
pub struct Spoken {
    pairs: [AtomicU8; PAIRS_MAX],
    refused: OnceLock<Box<ClientInfo>>,
}

impl Default for Spoken {
    fn default() -> Self {
        let pairs = [const { AtomicU8::new(FREE) }; PAIRS_MAX];
        Self { pairs, refused: OnceLock::new() }
    }
}

impl Spoken {
    /// Who it was that is being closed on before it could log in, in its own words.
    #[must_use]
    pub fn refused(&self) -> Option<&ClientInfo> {
        self.refused.get().map(|client| &**client)
    }

    pub(crate) fn introduce(&self, client: &ClientInfo) {
        self.refused.get_or_init(|| Box::new(client.clone()));
    }

    pub(crate) fn note(&self, api: ApiKey, version: i16) {
        if let Some(place) = ApiKey::ALL.iter().position(|known| *known == api) {
            self.note_pair(place, version);
        }
    }

    /// Notes a SASL token that came without a request around it.
    pub(crate) fn note_token(&self) {
        self.note_pair(TOKEN, 0);
    }

    /// Versions above 15 do not exist yet; what does not fit in is not noted.
    fn note_pair(&self, place: usize, version: i16) {
        let version = u8::try_from(version).ok().filter(|version| *version < 16);
        let (Ok(place), Some(version)) = (u8::try_from(place), version) else { return };
        let pair = place << 4 | version;
        for slot in &self.pairs {
            match slot.load(Ordering::Relaxed) {
                FREE => return slot.store(pair, Ordering::Relaxed),
                noted if noted == pair => return,
                _ => {}
            }
        }
    }

    /// The pairs, by the name of the API. A bare SASL token is `SaslToken` of version 0.
    fn pairs(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let noted = self.pairs.iter().map(|slot| slot.load(Ordering::Relaxed));
        noted.take_while(|pair| *pair != FREE).map(|pair| {
            let api = ApiKey::ALL.get(usize::from(pair >> 4));
            (api.map_or("SaslToken", |api| api.name()), pair & 15)
        })
    }

    /// The highest version in which this API was asked for.
    #[must_use]
    pub fn highest(&self, api: ApiKey) -> Option<u8> {
        self.pairs().filter(|(name, _)| *name == api.name()).map(|(_, version)| version).max()
    }
}

impl fmt::Display for Spoken {
    /// As in `ApiVersions/3 SaslHandshake/1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, version)) in self.pairs().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}/{version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_told_once_in_the_order_of_its_first_use() {
        let spoken = Spoken::default();
        assert_eq!(spoken.to_string(), "");
        spoken.note(ApiKey::ApiVersions, 3);
        spoken.note(ApiKey::SaslHandshake, 0);
        spoken.note_token();
        for _ in 0..3 {
            spoken.note(ApiKey::Produce, 0);
            spoken.note(ApiKey::ApiVersions, 0);
        }
        let told = "ApiVersions/3 SaslHandshake/0 SaslToken/0 Produce/0 ApiVersions/0";
        assert_eq!(spoken.to_string(), told);
        assert_eq!(spoken.highest(ApiKey::ApiVersions), Some(3));
        assert_eq!(spoken.highest(ApiKey::Metadata), None);
    }

    #[test]
    fn every_pair_that_is_served_can_be_noted() {
        for api in ApiKey::ALL {
            let (min, max) = api.versions();
            for version in min..=max {
                let spoken = Spoken::default();
                spoken.note(api, version);
                assert_eq!(spoken.to_string(), format!("{}/{version}", api.name()));
            }
        }
    }

    #[test]
    fn a_peer_that_asks_for_everything_is_kept_within_bounds() {
        let spoken = Spoken::default();
        for api in ApiKey::ALL {
            (i16::MIN..=i16::MAX).for_each(|version| spoken.note(api, version));
        }
        assert_eq!(spoken.to_string().split(' ').count(), PAIRS_MAX);
    }
}
