//! The holders put together: their accounts, the CA that certifies their keys, and signing.
//!
//! Composition only: `accounts::holders` knows no signing and no CA, `signing` knows neither of
//! them, and [`authority`] knows no holder. Here they meet, each through its port. What this room
//! adds is order: whoever ends a credential's right to sign locks its key in memory as well.

mod act;
mod ca;
mod device;
mod factors;
mod keys;
mod pepper;
mod room;
mod stamper;
#[cfg(test)]
mod tests;
mod ticks;

pub(crate) use act::InviteError;
pub(crate) use ca::HolderCa;
pub(crate) use device::{HolderDevice, HolderPin};
pub(crate) use factors::{HolderSystem, HouseFactors, reference as credential_reference};
pub(crate) use pepper::PepperError;
pub(crate) use stamper::SignatureStamper;
pub(super) use ticks::tend_holders;

use self::room::AuthorisationRoom;
use super::OpenError;
use super::keys::Keys;
use super::pki::Pki;
use crate::config::{Config, KeyStore};
use crate::random::SystemRandom;
use accounts::credentials::Argon2Cost;
use accounts::holders::{HolderSettings, Holders, any_holder};
use chrono::TimeDelta;
use signing::Signing;
use std::sync::Arc;
use store::Store;

/// Hash signing with holders' keys.
pub(crate) type HolderSigning = Signing<HouseFactors, AuthorisationRoom>;

/// What belongs to holders in the service.
pub(super) struct Rooms {
    pub(super) holders: Holders,
    pub(super) device: HolderDevice,
    pub(super) ca: HolderCa,
    pub(super) signing: HolderSigning,
}

impl Rooms {
    /// Opens the holders in the store, under the pepper that is theirs.
    pub(super) async fn open(
        config: &Config,
        store: &Arc<dyn Store>,
        (keys, pki): (&Keys, &Pki),
        random: SystemRandom,
    ) -> Result<Self, OpenError> {
        let new = !any_holder(&**store)?;
        let pepper = pepper::load_or_create(&config.pepper_file(), new, random)?;
        let settings = settings(config)?;
        let (device, shared) = (HolderDevice::of(keys), Arc::clone(store));
        let maker = match config.holders.key_store {
            KeyStore::Hsm => device.maker(),
            KeyStore::File => None,
        };
        let holders = match maker {
            Some(maker) => Holders::open_with(shared, settings, pepper, maker, random.seeded())?,
            None => Holders::open(shared, settings, pepper, random.seeded())?,
        };
        holders.check_pepper().await?;
        let validity = TimeDelta::days(config.holders.validity_days.into());
        let ca = HolderCa::new(pki.authority().clone(), validity);
        let room = AuthorisationRoom::new(holders.clone(), ca.clone());
        let signing = Signing::new(signing::Settings::default(), room, random.seeded());
        Ok(Self { holders, device, ca, signing })
    }
}

fn settings(config: &Config) -> Result<HolderSettings, OpenError> {
    let holders = &config.holders;
    Ok(HolderSettings {
        service_name: holders.service_name.clone(),
        argon2: Argon2Cost::new(holders.memory_kib, holders.passes, 1)?,
        most_requests: holders.requests,
        otp_lifetime: TimeDelta::seconds(holders.otp_s.into()),
        otp_gap: TimeDelta::seconds(holders.otp_gap_s.into()),
        otp_messages: (holders.otp_per_hour, holders.otp_per_day),
        sms_per_hour: holders.sms_per_hour,
        phone_waiting: TimeDelta::hours(holders.phone_wait_h.into()),
        retention: TimeDelta::days(holders.retention_days.into()),
        ..HolderSettings::default()
    })
}
