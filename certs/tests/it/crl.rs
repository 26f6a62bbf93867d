//! Revocation lists: field by field, and whether OpenSSL agrees about who is revoked.

use crate::support::{Hierarchy, name, now, openssl_command, person, skipped, write_certificate};
use chrono::{DateTime, Datelike, Duration, TimeZone, Utc};
use marca_certs::crl::{self, CrlEntry, CrlError, EncodedEntry};
use marca_certs::{EndKind, KeyKind, RevocationReason, Serial};
use openssl::asn1::Asn1Integer;
use openssl::bn::BigNum;
use openssl::stack::StackRef;
use openssl::x509::{CrlStatus, X509Crl};
use proptest::prelude::*;
use rasn::types::Integer;
use rasn_pkix::CertificateList;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

static HIERARCHY: LazyLock<Hierarchy> = LazyLock::new(|| Hierarchy::new(KeyKind::P256));

/// RFC 5280 §4.1.2.5 begins with 1950, and GeneralizedTime has four digits for a year.
#[test]
fn a_date_that_cannot_be_written_is_refused() {
    let serial = Serial::from_bytes(&[1]).unwrap();
    for year in [-1, 0, 1949, 10_000] {
        let date = now().with_year(year).unwrap();
        let entry = |revoked_at, invalidity| {
            let reason = RevocationReason::Superseded;
            let serial = serial.clone();
            EncodedEntry::new(&CrlEntry { serial, revoked_at, reason, invalidity })
        };
        let said = format!("a date in the year {year} cannot be written: use 1950 to 9999");
        assert_eq!(entry(date, None).unwrap_err().to_string(), said);
        assert_eq!(entry(now(), Some(date)).unwrap_err().to_string(), said);
    }
}

fn entry(serial: &Serial, reason: RevocationReason) -> EncodedEntry {
    let entry = CrlEntry { serial: serial.clone(), revoked_at: now(), reason, invalidity: None };
    EncodedEntry::new(&entry).unwrap()
}

fn serial(text: &str) -> Serial {
    text.parse().unwrap()
}

