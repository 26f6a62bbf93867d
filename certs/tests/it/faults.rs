//! Every fault of a TSU certificate, one by one, with its text.
//!
//! `tests/golden/tsu-faults.txt` shows what an operator reads for each wrong certificate. When a
//! text is changed on purpose, the failing test prints the new file.

use crate::support::{Alter, Hierarchy, SeededRng, key, name, now, policy};
use chrono::{Duration, TimeZone, Utc};
use marca_certs::{
    CaProfile, CertificateAuthority, KeyKind, Severity, SigningKey, TsuCertificate, TsuFault,
    TsuProfile, check_tsu,
};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use rasn::types::{BitString, Integer, ObjectIdentifier};
use rasn_pkix::{
    AlgorithmIdentifier, BasicConstraints, Extension, Name, PrivateKeyUsagePeriod, Time, Version,
};
use std::fmt::Write;
use std::sync::Arc;

type Outcome = Result<TsuCertificate, Vec<TsuFault>>;

const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];
const PRIVATE_KEY_USAGE_PERIOD: &[u32] = &[2, 5, 29, 16];

fn oid(arcs: &[u32]) -> ObjectIdentifier {
    ObjectIdentifier::new(arcs.to_vec()).unwrap()
}

#[test]
fn every_wrong_certificate_has_its_text() {
    let mut text = String::new();
    for (title, outcome) in
        [purposes(), constraints(), extensions(), fields(), times(), keys(), links(), issuers()]
            .into_iter()
            .chain([limits(), reading()])
            .flatten()
    {
        let faults = match &outcome {
            Ok(unit) => unit.warnings(),
            Err(faults) => faults,
        };
        let verdict = if outcome.is_ok() { "accepted" } else { "refused" };
        writeln!(text, "## {title}: {verdict}").unwrap();
        for fault in faults {
            let severity = match fault.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            writeln!(text, "{severity}: {fault}").unwrap();
        }
        text.push('\n');
    }
    let golden = include_str!("../golden/tsu-faults.txt");
    assert!(text == golden, "tests/golden/tsu-faults.txt should be:\n{text}");
}

fn altered(change: impl FnOnce(&mut Alter)) -> Outcome {
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_unit(change);
    hierarchy.check()
}

fn with_extension(id: &'static [u32], change: impl FnOnce(&mut Extension)) -> Outcome {
    altered(|certificate| change(certificate.extension(&oid(id))))
}

fn purposes() -> Vec<(&'static str, Outcome)> {
    let set = |list: &[&[u32]]| {
        let list: Vec<ObjectIdentifier> = list.iter().map(|arcs| oid(arcs)).collect();
        with_extension(EXTENDED_KEY_USAGE, |found| {
            found.extn_value = rasn::der::encode(&list).unwrap().into();
        })
    };
    let stamping: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 8];
    vec![
        ("a good certificate", altered(|_| ())),
        ("EKU missing", altered(|it| it.remove(&oid(EXTENDED_KEY_USAGE)))),
        ("EKU not critical", with_extension(EXTENDED_KEY_USAGE, |found| found.critical = false)),
        ("EKU with code signing too", set(&[stamping, &[1, 3, 6, 1, 5, 5, 7, 3, 3]])),
        ("EKU with stamping twice", set(&[stamping, stamping])),
        ("EKU with another purpose", set(&[&[1, 3, 6, 1, 4, 1, 99999, 7]])),
        ("EKU with any purpose", set(&[&[2, 5, 29, 37, 0]])),
        ("EKU with no purpose", set(&[])),
        (
            "EKU unreadable",
            with_extension(EXTENDED_KEY_USAGE, |found| found.extn_value = vec![1, 2, 3].into()),
        ),
    ]
}

