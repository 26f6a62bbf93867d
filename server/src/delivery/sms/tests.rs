//! Which gateway is asked, what its answers mean, and whose reports are believed. The protocols
//! themselves are spoken with stand-ins in the end-to-end tests.

use super::client::{Answer, Client, form};
use super::report::fields;
use super::{
    Gateway, Gateways, Outcome, Report, ReportRefused, ReportRequest, Sent, Sms, kannel, spool,
    twilio, webhook,
};
use crate::config::{GatewayConfig, GatewayKind};
use crate::delivery::fault::Fault;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// 2021-02-25T15:02:10Z.
const AT: i64 = 1_614_265_330;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn sms(text: &str, unicode: bool) -> Sms {
    let text = Zeroizing::new(text.to_owned());
    Sms { id: "m-7".to_owned(), to: "+393471234567".to_owned(), text, unicode, at: at(AT) }
}

fn secrets(all: &[&str]) -> Vec<Zeroizing<String>> {
    all.iter().map(|secret| Zeroizing::new((*secret).to_owned())).collect()
}

fn client() -> Client {
    Client::new(&GatewayConfig {
        name: "main".to_owned(),
        kind: GatewayKind::Webhook,
        url: None,
        user: None,
        secret_file: None,
        ca_file: None,
        directory: None,
        from: None,
        allow_plain_http: false,
    })
    .unwrap()
}

/// Says what it is told to say, and counts how often it was asked.
struct Fake(Arc<Mutex<(Outcome, usize)>>);

impl Gateway for Fake {
    fn send(&self, _sms: &Sms) -> Outcome {
        let mut said = self.0.lock();
        said.1 += 1;
        said.0.clone()
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted { gateway_id: "x".to_owned() }
}

fn refused(permanent: bool) -> Outcome {
    Outcome::Refused { fault: Fault { permanent, text: "no".to_owned() } }
}

fn unclear() -> Outcome {
    Outcome::Unclear { text: "?".to_owned() }
}

struct Bench {
    gateways: Gateways,
    said: [Arc<Mutex<(Outcome, usize)>>; 2],
    start: Instant,
}

impl Bench {
    fn new(first: Outcome, second: Outcome) -> Self {
        let said = [first, second].map(|outcome| Arc::new(Mutex::new((outcome, 0))));
        let mut gateways = Gateways::default();
        for (name, said) in ["first", "second"].into_iter().zip(&said) {
            gateways.add(name, Box::new(Fake(Arc::clone(said))));
        }
        Self { gateways, said, start: Instant::now() }
    }

    fn send(&self, seconds: u64) -> Sent {
        self.gateways.send(&sms("x", false), self.start + Duration::from_secs(seconds))
    }

