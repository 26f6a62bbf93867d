//! Mail to the operator, through the relay of `[mail]`.
//!
//! Composing and handing over, nothing more: what was sent is remembered by whoever has something
//! to say, so that nothing is lost while the relay is away and nothing is sent twice.

use crate::config::{MailConfig, MailTls};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::path::PathBuf;
use std::time::Duration;

/// The relay has this long for each of its answers.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a mail was not sent, or cannot ever be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// The file with the relay's password.
    #[error("mail.password_file {path}: {source}")]
    Password {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// An address that the configuration's own check let through.
    #[error("a mail address: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The message.
    #[error("the mail cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    /// The relay refused, or is away.
    #[error("the mail relay: {0}")]
    Relay(#[from] lettre::transport::smtp::Error),
}

/// The way to the operator.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    operator: Vec<Mailbox>,
}

impl Mailer {
    /// Reads the password. Nothing is sent yet.
    pub(super) fn new(config: &MailConfig) -> Result<Self, MailError> {
        // The configuration's own check made sure of HOST:PORT.
        let (host, port) = config.smtp.rsplit_once(':').unwrap_or((&config.smtp, "25"));
        let host = host.trim_matches(['[', ']']);
        let tls = match config.tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(TlsParameters::new(host.to_owned())?),
            MailTls::Tls => Tls::Wrapper(TlsParameters::new(host.to_owned())?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port.parse().unwrap_or(25))
            .timeout(Some(TIMEOUT))
            .tls(tls);
        if let (Some(user), Some(path)) = (&config.user, &config.password_file) {
            let password = std::fs::read_to_string(path)
                .map_err(|source| MailError::Password { path: path.clone(), source })?;
            let password = zeroize::Zeroizing::new(password);
            let credentials = Credentials::new(user.clone(), password.trim_end().to_owned());
            builder = builder.credentials(credentials);
        }
        let operator = config.operator.iter().map(|address| address.parse());
        Ok(Self {
            transport: builder.build(),
            from: config.from.parse()?,
            operator: operator.collect::<Result<_, _>>()?,
        })
    }

    /// Hands a mail to the relay; it has it when this returns.
    pub(super) async fn send(&self, subject: &str, text: String) -> Result<(), MailError> {
        let message = self.operator.iter().cloned().fold(
            Message::builder().from(self.from.clone()).subject(subject),
            lettre::message::MessageBuilder::to,
        );
        let message = message.header(ContentType::TEXT_PLAIN).body(text)?;
        self.transport.send(message).await?;
        Ok(())
    }
}
