//! Signatures over hashes, alone and stamped in the same act; what is verified is verified by
//! OpenSSL, and the stamps are counted.

use crate::harness::person::{ECDSA, base64, hashes, unbase64};
use crate::harness::{Account, House, Person, openssl};
use serde_json::{Value, json};
use std::path::Path;

/// The public key of a person's certificate, as a file.
#[track_caller]
pub(super) fn public_key(house: &House, person: &Person) -> tempfile::TempDir {
    let directory = crate::harness::temporary();
    std::fs::write(directory.path().join("cert.pem"), person.chain(house)).unwrap();
    let convert = ["x509", "-in", "cert.pem", "-noout", "-pubkey"];
    let key = openssl(directory.path(), &convert).ok().out;
    std::fs::write(directory.path().join("key.pem"), key).unwrap();
    directory
}

/// `openssl pkeyutl -verify` over the hash.
#[track_caller]
pub(super) fn verifies(directory: &Path, hash: &[u8], value: &[u8], options: &[&str]) {
    std::fs::write(directory.join("hash"), hash).unwrap();
    std::fs::write(directory.join("value"), value).unwrap();
    let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-in", "hash"];
    let more = ["-sigfile", "value"];
    let said = openssl(directory, &[&verify[..], &more, options].concat()).ok();
    assert!(said.out.contains("Verified Successfully"), "{said:?}");
}

/// The values of an answer, in its order.
#[track_caller]
pub(super) fn values(answer: &Value) -> Vec<Vec<u8>> {
    answer["signatures"].as_array().unwrap().iter().map(|one| unbase64(&one["value"])).collect()
}

/// A stamp account of this person with so many stamps, linked.
#[track_caller]
pub(super) fn linked(house: &House, person: &Person, stamps: u64) -> Account {
    let account = Account::open(&house.service, "stamps-of-ada", stamps);
    let body = json!({ "name": account.name, "password": account.password });
    person.send(house, "PUT", "/stamp-account", &body).status(200);
    account
}

/// Two hashes, PIN and code for both, two values that OpenSSL verifies, and the history says so.
#[test]
fn hashes_are_signed() {
    let house = House::open();
    let ada = house.activated(0);
    let key = public_key(&house, &ada);
    let wanted = hashes(&["a contract", "its annex"]);
    let sad = ada.authorises(&house, &wanted);
    let signed = ada.signs(&house, &sad, &wanted, false).status(200).json();
    for (hash, value) in wanted.iter().zip(values(&signed)) {
        verifies(key.path(), hash, &value, &[]);
    }
    assert_eq!(ada.history(&house, "signature-authorised").len(), 1);
    let made = ada.history(&house, "signature-made");
    assert!(!made.is_empty() && made.len() <= 2, "{made:?}");
}

/// RSA with both paddings and each digest, each verified with the options that name them.
#[test]
fn rsa_keys_sign_with_both_paddings() {
    let house = House::with(&[("key", "\"rsa3072\"")]);
    let ada = house.activated(0);
    let key = public_key(&house, &ada);
    let text = b"a contract";
    let digests = [
        ("sha256", openssl::sha::sha256(text).to_vec()),
        ("sha384", openssl::sha::sha384(text).to_vec()),
        ("sha512", openssl::sha::sha512(text).to_vec()),
    ];
    for (name, hash) in digests {
        for padding in ["pkcs1", "pss"] {
            let algorithm = format!("rsa-{padding}-{name}");
            let one = vec![hash.clone()];
            let granted = ada.tries_to_authorise(&house, &algorithm, &one).status(201).json();
            let body = json!({ "sad": granted["sad"], "algorithm": algorithm,
                "hashes": base64(&one), "stamp": false });
            let signed = ada.post(&house, &ada.own("/signatures"), &body).status(200).json();
            let digest = format!("digest:{name}");
            let mode = format!("rsa_padding_mode:{padding}");
            let mut options = vec!["-pkeyopt", &digest, "-pkeyopt", &mode];
            if padding == "pss" {
                options.extend(["-pkeyopt", "rsa_pss_saltlen:digest"]);
            }
            verifies(key.path(), &hash, &values(&signed)[0], &options);
        }
    }
    let wrong = ada.tries_to_authorise(&house, ECDSA, &hashes(&["a contract"]));
    wrong.problem(422, "algorithm-of-other-key");
}