fn list(entries: &[EncodedEntry]) -> Vec<u8> {
    let until = now() + Duration::days(1);
    crl::build(&HIERARCHY.issuing, 7, now(), until, entries).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_list_has_the_fields_of_rfc_5280() {
    let late = Utc.with_ymd_and_hms(2050, 1, 1, 0, 0, 0).unwrap();
    let entry = CrlEntry {
        serial: serial("c0ffee"),
        revoked_at: late,
        reason: RevocationReason::KeyCompromise,
        invalidity: Some(now() + Duration::milliseconds(999)),
    };
    let entries = [EncodedEntry::new(&entry).unwrap()];
    assert_eq!(*entries[0].serial(), entry.serial);
    let der = list(&entries);
    let list: CertificateList = rasn::der::decode(&der).unwrap();
    assert_eq!(rasn::der::encode(&list).unwrap(), der, "X.690: one encoding only");
    let tbs = &list.tbs_cert_list;
    // RFC 5280 §5.1.2.1: "this field MUST be present and MUST specify version 2 (the integer value
    // is 1)".
    assert_eq!(tbs.version.raw_value(), 1);
    assert_eq!(tbs.signature, list.signature_algorithm);
    assert_eq!(tbs.issuer, *HIERARCHY.issuing.subject());
    let extensions: Vec<_> = tbs.crl_extensions.as_ref().unwrap().iter().collect();
    let ids: Vec<_> = extensions.iter().map(|it| it.extn_id.to_string()).collect();
    assert_eq!(ids, ["2.5.29.35", "2.5.29.20"]);
    assert!(extensions.iter().all(|it| !it.critical));
    assert_eq!(hex(&extensions[1].extn_value), "020107");
    let own = HIERARCHY.issuing.certificate().subject_key_identifier().unwrap();
    assert_eq!(hex(&extensions[0].extn_value), format!("30168014{}", hex(own)));

    let [only] = tbs.revoked_certificates.as_slice() else { panic!("one entry") };
    assert_eq!(only.user_certificate, Integer::from(0x00c0_ffee));
    let expected = [
        // SEQUENCE { INTEGER 00c0ffee, GeneralizedTime 20500101000000Z (§5.1.2.4),
        "303f020400c0ffee180f32303530303130313030303030305a",
        // SEQUENCE { reasonCode ENUMERATED 1, invalidityDate GeneralizedTime 20260301120000Z } }
        "3026300a0603551d1504030a010130180603551d180411",
    ];
    let encoded = hex(&rasn::der::encode(only).unwrap());
    assert!(encoded.starts_with(&expected.concat()), "{encoded}");
    assert!(encoded.ends_with(&hex(b"\x18\x0f20260301120000Z")), "{encoded}");
}

#[test]
fn an_empty_list_has_no_entries_field() {
    let der = list(&[]);
    let list = X509Crl::from_der(&der).unwrap();
    assert!(list.get_revoked().is_none());
    assert!(list.verify(HIERARCHY.issuing.key().public_key()).unwrap());
    let decoded: CertificateList = rasn::der::decode(&der).unwrap();
    assert_eq!(rasn::der::encode(&decoded).unwrap(), der);
}

#[test]
fn every_kind_of_key_signs_a_list() {
    for kind in KeyKind::ALL {
        let hierarchy = Hierarchy::new(kind);
        let until = now() + Duration::hours(1);
        let entries = [entry(&serial("01"), RevocationReason::Superseded)];
        let der = crl::build(&hierarchy.issuing, u64::MAX, now(), until, &entries).unwrap();
        let list = X509Crl::from_der(&der).unwrap();
        assert!(list.verify(hierarchy.issuing.key().public_key()).unwrap(), "{kind}");
        assert!(!list.verify(hierarchy.root.key().public_key()).unwrap_or(false), "{kind}");
    }
}

#[test]
fn the_order_of_the_entries_does_not_matter() {
    let mut entries = ["ff", "02", "0100", "80", "7f"]
        .map(|text| entry(&serial(text), RevocationReason::CertificateHold))
        .to_vec();
    let first: CertificateList = rasn::der::decode(&list(&entries)).unwrap();
    entries.reverse();
    let second: CertificateList = rasn::der::decode(&list(&entries)).unwrap();
    assert_eq!(first.tbs_cert_list, second.tbs_cert_list);
    let numbers: Vec<_> = first
        .tbs_cert_list
        .revoked_certificates
        .iter()
        .map(|it| it.user_certificate.clone())
        .collect();
    assert_eq!(numbers, [2, 0x7f, 0x80, 0xff, 0x100].map(Integer::from));
}

#[test]
fn impossible_lists_are_refused() {
    let twice = [
        entry(&serial("4a"), RevocationReason::Superseded),
        entry(&serial("4b"), RevocationReason::Superseded),
        entry(&serial("4a"), RevocationReason::KeyCompromise),
    ];
    let until = now() + Duration::days(1);
    let error = crl::build(&HIERARCHY.issuing, 1, now(), until, &twice).unwrap_err();
    let text = "the certificate 4a stands in the revocation list twice: pass each entry once";
    assert_eq!(error.to_string(), text);
    for until in [now(), now() + Duration::milliseconds(900), now() - Duration::days(1)] {
        let error = crl::build(&HIERARCHY.issuing, 1, now(), until, &[]).unwrap_err();
        assert!(matches!(error, CrlError::Period { .. }), "{error}");
    }
}

/// The state of one serial number in a list, as OpenSSL sees it.
fn openssl_reason(list: &X509Crl, serial: &Serial) -> Option<i64> {
    let number = BigNum::from_slice(serial.as_bytes()).unwrap();
    let number = Asn1Integer::from_bn(&number).unwrap();
    match list.get_by_serial(&number) {
        CrlStatus::NotRevoked => None,
        CrlStatus::Revoked(entry) | CrlStatus::RemoveFromCrl(entry) => {
            let (critical, reason) = entry.extension::<openssl::x509::ReasonCode>().unwrap()?;
            assert!(!critical);
            reason.get_i64().ok()
        }
    }
}

prop_compose! {
    fn any_entry()(
        bytes in proptest::collection::vec(any::<u8>(), 1..=20),
        reason in proptest::sample::select(&RevocationReason::ALL[..]),
        seconds in 0_i64..4_000_000_000,
        since in proptest::option::of(0_i64..4_000_000_000),
    ) -> Option<CrlEntry> {
        let at = |seconds| DateTime::from_timestamp(seconds, 5).unwrap();
        let serial = Serial::from_bytes(&bytes).ok()?;
        Some(CrlEntry { serial, revoked_at: at(seconds), reason, invalidity: since.map(at) })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn openssl_finds_exactly_the_entries(
        entries in proptest::collection::vec(any_entry(), 0..40),
        others in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..=20), 5),
    ) {
        let entries: BTreeMap<_, _> =
            entries.into_iter().flatten().map(|it| (it.serial.clone(), it)).collect();
        let encoded: Vec<_> =
            entries.values().map(|it| EncodedEntry::new(it).unwrap()).collect();
        let der = list(&encoded);
        let decoded: CertificateList = rasn::der::decode(&der).unwrap();
        prop_assert_eq!(rasn::der::encode(&decoded).unwrap(), der.clone());
        let list = X509Crl::from_der(&der).unwrap();
        prop_assert_eq!(list.get_revoked().map_or(0, StackRef::len), entries.len());
        for (serial, entry) in &entries {
            let code = i64::from(entry.reason.code());
            prop_assert_eq!(openssl_reason(&list, serial), Some(code));
        }
        for other in others.iter().filter_map(|bytes| Serial::from_bytes(bytes).ok()) {
            if !entries.contains_key(&other) {
                prop_assert_eq!(openssl_reason(&list, &other), None);
            }
        }
    }
}