    fn asked(&self) -> [usize; 2] {
        [self.said[0].lock().1, self.said[1].lock().1]
    }
}

fn by(gateway: &str) -> Sent {
    Sent::Accepted { gateway: gateway.to_owned(), gateway_id: "x".to_owned() }
}

#[test]
fn the_next_is_asked_only_when_the_first_has_nothing() {
    for (first, outcome, asked) in [
        (accepted(), by("first"), [1, 0]),
        (refused(true), by("second"), [1, 1]),
        (refused(false), by("second"), [1, 1]),
        (unclear(), Sent::Unclear("first: ?".to_owned()), [1, 0]),
    ] {
        let bench = Bench::new(first, accepted());
        assert_eq!((bench.send(0), bench.asked()), (outcome, asked));
    }
}

/// It is for good only when everybody says so.
#[test]
fn a_refusal_is_for_good_when_all_refuse_for_good() {
    for (first, second, permanent) in
        [(true, true, true), (true, false, false), (false, true, false)]
    {
        let bench = Bench::new(refused(first), refused(second));
        let text = "first: no; second: no".to_owned();
        assert_eq!(bench.send(0), Sent::Refused(Fault { permanent, text }));
    }
}

#[test]
fn who_fails_again_and_again_rests_and_comes_back() {
    let bench = Bench::new(refused(false), accepted());
    for second in 0..3 {
        bench.send(second);
    }
    assert_eq!(bench.asked(), [3, 3]);
    assert_eq!(bench.gateways.resting(bench.start + Duration::from_secs(3)), ["first"]);
    assert_eq!(bench.send(11), by("second"));
    assert_eq!(bench.asked(), [3, 4], "it rests until second 12");
    // The next failure is a rest of twenty seconds.
    bench.send(12);
    assert_eq!(bench.asked(), [4, 5]);
    bench.send(31);
    assert_eq!(bench.asked(), [4, 6]);
    bench.said[0].lock().0 = accepted();
    assert_eq!(bench.send(32), by("first"));
    assert!(bench.gateways.resting(bench.start + Duration::from_secs(33)).is_empty());
    // It begins anew: one failure is not three.
    bench.said[0].lock().0 = unclear();
    bench.send(34);
    bench.said[0].lock().0 = accepted();
    assert_eq!(bench.send(35), by("first"));
}

#[test]
fn a_wrong_number_is_no_failure_of_the_gateway() {
    let bench = Bench::new(refused(true), accepted());
    for second in 0..10 {
        bench.send(second);
    }
    assert_eq!(bench.asked(), [10, 10]);
    assert!(bench.gateways.resting(bench.start).is_empty());
}

#[test]
fn when_all_rest_the_message_waits() {
    let bench = Bench::new(refused(false), unclear());
    for second in 0..3 {
        bench.send(second);
    }
    let Sent::Refused(fault) = bench.send(3) else { panic!("somebody was asked") };
    assert!(!fault.permanent && fault.text.contains("rests"), "{fault:?}");
    assert_eq!(bench.asked(), [3, 3]);
}

/// A status is a refusal only when it says that nobody took the message.
#[test]
fn a_status_means_what_it_says_of_the_message() {
    let meaning = |status| match (Answer { status, body: String::new() }).refusal("why", "") {
        Outcome::Refused { fault } if fault.permanent => "for good",
        Outcome::Refused { .. } => "for now",
        Outcome::Unclear { .. } => "unclear",
        Outcome::Accepted { .. } => "accepted",
    };
    for status in [400, 402, 406, 409, 410, 413, 415, 422] {
        assert_eq!(meaning(status), "for good", "{status}");
    }
    for status in [301, 302, 307, 308, 401, 403, 404, 405, 408, 429, 503] {
        assert_eq!(meaning(status), "for now", "{status}");
    }
    for status in [100, 500, 501, 502, 504, 599] {
        assert_eq!(meaning(status), "unclear", "{status}");
    }
}

/// What a report comes with.
struct Told {
    headers: HashMap<&'static str, String>,
    body: String,
    query: &'static str,
    rest: Vec<String>,
    at: i64,
}

impl Told {
    fn read(&self, gateway: &dyn Gateway) -> Result<Option<Report>, ReportRefused> {
        let rest: Vec<&str> = self.rest.iter().map(String::as_str).collect();
        let header = |name: &str| self.headers.get(name).map(String::as_str);
        gateway.read_report(&ReportRequest {
            rest: &rest,
            query: self.query,
            header: &header,
            body: self.body.as_bytes(),
            at: at(self.at),
        })
    }
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn hook(secrets: &[&str]) -> webhook::Webhook {
    let keys = secrets.iter().map(|secret| webhook::key(secret).unwrap()).collect();
    let (url, from) = ("http://127.0.0.1:9".to_owned(), "Marca".to_owned());
    webhook::Webhook { client: client(), url, keys, from, report_to: String::new() }
}

/// The signature that the libraries of Standard Webhooks test themselves with.
fn published() -> Told {
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned();
    Told {
        headers: HashMap::from([
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
            ("webhook-timestamp", AT.to_string()),
            ("webhook-signature", signature),
        ]),
        body: "{\"test\": 2432232314}".to_owned(),
        query: "",
        rest: Vec::new(),
        at: AT,
    }
}

fn signed(body: &str, key: &str) -> Told {
    let mut sent = published();
    let key = openssl::base64::decode_block(key.strip_prefix("whsec_").unwrap()).unwrap();
    let key = super::hmac::MacKey::sha256(&key).unwrap();
    let text = format!("msg_p5jXN8AQM9LWM0D4loKWxJek.{AT}.{body}");
    let mac = openssl::base64::encode_block(&key.sign(&[text.as_bytes()]).unwrap());
    sent.headers.insert("webhook-signature", format!("v1a,abc v1,{mac} v1,AAAA"));
    sent.body = body.to_owned();
    sent
}

#[test]
fn a_webhook_is_believed_with_its_signature_only() {
    // The published body is signed rightly, and is no report: that is the one thing wrong with it.
    let key = webhook::key(SECRET).unwrap();
    let mac =
        openssl::base64::decode_block("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=").unwrap();
    let text = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    assert!(key.verifies(&mac, &[text.as_bytes()]));
    assert_eq!(published().read(&hook(&[SECRET])), Err(ReportRefused));
    let body = "{\"id\": \"m-7\", \"status\": \"delivered\"}";
    let report = Report { gateway_id: "m-7".to_owned(), delivered: true, detail: String::new() };
    let good = || signed(body, SECRET);
    assert_eq!(good().read(&hook(&[SECRET])), Ok(Some(report.clone())));
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    assert_eq!(good().read(&hook(&[other])), Err(ReportRefused));
    // While a secret is being replaced, both are good.
    assert_eq!(good().read(&hook(&[other, SECRET])), Ok(Some(report)));
    for late in [AT - 301, AT + 301] {
        assert_eq!(Told { at: late, ..good() }.read(&hook(&[SECRET])), Err(ReportRefused));
    }
    let changed = Told { body: body.replace("m-7", "m-8"), ..good() };
    assert_eq!(changed.read(&hook(&[SECRET])), Err(ReportRefused));
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut sent = good();
        sent.headers.remove(header);
        assert_eq!(sent.read(&hook(&[SECRET])), Err(ReportRefused), "{header}");
    }
    let way = signed("{\"id\": \"m-7\", \"status\": \"queued\"}", SECRET);
    assert_eq!(way.read(&hook(&[SECRET])), Ok(None));
    let failed = signed(
        "{\"id\": \"m-7\", \"status\": \"failed\", \"detail\": \"+393471234567 is off\"}",
        SECRET,
    );
    let failed = failed.read(&hook(&[SECRET])).unwrap().unwrap();
    assert_eq!((failed.delivered, failed.detail.as_str()), (false, "… is off"));
}

#[test]
fn a_secret_of_a_webhook_has_its_form() {
    for wrong in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_YWJj", "whsec_%%%%"] {
        assert!(webhook::key(wrong).is_none(), "{wrong}");
    }
    let long = openssl::base64::encode_block(&[7; 65]);
    assert!(webhook::key(&format!("whsec_{long}")).is_none());
}

