//! Holders' keys in a device: everything that a holder does with a credential, the device away and
//! back, and nothing of a key in the files of the service.

use super::renewal::phase;
use super::signing::{linked, public_key, values, verifies};
use crate::harness::person::{Person, base64, hashes};
use crate::harness::{Device, House, eventually};
use serde_json::json;
use std::path::Path;

/// Signs one text, and lets OpenSSL verify with the key of the certificate.
#[track_caller]
fn signs(house: &House, person: &Person, text: &str) {
    let wanted = hashes(&[text]);
    let sad = person.authorises(house, &wanted);
    let signed = person.signs(house, &sad, &wanted, false).status(200).json();
    let key = public_key(house, person);
    verifies(key.path(), &wanted[0], &values(&signed)[0], &[]);
}

/// Whether these octets stand in any file of the directory.
fn stands_in(directory: &Path, octets: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => stands_in(&path, octets),
            false => std::fs::read(&path).unwrap().windows(octets.len()).any(|part| part == octets),
        }
    })
}

/// From the activation to the renewal, over a restart; no private key is in the data directory.
#[test]
fn a_credential_lives_with_its_key_in_the_device() {
    let device = Device::start();
    let mut house = House::with_device(&[("key_store", "\"hsm\"")], &device);
    let mut ada = house.activated(0);
    signs(&house, &ada, "a contract");

    let change = json!({ "current": ada.pin, "new_pin": "51627384", "repeat": "51627384" });
    ada.act(&house, "pin", "change-pin", change).status(200);
    ada.pin = "51627384".to_owned();
    signs(&house, &ada, "after another PIN");

    let puk = ada.sheet().puk;
    let unlock = json!({ "puk": puk, "new_pin": "60718293", "repeat": "60718293",
        "passphrase": ada.passphrase });
    ada.act(&house, "unlock", "unlock-pin", unlock).status(200);
    ada.pin = "60718293".to_owned();
    signs(&house, &ada, "after the PUK");

    let before = ada.chain(&house);
    for number in 1..=5 {
        let answer = phase(&house, &ada, number);
        assert_eq!(answer.status / 100, 2, "phase {number}: {}", answer.text());
    }
    assert_ne!(ada.chain(&house), before);
    signs(&house, &ada, "after the renewal");

    house.service.restart();
    ada.logs_in(&house);
    signs(&house, &ada, "after a restart");

    let account = linked(&house, &ada, 2);
    let wanted = hashes(&["a stamped contract"]);
    let sad = ada.authorises(&house, &wanted);
    let signed = ada.signs(&house, &sad, &wanted, true).status(200).json();
    assert!(signed["signatures"][0]["timestamp"]["token"].is_string(), "{signed}");
    assert_eq!(account.balance(&house.service), (1, 1));

    // How PKCS#8 with a P-256 key begins: version 0, id-ecPublicKey and the curve.
    let head = [
        2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 3, 1, 7,
    ];
    for part in ["journal", "index"] {
        assert!(!stands_in(&house.service.data().join(part), &head), "{part}");
    }
}

/// Nothing is burned, no try is spent and no restart is needed for a device that was away.
#[test]
fn a_device_that_is_away_costs_nothing() {
    let device = Device::start();
    let mut house = House::with_device(&[("key_store", "\"hsm\"")], &device);
    let mut ada = house.activated(0);
    let mut bruno = house.invited(1);
    house.service.stop();
    device.hide_tokens(true);
    house.service.start();
    ada.logs_in(&house);
    bruno.logs_in(&house);
    // PIN and code need no device, and what they authorise is good when it is back.
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    for _ in 0..2 {
        ada.signs(&house, &sad, &wanted, false).problem(503, "key-away");
        let otp = bruno.code_for(&house, "activate");
        bruno.tries_to_activate(&house, &otp).problem(503, "key-device");
        assert_eq!(bruno.state(&house), "awaiting-activation");
    }
    device.hide_tokens(false);
    eventually("the device is there again", || {
        ada.signs(&house, &sad, &wanted, false).status == 200
    });
    bruno.activates(&house);
    signs(&house, &bruno, "a contract of Bruno");
    assert_eq!(ada.history(&house, "signature-made").len(), 1);
    assert!(ada.history(&house, "signature-failed").is_empty());
}

/// Another setting is for new keys: those that are there go on, in the store and in the device.
#[test]
fn another_setting_leaves_the_keys_that_are_there() {
    let device = Device::start();
    let mut house = House::with_device(&[("key", "\"rsa2048\"")], &device);
    let ada = house.activated(0);
    set_key_store(&mut house, "hsm");
    let mut bruno = house.invited(1);
    bruno.activates(&house);
    for person in [&ada, &bruno] {
        rsa_signs(&house, person);
    }
    set_key_store(&mut house, "file");
    rsa_signs(&house, &ada);
    bruno.logs_in(&house);
    rsa_signs(&house, &bruno);
}

/// Starts the service again with new keys made there.
fn set_key_store(house: &mut House, store: &str) {
    house.service.stop();
    let path = house.service.directory().join("marca.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("key_store"));
    let text = lines.map(|line| format!("{line}\n")).collect::<String>();
    let text = text.replace("[holders]\n", &format!("[holders]\nkey_store = \"{store}\"\n"));
    std::fs::write(&path, text).unwrap();
    house.service.start();
}

#[track_caller]
fn rsa_signs(house: &House, person: &Person) {
    let wanted = hashes(&["a contract"]);
    for (padding, salt) in [("pkcs1", None), ("pss", Some("rsa_pss_saltlen:digest"))] {
        let algorithm = format!("rsa-{padding}-sha256");
        let granted = person.tries_to_authorise(house, &algorithm, &wanted).status(201).json();
        let body = json!({ "sad": granted["sad"], "algorithm": algorithm,
            "hashes": base64(&wanted), "stamp": false });
        let signed = person.post(house, &person.own("/signatures"), &body).status(200).json();
        let mode = format!("rsa_padding_mode:{padding}");
        let mut options = vec!["-pkeyopt", "digest:sha256", "-pkeyopt", &mode];
        options.extend(salt.iter().flat_map(|salt| ["-pkeyopt", *salt]));
        let key = public_key(house, person);
        verifies(key.path(), &wanted[0], &values(&signed)[0], &options);
    }
}
