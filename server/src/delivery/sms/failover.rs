//! Which gateway is asked: the first that is not resting, then the next, as long as it is certain
//! that nobody has taken the message.
//!
//! A gateway that fails again and again rests for a while, so that messages do not wait for it.
//! What it refuses for good is no failure of its own: a number can be wrong.

use super::{Gateway, Outcome, Report, ReportRefused, ReportRequest, Sms};
use crate::delivery::fault::Fault;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// So many failures in a row, and it rests.
const FAILURES: u32 = 3;
/// The first rest; each further one is twice as long.
const REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The gateways, in the order in which they are tried.
#[derive(Default)]
pub(crate) struct Gateways(Vec<Named>);

struct Named {
    name: String,
    gateway: Box<dyn Gateway>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    failures: u32,
    resting_until: Option<Instant>,
}

/// What became of a message, and at whose hands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// This one has it.
    Accepted {
        /// Its name.
        gateway: String,
        /// What it calls the message.
        gateway_id: String,
    },
    /// Nobody has it.
    Refused(Fault),
    /// Somebody may have it.
    Unclear(String),
}

impl Gateways {
    pub(super) fn add(&mut self, name: &str, gateway: Box<dyn Gateway>) {
        let health = Mutex::default();
        self.0.push(Named { name: name.to_owned(), gateway, health });
    }

    /// Hands a message to the first gateway that takes it.
    pub(crate) fn send(&self, sms: &Sms, now: Instant) -> Sent {
        let mut permanent = true;
        let mut said = Vec::new();
        for named in self.0.iter().filter(|named| named.health.lock().may_try(now)) {
            let Named { name, gateway, health } = named;
            let outcome = gateway.send(sms);
            health.lock().learn(&outcome, now);
            match outcome {
                Outcome::Accepted { gateway_id } => {
                    return Sent::Accepted { gateway: name.clone(), gateway_id };
                }
                Outcome::Unclear { text } => return Sent::Unclear(format!("{name}: {text}")),
                Outcome::Refused { fault } => {
                    permanent &= fault.permanent;
                    said.push(format!("{name}: {}", fault.text));
                }
            }
        }
        if said.is_empty() {
            let text = "every gateway failed again and again, and rests for a while".to_owned();
            return Sent::Refused(Fault { permanent: false, text });
        }
        Sent::Refused(Fault { permanent, text: said.join("; ") })
    }

    /// Those that rest now, by name.
    pub(crate) fn resting(&self, now: Instant) -> Vec<&str> {
        let resting = self.0.iter().filter(|named| !named.health.lock().may_try(now));
        resting.map(|named| named.name.as_str()).collect()
    }

    /// Reads a report of the gateway with this name.
    pub(crate) fn read_report(
        &self,
        gateway: &str,
        request: &ReportRequest<'_>,
    ) -> Result<Option<Report>, ReportRefused> {
        let named = self.0.iter().find(|named| named.name == gateway).ok_or(ReportRefused)?;
        named.gateway.read_report(request)
    }
}

impl Health {
    fn may_try(&self, now: Instant) -> bool {
        self.resting_until.is_none_or(|until| until <= now)
    }

    fn learn(&mut self, outcome: &Outcome, now: Instant) {
        let failed = match outcome {
            Outcome::Accepted { .. } => false,
            Outcome::Refused { fault } => !fault.permanent,
            Outcome::Unclear { .. } => true,
        };
        if !failed {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let rest = REST.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_REST);
            self.resting_until = Some(now + rest);
        }
    }
}
