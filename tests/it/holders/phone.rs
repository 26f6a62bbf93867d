//! How one-time codes arrive: by short message, by an authenticator app, at another number.

use crate::harness::person::Person;
use crate::harness::pocket::Authenticator;
use crate::harness::{Answer, House};
use serde_json::{Value, json};

const NEW: &str = "+393479999999";

/// Asks for another number with a code that went to the registered one.
fn asks(house: &House, person: &Person, number: &str) -> Answer {
    let otp = person.code(house, &json!({ "purpose": "change-phone", "number": number }));
    person.post(house, "/phone", &json!({ "number": number, "otp": otp }))
}

/// The code that reached the new number.
#[track_caller]
fn proof(house: &House, mark: usize, answer: &Value) -> Value {
    let operation = answer["operation"].clone();
    assert!(operation.is_string(), "{answer}");
    json!({ "otp": { "operation": operation, "code": house.phones.code(mark, NEW) } })
}

/// The old number agrees, the new one proves itself, and from then on codes go there.
#[test]
fn the_old_number_agrees_to_the_new_one() {
    let house = House::open();
    let mut ada = house.invited(0);
    let mark = house.phones.mark();
    let (mails, asked) = (house.mail.mark(), asks(&house, &ada, NEW));
    assert_eq!(asked.status / 100, 2, "{}", asked.text());
    assert_eq!(ada.get(&house, "").json()["phone"], shown_phone(&house, &ada));
    let confirm = proof(&house, mark, &asked.json());
    let confirmed = ada.post(&house, "/phone/confirm", &confirm);
    assert_eq!(confirmed.status / 100, 2, "{}", confirmed.text());
    house.mail.wait(mails, &ada.email, |_| true);
    ada.phone = NEW.to_owned();
    ada.code(&house, &json!({ "purpose": "step-up" }));
    assert_eq!(ada.history(&house, "phone-changed").len(), 1);
}

/// The number as the phone page shows it.
#[track_caller]
fn shown_phone(house: &House, person: &Person) -> Value {
    person.get(house, "").status(200).json()["phone"].clone()
}

/// The code for another number is none for this one; the new number's code is needed as well.
#[test]
fn a_number_is_changed_with_both_codes() {
    let house = House::open();
    let ada = house.invited(0);
    let otp = ada.code(&house, &json!({ "purpose": "change-phone", "number": "+393478888888" }));
    let body = json!({ "number": NEW, "otp": otp });
    ada.post(&house, "/phone", &body).problem(409, "otp-for-other-operation");
    ada.post(&house, "/phone", &json!({ "number": "12" })).status(400);
    let mark = house.phones.mark();
    let asked = asks(&house, &ada, NEW).json();
    let right = proof(&house, mark, &asked);
    let mut wrong = right.clone();
    let code = right["otp"]["code"].as_str().unwrap();
    let digit = if code.starts_with('0') { '1' } else { '0' };
    wrong["otp"]["code"] = json!(format!("{digit}{}", &code[1..]));
    ada.post(&house, "/phone/confirm", &wrong).problem(403, "otp-wrong");
    // Cancelled, the code of the new number is worth nothing.
    ada.client(&house).delete("/api/v1/holder/phone").status(204);
    assert_eq!(ada.post(&house, "/phone/confirm", &right).status / 100, 4);
    ada.code(&house, &json!({ "purpose": "step-up" }));
}