fn twilio(tokens: &[&str]) -> twilio::Twilio {
    twilio::Twilio {
        client: client(),
        url: String::new(),
        user: "AC1".to_owned(),
        secrets: secrets(tokens),
        from: String::new(),
        report_to: "https://mycompany.com/myapp.php".to_owned(),
    }
}

/// The example in Twilio's documents on validating signatures.
fn example() -> Told {
    let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=".to_owned();
    Told {
        headers: HashMap::from([("x-twilio-signature", signature)]),
        body: "From=%2B14158675309&Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212\
               &Caller=%2B14158675309"
            .to_owned(),
        query: "foo=1&bar=2",
        rest: Vec::new(),
        at: AT,
    }
}

#[test]
fn a_twilio_like_gateway_is_believed_with_its_signature_only() {
    // It is signed rightly, and says nothing of a message.
    assert_eq!(example().read(&twilio(&["12345"])), Ok(None));
    assert_eq!(example().read(&twilio(&["54321", "12345"])), Ok(None));
    assert_eq!(example().read(&twilio(&["54321"])), Err(ReportRefused));
    let digits = example().body.replace("1234&", "1235&");
    assert_eq!(Told { body: digits, ..example() }.read(&twilio(&["12345"])), Err(ReportRefused));
    let more = format!("{}&MessageStatus=delivered", example().body);
    assert_eq!(Told { body: more, ..example() }.read(&twilio(&["12345"])), Err(ReportRefused));
    let other = Told { query: "foo=1&bar=3", ..example() };
    assert_eq!(other.read(&twilio(&["12345"])), Err(ReportRefused));
    let mut unsigned = example();
    unsigned.headers.clear();
    assert_eq!(unsigned.read(&twilio(&["12345"])), Err(ReportRefused));
}

