//! A mail relay on loopback (RFC 5321): it takes what it is given, refuses when a test says so,
//! and reads the mails with a parser that is not ours.

use super::eventually;
use mail_parser::{MessageParser, MimeHeaders};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where in a conversation a relay says something else than yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// In answer to `MAIL FROM`.
    Mail,
    /// In answer to `RCPT TO`.
    Rcpt,
    /// In answer to `DATA`.
    Data,
    /// In answer to the mail itself: it is not kept then.
    End,
    /// The mail is kept, and the answer never comes.
    Silence,
    /// The mail is kept, and the answer comes after two seconds.
    Slow,
}

/// A mail, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// Of the envelope.
    pub(crate) from: String,
    /// Of the envelope.
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    /// The part for people whose reader shows text.
    pub(crate) text: String,
    pub(crate) html: String,
    /// Without its angle brackets.
    pub(crate) message_id: String,
    /// Name and value as they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<MailFile>,
}

/// A file in a mail.
#[derive(Clone, Debug)]
pub(crate) struct MailFile {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// A relay that keeps what it takes.
pub(crate) struct SmtpServer {
    address: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<Vec<Mail>>,
    /// Mails that a test has waited for.
    taken: Mutex<Vec<usize>>,
    replies: Mutex<Vec<(At, String, usize)>>,
    end: AtomicBool,
}

impl SmtpServer {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut server = Self { address, shared: Arc::default(), thread: None };
        server.serve(listener);
        server
    }

