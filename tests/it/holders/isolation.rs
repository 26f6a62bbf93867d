//! Who may ask for what: every route of a holder's account × every caller, and every identifier of
//! one holder in the hands of another.

use crate::harness::person::{Person, hashes};
use crate::harness::pocket::Pocket;
use crate::harness::{Account, Answer, Client, House};
use serde_json::{Value, json};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Nobody,
    WrongToken,
    Session,
    /// A linked phone.
    Device,
    /// An automatic credential's system.
    System,
    /// A session that a QR code has given.
    Limited,
    /// A session of somebody who has to replace the first password.
    MustChange,
    Operator,
    StampAccount,
}

const CALLERS: [Caller; 9] = [
    Caller::Nobody,
    Caller::WrongToken,
    Caller::Session,
    Caller::Device,
    Caller::System,
    Caller::Limited,
    Caller::MustChange,
    Caller::Operator,
    Caller::StampAccount,
];

/// To whom a route answers; whoever is let in and sends nothing of use gets another error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody, alike.
    Public,
    /// Everybody who sends no token (a link does), and a session that does.
    Either,
    /// Any session and any device.
    Holder,
    /// Any session and any linked phone, also before the first password is replaced.
    Known,
    /// A session, also before the first password is replaced.
    First,
    /// A session.
    Session,
    /// A session or a device, but no session of a QR code.
    Full,
    /// The same, but no session of a QR code, raised or not.
    FullOrDevice,
    /// A session or a linked phone, but no session of a QR code.
    Personal,
    /// A session, but none of a QR code, raised or not.
    FullSession,
    /// A session; one of a QR code for itself alone.
    Itself,
    /// Any session and any linked phone.
    InPerson,
    /// A linked phone.
    Device,
    /// A system.
    System,
    /// The operator, with the administration token.
    Operator,
}

use Rule::{Device, Either, First, Full, FullOrDevice, FullSession, Holder, Known};
use Rule::{InPerson, Itself, Operator, Personal, Public, Session, System};