/// The MAC in an address is of one message, and whole.
#[test]
fn kannel_is_believed_at_the_address_that_it_got() {
    let kannel = kannel::Kannel {
        client: client(),
        url: String::new(),
        user: String::new(),
        secrets: secrets(&["new", "old"]),
        from: String::new(),
        report_to: String::new(),
    };
    let report = |id: &str, mac: &str, query| Told {
        rest: vec![id.to_owned(), mac.to_owned()],
        query,
        ..published()
    };
    let mac = |secret: &str, id: &str| {
        let key = super::hmac::MacKey::sha256(secret.as_bytes()).unwrap();
        let mac = key.sign(&[b"marca-sms-report\0", id.as_bytes()]).unwrap();
        hex::encode(&mac[..16])
    };
    let arrived = "status=1&detail=stat%3ADELIVRD+err%3A000";
    let told = report("m-7", &mac("new", "m-7"), arrived).read(&kannel).unwrap().unwrap();
    assert_eq!((told.gateway_id.as_str(), told.delivered), ("m-7", true));
    assert_eq!(told.detail, "stat:DELIVRD err:000");
    assert!(report("m-7", &mac("old", "m-7"), "status=16").read(&kannel).unwrap().is_some());
    assert_eq!(report("m-7", &mac("new", "m-7"), "status=8").read(&kannel), Ok(None));
    let whole = mac("new", "m-7");
    for (id, mac) in [
        ("m-8", whole.as_str()),
        ("m-7", ""),
        ("m-7", &whole[..30]),
        ("m-7", &mac("newer", "m-7")),
        ("m-7", "not hex"),
    ] {
        assert_eq!(report(id, mac, arrived).read(&kannel), Err(ReportRefused), "{id} {mac}");
    }
}

#[test]
fn a_spool_file_is_written_whole_in_its_alphabet() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let gateway = spool::Spool { directory: path.clone(), from: "Marca".to_owned() };
    assert_eq!(
        gateway.send(&sms("perché", false)),
        Outcome::Accepted { gateway_id: "marca-m-7".to_owned() }
    );
    let file = std::fs::read(path.join("marca-m-7")).unwrap();
    let text = "To: 393471234567\nFrom: Marca\nAlphabet: UTF-8\n\nperché";
    assert_eq!(String::from_utf8(file).unwrap(), text);
    let mode = std::fs::metadata(path.join("marca-m-7")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "smsd is in the group");
    gateway.send(&sms("ž", true));
    let file = std::fs::read(path.join("marca-m-7")).unwrap();
    assert!(file.ends_with(b"Alphabet: UCS\n\n\x01\x7e"), "{file:?}");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "nothing is left beside it");
    drop(directory);
    let Outcome::Refused { fault } = gateway.send(&sms("x", false)) else { panic!("no refusal") };
    assert!(!fault.permanent && fault.text.contains("spool"), "{fault:?}");
}

proptest! {
    /// What is written into a form is what is read out of it.
    #[test]
    fn a_form_comes_back(pairs in proptest::collection::vec((".{0,8}", ".{0,16}"), 1..5)) {
        let written: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        prop_assert_eq!(fields(&form(&written)), Ok(pairs.clone()));
    }

    /// Nothing that a stranger sends is more than refused.
    #[test]
    fn no_report_breaks_anything(body in ".{0,64}", rest in "[ -~]{0,40}", signature in ".{0,40}") {
        let mut sent = Told { body, rest: vec!["m-7".to_owned(), rest], ..published() };
        for header in ["webhook-signature", "x-twilio-signature"] {
            sent.headers.insert(header, signature.clone());
        }
        prop_assert_eq!(sent.read(&hook(&[SECRET])), Err(ReportRefused));
        prop_assert_eq!(sent.read(&twilio(&["12345"])), Err(ReportRefused));
    }
}