fn constraints() -> Vec<(&'static str, Outcome)> {
    let bits = |byte: u8, length: usize| {
        let mut bits = BitString::from_slice(&[byte]);
        bits.truncate(length);
        with_extension(KEY_USAGE, |found| {
            found.extn_value = rasn::der::encode(&bits).unwrap().into();
        })
    };
    let authority = BasicConstraints { ca: true, path_len_constraint: None };
    let authority = rasn::der::encode(&authority).unwrap();
    vec![
        ("keyUsage missing", altered(|it| it.remove(&oid(KEY_USAGE)))),
        ("keyUsage not critical", with_extension(KEY_USAGE, |found| found.critical = false)),
        ("keyUsage nonRepudiation", bits(0b0100_0000, 2)),
        ("keyUsage digitalSignature, keyCertSign", bits(0b1000_0100, 6)),
        ("keyUsage keyAgreement", bits(0b0000_1000, 5)),
        ("keyUsage empty", bits(0, 0)),
        (
            "a CA's certificate",
            with_extension(BASIC_CONSTRAINTS, |found| found.extn_value = authority.into()),
        ),
        ("basicConstraints missing", altered(|it| it.remove(&oid(BASIC_CONSTRAINTS)))),
        (
            "basicConstraints unreadable",
            with_extension(BASIC_CONSTRAINTS, |found| found.extn_value = vec![5, 0].into()),
        ),
    ]
}

fn extensions() -> Vec<(&'static str, Outcome)> {
    let unknown = |critical| {
        altered(|certificate| {
            let extn_id = oid(&[1, 3, 6, 1, 4, 1, 99999, 8]);
            let extn_value = vec![5, 0].into();
            certificate.extensions().push(Extension { extn_id, critical, extn_value });
        })
    };
    vec![
        (
            "EKU repeated",
            altered(|certificate| {
                let copy = certificate.extension(&oid(EXTENDED_KEY_USAGE)).clone();
                certificate.extensions().push(copy);
            }),
        ),
        ("a critical extension that nobody knows", unknown(true)),
        ("an extension that nobody knows", unknown(false)),
        (
            "no recommended extension",
            altered(|certificate| {
                let required = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE].map(oid);
                certificate.extensions().retain(|found| required.contains(&found.extn_id));
            }),
        ),
    ]
}

fn fields() -> Vec<(&'static str, Outcome)> {
    let serial = |der: &'static [u8]| {
        altered(|certificate| certificate.tbs.serial_number = rasn::der::decode(der).unwrap())
    };
    let longest: &[u8] = b"\x02\x14\x7f4567890123456789abc";
    let longer: &[u8] = b"\x02\x15\x7f4567890123456789abcd";
    let nameless = altered(|certificate| {
        let Name::RdnSequence(parts) = &mut certificate.tbs.subject;
        // What is left is organizationIdentifier and commonName.
        parts.drain(..2);
    });
    let until = |days| {
        altered(|certificate| {
            let end = (now() + Duration::days(days)).fixed_offset();
            certificate.tbs.validity.not_after = Time::General(end);
            let period = PrivateKeyUsagePeriod { not_before: None, not_after: Some(end) };
            let period = rasn::der::encode(&period).unwrap();
            certificate.extension(&oid(PRIVATE_KEY_USAGE_PERIOD)).extn_value = period.into();
        })
    };
    vec![
        ("version 1", altered(|it| it.tbs.version = Version::V1)),
        ("the serial number 0", serial(&[2, 1, 0])),
        ("a negative serial number", serial(&[2, 1, 0x80])),
        ("a serial number of 20 octets", serial(longest)),
        ("a serial number of 21 octets", serial(longer)),
        ("a subject without country and organization", nameless),
        ("a key that signs for 15 months", until(465)),
        ("a key and a certificate for 12 years", until(12 * 365)),
    ]
}

fn times() -> Vec<(&'static str, Outcome)> {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let period = |not_before, not_after| {
        let value = rasn::der::encode(&PrivateKeyUsagePeriod { not_before, not_after }).unwrap();
        with_extension(PRIVATE_KEY_USAGE_PERIOD, |found| found.extn_value = value.into())
    };
    let tomorrow = (now() + Duration::days(1)).fixed_offset();
    let yesterday = (now() - Duration::days(1)).fixed_offset();
    vec![
        ("a second too early", hierarchy.check_at(now() - Duration::seconds(1))),
        ("the first second", hierarchy.check_at(now())),
        ("the last second of the key", hierarchy.check_at(now() + Duration::days(365))),
        ("a second later", hierarchy.check_at(now() + Duration::days(365) + Duration::seconds(1))),
        ("after the certificate", hierarchy.check_at(now() + Duration::days(1461))),
        ("key usage from tomorrow", period(Some(tomorrow), None)),
        ("key usage until yesterday", period(None, Some(yesterday))),
        ("key usage without an end", period(None, None)),
    ]
}

