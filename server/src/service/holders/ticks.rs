//! What falls due for holders without anybody asking: ends of suspensions and authorisations, and
//! seldom of requests and links. Each is asked for anew every time; nothing is remembered here.

use crate::service::Service;
use std::convert::Infallible;
use std::time::Duration;

/// A suspension ends, and a key is locked again, at most this much after its instant.
const EVERY: Duration = Duration::from_secs(5);
/// What is only tidied, or told days before, waits for so many rounds: five minutes.
const SELDOM: u64 = 60;
/// What looks through all keys is done once a day.
const DAILY: u64 = 24 * 60 * 12;

/// Does what is due, for ever. Not by a time that nobody trusts: an end that is written by a wrong
/// clock stays written.
pub(crate) async fn tend_holders(service: &Service) -> Infallible {
    let mut round = 0_u64;
    loop {
        if service.clock.trusted_now().is_ok() {
            tend(service).await;
            if round.is_multiple_of(SELDOM) {
                tidy(service).await;
            }
            if round.is_multiple_of(DAILY) {
                tell("keys", service.holders.keys_tick(service.clock.now()).await);
            }
            round += 1;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn tend(service: &Service) {
    let (holders, now) = (&service.holders, service.clock.now());
    tell("credentials", holders.credentials_tick(&service.holder_ca, now).await);
    let left = holders.settle_issues(service.started_at, &service.holder_ca, now).await;
    tell("certificates", left);
    tell("phone numbers", holders.phone_tick(now).await);
    tell("authorisations", service.signing.tick(now).await);
    service.lock_dead_keys(None).await;
}

/// What is over goes (it counts for nothing from its instant on, whether it is there or not), and
/// notices that a day brings are queued. Some of this looks through all there is.
async fn tidy(service: &Service) {
    let (holders, now) = (&service.holders, service.clock.now());
    tell("requests", holders.expire_registrations(now).await);
    tell("links", holders.expire_links(now).await);
    tell("former user IDs", holders.expire_former_user_ids(now).await);
    tell("one-time codes", holders.otp_tick(now).await);
    tell("sessions", holders.sessions_tick(now).await);
    tell("logins by QR code", holders.qr_tick(now).await);
    tell("links to timestamp accounts", holders.stamp_links_tick(now).await);
    tell("renewals", holders.renewals_tick(now).await);
    tell("notices", holders.notices_tick(now).await);
    tell("messages", holders.messages_tick(now).await);
}

/// What could not be done is tried again next time.
fn tell<T>(what: &str, done: Result<T, impl std::fmt::Display>) {
    if let Err(error) = done {
        tracing::error!(%error, "{what} of holders that are due cannot be ended; tried again");
    }
}
