//! Devices and stamp accounts are linked and unlinked; the stamps that remain are seen to change.

use crate::harness::person::Person;
use crate::harness::pocket::Pocket;
use crate::harness::{Account, Answer, House, QUERY, REPLY, Raw, Reply, request};
use serde_json::{Value, json};

/// Links a device, with a code for the key that it names.
fn link(house: &House, person: &Person, pocket: &Pocket, kind: &str) -> Answer {
    let key = pocket.public_key();
    let asked = json!({ "purpose": "link-device", "kind": kind, "public_key": key });
    let otp = person.code(house, &asked);
    let body = json!({ "name": "phone of Ada", "kind": kind, "public_key": key, "otp": otp });
    person.post(house, "/devices", &body)
}

/// The device's own access: password and code link it, it lives until it is unlinked, and then the
/// next request is refused.
#[test]
fn a_device_is_linked_and_unlinked() {
    let house = House::open();
    let ada = house.invited(0);
    let pocket = Pocket::new();
    let mark = house.mail.mark();
    let linked = link(&house, &ada, &pocket, "phone").status(201).json();
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("phone of Ada"));
    let device = house.client().bearer(linked["token"].as_str().unwrap());
    let me = device.get("/api/v1/holder").status(200).json();
    assert_eq!(me["user_id"], ada.email.as_str());

    let all = ada.get(&house, "/devices").status(200);
    assert!(!all.text().contains(linked["token"].as_str().unwrap()), "a token in a list");
    let all = all.json();
    assert_eq!(all["devices"].as_array().unwrap().len(), 1, "{all}");
    let id = all["devices"][0]["id"].as_str().unwrap().to_owned();
    // What only a session may: a device links no device, and sees no sessions.
    let other = json!({ "name": "x", "kind": "phone", "public_key": pocket.public_key(),
        "otp": { "operation": "0".repeat(32), "code": "000000" } });
    assert_eq!(device.post("/api/v1/holder/devices", &other).status, 403);

    let mark = house.mail.mark();
    ada.client(&house).delete(&format!("/api/v1/holder/devices/{id}")).status(204);
    device.get("/api/v1/holder").problem(401, "unauthorized-holder");
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("phone of Ada"));
    assert_eq!(ada.get(&house, "/devices").json()["devices"], json!([]));
    for kind in ["device-linked", "device-unlinked"] {
        assert_eq!(ada.history(&house, kind).len(), 1, "{kind}");
    }
}

/// The code is for one key: another key, another purpose, no code at all are refused.
#[test]
fn a_device_is_linked_with_the_code_for_its_key() {
    let house = House::open();
    let ada = house.invited(0);
    let (own, other) = (Pocket::new(), Pocket::new());
    let code = |key: &str| {
        let asked = json!({ "purpose": "link-device", "kind": "phone", "public_key": key });
        ada.code(&house, &asked)
    };
    let send_as = |kind: &str, key: &str, otp: &Value| {
        let body = json!({ "name": "x", "kind": kind, "public_key": key, "otp": otp });
        ada.post(&house, "/devices", &body)
    };
    let send = |key: &str, otp: &Value| send_as("phone", key, otp);
    // Asked for to link a phone, it links no system: that one signs with nobody there.
    let otp = code(&own.public_key());
    let refused = send_as("system", &own.public_key(), &otp);
    refused.problem(409, "otp-for-other-operation");
    let otp = code(&own.public_key());
    send(&other.public_key(), &otp).problem(409, "otp-for-other-operation");
    let step = ada.code(&house, &json!({ "purpose": "step-up" }));
    send(&own.public_key(), &step).problem(409, "otp-for-other-operation");
    for key in ["", "AAAA", "not base64"] {
        let refused = send(key, &json!({ "operation": "0".repeat(32), "code": "123456" }));
        assert_eq!(refused.status / 100, 4, "{key}: {}", refused.text());
    }
    assert_eq!(ada.get(&house, "/devices").json()["devices"], json!([]));
}