/// Every route of holders: method, path as in the OpenAPI document, to whom.
pub(crate) const ROUTES: &[(&str, &str, Rule)] = &[
    ("POST", "/api/v1/registrations", Public),
    ("POST", "/api/v1/links", Public),
    ("POST", "/api/v1/passwords/check", Either),
    ("POST", "/api/v1/passwords/first", Public),
    ("POST", "/api/v1/passwords/recovery", Public),
    ("POST", "/api/v1/passwords/recovery/code", Public),
    ("POST", "/api/v1/passwords/recovery/question", Public),
    ("POST", "/api/v1/passwords/recovery/complete", Public),
    ("POST", "/api/v1/addresses/confirm", Public),
    ("GET", "/api/v1/questions", Public),
    ("POST", "/api/v1/sessions", Public),
    ("POST", "/api/v1/suspensions", Public),
    ("POST", "/api/v1/qr-logins", Public),
    ("POST", "/api/v1/qr-logins/{id}/poll", Public),
    ("POST", "/api/v1/phone-changes/cancel", Public),
    ("GET", "/api/v1/holder", Known),
    ("POST", "/api/v1/holder/password", First),
    ("DELETE", "/api/v1/holder/session", First),
    ("PUT", "/api/v1/holder/question", FullSession),
    ("DELETE", "/api/v1/holder/question", FullSession),
    ("POST", "/api/v1/holder/addresses", FullSession),
    ("PATCH", "/api/v1/holder/preferences", Session),
    ("GET", "/api/v1/holder/history", InPerson),
    ("GET", "/api/v1/holder/history/receipt", InPerson),
    ("POST", "/api/v1/holder/personal-data", FullSession),
    ("POST", "/api/v1/holder/one-time-codes", InPerson),
    ("POST", "/api/v1/holder/one-time-codes/{operation}/resend", InPerson),
    ("POST", "/api/v1/holder/authenticator", FullSession),
    ("POST", "/api/v1/holder/authenticator/confirm", FullSession),
    ("DELETE", "/api/v1/holder/authenticator", FullSession),
    ("GET", "/api/v1/holder/sessions", Session),
    ("DELETE", "/api/v1/holder/sessions", FullSession),
    ("DELETE", "/api/v1/holder/sessions/{id}", Itself),
    ("POST", "/api/v1/holder/session/step-up", Session),
    ("GET", "/api/v1/holder/devices", InPerson),
    ("POST", "/api/v1/holder/devices", FullSession),
    ("DELETE", "/api/v1/holder/devices/{id}", FullOrDevice),
    ("POST", "/api/v1/holder/qr-logins/{id}", Device),
    ("POST", "/api/v1/holder/qr-logins/{id}/approve", Device),
    ("POST", "/api/v1/holder/qr-logins/{id}/deny", Device),
    ("POST", "/api/v1/holder/qr-logins/{id}/disown", Device),
    ("GET", "/api/v1/holder/phone", InPerson),
    ("POST", "/api/v1/holder/phone", FullSession),
    ("DELETE", "/api/v1/holder/phone", FullSession),
    ("POST", "/api/v1/holder/phone/lost", FullSession),
    ("POST", "/api/v1/holder/phone/confirm", FullSession),
    ("GET", "/api/v1/holder/stamp-account", Holder),
    ("PUT", "/api/v1/holder/stamp-account", Full),
    ("DELETE", "/api/v1/holder/stamp-account", Personal),
    ("GET", "/api/v1/holder/stamp-account/events", Holder),
    ("POST", "/api/v1/holder/timestamps", Full),
    ("GET", "/api/v1/holder/credentials", Holder),
    ("GET", "/api/v1/holder/credentials/{id}", Holder),
    ("GET", "/api/v1/holder/credentials/{id}/certificate", Holder),
    ("POST", "/api/v1/holder/credentials/{id}/activate", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/pin", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/unlock", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/suspend", InPerson),
    ("POST", "/api/v1/holder/credentials/{id}/reactivate", FullSession),
    ("POST", "/api/v1/holder/credentials/{id}/revoke", Personal),
    ("GET", "/api/v1/holder/credentials/{id}/renewal", Holder),
    ("POST", "/api/v1/holder/credentials/{id}/renewal/consents", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/renewal/confirm", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/renewal/pin", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/renewal/security", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/renewal/complete", Personal),
    ("POST", "/api/v1/holder/credentials/{id}/authorisations", Full),
    ("POST", "/api/v1/holder/credentials/{id}/signatures", Full),
    ("POST", "/api/v1/holder/credentials/{id}/windows", System),
    ("GET", "/api/v1/admin/registrations", Operator),
    ("POST", "/api/v1/admin/registrations", Operator),
    ("GET", "/api/v1/admin/registrations/{registration}", Operator),
    ("POST", "/api/v1/admin/registrations/{registration}/approve", Operator),
    ("POST", "/api/v1/admin/registrations/{registration}/reject", Operator),
    ("POST", "/api/v1/admin/registrations/{registration}/invite", Operator),
    ("GET", "/api/v1/admin/holders", Operator),
    ("GET", "/api/v1/admin/holders/{holder}", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/block", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/unblock", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/close", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/erase", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/clear-question", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/clear-notice-address", Operator),
    ("GET", "/api/v1/admin/holders/{holder}/history", Operator),
    ("GET", "/api/v1/admin/holders/{holder}/messages", Operator),
    ("GET", "/api/v1/admin/holders/{holder}/sessions", Operator),
    ("DELETE", "/api/v1/admin/holders/{holder}/sessions", Operator),
    ("GET", "/api/v1/admin/holders/{holder}/devices", Operator),
    ("DELETE", "/api/v1/admin/holders/{holder}/devices/{device}", Operator),
    ("GET", "/api/v1/admin/holders/{holder}/personal-data", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/credentials/{credential}/suspend", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/credentials/{credential}/reactivate", Operator),
    ("POST", "/api/v1/admin/holders/{holder}/credentials/{credential}/revoke", Operator),
    ("GET", "/api/v1/admin/messages", Operator),
    ("POST", "/api/v1/admin/messages/{message}/retry", Operator),
    ("GET", "/api/v1/admin/pepper", Operator),
];

/// Problems that say that the caller is not let in, and no others do.
const SHUT: [&str; 6] = [
    "unauthorized-holder",
    "admin-unauthorized",
    "step-up-needed",
    "session-needed",
    "device-needed",
    "password-change-needed",
];

/// The problem that keeps a caller out of a route; `None` lets in.
fn shut(rule: Rule, caller: Caller) -> Option<&'static str> {
    use Caller::{Limited, MustChange};
    match (rule, caller) {
        (Public, _) | (Operator, Caller::Operator) => return None,
        (Operator, _) => return Some("admin-unauthorized"),
        _ => {}
    }
    match (rule, caller) {
        (Either, Caller::Nobody) => None,
        (_, Caller::Nobody | Caller::WrongToken | Caller::Operator | Caller::StampAccount) => {
            Some("unauthorized-holder")
        }
        (Known, Caller::System) => Some("session-needed"),
        (Known, _) | (First | Either, MustChange) => None,
        (_, MustChange) => Some("password-change-needed"),
        (Device, Caller::Device) | (System, Caller::System) => None,
        (Device | System, _) => Some("device-needed"),
        (First | Either | Session | FullSession | Itself, Caller::Device | Caller::System) => {
            Some("session-needed")
        }
        (InPerson | Personal, Caller::System) => Some("session-needed"),
        (FullSession | Itself, Limited) => Some("session-needed"),
        (Full | FullOrDevice | Personal, Limited) => Some("step-up-needed"),
        _ => None,
    }
}