/// `openssl verify -crl_check_all` for `end.pem`.
fn verify(path: &Path) -> Option<(bool, String)> {
    let time = (now().timestamp() + 1).to_string();
    let arguments = ["verify", "-crl_check_all", "-x509_strict", "-attime", &time];
    let lists = ["-CRLfile", "root.crl", "-CRLfile", "tsa-ca.crl"];
    let files = ["-CAfile", "root.pem", "-untrusted", "chain.pem", "end.pem"];
    openssl_command(path, &[&arguments[..], &lists, &files].concat())
}

#[test]
fn the_openssl_command_agrees_after_each_change_of_status() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (issued, _) = hierarchy.issue(EndKind::HolderRemote, &person(), 40);
    let (other, _) = hierarchy.issue(EndKind::TlsClient, &name("Prova Client"), 41);
    write_certificate(path, "root.pem", hierarchy.root.certificate_der());
    write_certificate(path, "chain.pem", hierarchy.issuing.certificate_der());
    write_certificate(path, "end.pem", &issued.der);
    let until = now() + Duration::days(1);
    let write = |file: &str, der: &[u8]| {
        std::fs::write(path.join(file), marca_certs::pem::encode("X509 CRL", der)).unwrap();
    };
    let root_list = |entries: &[EncodedEntry]| {
        write("root.crl", &crl::build(&hierarchy.root, 1, now(), until, entries).unwrap());
    };
    let own_list = |number, entries: &[EncodedEntry]| {
        let der = crl::build(&hierarchy.issuing, number, now(), until, entries).unwrap();
        write("tsa-ca.crl", &der);
    };
    root_list(&[]);
    let Some(_) = openssl_command(path, &["version"]) else { return skipped() };
    let bystander = entry(&other.serial, RevocationReason::Superseded);

    own_list(1, std::slice::from_ref(&bystander));
    let (good, text) = verify(path).unwrap();
    assert!(good, "{text}");

    // Suspended, reactivated, revoked.
    let held = entry(&issued.serial, RevocationReason::CertificateHold);
    own_list(2, &[bystander.clone(), held]);
    let (good, text) = verify(path).unwrap();
    assert!(!good && text.contains("certificate revoked"), "{text}");
    own_list(3, std::slice::from_ref(&bystander));
    assert!(verify(path).unwrap().0);
    own_list(4, &[bystander, entry(&issued.serial, RevocationReason::KeyCompromise)]);
    assert!(!verify(path).unwrap().0);

    // The issuing CA itself.
    own_list(5, &[]);
    assert!(verify(path).unwrap().0);
    let ca = Serial::of(hierarchy.issuing.certificate()).unwrap();
    root_list(&[entry(&ca, RevocationReason::CaCompromise)]);
    let (good, text) = verify(path).unwrap();
    assert!(!good && text.contains("certificate revoked"), "{text}");
}

#[test]
fn the_openssl_command_shows_every_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let entries: Vec<_> = RevocationReason::ALL
        .into_iter()
        .map(|reason| entry(&serial(&format!("0{}", reason.code())), reason))
        .collect();
    std::fs::write(path.join("all.crl"), list(&entries)).unwrap();
    let arguments = ["crl", "-inform", "DER", "-in", "all.crl", "-noout", "-text"];
    let Some((true, text)) = openssl_command(path, &arguments) else { return skipped() };
    for expected in [
        "Version 2 (0x1)",
        "X509v3 CRL Number",
        "Key Compromise",
        "CA Compromise",
        "Affiliation Changed",
        "Superseded",
        "Cessation Of Operation",
        "Certificate Hold",
        "Privilege Withdrawn",
        "Last Update: Mar  1 12:00:00 2026 GMT",
        "Next Update: Mar  2 12:00:00 2026 GMT",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(!text.contains("Unspecified"), "{text}");
}

#[test]
fn reasons_have_numbers_and_names() {
    for reason in RevocationReason::ALL {
        assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
        assert_eq!(reason.name().parse(), Ok(reason));
    }
    for code in [0, 7, 8, 10, 255] {
        assert_eq!(RevocationReason::from_code(code), None, "RFC 5280 §5.3.1: {code}");
    }
    assert!("unspecified".parse::<RevocationReason>().is_err());
}

#[test]
fn serial_numbers_are_positive_and_short() {
    for (text, expected) in [("1", "01"), ("00ff", "ff"), ("ABcd", "abcd"), ("0080", "80")] {
        assert_eq!(serial(text).to_string(), expected);
    }
    for text in ["", "0", "0000", "-1", "0x12", "g", "1 2", &"7f".repeat(21), &"80".repeat(20)] {
        assert!(text.parse::<Serial>().is_err(), "{text}");
    }
    let longest = serial(&"7f".repeat(20));
    assert_eq!(longest.as_bytes(), [0x7f; 20]);
    assert!(serial("ff") < serial("0100") && serial("7f") < serial("80"));
}