/// Signing and stamping is one act: the token stands over the signature value, one stamp each.
#[test]
fn a_signature_is_stamped_in_the_same_act() {
    let house = House::open();
    let ada = house.activated(0);
    let account = linked(&house, &ada, 3);
    let key = public_key(&house, &ada);
    let wanted = hashes(&["a contract", "its annex"]);
    let sad = ada.authorises(&house, &wanted);
    let signed = ada.signs(&house, &sad, &wanted, true).status(200).json();
    assert_eq!(signed["stamps_remaining"], 1, "{signed}");
    for (number, (hash, value)) in wanted.iter().zip(values(&signed)).enumerate() {
        verifies(key.path(), hash, &value, &[]);
        let token = unbase64(&signed["signatures"][number]["timestamp"]["token"]);
        std::fs::write(key.path().join("token"), token).unwrap();
        let ca = house.service.ca_file();
        let verify = ["ts", "-verify", "-data", "value", "-in", "token", "-token_in", "-CAfile"];
        let said = openssl(key.path(), &[&verify[..], &[ca.to_str().unwrap()]].concat()).ok();
        assert!(said.out.contains("Verification: OK"), "{said:?}");
    }
    assert_eq!(account.balance(&house.service), (1, 2));
    // One stamp is left for two signatures: neither is made, and no stamp goes.
    let wanted = hashes(&["a third", "a fourth"]);
    let sad = ada.authorises(&house, &wanted);
    let answer = ada.signs(&house, &sad, &wanted, true);
    let text = answer.text();
    if answer.status == 200 {
        let shown = answer.json();
        let signed = values_given(&shown);
        let (remaining, used) = account.balance(&house.service);
        assert_eq!((remaining, used), (1 - signed, 2 + signed), "{text}");
    } else {
        assert!(text.contains("stamp-none-left"), "{text}");
        assert_eq!(account.balance(&house.service), (1, 2));
    }
    account.check_statement(&house.service);
}

/// How many of an answer's signatures were given, each with its stamp.
fn values_given(answer: &Value) -> u64 {
    let all = answer["signatures"].as_array().unwrap();
    let given: Vec<&Value> = all.iter().filter(|one| one["value"].is_string()).collect();
    assert!(given.iter().all(|one| one["timestamp"]["token"].is_string()), "{answer}");
    given.len() as u64
}

/// Without a linked account there is nothing to stamp with, and nothing is signed.
#[test]
fn no_stamp_account_no_stamped_signature() {
    let house = House::open();
    let ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    let refused = ada.signs(&house, &sad, &wanted, true);
    assert_eq!(refused.status / 100, 4, "{}", refused.text());
    assert!(ada.history(&house, "signature-made").is_empty());
}

/// What was authorised is signed once, by whom and for what it was authorised, and nothing else.
#[test]
fn an_authorisation_is_for_these_hashes_once() {
    let house = House::open();
    let ada = house.activated(0);
    let (wanted, other) = (hashes(&["a contract", "its annex"]), hashes(&["something else"]));
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &other, false).problem(403, "hash-not-authorised");
    ada.signs(&house, &"0".repeat(64), &wanted, false).problem(403, "unknown-sad");
    let body = json!({ "sad": sad, "algorithm": "ecdsa-sha384",
        "hashes": base64(&[vec![0; 48]]), "stamp": false });
    let refused = ada.post(&house, &ada.own("/signatures"), &body);
    refused.problem(403, "sad-for-other-algorithm");
    // Another session of the same holder did not authorise it.
    let mut again = ada.clone();
    again.logs_in(&house);
    again.signs(&house, &sad, &wanted, false).problem(403, "sad-of-other-access");
    // One after the other is fine, twice is not.
    ada.signs(&house, &sad, &wanted[..1], false).status(200);
    ada.signs(&house, &sad, &wanted[..1], false).problem(403, "hash-used");
    ada.signs(&house, &sad, &wanted[1..], false).status(200);
    ada.signs(&house, &sad, &wanted[1..], false);
    assert_eq!(signatures(&ada, &house), 2);
}

/// Signatures that the history counts.
#[track_caller]
fn signatures(person: &Person, house: &House) -> u64 {
    let made = person.history(house, "signature-made");
    made.iter()
        .map(|entry| match entry["details"]["count"].as_str() {
            Some(count) => count.parse().unwrap(),
            None => 1,
        })
        .sum()
}

/// Many at once with the same authorisation: each hash is signed once.
#[test]
fn an_authorisation_used_at_once_signs_once() {
    let house = House::open();
    let ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    for _ in 0..3 {
        let sad = ada.authorises(&house, &wanted);
        let before = signatures(&ada, &house);
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| ada.signs(&house, &sad, &wanted, false).status))
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let signed = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(signed, 1, "{answers:?}");
        assert_eq!(signatures(&ada, &house), before + 1);
    }
}

