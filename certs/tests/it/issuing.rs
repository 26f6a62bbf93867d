//! What the CA writes, field by field, and what it refuses to write.

use crate::support::{Hierarchy, SeededRng, URL, key, name, now, policy};
use chrono::{DateTime, Duration, TimeZone, Utc};
use marca_certs::{
    CaProfile, CertificateAuthority, IssueError, KeyError, KeyKind, TsuProfile, check, display_name,
};
use openssl::pkey::PKey;
use rasn_pkix::{Certificate, Time};
use std::collections::HashSet;

#[test]
fn every_kind_of_key_gives_a_certificate_that_passes_the_check() {
    for kind in KeyKind::ALL {
        let hierarchy = Hierarchy::new(kind);
        let unit = hierarchy.check().unwrap();
        assert_eq!(unit.der(), hierarchy.unit);
        assert_eq!(unit.key_kind(), kind);
        assert_eq!(unit.not_before(), now());
        assert_eq!(unit.not_after(), now() + Duration::days(4 * 365));
        assert_eq!(unit.private_key_usage_not_after(), Some(now() + Duration::days(365)));
        assert_eq!(unit.issuer(), hierarchy.issuing.subject());
        assert_eq!(unit.chain(), hierarchy.chain());
        assert_eq!(unit.root(), hierarchy.root.certificate_der());
        assert_eq!(*unit.sha256(), openssl::sha::sha256(&hierarchy.unit));
        // Only the short RSA key is worth a word, once for each of the three certificates.
        let expected = if kind == KeyKind::Rsa2048 { 3 } else { 0 };
        assert_eq!(unit.warnings().len(), expected, "{kind}: {:?}", unit.warnings());
    }
}

#[test]
fn certificates_are_der() {
    for kind in KeyKind::ALL {
        let hierarchy = Hierarchy::new(kind);
        let authorities =
            [&hierarchy.root, &hierarchy.issuing].map(CertificateAuthority::certificate_der);
        for der in authorities.into_iter().chain([hierarchy.unit.as_slice()]) {
            let decoded: Certificate = rasn::der::decode(der).unwrap();
            assert_eq!(rasn::der::encode(&decoded).unwrap(), der, "X.690: one encoding only");
            // RFC 5280 §4.1.1.2: both algorithm fields are the same.
            assert_eq!(decoded.tbs_certificate.signature, decoded.signature_algorithm);
            assert_eq!(decoded.signature_algorithm, kind.scheme().signature_algorithm());
        }
    }
}

/// Identifier, criticality and DER value of each extension.
fn extensions(der: &[u8]) -> Vec<(String, bool, String)> {
    let certificate: Certificate = rasn::der::decode(der).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let list = certificate.tbs_certificate.extensions.unwrap();
    list.iter().map(|it| (it.extn_id.to_string(), it.critical, hex(&it.extn_value))).collect()
}

fn assert_extension(list: &[(String, bool, String)], id: &str, critical: bool, value: &str) {
    let found: Vec<_> = list.iter().filter(|(found, ..)| found == id).collect();
    assert_eq!(found, [&(id.to_owned(), critical, value.to_owned())]);
}

#[test]
fn a_unit_has_the_extensions_of_the_profile() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let list = extensions(&hierarchy.unit);
    // cA FALSE is a DEFAULT and therefore not there (X.690 §11.5): an empty SEQUENCE.
    assert_extension(&list, "2.5.29.19", true, "3000");
    // digitalSignature: one bit, seven unused.
    assert_extension(&list, "2.5.29.15", true, "03020780");
    // RFC 3161 §2.3: critical, and only id-kp-timeStamping.
    assert_extension(&list, "2.5.29.37", true, "300a06082b06010505070308");
    // [0] and [1] GeneralizedTime: 20260301120000Z and 20270301120000Z.
    assert_extension(
        &list,
        "2.5.29.16",
        false,
        "3022800f32303236303330313132303030305a810f32303237303330313132303030305a",
    );
    assert_extension(&list, "2.5.29.32", false, "300d300b06092b06010401868d1f01");
    let ids: HashSet<_> = list.iter().map(|(id, ..)| id.as_str()).collect();
    let pointers = ["2.5.29.14", "2.5.29.35", "2.5.29.31", "1.3.6.1.5.5.7.1.1"];
    assert!(pointers.iter().all(|id| ids.contains(id)), "{ids:?}");
    assert_eq!(list.len(), 9);
}

