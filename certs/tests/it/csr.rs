//! Requests for a certificate: made here and read by OpenSSL, made by OpenSSL and read here.

use crate::support::{
    Hierarchy, SeededRng, is_ml_dsa, key, name, now, openssl_command, person, policy, skipped,
};
use marca_certs::csr::{self, CsrFault, Wanted};
use marca_certs::{
    EndKind, EndProfile, KeyKind, SignatureScheme, SigningKey, SoftwareKey, check, display_name,
};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509NameBuilder, X509ReqBuilder};
use proptest::prelude::*;
use std::sync::LazyLock;

static REQUEST: LazyLock<Vec<u8>> =
    LazyLock::new(|| csr::build(key(KeyKind::P256).as_ref(), &name("x"), Wanted::Tsu).unwrap());

#[test]
fn every_kind_of_key_makes_a_request_that_proves_possession() {
    for kind in KeyKind::ALL {
        for wanted in [Wanted::Nothing, Wanted::Tsu] {
            let key = key(kind);
            let der = csr::build(key.as_ref(), &name("Prova TSU 1"), wanted).unwrap();
            let request = csr::parse(&der).unwrap();
            assert_eq!(request.der(), der);
            assert_eq!(request.key_kind(), kind);
            assert!(request.public_key().public_eq(key.public_key()));
            assert_eq!(*request.subject(), name("Prova TSU 1").to_name().unwrap());
            let expected = if wanted == Wanted::Tsu { 3 } else { 0 };
            assert_eq!(request.extensions().len(), expected);
        }
    }
}

#[test]
fn a_unit_asks_for_what_rfc_3161_says() {
    let request = csr::parse(&REQUEST).unwrap();
    let shown: Vec<_> = request
        .extensions()
        .iter()
        .map(|it| (it.extn_id.to_string(), it.critical, it.extn_value.to_vec()))
        .collect();
    let stamping = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x08".to_vec();
    assert_eq!(
        shown,
        [
            ("2.5.29.19".to_owned(), true, vec![0x30, 0]),
            ("2.5.29.15".to_owned(), true, vec![3, 2, 7, 0x80]),
            ("2.5.29.37".to_owned(), true, stamping),
        ]
    );
}

#[test]
fn what_a_request_asks_for_is_not_what_the_ca_grants() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let request = csr::parse(&REQUEST).unwrap();
    let profile = EndProfile::new(EndKind::HolderRemote, vec![policy()]);
    let rng = &mut SeededRng(60);
    let issued =
        hierarchy.issuing.issue(&profile, &person(), request.public_key(), now(), rng).unwrap();
    let certificate = check::parse(&issued.der).unwrap();
    assert!(display_name(certificate.subject()).contains("Anna"));
    let text = format!("{:?}", certificate.content());
    assert!(!text.contains("1.3.6.1.5.5.7.3.8"));
}

#[test]
fn an_rsa_pss_key_makes_a_request() {
    let key = SoftwareKey::generate("test", KeyKind::Rsa3072).unwrap();
    let key = std::sync::Arc::new(key) as std::sync::Arc<dyn SigningKey>;
    let key = key.with_scheme(SignatureScheme::RsaPssSha256).unwrap();
    let der = csr::build(key.as_ref(), &name("x"), Wanted::Tsu).unwrap();
    assert_eq!(csr::parse(&der).unwrap().key_kind(), KeyKind::Rsa3072);
}

#[test]
fn the_openssl_command_verifies_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // The commands that are installed are older than ML-DSA.
    for kind in KeyKind::ALL.into_iter().filter(|kind| !is_ml_dsa(*kind)) {
        let der = csr::build(key(kind).as_ref(), &name("Prova TSU 1"), Wanted::Tsu).unwrap();
        std::fs::write(path.join("unit.csr"), csr::to_pem(&der)).unwrap();
        let arguments = ["req", "-in", "unit.csr", "-verify", "-noout", "-text"];
        let Some((good, text)) = openssl_command(path, &arguments) else { return skipped() };
        assert!(good && text.contains("verify OK"), "{kind}: {text}");
        for expected in ["Time Stamping", "X509v3 Extended Key Usage: critical", "Prova TSU 1"] {
            assert!(text.contains(expected), "{kind}: {expected:?} is not in\n{text}");
        }
    }
}

#[test]
fn a_request_of_the_openssl_command_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let generate = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let Some(_) = openssl_command(path, &[&generate[..], &["-out", "key.pem"]].concat()) else {
        return skipped();
    };
    let subject = ["-subj", "/C=IT/O=Altrove/CN=Peer", "-addext", "keyUsage=digitalSignature"];
    let request = ["req", "-new", "-key", "key.pem", "-out", "peer.csr"];
    let (good, text) = openssl_command(path, &[&request[..], &subject].concat()).unwrap();
    assert!(good, "{text}");
    let request = csr::from_pem(&std::fs::read(path.join("peer.csr")).unwrap()).unwrap();
    assert_eq!(display_name(request.subject()), "C=IT, O=Altrove, CN=Peer");
    assert_eq!(request.extensions().len(), 1);
}

