//! What the registry of units takes and gives: the words of its interface. The small enumerations
//! are stored as well, by number.

use super::error::UnitError;
use super::state::State;
use certs::{DistinguishedName, KeyBackend, KeyKind, RevocationReason, SigningKey, TsuCertificate};
use chrono::{DateTime, Utc};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The days before the end at which somebody is warned.
pub const WARNING_DAYS: [u16; 4] = [90, 30, 7, 1];

/// A word that is none of those that are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not known: use {allowed}")]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What may be given.
    pub allowed: &'static str,
}

macro_rules! words {
    ($type:ident, $allowed:literal, $($variant:ident => $word:literal),+) => {
        impl $type {
            /// The word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: text.to_owned(), allowed: $allowed }),
                }
            }
        }
    };
}

/// Where a key is kept. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyStore {
    /// A file in the data directory.
    #[default]
    #[n(0)]
    File,
    /// A device behind PKCS#11.
    #[n(1)]
    Hsm,
}
words!(KeyStore, "file or hsm", File => "file", Hsm => "hsm");

/// How an RSA key signs; of no meaning for other keys. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Padding {
    /// PKCS#1 v1.5.
    #[default]
    #[n(0)]
    Pkcs1,
    /// RSASSA-PSS with SHA-256.
    #[n(1)]
    Pss,
}
words!(Padding, "pkcs1 or pss", Pkcs1 => "pkcs1", Pss => "pss");

/// Which certificates a token carries when the request asks for them. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum TokenCertificates {
    /// The unit's own.
    #[default]
    #[n(0)]
    Leaf,
    /// The unit's own and the chain below the root.
    #[n(1)]
    Full,
}
words!(TokenCertificates, "leaf or full", Leaf => "leaf", Full => "full");

/// Who certifies a unit's keys. Used in stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum CertifiedBy {
    /// The CA in here.
    #[default]
    #[n(0)]
    BuiltIn,
    /// Another one, which gets a request and gives a certificate.
    #[n(1)]
    Outside,
}
words!(CertifiedBy, "built-in or outside", BuiltIn => "built-in", Outside => "outside");

/// When the next generation comes by itself, in days before the end of the active one's use. Used
/// in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Rollover {
    /// It is made and certified: from then on verifiers can get its certificate.
    #[n(0)]
    pub prepare_days: u16,
    /// It begins to sign.
    #[n(1)]
    pub activate_days: u16,
}

impl Default for Rollover {
    fn default() -> Self {
        Self { prepare_days: 30, activate_days: 7 }
    }
}

/// What an operator decides of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSettings {
    /// Its name in paths: 1 to 32 of a-z, 0-9 and `-`, and not `key`.
    pub id: String,
    /// The kind of the next key.
    pub key: KeyKind,
    /// Where the next key is kept.
    pub key_store: KeyStore,
    /// How an RSA key signs.
    pub padding: Padding,
    /// The policies that it offers, dotted; the first is the default one.
    pub policies: Vec<String>,
    /// What its tokens say of the clock, in milliseconds: 1 to 1000.
    pub accuracy_ms: u32,
    /// Certificates in tokens.
    pub certificates: TokenCertificates,
    /// One in so many signatures of a quick key is verified.
    pub verify_one_in: u32,
    /// The unit that makes a second token beside each of this one's.
    pub companion: Option<String>,
    /// Who certifies its keys.
    pub certified_by: CertifiedBy,
    /// When the next generation comes by itself. Only for the CA in here.
    pub rollover: Option<Rollover>,
}

impl UnitSettings {
    /// A unit with a key in a file, certified by the CA in here, that rolls over by itself.
    #[must_use]
    pub fn new(id: &str, key: KeyKind, policies: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            key,
            key_store: KeyStore::File,
            padding: Padding::Pkcs1,
            policies,
            accuracy_ms: 1000,
            certificates: TokenCertificates::Leaf,
            verify_one_in: 64,
            companion: None,
            certified_by: CertifiedBy::BuiltIn,
            rollover: Some(Rollover::default()),
        }
    }
}

/// Where keys are kept, by name.
#[derive(Clone, Debug)]
pub struct KeyStores {
    /// The directory of key files.
    pub file: Arc<dyn KeyBackend>,
    /// The device, when there is one.
    pub hsm: Option<Arc<dyn KeyBackend>>,
}

/// What the registry needs to know of the service.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// The id of the CA in here that certifies units.
    pub ca: Option<String>,
    /// The name of the units but for its commonName, which is made for each generation from the
    /// organization's name.
    pub subject: DistinguishedName,
    /// The roots that chains from outside may lead to, in DER.
    pub roots: Vec<Vec<u8>>,
}

