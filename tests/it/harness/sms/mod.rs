//! Gateways of short messages on loopback, one for each protocol: they check who asks, keep what
//! they take, misbehave when a test says so, and report what became of a message.

mod protocols;
mod reports;
mod spool;

pub(crate) use spool::Spool;

use super::eventually;
use super::http::Answer;
use super::service::{Service, temporary};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// The address that the tests' services give as theirs, as `Config` of the harness writes it.
const PUBLIC: &str = "http://tsa.example";
/// 32 bytes, as Standard Webhooks writes them.
const WEBHOOK_SECRET: &str = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=";
const USER: &str = "ACmarca";
const PASSWORD: &str = "kannel&pass=word";

/// What a gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Webhook,
    Kannel,
    Twilio,
}

/// What a gateway does with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    #[default]
    Accept,
    /// For good: the number is wrong. It says so with the number in its words.
    Refuse,
    /// Not now.
    Unavailable,
    /// The message is taken, and the connection ends instead of an answer.
    TakeAndHangUp,
    /// Somebody else is to be asked.
    Redirect,
}

/// A short message, as a gateway got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShortMessage {
    /// What the gateway calls it.
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) text: String,
    /// Where a report of it goes.
    pub(crate) callback: String,
}

/// A gateway.
pub(crate) struct SmsServer {
    protocol: Protocol,
    address: String,
    directory: TempDir,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    messages: Mutex<Vec<ShortMessage>>,
    /// Messages that a test has waited for.
    taken: Mutex<Vec<usize>>,
    behaviour: Mutex<Behaviour>,
    asked: Mutex<usize>,
    end: AtomicBool,
}

impl SmsServer {
    /// Starts one on a free port.
    pub(crate) fn start(protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let directory = temporary();
        let mut server =
            Self { protocol, address, directory, shared: Arc::default(), thread: None };
        write_secret(&server.secret_file(), server.secret());
        server.serve(listener);
        server
    }

    fn serve(&mut self, listener: TcpListener) {
        self.shared.end.store(false, Ordering::SeqCst);
        let (shared, protocol) = (Arc::clone(&self.shared), self.protocol);
        self.thread = Some(std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.end.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    drop(protocols::answer(protocol, &connection.unwrap(), &shared));
                });
            }
        }));
    }

    fn secret_file(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    fn secret(&self) -> &'static str {
        match self.protocol {
            Protocol::Webhook => WEBHOOK_SECRET,
            Protocol::Kannel | Protocol::Twilio => PASSWORD,
        }
    }

    /// The section of a configuration that sends short messages here and nowhere else.
    pub(crate) fn section(&self) -> String {
        format!("[sms]\nfrom = \"Marca\"\n\n{}", self.gateway("main"))
    }

    /// One gateway of several, for behind `[sms]`.
    pub(crate) fn gateway(&self, name: &str) -> String {
        let (kind, path, user) = match self.protocol {
            Protocol::Webhook => ("webhook", "/sms", String::new()),
            Protocol::Kannel => ("kannel", "/cgi-bin/sendsms", format!("user = \"{USER}\"\n")),
            Protocol::Twilio => ("twilio", "", format!("user = \"{USER}\"\n")),
        };
        format!(
            "[[sms.gateway]]\nname = \"{name}\"\nkind = \"{kind}\"\n\
             url = \"http://{}{path}\"\n{user}secret_file = \"{}\"\n",
            self.address,
            self.secret_file().display()
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

    /// What it does with messages from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// How often it was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        *self.shared.asked.lock().unwrap()
    }

    /// Every message that it has taken, oldest first.
    pub(crate) fn messages(&self) -> Vec<ShortMessage> {
        self.shared.messages.lock().unwrap().clone()
    }

    /// The first message to a number that no test has had yet.
    pub(crate) fn wait_for(&self, to: &str) -> ShortMessage {
        let mut found = None;
        eventually(&format!("a short message to {to}"), || {
            let mut taken = self.shared.taken.lock().unwrap();
            let messages = self.messages();
            let index = messages
                .iter()
                .enumerate()
                .position(|(index, message)| !taken.contains(&index) && message.to == to);
            if let Some(index) = index {
                taken.push(index);
                found = messages.get(index).cloned();
            }
            found.is_some()
        });
        found.unwrap()
    }

    /// Reports what became of a message, as the gateway would. Gives the service's status.
    pub(crate) fn report(&self, service: &Service, message: &ShortMessage, delivered: bool) -> u16 {
        self.report_signed(service, message, delivered, self.secret()).status
    }

    /// As [`Self::report`], with a secret of the test's choice.
    pub(crate) fn report_signed(
        &self,
        service: &Service,
        message: &ShortMessage,
        delivered: bool,
        secret: &str,
    ) -> Answer {
        let client = service.client();
        let path = message.callback.strip_prefix(PUBLIC).expect("a callback to the service");
        match self.protocol {
            Protocol::Webhook => reports::webhook_report(&client, path, message, delivered, secret),
            Protocol::Kannel => {
                let path = path.replace("%d", if delivered { "1" } else { "2" });
                client.get(&path.replace("%A", "stat%3ADELIVRD"))
            }
            Protocol::Twilio => reports::twilio_report(&client, path, message, delivered, secret),
        }
    }
}

impl Drop for SmsServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A file that only its owner may read.
pub(crate) fn write_secret(path: &std::path::Path, secret: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("{secret}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
