//! Tokens that are signed by the right key and are still not right: the verifier finds each fault,
//! and the certificate of the unit alone makes no token good.

use crate::support::reference::{self, Contents};
use crate::support::request::{self, usual, value};
use crate::support::{Authority, DEFAULT_POLICY, policy, software_key, start_ms};
use certs::{KeyKind, SigningKey, TsuCertificate};
use marca_tsa::Accuracy;
use marca_tsa::verify::{self, Trust, VerifyError, parse_reply};
use openssl::x509::X509;
use rasn::types::{Any, Integer, SetOf};
use rasn_cms::tsp::{PkiStatus, PkiStatusInfo, TimeStampResp};
use rasn_cms::{Attribute, ContentInfo, SignedData};
use std::sync::{Arc, LazyLock};

/// A unit whose key signs whatever the test wants.
struct Forger {
    key: Arc<dyn SigningKey>,
    certificate: TsuCertificate,
    trust: Trust,
}

static FORGER: LazyLock<Forger> = LazyLock::new(|| {
    let authority = Authority::new();
    let key = software_key(KeyKind::P256);
    let x509 = |der: &[u8]| X509::from_der(der).unwrap();
    Forger {
        certificate: authority.certificate(&*key),
        key,
        trust: Trust {
            roots: vec![x509(&authority.root_der())],
            certificates: vec![x509(authority.issuing.certificate_der())],
        },
    }
});

fn contents() -> Contents {
    Contents {
        imprint: usual().message_imprint,
        policy: policy(DEFAULT_POLICY).oid().to_owned(),
        serial: [0x11; 16],
        gen_time_ms: start_ms(),
        accuracy: Accuracy::SECOND,
        nonce: usual().nonce,
    }
}

impl Forger {
    fn attributes(&self, tst_info: &[u8]) -> SetOf<Attribute> {
        reference::attributes(tst_info, self.key.scheme(), self.certificate.der())
    }

    /// A token over these attributes, signed.
    fn token(&self, tst_info: &[u8], attributes: SetOf<Attribute>) -> Vec<u8> {
        let signature = self.key.sign(&rasn::der::encode(&attributes).unwrap()).unwrap();
        let certificates = [self.certificate.der()];
        let scheme = self.key.scheme();
        reference::token(tst_info, attributes, &signature, scheme, &self.certificate, &certificates)
    }

    fn verify(&self, token: &[u8]) -> Result<(), VerifyError> {
        let reply = marca_tsa::response::granted(token);
        verify::reply(&reply, &request::encode(&usual()), &self.trust).map(drop)
    }

    /// The token with its SignedData changed; the signature stays what it was.
    fn changed(&self, change: impl FnOnce(&mut SignedData)) -> Result<(), VerifyError> {
        let tst_info = reference::tst_info(&contents());
        let token = self.token(&tst_info, self.attributes(&tst_info));
        let mut content_info: ContentInfo = rasn::der::decode(&token).unwrap();
        let mut signed_data: SignedData =
            rasn::der::decode(content_info.content.as_bytes()).unwrap();
        change(&mut signed_data);
        content_info.content = Any::new(rasn::der::encode(&signed_data).unwrap());
        self.verify(&rasn::der::encode(&content_info).unwrap())
    }

    fn with_attributes(
        &self,
        change: impl FnOnce(Vec<Attribute>) -> Vec<Attribute>,
    ) -> Result<(), VerifyError> {
        let tst_info = reference::tst_info(&contents());
        let all: Vec<Attribute> =
            self.attributes(&tst_info).to_vec().into_iter().cloned().collect();
        self.verify(&self.token(&tst_info, SetOf::from_vec(change(all))))
    }
}

#[test]
fn an_honest_token_of_the_forger_verifies() {
    FORGER.changed(|_| ()).unwrap();
    FORGER.with_attributes(|all| all).unwrap();
}

/// R3: "The time-stamp token MUST NOT contain any signatures other than the signature of the TSA."
#[test]
fn a_second_signature_is_found_out() {
    let error = FORGER
        .changed(|signed_data| {
            let mut second = (*signed_data.signer_infos.to_vec()[0]).clone();
            second.signature = vec![9; 70].into();
            signed_data.signer_infos.insert(second);
        })
        .unwrap_err();
    assert!(matches!(error, VerifyError::NotDer(_)), "{error}");
}

/// R2: version 3; and no signer is no token.
#[test]
fn another_version_or_no_signer_is_found_out() {
    let error = FORGER.changed(|signed_data| signed_data.version = Integer::from(1)).unwrap_err();
    assert!(matches!(error, VerifyError::Structure("SignedData is not version 3")), "{error}");
    let error = FORGER.changed(|signed_data| signed_data.signer_infos = SetOf::new()).unwrap_err();
    assert!(matches!(error, VerifyError::NotDer(_)), "{error}");
}

/// R1: the content is a TSTInfo and says so.
#[test]
fn another_content_type_is_found_out() {
    let error = FORGER
        .changed(|signed_data| {
            signed_data.encap_content_info.content_type = rasn_cms::CONTENT_DATA.to_owned();
        })
        .unwrap_err();
    assert!(matches!(error, VerifyError::Structure("the content is not a TSTInfo")), "{error}");
    let error = FORGER
        .changed(|signed_data| signed_data.encap_content_info.content = Some(vec![0x30, 0].into()))
        .unwrap_err();
    assert!(matches!(error, VerifyError::NotDer(_)), "{error}");
}