fn keys() -> Vec<(&'static str, Outcome)> {
    let rsa = |bits| PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
    let unknown = altered(|certificate| {
        let info = &mut certificate.tbs.subject_public_key_info;
        info.algorithm.algorithm = oid(&[1, 3, 6, 1, 4, 1, 99999, 9]);
    });
    let mut other = Hierarchy::new(KeyKind::P256);
    other.unit_key = key(KeyKind::P256);
    vec![
        ("another key", other.check()),
        ("RSA 1024", certified(&rsa(1024))),
        ("RSA 2048", certified(&rsa(2048))),
        ("RSA 3072", certified(&rsa(3072))),
        ("RSA 3000", certified(&rsa(3000))),
        ("secp256k1", certified(&PKey::ec_gen("secp256k1").unwrap())),
        ("P-192", certified(&PKey::ec_gen("prime192v1").unwrap())),
        ("X25519", certified(&PKey::generate_x25519().unwrap())),
        ("a key of an unknown algorithm", unknown),
        ("signed with SHA-1", signed_with_sha1()),
        ("P-384 under a P-256 CA", certified(&PKey::ec_gen("secp384r1").unwrap())),
    ]
}

/// A certificate over a key that the CA itself would not certify.
fn certified(private: &PKey<Private>) -> Outcome {
    let der = private.public_key_to_der().unwrap();
    let public: PKey<Public> = PKey::public_key_from_der(&der).unwrap();
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_unit(|certificate| {
        certificate.tbs.subject_public_key_info = rasn::der::decode(&der).unwrap();
    });
    check_tsu(&hierarchy.unit, &hierarchy.chain(), &hierarchy.roots(), &public, now())
}

fn signed_with_sha1() -> Outcome {
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    let authority = PKey::ec_gen("prime256v1").unwrap();
    hierarchy.replace_issuing_key(&authority);
    hierarchy.alter_unit(|certificate| sign_with_sha1(certificate, authority));
    hierarchy.check()
}

fn sign_with_sha1(certificate: &mut Alter, key: PKey<Private>) {
    let algorithm = oid(&[1, 2, 840, 10045, 4, 1]);
    certificate.algorithm = Some(AlgorithmIdentifier { algorithm, parameters: None });
    certificate.sign = Some(Box::new(move |message| {
        let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
        signer.sign_oneshot_to_vec(message).unwrap()
    }));
}

/// The issuing CA's certificate, and the root's own, signed with SHA-1.
fn sha1_above() -> (Outcome, Outcome) {
    let authority = PKey::ec_gen("prime256v1").unwrap();
    let mut above = Hierarchy::new(KeyKind::P256);
    above.replace_root_key(&authority);
    let mut top = Hierarchy::new(KeyKind::P256);
    top.replace_root_key(&authority);
    above.alter_issuing(|certificate| sign_with_sha1(certificate, authority.clone()));
    top.alter_root(|certificate| sign_with_sha1(certificate, authority));
    (above.check(), top.check())
}

fn links() -> Vec<(&'static str, Outcome)> {
    let good = Hierarchy::new(KeyKind::P256);
    let twin = Hierarchy::new(KeyKind::P256);
    let (chain, roots) = (good.chain(), good.roots());
    let check = |chain: &[Vec<u8>], roots: &[Vec<u8>]| {
        check_tsu(&good.unit, chain, roots, good.unit_key.public_key(), now())
    };
    let mut changed = Hierarchy::new(KeyKind::P256);
    // The last byte belongs to the signature.
    *changed.unit.last_mut().unwrap() ^= 1;
    vec![
        ("no chain", check(&[], &roots)),
        ("no root", check(&chain, &[])),
        ("the root in the chain only", check(&[chain.clone(), roots.clone()].concat(), &[])),
        ("the root in both", check(&[roots.clone(), chain.clone()].concat(), &roots)),
        ("a CA of the same name", check(&twin.chain(), &twin.roots())),
        ("a root of the same name", check(&chain, &twin.roots())),
        ("both CAs of that name", check(&[twin.chain(), chain.clone()].concat(), &roots)),
        ("the issuing CA as root", check(&[], &chain)),
        ("the unit itself as root", check(&[], std::slice::from_ref(&good.unit))),
        ("a changed certificate", changed.check()),
        ("the longest chain", long_chain(10)),
        ("too long a chain", long_chain(11)),
    ]
}