    fn serve(&mut self, listener: TcpListener) {
        self.shared.end.store(false, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        self.thread = Some(std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.end.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || drop(talk(&connection.unwrap(), &shared)));
            }
        }));
    }

    /// The section of a configuration that sends mail here.
    pub(crate) fn section(&self) -> String {
        format!(
            "[mail]\nsmtp = \"{}\"\ntls = \"none\"\nfrom = \"Marca <marca@service.example>\"\n\
             reply_to = \"help@service.example\"\noperator = [\"operator@service.example\"]",
            self.address
        )
    }

    /// From now on nobody listens on the port.
    pub(crate) fn stop(&mut self) {
        self.shared.end.store(true, Ordering::SeqCst);
        // Wakes the thread, so that it sees its end.
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// On the same port again.
    pub(crate) fn restart(&mut self) {
        let listener = TcpListener::bind(&self.address).unwrap();
        self.serve(listener);
    }

    /// The next so many times it answers with `reply`, as in `451 4.3.0 later`.
    pub(crate) fn reply_next(&self, at: At, reply: &str, times: usize) {
        self.shared.replies.lock().unwrap().push((at, reply.to_owned(), times));
    }

    /// Every mail that it has taken, oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// The first mail to an address with these words in its subject that no test has had yet.
    pub(crate) fn wait_for(&self, to: &str, subject: &str) -> Mail {
        let mut found = None;
        let what = format!("a mail to {to} with \"{subject}\" in its subject");
        eventually(&what, || {
            let mut taken = self.shared.taken.lock().unwrap();
            let mails = self.mails();
            let index = mails.iter().enumerate().position(|(index, mail)| {
                !taken.contains(&index)
                    && mail.to.iter().any(|address| address == to)
                    && mail.subject.contains(subject)
            });
            if let Some(index) = index {
                taken.push(index);
                found = mails.get(index).cloned();
            }
            found.is_some()
        });
        found.unwrap()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// What a test wants answered here, instead of yes.
    fn reply(&self, at: At) -> Option<String> {
        let mut replies = self.replies.lock().unwrap();
        let found = replies.iter_mut().find(|(where_to, _, times)| *where_to == at && *times > 0);
        let (_, reply, times) = found?;
        *times -= 1;
        Some(reply.clone())
    }
}

/// One conversation.
fn talk(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    out.write_all(b"220 relay.example ESMTP\r\n")?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            // RFC 5321 §4.1.1.1: the extensions, one on each line.
            "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 10000000".to_owned(),
            "HELO" | "NOOP" => "250 relay.example".to_owned(),
            "MAIL" => {
                (from, to) = (path(&line), Vec::new());
                shared.reply(At::Mail).unwrap_or_else(|| "250 2.1.0 go on".to_owned())
            }
            "RCPT" => shared.reply(At::Rcpt).unwrap_or_else(|| {
                to.push(path(&line));
                "250 2.1.5 go on".to_owned()
            }),
            "DATA" => match shared.reply(At::Data) {
                Some(reply) => reply,
                None => {
                    out.write_all(b"354 the mail, please\r\n")?;
                    let mail = parse(&read_data(&mut reader)?, &from, &to);
                    match shared.reply(At::End) {
                        Some(reply) => reply,
                        None => {
                            shared.mails.lock().unwrap().push(mail);
                            if shared.reply(At::Silence).is_some() {
                                // Until the client has had enough.
                                return reader.read_line(&mut line).map(drop);
                            }
                            if shared.reply(At::Slow).is_some() {
                                std::thread::sleep(Duration::from_secs(2));
                            }
                            "250 2.0.0 taken".to_owned()
                        }
                    }
                }
            },
            "RSET" => "250 2.0.0 forgotten".to_owned(),
            "QUIT" => {
                out.write_all(b"221 2.0.0 goodbye\r\n")?;
                return Ok(());
            }
            _ => "502 5.5.1 not here".to_owned(),
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

/// What stands between angle brackets.
fn path(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}

/// RFC 5321 §4.5.2: a dot alone ends the mail, and one that begins a longer line is taken away.
fn read_data(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        assert!(line.ends_with(b"\r\n"), "RFC 5321 §2.3.8: a line ends with CRLF");
        assert!(line.len() <= 1000, "RFC 5321 §4.5.3.1.6: a line has 1000 octets at most");
        if line == b".\r\n" {
            return Ok(data);
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn parse(data: &[u8], from: &str, to: &[String]) -> Mail {
    let parsed = MessageParser::default().parse(data).expect("not a mail");
    let attachments = parsed.attachments().map(|part| {
        let media_type = part.content_type().unwrap();
        MailFile {
            name: part.attachment_name().unwrap_or_default().to_owned(),
            media_type: format!("{}/{}", media_type.ctype(), media_type.subtype().unwrap()),
            bytes: part.contents().to_vec(),
        }
    });
    let part = |part: Option<std::borrow::Cow<'_, str>>| part.unwrap_or_default().into_owned();
    let is_html = |part: &&mail_parser::MessagePart<'_>| part.is_text_html();
    let headers = parsed.headers_raw().map(|(name, value)| (name.into(), value.trim().into()));
    Mail {
        from: from.to_owned(),
        to: to.to_vec(),
        subject: parsed.subject().unwrap_or_default().to_owned(),
        text: part(parsed.body_text(0)),
        html: parsed
            .parts
            .iter()
            .find(is_html)
            .map(|html| html.text_contents().unwrap().into())
            .unwrap_or_default(),
        message_id: parsed.message_id().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        attachments: attachments.collect(),
    }
}

impl Mail {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The one address in the text that carries something secret behind `#`.
    pub(crate) fn link(&self) -> String {
        let links: Vec<&str> = self
            .text
            .split_whitespace()
            .filter(|word| word.starts_with("http") && word.contains('#'))
            .collect();
        assert_eq!(links.len(), 1, "links in: {}", self.text);
        links.concat()
    }

    /// What stands behind `#` in [`Mail::link`].
    pub(crate) fn token(&self) -> String {
        self.link().split_once('#').unwrap().1.to_owned()
    }

    /// The attachment, when there is one only.
    pub(crate) fn attachment(&self) -> &MailFile {
        assert_eq!(self.attachments.len(), 1, "{}", self.subject);
        &self.attachments[0]
    }
}
