//! How a password is hashed: under the pepper, then with argon2id.

use super::rules::normalised;
use crate::holders::holder::PasswordRecord;
use crate::holders::{HolderError, Inner};
use zeroize::Zeroizing;

/// What the passwords are peppered for.
const PEPPERED_FOR: &str = "password";

/// The hash of a new password.
#[derive(Clone)]
pub(crate) struct NewPassword {
    /// argon2id as a PHC string.
    pub(crate) phc: String,
    /// The version of the pepper.
    pub(crate) pepper: u16,
}

impl Inner {
    /// Hashes a new password, or an answer.
    pub(crate) fn hash_secret(&self, secret: &str) -> Result<NewPassword, HolderError> {
        let pepper = self.pepper.current();
        let peppered = self.peppered(secret, pepper)?;
        let mut salt = [0; 16];
        self.draw(|random| random.fill_bytes(&mut salt));
        Ok(NewPassword { phc: self.hasher.hash(&peppered, &salt)?, pepper })
    }

    /// Whether a secret is that of a hash. Without a hash the answer is no, after the same work.
    pub(crate) fn is_right(
        &self,
        secret: &str,
        hash: Option<(&str, u16)>,
    ) -> Result<bool, HolderError> {
        let (phc, pepper) = hash.map_or((None, self.pepper.current()), |(phc, p)| (Some(phc), p));
        Ok(self.hasher.verify(&self.peppered(secret, pepper)?, phc)?)
    }

    /// Whether a password was hashed with another pepper or other parameters than today's.
    pub(crate) fn is_outdated(&self, record: &PasswordRecord) -> bool {
        self.is_old_secret(&record.phc, record.pepper)
    }

    /// The same of any hash.
    pub(crate) fn is_old_secret(&self, phc: &str, pepper: u16) -> bool {
        pepper != self.pepper.current() || self.hasher.is_outdated(phc)
    }

    fn peppered(&self, secret: &str, version: u16) -> Result<Zeroizing<String>, HolderError> {
        let secret = normalised(secret);
        let mac = self.pepper.mac_under(version, PEPPERED_FOR, &[secret.as_bytes()])?;
        Ok(Zeroizing::new(hex::encode(Zeroizing::new(mac))))
    }
}
