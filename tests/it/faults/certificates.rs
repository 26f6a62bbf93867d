//! Keys and certificates that a unit cannot issue with.
//!
//! Where one comes in, in the place of a unit's that was never registered, a start refuses it by
//! its field; what comes in through the administration is in `units/outside.rs`. A unit that loses
//! its key afterwards is not ready: it takes no stamp, is named, and holds up no other unit.

use crate::harness::certificates::{
    Certified, Purpose, certify, certify_key, certify_request_until,
};
use crate::harness::{Account, Config, Reply, Service, eventually, request};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Req;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A service with two units, of which the tests break the first, and an account with ten stamps.
fn two_units() -> (Service, Account) {
    let service = Config::new().unit("tsu1", "p256").unit("other", "p256").start();
    let account = Account::open(&service, "acme", 10);
    (service, account)
}

/// Starts the service, in which the key of `tsu1` does not sign: it is not ready and says `words`,
/// `tsu1` takes no stamp, and the other unit goes on.
#[track_caller]
fn starts_without_its_unit(service: &mut Service, account: &Account, words: &[&str]) {
    service.start();
    service.client().get("/healthz").status(200);
    let readiness = service.client().get("/readyz").status(503).json();
    let units = readiness["checks"]["units"].to_string();
    for word in ["tsu1"].iter().chain(words) {
        assert!(units.contains(word), "no {word} in {readiness}");
        assert!(service.log().contains(word), "no {word} in the log:\n{}", service.log());
    }
    let (client, before) = (account.client(service), account.balance(service));
    for path in ["/tsa", "/tsa/tsu1"] {
        let answer = client.stamp_at(path, &request::fresh());
        let granted = answer.status == 200 && Reply::read(&answer.body).is_granted();
        assert!(!granted, "{path}: {answer:?}");
    }
    assert_eq!(account.balance(service), before, "a refusal costs nothing");
    let answer = client.stamp_at("/tsa/other", &request::fresh()).status(200);
    assert!(Reply::read(&answer.body).is_granted());
    service.stop();
}

/// Starts the service, which is ready again and signs with `tsu1`.
#[track_caller]
fn starts_with_all(service: &mut Service, account: &Account) {
    service.start();
    service.client().get("/readyz").status(200);
    let answer = account.client(service).stamp(&request::fresh()).status(200);
    assert!(Reply::read(&answer.body).is_granted());
}

/// F12: a key that others can read is not read, and it says what to do.
#[test]
fn a_readable_key_is_not_used() {
    let (mut service, account) = two_units();
    service.stop();
    let key = service.data().join("keys/tsu-tsu1.key");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        starts_without_its_unit(&mut service, &account, &["tsu-tsu1.key", "chmod 600"]);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    starts_with_all(&mut service, &account);
}

/// A key that is damaged, gone or another one does not sign, and is never replaced.
#[test]
fn a_damaged_missing_or_other_key_is_not_used_and_kept() {
    let (mut service, account) = two_units();
    service.stop();
    let path = service.data().join("keys/tsu-tsu1.key");
    let good = fs::read(&path).unwrap();
    let half = &good[..good.len() / 2];
    let other = fs::read(service.data().join("keys/tsu-other.key")).unwrap();
    for (content, words) in [
        (half, &["tsu-tsu1.key", "restore a backup"][..]),
        (b"", &["tsu-tsu1.key"]),
        (&other, &["tsu-tsu1", "not the"]),
    ] {
        fs::write(&path, content).unwrap();
        starts_without_its_unit(&mut service, &account, words);
        assert_eq!(fs::read(&path).unwrap(), content, "it is left as it was found");
    }
    fs::remove_file(&path).unwrap();
    starts_without_its_unit(&mut service, &account, &["tsu-tsu1.key", "no such file"]);
    assert!(!path.exists(), "a new key would not be the one of the certificate");
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    starts_with_all(&mut service, &account);
}

