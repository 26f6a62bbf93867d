//! What each kind of end certificate holds, and to whom it is issued.

use crate::support::{
    Hierarchy, SeededRng, key, name, now, openssl_command, person, policy, skipped,
    write_certificate,
};
use marca_certs::{
    DistinguishedName, EndKind, EndProfile, IssueError, KeyKind, NameError, Serial, check,
    display_name,
};
use rasn_pkix::Certificate;

/// Identifier, criticality and DER value of each extension, one line each.
fn shown(der: &[u8]) -> Vec<String> {
    let certificate: Certificate = rasn::der::decode(der).unwrap();
    let list = certificate.tbs_certificate.extensions.unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    list.iter()
        .map(|it| {
            let critical = if it.critical { " critical" } else { "" };
            format!("{}{critical} {}", it.extn_id, hex(&it.extn_value))
        })
        .collect()
}

fn assert_holds(der: &[u8], expected: &[&str], absent: &[&str]) {
    let lines = shown(der);
    for line in expected {
        assert!(lines.iter().any(|found| found.starts_with(line)), "{line} is not in {lines:#?}");
    }
    for id in absent {
        let id = format!("{id} ");
        assert!(!lines.iter().any(|found| found.starts_with(&id)), "{id} is in {lines:#?}");
    }
}

const EVERYWHERE: [&str; 6] = [
    // basicConstraints critical with cA FALSE, which is not written.
    "2.5.29.19 critical 3000",
    "2.5.29.14 0414",
    "2.5.29.35 30168014",
    "2.5.29.31 30",
    "1.3.6.1.5.5.7.1.1 30",
    "2.5.29.32 300d300b06092b06010401868d1f01",
];

#[test]
fn a_holder_who_signs_from_afar_has_a_key_for_commitments_alone() {
    let (issued, _) = Hierarchy::new(KeyKind::P256).issue(EndKind::HolderRemote, &person(), 20);
    assert_holds(&issued.der, &EVERYWHERE, &[]);
    // EN 319 412-2 §4.3.2 type A: nonRepudiation, the second bit, six unused.
    let absent = ["2.5.29.37", "2.5.29.16", "1.3.6.1.5.5.7.1.3", "1.3.6.1.5.5.7.48.1.5"];
    assert_holds(&issued.der, &["2.5.29.15 critical 03020640"], &absent);
    let certificate = check::parse(&issued.der).unwrap();
    assert_eq!(
        display_name(certificate.subject()),
        "C=IT, SN=Prova, GN=Anna, serialNumber=TINIT-PRVNNA80A41H501X, CN=Anna Prova"
    );
    assert_eq!(Serial::of(&certificate), Some(issued.serial));
    assert_eq!(certificate.not_before(), issued.not_before);
    assert_eq!(certificate.not_after(), issued.not_after);
}

#[test]
fn a_holder_whose_procedure_signs_has_a_key_for_plain_signatures_too() {
    let subject = DistinguishedName::legal_person("IT", "Prova S.p.A.", "VATIT-00000000000");
    let (issued, _) = Hierarchy::new(KeyKind::P256).issue(EndKind::HolderAutomatic, &subject, 21);
    assert_holds(&issued.der, &EVERYWHERE, &[]);
    assert_holds(&issued.der, &["2.5.29.15 critical 030206c0"], &["2.5.29.37"]);
    let certificate = check::parse(&issued.der).unwrap();
    assert_eq!(
        display_name(certificate.subject()),
        "C=IT, O=Prova S.p.A., organizationIdentifier=VATIT-00000000000, CN=Prova S.p.A."
    );
}

#[test]
fn a_responder_is_not_checked_itself() {
    let (issued, _) =
        Hierarchy::new(KeyKind::P256).issue(EndKind::OcspResponder, &name("Prova OCSP"), 22);
    assert_holds(&issued.der, &EVERYWHERE, &[]);
    let expected = [
        "2.5.29.15 critical 03020780",
        "2.5.29.37 300a06082b06010505070309",
        // RFC 6960 §4.2.2.2.1: "The value of the extension SHALL be NULL."
        "1.3.6.1.5.5.7.48.1.5 0500",
    ];
    assert_holds(&issued.der, &expected, &[]);
    // id-ad-caIssuers only: the responder does not point to itself.
    let access = shown(&issued.der).into_iter().find(|it| it.starts_with("1.3.6.1.5.5.7.1.1"));
    let access = access.unwrap();
    assert!(access.contains("2b06010505073002") && !access.contains("2b06010505073001"));
    assert_eq!((issued.not_after - issued.not_before).num_days(), 30);
}

#[test]
fn a_client_shows_itself_in_tls() {
    let (issued, _) =
        Hierarchy::new(KeyKind::P256).issue(EndKind::TlsClient, &name("Prova Client"), 23);
    assert_holds(&issued.der, &EVERYWHERE, &[]);
    let expected = ["2.5.29.15 critical 03020780", "2.5.29.37 300a06082b06010505070302"];
    assert_holds(&issued.der, &expected, &["1.3.6.1.5.5.7.48.1.5", "2.5.29.16"]);
}

