//! Keys and certificates that a unit cannot issue with: refused at the start, by name.

use crate::harness::certificates::{Certified, Purpose, certify, certify_key};
use crate::harness::{Config, Reply, Service, request};
use openssl::pkey::PKey;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A stopped service and the files of its unit.
fn stopped() -> Service {
    let mut service = Config::new().start();
    service.stop();
    service
}

fn unit_key(service: &Service) -> PKey<openssl::pkey::Private> {
    let pem = fs::read(service.data().join("keys/tsu-tsu1.key")).unwrap();
    PKey::private_key_from_pem(&pem).unwrap()
}

/// Puts a certificate of another CA in the place of the unit's.
fn replace(service: &Service, authority: &Certified, unit: &Certified) {
    let pki = service.data().join("pki");
    fs::write(pki.join("tsu-tsu1.pem"), unit.pem()).unwrap();
    fs::write(pki.join("roots.pem"), authority.pem()).unwrap();
}

/// A key that others can read is not read.
#[test]
fn a_readable_key_is_refused() {
    let service = stopped();
    let key = service.data().join("keys/tsu-tsu1.key");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let refused = service.fails_to_start().says("tsu-tsu1.key");
        assert!(refused.err.contains("600"), "it says what to do:\n{}", refused.err);
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let _started = service.started();
}

/// A damaged key, and a key of another kind than the configuration says, are never replaced.
#[test]
fn a_damaged_or_other_key_is_refused_and_kept() {
    let service = stopped();
    let path = service.data().join("keys/tsu-tsu1.key");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    service.fails_to_start().says("tsu-tsu1.key");
    assert_eq!(fs::read(&path).unwrap().len(), good.len() / 2);
    fs::write(&path, &good).unwrap();
    let config = service.directory().join("marca.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("p256", "p384")).unwrap();
    service.fails_to_start().says("p384");
    assert_eq!(fs::read(&path).unwrap(), good);
}

/// F12, K7: a certificate that is over, or not begun, is refused.
#[test]
fn an_expired_certificate_is_refused() {
    for (days, word) in [((-400, -1), "notAfter"), ((10, 400), "notBefore")] {
        let service = stopped();
        let authority = certify("Outside CA", Purpose::Authority, None);
        let key = unit_key(&service);
        let unit = certify_key("unit", Purpose::Unit, Some(&authority), key, days);
        replace(&service, &authority, &unit);
        let refused = service.fails_to_start().says("tsu-tsu1.pem");
        assert!(refused.err.contains(word), "{days:?}:\n{}", refused.err);
    }
}

/// K1: one EKU extension, critical, with id-kp-timeStamping alone; refused by its name.
#[test]
fn a_certificate_for_something_else_is_refused() {
    let service = stopped();
    let authority = certify("Outside CA", Purpose::Authority, None);
    let key = unit_key(&service);
    let unit = certify_key("unit", Purpose::CodeSigning, Some(&authority), key, (0, 365));
    replace(&service, &authority, &unit);
    service.fails_to_start().says("extendedKeyUsage").says("tsu-tsu1.pem");
}

/// K6: the certificate has to be the key's, and its chain has to end at a root that is known.
#[test]
fn a_foreign_certificate_is_refused() {
    let service = stopped();
    let authority = certify("Outside CA", Purpose::Authority, None);
    let other_key = certify("unit", Purpose::Unit, Some(&authority));
    replace(&service, &authority, &other_key);
    service.fails_to_start().says("key");

    let unknown = certify("Unknown CA", Purpose::Authority, None);
    let key = unit_key(&service);
    let unit = certify_key("unit", Purpose::Unit, Some(&unknown), key, (0, 365));
    replace(&service, &authority, &unit);
    service.fails_to_start().says("tsu-tsu1.pem");
    fs::write(service.data().join("pki/tsu-tsu1.pem"), "nothing").unwrap();
    service.fails_to_start().says("tsu-tsu1.pem");
}

/// A missing key of the CA is not made anew: that would be another CA of the same name.
#[test]
fn a_missing_ca_key_is_refused() {
    let service = stopped();
    fs::remove_file(service.data().join("keys/issuing.key")).unwrap();
    service.fails_to_start().says("issuing");
    assert!(!service.data().join("keys/issuing.key").exists());
}

/// A certificate of an outside CA is good when all of it is right; its tokens verify to its root.
#[test]
fn a_certificate_of_an_outside_ca_is_taken() {
    let service = stopped();
    let authority = certify("Outside CA", Purpose::Authority, None);
    let key = unit_key(&service);
    let unit = certify_key("unit", Purpose::Unit, Some(&authority), key, (0, 365));
    replace(&service, &authority, &unit);
    let service = service.started();
    let account = crate::harness::Account::open(&service, "acme", 5);
    let answer = account.client(&service).stamp(&request::fresh()).status(200);
    let token = Reply::read(&answer.body).token();
    token.verify(authority.pem().as_bytes());
    assert_eq!(token.certificates()[0].to_der().unwrap(), unit.certificate.to_der().unwrap());
}
