//! What is looked at beside the requests, about once a minute: revocation lists and responders
//! that are due, keys that are due, certificates that end, keys that were lost, what the clock
//! says of itself.
//!
//! Each round is bounded and begins anew after a fault. What a round could not do, the next one
//! does: everything here asks what is due, and remembers nothing that the store does not have.

use super::Service;
use authority::units::{ChangeKind, EndOf, Warning};
use chrono::{DateTime, Utc};
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use trail::{Category, Event};

/// Revocation lists, keys and certificates are looked at this often: a key that is to take over at
/// an instant does so at most this much later.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(5);
/// While the time is not trusted, it is asked for again after this time.
const TIME_AGAIN: Duration = Duration::from_secs(1);
/// Keys in devices are looked at this often: RFC 3161 §2.1 (10) lets a unit sign with its key
/// only, and a service that is not asked anything should know that it has lost it.
const KEYS_EVERY: Duration = Duration::from_secs(5);
/// A relay that is away is tried again after this time.
const MAIL_AGAIN: Duration = Duration::from_secs(600);
/// Refused sign-ins of the minutes that are over are told this often.
const LOGINS_EVERY: Duration = Duration::from_secs(5);

/// Writes what the clock says of itself into the audit trail. The log has it already.
pub(super) async fn tell_clock(service: &Service) -> Infallible {
    let Some(mut events) = service.clock.monitor().events() else {
        // Somebody else took them: there is nothing to tell, and nothing to end.
        return std::future::pending().await;
    };
    while let Some(event) = events.recv().await {
        let told = match event.is_failure() {
            true => Event::failure(Category::Clock, event.action(), "service", event.subject()),
            false => Event::success(Category::Clock, event.action(), "service", event.subject()),
        };
        let told =
            event.details().into_iter().fold(told, |told, (name, value)| told.with(name, value));
        service.tell(told).await;
    }
    std::future::pending().await
}

/// Writes the refused sign-ins into the audit trail, summed.
pub(super) async fn tell_logins(service: &Service) -> Infallible {
    loop {
        tokio::time::sleep(LOGINS_EVERY).await;
        for event in service.logins.due(service.clock.now(), false) {
            service.tell(event).await;
        }
    }
}

/// Asks the keys in devices whether they are still there, and says when one is lost or back.
pub(super) async fn watch_keys(service: &Arc<Service>) -> Infallible {
    loop {
        tokio::time::sleep(KEYS_EVERY).await;
        look_at_keys(service).await;
    }
}

async fn look_at_keys(service: &Arc<Service>) {
    let asked = Arc::clone(service);
    let changes = actix_web::web::block(move || asked.issuer.probe_units()).await;
    for change in changes.unwrap_or_default() {
        let subject = format!("unit {}", change.unit);
        let event = match change.failure {
            Some(reason) => {
                tracing::error!(unit = change.unit, reason, "the key cannot be reached");
                let event = Event::failure(Category::Key, "key-lost", "service", subject);
                event.with("reason", reason)
            }
            None => {
                tracing::info!(unit = change.unit, "the key can be reached again");
                Event::success(Category::Key, "key-found", "service", subject)
            }
        };
        service.tell(event).await;
    }
}

/// Renews revocation lists and responders, activates and prepares keys, and warns of what ends.
pub(super) async fn watch_certificates(service: &Service) -> Infallible {
    let mut warnings = Warnings::default();
    loop {
        // With a time that nobody trusts a list could be out of date when it is made, and a key
        // could be activated a year too early.
        let pause = match service.clock.trusted_now() {
            Ok(now) => {
                renew(service, now).await;
                roll_over(service, now).await;
                // Certificates whose suspension has ended stamp again, and whatever a fault kept
                // from being put into effect is now.
                service.use_units(now);
                warn(service, &mut warnings, now).await;
                CERTIFICATES_EVERY
            }
            Err(_) => TIME_AGAIN,
        };
        tokio::time::sleep(pause).await;
    }
}

/// What is done before anybody is told that the service answers: the keys in devices are asked
/// for, and the first revocation lists are made. Where the time is not trusted yet, the first
/// round after that makes them; a device that does not answer is left to the rounds.
pub(crate) async fn begin(service: &Arc<Service>) {
    service.follow_units();
    if let Err(_waited) = tokio::time::timeout(KEYS_EVERY, look_at_keys(service)).await {
        tracing::warn!("a device does not answer; the service starts without waiting for it");
    }
    if let Ok(now) = service.clock.trusted_now() {
        renew(service, now).await;
    }
}

