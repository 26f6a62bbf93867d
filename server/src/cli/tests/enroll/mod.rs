//! `marca tsu enroll` against the mock server of the `openssl cmp` command: what the service is
//! asked, what the CA is told, and what is printed.

mod ca;

use super::fake::{Answer, Ended, Fake, json, problem};
use ca::{Carried, Desk, Mock, Relay, argument, carried};
use serde_json::{Value, json as object};

/// What the service says after it took a certificate.
const TAKEN: &str = r#"{"number":2,"key":"p256","key_store":"file","state":"certified"}"#;

/// The service: it gives the request, and may be brought a certificate.
fn service(desk: &Desk, taken: Option<Answer>) -> Fake {
    let csr = object!({ "csr": desk.text("tsu.csr") }).to_string();
    Fake::start([Some(json(200, &csr)), taken].into_iter().flatten().collect())
}

/// Enrols with the shared secret.
fn enroll(fake: &Fake, desk: &Desk, url: &str, more: &[&str]) -> Ended {
    let secret = argument(&desk.path("secret"));
    let own = ["tsu", "enroll", "main", "--cmp-server", url];
    let with = ["--reference", "4711", "--secret-file", &secret];
    fake.run(&[&own[..], &with, more].concat(), "")
}

/// The chain that the service was brought.
fn brought(fake: Fake) -> Vec<Vec<u8>> {
    let asked = fake.asked();
    assert_eq!(asked[0].line, "GET /api/v1/admin/tsus/main/csr");
    assert_eq!(asked[1].line, "POST /api/v1/admin/tsus/main/certificate");
    let body: Value = serde_json::from_str(&asked[1].body).unwrap();
    certs::pem::certificates(body["chain"].as_str().unwrap().as_bytes()).unwrap()
}

fn certificate(desk: &Desk, name: &str) -> Vec<u8> {
    certs::pem::certificates(desk.text(name).as_bytes()).unwrap().remove(0)
}

/// Nothing but the request was asked of the service: no certificate was brought.
fn not_brought(fake: Fake) {
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_certificate_is_confirmed_after_the_service_took_it() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem"]);
    let fake = service(&desk, Some(json(200, TAKEN)));
    let trusted = argument(&desk.path("ca.pem"));
    let ended = enroll(&fake, &desk, &mock.url(), &["--trusted", &trusted]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("key 2 of unit main (p256) is certified"), "{}", ended.out);
    assert!(ended.err.contains("the CA issued the certificate (accepted)"), "{}", ended.err);
    assert!(ended.err.contains("the CA has the confirmation"), "{}", ended.err);
    assert_eq!(brought(fake), [certificate(&desk, "tsu.pem"), certificate(&desk, "ca.pem")]);
    let log = mock.end();
    assert!(log.contains("POST /pkix/ HTTP/1.1"), "{log}");
    assert!(log.contains("received CERTCONF") && log.contains("sending PKICONF"), "{log}");
    assert!(!log.contains("rejected"), "{log}");
}

/// What stands in extraCerts is not protected: no root comes from there.
#[test]
fn a_root_is_taken_only_from_who_is_trusted() {
    let desk = Desk::new();
    let options = ["-rsp_cert", "tsu.pem", "-rsp_extracerts", "ca.pem"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(brought(fake), [certificate(&desk, "tsu.pem")]);
}

#[test]
fn json_is_what_the_service_answers() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem"]);
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = enroll(&fake, &desk, &mock.url(), &["--json"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["number"], 2);
}

#[test]
fn a_certificate_that_the_service_refuses_is_refused_to_the_ca() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem"]);
    let detail = "extendedKeyUsage (2.5.29.37) is missing";
    let fake = service(&desk, Some(problem(422, "not fit", detail)));
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains(detail), "{}", ended.err);
    assert!(ended.err.contains("was told that its certificate is not accepted"), "{}", ended.err);
    let log = mock.end();
    assert!(log.contains("certificate rejected by client"), "{log}");
    assert!(log.contains("sending PKICONF"), "{log}");
}

