//! The way of a holder whose phone is lost: PUK and emergency code, and then a while.

use super::{PhoneState, begin, may_begin};
use crate::holders::otp::OtpAsked;
use crate::holders::sessions::Access;
use crate::holders::{CredentialId, HolderError, Holders, PhoneNumber};
use chrono::{DateTime, Utc};
use envelope::{EmergencyCode, Puk};

impl Holders {
    /// Begins a change that PUK and emergency code of a credential vouch for. A code goes to the
    /// new number; once that is proved, the number waits.
    ///
    /// # Errors
    /// [`CodeRefusal`](crate::holders::pin::CodeRefusal): `WrongPair`, which does not tell which
    /// of the two was wrong; `UnknownCredential`. [`HolderError::Slowed`] after five wrong pairs
    /// in a day. Those of [`Holders::begin_phone_change`], before anything is counted.
    pub async fn begin_lost_phone(
        &self,
        access: &Access,
        credential: CredentialId,
        number: &PhoneNumber,
        codes: (Puk, EmergencyCode),
        now: DateTime<Utc>,
    ) -> Result<OtpAsked, HolderError> {
        access.session()?;
        access.needs_full()?;
        let (id, new) = (access.holder, number.clone());
        self.transact(move |_, tx| may_begin(tx, id, &new, now)).await?;
        let room = self.room()?;
        self.try_pair(&room, (id, credential), codes, now).await?;
        let new = number.clone();
        self.transact(move |inner, tx| {
            may_begin(tx, id, &new, now)?;
            begin(inner, tx, id, &new, PhoneState::Vouched, now)
        })
        .await
    }
}