/// A unit with so many CAs between it and the root.
fn long_chain(between: u8) -> Outcome {
    let rng = &mut SeededRng(9);
    let start = now() - Duration::days(1);
    let mut profile = CaProfile::root(name("CA 0"));
    profile.path_length = 20;
    let url = "https://tsa.example";
    let root =
        CertificateAuthority::create_root(&profile, key(KeyKind::P256), url, start, rng).unwrap();
    let mut issuer = root.clone();
    let mut chain = Vec::new();
    for level in 1..=between {
        let mut profile = CaProfile::issuing("ca", name(&format!("CA {level}")));
        profile.path_length = 20 - level;
        issuer = issuer.create_issuing(&profile, key(KeyKind::P256), start, rng).unwrap();
        chain.push(issuer.certificate_der().to_vec());
    }
    let unit_key = key(KeyKind::P256);
    let profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
    let unit = issuer.issue_tsu(&profile, unit_key.public_key(), now(), rng).unwrap();
    check_tsu(&unit, &chain, &[root.certificate_der().to_vec()], unit_key.public_key(), now())
}

fn issuer_altered(change: impl FnOnce(&mut Alter)) -> Outcome {
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_issuing(change);
    hierarchy.check()
}

fn issuers() -> Vec<(&'static str, Outcome)> {
    let not_ca = |certificate: &mut Alter| certificate.remove(&oid(BASIC_CONSTRAINTS));
    let no_cert_sign = |certificate: &mut Alter| {
        let mut bits = BitString::from_slice(&[0b1000_0000]);
        bits.truncate(1);
        certificate.extension(&oid(KEY_USAGE)).extn_value =
            rasn::der::encode(&bits).unwrap().into();
    };
    let ended = |certificate: &mut Alter| {
        let end = Utc.with_ymd_and_hms(2026, 2, 28, 0, 0, 0).unwrap();
        certificate.tbs.validity.not_after = Time::Utc(end);
    };
    let mut short = Hierarchy::new(KeyKind::P256);
    short.alter_root(|certificate| {
        let none = BasicConstraints { ca: true, path_len_constraint: Some(Integer::ZERO) };
        certificate.extension(&oid(BASIC_CONSTRAINTS)).extn_value =
            rasn::der::encode(&none).unwrap().into();
    });
    vec![
        ("issuer without basicConstraints", issuer_altered(not_ca)),
        ("issuer that may not sign certificates", issuer_altered(no_cert_sign)),
        ("issuer that has expired", issuer_altered(ended)),
        ("root that allows no CA under it", short.check()),
        ("issuer signed with SHA-1", sha1_above().0),
        ("root signed with SHA-1", sha1_above().1),
    ]
}

/// What a CA above may forbid, and what does not fit together.
fn limits() -> Vec<(&'static str, Outcome)> {
    let other_identifier = |certificate: &mut Alter| {
        certificate.extension(&oid(&[2, 5, 29, 14])).extn_value = vec![4, 1, 7].into();
    };
    let purpose = |certificate: &mut Alter, arcs: &[u32]| {
        let extn_value = rasn::der::encode(&vec![oid(arcs)]).unwrap().into();
        let extn_id = oid(EXTENDED_KEY_USAGE);
        certificate.extensions().push(Extension { extn_id, critical: false, extn_value });
    };
    let unknown = |certificate: &mut Alter| {
        let extn_id = oid(&[1, 3, 6, 1, 4, 1, 99999, 8]);
        let extn_value = vec![5, 0].into();
        certificate.extensions().push(Extension { extn_id, critical: true, extn_value });
    };
    vec![
        ("issuer with another key identifier", issuer_altered(other_identifier)),
        ("issuer for e-mail only", issuer_altered(|it| purpose(it, &[1, 3, 6, 1, 5, 5, 7, 3, 4]))),
        (
            "issuer for time-stamping",
            issuer_altered(|it| purpose(it, &[1, 3, 6, 1, 5, 5, 7, 3, 8])),
        ),
        ("issuer for any purpose", issuer_altered(|it| purpose(it, &[2, 5, 29, 37, 0]))),
        ("issuer with a critical extension that nobody knows", issuer_altered(unknown)),
    ]
}

