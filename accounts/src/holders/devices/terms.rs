//! What a device is linked for: its kind and key, and for a system how it comes in and what it may
//! use. The one-time code of the link is bound to all of it.

use super::{DeviceKind, key};
use crate::holders::bearer::TokenDigest;
use crate::holders::credential::{self, CredentialKind, CredentialRecord};
use crate::holders::fields::FieldRule;
use crate::holders::{CredentialId, HolderError, HolderId, Holders, otp};
use openssl::sha::sha256;

/// Credentials that a system names, at most.
const MOST_CREDENTIALS: usize = 100;

/// What is agreed to when a device is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceTerms {
    /// What it is.
    pub kind: DeviceKind,
    /// A P-256 key: DER of SubjectPublicKeyInfo, the point uncompressed.
    pub public_key: Vec<u8>,
    /// A system's alone: SHA-256 of the client certificate that it comes in with. It gets no token
    /// then.
    pub certificate: Option<[u8; 32]>,
    /// A system's alone: the automatic credentials that it may use. `None` is all that the holder
    /// has and will have.
    pub credentials: Option<Vec<CredentialId>>,
}

impl DeviceTerms {
    /// Of a device that comes in with a token, and is bound to no credentials.
    #[must_use]
    pub fn new(kind: DeviceKind, public_key: Vec<u8>) -> Self {
        Self { kind, public_key, certificate: None, credentials: None }
    }

    /// What a one-time code that links the device is bound to: all of the terms. A code for a
    /// phone links no system, which signs with nobody there, and one for some credentials opens
    /// no others.
    #[must_use]
    pub fn bound(&self) -> [u8; 32] {
        let certificate = self.certificate.as_ref().map_or(&[][..], |sha256| &sha256[..]);
        let credentials: Option<Vec<u8>> =
            self.credentials.as_ref().map(|ids| ids.iter().flat_map(|id| *id.as_bytes()).collect());
        // No list of identifiers, which have 16 octets each, is this word.
        let credentials = credentials.as_deref().unwrap_or(b"all");
        otp::bound(&[self.kind.word().as_bytes(), &self.public_key, certificate, credentials])
    }

    /// Checks what can be checked without looking at anything else.
    pub(super) fn check(&self) -> Result<(), HolderError> {
        key::check("public_key", &self.public_key)?;
        if self.kind == DeviceKind::Phone {
            for (field, there) in [
                ("certificate_sha256", self.certificate.is_some()),
                ("credentials", self.credentials.is_some()),
            ] {
                if there {
                    return Err(FieldRule::SystemAlone.broken_by(field));
                }
            }
        }
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let mut apart = credentials.clone();
        apart.sort_unstable();
        apart.dedup();
        let each_once = apart.len() == credentials.len();
        if each_once && (1..=MOST_CREDENTIALS).contains(&apart.len()) {
            return Ok(());
        }
        Err(FieldRule::SystemCredentials.broken_by("credentials"))
    }

    /// The same with every credential looked at.
    pub(super) fn check_with(
        &self,
        holder: HolderId,
        record: impl Fn(CredentialId) -> Result<CredentialRecord, HolderError>,
    ) -> Result<(), HolderError> {
        self.check()?;
        for id in self.credentials.iter().flatten() {
            let record = record(*id)?;
            // That of another holder is as unknown as none.
            if record.holder != holder.number() {
                return Err(crate::holders::pin::CodeRefusal::UnknownCredential.into());
            }
            if record.kind != CredentialKind::Automatic {
                return Err(FieldRule::SystemCredentials.broken_by("credentials"));
            }
        }
        Ok(())
    }
}

impl Holders {
    /// Checks the terms of a device before a one-time code is asked for or used up: one for what
    /// cannot be linked would be good for nothing.
    ///
    /// # Errors
    /// What is wrong with a field, and an unknown credential.
    pub fn check_device(&self, holder: HolderId, terms: &DeviceTerms) -> Result<(), HolderError> {
        terms.check_with(holder, |id| credential::read(self.store(), id))
    }
}

/// Where the row of a device stands that comes in with a certificate. It is in the place of a
/// token's digest, and no token has it: those begin with their prefix.
pub(super) fn place(certificate: &[u8; 32]) -> TokenDigest {
    sha256(&[b"client certificate\0", &certificate[..]].concat())
}