/// Ten devices, and an eleventh is refused; a place is free again when one is unlinked.
#[test]
fn ten_devices_are_the_most() {
    let house = House::open();
    let ada = house.invited(0);
    let mut first = None;
    for _ in 0..10 {
        let linked = link(&house, &ada, &Pocket::new(), "phone").status(201).json();
        first.get_or_insert(linked["device"]["id"].as_str().unwrap().to_owned());
    }
    link(&house, &ada, &Pocket::new(), "phone").problem(409, "too-many-devices");
    let path = format!("/api/v1/holder/devices/{}", first.unwrap());
    ada.client(&house).delete(&path).status(204);
    ada.client(&house).delete(&path).problem(404, "unknown-device");
    link(&house, &ada, &Pocket::new(), "phone").status(201);
}

/// By name and password, or by API key; what is shown is the stamp account's own view.
#[test]
fn a_stamp_account_is_linked_by_its_own_login() {
    let house = House::open();
    let ada = house.invited(0);
    let account = Account::open(&house.service, "stamps", 5);
    let put = |body: &Value| ada.send(&house, "PUT", "/stamp-account", body);
    assert_eq!(ada.get(&house, "/stamp-account").status, 404);
    assert_eq!(put(&json!({ "name": account.name, "password": "wrong" })).status / 100, 4);
    assert_eq!(put(&json!({ "api_key": "marca_x" })).status / 100, 4);
    assert!(ada.get(&house, "").json()["stamp_account"].is_null());
    put(&json!({ "name": account.name, "password": account.password })).status(200);
    let shown = ada.get(&house, "/stamp-account").status(200).json();
    assert_eq!((shown["remaining"].as_u64(), shown["used"].as_u64()), (Some(5), Some(0)));
    assert_eq!(ada.get(&house, "").json()["stamp_account"]["name"], account.name.as_str());
    ada.client(&house).delete("/api/v1/holder/stamp-account").status(204);
    assert_eq!(ada.get(&house, "/stamp-account").status, 404);
    put(&json!({ "api_key": account.api_key })).status(200);
    // It rests on the key: another password changes nothing of it, and the end of the key ends it.
    house.admin().post(&account.path("/password"), &json!({})).status(200);
    assert_eq!(ada.get(&house, "/stamp-account").status(200).json()["remaining"], 5);
    let links = house.admin().get(&account.path("/links")).status(200).json();
    let prefix = links["links"][0]["api_key_prefix"].as_str().unwrap().to_owned();
    let mark = house.mail.mark();
    house.admin().delete(&account.path(&format!("/api-keys/{prefix}"))).status(204);
    ada.get(&house, "/stamp-account").problem(404, "not-found");
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("sa-"));
    let unlinked = ada.history(&house, "stamp-account-unlinked");
    assert_eq!(unlinked.last().unwrap()["actor"], "service");
}

