//! The token as rasn's types encode it: slower, and what the pieces must agree with.

use certs::{SignatureScheme, TsuCertificate};
use marca_tsa::Accuracy;
use openssl::hash::hash;
use rasn::types::{Any, GeneralizedTime, Integer, ObjectIdentifier, SetOf};
use rasn_cms::tsp::{self, MessageImprint, TstInfo};
use rasn_cms::{
    Attribute, CertificateChoices, ContentInfo, EncapsulatedContentInfo, IssuerAndSerialNumber,
    SignedData, SignerIdentifier, SignerInfo,
};
use rasn_pkix::AlgorithmIdentifier;
use rasn_smime::ess;

pub(crate) struct Contents {
    pub(crate) imprint: MessageImprint,
    pub(crate) policy: ObjectIdentifier,
    pub(crate) serial: [u8; 16],
    pub(crate) gen_time_ms: i64,
    pub(crate) accuracy: Accuracy,
    pub(crate) nonce: Option<Integer>,
}

pub(crate) fn tst_info(contents: &Contents) -> Vec<u8> {
    let gen_time: GeneralizedTime =
        chrono::DateTime::from_timestamp_millis(contents.gen_time_ms).unwrap().into();
    let [seconds, millis, micros] = contents.accuracy.parts().map(|part| part.map(Integer::from));
    let info = TstInfo {
        version: Integer::from(1),
        policy: contents.policy.clone(),
        message_imprint: contents.imprint.clone(),
        serial_number: Integer::from(u128::from_be_bytes(contents.serial)),
        gen_time,
        accuracy: Some(tsp::Accuracy { seconds, millis, micros }),
        ordering: false,
        nonce: contents.nonce.clone(),
        tsa: None,
        extensions: None,
    };
    rasn::der::encode(&info).unwrap()
}

fn attribute(r#type: &rasn::types::Oid, value: &impl rasn::Encode) -> Attribute {
    let value = Any::new(rasn::der::encode(value).unwrap());
    Attribute { r#type: r#type.to_owned(), values: SetOf::from_vec(vec![value]) }
}

pub(crate) fn attributes(
    tst_info: &[u8],
    scheme: SignatureScheme,
    certificate: &[u8],
) -> SetOf<Attribute> {
    let content_type: ObjectIdentifier = tsp::TST_INFO.to_owned();
    let digest = hash(scheme.message_digest(), tst_info).unwrap();
    let signing_certificate = ess::SigningCertificateV2 {
        certs: vec![ess::EssCertIdv2 {
            hash_algorithm: AlgorithmIdentifier {
                algorithm: marca_tsa::HashAlgorithm::Sha256.oid().to_owned(),
                parameters: None,
            },
            cert_hash: openssl::sha::sha256(certificate).to_vec().into(),
            issuer_serial: None,
        }],
        policies: None,
    };
    SetOf::from_vec(vec![
        attribute(rasn_cms::CONTENT_TYPE, &content_type),
        attribute(rasn_cms::MESSAGE_DIGEST, &rasn::types::OctetString::from(digest.to_vec())),
        attribute(ess::SIGNING_CERTIFICATE_V2, &signing_certificate),
    ])
}

pub(crate) fn token(
    tst_info: &[u8],
    attributes: SetOf<Attribute>,
    signature: &[u8],
    scheme: SignatureScheme,
    unit: &TsuCertificate,
    certificates: &[&[u8]],
) -> Vec<u8> {
    let signer = SignerInfo {
        version: Integer::from(1),
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: unit.issuer().clone(),
            serial_number: unit.serial_number().clone(),
        }),
        digest_algorithm: scheme.digest_algorithm(),
        signed_attrs: Some(attributes),
        signature_algorithm: scheme.signature_algorithm(),
        signature: signature.to_vec().into(),
        unsigned_attrs: None,
    };
    let parse =
        |der: &&[u8]| CertificateChoices::Certificate(Box::new(rasn::der::decode(der).unwrap()));
    let certificates: Vec<_> = certificates.iter().map(parse).collect();
    let signed_data = SignedData {
        version: Integer::from(3),
        digest_algorithms: SetOf::from_vec(vec![scheme.digest_algorithm()]),
        encap_content_info: EncapsulatedContentInfo {
            content_type: tsp::TST_INFO.to_owned(),
            content: Some(tst_info.to_vec().into()),
        },
        certificates: (!certificates.is_empty()).then(|| SetOf::from_vec(certificates)),
        crls: None,
        signer_infos: SetOf::from_vec(vec![signer]),
    };
    let content_info = ContentInfo {
        content_type: rasn_cms::CONTENT_SIGNED_DATA.to_owned(),
        content: Any::new(rasn::der::encode(&signed_data).unwrap()),
    };
    rasn::der::encode(&content_info).unwrap()
}
