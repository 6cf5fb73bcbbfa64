use std::io;

use logboom_access::{AccessKey, AccessKeyId, ProjectName, Secret, SecretHash};

use crate::config::Allow;

/// A key that was just made. It knows its secret, once.
pub(crate) struct NewKey {
    id: AccessKeyId,
    secret: Secret,
    hash: SecretHash,
}

impl NewKey {
    /// Makes a key from the randomness of the operating system, with a new ID if none is given.
    pub(crate) fn generate(id: Option<AccessKeyId>) -> io::Result<Self> {
        let mut entropy = [0; AccessKey::ENTROPY_BYTES];
        let mut salt = [0; SecretHash::SALT_BYTES];
        for bytes in [&mut entropy[..], &mut salt[..]] {
            getrandom::fill(bytes).map_err(io::Error::other)?;
        }
        let (generated, secret) = AccessKey::generate(entropy);
        let hash = SecretHash::new(&secret, salt);
        Ok(Self { id: id.unwrap_or(generated), secret, hash })
    }

    /// What a client sends as SASL password.
    pub(crate) fn password(&self) -> String {
        format!("{}#{}", self.id, self.secret.expose())
    }

    /// The table for the configuration, with the hash and never the secret.
    pub(crate) fn block(&self, project: &ProjectName, allow: Allow) -> String {
        let hash = self.hash.to_text();
        let hash = hash.strip_prefix("sha256:").unwrap_or(&hash);
        format!(
            "[[access_key]]\n\
             id = \"{}\"\n\
             project = \"{project}\"\n\
             secrets = [{{ sha256 = \"{hash}\" }}]\n\
             allow = \"{}\"\n",
            self.id,
            allow.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_the_hash_of_the_secret_and_not_the_secret() {
        let key = NewKey::generate(Some("agents".parse().unwrap())).unwrap();
        let block = key.block(&"acme".parse().unwrap(), Allow::Write);
        let password = key.password();
        let (id, secret) = password.split_once('#').unwrap();
        assert_eq!(id, "agents");
        assert!(!block.contains(secret));
        let hash = block.split("sha256 = \"").nth(1).and_then(|rest| rest.split('"').next());
        let hash = SecretHash::parse(&format!("sha256:{}", hash.unwrap())).unwrap();
        assert!(hash.matches(secret.as_bytes()));
    }
}