/// A unit with all that was and is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What was decided.
    pub settings: UnitSettings,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Whether it serves the requests that name no unit.
    pub is_default: bool,
    /// Its keys, the oldest first.
    pub generations: Vec<Generation>,
}

impl Unit {
    /// The generation that signs.
    #[must_use]
    pub fn active(&self) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.state == State::Active)
    }

    /// The generation that is to sign next.
    #[must_use]
    pub fn waiting(&self) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.state.is_waiting())
    }
}

/// One key of a unit, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u32,
    /// The key's label in its store.
    pub label: String,
    /// Where the key is kept.
    pub key_store: KeyStore,
    /// The kind of the key.
    pub kind: KeyKind,
    /// How it signs, if it is an RSA key.
    pub padding: Padding,
    /// Where it is in its life.
    pub state: State,
    /// Its certificate.
    pub certificate: Option<CertificateFacts>,
    /// When the key was made, or first seen.
    pub made_at: DateTime<Utc>,
    /// When the certificate came.
    pub certified_at: Option<DateTime<Utc>>,
    /// When it is to become active.
    pub activate_at: Option<DateTime<Utc>>,
    /// When it became active.
    pub activated_at: Option<DateTime<Utc>>,
    /// When it stopped.
    pub retired_at: Option<DateTime<Utc>>,
    /// When its key was destroyed.
    pub destroyed_at: Option<DateTime<Utc>>,
}

/// The certificate of a generation, as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its serial number in hex.
    pub serial: String,
    /// Whom it names.
    pub subject: String,
    /// First instant of its validity.
    pub not_before: DateTime<Utc>,
    /// Last instant of its validity.
    pub not_after: DateTime<Utc>,
    /// The last instant at which its key may sign: the end of the privateKeyUsagePeriod, of the
    /// certificate or of a CA above, whichever comes first.
    pub key_use_until: DateTime<Utc>,
    /// The id of the CA in here that issued it.
    pub ca: Option<String>,
    /// The certificate and the CAs between it and the root, PEM.
    pub chain_pem: String,
}

/// How a generation is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retirement {
    /// Which one; without it the active one.
    pub generation: Option<u32>,
    /// Whether its key is destroyed. There is no way back.
    pub destroy_key: bool,
    /// Whether its certificate is revoked, and why.
    pub revoke: Option<RevocationReason>,
    /// Whether it may be the one that the service cannot do without.
    pub force: bool,
}

/// What the registry did of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The unit.
    pub unit: String,
    /// The generation; 0 when there is none to speak of.
    pub generation: u32,
    /// What.
    pub what: ChangeKind,
}

/// What the registry did of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The next generation was made, certified and scheduled.
    Prepared,
    /// It signs from now on.
    Activated,
    /// It could not be done; the next call tries it again.
    Failed(String),
}

/// What comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOf {
    /// The privateKeyUsagePeriod.
    KeyUse,
    /// The unit's certificate.
    Certificate,
    /// The certificate of a CA above.
    Issuer,
}
words!(EndOf, "key-use, certificate or issuer",
    KeyUse => "key-use", Certificate => "certificate", Issuer => "issuer");

/// A unit that will stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The unit.
    pub unit: String,
    /// Its active generation.
    pub generation: u32,
    /// Which of [`WARNING_DAYS`] has been reached.
    pub days: u16,
    /// When it stops.
    pub ends_at: DateTime<Utc>,
    /// Why.
    pub what: EndOf,
    /// The generation that takes over before, and when.
    pub successor: Option<(u32, DateTime<Utc>)>,
}

/// What the issuer of tokens needs.
#[derive(Debug, Default)]
pub struct Plan {
    /// Units that can sign, in the order of their identifiers.
    pub active: Vec<ActiveUnit>,
    /// Certificates that signed tokens of the past.
    pub retired: Vec<RetiredCertificate>,
    /// The unit for requests that name none, if it is among the active ones.
    pub default_unit: Option<String>,
    /// Units that are active and cannot sign, or may not, by their identifiers, and why.
    pub faults: Vec<(String, UnitError)>,
}

/// A unit that can sign.
#[derive(Debug)]
pub struct ActiveUnit {
    /// What was decided of it.
    pub settings: UnitSettings,
    /// Its generation.
    pub generation: u32,
    /// Its key. One in a device is looked for at the first signature.
    pub key: Arc<dyn SigningKey>,
    /// Its certificate, checked.
    pub certificate: TsuCertificate,
}

/// A certificate that signed tokens of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// The CAs between it and the root, its issuer first.
    pub chain: Vec<Vec<u8>>,
    /// Which of them its unit's tokens carry.
    pub certificates: TokenCertificates,
}