#[test]
fn a_ca_has_the_extensions_of_the_profile() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let root = extensions(hierarchy.root.certificate_der());
    assert_extension(&root, "2.5.29.19", true, "30060101ff020101");
    // keyCertSign and cRLSign: seven bits, one unused.
    assert_extension(&root, "2.5.29.15", true, "03020106");
    assert_eq!(root.len(), 3, "a root points to nobody");
    let issuing = extensions(hierarchy.issuing.certificate_der());
    assert_extension(&issuing, "2.5.29.19", true, "30060101ff020100");
    assert_extension(&issuing, "2.5.29.15", true, "03020106");
    // anyPolicy
    assert_extension(&issuing, "2.5.29.32", false, "300830060604551d2000");
    // The issuer's key identifier is the subject's in the certificate above.
    let identifier = &root.iter().find(|(id, ..)| id == "2.5.29.14").unwrap().2;
    let expected = format!("30168014{}", &identifier[4..]);
    assert_extension(&issuing, "2.5.29.35", false, &expected);
    let crl = issuing.iter().find(|(id, ..)| id == "2.5.29.31").unwrap();
    let url: String = format!("{URL}/pki/root.crl").bytes().map(|b| format!("{b:02x}")).collect();
    assert!(crl.2.ends_with(&url));
}

#[test]
fn names_are_encoded_as_rfc_5280_says() {
    let mut subject = name("Unità 1");
    subject.organization_identifier = None;
    let der = rasn::der::encode(&subject.to_name().unwrap()).unwrap();
    let expected = [
        // countryName: PrintableString
        &[0x30, 58, 0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 6, 0x13, 2, b'I', b'T'][..],
        // organizationName and commonName: UTF8String
        &[0x31, 21, 0x30, 19, 6, 3, 0x55, 4, 10, 0x0c, 12],
        b"Prova S.p.A.",
        &[0x31, 17, 0x30, 15, 6, 3, 0x55, 4, 3, 0x0c, 8],
        "Unità 1".as_bytes(),
    ]
    .concat();
    let expected = [&[0x30, (expected.len() - 2) as u8][..], &expected[2..]].concat();
    assert_eq!(der, expected);
    let shown = display_name(&subject.to_name().unwrap());
    assert_eq!(shown, "C=IT, O=Prova S.p.A., CN=Unità 1");
}

#[test]
fn impossible_names_are_refused() {
    let refused = |change: fn(&mut marca_certs::DistinguishedName)| {
        let mut name = name("x");
        change(&mut name);
        name.to_name().unwrap_err().to_string()
    };
    let country = "must be two capital letters (ISO 3166), such as \"IT\"";
    assert_eq!(refused(|it| it.country = "it".into()), format!("countryName \"it\": {country}"));
    assert_eq!(refused(|it| it.country = "ITA".into()), format!("countryName \"ITA\": {country}"));
    let text = "must be 1 to 64 visible characters, none of them a control or format character, \
                with no blank at either end";
    assert_eq!(refused(|it| it.common_name.clear()), format!("commonName \"\": {text}"));
    let newline = refused(|it| it.organization = Some("a\nb".into()));
    assert_eq!(newline, format!("organizationName \"a\\nb\": {text}"));
    // Another direction, no width, a byte order mark, a line of its own, nothing but blanks.
    for unseen in ["a\u{202e}b", "a\u{200b}b", "\u{feff}a", "a\u{2028}b", "\u{e000}", " ", " a"] {
        let mut name = name("x");
        name.common_name = unseen.to_owned();
        assert!(name.to_name().unwrap_err().to_string().ends_with(text), "{unseen:?}");
    }
    let long = refused(|it| it.organization_identifier = Some("x".repeat(65)));
    assert!(long.starts_with("organizationIdentifier \"xx"));
    let mut edge = name("x");
    edge.common_name = "é".repeat(64);
    edge.to_name().unwrap();
}

