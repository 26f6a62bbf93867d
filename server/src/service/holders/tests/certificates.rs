//! What CRL and OCSP say of a holder's certificate, and what happens to it when its holder goes.

use super::support::{House, block_on};
use accounts::holders::SigningKeyKind;
use accounts::holders::credential::{
    CertificateIssuer, CertificateRequest, CertificateStatus, CredentialKind, RevocationCause,
    State,
};
use accounts::holders::history::HistoryKind;
use authority::Status;
use certs::{RevocationReason, Serial};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::X509;

fn serial(house: &House) -> Serial {
    let view = house.service.holders.credential(house.holder, house.credential, house.now());
    view.unwrap().serial.unwrap().parse().unwrap()
}

/// Who the holder is, in the form of ETSI EN 319 412-1 §5.1.3, and for which use.
#[test]
fn a_certificate_names_its_holder_and_its_use() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let certificate = X509::from_der(&house.certificate()).unwrap();
        let entry = |nid: Nid| {
            let entry = certificate.subject_name().entries_by_nid(nid).next().unwrap();
            entry.data().to_string().unwrap()
        };
        assert_eq!(entry(Nid::SERIALNUMBER), "TINIT-RSSMRA85T10A562S");
        assert_eq!(entry(Nid::COMMONNAME), "Ada Rossi");
        assert_eq!((entry(Nid::GIVENNAME), entry(Nid::SURNAME)), ("Ada".into(), "Rossi".into()));
        assert_eq!(entry(Nid::COUNTRYNAME), "IT");
        let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
        // EN 319 412-2, type A.
        assert!(text.contains("Non Repudiation"), "{text}");
        assert!(!text.contains("Digital Signature,"), "{text}");
        for pointer in ["/pki/holders.crl", "/pki/holders.crt", "/ocsp"] {
            assert!(text.contains(pointer), "{pointer}");
        }
        let authority = house.service.pki.authority();
        let issuer = authority.ca("holders").unwrap().certificate_der();
        let issuer = X509::from_der(issuer).unwrap();
        assert!(certificate.verify(&issuer.public_key().unwrap()).unwrap());
    });
}

/// Each change is there when the call returns, the same again is no error, and revoked is final.
#[test]
fn a_status_is_told_once_and_can_be_told_again() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let (serial, ca) = (serial(&house), &house.service.holder_ca);
        let (authority, now) = (house.service.pki.authority(), house.service.clock.now());
        let text = serial.to_string();
        let listed = || authority.crl("holders").unwrap().entries;
        let cause = CertificateStatus::Revoked(RevocationCause::AffiliationChanged);
        let steps = [
            (CertificateStatus::Good, 0),
            (CertificateStatus::Suspended { until: None }, 1),
            (CertificateStatus::Good, 0),
            (cause, 1),
        ];
        for (status, entries) in steps {
            for _ in 0..2 {
                ca.set_status(&text, status, now).await.unwrap();
                assert_eq!(listed(), entries, "{status:?}");
            }
        }
        ca.set_status(&text, CertificateStatus::Good, now).await.unwrap();
        let reason = RevocationReason::AffiliationChanged;
        let stands = authority.status(&serial).unwrap();
        assert!(
            matches!(stands, Status::Revoked { reason: own, .. } if own == reason),
            "{stands:?}"
        );
        let unknown = ca.set_status("00ab", CertificateStatus::Good, now).await;
        assert!(unknown.is_err());
    });
}

#[test]
fn closing_an_account_revokes_its_certificates_first() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let serial = serial(&house);
        let (service, now) = (&house.service, house.now());
        service.close_holder(house.holder, "as asked", "operator", now).await.unwrap();
        let authority = service.pki.authority();
        let stands = authority.status(&serial).unwrap();
        assert!(matches!(stands, Status::Revoked { .. }), "{stands:?}");
        assert_eq!(authority.crl("holders").unwrap().entries, 1);
        assert_eq!(house.happened(HistoryKind::Closed), 1);
        for credential in service.holders.credentials_of(house.holder, now).unwrap() {
            assert!(matches!(credential.state, State::Revoked { .. }), "{credential:?}");
        }
    });
}

/// What was issued and no credential has is found by the credential that it was issued for.
#[test]
fn a_certificate_without_a_credential_is_found_again() {
    block_on(async {
        let house = House::waiting(CredentialKind::Remote, SigningKeyKind::P256).await;
        let (ca, now) = (&house.service.holder_ca, house.service.clock.now());
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let request = CertificateRequest {
            holder: house.holder,
            credential: house.credential,
            kind: CredentialKind::Remote,
            given_name: "Ada".to_owned(),
            surname: "Rossi".to_owned(),
            fiscal_code: "DE-12345".to_owned(),
            email: "ada@example.org".to_owned(),
            public_key: key.public_key_to_der().unwrap(),
        };
        let issued = ca.issue(request, now).await.unwrap();
        let found = ca.issued_for(house.credential, now).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&issued.serial));
        let later = now + chrono::TimeDelta::seconds(2);
        assert!(ca.issued_for(house.credential, later).await.unwrap().is_empty());
        let status = CertificateStatus::Revoked(RevocationCause::Cessation);
        ca.set_status(&issued.serial, status, now).await.unwrap();
        assert!(ca.issued_for(house.credential, now).await.unwrap().is_empty());
        let text = X509::from_der(&issued.der).unwrap().to_text().unwrap();
        assert!(String::from_utf8(text).unwrap().contains("TINDE-12345"));
    });
}