#[test]
fn a_wrong_secret_is_told_as_such() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "verraten", &["-rsp_cert", "tsu.pem"]);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("compare reference and secret"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn a_rejection_is_told_in_words() {
    let desk = Desk::new();
    let options =
        ["-rsp_cert", "tsu.pem", "-pkistatus", "2", "-failure", "19", "-statusstring", "ask Anna"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    let words = "the CA refused: rejected: the requested certificate is not well formed or not \
                 permitted (badCertTemplate); the CA says: \"ask Anna\"";
    assert!(ended.err.contains(words), "{}", ended.err);
    assert!(!ended.err.contains("does not verify"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn a_ca_that_fails_is_told_with_its_error() {
    let desk = Desk::new();
    let options = ["-rsp_cert", "tsu.pem", "-send_error"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("the CA refused: rejected: "), "{}", ended.err);
    assert!(ended.err.contains("the CA says: \"error processing message"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn a_ca_that_takes_its_time_is_asked_again() {
    let desk = Desk::new();
    let options = ["-rsp_cert", "tsu.pem", "-poll_count", "2", "-check_after", "1"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("not decided yet; asking again in 1 s"), "{}", ended.err);
    assert_eq!(brought(fake), [certificate(&desk, "tsu.pem")]);
    let log = mock.end();
    assert!(log.contains("sending POLLREP") && log.contains("received CERTCONF"), "{log}");
}

#[test]
fn a_ca_that_takes_too_long_is_left() {
    let desk = Desk::new();
    let options = ["-rsp_cert", "tsu.pem", "-poll_count", "2", "-check_after", "3600"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &["--timeout", "60"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("not decided within 60 seconds"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "other.pem"]);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("(C=IT, CN=other) is for another key"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn an_answer_without_protection_is_refused() {
    let desk = Desk::new();
    let options = ["-rsp_cert", "tsu.pem", "-send_unprotected"];
    let mock = Mock::with_secret(&desk, "geheim", &options);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &mock.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("is not protected"), "{}", ended.err);
    not_brought(fake);
}

#[test]
fn a_changed_answer_is_refused() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem"]);
    // The last octet of the MAC: nothing follows it when there are no extraCerts.
    let relay = Relay::start(Some(&mock), |answers| {
        let mut answer = answers.last().unwrap().clone();
        *answer.last_mut().unwrap() ^= 1;
        carried(answer)
    });
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &relay.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("was changed on its way"), "{}", ended.err);
    not_brought(fake);
}

/// The answer to the request comes a second time, in place of the answer to the confirmation.
#[test]
fn a_repeated_answer_confirms_nothing() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem"]);
    let relay = Relay::start(Some(&mock), |answers| carried(answers[0].clone()));
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = enroll(&fake, &desk, &relay.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("another recipNonce than was sent"), "{}", ended.err);
    assert!(ended.err.contains("unit main has its certificate, but the CA"), "{}", ended.err);
}

#[test]
fn what_is_no_cmp_is_told_with_status_and_type() {
    let desk = Desk::new();
    let page: fn(&[Vec<u8>]) -> Carried =
        |_| Carried { status: 404, media_type: "text/html", body: b"<p>no</p>".to_vec() };
    let relay = Relay::start(None, page);
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &relay.url(), &[]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("status 404 and the media type \"text/html\""), "{}", ended.err);
    let endless = Relay::start(None, |_| carried(vec![0x30; certs::cmp::LARGEST_MESSAGE + 2]));
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, &endless.url(), &[]);
    assert_eq!(ended.code, 3, "{}", ended.err);
}

#[test]
fn a_key_with_a_certificate_protects_and_the_answers_are_signed() {
    let desk = Desk::new();
    let own = ["-srv_cert", "ca.pem", "-srv_key", "ca.key", "-srv_trusted", "ca.pem"];
    let mock = Mock::start(&desk, &[&own[..], &["-rsp_cert", "tsu.pem"]].concat());
    let [cert, key, trusted] =
        ["other.pem", "other.key", "ca.pem"].map(|name| argument(&desk.path(name)));
    let url = mock.url();
    let line = [
        "tsu",
        "enroll",
        "main",
        "--cmp-server",
        &url,
        "--cert",
        &cert,
        "--key",
        &key,
        "--trusted",
        &trusted,
    ];
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = fake.run(&line, "");
    assert_eq!(ended.code, 0, "{}\n{}", ended.err, mock.end());
    assert_eq!(brought(fake), [certificate(&desk, "tsu.pem"), certificate(&desk, "ca.pem")]);
}

#[test]
fn a_ca_that_needs_no_confirmation_gets_none() {
    let desk = Desk::new();
    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem", "-grant_implicitconf"]);
    let fake = service(&desk, Some(json(200, TAKEN)));
    let ended = enroll(&fake, &desk, &mock.url(), &["--implicit-confirm"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    drop(fake);
    let log = mock.end();
    assert!(!log.contains("CERTCONF"), "{log}");

    let mock = Mock::with_secret(&desk, "geheim", &["-rsp_cert", "tsu.pem", "-grant_implicitconf"]);
    let fake = service(&desk, Some(problem(422, "not fit", "no")));
    let ended = enroll(&fake, &desk, &mock.url(), &["--implicit-confirm"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("have the CA revoke it"), "{}", ended.err);
}

#[test]
fn a_secret_that_others_can_read_is_not_used() {
    let desk = Desk::new();
    let open = argument(&desk.path("open"));
    let line = [
        "tsu",
        "enroll",
        "main",
        "--cmp-server",
        "http://127.0.0.1:9/",
        "--reference",
        "4711",
        "--secret-file",
        &open,
    ];
    let ended = Fake::start(Vec::new()).run(&line, "");
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("mode 0644") && ended.err.contains("chmod 600"), "{}", ended.err);
}

#[test]
fn a_ca_that_is_not_there_is_told_with_its_address() {
    let desk = Desk::new();
    let fake = service(&desk, None);
    let ended = enroll(&fake, &desk, "http://127.0.0.1:9/cmp", &[]);
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("cannot reach the CA at http://127.0.0.1:9/cmp"), "{}", ended.err);
}