/// The kind in the configuration is that of the next key: the one at work stays what it is.
#[test]
fn another_kind_in_the_configuration_is_for_the_next_key() {
    let (mut service, account) = two_units();
    service.stop();
    let config = service.directory().join("marca.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("p256", "p384", 1)).unwrap();
    starts_with_all(&mut service, &account);
    let unit = service.admin().get("/api/v1/admin/tsus/tsu1").status(200).json();
    assert_eq!(unit["generations"].as_array().unwrap().len(), 1, "{unit}");
    assert_eq!(unit["generations"][0]["key"], "p256", "{unit}");
}

/// K7, F12: when the certificate ends the unit stops by itself, and says why.
#[test]
fn a_unit_whose_certificate_ends_stops() {
    let service = Service::demo();
    let admin = service.admin();
    let unit = json!({ "id": "short", "key": "p256", "policies": ["0.4.0.2023.1.1"],
        "accuracy_ms": 1000, "certified_by": "outside" });
    admin.post("/api/v1/admin/tsus", &unit).status(201);
    let csr = admin.get("/api/v1/admin/tsus/short/csr").status(200).json();
    let csr = X509Req::from_pem(csr["csr"].as_str().unwrap().as_bytes()).unwrap();
    let root = certify("outside root", Purpose::Authority, None);
    let leaf = certify_request_until("short", Purpose::Unit, &root, &csr, 10);
    let chain = json!({ "chain": format!("{}{}", leaf.pem(), root.pem()) });
    admin.post("/api/v1/admin/tsus/short/certificate", &chain).status(200);
    admin.post("/api/v1/admin/tsus/short/activate", &json!({})).status(200);

    let client = service.demo_client();
    let stamp = || Reply::read(&client.stamp_at("/tsa/short", &request::fresh()).status(200).body);
    assert!(stamp().is_granted());
    eventually("it stops", || {
        let readiness = service.client().get("/readyz").json();
        readiness["checks"]["units"]["short"] != "ok"
    });
    let (before, (bit, _)) = (client.balance(), stamp().rejection());
    assert_eq!(bit, 25, "systemFailure");
    assert_eq!(client.balance(), before, "a refusal costs nothing");
    let readiness = service.client().get("/readyz").status(200).json();
    let reason = readiness["checks"]["units"]["short"].as_str().unwrap();
    assert!(reason.contains("certificate"), "{readiness}");
    client.stamp(&request::fresh()).status(200);
}

/// A stopped service whose configuration has a unit `old` more, with a key of a data directory
/// that is older than the registry of units.
fn with_an_old_unit() -> (Service, PKey<Private>) {
    let mut service = Config::new().start();
    service.stop();
    let config = service.directory().join("marca.toml");
    let unit = "[[tsu]]\nid = \"old\"\nkey = \"p256\"\npolicies = [\"0.4.0.2023.1.1\"]\n\
        accuracy_ms = 1000\n";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n{unit}")).unwrap();
    let certified = certify("unit", Purpose::Unit, None);
    certified.write(&service.data().join("keys"), "tsu-old");
    fs::remove_file(service.data().join("keys/tsu-old.pem")).unwrap();
    (service, certified.key)
}

/// Puts a certificate in the place of the old unit's, and what its chain ends at.
fn place(service: &Service, authority: &Certified, unit: &Certified) {
    let pki = service.data().join("pki");
    fs::write(pki.join("tsu-old.pem"), unit.pem()).unwrap();
    fs::write(pki.join("roots.pem"), authority.pem()).unwrap();
}

/// K1, K6, K7, F12: what a unit could not issue with is refused by its field, and nothing of it is
/// changed; with the right certificate the unit signs, and its tokens verify to the outside CA.
#[test]
fn a_certificate_of_before_is_checked_with_every_rule() {
    let (service, key) = with_an_old_unit();
    let authority = certify("Outside CA", Purpose::Authority, None);
    let unknown = certify("Unknown CA", Purpose::Authority, None);
    let issued = |purpose, issuer: &Certified, days| {
        certify_key("unit", purpose, Some(issuer), key.clone(), days)
    };
    let cases = [
        (issued(Purpose::Unit, &authority, (-400, -1)), "notAfter"),
        (issued(Purpose::Unit, &authority, (10, 400)), "notBefore"),
        // K1: one EKU extension, critical, with id-kp-timeStamping alone.
        (issued(Purpose::CodeSigning, &authority, (0, 365)), "extendedKeyUsage"),
        (issued(Purpose::LooseUnit, &authority, (0, 365)), "not critical"),
        // K6: the certificate is the key's, and its chain ends at a root that is known.
        (certify("unit", Purpose::Unit, Some(&authority)), "key"),
        (issued(Purpose::Unit, &unknown, (0, 365)), "Unknown CA"),
    ];
    for (unit, word) in &cases {
        place(&service, &authority, unit);
        let refused = service.fails_to_start().says("unit old");
        assert!(refused.err.contains(word), "no {word} in:\n{}", refused.err);
        let kept = fs::read(service.data().join("pki/tsu-old.pem")).unwrap();
        assert_eq!(kept, unit.pem().as_bytes());
    }
    fs::write(service.data().join("pki/tsu-old.pem"), "nothing").unwrap();
    service.fails_to_start().says("old");

    let good = issued(Purpose::Unit, &authority, (0, 365));
    place(&service, &authority, &good);
    let service = service.started();
    let account = Account::open(&service, "acme", 5);
    let answer = account.client(&service).stamp_at("/tsa/old", &request::fresh()).status(200);
    let token = Reply::read(&answer.body).token();
    token.verify(authority.pem().as_bytes());
    assert_eq!(token.certificates()[0].to_der().unwrap(), good.certificate.to_der().unwrap());
}

/// A key that was there before the unit is never replaced by one of the kind that is wanted.
#[test]
fn an_old_key_of_another_kind_is_refused_and_kept() {
    let (service, _) = with_an_old_unit();
    let config = service.directory().join("marca.toml");
    let text = fs::read_to_string(&config).unwrap();
    let (first, old) = text.rsplit_once("p256").unwrap();
    fs::write(&config, format!("{first}p384{old}")).unwrap();
    let path = service.data().join("keys/tsu-old.key");
    let before = fs::read(&path).unwrap();
    service.fails_to_start().says("tsu-old").says("not made for it");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A missing key of the CA is not made anew: that would be another CA of the same name.
#[test]
fn a_missing_ca_key_is_refused() {
    let mut service = Config::new().start();
    service.stop();
    let key = service.data().join("keys/issuing.key");
    fs::remove_file(&key).unwrap();
    service.fails_to_start().says("issuing");
    assert!(!key.exists());
}