/// Somebody with everything, and everybody else.
struct Scene {
    house: House,
    ada: Person,
    limited: String,
    device: String,
    system: String,
    first: Person,
    stamps: Account,
    /// What stands for `{operation}`, a device, a session.
    operation: String,
}

impl Scene {
    fn set() -> Self {
        let house = House::open();
        let ada = house.activated(0);
        let (device, _) = link(&house, &ada, "phone");
        let (system, _) = link(&house, &ada, "system");
        let mut first = Person::new(1);
        first.asks_for_an_account(&house);
        house.admin().post(&first.registered("/approve"), &json!({})).status(200);
        let mark = house.phones.mark();
        let invite = json!({ "first_password": true });
        house.admin().post(&first.registered("/invite"), &invite).status(200);
        let text = house.phones.wait(mark, &first.phone, |_| true).text;
        first.password = super::activation::first_password(&text).to_owned();
        first.logs_in(&house);
        let stamps = Account::open(&house.service, "stamps", 5);
        let limited = super::qr::limited_session(&house, &ada);
        let asked = json!({ "purpose": "step-up" });
        let asked = ada.post(&house, "/one-time-codes", &asked).status(201).json();
        let operation = asked["operation"].as_str().unwrap().to_owned();
        Self { house, ada, limited, device, system, first, stamps, operation }
    }

    fn client(&self, caller: Caller) -> Client {
        let client = self.house.client();
        match caller {
            Caller::Nobody => client,
            Caller::WrongToken => client.bearer(&format!("ms_{}", "A".repeat(43))),
            Caller::Session => client.bearer(&self.ada.token),
            Caller::Device => client.bearer(&self.device),
            Caller::System => client.bearer(&self.system),
            Caller::Limited => client.bearer(&self.limited),
            Caller::MustChange => client.bearer(&self.first.token),
            Caller::Operator => self.house.admin(),
            Caller::StampAccount => client.bearer(&self.stamps.api_key),
        }
    }

    /// The path with everything in braces filled in with what does not exist, but the credential.
    fn fill(&self, path: &str) -> String {
        let own = path.contains("/credentials/");
        path.replace("{operation}", &self.operation)
            .replace("{credential}", &self.ada.credential)
            .replace("{id}", if own { &self.ada.credential } else { NO_ID })
            .replace("{holder}", "h-999")
            .replace("{registration}", "r-999")
            .replace("{device}", NO_ID)
    }

    fn ask(&self, caller: Caller, method: &str, path: &str) -> Answer {
        let (client, path) = (self.client(caller), self.fill(path));
        match method {
            "GET" => client.get(&path),
            "DELETE" => client.delete(&path),
            _ => client.json(method, &path, &json!({})),
        }
    }
}

const NO_ID: &str = "00000000000000000000000000000000";

