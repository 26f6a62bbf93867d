//! Every kind of gateway, and what happens when one fails.

use super::{invite, messages, newest, phone, service};
use crate::harness::{
    Behaviour, Config, Protocol, Service, ShortMessage, SmsServer, SmtpServer, Spool, eventually,
};

/// Whether somebody reads a number, an address or a text in what a service logs.
fn log_is_silent(service: &Service, number: u32, texts: &[&ShortMessage]) {
    let log = service.log();
    let digits = phone(number);
    for private in [digits.as_str(), &digits[3..], "example.org", "La prima password", "whsec_"] {
        assert!(!log.contains(private), "{private} in the log:\n{log}");
    }
    for message in texts {
        assert!(!log.contains(&message.text), "a text in the log");
    }
}

/// Accepted, reported, shown; and nobody but the gateway can report.
fn takes_and_reports(protocol: Protocol) {
    let (mail, gateway) = (SmtpServer::start(), SmsServer::start(protocol));
    let service = service(&[mail.section(), gateway.section()]);
    invite(&service, 1);
    let message = gateway.wait_for(&phone(1));
    assert_eq!(message.from, "Marca");
    assert!(message.text.starts_with("Marca: la prima password è "), "{}", message.text);
    let sent = newest(&service, "sms", "sent");
    assert_eq!((&sent["gateway"], &sent["kind"]), (&"main".into(), &"first-password".into()));
    if protocol == Protocol::Kannel {
        let path = message.callback.strip_prefix("http://tsa.example").unwrap();
        let (before, after) = path.split_once('?').unwrap();
        let forged = format!("{}0?{after}", &before[..before.len() - 1]).replace("%d", "1");
        assert_ne!(forged.split_once('?').unwrap().0, before);
        service.client().get(&forged).problem(403, "report-refused");
    } else {
        let wrong = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let answer = gateway.report_signed(&service, &message, true, wrong);
        answer.problem(403, "report-refused");
    }
    assert_eq!(newest(&service, "sms", "sent")["id"], sent["id"]);
    assert_eq!(gateway.report(&service, &message, true), 204);
    newest(&service, "sms", "delivered");
    // A second report changes nothing, and one of a message that nobody knows is not known.
    assert_eq!(gateway.report(&service, &message, false), 204);
    newest(&service, "sms", "delivered");
    if protocol != Protocol::Kannel {
        let unknown = ShortMessage { id: "nobody's".to_owned(), ..message.clone() };
        assert_eq!(gateway.report(&service, &unknown, true), 404);
    }
    // One that did not arrive says so.
    invite(&service, 2);
    let lost = gateway.wait_for(&phone(2));
    assert_eq!(gateway.report(&service, &lost, false), 204);
    newest(&service, "sms", "failed");
    log_is_silent(&service, 1, &[&message, &lost]);
}

#[test]
fn a_webhook_takes_and_reports() {
    takes_and_reports(Protocol::Webhook);
}

#[test]
fn kannel_takes_and_reports() {
    takes_and_reports(Protocol::Kannel);
}

#[test]
fn a_twilio_like_gateway_takes_and_reports() {
    takes_and_reports(Protocol::Twilio);
}

/// The log of a service at its most talkative has no secret of a gateway and no text either.
#[test]
fn the_log_keeps_secrets_at_every_level() {
    let (mail, gateway) = (SmtpServer::start(), SmsServer::start(Protocol::Kannel));
    let sections = [mail.section(), gateway.section(), "[log]\nlevel = \"trace\"".to_owned()];
    let service = service(&sections);
    invite(&service, 1);
    let message = gateway.wait_for(&phone(1));
    newest(&service, "sms", "sent");
    log_is_silent(&service, 1, &[&message]);
    let log = service.log();
    assert!(!log.contains("kannel&pass") && !log.contains("kannel%26pass"), "a password");
    assert!(!log.contains("/api/v1/sms-reports/main/m-"), "an address that reports");
}

#[test]
fn a_spool_holds_whole_messages() {
    let (mail, spool) = (SmtpServer::start(), Spool::new());
    let service = service(&[mail.section(), spool.section()]);
    invite(&service, 1);
    eventually("a file in the spool", || !spool.messages().is_empty());
    let messages = spool.messages();
    assert_eq!((messages[0].to.as_str(), messages[0].from.as_str()), (phone(1).as_str(), "Marca"));
    assert!(messages[0].text.starts_with("Marca: la prima password è "), "{}", messages[0].text);
    assert_eq!(newest(&service, "sms", "sent")["gateway"], "spool");
}

