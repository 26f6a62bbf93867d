//! The service with everything around it that a holder meets: an SMTP server that takes its mail,
//! an SMS gateway that takes its short messages, and an operator.

use super::device::Device;
use super::http::Client;
use super::person::Person;
use super::service::{Config, Service};
use super::sms::{Protocol, ShortMessage, SmsServer};
use super::smtp::{Mail, SmtpServer};
use std::time::{Duration, Instant};
use ureq::tls::TlsConfig;

/// A message that takes longer is taken for one that never comes.
const LIMIT: Duration = Duration::from_secs(30);

/// A service and what its messages go to.
pub(crate) struct House {
    pub(crate) service: Service,
    pub(crate) mail: Mailboxes,
    pub(crate) phones: Phones,
    /// What clients trust, when the service speaks TLS.
    tls: Option<TlsConfig>,
}

/// Everybody's mail.
pub(crate) struct Mailboxes(pub(crate) SmtpServer);

/// Everybody's phone.
pub(crate) struct Phones(pub(crate) SmsServer);

/// Keys of `[holders]` for a test: the cheapest checks that are allowed, keys that are made fast,
/// certificates that can be renewed from the first day on, and codes without an end.
const HOLDERS: [(&str, &str); 6] = [
    ("key", "\"p256\""),
    ("validity_days", "60"),
    ("memory_kib", "19456"),
    ("passes", "2"),
    ("otp_per_hour", "1000"),
    ("otp_per_day", "1000"),
];

impl House {
    /// With a credential's key of P-256.
    pub(crate) fn open() -> Self {
        Self::with(&[])
    }

    /// With these keys of `[holders]` besides, or in the place of the usual ones.
    pub(crate) fn with(other: &[(&str, &str)]) -> Self {
        Self::configured(other, Config::new(), None)
    }

    /// Behind a proxy on this machine, which says who the caller is.
    pub(crate) fn behind_a_proxy() -> Self {
        let proxies = "trusted_proxies = [\"127.0.0.1\"]".to_owned();
        Self::configured(&[], Config::new().server(proxies), None)
    }

    /// With a section `[tls]`, and clients that trust what it needs.
    pub(crate) fn over_tls(section: String, tls: TlsConfig) -> Self {
        Self::configured(&[], Config::new().section(section), Some(tls))
    }

    /// Beside a device, whose module is in the service's own process.
    pub(crate) fn with_device(other: &[(&str, &str)], device: &Device) -> Self {
        let (name, value) = device.own_variable();
        let config = Config::new().section(device.own_section());
        Self::around(other, (config, None), |config| {
            config.write().with_variable(name, &value).started()
        })
    }

    fn configured(other: &[(&str, &str)], config: Config, tls: Option<TlsConfig>) -> Self {
        Self::around(other, (config, tls), Config::start)
    }

    fn around(
        other: &[(&str, &str)],
        (config, tls): (Config, Option<TlsConfig>),
        start: impl FnOnce(&Config) -> Service,
    ) -> Self {
        let usual = HOLDERS.iter().filter(|usual| other.iter().all(|key| key.0 != usual.0));
        let keys = usual.chain(other).map(|(name, value)| format!("{name} = {value}\n"));
        let holders = format!("[holders]\n{}", keys.collect::<String>());
        let (mail, phones) = (SmtpServer::start(), SmsServer::start(Protocol::Webhook));
        let config = config.section(mail.section()).section(phones.section());
        let service = start(&config.section(holders));
        Self { service, mail: Mailboxes(mail), phones: Phones(phones), tls }
    }

    /// A client without credentials.
    pub(crate) fn client(&self) -> Client {
        match &self.tls {
            Some(tls) => Client::with_tls(self.service.url(), tls.clone()),
            None => self.service.client(),
        }
    }

    /// The operator.
    pub(crate) fn admin(&self) -> Client {
        let token = std::fs::read_to_string(self.service.admin_token_file()).unwrap();
        self.client().bearer(token.trim())
    }

    /// Somebody invited, who has chosen a password and logged in.
    #[track_caller]
    pub(crate) fn invited(&self, number: usize) -> Person {
        let mut person = Person::new(number);
        person.asks_for_an_account(self);
        let token = person.is_invited(self);
        person.chooses_password(self, &token);
        person.logs_in(self);
        person
    }

    /// Somebody with an active credential, logged in.
    #[track_caller]
    pub(crate) fn activated(&self, number: usize) -> Person {
        let person = self.invited(number);
        person.activates(self);
        person
    }
}

impl Mailboxes {
    /// Where later mail begins.
    pub(crate) fn mark(&self) -> usize {
        self.0.mails().len()
    }

    /// The first mail to this address after the mark for which it holds.
    #[track_caller]
    pub(crate) fn wait(&self, mark: usize, to: &str, holds: impl Fn(&Mail) -> bool) -> Mail {
        let fits = |mail: &Mail| mail.to.iter().any(|one| one == to) && holds(mail);
        let found = wait(|| self.0.mails().into_iter().skip(mark).find(fits));
        found.unwrap_or_else(|| {
            let all = self.0.mails();
            let all: Vec<_> = all.iter().skip(mark).map(|mail| (&mail.to, &mail.subject)).collect();
            panic!("no such mail to {to}; there are {all:?}")
        })
    }

    /// The first mail to this address after the mark with these words in its subject.
    #[track_caller]
    pub(crate) fn subject(&self, mark: usize, to: &str, words: &str) -> Mail {
        self.wait(mark, to, |mail| mail.subject.contains(words))
    }
}

impl Phones {
    /// Where later messages begin.
    pub(crate) fn mark(&self) -> usize {
        self.0.messages().len()
    }

    /// The first message to this number after the mark for which it holds.
    #[track_caller]
    pub(crate) fn wait(
        &self,
        mark: usize,
        to: &str,
        holds: impl Fn(&ShortMessage) -> bool,
    ) -> ShortMessage {
        let fits = |message: &ShortMessage| message.to == to && holds(message);
        let found = wait(|| self.0.messages().into_iter().skip(mark).find(fits));
        found.unwrap_or_else(|| {
            let all: Vec<_> = self.0.messages().into_iter().skip(mark).collect();
            panic!("no such message to {to}; there are {all:?}")
        })
    }

    /// The six digits of the first one-time code to this number after the mark.
    #[track_caller]
    pub(crate) fn code(&self, mark: usize, to: &str) -> String {
        let message = self.wait(mark, to, |message| six_digits(&message.text).is_some());
        six_digits(&message.text).unwrap()
    }
}

/// The word of six digits in a text.
fn six_digits(text: &str) -> Option<String> {
    let words = text.split(|letter: char| !letter.is_ascii_digit());
    words.into_iter().find(|word| word.len() == 6).map(str::to_owned)
}

fn wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match look() {
            Some(found) => return Some(found),
            None if Instant::now() > deadline => return None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
