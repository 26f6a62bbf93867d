//! Tests of the credentials, over a store in a map and with an argon2 that costs next to nothing.

mod certificates;
mod golden;
mod keys;
mod passwords;
mod secrets;
mod throttling;

use super::{Argon2Cost, CredentialSettings, Credentials, Password};
use crate::StampAccountId;
use crate::stamps::{Act, LedgerSettings, StampLedger};
use crate::testing::{MapStore, TestRandom, block_on};
use chrono::{DateTime, Utc};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const RIGHT: &str = "correct horse";
/// Where tries come from, unless a test says otherwise.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

struct Bench {
    store: Arc<MapStore>,
    credentials: Credentials,
    settings: CredentialSettings,
}

impl Bench {
    fn new() -> Self {
        let settings = CredentialSettings {
            argon2: Argon2Cost::for_tests(1),
            concurrent_checks: 2,
            queue: 64,
            ..CredentialSettings::default()
        };
        Self::over(MapStore::new(), settings)
    }

    fn over(store: Arc<MapStore>, settings: CredentialSettings) -> Self {
        let credentials = Credentials::open(store.clone(), settings, TestRandom::new(7)).unwrap();
        Self { store, credentials, settings }
    }

    /// What a restart finds.
    fn reopened(&self) -> Self {
        Self::over(self.store.reopened(), self.settings)
    }

    /// An account without credentials.
    fn account(&self, name: &str) -> StampAccountId {
        let store = self.store.clone();
        let ledger = StampLedger::open(store, LedgerSettings::default()).unwrap();
        block_on(ledger.create(name, &Act::new("operator", "test"), at(0))).unwrap().id
    }

    /// An account with the password [`RIGHT`].
    fn with_password(&self, name: &str) -> StampAccountId {
        let id = self.account(name);
        self.set_password(id, name, RIGHT);
        id
    }

    fn set_password(&self, id: StampAccountId, name: &str, password: &str) {
        let password = Password::new(password.to_owned()).unwrap();
        block_on(self.credentials.set_password(id, name, password, at(0))).unwrap();
    }

    fn by_password(
        &self,
        name: &str,
        password: &str,
        seconds: i64,
    ) -> Result<StampAccountId, super::AuthError> {
        self.by_password_from(HOME, name, password, seconds)
    }

    fn by_password_from(
        &self,
        from: IpAddr,
        name: &str,
        password: &str,
        seconds: i64,
    ) -> Result<StampAccountId, super::AuthError> {
        block_on(self.credentials.by_password(name, password, from, at(seconds)))
    }

    fn checks(&self) -> u64 {
        self.credentials.statistics().password_checks
    }
}
