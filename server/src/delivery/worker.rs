//! The worker: takes what is due, hands it over, and writes back what became of it.
//!
//! Mails and short messages are taken apart from each other, so that a relay that hangs keeps no
//! code from its telephone. What a process that ended in the middle had claimed goes out again at
//! the next start: rather twice than never.

use super::fault::Fault;
use super::mail::Letter;
use super::sms::{Sent, Sms};
use super::{Delivery, Way};
use crate::service::Service;
use accounts::holders::messages::{Delivery as By, Outgoing, Template};
use accounts::holders::otp::{SmsCoding, sms_text};
use accounts::holders::{HolderError, MessageId};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The queue is looked at this often: a code must not wait for a timer.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After a fault of the store or of our own.
const AFTER_FAULT: Duration = Duration::from_secs(5);
/// Messages of one kind that are under way at once.
const AT_ONCE: usize = 8;
/// A message that takes longer is given up; far below the lease.
const LONGEST: Duration = Duration::from_secs(60);
/// What became of a message is written in so many tries: the store may be busy.
const RECORDINGS: usize = 5;
/// How mail calls itself where gateways have names.
const MAIL: &str = "mail";

/// Delivers until [`Delivery::end`], and then until what is under way has ended.
pub(crate) async fn run(service: Arc<Service>) {
    let (holders, now) = (&service.holders, service.clock.now());
    match holders.release_messages(now).await {
        Ok(0) => {}
        Ok(messages) => tracing::info!(messages, "messages of an earlier start go out again"),
        Err(error) => tracing::error!(%error, "messages of an earlier start wait for a while"),
    }
    tokio::join!(keep(&service, By::Mail), keep(&service, By::Sms));
}

/// Delivers one kind. When that ends by a fault of its own, it is said and begun again: what was
/// under way goes out when its lease has run out.
async fn keep(service: &Service, by: By) {
    while AssertUnwindSafe(work(service, by)).catch_unwind().await.is_err() {
        tracing::error!("delivery ended by a fault of its own; it starts again");
        tokio::time::sleep(AFTER_FAULT).await;
    }
}

