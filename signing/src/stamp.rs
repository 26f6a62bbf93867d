//! Sign and stamp in one act: a signature value and its time-stamp leave together or not at all.
//!
//! A stamp is held before a row is reserved, so that an account without stamps costs nothing; and
//! only for who may sign, so that nobody keeps stamps from others by asking. When the token cannot
//! be had after the key was used, the signature value is thrown away and its row burned. The other
//! way round, a token whose signature cannot be recorded any more: the stamp is gone with a token
//! that nobody needs, and the holder hears that nothing was signed. Only a store that fails between
//! two of its transactions can bring that about.
//!
//! Each hash is by itself. How the credential stands is asked before each stamp is taken: when it
//! is suspended in the middle, what was stamped by then is given, and nothing is taken for the
//! rest.

use crate::authorisation::End;
use crate::error::SignError;
use crate::factors::Factors;
use crate::hashes::HashesToSign;
use crate::sad::SignatureActivationData;
use crate::service::{By, Signing};
use crate::store::Authorisations;
use chrono::{DateTime, Utc};
use openssl::sha::sha256;
use std::future::Future;
use tracing::error;

/// A timestamp account and its stamps, as signing sees them.
pub trait Stamper: Send + Sync {
    /// The linked timestamp account that pays.
    type Account: Send + Sync;
    /// A stamp that is held. Dropping it gives the stamp back.
    type Reservation: Send;

    /// Holds one stamp.
    fn reserve(
        &self,
        account: &Self::Account,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self::Reservation, StampFault>> + Send;

    /// Takes the held stamp for a token over `imprint`, the SHA-256 digest of a signature value
    /// (RFC 3161 appendix A: the signature-time-stamp's imprint is over "the value of signature
    /// field"). When this returns `Ok`, debit and token are durable.
    fn stamp(
        &self,
        reservation: Self::Reservation,
        imprint: [u8; 32],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Stamp, StampFault>> + Send;
}

/// A token and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The `TimeStampToken`, DER.
    pub token: Vec<u8>,
    /// Its serial number.
    pub serial: [u8; 16],
    /// Stamps that remain in the account.
    pub remaining: u64,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StampFault {
    /// The account has no stamp left.
    #[error("the linked timestamp account has not enough stamps: order some, or sign without")]
    NoStamps,
    /// The account is suspended, closed, or no longer linked.
    #[error("the linked timestamp account cannot be used: link it again, or sign without stamping")]
    AccountNotActive,
    /// The time-stamping unit, its clock or the ledger does not work now.
    #[error("the time-stamping service does not answer: try again later, or sign without stamping")]
    Unavailable,
}

impl StampFault {
    /// The stable name, in kebab-case.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::NoStamps => "stamp-none-left",
            Self::AccountNotActive => "stamp-account-not-active",
            Self::Unavailable => "stamp-unavailable",
        }
    }
}

/// A signature value with its time-stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StampedSignature {
    /// The signature value.
    pub signature: Vec<u8>,
    /// The time-stamp over it.
    pub stamp: Stamp,
}

impl<F: Factors, A: Authorisations> Signing<F, A> {
    /// Signs each hash and stamps each signature value. Each answer is for the hash in its place:
    /// a signature with its stamp, or neither.
    ///
    /// # Errors
    /// Those of [`Signing::sign`]; [`SignError::Stamp`] before anything is signed when there are
    /// not as many stamps as hashes, and in one place when a token could not be made. From the
    /// place on at which the credential was suspended or changed,
    /// [`SignError::CredentialNotActive`] or [`SignError::SadWithdrawn`]: for these no stamp was
    /// taken.
    pub async fn sign_and_stamp<S: Stamper>(
        &self,
        by: By<'_, F>,
        sad: &SignatureActivationData,
        what: &HashesToSign,
        (stamper, account): (&S, &S::Account),
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<StampedSignature, SignError>>, SignError> {
        let queued = self.queue()?;
        self.check(&by, sad, what, now).await?;
        let mut stamps = Vec::with_capacity(what.hashes().len());
        for _ in what.hashes() {
            stamps.push(stamper.reserve(account, now).await.map_err(SignError::Stamp)?);
        }
        let in_use = self.reserve((by, queued), sad, what, now).await?;
        let (held, signatures) = self.use_key(in_use, now).await?;

        let mut answers: Vec<Result<StampedSignature, SignError>> = Vec::new();
        let mut stands = Ok(());
        for (signature, reservation) in signatures.into_iter().zip(stamps) {
            if stands.is_ok() {
                stands = self.still_stands(&held, now).await;
            }
            answers.push(match &stands {
                Ok(()) => stamped(stamper, reservation, signature, now).await,
                Err(gone) => Err(gone.clone()),
            });
        }
        let ends = answers.iter().map(|answer| match answer {
            Ok(stamped) => (End::Used, Some(stamped.stamp.serial)),
            Err(_) => (End::Burned, None),
        });
        let ends = ends.collect();
        // What came after the last stamp was taken ends the authorisation, and takes nothing back.
        let _withdrawn = self.settle(held, ends, now).await?;
        Ok(answers)
    }
}

async fn stamped<S: Stamper>(
    stamper: &S,
    reservation: S::Reservation,
    signature: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<StampedSignature, SignError> {
    let stamp = stamper.stamp(reservation, sha256(&signature), now).await;
    let stamp = stamp.map_err(|fault| {
        error!(%fault, "a signature was thrown away: it could not be stamped");
        SignError::Stamp(fault)
    })?;
    Ok(StampedSignature { signature, stamp })
}