/// A lost phone: PUK and emergency code, a waiting period, everybody told, cancelled by a click.
#[test]
fn a_lost_phone_waits_and_can_be_stopped() {
    let house = House::open();
    let ada = house.activated(0);
    let sheet = ada.sheet();
    let lost = |puk: &str, code: &str| {
        let body = json!({ "credential": ada.credential, "number": NEW, "puk": puk,
            "emergency_code": code });
        ada.post(&house, "/phone/lost", &body)
    };
    lost("0123456789", &sheet.emergency_code).status(403);
    lost(&sheet.puk, "BCDFGHJKMN").status(403);
    let (mails, phones) = (house.mail.mark(), house.phones.mark());
    let asked = lost(&sheet.puk, &sheet.emergency_code);
    assert_eq!(asked.status / 100, 2, "{}", asked.text());
    let confirm = proof(&house, phones, &asked.json());
    let confirmed = ada.post(&house, "/phone/confirm", &confirm);
    assert_eq!(confirmed.status / 100, 2, "{}", confirmed.text());
    house.phones.wait(phones, &ada.phone, |_| true);
    let notice = house.mail.wait(mails, &ada.email, |mail| mail.text.contains('#'));
    // Until the waiting is over the old number counts.
    let waiting = ada.get(&house, "/phone").status(200).text();
    assert!(waiting.contains("counts_at"), "{waiting}");
    ada.code(&house, &json!({ "purpose": "step-up" }));
    let cancel = json!({ "token": notice.token() });
    let cancelled = house.client().post("/api/v1/phone-changes/cancel", &cancel);
    assert_eq!(cancelled.status / 100, 2, "{}", cancelled.text());
    assert_eq!(ada.history(&house, "phone-change-cancelled").len(), 1);
    ada.code(&house, &json!({ "purpose": "step-up" }));
}

/// An authenticator app: enrolled with a code, then codes come from it, each step once.
#[test]
fn an_authenticator_app_takes_the_place_of_the_phone() {
    let house = House::open();
    let ada = house.invited(0);
    let otp = ada.code(&house, &json!({ "purpose": "change-otp-method", "change": "set" }));
    let made = ada.post(&house, "/authenticator", &json!({ "otp": otp })).status(201).json();
    assert!(made["uri"].as_str().unwrap().starts_with("otpauth://totp/"), "{made}");
    assert!(made["svg"].as_str().unwrap().contains("<svg"), "{made}");
    let app = Authenticator::enrol(made["secret"].as_str().unwrap());
    let confirm = |code: &str| ada.post(&house, "/authenticator/confirm", &json!({ "code": code }));
    assert_eq!(confirm("000000").status / 100, 4);
    let mark = house.mail.mark();
    confirm(&app.code(0)).status(204);
    house.mail.wait(mark, &ada.email, |_| true);
    assert_eq!(ada.get(&house, "").json()["totp"], true);

    let step_up = |code: &str| {
        let asked = json!({ "purpose": "step-up", "channel": "authenticator" });
        let asked = ada.post(&house, "/one-time-codes", &asked).status(201).json();
        assert_eq!(asked["channel"], "authenticator");
        let otp = json!({ "operation": asked["operation"], "code": code });
        ada.post(&house, "/session/step-up", &json!({ "otp": otp }))
    };
    app.next_step();
    let code = app.code(0);
    let mut ada = ada.clone();
    let raised = step_up(&code).status(201).json();
    ada.token = raised["token"].as_str().unwrap().to_owned();
    // RFC 6238 §5.2: the same code is not taken again.
    let asked = json!({ "purpose": "step-up", "channel": "authenticator" });
    let asked = ada.post(&house, "/one-time-codes", &asked).status(201).json();
    let otp = json!({ "operation": asked["operation"], "code": code });
    let again = ada.post(&house, "/session/step-up", &json!({ "otp": otp }));
    again.problem(403, "otp-wrong");
    // No short message walks around the app: its own code takes it away.
    let asked = json!({ "purpose": "change-otp-method", "change": "remove", "channel": "sms" });
    ada.post(&house, "/one-time-codes", &asked).problem(409, "otp-in-app");
    let asked = json!({ "purpose": "change-otp-method", "change": "remove" });
    let asked = ada.post(&house, "/one-time-codes", &asked).status(201).json();
    app.next_step();
    another_number_needs_the_app_too(&house, &ada, &app);
    app.next_step();
    let otp = json!({ "operation": asked["operation"], "code": app.code(0) });
    let gone = ada.send(&house, "DELETE", "/authenticator", &json!({ "otp": otp }));
    gone.status(204);
    assert_eq!(ada.get(&house, "").json()["totp"], false);
}

