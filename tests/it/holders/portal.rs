//! What a holder does in the portal: log in and out, look at the credential, the history and the
//! sessions, change PIN, password, question, addresses and language.

use crate::harness::person::hashes;
use crate::harness::{House, in_seconds};
use serde_json::{Value, json};

/// Logged in, the session is listed; logged out, its token is dead at once.
#[test]
fn a_session_begins_and_ends() {
    let house = House::open();
    let ada = house.invited(0);
    let mut again = ada.clone();
    again.logs_in(&house);
    assert_ne!(again.token, ada.token);
    let all = ada.get(&house, "/sessions").status(200);
    assert!(!all.text().contains(&ada.token) && !all.text().contains(&again.token));
    let all = all.json()["sessions"].as_array().unwrap().clone();
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all.iter().filter(|one| one["current"] == true).count(), 1, "{all:?}");
    let out = ada.client(&house).delete("/api/v1/holder/session").status(204);
    assert!(out.header("clear-site-data").is_some());
    ada.get(&house, "").problem(401, "unauthorized-holder");
    again.get(&house, "").status(200);
}

/// One session ends another, all others, or the operator ends all.
#[test]
fn sessions_are_ended_from_elsewhere() {
    let house = House::open();
    let mut all = vec![house.invited(0)];
    for _ in 0..3 {
        let mut next = all[0].clone();
        next.logs_in(&house);
        all.push(next);
    }
    let alive = |who: usize| all[who].get(&house, "").status == 200;
    let listed = all[0].get(&house, "/sessions").json()["sessions"].as_array().unwrap().clone();
    let other = listed.iter().find(|one| one["current"] != true).unwrap()["id"].clone();
    let path = format!("/api/v1/holder/sessions/{}", other.as_str().unwrap());
    all[0].client(&house).delete(&path).status(204);
    assert_eq!((0..4).filter(|&who| alive(who)).count(), 3);
    all[0].client(&house).delete("/api/v1/holder/sessions").status(204);
    assert_eq!((0..4).filter(|&who| alive(who)).count(), 1);
    assert!(alive(0));
    let path = format!("/api/v1/admin/holders/{}/sessions", all[0].id);
    house.admin().get(&path).status(200);
    house.admin().delete(&path).status(204);
    assert!(!alive(0));
}

/// The details of the credential, with the certificate to download.
#[test]
fn the_credential_shows_its_details() {
    let house = House::open();
    let ada = house.activated(0);
    let shown = ada.credential(&house);
    assert_eq!(shown["state"], "active");
    for member in ["activated_at", "serial", "issuer", "subject", "not_before", "not_after"] {
        assert!(shown[member].is_string(), "no {member}: {shown}");
    }
    assert!(ada.chain(&house).contains("BEGIN CERTIFICATE"));
    assert!(!shown.to_string().contains(&ada.pin));
}

/// Current PIN, new one twice, code; the old one signs no more, and tries are counted.
#[test]
fn the_pin_is_changed_locked_and_unlocked() {
    let house = House::open();
    let mut ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    let pins =
        |current: &str, new: &str| json!({ "current": current, "new_pin": new, "repeat": new });
    for (new, rule) in [("87654321", "no-run"), ("1234", "eight-digits")] {
        let refused = ada.act(&house, "pin", "change-pin", pins(&ada.pin, new)).status(422).json();
        assert_eq!(refused["rule"], rule, "{refused}");
    }
    let mark = house.mail.mark();
    let old = ada.pin.clone();
    let changed = ada.act(&house, "pin", "change-pin", pins(&old, "60718293"));
    assert_eq!(changed.status / 100, 2, "{}", changed.text());
    house.mail.subject(mark, &ada.email, "PIN");
    ada.act(&house, "pin", "change-pin", pins("60718293", &old)).status(422);
    for _ in 0..4 {
        ada.tries_to_authorise(&house, "ecdsa-sha256", &wanted).problem(403, "wrong-pin");
    }
    ada.tries_to_authorise(&house, "ecdsa-sha256", &wanted).problem(409, "pin-locked");
    assert_eq!(ada.state(&house), "pin-locked");
    ada.pin = "60718293".to_owned();
    ada.tries_to_authorise(&house, "ecdsa-sha256", &wanted).problem(409, "pin-locked");
    let unlock = |puk: &str, new: &str| json!({ "puk": puk, "new_pin": new, "repeat": new });
    let refused = ada.act(&house, "unlock", "unlock-pin", unlock("0123456789", "51627384"));
    refused.problem(403, "wrong-puk");
    let body = unlock(&ada.sheet().puk, "51627384");
    let unlocked = ada.act(&house, "unlock", "unlock-pin", body);
    assert_eq!(unlocked.status / 100, 2, "{}", unlocked.text());
    ada.pin = "51627384".to_owned();
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
}

