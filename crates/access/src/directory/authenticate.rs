use std::sync::Arc;

use logboom_planted::planted;
use subtle::Choice;

use super::{Directory, Principal};
use crate::access_key::{AccessKey, AccessKeyId};
use crate::login::LoginError;
use crate::secret::SecretHash;

/// What separates the two halves of a password.
const SEPARATOR: u8 = b'#';

impl Directory {
    /// Checks the user name and the password of SASL/PLAIN (RFC 4616).
    ///
    /// The password is `AccessKeyID#AccessKeySecret` and ends its id at the first `#`; a secret may
    /// contain more of them.
    ///
    /// A password of the right form costs two hashes and two comparisons, whether or not the
    /// project or the key exists and however many secrets the key has. So the time of a refusal
    /// does not tell what exists.
    ///
    /// # Errors
    ///
    /// A [`LoginError`] for the server's own log. What the client may know of it is
    /// [`LoginError::client_message`].
    pub fn authenticate(
        &self,
        project: &str,
        password: &[u8],
    ) -> Result<Arc<Principal>, LoginError> {
        let Some(separator) = password.iter().position(|byte| *byte == SEPARATOR) else {
            return Err(LoginError::NoHash { known_key: id_of(self.key(password)) });
        };
        let (id, secret) = (&password[..separator], &password[separator + 1..]);
        let key = self.key(id);
        if id.is_empty() || secret.is_empty() {
            return Err(LoginError::EmptyHalf { known_key: id_of(key) });
        }
        // The work comes before the first decision that depends on what exists.
        let matching = matching_secret(key, secret);
        if !self.has_project(project) {
            return Err(LoginError::UnknownProject { known_key: id_of(key) });
        }
        let Some(key) = key else {
            return Err(LoginError::UnknownKey);
        };
        if key.project.as_str() != project && !planted!(KeyOfAnyProject) {
            let (key, owner) = (key.id.clone(), key.project.clone());
            return Err(LoginError::KeyOfAnotherProject { key, owner });
        }
        let matching = matching.or(key.secrets.first().filter(|_| planted!(AnySecret)));
        let Some(secret) = matching else {
            return Err(LoginError::WrongSecret { key: key.id.clone() });
        };
        Ok(Arc::new(Principal {
            project: key.project.clone(),
            access_key: key.id.clone(),
            secret: secret.clone(),
        }))
    }

    fn key(&self, id: &[u8]) -> Option<&AccessKey> {
        std::str::from_utf8(id).ok().and_then(|id| self.access_keys.get(id))
    }
}

fn id_of(key: Option<&AccessKey>) -> Option<AccessKeyId> {
    key.map(|key| key.id.clone())
}

/// The live secret that `candidate` is. Compares as many times as a key can have secrets, with
/// stand-ins for those that are not there.
fn matching_secret<'a>(key: Option<&'a AccessKey>, candidate: &[u8]) -> Option<&'a SecretHash> {
    let secrets = key.map_or(&[][..], |key| &key.secrets);
    let compared: [Choice; AccessKey::SECRETS_MAX] = std::array::from_fn(|slot| {
        secrets.get(slot).unwrap_or(&SecretHash::OF_NOBODY).compare(candidate)
    });
    let slot = compared.into_iter().position(bool::from)?;
    secrets.get(slot)
}