#[test]
fn a_profile_without_policies_leaves_the_extension_out() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let profile = EndProfile::new(EndKind::TlsClient, Vec::new());
    let (subject, key) = (name("Prova Client"), key(KeyKind::P256));
    let rng = &mut SeededRng(24);
    let issued = hierarchy.issuing.issue(&profile, &subject, key.public_key(), now(), rng).unwrap();
    assert_holds(&issued.der, &[], &["2.5.29.32"]);
}

fn refused(kind: EndKind, subject: &DistinguishedName) -> IssueError {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let profile = EndProfile::new(kind, vec![policy()]);
    let key = key(KeyKind::P256);
    let rng = &mut SeededRng(25);
    hierarchy.issuing.issue(&profile, subject, key.public_key(), now(), rng).unwrap_err()
}

#[test]
fn a_holder_is_a_person() {
    let no_number = DistinguishedName { serial_number: None, ..person() };
    let no_identifier = DistinguishedName::organization("IT", "Prova S.p.A.", "Prova");
    let nobody = DistinguishedName {
        country: "IT".to_owned(),
        common_name: "Nessuno".to_owned(),
        ..DistinguishedName::default()
    };
    let both = DistinguishedName { pseudonym: Some("Ignota".to_owned()), ..person() };
    for kind in [EndKind::HolderRemote, EndKind::HolderAutomatic] {
        let text = |subject| refused(kind, subject).to_string();
        assert!(text(&no_number).starts_with("serialNumber is missing: it tells two people"));
        assert!(text(&no_identifier).starts_with("organizationIdentifier is missing: it tells"));
        assert!(text(&nobody).starts_with("organizationName is missing: a holder is a natural"));
        assert!(text(&both).starts_with("pseudonym: stands beside givenName or surname"));
    }
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let pseudonym = DistinguishedName {
        given_name: None,
        surname: None,
        pseudonym: Some("Ignota".to_owned()),
        common_name: "Ignota".to_owned(),
        ..person()
    };
    hierarchy.issue(EndKind::HolderRemote, &pseudonym, 26);
    // A person who signs for an organization (EN 319 412-2 §4.2.4).
    let employed = DistinguishedName { organization: Some("Prova S.p.A.".to_owned()), ..person() };
    hierarchy.issue(EndKind::HolderRemote, &employed, 27);
}

#[test]
fn each_attribute_is_checked_by_name() {
    let wrong = |change: fn(&mut DistinguishedName)| {
        let mut name = person();
        change(&mut name);
        name.to_name().unwrap_err()
    };
    let text = |error: NameError| error.to_string();
    for number in ["", "TINIT_1", "é", "a\n", &"1".repeat(65)] {
        let name = DistinguishedName { serial_number: Some(number.to_owned()), ..person() };
        assert_eq!(name.to_name(), Err(NameError::SerialNumber(number.to_owned())));
    }
    let rule = "must be 1 to 64 visible characters, none of them a control or format character, \
                with no blank at either end";
    let surname = wrong(|it| it.surname = Some("\u{7}".to_owned()));
    assert_eq!(text(surname), format!("surname \"\\u{{7}}\": {rule}"));
    let given = wrong(|it| it.given_name = Some(String::new()));
    assert_eq!(text(given), format!("givenName \"\": {rule}"));
    let pseudonym = wrong(|it| it.pseudonym = Some("x".repeat(65)));
    assert_eq!(text(pseudonym), format!("pseudonym {:?}: {rule}", "x".repeat(65)));
    assert_eq!(
        text(wrong(|it| it.serial_number = Some("a_b".to_owned()))),
        "serialNumber \"a_b\": must be 1 to 64 of the characters A-Z, a-z, 0-9, blank and \
         '()+,-./:=?"
    );
}

#[test]
fn nobody_has_the_name_of_the_issuer() {
    let error = refused(EndKind::TlsClient, &name("Prova TSA CA"));
    assert!(matches!(error, IssueError::SameName { .. }));
}

#[test]
fn kinds_have_names() {
    for kind in EndKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(
        "server".parse::<EndKind>().unwrap_err().to_string(),
        "\"server\" is not a profile: use tsu, remote, automatic, ocsp-responder or tls-client"
    );
}

/// A purpose of the openssl command for each kind.
#[test]
fn the_openssl_command_accepts_each_kind_for_its_purpose() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write_certificate(path, "root.pem", hierarchy.root.certificate_der());
    write_certificate(path, "chain.pem", hierarchy.issuing.certificate_der());
    let time = (now().timestamp() + 1).to_string();
    for (kind, purpose) in [
        (EndKind::Tsu, "timestampsign"),
        (EndKind::HolderRemote, "smimesign"),
        (EndKind::HolderAutomatic, "smimesign"),
        (EndKind::OcspResponder, "ocsphelper"),
        (EndKind::TlsClient, "sslclient"),
    ] {
        let subject = if kind == EndKind::HolderRemote { person() } else { name("Prova 1") };
        let (issued, _) = hierarchy.issue(kind, &subject, 28);
        write_certificate(path, "end.pem", &issued.der);
        let arguments = ["verify", "-purpose", purpose, "-x509_strict", "-attime", &time];
        let files = ["-CAfile", "root.pem", "-untrusted", "chain.pem", "end.pem"];
        let Some((accepted, text)) = openssl_command(path, &[&arguments[..], &files].concat())
        else {
            return skipped();
        };
        assert!(accepted, "{kind}: {text}");
    }
}