/// Links a device; its token and its identifier.
#[track_caller]
pub(super) fn link(house: &House, person: &Person, kind: &str) -> (String, String) {
    let key = Pocket::new().public_key();
    let asked = json!({ "purpose": "link-device", "kind": kind, "public_key": key });
    let otp = person.code(house, &asked);
    let body = json!({ "name": kind, "kind": kind, "public_key": key, "otp": otp });
    let linked = person.post(house, "/devices", &body).status(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&linked["token"]), text(&linked["device"]["id"]))
}

/// Whether the caller can be tried on the route without ending what the others need.
fn harmless(method: &str, path: &str, caller: Caller) -> bool {
    let stream = path.ends_with("/events");
    let ends = method == "DELETE"
        && matches!(path, "/api/v1/holder/session" | "/api/v1/holder/sessions")
        && matches!(caller, Caller::Session | Caller::Limited | Caller::MustChange);
    !stream && !ends
}

/// The table: who is kept out is told why, always with the same problem, and who is let in never
/// gets one of these.
#[test]
fn every_route_answers_whom_it_should() {
    let scene = Scene::set();
    let mut wrong = Vec::new();
    for &(method, path, rule) in ROUTES {
        for caller in CALLERS.into_iter().filter(|&caller| harmless(method, path, caller)) {
            let answer = scene.ask(caller, method, path);
            let kind = match answer.status {
                400.. => answer.json()["type"].as_str().unwrap_or("").to_owned(),
                _ => String::new(),
            };
            let found = SHUT.into_iter().find(|word| kind.ends_with(&format!(":{word}")));
            if found != shut(rule, caller) {
                wrong.push(format!(
                    "{method} {path}: {caller:?} gets {} {found:?} instead of {:?}: {}",
                    answer.status,
                    shut(rule, caller),
                    answer.text()
                ));
            }
            let refused = found.is_some_and(|word| word.contains("unauthorized"));
            if refused && (answer.status != 401 || answer.header("www-authenticate").is_none()) {
                wrong.push(format!("{method} {path}: {caller:?}: no 401 with its header"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the table:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(scene.ada.state(&scene.house), "active");
}

/// What is private is kept by nobody on the way, and read as what it is.
#[test]
fn what_is_private_is_not_kept() {
    let scene = Scene::set();
    for &(method, path, rule) in ROUTES {
        let caller = if rule == Operator { Caller::Operator } else { Caller::Session };
        if !harmless(method, path, caller) {
            continue;
        }
        let answer = scene.ask(caller, method, path);
        let kept = answer.header("cache-control").unwrap_or_default();
        let shared = path == "/api/v1/questions";
        assert!(shared || kept.contains("no-store"), "{method} {path}: {kept:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {path}");
        assert!(answer.header("set-cookie").is_none(), "{method} {path}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{method} {path}");
    }
}

/// Every identifier of one holder in the hands of another is as if it did not exist.
#[test]
fn nothing_of_one_holder_is_anothers() {
    let house = House::open();
    let (ada, bruno) = (house.activated(0), house.activated(1));
    let (_, device) = link(&house, &ada, "phone");
    let sessions = ada.get(&house, "/sessions").json()["sessions"].clone();
    let session = sessions[0]["id"].as_str().unwrap().to_owned();
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    let before = (ada.credential(&house), ada.get(&house, "/devices").json());

    let theirs = |method: &str, path: &str, body: &Value| bruno.send(&house, method, path, body);
    let own = |rest: &str| ada.own(rest);
    let mut wrong = Vec::new();
    let mut check = |what: &str, answer: Answer| {
        if !matches!(answer.status, 403 | 404 | 409) {
            wrong.push(format!("{what}: {} {}", answer.status, answer.text()));
        }
    };
    for rest in ["", "/certificate", "/renewal"] {
        check(rest, bruno.get(&house, &own(rest)));
    }
    check("device", theirs("DELETE", &format!("/devices/{device}"), &json!({})));
    check("session", theirs("DELETE", &format!("/sessions/{session}"), &json!({})));
    for purpose in ["suspend", "revoke", "change-pin", "confirm-renewal"] {
        let asked = json!({ "purpose": purpose, "credential": ada.credential });
        check(purpose, bruno.post(&house, "/one-time-codes", &asked));
    }
    let asked = ada.to_sign("ecdsa-sha256", &wanted);
    check("a code to sign", bruno.post(&house, "/one-time-codes", &asked));
    // With codes of his own, for his own credential.
    for (act, purpose, body) in acts(&ada) {
        let mut body = body;
        body["otp"] = bruno.code_for(&house, purpose);
        check(act, bruno.post(&house, &own(act), &body));
    }
    renews(&house, &bruno, &ada, &mut check);
    let sheet = ada.sheet();
    let lost = json!({ "credential": ada.credential, "number": "+393479999999", "puk": sheet.puk,
        "emergency_code": sheet.emergency_code });
    let answer = bruno.post(&house, "/phone/lost", &lost);
    check("her lost phone", answer.problem(404, "unknown-credential"));
    let window = json!({ "algorithm": "ecdsa-sha256", "signatures": 1, "pin": ada.pin,
        "ends_at": crate::harness::in_seconds(600) });
    let system = house.client().bearer(&link(&house, &bruno, "system").0);
    let windows = format!("/api/v1/holder{}", own("/windows"));
    let answer = system.post(&windows, &window);
    check("a window", answer.problem(404, "unknown-credential"));
    // What was authorised by another, with her credential and with his own.
    let body = Person::signing(&sad, &wanted, false);
    check("a SAD", bruno.post(&house, &own("/signatures"), &body));
    check("a SAD for his own", bruno.post(&house, &bruno.own("/signatures"), &body));
    // Her operation, his hands: resent and used.
    let asked = json!({ "purpose": "suspend", "credential": ada.credential });
    let mark = house.phones.mark();
    let operation = ada.post(&house, "/one-time-codes", &asked).status(201).json();
    let operation = operation["operation"].as_str().unwrap().to_owned();
    let code = house.phones.code(mark, &ada.phone);
    let resend = format!("/one-time-codes/{operation}/resend");
    check("a code sent again", bruno.post(&house, &resend, &json!({})));
    let body = json!({ "otp": { "operation": operation, "code": code } });
    check("her code", bruno.post(&house, &bruno.own("/suspend"), &body));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    assert_eq!(bruno.state(&house), "active");
    let after = (ada.credential(&house), ada.get(&house, "/devices").json());
    assert_eq!(after, before, "another holder changed something");
    ada.signs(&house, &sad, &wanted, false).status(200);
}

/// Every phase of a renewal of her credential, by him.
fn renews(house: &House, bruno: &Person, ada: &Person, check: &mut impl FnMut(&str, Answer)) {
    let otp = || json!({ "otp": bruno.code_for(house, "confirm-renewal") });
    for (phase, body) in [
        ("/renewal/consents", json!({ "conditions": "2026-11", "pin": ada.pin })),
        ("/renewal/confirm", otp()),
        ("/renewal/pin", json!({ "keep": true })),
        ("/renewal/security", json!({ "fiscal_code": true })),
        ("/renewal/complete", otp()),
    ] {
        let answer = bruno.post(house, &ada.own(phase), &body);
        assert_ne!(answer.status, 422, "{phase}: {}", answer.text());
        check(phase, answer);
    }
}

/// Acts on a credential, with bodies that would be right for their holder.
fn acts(ada: &Person) -> [(&'static str, &'static str, Value); 6] {
    let sheet = ada.sheet();
    let activate = json!({ "pin": sheet.pin, "puk": sheet.puk, "new_pin": "60718293",
        "repeat": "60718293" });
    let pins = json!({ "current": ada.pin, "new_pin": "60718293", "repeat": "60718293" });
    let unlock = json!({ "puk": ada.sheet().puk, "new_pin": "60718293", "repeat": "60718293" });
    [
        ("/activate", "activate", activate),
        ("/suspend", "suspend", json!({})),
        ("/reactivate", "reactivate", json!({})),
        ("/revoke", "revoke", json!({ "cause": "cessation" })),
        ("/pin", "change-pin", pins),
        ("/unlock", "unlock-pin", unlock),
    ]
}