/// The content is what was signed.
#[test]
fn another_time_in_the_content_is_found_out() {
    let later = Contents { gen_time_ms: start_ms() + 1_000, ..contents() };
    let error = FORGER
        .changed(|signed_data| {
            let content = reference::tst_info(&later).into();
            signed_data.encap_content_info.content = Some(content);
        })
        .unwrap_err();
    assert!(matches!(error, VerifyError::Attribute("messageDigest")), "{error}");
}

/// R4, R6: each attribute is there once and refers to this content and this certificate.
#[test]
fn missing_and_foreign_attributes_are_found_out() {
    let names = ["contentType", "messageDigest", "signingCertificateV2"];
    for (index, name) in names.into_iter().enumerate() {
        let error = FORGER
            .with_attributes(|mut all| {
                all.remove(index);
                all
            })
            .unwrap_err();
        assert!(matches!(error, VerifyError::Attribute(found) if found == name), "{error}");
        let error = FORGER
            .with_attributes(|mut all| {
                let mut twice = all[index].clone();
                twice.values = SetOf::from_vec(vec![Any::new(vec![4, 0])]);
                all.push(twice);
                all
            })
            .unwrap_err();
        assert!(matches!(error, VerifyError::Attribute(found) if found == name), "{error}");
    }
    // A certificate of the same name and number would have another hash.
    let error = FORGER
        .with_attributes(|mut all| {
            let foreign = reference::attributes(b"", FORGER.key.scheme(), b"another certificate");
            all[2] = (*foreign
                .to_vec()
                .iter()
                .find(|attribute| attribute.r#type == all[2].r#type)
                .unwrap())
            .clone();
            all
        })
        .unwrap_err();
    assert!(matches!(error, VerifyError::Attribute("signingCertificateV2")), "{error}");
}

/// The algorithms that the SignerInfo names are those of the key.
#[test]
fn other_algorithms_are_found_out() {
    let error = FORGER
        .changed(|signed_data| {
            let mut signer = (*signed_data.signer_infos.to_vec()[0]).clone();
            signer.signature_algorithm = certs::SignatureScheme::Ed25519.signature_algorithm();
            signed_data.signer_infos = SetOf::from_vec(vec![signer]);
        })
        .unwrap_err();
    assert!(matches!(error, VerifyError::Structure(_)), "{error}");
}

/// R9, R16: signed, but not the answer.
#[test]
fn a_signed_token_over_something_else_is_found_out() {
    for (contents, field) in [
        (
            Contents { imprint: request::imprint(marca_tsa::HashAlgorithm::Sha512), ..contents() },
            "messageImprint",
        ),
        (Contents { nonce: None, ..contents() }, "nonce"),
        (Contents { nonce: Some(Integer::from(1)), ..contents() }, "nonce"),
    ] {
        let tst_info = reference::tst_info(&contents);
        let token = FORGER.token(&tst_info, FORGER.attributes(&tst_info));
        let error = FORGER.verify(&token).unwrap_err();
        assert!(matches!(error, VerifyError::Mismatch(found) if found == field), "{error}");
    }
}

/// K7: a time at which the certificate was not valid.
#[test]
fn a_time_outside_of_the_certificates_validity_is_found_out() {
    for gen_time_ms in [0, start_ms() + 10 * 365 * 86_400_000] {
        let tst_info = reference::tst_info(&Contents { gen_time_ms, ..contents() });
        let token = FORGER.token(&tst_info, FORGER.attributes(&tst_info));
        let error = FORGER.verify(&token).unwrap_err();
        assert!(matches!(error, VerifyError::Certificate(_)), "{error}");
    }
}

/// F2, F3, F4, RFC 3161 §2.4.2: a token with granted, and only then; no failure with it.
#[test]
fn status_and_token_have_to_fit() {
    let tst_info = reference::tst_info(&contents());
    let token = FORGER.token(&tst_info, FORGER.attributes(&tst_info));
    let reply = |status, fail_info, with_token: bool| {
        let reply = TimeStampResp {
            status: PkiStatusInfo { status, status_string: None, fail_info },
            time_stamp_token: with_token.then(|| rasn::der::decode(&token).unwrap()),
        };
        rasn::der::encode(&reply).unwrap()
    };
    let failure = || Some(marca_tsa::PkiFailureInfo::BadAlg.to_bit_string());
    assert!(parse_reply(&reply(PkiStatus::Granted, None, true)).is_ok());
    assert!(parse_reply(&reply(PkiStatus::Rejection, failure(), false)).is_ok());
    for (status, fail_info, with_token) in [
        (PkiStatus::Granted, None, false),
        (PkiStatus::Granted, failure(), true),
        (PkiStatus::GrantedWithMods, None, true),
        (PkiStatus::Rejection, failure(), true),
        (PkiStatus::Waiting, None, true),
    ] {
        let reply = reply(status, fail_info, with_token);
        let error = parse_reply(&reply).unwrap_err();
        assert!(matches!(error, VerifyError::Structure(_)), "{status:?}: {error}");
    }
    // F6: no status but 0 to 5.
    let unknown = value(0x30, &value(0x30, &[2, 1, 6]));
    assert!(matches!(parse_reply(&unknown), Err(VerifyError::Structure("PKIStatusInfo"))));
    let large = vec![0x30; verify::MAX_REPLY_LEN + 1];
    assert!(matches!(parse_reply(&large), Err(VerifyError::TooLarge)));
}
