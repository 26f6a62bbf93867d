//! The service put together: store, accounts, units, and what watches over them.
//!
//! Composition only. Data come in through [`crate::http`], are decided by `tsa` and `accounts`,
//! and rest in `store`; this room opens these in order and closes them in the reverse one.

mod admin_token;
mod clock;
mod disk;
mod holders;
mod keys;
mod limits;
mod logins;
mod pki;
mod rounds;
mod run_record;
mod stamp_port;
mod units;
mod watch;

pub(crate) use admin_token::AdminTokenError;
pub(crate) use holders::{
    HolderPin, HolderSystem, InviteError, PepperError, SignatureStamper, credential_reference,
};
pub(crate) use pki::{HOLDERS, PkiError};
pub(crate) use rounds::begin;
pub(crate) use watch::watch;

use self::clock::ServiceClock;
use self::units::Stamping;
use crate::config::{Config, PasswordsConfig, TrustedProxies, TsuConfig};
use crate::delivery::{Delivery, DeliveryError, Outbox};
use crate::metrics::Metrics;
use crate::random::SystemRandom;
use ::clock::{SettingsError, Unavailable};
use accounts::credentials::{Argon2Cost, CredentialError, CredentialSettings, Credentials};
use accounts::holders::{HolderError, Holders, SigningKeyKind};
use accounts::stamps::{LedgerSettings, StampError, StampLedger};
use admin_token::AdminToken;
use authority::units::{UnitError, UnitRegistry};
use certs::KeyError;
use chrono::{DateTime, TimeDelta, Utc};
use disk::Disk;
use holders::{HolderCa, HolderDevice, HolderSigning};
use keys::Keys;
use limits::Limits;
use logins::Logins;
use parking_lot::Mutex;
use pki::Pki;
use stamp_port::StampPort;
use std::sync::Arc;
use std::time::Duration;
use store::{DiskStore, OpenReport, Store, StoreError};
use trail::{Event, Trail};
use tsa::time::TimeSource;
use tsa::{Issuer, IssuerError, IssuerSettings};