/// Wrong PINs side by side are all counted: more than five never get an answer.
#[test]
fn tries_side_by_side_are_all_counted() {
    let house = House::open();
    let mut ada = house.activated(0);
    ada.pin = "90817263".to_owned();
    let wanted = hashes(&["a contract"]);
    let codes: Vec<Value> = (0..8)
        .map(|n| {
            let one = hashes(&[&format!("contract {n}")]);
            let asked = ada.to_sign("ecdsa-sha256", &one);
            json!({ "hashes": asked["sign"]["hashes"], "otp": ada.code(&house, &asked) })
        })
        .collect();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let tries: Vec<_> = codes
            .iter()
            .map(|code| {
                let body = json!({ "algorithm": "ecdsa-sha256", "hashes": code["hashes"],
                    "pin": ada.pin, "otp": code["otp"] });
                let (house, ada) = (&house, &ada);
                scope.spawn(move || {
                    let answer = ada.post(house, &ada.own("/authorisations"), &body);
                    answer.json()["type"].as_str().unwrap().to_owned()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let told = answers.iter().filter(|kind| kind.ends_with("wrong-pin")).count();
    assert!(told <= 4, "{answers:?}");
    let mut left = 8;
    while ada.state(&house) == "active" && left > 0 {
        ada.tries_to_authorise(&house, "ecdsa-sha256", &wanted);
        left -= 1;
    }
    assert_eq!(ada.state(&house), "pin-locked");
    assert!(ada.history(&house, "pin-failed").len() <= 5);
}

/// The history: filtered by kind and time, page by page, and as CSV.
#[test]
fn the_history_is_filtered_and_exported() {
    let house = House::open();
    let ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
    let all = ada.history(&house, "");
    assert!(all.len() > 5, "{all:?}");
    assert_eq!(ada.history(&house, "signature-made").len(), 1);
    let (past, future) = ("2020-01-01T00:00:00Z", in_seconds(3600));
    let between = |from: &str, to: &str| {
        let path = format!("/history?from={from}&to={to}&limit=1000");
        ada.get(&house, &path).status(200).json()["entries"].as_array().unwrap().len()
    };
    assert_eq!(between(past, &future), all.len());
    assert_eq!(between(past, "2020-01-02T00:00:00Z"), 0);
    let mut pages = Vec::new();
    let mut path = "/history?limit=2".to_owned();
    loop {
        let page = ada.get(&house, &path).status(200).json();
        pages.extend(page["entries"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => path = format!("/history?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(pages, all);
    let headers = [("Accept", "text/csv")];
    let path = "/api/v1/holder/history?limit=1000";
    let csv = ada.client(&house).send("GET", path, &headers, None).status(200);
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    assert_eq!(csv.text().lines().count(), all.len() + 1, "{}", csv.text());
    ada.get(&house, "/history?from=yesterday").status(400);
}

/// The password is changed with the current one; every other session ends, the asking one stays.
#[test]
fn a_new_password_ends_the_other_sessions() {
    let house = House::open();
    let mut ada = house.invited(0);
    let mut other = ada.clone();
    other.logs_in(&house);
    let new = "Betulla.9-bianca";
    let body = |current: &str, repeat: &str| passwords(current, new, repeat);
    let refused = ada.post(&house, "/password", &body("wrong", new));
    refused.problem(403, "wrong-current-password");
    ada.post(&house, "/password", &body(&ada.password, "x")).problem(422, "repeat-differs");
    let mark = house.mail.mark();
    ada.post(&house, "/password", &body(&ada.password, new)).status(204);
    house.mail.subject(mark, &ada.email, "assword");
    ada.get(&house, "").status(200);
    other.get(&house, "").problem(401, "unauthorized-holder");
    other.tries_to_log_in(&house).problem(401, "invalid-login");
    ada.password = new.to_owned();
    ada.logs_in(&house);
}

fn passwords(current: &str, new: &str, repeat: &str) -> Value {
    json!({ "current": current, "password": new, "repeat": repeat })
}

/// Another user ID: confirmed by a mail to the new address, told to the old one.
#[test]
fn addresses_are_changed_and_both_are_told() {
    let house = House::open();
    let mut ada = house.invited(0);
    for (kind, address) in [("notices", "notes@example.org"), ("user-id", "ada.new@example.org")] {
        let asked = json!({ "purpose": "change-email", "address": address });
        let otp = ada.code(&house, &asked);
        let mark = house.mail.mark();
        let body = json!({ "kind": kind, "address": "other@example.org", "otp": otp });
        ada.post(&house, "/addresses", &body).problem(409, "otp-for-other-operation");
        let otp = ada.code(&house, &asked);
        let body = json!({ "kind": kind, "address": address, "otp": otp });
        ada.post(&house, "/addresses", &body).status(202);
        let confirm = house.mail.wait(mark, address, |mail| mail.text.contains('#'));
        let mark = house.mail.mark();
        let token = json!({ "token": confirm.token() });
        house.client().post("/api/v1/addresses/confirm", &token).status(204);
        house.client().post("/api/v1/addresses/confirm", &token).problem(410, "invalid-link");
        house.mail.wait(mark, &ada.email, |_| true);
        if kind == "user-id" {
            ada.tries_to_log_in(&house).problem(401, "invalid-login");
            ada.email = address.to_owned();
        }
    }
    ada.logs_in(&house);
    let me = ada.get(&house, "").status(200).json();
    assert_eq!(me["user_id"], ada.email.as_str());
    assert_eq!(me["notice_email"], "notes@example.org");
    assert_eq!(ada.history(&house, "email-changed").len(), 1);
}

/// Question, language, notices: set, seen and used; mail comes in the language that was chosen.
#[test]
fn settings_of_the_account() {
    let house = House::open();
    let ada = house.invited(0);
    let questions = house.client().get("/api/v1/questions").status(200).json();
    let first = questions["questions"][0].clone();
    assert!(first["en"].is_string() && first["it"].is_string(), "{questions}");
    let otp = ada.code(&house, &json!({ "purpose": "change-question" }));
    let body = json!({ "question": { "listed": first["id"] }, "answer": "La quercia", "otp": otp });
    let set = ada.send(&house, "PUT", "/question", &body);
    assert_eq!(set.status / 100, 2, "{}", set.text());
    assert_eq!(ada.get(&house, "").json()["question_set"], true);
    let own = "Who wrote it?";
    let otp = ada.code(&house, &json!({ "purpose": "change-question" }));
    let body = json!({ "question": { "own": own }, "answer": "wrote", "otp": otp });
    let refused = ada.send(&house, "PUT", "/question", &body).status(422).json();
    assert_eq!(refused["rule"], "answer-not-in-question", "{refused}");
    let otp = ada.code(&house, &json!({ "purpose": "change-question" }));
    let gone = ada.send(&house, "DELETE", "/question", &json!({ "otp": otp }));
    assert_eq!(gone.status / 100, 2, "{}", gone.text());
    assert_eq!(ada.get(&house, "").json()["question_set"], false);

    let wanted = json!({ "language": "it", "notices": "each" });
    let set = ada.send(&house, "PATCH", "/preferences", &wanted).status(200).json();
    assert_eq!((&set["language"], &set["notices"]), (&json!("it"), &json!("each")));
    for wrong in [json!({ "language": "xx" }), json!({ "notices": "often" })] {
        assert_eq!(ada.send(&house, "PATCH", "/preferences", &wrong).status / 100, 4, "{wrong}");
    }
    let mark = house.mail.mark();
    ada.activates(&house);
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("certificato di firma"));
    let mark = house.mail.mark();
    let sad = ada.authorises(&house, &hashes(&["a contract"]));
    ada.signs(&house, &sad, &hashes(&["a contract"]), false).status(200);
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("firm"));
}

/// Guesses of a password are slowed down by account, and a blocked holder is out at once.
#[test]
fn guesses_are_slowed_and_a_block_counts_at_once() {
    let house = House::open();
    let ada = house.invited(0);
    let guess = |user_id: &str| {
        let body = json!({ "user_id": user_id, "password": "Quercia,wrong-1" });
        house.client().post("/api/v1/sessions", &body)
    };
    for user_id in [ada.email.as_str(), "nobody@example.org"] {
        let answers: Vec<u16> = (0..4).map(|_| guess(user_id).status).collect();
        assert_eq!(answers, [401, 401, 401, 429], "{user_id}");
    }
    ada.get(&house, "").status(200);
    let path = format!("/api/v1/admin/holders/{}", ada.id);
    let reason = json!({ "reason": "a call of the holder" });
    house.admin().post(&format!("{path}/block"), &reason).status(200);
    ada.get(&house, "").problem(401, "unauthorized-holder");
    house.admin().post(&format!("{path}/unblock"), &reason).status(200);
    ada.get(&house, "").problem(401, "unauthorized-holder");
    let failed = house.admin().get(&format!("{path}/history?limit=1000")).status(200).json();
    let kinds: Vec<&str> = failed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"login-failed") && kinds.contains(&"holder-blocked"), "{kinds:?}");
}