fn reading() -> Vec<(&'static str, Outcome)> {
    let good = Hierarchy::new(KeyKind::P256);
    let check = |unit: &[u8], chain: &[Vec<u8>], roots: &[Vec<u8>]| {
        check_tsu(unit, chain, roots, good.unit_key.public_key(), now())
    };
    let junk = vec![b"junk".to_vec()];
    let everything = {
        let mut hierarchy = Hierarchy::new(KeyKind::P256);
        hierarchy.unit_key = key(KeyKind::P256);
        hierarchy.alter_unit(|certificate| {
            certificate.extension(&oid(EXTENDED_KEY_USAGE)).critical = false;
            certificate.remove(&oid(KEY_USAGE));
            certificate.remove(&oid(PRIVATE_KEY_USAGE_PERIOD));
        });
        let late = now() + Duration::days(1461);
        check_tsu(&hierarchy.unit, &[], &[], hierarchy.unit_key.public_key(), late)
    };
    vec![
        ("an unreadable certificate", check(b"junk", &good.chain(), &good.roots())),
        ("PEM text", check(b"-----BEGIN CERTIFICATE-----", &good.chain(), &good.roots())),
        ("half a certificate", check(&good.unit[..100], &good.chain(), &good.roots())),
        ("an empty certificate", check(b"", &good.chain(), &good.roots())),
        ("an unreadable chain", check(&good.unit, &junk, &good.roots())),
        ("an unreadable root", check(&good.unit, &good.chain(), &junk)),
        ("many things at once", everything),
    ]
}

#[test]
fn a_unit_stops_at_the_end_of_its_periods() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let unit = hierarchy.check().unwrap();
    let second = Duration::seconds(1);
    assert!(matches!(unit.usable_at(now() - second), Err(TsuFault::NotYetValid { .. })));
    unit.usable_at(now()).unwrap();
    // EN 319 421 TIS-7.7.1-09: nothing is issued after the private key usage period.
    let end = unit.private_key_usage_not_after().unwrap();
    unit.usable_at(end).unwrap();
    let after = unit.usable_at(end + Duration::milliseconds(1));
    assert!(matches!(after, Err(TsuFault::KeyUsagePeriodEnded { .. })));
    let expired = unit.usable_at(unit.not_after() + second);
    assert!(matches!(expired, Err(TsuFault::Expired { .. })));
}

#[test]
fn a_unit_stops_when_a_ca_above_it_ends() {
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    let end = Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap();
    hierarchy.alter_issuing(|certificate| {
        certificate.tbs.validity.not_after = Time::Utc(end);
    });
    let unit = hierarchy.check().unwrap();
    unit.usable_at(end).unwrap();
    let after = unit.usable_at(end + Duration::seconds(1));
    assert!(matches!(after, Err(TsuFault::IssuerNotValid { .. })), "{after:?}");
}

#[test]
fn a_unit_that_is_its_own_root_has_no_chain() {
    let good = Hierarchy::new(KeyKind::P256);
    let roots = [good.unit.clone()];
    let unit = check_tsu(&good.unit, &[], &roots, good.unit_key.public_key(), now()).unwrap();
    assert!(unit.chain().is_empty());
    assert_eq!(unit.root(), good.unit);
    unit.usable_at(now()).unwrap();
}

/// A device is a back end of its own; what matters here is only that the trait object is enough.
#[test]
fn the_check_needs_the_public_key_only() {
    let hierarchy = Hierarchy::new(KeyKind::Ed25519);
    let key: Arc<dyn SigningKey> = Arc::clone(&hierarchy.unit_key);
    let chain = hierarchy.chain();
    let unit = check_tsu(&hierarchy.unit, &chain, &hierarchy.roots(), key.public_key(), now());
    assert!(unit.unwrap().warnings().is_empty());
}