/// The sections of two gateways in order.
fn two(first: &SmsServer, second: &SmsServer) -> String {
    format!("[sms]\nfrom = \"Marca\"\n\n{}\n{}", first.gateway("first"), second.gateway("second"))
}

/// As long as the first one surely has nothing, the next one is asked.
#[test]
fn the_next_gateway_takes_what_the_first_did_not() {
    let mail = SmtpServer::start();
    let mut first = SmsServer::start(Protocol::Webhook);
    let second = SmsServer::start(Protocol::Twilio);
    let service = service(&[mail.section(), two(&first, &second)]);
    for (number, behaviour) in
        [(1, Behaviour::Unavailable), (2, Behaviour::Refuse), (3, Behaviour::Redirect)]
    {
        first.behave(behaviour);
        invite(&service, number);
        second.wait_for(&phone(number));
        assert_eq!(newest(&service, "sms", "sent")["gateway"], "second", "{behaviour:?}");
    }
    first.stop();
    invite(&service, 4);
    second.wait_for(&phone(4));
    assert_eq!(first.messages(), [], "the first one has nothing");
    assert_eq!(first.asked(), 3);
}

/// A gateway that may have it is the only one that may.
#[test]
fn nobody_else_is_asked_after_an_unclear_outcome() {
    let mail = SmtpServer::start();
    let (first, second) = (SmsServer::start(Protocol::Kannel), SmsServer::start(Protocol::Webhook));
    let service = service(&[mail.section(), two(&first, &second)]);
    first.behave(Behaviour::TakeAndHangUp);
    invite(&service, 1);
    let failed = newest(&service, "sms", "failed");
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.starts_with("unclear, it may have arrived: first: "), "{error}");
    assert_eq!((first.messages().len(), second.asked()), (1, 0));
}

/// What everybody refuses for good has failed, with the reason and without the number.
#[test]
fn a_refusal_for_good_is_told_without_the_number() {
    let mail = SmtpServer::start();
    let (first, second) = (SmsServer::start(Protocol::Webhook), SmsServer::start(Protocol::Twilio));
    let service = service(&[mail.section(), two(&first, &second)]);
    first.behave(Behaviour::Refuse);
    second.behave(Behaviour::Refuse);
    invite(&service, 1);
    let failed = newest(&service, "sms", "failed");
    let error = failed["last_error"].as_str().unwrap();
    assert!(
        error.contains("first: status 400") && error.contains("second: error 21211"),
        "{error}"
    );
    assert!(!error.contains("347") && error.contains("The 'To' number …"), "{error}");
    assert_eq!((first.asked(), second.asked()), (1, 1));
    log_is_silent(&service, 1, &[]);
}

/// All gateways away: the message waits, and goes out when one is back.
#[test]
fn a_message_waits_until_a_gateway_is_back() {
    let mail = SmtpServer::start();
    let mut gateway = SmsServer::start(Protocol::Webhook);
    let service = service(&[mail.section(), gateway.section()]);
    gateway.stop();
    invite(&service, 1);
    let waiting = || messages(&service, "sms").pop().unwrap_or_default();
    eventually("a first try", || waiting()["tries"] == 1 && !waiting()["last_error"].is_null());
    assert_eq!(waiting()["state"], "queued");
    gateway.restart();
    super::patiently("the message", || gateway.messages().len() == 1);
    newest(&service, "sms", "sent");
}

/// A secret that others can read, or that is none, is refused before anything starts.
#[test]
fn a_gateway_that_cannot_work_is_refused_by_name() {
    let gateway = SmsServer::start(Protocol::Webhook);
    let cases = [
        (gateway.section().replace("127.0.0.1", "sms.example"), "sms.gateway.main.url"),
        (gateway.section().replace("secret_file", "user = \"x\"\nsecret_file"), "main.user"),
        (gateway.section().replace("/secret\"", "/nosuch\""), "main.secret_file"),
        (gateway.section().replace("webhook", "carrier-pigeon"), "carrier-pigeon"),
        (gateway.section().replace("\"main\"", "\"Main!\""), "sms.gateway.name"),
        (gateway.section().replace("\"Marca\"", "\"A name that is long\""), "sms.from"),
    ];
    for (section, word) in cases {
        Config::new().section(section).write().fails_to_start().says(word);
    }
    let open = gateway.section();
    let (_, path) = open.split_once("secret_file = \"").unwrap();
    let path = std::path::Path::new(path.split_once('"').unwrap().0);
    std::fs::write(path, "not a secret of a webhook\n").unwrap();
    Config::new().section(&open).write().fails_to_start().says("whsec_");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Config::new().section(&open).write().fails_to_start().says("chmod 600");
}
