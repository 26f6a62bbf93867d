//! Delivery: what waits in the queue of messages goes out by mail and short message.
//!
//! The queue (`accounts::holders::messages`) knows what is due; here it becomes words ([`texts`]),
//! is handed to the relay ([`mail`]) or to a gateway ([`sms`]), and what became of it is written
//! back ([`worker`]). Nothing in here logs an address, a number or a text.
//!
//! What [`outbox`] is for, the demo alone knows. docs/DELIVERY.md tells an operator the rest.

mod fault;
mod mail;
mod outbox;
mod secret;
mod sms;
mod texts;
mod worker;

pub(crate) use mail::{MailError, Mailer};
pub(crate) use outbox::Outbox;
pub(crate) use secret::SecretError;
pub(crate) use sms::{GatewayError, ReportRefused, ReportRequest};
pub(crate) use texts::escape;
pub(crate) use worker::run;

use crate::config::Config;
use chrono::{DateTime, FixedOffset, Utc};
use sms::Gateways;
use std::sync::Arc;
use std::time::Instant;
use texts::Texts;
use tokio::sync::watch;

/// The ways out, and what is said on them.
pub(crate) struct Delivery {
    mail: Way<Mailer>,
    sms: Way<Gateways>,
    texts: Texts,
    /// True when the service ends.
    ending: watch::Sender<bool>,
}

/// How messages of one kind leave.
enum Way<T> {
    /// They do not: there is no section for them.
    Nowhere,
    /// Through this.
    Through(Arc<T>),
    /// Into the demo's outbox.
    Outbox(Arc<Outbox>),
}

/// Why messages cannot leave as the configuration says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// Mail.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Short messages.
    #[error(transparent)]
    Sms(#[from] GatewayError),
}

impl Delivery {
    /// The ways of the configuration. Secrets are read; nothing is sent yet.
    pub(crate) fn new(config: &Config) -> Result<Self, DeliveryError> {
        let mail = config.mail.as_ref().map(Mailer::new).transpose()?;
        let url = &config.server.public_url;
        let sms = config.sms.as_ref().map(|sms| sms::gateways(sms, url)).transpose()?;
        Ok(Self {
            mail: mail.map_or(Way::Nowhere, |mailer| Way::Through(Arc::new(mailer))),
            sms: sms.map_or(Way::Nowhere, |gateways| Way::Through(Arc::new(gateways))),
            texts: texts_of(config),
            ending: watch::Sender::new(false),
        })
    }

    /// Everything goes into the outbox of the demo.
    pub(crate) fn into_outbox(config: &Config, outbox: &Arc<Outbox>) -> Self {
        Self {
            mail: Way::Outbox(Arc::clone(outbox)),
            sms: Way::Outbox(Arc::clone(outbox)),
            texts: texts_of(config),
            ending: watch::Sender::new(false),
        }
    }

    /// The way to the operator.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        match &self.mail {
            Way::Through(mailer) => Some(mailer),
            Way::Nowhere | Way::Outbox(_) => None,
        }
    }

    /// Whether holders can be reached at all: nobody may register with a service that cannot
    /// write to them.
    pub(crate) fn ready(&self) -> Result<(), &'static str> {
        match (&self.mail, &self.sms) {
            (Way::Nowhere, _) => Err("there is no [mail] in the configuration"),
            (_, Way::Nowhere) => Err("there is no [sms] in the configuration"),
            _ => Ok(()),
        }
    }

    /// An instant in the zone of all times that holders are told.
    pub(crate) fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.with_timezone(&self.texts.offset(at))
    }

    /// The name of that zone in the tz database.
    pub(crate) fn zone(&self) -> &'static str {
        self.texts.zone.name()
    }

    /// Gateways that failed again and again, and rest now.
    pub(crate) fn resting(&self) -> Vec<&str> {
        match &self.sms {
            Way::Through(gateways) => gateways.resting(Instant::now()),
            Way::Nowhere | Way::Outbox(_) => Vec::new(),
        }
    }

    /// Reads what a gateway says of a message.
    pub(crate) fn read_report(
        &self,
        gateway: &str,
        request: &ReportRequest<'_>,
    ) -> Result<Option<sms::Report>, ReportRefused> {
        match &self.sms {
            Way::Through(gateways) => gateways.read_report(gateway, request),
            Way::Nowhere | Way::Outbox(_) => Err(ReportRefused),
        }
    }

    /// Nothing more is begun; [`run`] ends when what is under way has ended.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    async fn ending(&self) {
        // The sender lives as long as `self`.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }
}

fn texts_of(config: &Config) -> Texts {
    Texts {
        public_url: config.server.public_url.clone(),
        service: config.holders.service_name.clone(),
        support: config.holders.support.clone(),
        zone: config.holders.zone(),
    }
}