/// A request made with the OpenSSL library.
fn foreign(private: &PKey<Private>, digest: MessageDigest, version: i32) -> Vec<u8> {
    let mut builder = X509ReqBuilder::new().unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", "Peer").unwrap();
    builder.set_version(version).unwrap();
    builder.set_subject_name(&subject.build()).unwrap();
    builder.set_pubkey(private).unwrap();
    builder.sign(private, digest).unwrap();
    builder.build().to_der().unwrap()
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(openssl::rsa::Rsa::generate(bits).unwrap()).unwrap()
}

fn refused(der: &[u8]) -> String {
    csr::parse(der).unwrap_err().to_string()
}

#[test]
fn each_fault_is_named() {
    let (p256, sha256) = (PKey::ec_gen("prime256v1").unwrap(), MessageDigest::sha256());
    csr::parse(&foreign(&p256, sha256, 0)).unwrap();
    assert_eq!(
        refused(&foreign(&rsa(1024), sha256, 0)),
        "certification request: subjectPKInfo holds RSA with 1024 bits, which this CA does not \
         certify; use RSA 2048, 3072 or 4096, P-256, P-384, P-521, Ed25519 or ML-DSA"
    );
    let koblitz = PKey::ec_gen("secp256k1").unwrap();
    assert!(refused(&foreign(&koblitz, sha256, 0)).contains("elliptic curve secp256k1"));
    assert_eq!(
        refused(&foreign(&p256, MessageDigest::sha1(), 0)),
        "certification request: signatureAlgorithm is ecdsa-with-SHA1 (1.2.840.10045.4.1), which \
         is broken; sign the request with SHA-256 or better"
    );
    assert_eq!(refused(&[]), "certification request: not one PKCS#10 request in DER (RFC 2986 §4)");
    assert_eq!(
        refused(&vec![0x30; csr::LARGEST_REQUEST + 1]),
        "certification request: 65537 bytes are too many (at most 65536)"
    );
    // The version is the first INTEGER, right after two SEQUENCE headers.
    let mut der = foreign(&p256, sha256, 0);
    let version = der.windows(3).position(|it| it == [2, 1, 0]).unwrap();
    der[version + 2] = 1;
    assert_eq!(
        refused(&der),
        "certification request: version is not 0, the only one there is (RFC 2986 §4.1)"
    );
}

#[test]
fn a_request_for_somebody_elses_key_proves_nothing() {
    let (own, other) = (key(KeyKind::P256), key(KeyKind::P256));
    let der = csr::build(own.as_ref(), &name("x"), Wanted::Nothing).unwrap();
    let (own, other) =
        [&own, &other].map(|key| key.public_key().public_key_to_der().unwrap()).into();
    let (own, other): (Vec<u8>, Vec<u8>) = (own, other);
    let place = der.windows(own.len()).position(|it| it == own).unwrap();
    let mut stolen = der;
    stolen[place..place + other.len()].copy_from_slice(&other);
    assert_eq!(
        refused(&stolen),
        "certification request: signature does not verify with the key in subjectPKInfo; the \
         request was changed, or its maker does not have the private key"
    );
}

#[test]
fn a_text_holds_exactly_one_request() {
    let pem = csr::to_pem(&REQUEST);
    assert_eq!(csr::from_pem(pem.as_bytes()).unwrap().der(), *REQUEST);
    let old = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    csr::from_pem(old.as_bytes()).unwrap();
    let text = |text: String| csr::from_pem(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        text(pem.repeat(2)),
        "certification request: the text holds 2 PEM blocks; give exactly one request"
    );
    assert_eq!(
        text(pem.replace("CERTIFICATE REQUEST", "CERTIFICATE")),
        "certification request: a PEM block \"CERTIFICATE\" stands where a CERTIFICATE REQUEST \
         belongs"
    );
    assert!(matches!(csr::from_pem(b"hello"), Err(CsrFault::Pem(_))));
}

#[test]
fn no_change_of_a_request_passes() {
    for position in 0..REQUEST.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut der = REQUEST.clone();
            der[position] ^= change;
            assert!(csr::parse(&der).is_err(), "byte {position} changed by {change:02x}");
        }
    }
    for length in 0..REQUEST.len() {
        assert!(csr::parse(&REQUEST[..length]).is_err());
    }
    assert!(csr::parse(&[REQUEST.as_slice(), &[0]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes_are_refused(
        der in proptest::collection::vec(any::<u8>(), 0..300),
        text in any::<String>(),
    ) {
        prop_assert!(csr::parse(&der).is_err());
        prop_assert!(csr::from_pem(text.as_bytes()).is_err());
    }

    #[test]
    fn a_mutated_request_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        inserted in proptest::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut der = REQUEST.clone();
        for (position, byte) in changes {
            let position = position.index(der.len());
            der[position] = byte;
        }
        let cut = cut.index(der.len());
        der.splice(cut..cut, inserted);
        prop_assert!(der == *REQUEST || csr::parse(&der).is_err());
    }
}