async fn work(service: &Service, by: By) {
    let worker = std::process::id().to_string();
    let mut under_way = FuturesUnordered::new();
    let ending = service.delivery.ending();
    tokio::pin!(ending);
    loop {
        let free = AT_ONCE.saturating_sub(under_way.len());
        let claimed = match free {
            0 => Ok(Vec::new()),
            _ => service.holders.claim_messages(by, &worker, free, service.clock.now()).await,
        };
        let pause = match claimed {
            Ok(claimed) => {
                under_way.extend(claimed.into_iter().map(|message| one_of(service, message)));
                LOOK_EVERY
            }
            Err(error) => {
                tracing::error!(%error, "the queue of messages cannot be read; tried again");
                AFTER_FAULT
            }
        };
        tokio::select! {
            () = &mut ending => break,
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    while under_way.next().await.is_some() {}
}

/// One message, from the claim to its record.
async fn one_of(service: &Service, message: Outgoing) {
    let (id, kind, delivery) = (message.id, message.template.kind(), &service.delivery);
    let by = message.delivery;
    let now = service.clock.now();
    let outcome = match tokio::time::timeout(LONGEST, delivery.hand_over(message, now)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => too_late(by),
    };
    match &outcome {
        Handed::Over { gateway, .. } => {
            tracing::info!(%id, kind, gateway, "a message was sent");
        }
        Handed::Refused(Fault { permanent, text }) => {
            tracing::warn!(%id, kind, permanent, error = text, "a message was not sent");
        }
        Handed::Unclear(text) => {
            tracing::warn!(%id, kind, error = text, "a message may have been sent");
        }
    }
    count(service, by, &outcome);
    record(service, id, &outcome).await;
}

/// A mail that comes twice has one Message-ID, a short message would be one more.
fn too_late(by: By) -> Handed {
    let text = "it took too long".to_owned();
    match by {
        By::Mail => Handed::Refused(Fault { permanent: false, text }),
        By::Sms => Handed::Unclear(text),
    }
}

fn count(service: &Service, by: By, outcome: &Handed) {
    let way = match by {
        By::Mail => "mail",
        By::Sms => "sms",
    };
    let outcome = match outcome {
        Handed::Over { .. } => "accepted",
        Handed::Refused(_) => "refused",
        Handed::Unclear(_) => "unclear",
    };
    service.metrics.message_tried(way, outcome);
}

/// What became of a message.
enum Handed {
    /// Somebody has it.
    Over { gateway: String, gateway_id: String },
    /// Nobody has it.
    Refused(Fault),
    /// Somebody may have it, and must not get it a second time.
    Unclear(String),
}

impl Delivery {
    async fn hand_over(&self, message: Outgoing, now: DateTime<Utc>) -> Handed {
        match message.delivery {
            By::Mail => self.mail_out(message, now).await,
            By::Sms => self.sms_out(message, now).await,
        }
    }

    async fn mail_out(&self, message: Outgoing, now: DateTime<Utc>) -> Handed {
        let Outgoing { id, to, addressee, template, language, attachment, .. } = message;
        let Some(text) = self.texts.mail(&addressee, &template, language) else {
            return no_text(&template, "mail");
        };
        let message_id = self.message_id(id, &to);
        match &self.mail {
            Way::Nowhere => return Handed::Refused(no_way("mail")),
            Way::Outbox(outbox) => outbox.mail(&to, text, attachment, now),
            Way::Through(mailer) => {
                let (message_id, to) = (&message_id, &to);
                let attachment = attachment.as_ref();
                let letter = Letter { message_id, to, text, attachment, at: now };
                // Whether a lost answer was a yes is not known: a mail that comes twice has one
                // Message-ID, and one that never comes has none.
                if let Err(fault) = mailer.send(letter).await {
                    return Handed::Refused(fault);
                }
            }
        }
        Handed::Over { gateway: MAIL.to_owned(), gateway_id: message_id }
    }

    async fn sms_out(&self, message: Outgoing, now: DateTime<Utc>) -> Handed {
        let Outgoing { id, to, template, language, .. } = message;
        let zone = self.texts.offset(now);
        let text = sms_text(&template, language, &self.texts.service, zone)
            .or_else(|| self.texts.short(&template, language));
        let Some(text) = text else { return no_text(&template, "short message") };
        match &self.sms {
            Way::Nowhere => Handed::Refused(no_way("sms")),
            Way::Outbox(outbox) => {
                outbox.sms(&to, &text.text, now);
                Handed::Over { gateway: "outbox".to_owned(), gateway_id: id.to_string() }
            }
            Way::Through(gateways) => {
                let (id, unicode) = (id.to_string(), text.coding == SmsCoding::Ucs2);
                let sms = Sms { id, to, text: text.text, unicode, at: now };
                let gateways = Arc::clone(gateways);
                let sent = actix_web::web::block(move || gateways.send(&sms, Instant::now())).await;
                match sent {
                    Ok(Sent::Accepted { gateway, gateway_id }) => {
                        Handed::Over { gateway, gateway_id }
                    }
                    Ok(Sent::Refused(fault)) => Handed::Refused(fault),
                    Ok(Sent::Unclear(text)) => Handed::Unclear(text),
                    Err(_panic) => Handed::Unclear("a fault of the service".to_owned()),
                }
            }
        }
    }

    /// RFC 5322 §3.6.4: unique, and here the same for every try of a message. The number alone is
    /// that of another message in another service with the same domain.
    fn message_id(&self, id: MessageId, to: &str) -> String {
        let domain = self.mailer().map_or("outbox.invalid", |mailer| mailer.domain());
        let seed = format!("{}\n{id}\n{to}", self.texts.public_url);
        let hash = hex::encode(openssl::sha::sha256(seed.as_bytes()));
        format!("<{id}.{}@{domain}>", hash.get(..16).unwrap_or_default())
    }
}

fn no_text(template: &Template, way: &str) -> Handed {
    let text = format!("{} does not go by {way}", template.kind());
    Handed::Refused(Fault { permanent: true, text })
}

fn no_way(section: &str) -> Fault {
    Fault { permanent: false, text: format!("there is no [{section}] in the configuration") }
}

/// Writes what became of a message. A store that stays away leaves the lease, which runs out.
async fn record(service: &Service, id: MessageId, outcome: &Handed) {
    for _try in 0..RECORDINGS {
        let (holders, now) = (&service.holders, service.clock.now());
        let recorded = match outcome {
            Handed::Over { gateway, gateway_id } => {
                holders.message_sent(id, gateway, Some(gateway_id), now).await
            }
            Handed::Refused(Fault { permanent, text }) => {
                holders.message_refused(id, text, !permanent, now).await
            }
            Handed::Unclear(text) => {
                let text = format!("unclear, it may have arrived: {text}");
                holders.message_refused(id, &text, false, now).await
            }
        };
        match recorded {
            // Erased with its holder in the meantime.
            Ok(()) | Err(HolderError::UnknownMessage(_)) => return,
            Err(error) => tracing::error!(%error, %id, "a message is not recorded yet"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
