//! What every token of a unit has in common, encoded once when the unit is set up.

use super::CertificateSet;
use crate::der;
use crate::time::Accuracy;
use certs::SignatureScheme;
use openssl::sha;
use rasn::types::{Any, Integer, ObjectIdentifier, OctetString, SetOf};
use rasn_cms::tsp;
use rasn_pkix::Attribute;
use rasn_smime::ess;

/// The pieces, each with its tag and length.
#[derive(Debug)]
pub(crate) struct Template {
    digest: Digest,
    /// version and digestAlgorithms of SignedData.
    head: Vec<u8>,
    /// version, sid and digestAlgorithm of SignerInfo.
    signer_head: Vec<u8>,
    signature_algorithm: Vec<u8>,
    certificates: CertificateSet,
    accuracy: Vec<u8>,
    /// The signed attributes with a digest of zeros, and where the digest goes.
    attributes: Vec<u8>,
    digest_at: usize,
}

/// A part of a token that cannot be read or encoded.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of a token: {reason}")]
pub struct TemplateError {
    /// The structure.
    pub(super) what: &'static str,
    /// The library's words.
    pub(super) reason: String,
}

impl Template {
    /// `certificate` is the unit's own in DER; `certificates` what goes into a token.
    pub(crate) fn new(
        scheme: SignatureScheme,
        certificate: &[u8],
        certificates: CertificateSet,
        accuracy: Accuracy,
    ) -> Result<Self, TemplateError> {
        let digest = Digest::of(scheme);
        let digest_algorithm = encode("digestAlgorithm", &scheme.digest_algorithm())?;
        let signature_algorithm = encode("signatureAlgorithm", &scheme.signature_algorithm())?;
        // RFC 5652 §5.1: "version MUST be 3" when eContentType is not id-data, as here.
        let version_3 = [der::INTEGER, 1, 3];
        let head = [&version_3[..], &der::tlv(der::SET, &[&digest_algorithm])].concat();
        // RFC 5652 §5.3: "If the SignerIdentifier is the CHOICE issuerAndSerialNumber, then the
        // version MUST be 1."
        let version_1 = [der::INTEGER, 1, 1];
        let signer_head = [&version_1[..], certificates.sid(), &digest_algorithm].concat();
        let (attributes, digest_at) = attributes(digest, certificate)?;
        Ok(Self {
            digest,
            head,
            signer_head,
            signature_algorithm,
            certificates,
            accuracy: encode("Accuracy", &accuracy_value(accuracy))?,
            attributes,
            digest_at,
        })
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn signer_head(&self) -> &[u8] {
        &self.signer_head
    }

    pub(super) fn signature_algorithm(&self) -> &[u8] {
        &self.signature_algorithm
    }

    pub(crate) fn certificates(&self) -> &CertificateSet {
        &self.certificates
    }

    pub(super) fn accuracy(&self) -> &[u8] {
        &self.accuracy
    }

    /// The signed attributes over this TSTInfo, as a SET OF.
    pub(super) fn signed_attributes(&self, tst_info: &[u8]) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        let hole = &mut attributes[self.digest_at..self.digest_at + self.digest.len()];
        match self.digest {
            Digest::Sha256 => hole.copy_from_slice(&sha::sha256(tst_info)),
            Digest::Sha384 => hole.copy_from_slice(&sha::sha384(tst_info)),
            Digest::Sha512 => hole.copy_from_slice(&sha::sha512(tst_info)),
        }
        attributes
    }
}

/// The digest of the messageDigest attribute.
#[derive(Clone, Copy, Debug)]
enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// The one that `certs` names in digestAlgorithm. RFC 8419 §3.1: with Ed25519 and signed
    /// attributes it is SHA-512.
    fn of(scheme: SignatureScheme) -> Self {
        match scheme.message_digest().size() {
            48 => Self::Sha384,
            64 => Self::Sha512,
            _ => Self::Sha256,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// contentType and messageDigest (RFC 5652 §11.1, §11.2: required when there are signed attributes)
/// and signingCertificateV2 (RFC 5816 §2.2.1). No signingTime: genTime is the time, inside the
/// signed content, and a second one could only contradict it.
fn attributes(digest: Digest, certificate: &[u8]) -> Result<(Vec<u8>, usize), TemplateError> {
    let content_type: ObjectIdentifier = tsp::TST_INFO.into();
    let message_digest = OctetString::from(vec![0; digest.len()]);
    let message_digest = attribute(rasn_cms::MESSAGE_DIGEST, &message_digest)?;
    let mut set = [
        attribute(rasn_cms::CONTENT_TYPE, &content_type)?,
        message_digest.clone(),
        attribute(ess::SIGNING_CERTIFICATE_V2, &signing_certificate(certificate))?,
    ];
    // X.690 11.6: the components of a SET OF "shall appear in ascending order" of encodings. The
    // digest's own octets never decide it: the attributes differ before them.
    set.sort();
    let before: usize =
        set.iter().take_while(|encoding| **encoding != message_digest).map(Vec::len).sum();
    let set = der::tlv(der::SET, &[&set[0], &set[1], &set[2]]);
    let contents_at = set.len() - before_len(&set);
    // The digest is the end of its attribute.
    let digest_at = contents_at + before + message_digest.len() - digest.len();
    Ok((set, digest_at))
}

/// Octets of a value that follow its tag and length.
fn before_len(value: &[u8]) -> usize {
    der::Reader::new(value).value().map_or(0, |value| value.contents.len())
}

fn attribute(
    r#type: &rasn::types::Oid,
    value: &impl rasn::Encode,
) -> Result<Vec<u8>, TemplateError> {
    let value = Any::new(encode("attribute value", value)?);
    let attribute = Attribute { r#type: r#type.into(), values: SetOf::from_vec(vec![value]) };
    encode("attribute", &attribute)
}

/// One ESSCertIDv2 with the SHA-256 of the unit's certificate.
///
/// RFC 5035 §4: hashAlgorithm is DEFAULT SHA-256 and so absent in DER. issuerSerial is left out: it
/// "would normally be present unless the value can be inferred from other information (e.g., the
/// sid field of the SignerInfo object)", which names it here.
fn signing_certificate(certificate: &[u8]) -> ess::SigningCertificateV2 {
    let sha256 = rasn_pkix::AlgorithmIdentifier {
        algorithm: crate::HashAlgorithm::Sha256.oid().into(),
        parameters: None,
    };
    ess::SigningCertificateV2 {
        certs: vec![ess::EssCertIdv2 {
            hash_algorithm: sha256,
            cert_hash: sha::sha256(certificate).to_vec().into(),
            issuer_serial: None,
        }],
        policies: None,
    }
}

fn accuracy_value(accuracy: Accuracy) -> tsp::Accuracy {
    let [seconds, millis, micros] = accuracy.parts().map(|part| part.map(Integer::from));
    tsp::Accuracy { seconds, millis, micros }
}

pub(super) fn encode(
    what: &'static str,
    value: &impl rasn::Encode,
) -> Result<Vec<u8>, TemplateError> {
    rasn::der::encode(value).map_err(|error| TemplateError { what, reason: error.to_string() })
}