async fn renew(service: &Service, now: DateTime<Utc>) {
    let done = service.pki.authority().tick(now).await;
    for (ca, number) in done.crls {
        tracing::info!(ca, number, "revocation list made");
    }
    for (ca, serial) in done.responders {
        tracing::info!(ca, %serial, "OCSP responder certified");
    }
    for serial in done.reactivated {
        tracing::info!(%serial, "a suspension has ended");
    }
    for error in done.failures {
        tracing::error!(%error, "the built-in CA could not do what is due; it tries again");
    }
}

async fn roll_over(service: &Service, now: DateTime<Utc>) {
    service.configure_pending(now).await;
    match service.units.tick(now).await {
        Ok(changes) if changes.is_empty() => {}
        Ok(changes) => {
            for change in changes {
                let (unit, generation) = (change.unit, change.generation);
                match change.what {
                    ChangeKind::Failed(reason) => {
                        tracing::error!(unit, generation, reason, "a key that is due is not ready");
                    }
                    ChangeKind::Prepared => tracing::info!(unit, generation, "next key prepared"),
                    ChangeKind::Activated => tracing::info!(unit, generation, "key activated"),
                }
            }
        }
        Err(error) => tracing::error!(%error, "the units cannot be looked at"),
    }
}

/// What this process has said already, so that a relay that is away does not fill the log.
#[derive(Default)]
struct Warnings {
    logged: HashSet<String>,
    /// Not before this instant is the relay tried again.
    mail_at: Option<tokio::time::Instant>,
}

/// Warns of every certificate and key that ends in 90, 30, 7 or 1 days, once each: what was sent
/// is remembered in the store, and only what was sent.
async fn warn(service: &Service, warnings: &mut Warnings, now: DateTime<Utc>) {
    let due = match service.units.warnings_due(now) {
        Ok(due) => due,
        Err(error) => return tracing::error!(%error, "the units cannot be looked at"),
    };
    let rested = warnings.mail_at.is_none_or(|at| tokio::time::Instant::now() >= at);
    for warning in due {
        let words = words(&warning);
        if warnings.logged.insert(words.clone()) {
            tracing::warn!(unit = warning.unit, days = warning.days, "{words}");
        }
        if let Some(mailer) = service.delivery.mailer() {
            if !rested {
                continue;
            }
            let subject = format!("Marca: unit {} ends within {} days", warning.unit, warning.days);
            if let Err(error) = mailer.tell_operator(&subject, letter(service, &words)).await {
                tracing::error!(%error, "a warning could not be mailed; it is tried again");
                warnings.mail_at = Some(tokio::time::Instant::now() + MAIL_AGAIN);
                return;
            }
        }
        if let Err(error) = service.units.warning_sent(&warning, now).await {
            return tracing::error!(%error, "a warning that was sent cannot be marked");
        }
    }
    if rested {
        warnings.mail_at = None;
    }
}

/// A warning in one line.
fn words(warning: &Warning) -> String {
    let Warning { unit, generation, days, ends_at, what, successor } = warning;
    let what = match what {
        EndOf::KeyUse => "may no longer sign",
        EndOf::Certificate => "has no valid certificate any more",
        EndOf::Issuer => "has no valid issuer any more",
    };
    let ends_at = ends_at.format("%Y-%m-%d %H:%M:%S");
    let day = if *days == 1 { "day" } else { "days" };
    let next = match successor {
        None => "nothing takes over yet".to_owned(),
        Some((next, at)) => {
            format!("key {next} takes over at {} UTC", at.format("%Y-%m-%d %H:%M:%S"))
        }
    };
    format!(
        "in {days} {day} or less, at {ends_at} UTC, key {generation} of unit {unit} {what}; {next}"
    )
}

fn letter(service: &Service, words: &str) -> String {
    format!(
        "The time-stamping service {url} warns:\n\n{words}.\n\nWhat to do: `marca tsu list` shows \
         the units. A unit that the built-in CA certifies rolls over by itself; for another one, \
         `marca tsu new-key`, `marca tsu csr`, `marca tsu import` and `marca tsu activate`.\n",
        url = service.public_url
    )
}