/// Everything that the routes need.
pub(crate) struct Service {
    pub(crate) clock: Arc<ServiceClock>,
    pub(crate) store: Arc<DiskStore>,
    pub(crate) ledger: StampLedger,
    pub(crate) credentials: Credentials,
    pub(crate) trail: Trail,
    pub(crate) logins: Logins,
    pub(crate) issuer: Issuer<StampPort>,
    pub(crate) pki: Pki,
    pub(crate) units: UnitRegistry,
    /// Units of the configuration that could not be made yet, because their device is away.
    pending: Mutex<Vec<TsuConfig>>,
    /// Why units that should sign cannot.
    unit_faults: Mutex<Vec<String>>,
    pub(crate) holders: Holders,
    holder_device: HolderDevice,
    pub(crate) holder_ca: HolderCa,
    pub(crate) signing: HolderSigning,
    /// The kind of key of new signing credentials.
    pub(crate) holder_key: SigningKeyKind,
    /// What the service is called in messages and envelopes.
    pub(crate) service_name: String,
    /// Where holders find help.
    pub(crate) support: Option<String>,
    pub(crate) delivery: Delivery,
    pub(crate) disk: Disk,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) admin_token: AdminToken,
    pub(crate) public_url: String,
    /// Whose word about the address of a caller is taken.
    pub(crate) proxies: TrustedProxies,
    /// When this process opened the store.
    pub(crate) started_at: DateTime<Utc>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The clock.
    #[error("the clock: {0}")]
    Clock(#[from] SettingsError),
    /// The first start has no time that it could write into certificates.
    #[error(
        "the first start makes certificates, and no quorum of time servers confirms the time \
         ({0}); see that the servers in [time] can be reached (UDP port 123), and start again"
    )]
    FirstTime(Unavailable),
    /// Keys and certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The books.
    #[error("the stamp accounts: {0}")]
    Stamps(#[from] StampError),
    /// The credentials.
    #[error("the credentials: {0}")]
    Credentials(#[from] CredentialError),
    /// The registry of the units.
    #[error(transparent)]
    Units(#[from] UnitError),
    /// A kind of key that the configuration's own check let through.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Issuing.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Mails and short messages.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The administration token.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenError),
    /// The pepper.
    #[error(transparent)]
    Pepper(#[from] PepperError),
    /// The holders.
    #[error("the holders: {0}")]
    Holders(#[from] HolderError),
}

impl Service {
    /// Opens everything in the data directory, and makes what is not there yet.
    pub(crate) fn open(config: &Config) -> Result<Self, OpenError> {
        Self::open_with(config, Delivery::new(config)?)
    }

    /// As [`Self::open`], for the demo: messages go into its outbox.
    pub(crate) fn open_for_demo(config: &Config, outbox: &Arc<Outbox>) -> Result<Self, OpenError> {
        Self::open_with(config, Delivery::into_outbox(config, outbox))
    }

    fn open_with(config: &Config, delivery: Delivery) -> Result<Self, OpenError> {
        // What is made below, by libraries too, is for the service's own user. Certificates are
        // opened to everybody by name.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        actix_web::rt::System::new().block_on(Self::opened(config, delivery))
    }

    async fn opened(config: &Config, delivery: Delivery) -> Result<Self, OpenError> {
        let random = SystemRandom;
        let clock = Arc::new(ServiceClock::new(config, random)?);
        let data = pki::private_directory(&config.data.directory)?;
        if !pki::exists(&data) {
            clock.confirmed().await.map_err(OpenError::FirstTime)?;
        }
        let now = clock.now();
        // The store first: its lock keeps a second process away from everything else.
        let (store, report) = DiskStore::open(&data, &store_settings(config))?;
        report_open(&report);
        let store = Arc::new(store);
        let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let trail = Trail::open(Arc::clone(&shared))?;
        run_record::started(&shared, config, now).await?;
        let keys = Keys::open(config)?;
        let pki = Pki::open(config, &keys, &shared, now, random).await?;
        let registry = units::open(config, &shared, &keys, &pki)?;
        let pending = configure(config, &registry, &pki, now).await?;
        let ledger = StampLedger::open(Arc::clone(&shared), ledger_settings(config))?;
        let passwords = credential_settings(&config.passwords)?;
        let credentials = Credentials::open(Arc::clone(&shared), passwords, random.seeded())?;
        let rooms = holders::Rooms::open(config, &shared, (&keys, &pki), random).await?;
        let (issuer, faults) = issuer(config, &registry, &ledger, &clock)?;
        let body_timeout = Duration::from_millis(config.server.body_timeout_ms);
        Ok(Self {
            clock,
            store,
            ledger,
            credentials,
            trail,
            logins: Logins::default(),
            issuer,
            pki,
            units: registry,
            pending: Mutex::new(pending),
            unit_faults: Mutex::new(faults),
            holders: rooms.holders,
            holder_device: rooms.device,
            holder_ca: rooms.ca,
            signing: rooms.signing,
            holder_key: config.holders.key_kind(),
            service_name: config.holders.service_name.clone(),
            support: config.holders.support.clone(),
            delivery,
            disk: Disk::new(data, config.data.min_free_mib << 20),
            limits: Limits::new(config.server.max_requests, body_timeout),
            metrics: Metrics::new(),
            admin_token: AdminToken::load_or_create(&config.admin_token_file(), random)?,
            public_url: config.server.public_url.clone(),
            proxies: config.server.trusted_proxies.clone(),
            started_at: now,
        })
    }

    /// Records an event; durable when this returns. A trail that takes none is told in the log:
    /// what happened has happened.
    pub(crate) async fn tell(&self, event: Event) {
        let action = event.action;
        if let Err(error) = self.trail.record(event, self.clock.now()).await {
            tracing::error!(%error, action, "an event is not in the audit trail");
        }
    }

    /// Closes the store: what is durable stays, and the next start need not replay.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let told = actix_web::rt::System::new().block_on(self.tell_end());
        // Closed in any case: a store that takes no event can still be freed.
        let closed = self.store.close();
        told.and(closed)
    }

    async fn tell_end(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for event in self.logins.due(now, true) {
            self.trail.record(event, now).await?;
        }
        let shared: Arc<dyn Store> = Arc::clone(&self.store) as Arc<dyn Store>;
        run_record::stopped(&shared, now).await
    }
}

/// Brings the units of the configuration into the registry. Those whose device is away come back,
/// and are tried again: the service starts without them, and is not ready.
async fn configure(
    config: &Config,
    registry: &UnitRegistry,
    pki: &Pki,
    now: DateTime<Utc>,
) -> Result<Vec<TsuConfig>, OpenError> {
    let mut pending = Vec::new();
    for unit in &config.tsu {
        match units::configure(unit, &config.data.directory, registry, pki, now).await {
            Ok(_unit) => {}
            Err(OpenError::Units(UnitError::Key { error: KeyError::Device(error), .. })) => {
                tracing::error!(unit = unit.id, %error, "a unit cannot be made yet");
                pending.push(unit.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pending)
}

/// Issuing with what the registry has, and why units that should sign cannot.
fn issuer(
    config: &Config,
    registry: &UnitRegistry,
    ledger: &StampLedger,
    clock: &Arc<ServiceClock>,
) -> Result<(Issuer<StampPort>, Vec<String>), OpenError> {
    let mut settings = IssuerSettings::new(Arc::new(SystemRandom));
    settings.last_gen_time_ms = ledger.last_gen_time_ms();
    settings.signer_threads = config.server.worker_threads();
    settings.signer_queue = config.server.max_requests;
    let plan = registry.plan(clock.now())?;
    let Stamping { units, default_unit, retired, faults } = units::stamping(plan);
    let port = StampPort(ledger.clone());
    let time = Arc::clone(clock) as Arc<dyn TimeSource>;
    let issuer = Issuer::new(port, Vec::new(), None, time, settings)?;
    issuer.replace_units(units, default_unit.as_deref(), retired)?;
    Ok((issuer, faults))
}

/// Tells what the store found when it was opened.
fn report_open(report: &OpenReport) {
    if let Some(torn) = &report.torn_tail {
        tracing::warn!(?torn, "an unfinished write was cut off; it was never acknowledged");
    }
    if let Some(reason) = &report.index_rebuilt {
        tracing::warn!(reason, "the index was built again from the journal");
    }
    let OpenReport { sequence, verified_bytes, replayed, .. } = report;
    tracing::info!(sequence, verified_bytes, replayed, "store open");
}

fn store_settings(config: &Config) -> store::Settings {
    store::Settings {
        segment_bytes: config.data.segment_mib << 20,
        index_cache_bytes: config.data.index_cache_mib << 20,
        queue: config.server.max_requests.saturating_mul(2),
        ..store::Settings::default()
    }
}

fn ledger_settings(config: &Config) -> LedgerSettings {
    LedgerSettings {
        // The configuration's own check keeps it below a day.
        retry_window: TimeDelta::seconds(i64::try_from(config.stamps.retry_window_s).unwrap_or(0)),
        cached_accounts: config.stamps.cached_accounts,
    }
}

fn credential_settings(config: &PasswordsConfig) -> Result<CredentialSettings, CredentialError> {
    let argon2 = Argon2Cost::new(config.memory_kib, config.passes, 1)?;
    // The configuration's own check keeps it below an hour.
    let cache_ttl = TimeDelta::seconds(i64::try_from(config.cache_s).unwrap_or(0));
    Ok(CredentialSettings { argon2, cache_ttl, ..CredentialSettings::default() })
}
