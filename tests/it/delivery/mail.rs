//! Mail: what it looks like, and what happens while the relay is away.

use super::{ask, invite, messages, newest, service};
use crate::harness::{At, Protocol, Service, SmsServer, SmtpServer, eventually};

struct Post {
    relay: SmtpServer,
    _gateway: SmsServer,
    service: Service,
}

fn post() -> Post {
    let (relay, gateway) = (SmtpServer::start(), SmsServer::start(Protocol::Webhook));
    let service = service(&[relay.section(), gateway.section()]);
    Post { relay, _gateway: gateway, service }
}

/// Text, HTML and a file; from whom, to whom, when, and that no program is to answer.
#[test]
fn a_mail_is_whole() {
    let post = post();
    invite(&post.service, 1);
    let mail = post.relay.wait_for("ada1@example.org", "La sua busta");
    assert_eq!((mail.from.as_str(), mail.to.len()), ("marca@service.example", 1));
    assert!(mail.header("From").unwrap().contains("Marca"));
    assert_eq!(mail.header("Reply-To"), Some("help@service.example"));
    assert_eq!(mail.header("To"), Some("ada1@example.org"));
    // RFC 3834 §5.
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    assert!(mail.header("Date").is_some());
    assert!(mail.message_id.ends_with("@service.example"), "{}", mail.message_id);
    assert!(mail.text.starts_with("Gentile Ada,"), "{}", mail.text);
    assert!(mail.html.contains("<p>Gentile Ada,</p>") && mail.html.contains(&mail.token()));
    assert!(mail.link().starts_with("http://tsa.example/activate#"), "{}", mail.link());
    let file = mail.attachment();
    assert!(file.name.ends_with(".pdf") && file.bytes.starts_with(b"%PDF-"), "{}", file.name);
    assert_eq!(file.media_type, "application/pdf");
    let sent = newest(&post.service, "mail", "sent");
    assert_eq!((&sent["gateway"], &sent["tries"]), (&"mail".into(), &1.into()));
    let log = post.service.log();
    assert!(!log.contains("ada1@") && !log.contains(&mail.token()), "private in the log:\n{log}");
}

/// "Not now" is tried again; "never" is not, and says why without the address.
#[test]
fn a_refusal_for_now_is_not_one_for_good() {
    let post = post();
    post.relay.reply_next(At::Rcpt, "550 5.1.1 <ada1@example.org>: no such mailbox", 1);
    ask(&post.service, 1);
    let failed = newest(&post.service, "mail", "failed");
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.contains("no such mailbox") && !error.contains("ada1@"), "{error}");
    post.relay.reply_next(At::End, "451 4.3.0 try later", 1);
    ask(&post.service, 2);
    eventually("a first try", || {
        let last = messages(&post.service, "mail").pop().unwrap_or_default();
        last["state"] == "queued" && !last["last_error"].is_null()
    });
    super::patiently("the mail", || post.relay.mails().len() == 1);
    newest(&post.service, "mail", "sent");
    assert!(!post.service.log().contains("ada1@"));
}

/// A relay that is away for a while loses nothing.
#[test]
fn nothing_is_lost_while_the_relay_is_away() {
    let mut post = post();
    post.relay.stop();
    for number in 1..=4 {
        ask(&post.service, number);
    }
    eventually("a first try of each", || {
        let all = messages(&post.service, "mail");
        all.len() == 4 && all.iter().all(|message| !message["last_error"].is_null())
    });
    // The queue is in the store: a new start does not lose it either.
    post.service.kill();
    post.service.start();
    post.relay.restart();
    super::patiently("every mail", || post.relay.mails().len() == 4);
    let mut to: Vec<String> = post.relay.mails().into_iter().flat_map(|mail| mail.to).collect();
    to.sort_unstable();
    assert_eq!(to, [1, 2, 3, 4].map(|number| format!("ada{number}@example.org")));
}

/// The relay has the mail and the service is killed before it knows: the mail comes a second time,
/// with the same Message-ID, and at once.
#[test]
fn a_mail_that_was_under_way_comes_again_and_can_be_told() {
    let mut post = post();
    post.relay.reply_next(At::Silence, "", 1);
    ask(&post.service, 1);
    eventually("the mail", || !post.relay.mails().is_empty());
    post.service.kill();
    post.service.start();
    eventually("the mail again", || post.relay.mails().len() == 2);
    let mails = post.relay.mails();
    assert_eq!(mails[0].message_id, mails[1].message_id);
    assert_eq!(mails[0].text, mails[1].text);
    newest(&post.service, "mail", "sent");
}

/// Ending the service waits for a mail that is under way, so that it does not come twice.
#[test]
fn an_end_waits_for_what_is_under_way() {
    let mut post = post();
    post.relay.reply_next(At::Slow, "", 1);
    ask(&post.service, 1);
    eventually("the mail", || !post.relay.mails().is_empty());
    post.service.terminate();
    assert!(post.service.ended().success());
    post.service.start();
    newest(&post.service, "mail", "sent");
    assert_eq!(post.relay.mails().len(), 1);
}