/// Who took an account's stamps is seen by its owner, and by nobody else; a cut is at once.
#[test]
fn the_owner_of_a_stamp_account_sees_and_cuts_its_links() {
    let house = House::open();
    let (ada, bea) = (house.invited(0), house.invited(1));
    let account = Account::open(&house.service, "stamps", 5);
    let other = Account::open(&house.service, "other", 5);
    let login = json!({ "name": account.name, "password": account.password });
    for person in [&ada, &bea] {
        person.send(&house, "PUT", "/stamp-account", &login).status(200);
    }
    const LINKS: &str = "/api/v1/stamp-account/links";
    let owner = account.client(&house.service);
    let links = owner.get(LINKS).status(200).json();
    let found: Vec<_> = links["links"].as_array().unwrap().iter().collect();
    assert_eq!((found.len(), found[0]["by"].as_str()), (2, Some("password")), "{links}");
    assert!(!links.to_string().contains(&ada.email), "{links}");
    let first = owner.get(&format!("{LINKS}?limit=1")).status(200).json();
    let next = format!("{LINKS}?limit=1&after={}", first["next"].as_str().unwrap());
    assert_eq!(owner.get(&next).json()["links"][0], links["links"][1]);
    // Another account sees none of it, and cuts nothing.
    let path = format!("{LINKS}/{}", found[0]["holder"].as_str().unwrap());
    let stranger = other.client(&house.service);
    assert_eq!(stranger.get(LINKS).status(200).json()["links"], json!([]));
    stranger.delete(&path).problem(404, "not-found");
    ada.get(&house, "/stamp-account").status(200);

    let mark = house.mail.mark();
    owner.delete(&path).status(204);
    owner.delete(&path).problem(404, "not-found");
    ada.get(&house, "/stamp-account").problem(404, "not-found");
    bea.get(&house, "/stamp-account").status(200);
    house.mail.wait(mark, &ada.email, |mail| mail.text.contains("sa-"));
    let unlinked = ada.history(&house, "stamp-account-unlinked");
    assert!(unlinked[0]["actor"].as_str().unwrap().starts_with("account sa-"), "{unlinked:?}");

    let links = |arguments: &[&str]| {
        let line = [&["account", "links"], arguments].concat();
        house.service.cli(&line).ok().out
    };
    let second = found[1]["holder"].as_str().unwrap();
    let listed = links(&["list", "stamps"]);
    assert!(listed.contains(second) && listed.contains("password"), "{listed}");
    let cut = links(&["cut", "stamps", second]);
    assert_eq!(cut, format!("holder {second} takes no stamps from stamps any more\n"));
    bea.get(&house, "/stamp-account").problem(404, "not-found");
    let trail = house.admin().get("/api/v1/admin/trail?limit=1000").status(200).text();
    for told in ["stamp-account-link-end-asked-for", "stamp-account-unlinked"] {
        assert!(trail.contains(told), "{told}");
    }
}

/// A document is stamped without a signature; the device and the session see the count go down.
#[test]
fn a_document_is_stamped_and_the_count_changes_without_a_reload() {
    let house = House::open();
    let ada = house.invited(0);
    let account = Account::open(&house.service, "stamps", 2);
    let linked = link(&house, &ada, &Pocket::new(), "phone").status(201).json();
    let body = json!({ "api_key": account.api_key });
    ada.send(&house, "PUT", "/stamp-account", &body).status(200);
    let token = linked["token"].as_str().unwrap();
    let mut events = Raw::connect(house.service.address());
    events
        .write(
            format!(
                "GET /api/v1/holder/stamp-account/events HTTP/1.1\r\nHost: test\r\n\
                 Authorization: Bearer {token}\r\n\r\n"
            )
            .as_bytes(),
        )
        .unwrap();
    events.until("\"remaining\":2").unwrap();
    let stamp = |request: &[u8]| {
        let headers = [("Content-Type", QUERY)];
        let device = house.client().bearer(token);
        device.send("POST", "/api/v1/holder/timestamps", &headers, Some(request))
    };
    let answer = stamp(&request::fresh()).status(200);
    assert_eq!(answer.header("content-type"), Some(REPLY));
    assert_eq!(answer.header("stamps-remaining"), Some("1"));
    Reply::read(&answer.body).token().verify(&std::fs::read(house.service.ca_file()).unwrap());
    events.until("\"remaining\":1").unwrap();
    assert_eq!(account.balance(&house.service), (1, 1));
    stamp(&request::fresh()).status(200);
    let (bit, words) = Reply::read(&stamp(&request::fresh()).status(402).body).rejection();
    assert!(words.contains("stamps"), "failInfo {bit}: {words}");
    assert_eq!(account.balance(&house.service), (0, 2));
    // Unlinked, the next request finds nothing to stamp with, and the stream ends.
    ada.client(&house).delete("/api/v1/holder/stamp-account").status(204);
    assert_eq!(stamp(&request::fresh()).status / 100, 4);
    assert!(events.closes(), "the stream of an unlinked account goes on");
}
