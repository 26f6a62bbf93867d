//! Why the registry of units does not do what it is asked, by who has to act.

use super::state::IllegalStep;
use crate::{AuthorityError, StatusWord};
use certs::{IssueError, KeyError, KeyKind, TsuFault};
use store::StoreError;

/// Why the registry of units does not do what it is asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// There is no such unit.
    #[error("there is no unit {unit:?}; see the list of units")]
    UnknownUnit {
        /// The identifier asked for.
        unit: String,
    },
    /// There is one with this identifier.
    #[error("there is a unit {unit:?} already; choose another identifier")]
    UnitExists {
        /// The identifier.
        unit: String,
    },
    /// The unit has no such generation.
    #[error("unit {unit} has no generation {generation}")]
    UnknownGeneration {
        /// The unit.
        unit: String,
        /// The number asked for.
        generation: u32,
    },
    /// The unit has no generation to which this could be done.
    #[error("unit {unit} has no generation that {wanted}: {needed}")]
    NoGeneration {
        /// The unit.
        unit: String,
        /// What it would have to be.
        wanted: &'static str,
        /// What to do.
        needed: &'static str,
    },
    /// The next generation is there already.
    #[error(
        "generation {generation} of unit {unit} waits to be certified or activated: use it, or \
         retire it first"
    )]
    Waiting {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
    },
    /// The generation's state does not allow it.
    #[error("generation {generation} of unit {unit}: {why}")]
    Illegal {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
        /// The state and the step.
        why: IllegalStep,
    },
    /// The service cannot do without this generation.
    #[error(
        "generation {generation} of unit {unit} is active, and {why}: activate a new generation \
         instead, or retire it all the same with `--force` (`force` in the API)"
    )]
    Needed {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
        /// Who needs it.
        why: String,
    },
    /// A setting is not possible.
    #[error("unit {unit}, {field}: {reason}")]
    Setting {
        /// The unit.
        unit: String,
        /// Which setting.
        field: &'static str,
        /// What is wrong, and what to give.
        reason: String,
    },
    /// The certificate is not one that the unit could issue with.
    #[error("unit {unit}, certificate of generation {generation}:{}", list(.faults))]
    Certificate {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
        /// Everything that is wrong.
        faults: Vec<TsuFault>,
    },
    /// The certificate, or one of a CA above, is suspended or revoked.
    #[error("unit {unit}, generation {generation}: {whose} is {status}; {}", not_good(*.status))]
    NotGood {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
        /// The certificate that is meant: the generation's own, or that of a CA.
        whose: String,
        /// How it stands.
        status: StatusWord,
    },
    /// A text that is to be certificates is not.
    #[error("the certificates for unit {unit}: {reason}")]
    Pem {
        /// The unit.
        unit: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no CA in here for units, or the unit is certified outside.
    #[error(
        "unit {unit} is not certified by a CA of this service: fetch its certificate request, \
         have it certified, and import the certificate"
    )]
    NotBuiltIn {
        /// The unit.
        unit: String,
    },
    /// A certificate from outside cannot be revoked here.
    #[error(
        "the certificate of generation {generation} of unit {unit} was issued outside: ask the CA \
         that issued it to revoke it"
    )]
    NotOurs {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
    },
    /// No device is configured.
    #[error("unit {unit} keeps its keys in a device, and none is configured: add an [hsm] section")]
    NoHsm {
        /// The unit.
        unit: String,
    },
    /// The key under the label is not what it has to be.
    #[error(
        "the key {label:?} is of the kind {found}, the unit's is {wanted}: a key is never \
         replaced; put the setting right, or name a new unit"
    )]
    WrongKey {
        /// The key's label.
        label: String,
        /// What it is.
        found: KeyKind,
        /// What it has to be.
        wanted: KeyKind,
    },
    /// There is a key under the label that this registry did not make.
    #[error(
        "unit {unit}: there is a key {label:?} already that was not made for it: give its \
         certificate with it if it is a unit from before, or rename or destroy it, or name a new \
         unit"
    )]
    StrangeKey {
        /// The unit.
        unit: String,
        /// The key's label.
        label: String,
    },
    /// The key that is to be destroyed is not where it was.
    #[error(
        "generation {generation} of unit {unit} stays retired: there is no key {label:?} to \
         destroy, and nothing tells that it was destroyed; put the key file or the token back and \
         try again"
    )]
    KeyNotFound {
        /// The unit.
        unit: String,
        /// The generation.
        generation: u32,
        /// The key's label.
        label: String,
    },
    /// The companion cannot answer all that the unit accepts.
    #[error(
        "unit {unit}: its companion {companion} does not offer policy {policy}; let it offer it"
    )]
    CompanionOffersLess {
        /// The unit.
        unit: String,
        /// Its companion.
        companion: String,
        /// The policy.
        policy: String,
    },
    /// Pairs are pairs: no chains, no rings.
    #[error(
        "unit {unit} cannot have {companion} as its companion: {paired} is paired itself; a pair \
         is two units and no more"
    )]
    CompanionPaired {
        /// The unit.
        unit: String,
        /// The companion asked for.
        companion: String,
        /// Which of the two is in another pair.
        paired: String,
    },
    /// A key could not be made, opened or destroyed.
    #[error("unit {unit}: {error}")]
    Key {
        /// The unit.
        unit: String,
        /// The key store's words.
        error: KeyError,
    },
    /// A certificate request could not be made.
    #[error("the certificate request of unit {unit}: {error}")]
    Request {
        /// The unit.
        unit: String,
        /// Why.
        error: IssueError,
    },
    /// The CA in here.
    #[error(transparent)]
    Authority(Box<AuthorityError>),
    /// A worker of the runtime ended before its work was done.
    #[error("the work was cut off ({0}); the service is stopping, or this is a bug")]
    CutOff(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AuthorityError> for UnitError {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(Box::new(error))
    }
}

/// What forbids the certificate. What is only worth knowing would hide it.
fn list(faults: &[TsuFault]) -> String {
    let forbidding = faults.iter().filter(|fault| fault.severity() == certs::Severity::Error);
    forbidding.map(|fault| format!("\n  - {fault}")).collect()
}

fn not_good(status: StatusWord) -> &'static str {
    match status {
        StatusWord::Suspended => "reactivate it, and the unit signs again",
        _ => "make a new key for the unit, under a certificate that is good",
    }
}