/// Each factor is needed, for these hashes; the code of one set of hashes is none for another.
#[test]
fn a_signature_needs_the_pin_and_a_code_for_these_hashes() {
    let house = House::open();
    let ada = house.activated(0);
    let (wanted, other) = (hashes(&["a contract"]), hashes(&["something else"]));
    let path = ada.own("/authorisations");
    let ask = |hashes: &[Vec<u8>], pin: &str, otp: &Value| {
        let body = json!({ "algorithm": ECDSA, "hashes": base64(hashes), "pin": pin, "otp": otp });
        ada.post(&house, &path, &body)
    };
    let otp = ada.code(&house, &ada.to_sign(ECDSA, &other));
    ask(&wanted, &ada.pin, &otp).problem(409, "otp-for-other-operation");
    let otp = ada.code(&house, &ada.to_sign(ECDSA, &wanted));
    let mut wrong = otp.clone();
    let digit = if otp["code"].as_str().unwrap().starts_with('0') { '1' } else { '0' };
    wrong["code"] = json!(format!("{digit}{}", &otp["code"].as_str().unwrap()[1..]));
    ask(&wanted, &ada.pin, &wrong).problem(403, "otp-wrong");
    let stepped = ada.code(&house, &json!({ "purpose": "step-up" }));
    ask(&wanted, &ada.pin, &stepped).problem(409, "otp-for-other-operation");
    let otp = ada.code(&house, &ada.to_sign(ECDSA, &wanted));
    ask(&wanted, "90817263", &otp).problem(403, "wrong-pin");
    let otp = ada.code(&house, &ada.to_sign(ECDSA, &wanted));
    ask(&wanted, &ada.pin, &otp).status(201);
    // A code is good once.
    assert_eq!(ask(&wanted, &ada.pin, &otp).status / 100, 4);
    let mut bare = ada.to_sign(ECDSA, &wanted);
    bare["sign"]["hashes"] = json!([]);
    ada.post(&house, "/one-time-codes", &bare).problem(422, "no-hashes");
    bare["sign"]["hashes"] = json!(base64(&[vec![0; 31]]));
    ada.post(&house, "/one-time-codes", &bare).problem(422, "hash-length");
    bare["sign"]["hashes"] = json!(base64(&vec![vec![0; 32]; 101]));
    ada.post(&house, "/one-time-codes", &bare).problem(422, "too-many-hashes");
    assert!(ada.history(&house, "signature-made").is_empty());
}

/// A restart locks every key again: who was authorised before authorises anew.
#[test]
fn a_restart_ends_an_authorisation() {
    let mut house = House::open();
    let ada = house.activated(0);
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    house.service.restart();
    ada.signs(&house, &sad, &wanted, false).problem(409, "key-locked");
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);
}

/// An automatic credential: a linked system opens a window with the PIN, and signs without codes
/// until the window is used up; nobody else's token signs in it.
#[test]
fn a_system_signs_unattended_in_a_window() {
    let house = House::open();
    let mut ada = Person::new(0);
    ada.kind = "automatic";
    ada.asks_for_an_account(&house);
    let token = ada.is_invited(&house);
    ada.chooses_password(&house, &token);
    ada.logs_in(&house);
    ada.activates(&house);
    let key = public_key(&house, &ada);
    let (system, _) = super::isolation::link(&house, &ada, "system");
    let system = house.client().bearer(&system);
    let own = |rest: &str| format!("/api/v1/holder{}", ada.own(rest));
    let open = |pin: &str, signatures: u32| {
        let body = json!({ "algorithm": ECDSA, "signatures": signatures, "pin": pin,
            "ends_at": crate::harness::in_seconds(600) });
        system.post(&own("/windows"), &body)
    };
    open("90817263", 2).problem(403, "wrong-pin");
    open(&ada.pin, 0).problem(422, "window-count");
    let sad = open(&ada.pin, 2).status(201).json()["sad"].as_str().unwrap().to_owned();
    let sign = |text: &str| {
        let body = Person::signing(&sad, &hashes(&[text]), false);
        system.post(&own("/signatures"), &body)
    };
    for text in ["one", "two"] {
        let signed = sign(text).status(200).json();
        verifies(key.path(), &hashes(&[text])[0], &values(&signed)[0], &[]);
    }
    sign("three").problem(409, "window-spent");
    let sad = open(&ada.pin, 2).status(201).json()["sad"].as_str().unwrap().to_owned();
    let stolen = ada.signs(&house, &sad, &hashes(&["four"]), false);
    assert_eq!(stolen.status, 403, "{}", stolen.text());
    // Of a remote credential there is no window.
    let bruno = house.activated(1);
    let (other, _) = super::isolation::link(&house, &bruno, "system");
    let body = json!({ "algorithm": ECDSA, "signatures": 2, "pin": bruno.pin,
        "ends_at": crate::harness::in_seconds(600) });
    let path = format!("/api/v1/holder{}", bruno.own("/windows"));
    house.client().bearer(&other).post(&path, &body).problem(409, "not-automatic");
}