#[test]
fn a_shown_name_is_one_harmless_line() {
    let mut hierarchy = Hierarchy::new(KeyKind::P256);
    hierarchy.alter_unit(|certificate| {
        let rasn_pkix::Name::RdnSequence(parts) = &mut certificate.tbs.subject;
        let mut attribute = parts[0].to_vec()[0].clone();
        attribute.value = rasn::types::Any::new(b"\x0c\x07a\n\x1b[1mb".to_vec());
        parts[0] = rasn::types::SetOf::from_vec(vec![attribute]).into();
    });
    let shown = display_name(check::parse(&hierarchy.unit).unwrap().subject());
    assert!(shown.starts_with("C=a\\u{a}\\u{1b}[1mb, O="), "{shown}");
}

/// RFC 4514 §2.4: what separates names is escaped inside one.
#[test]
fn one_value_is_not_shown_as_two() {
    let mut subject = name("D'Angelo, CN=Root \"A+B\"");
    subject.organization = None;
    subject.organization_identifier = None;
    let shown = display_name(&subject.to_name().unwrap());
    assert_eq!(shown, "C=IT, CN=D'Angelo\\, CN=Root \\\"A\\+B\\\"");
}

#[test]
fn serial_numbers_are_16_positive_bytes_and_never_repeat() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
    let rng = &mut SeededRng(1000);
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let public = hierarchy.unit_key.public_key();
        let der = hierarchy.issuing.issue_tsu(&profile, public, now(), rng).unwrap();
        let serial = check::parse(&der).unwrap().serial_number().clone();
        // RFC 5280 §4.1.2.2: positive, and at most 20 octets.
        let encoded = rasn::der::encode(&serial).unwrap();
        assert_eq!(encoded[..2], [2, 16]);
        assert!(encoded[2] < 0x80, "positive");
        assert!(seen.insert(encoded));
    }
}

fn root_at(start: DateTime<Utc>, days: i64) -> Result<CertificateAuthority, IssueError> {
    let mut profile = CaProfile::root(name("Prova Root CA"));
    profile.validity = Duration::days(days);
    let rng = &mut SeededRng(0);
    CertificateAuthority::create_root(&profile, key(KeyKind::P256), URL, start, rng)
}

#[test]
fn dates_are_utctime_through_2049_and_generalizedtime_after() {
    // RFC 5280 §4.1.2.5
    let start = Utc.with_ymd_and_hms(2049, 12, 31, 23, 59, 59).unwrap();
    let root = root_at(start + Duration::milliseconds(900), 1).unwrap();
    let certificate: Certificate = rasn::der::decode(root.certificate_der()).unwrap();
    let validity = certificate.tbs_certificate.validity;
    assert_eq!(validity.not_before, Time::Utc(start), "no fractions of a second");
    let end = (start + Duration::days(1)).fixed_offset();
    assert_eq!(validity.not_after, Time::General(end));
    let der = root.certificate_der();
    let written = b"\x30\x20\x17\x0d491231235959Z\x18\x0f20500101235959Z";
    assert!(der.windows(written.len()).any(|window| window == written));
    // What OpenSSL reads is the same.
    let x509 = openssl::x509::X509::from_der(der).unwrap();
    assert_eq!(x509.not_before().to_string(), "Dec 31 23:59:59 2049 GMT");
    assert_eq!(x509.not_after().to_string(), "Jan  1 23:59:59 2050 GMT");
}

#[test]
fn impossible_validities_are_refused() {
    for days in [-1, 0, 36_501, 4_000_000] {
        let error = root_at(now(), days).unwrap_err().to_string();
        let expected = format!(
            "a validity of {days} days from 2026-03-01 12:00:00 UTC cannot be written: use 1 to \
             36500 days"
        );
        assert_eq!(error, expected);
    }
    let far = Utc.with_ymd_and_hms(9999, 12, 1, 0, 0, 0).unwrap();
    assert!(matches!(root_at(far, 365), Err(IssueError::Validity { .. })));
}

fn tsu_refused(change: impl FnOnce(&mut TsuProfile), at: DateTime<Utc>) -> IssueError {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let mut profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
    change(&mut profile);
    let public = hierarchy.unit_key.public_key();
    hierarchy.issuing.issue_tsu(&profile, public, at, &mut SeededRng(5)).unwrap_err()
}