/// Who took the number over receives what goes there, and has no app.
fn another_number_needs_the_app_too(house: &House, ada: &Person, app: &Authenticator) {
    let refused = asks(house, ada, NEW).problem(422, "invalid-field");
    assert_eq!(refused.json()["field"], "app_otp");
    let otp = ada.code(house, &json!({ "purpose": "change-phone", "number": NEW }));
    let by_app = json!({ "purpose": "change-phone-app", "number": NEW, "channel": "sms" });
    let by_app = ada.post(house, "/one-time-codes", &by_app).status(201).json();
    assert_eq!(by_app["channel"], "authenticator");
    let mut body = json!({ "number": NEW, "otp": otp,
        "app_otp": { "operation": by_app["operation"], "code": "000000" } });
    ada.post(house, "/phone", &body).problem(403, "otp-wrong");
    // A wrong code of the app uses nothing of the other up.
    body["app_otp"]["code"] = json!(app.code(0));
    ada.post(house, "/phone", &body).status(201);
    ada.client(house).delete("/api/v1/holder/phone").status(204);
}

/// A code: date of the request, time of the code, the code; three tries; used once; a newer one
/// voids it; "send again" keeps it for thirty seconds.
#[test]
fn a_code_is_for_one_operation_and_three_tries() {
    let house = House::open();
    let ada = house.activated(0);
    let asked = json!({ "purpose": "suspend", "credential": ada.credential });
    let mark = house.phones.mark();
    let made = ada.post(&house, "/one-time-codes", &asked).status(201);
    assert!(made.header("cache-control").unwrap().contains("no-store"));
    let made = made.json();
    let code = house.phones.code(mark, &ada.phone);
    let text = house.phones.wait(mark, &ada.phone, |_| true).text;
    assert!(!made.to_string().contains(&code), "the code in the answer: {made}");
    assert!(!made.to_string().contains(&ada.phone), "the number in the clear: {made}");
    let times = text.split(|letter: char| !letter.is_ascii_digit() && letter != ':');
    assert!(times.clone().any(|word| word.matches(':').count() >= 1), "no time in {text:?}");
    assert!(text.is_ascii() && text.len() <= 160, "{text:?}");
    let resend = format!("/one-time-codes/{}/resend", made["operation"].as_str().unwrap());
    ada.post(&house, &resend, &json!({})).problem(429, "otp-too-soon");

    let act = |operation: &Value, code: &str| {
        let otp = json!({ "operation": operation, "code": code });
        ada.post(&house, &ada.own("/suspend"), &json!({ "otp": otp }))
    };
    let newer = ada.code_for(&house, "suspend");
    assert_eq!(act(&made["operation"], &code).status / 100, 4, "a newer code voids it");
    let right = newer["code"].as_str().unwrap();
    let digit = if right.starts_with('0') { '1' } else { '0' };
    let wrong = format!("{digit}{}", &right[1..]);
    let told: Vec<String> = (0..3)
        .map(|_| act(&newer["operation"], &wrong).json()["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(told[0].ends_with("otp-wrong"), "{told:?}");
    let late = act(&newer["operation"], right);
    assert_eq!(late.status / 100, 4, "the right code after three wrong ones: {}", late.text());
    assert_eq!(ada.state(&house), "active");
    let fresh = ada.code_for(&house, "suspend");
    act(&fresh["operation"], fresh["code"].as_str().unwrap()).status(200);
    act(&fresh["operation"], fresh["code"].as_str().unwrap()).problem(409, "otp-void");
    assert!(!house.service.log().contains(right), "a code in the log");
}

/// Tries side by side are all counted: of the codes typed at once at most three are compared.
#[test]
fn codes_typed_side_by_side_are_all_counted() {
    let house = House::open();
    let ada = house.activated(0);
    let otp = ada.code_for(&house, "suspend");
    let right = otp["code"].as_str().unwrap();
    let number: u32 = right.parse().unwrap();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let tries: Vec<_> = (1..=8)
            .map(|n| {
                let code = format!("{:06}", (number + n) % 1_000_000);
                let body = json!({ "otp": { "operation": otp["operation"], "code": code } });
                let (house, ada) = (&house, &ada);
                scope.spawn(move || {
                    let answer = ada.post(house, &ada.own("/suspend"), &body);
                    answer.json()["type"].as_str().unwrap().to_owned()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let wrong = answers.iter().filter(|kind| kind.ends_with("otp-wrong")).count();
    assert!(wrong <= 3, "{answers:?}");
    let late = ada.post(&house, &ada.own("/suspend"), &json!({ "otp": otp }));
    assert_eq!(late.status / 100, 4, "the right code after eight wrong ones");
    assert_eq!(ada.state(&house), "active");
}
