//! Mail, through the relay of `[mail]`: to holders, and to the operator.
//!
//! Composing and handing over, nothing more: what was sent is remembered by whoever has something
//! to say, so that nothing is lost while the relay is away.

use super::fault::Fault;
use super::texts::MailText;
use crate::config::{MailConfig, MailTls};
use accounts::holders::messages::Attachment;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{self, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// The relay has this long for each of its answers.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why mail cannot be sent, or was not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// The file with the relay's password.
    #[error(transparent)]
    Password(#[from] super::SecretError),
    /// An address that the configuration's own check let through.
    #[error("a mail address: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The message.
    #[error("the mail cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    /// The relay refused, or is away.
    #[error("the mail relay: {0}")]
    Relay(#[from] smtp::Error),
}

/// A mail to a holder.
pub(crate) struct Letter<'a> {
    /// The same for every try, so that whoever gets a mail twice can tell.
    pub(crate) message_id: &'a str,
    pub(crate) to: &'a str,
    pub(crate) text: MailText,
    pub(crate) attachment: Option<&'a Attachment>,
    pub(crate) at: DateTime<Utc>,
}

/// The way of mail.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    operator: Vec<Mailbox>,
}

impl Mailer {
    /// Reads the password. Nothing is sent yet.
    pub(crate) fn new(config: &MailConfig) -> Result<Self, MailError> {
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
            let password = super::secret::read_line("mail.password_file", path)?;
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        let operator = config.operator.iter().map(|address| address.parse());
        Ok(Self {
            transport: builder.build(),
            from: config.from.parse()?,
            reply_to: config.reply_to.as_ref().map(|to| to.parse()).transpose()?,
            operator: operator.collect::<Result<_, _>>()?,
        })
    }

    /// Hands a mail for the operator to the relay; it has it when this returns.
    pub(crate) async fn tell_operator(&self, subject: &str, text: String) -> Result<(), MailError> {
        let message = self.operator.iter().cloned().fold(
            Message::builder().from(self.from.clone()).subject(subject),
            message::MessageBuilder::to,
        );
        let message = automatic(message).header(ContentType::TEXT_PLAIN).body(text)?;
        self.transport.send(message).await?;
        Ok(())
    }

    /// Hands a letter to the relay; it has it when this returns. When the answer was lost it may
    /// have it in spite of a [`Fault`]: a further try has the same Message-ID.
    pub(crate) async fn send(&self, letter: Letter<'_>) -> Result<(), Fault> {
        let to = letter.to;
        let message = self.compose(letter).map_err(|error| Fault::for_good(error, to))?;
        match self.transport.send(message).await {
            Ok(_accepted) => Ok(()),
            Err(error) if error.is_permanent() && !is_about_us(&error) => {
                Err(Fault::for_good(error, to))
            }
            Err(error) => Err(Fault::passing(error, to)),
        }
    }

    fn compose(&self, letter: Letter<'_>) -> Result<Message, MailError> {
        let Letter { message_id, to, text, attachment, at } = letter;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.parse()?))
            .subject(text.subject)
            .date(at.into())
            .message_id(Some(message_id.to_owned()));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let both = MultiPart::alternative_plain_html(text.text, text.html);
        let body = match attachment {
            None => both,
            Some(file) => MultiPart::mixed().multipart(both).singlepart(enclosed(file)),
        };
        Ok(automatic(message).multipart(body)?)
    }

    /// The part behind `@` of the address that mails come from.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

/// Whether a relay refuses its client and not the letter: RFC 4954 §6 has 530, 534, 535 and 538 for
/// logins, RFC 5321 §4.2.4.1 has 554 for whoever is not served. An operator mends that, and what
/// waited for it goes out then.
fn is_about_us(error: &smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    code.is_some_and(|code| [530, 534, 535, 538, 554].contains(&code))
}

/// RFC 3834 §5: no program is to answer it.
fn automatic(message: message::MessageBuilder) -> message::MessageBuilder {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.raw_header(HeaderValue::new(name, "auto-generated".to_owned()))
}

fn enclosed(file: &Attachment) -> SinglePart {
    // A type that cannot be read is one that nobody knows (RFC 2046 §4.5.1).
    let any = || ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN);
    let kind = ContentType::parse(&file.media_type).unwrap_or_else(|_| any());
    message::Attachment::new(file.name.clone()).body(file.bytes.clone(), kind)
}

#[cfg(test)]
mod tests {
    use super::{Letter, Mailer};
    use crate::config::{MailConfig, MailTls};
    use crate::delivery::texts::MailText;
    use chrono::DateTime;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    fn config(smtp: String) -> MailConfig {
        MailConfig {
            smtp,
            tls: MailTls::None,
            user: None,
            password_file: None,
            from: "Marca <marca@example.org>".to_owned(),
            reply_to: None,
            operator: vec!["a@example.org".to_owned(), "b@example.org".to_owned()],
        }
    }

    /// A relay that takes one mail and gives back what it heard.
    fn relay() -> (String, std::thread::JoinHandle<String>) {
        relay_that_says("250 relay")
    }

    /// A relay with its own answer to senders and recipients.
    fn relay_that_says(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
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
                    "MAIL" | "RCPT" => answer,
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
        mailer.tell_operator("unit main ends", "in 7 days".to_owned()).await.unwrap();
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

    /// A password that was changed at the relay loses no envelope.
    #[actix_web::test]
    async fn a_relay_that_refuses_us_is_asked_again() {
        for (answer, permanent) in [
            ("530 5.7.0 authentication required", false),
            ("535 5.7.8 authentication failed", false),
            ("554 no service for you", false),
            ("451 later", false),
            ("550 5.1.1 nobody of that name", true),
        ] {
            let mailer = Mailer::new(&config(relay_that_says(answer).0)).unwrap();
            let text = MailText {
                subject: "s".to_owned(),
                text: "t".to_owned(),
                html: "<p>t</p>".to_owned(),
            };
            let letter = Letter {
                message_id: "<1@example.org>",
                to: "anna@example.org",
                text,
                attachment: None,
                at: DateTime::UNIX_EPOCH,
            };
            let fault = mailer.send(letter).await.unwrap_err();
            assert_eq!(fault.permanent, permanent, "{answer}: {fault:?}");
        }
    }

    #[actix_web::test]
    async fn a_relay_that_is_away_is_an_error() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mailer = Mailer::new(&config(format!("127.0.0.1:{port}"))).unwrap();
        assert!(mailer.tell_operator("s", "t".to_owned()).await.is_err());
    }
}