#[test]
fn the_key_must_rest_before_the_certificate_ends() {
    for days in [0, 4 * 365, 5000] {
        let error = tsu_refused(|it| it.key_usage_period = Duration::days(days), now());
        let expected = format!(
            "the private key usage period of {days} days must be at least 1 day and shorter \
             than the certificate's 1460 days"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_certificate_does_not_outlive_its_issuer() {
    // The issuing CA of the tests began 30 days ago, for 3650 days.
    let error = tsu_refused(|it| it.validity = Duration::days(3621), now());
    let expected = "a certificate until 2036-01-29 12:00:00 UTC does not fit into that of CA \
        \"tsa-ca\", which is valid from 2026-01-30 12:00:00 UTC until 2036-01-28 12:00:00 UTC: \
        shorten the certificate or renew the CA";
    assert_eq!(error.to_string(), expected);
    let early = tsu_refused(|_| (), now() - Duration::days(31));
    assert!(matches!(early, IssueError::OutlivesIssuer { .. }));
}

#[test]
fn a_weak_key_is_not_certified() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let rsa = openssl::rsa::Rsa::generate(1024).unwrap();
    let der = PKey::from_rsa(rsa).unwrap().public_key_to_der().unwrap();
    let public = PKey::public_key_from_der(&der).unwrap();
    let profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
    let result = hierarchy.issuing.issue_tsu(&profile, &public, now(), &mut SeededRng(5));
    assert!(matches!(result, Err(IssueError::Key(KeyError::Unsupported { .. }))));
}

#[test]
fn impossible_authorities_are_refused() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let rng = &mut SeededRng(0);
    let profile = CaProfile::issuing("../up", name("Prova TSA CA"));
    let error = hierarchy.root.create_issuing(&profile, key(KeyKind::P256), now(), rng);
    let text = "CA id \"../up\": use 1 to 64 of the characters a-z, 0-9 and '-'";
    assert_eq!(error.unwrap_err().to_string(), text);

    let mut profile = CaProfile::issuing("twin", name("Prova Root CA"));
    profile.validity = Duration::days(1);
    let error = hierarchy.root.create_issuing(&profile, key(KeyKind::P256), now(), rng);
    assert!(matches!(error, Err(IssueError::SameName { .. })));

    for url in ["", "tsa.example", "ftp://tsa.example", "https://", "https://a b", "http://é"] {
        let profile = CaProfile::root(name("Prova Root CA"));
        let key = key(KeyKind::P256);
        let error = CertificateAuthority::create_root(&profile, key, url, now(), rng);
        assert!(matches!(error, Err(IssueError::BaseUrl { .. })), "{url:?}");
    }
}

#[test]
fn an_authority_is_loaded_with_its_own_key_only() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let der = hierarchy.issuing.certificate_der();
    let own = std::sync::Arc::clone(hierarchy.issuing.key());
    let loaded = CertificateAuthority::load("tsa-ca", der, own, "https://tsa.example/").unwrap();
    assert_eq!(loaded.id(), "tsa-ca");
    assert_eq!(loaded.subject(), hierarchy.issuing.subject());
    assert_eq!(loaded.not_after(), now() + Duration::days(3620));
    assert_eq!(
        format!("{loaded:?}"),
        "CertificateAuthority { id: \"tsa-ca\", base_url: \"https://tsa.example\", \
         key: SoftwareKey { label: \"test\", kind: P256, .. }, .. }"
    );
    let other = key(KeyKind::P256);
    let error = CertificateAuthority::load("tsa-ca", der, other.clone(), URL).unwrap_err();
    let text =
        "the key of CA \"tsa-ca\" is not the key in its certificate: restore the matching pair";
    assert_eq!(error.to_string(), text);
    let error = CertificateAuthority::load("tsa-ca", &der[1..], other, URL).unwrap_err();
    let text = "the certificate of CA \"tsa-ca\" cannot be read: not one certificate in DER \
        (RFC 5280 §4.1), but other bytes; restore it from a backup";
    assert_eq!(error.to_string(), text);
}
