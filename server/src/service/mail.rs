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

#[cfg(test)]
mod tests {
    use super::Mailer;
    use crate::config::{MailConfig, MailTls};
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    fn config(smtp: String) -> MailConfig {
        MailConfig {
            smtp,
            tls: MailTls::None,
            user: None,
            password_file: None,
            from: "Marca <marca@example.org>".to_owned(),
            operator: vec!["a@example.org".to_owned(), "b@example.org".to_owned()],
        }
    }

    /// A relay that takes one mail and gives back what it heard.
    fn relay() -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let reader = BufReader::new(stream.try_clone().unwrap());
            stream.write_all(b"220 relay\r\n").unwrap();
            let (mut heard, mut in_mail) = (String::new(), false);
            for line in reader.lines() {
                let line = line.unwrap();
                heard.push_str(&line);
                heard.push('\n');
                let reply = match line.split(' ').next().unwrap_or_default() {
                    "." => "250 taken",
                    _ if in_mail => continue,
                    "DATA" => "354 go on",
                    "QUIT" => break,
                    _ => "250 relay",
                };
                in_mail = line == "DATA";
                stream.write_all(format!("{reply}\r\n").as_bytes()).unwrap();
                if line == "." {
                    break;
                }
            }
            heard
        });
        (address, heard)
    }

    #[actix_web::test]
    async fn every_operator_gets_the_mail() {
        let (address, heard) = relay();
        let mailer = Mailer::new(&config(address)).unwrap();
        mailer.send("unit main ends", "in 7 days".to_owned()).await.unwrap();
        let heard = heard.join().unwrap();
        for part in [
            "MAIL FROM:<marca@example.org>",
            "RCPT TO:<a@example.org>",
            "RCPT TO:<b@example.org>",
            "Subject: unit main ends",
            "in 7 days",
        ] {
            assert!(heard.contains(part), "{part}: {heard}");
        }
    }

    #[actix_web::test]
    async fn a_relay_that_is_away_is_an_error() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mailer = Mailer::new(&config(format!("127.0.0.1:{port}"))).unwrap();
        assert!(mailer.send("s", "t".to_owned()).await.is_err());
    }
}