/// The receipt of a time lists what was signed, with its stamp; that of one signature lists it
/// alone; nobody else's is in it.
#[test]
fn a_receipt_lists_what_was_signed() {
    let house = House::open();
    let ada = house.activated(0);
    linked(&house, &ada, 1);
    let wanted = hashes(&["a contract", "its annex"]);
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted[..1], false).status(200);
    let stamped = ada.signs(&house, &sad, &wanted[1..], true).status(200).json();
    let stamp = stamped["signatures"][0]["timestamp"]["serial"].as_str().unwrap().to_owned();
    let serial = ada.credential(&house)["serial"].as_str().unwrap().to_owned();

    let text = receipt(&ada, &house, "");
    for part in [
        "Receipt of signatures",
        "Holder Ada Rossi",
        "User ID ada@example.org",
        "Signatures listed 2",
        "ECDSA, SHA-256",
        "Page 1 of 1",
        &ada.credential,
        &serial,
        &stamp,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches(&serial).count(), 2, "{text}");
    for hash in &wanted {
        assert!(text.contains(&grouped(hash)), "{text}");
    }
    let made = ada.history(&house, "signature-made");
    let [first, second] = &made[..] else { panic!("{made:?}") };
    let one = receipt(&ada, &house, &format!("?entry={}", second["place"].as_str().unwrap()));
    assert!(one.contains("This one signature") && one.contains("Signatures listed 1"), "{one}");
    assert!(one.contains(&stamp) && !one.contains(&grouped(&wanted[0])), "{one}");

    let frame = format!("?from={}&to={}", at(first), at(second));
    let text = receipt(&ada, &house, &frame);
    assert!(text.contains(&grouped(&wanted[0])) && !text.contains(&stamp), "{text}");
    let bruno = house.invited(1);
    let none = receipt(&bruno, &house, "");
    assert!(none.contains("Bruno Bianchi") && none.contains("no signature"), "{none}");
    let other = first["place"].as_str().unwrap();
    bruno.get(&house, &format!("/history/receipt?entry={other}")).problem(404, "not-found");
    let login = &ada.history(&house, "login-succeeded")[0]["place"];
    let login = format!("/history/receipt?entry={}", login.as_str().unwrap());
    ada.get(&house, &login).problem(404, "not-found");
    for wrong in ["?entry=7", "?entry=1-1&to=2026-01-01T00:00:00Z", "?limit=3", "?from=yesterday"] {
        let refused = ada.get(&house, &format!("/history/receipt{wrong}")).problem(400, "invalid");
        assert!(wrong != "?from=yesterday" || refused.text().contains("RFC 3339"), "{wrong}");
    }
}

fn at(entry: &Value) -> &str {
    entry["at"].as_str().unwrap()
}

/// A receipt as its reader has it, in one line.
#[track_caller]
fn receipt(person: &Person, house: &House, query: &str) -> String {
    let answer = person.get(house, &format!("/history/receipt{query}")).status(200);
    assert_eq!(answer.header("content-type"), Some("application/pdf"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let directory = crate::harness::temporary();
    std::fs::write(directory.path().join("receipt.pdf"), &answer.body).unwrap();
    let run = |name: &str, arguments: &[&str]| {
        crate::harness::Program::new(name, arguments).directory(directory.path()).run().ok()
    };
    let checked = run("qpdf", &["--check", "receipt.pdf"]);
    assert!(checked.out.contains("File is not encrypted"), "{checked:?}");
    let text = run("pdftotext", &["-layout", "receipt.pdf", "-"]).out;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A hash as a receipt has it.
fn grouped(hash: &[u8]) -> String {
    hash.chunks(4).map(hex::encode).collect::<Vec<_>>().join(" ")
}
