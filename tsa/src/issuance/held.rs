//! A stamp that is held before there is anything to stamp.
//!
//! Who makes something and stamps it in one act (a signature value and its signature-time-stamp)
//! must know that there is a stamp before the first half is made, and cannot say yet what is to be
//! stamped. So the steps of a request are taken in two halves: [`Issuer::hold`] does 1 to 3,
//! [`Issuer::issue_held`] the rest, by the same code as for a request that came from outside. What
//! comes between costs nothing: dropping a [`HeldStamp`] gives the stamp back.

use super::units::Place;
use super::{Issuer, refused};
use crate::failure::RejectReason;
use crate::ledger::{Ledger, Reserved};
use crate::request;
use crate::serial::Serial;
use std::sync::Arc;
use tracing::error;

/// The octets of a request before the SHA-256 digest that it is for: version 1, the algorithm with
/// NULL parameters; without a nonce, so that it never is the retry of another one.
const BEFORE: [u8; 24] = [
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
/// And after it: certReq TRUE.
const AFTER: [u8; 3] = [0x01, 0x01, 0xff];

/// A stamp that is held for a token of the default unit. Dropping it gives the stamp back.
#[must_use = "dropping it gives the stamp back"]
pub struct HeldStamp<L: Ledger> {
    /// The unit of the moment at which the stamp was held; it is not exchanged in between.
    place: Arc<Place>,
    reservation: L::Reservation,
}

/// A token for a stamp that was held. It is durable with its debit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// The token, a DER ContentInfo, with the unit's certificates.
    pub token: Vec<u8>,
    /// Its serial number.
    pub serial: Serial,
    /// The serial number of the second token, when the unit is one of a pair.
    pub companion: Option<Serial>,
    /// Stamps that remain in the account.
    pub remaining: u64,
}

impl<L: Ledger> Issuer<L> {
    /// Holds a stamp of `caller`, who has been authenticated, for a token of the default unit over
    /// a SHA-256 digest, when one could be issued now.
    ///
    /// # Errors
    /// Whatever would refuse a request now. Nothing is held then.
    pub async fn hold(&self, caller: &L::Caller) -> Result<HeldStamp<L>, RejectReason> {
        let place = self.place(None)?;
        // Whether the unit takes such a request does not depend on the digest.
        let query = query(&[0; 32]);
        let taken = request::parse(&query).and_then(|query| query.inspect()?.accept(place.unit()));
        taken.map_err(|rejection| rejection.reason)?;
        let now_ms = self.time_in_use_of(place.unit(), place.companion()?)?;
        let reserved = self.ledger().reserve(caller, None, now_ms).await;
        match reserved.map_err(|refusal| refused(refusal).reason)? {
            Reserved::Fresh(reservation) => Ok(HeldStamp { place, reservation }),
            Reserved::Existing { .. } => {
                error!("the ledger repeated a token for a request that has no nonce");
                Err(RejectReason::Ledger)
            }
        }
    }

    /// Issues the token for a stamp that is held, over the SHA-256 digest of something.
    ///
    /// The future may be dropped at any moment, as that of [`Issuer::issue`].
    ///
    /// # Errors
    /// Whatever refuses a request. The stamp was given back then.
    pub async fn issue_held(
        &self,
        held: HeldStamp<L>,
        digest: &[u8; 32],
    ) -> Result<HeldToken, RejectReason> {
        let HeldStamp { place, reservation } = held;
        let (unit, companion) = (place.unit(), place.companion()?);
        let query = query(digest);
        let request = request::parse(&query).and_then(|query| query.inspect()?.accept(unit));
        let request = request.map_err(|rejection| rejection.reason)?;
        // Between the halves a unit may have come to its end, or the clock been lost.
        let now_ms = self.time_in_use_of(unit, companion)?;
        let made = self.make(&place, &request, now_ms, reservation).await;
        let made = made.map_err(|rejection| rejection.reason)?;
        let (serial, companion) = made.serials;
        let token = made.signed.der(true);
        Ok(HeldToken { token, serial, companion, remaining: made.remaining })
    }
}

/// A request for a token over a digest, as a client would send it.
fn query(digest: &[u8; 32]) -> Vec<u8> {
    [BEFORE.as_slice(), digest, AFTER.as_slice()].concat()
}
