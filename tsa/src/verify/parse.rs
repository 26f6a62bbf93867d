//! From octets to the parts of a reply. Those whose octets matter (what is signed, what is compared
//! with the request, certificates) are kept as octets; the others become rasn's types.

use super::{MAX_REPLY_LEN, VerifyError};
use crate::der::{self, DerError, Limits, Reader};
use crate::failure::PkiFailureInfo;
use rasn::types::{Oid, SetOf};
use rasn_cms::tsp;
use rasn_pkix::{AlgorithmIdentifier, Attribute};

/// The deepest value of a token with certificates is some fifteen levels down.
const LIMITS: Limits = Limits { depth: 32, arcs: crate::request::MAX_OID_ARCS };

/// A reply, well-formed.
#[derive(Clone, Debug)]
pub enum ParsedReply<'a> {
    /// With a token.
    Granted(Box<Token<'a>>),
    /// Without.
    Rejected {
        /// The protocol's value, if there is exactly one and it is known.
        failure: Option<PkiFailureInfo>,
        /// statusString.
        texts: Vec<String>,
    },
}

/// The parts of a token.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    /// What it says.
    pub tst_info: tsp::TstInfo,
    /// The same, as it is signed.
    pub tst_info_der: &'a [u8],
    /// DER of its messageImprint.
    pub imprint: &'a [u8],
    /// Contents octets of its serial number.
    pub serial: &'a [u8],
    /// The certificates, each in DER; `None` when the field is absent.
    pub certificates: Option<Vec<&'a [u8]>>,
    pub(super) sid: &'a [u8],
    pub(super) digest_algorithm: AlgorithmIdentifier,
    pub(super) signature_algorithm: AlgorithmIdentifier,
    signature: &'a [u8],
    /// Contents octets of signedAttrs, and the attributes themselves.
    attributes_der: &'a [u8],
    attributes: SetOf<Attribute>,
}

/// Reads a reply. Never panics.
///
/// # Errors
/// [`VerifyError::TooLarge`], [`VerifyError::NotDer`], [`VerifyError::Structure`].
pub fn parse_reply(input: &[u8]) -> Result<ParsedReply<'_>, VerifyError> {
    if input.len() > MAX_REPLY_LEN {
        return Err(VerifyError::TooLarge);
    }
    let mut whole = Reader::new(input);
    let value = whole.expect(der::SEQUENCE)?;
    whole.end()?;
    der::check(&value, LIMITS)?;
    let mut fields = Reader::new(value.contents);
    let status: tsp::PkiStatusInfo =
        decode(fields.expect(der::SEQUENCE)?.encoding, "PKIStatusInfo")?;
    let token = (!fields.is_empty()).then(|| fields.expect(der::SEQUENCE)).transpose()?;
    fields.end()?;
    // RFC 3161 §2.4.2: "When the status contains the value zero or one, a TimeStampToken MUST be
    // present. When status contains a value other than zero or one, a TimeStampToken MUST NOT be
    // present." We send zero only.
    match (status.status, token) {
        (tsp::PkiStatus::Granted, Some(_)) if status.fail_info.is_some() => {
            Err(VerifyError::Structure("a token and a failure"))
        }
        (tsp::PkiStatus::Granted, Some(token)) => {
            Ok(ParsedReply::Granted(Box::new(Token::read(token.encoding)?)))
        }
        (tsp::PkiStatus::Granted | tsp::PkiStatus::GrantedWithMods, _) => {
            Err(VerifyError::Structure("granted without a token, or with changes"))
        }
        (_, Some(_)) => Err(VerifyError::Structure("a token that is not granted")),
        (_, None) => Ok(ParsedReply::Rejected {
            failure: status.fail_info.as_ref().and_then(PkiFailureInfo::from_bit_string),
            texts: status.status_string.unwrap_or_default(),
        }),
    }
}

impl<'a> Token<'a> {
    fn read(content_info: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::only(content_info, der::SEQUENCE)?;
        let content_type = fields.expect(der::OBJECT_IDENTIFIER)?.encoding;
        is_oid(content_type, rasn_cms::CONTENT_SIGNED_DATA, "not a SignedData")?;
        let content = fields.expect(der::CONTEXT_0)?;
        fields.end()?;

        let mut signed_data = Reader::only(content.contents, der::SEQUENCE)?;
        // RFC 5652 §5.1: version 3, since eContentType is not id-data.
        if signed_data.expect(der::INTEGER)?.contents != [3] {
            return Err(VerifyError::Structure("SignedData is not version 3"));
        }
        let digest_algorithms = signed_data.expect(der::SET)?;
        let tst_info_der = encapsulated(signed_data.expect(der::SEQUENCE)?.contents)?;
        let mut next = signed_data.value()?;
        let certificates = match next.tag {
            der::CONTEXT_0 => {
                let set = sorted_set(next.contents)?;
                next = signed_data.value()?;
                Some(set)
            }
            _ => None,
        };
        if next.tag != der::SET {
            return Err(VerifyError::Structure("signerInfos are missing"));
        }
        signed_data.end()?;
        // RFC 3161 §2.4.2: "The time-stamp token MUST NOT contain any signatures other than the
        // signature of the TSA."
        let signer = Reader::only(next.contents, der::SEQUENCE)?;
        Self::read_signer(signer, tst_info_der, certificates, digest_algorithms.contents)
    }

    fn read_signer(
        mut signer: Reader<'a>,
        tst_info_der: &'a [u8],
        certificates: Option<Vec<&'a [u8]>>,
        digest_algorithms: &[u8],
    ) -> Result<Self, VerifyError> {
        // RFC 5652 §5.3: version 1 with issuerAndSerialNumber.
        if signer.expect(der::INTEGER)?.contents != [1] {
            return Err(VerifyError::Structure("SignerInfo is not version 1"));
        }
        let sid = signer.expect(der::SEQUENCE)?.encoding;
        let digest_algorithm = signer.expect(der::SEQUENCE)?.encoding;
        if digest_algorithms != digest_algorithm {
            return Err(VerifyError::Structure("digestAlgorithms are not the signer's"));
        }
        let attributes_der = signer.expect(der::CONTEXT_0)?.contents;
        sorted_set(attributes_der)?;
        let signature_algorithm = signer.expect(der::SEQUENCE)?.encoding;
        let signature = signer.expect(der::OCTET_STRING)?.contents;
        signer.end()?;

        let (imprint, serial) = imprint_and_serial(tst_info_der)?;
        let mut token = Self {
            tst_info: decode(tst_info_der, "TSTInfo")?,
            tst_info_der,
            imprint,
            serial,
            certificates,
            sid,
            digest_algorithm: decode(digest_algorithm, "digestAlgorithm")?,
            signature_algorithm: decode(signature_algorithm, "signatureAlgorithm")?,
            signature,
            attributes_der,
            attributes: SetOf::new(),
        };
        token.attributes = decode(&token.signed_attributes(), "signedAttrs")?;
        Ok(token)
    }

    /// What was signed: the attributes as a SET OF (RFC 5652 §5.4).
    pub(super) fn signed_attributes(&self) -> Vec<u8> {
        der::tlv(der::SET, &[self.attributes_der])
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// The signed attributes.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        self.attributes.to_vec().into_iter().cloned().collect()
    }

    /// The one value of a signed attribute that must be there once; `what` is its name in errors.
    ///
    /// # Errors
    /// [`VerifyError::Attribute`]
    pub fn attribute<T: rasn::Decode>(
        &self,
        r#type: &Oid,
        what: &'static str,
    ) -> Result<T, VerifyError> {
        let wrong = || VerifyError::Attribute(what);
        let all = self.attributes.to_vec();
        let mut found = all.iter().filter(|attribute| attribute.r#type == *r#type);
        let (Some(attribute), None) = (found.next(), found.next()) else { return Err(wrong()) };
        match attribute.values.to_vec().as_slice() {
            [value] => rasn::der::decode(value.as_bytes()).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

/// The octets of TSTInfo inside EncapsulatedContentInfo.
fn encapsulated(contents: &[u8]) -> Result<&[u8], VerifyError> {
    let mut fields = Reader::new(contents);
    let content_type = fields.expect(der::OBJECT_IDENTIFIER)?.encoding;
    is_oid(content_type, tsp::TST_INFO, "the content is not a TSTInfo")?;
    let explicit = fields.expect(der::CONTEXT_0)?;
    fields.end()?;
    let mut explicit = Reader::new(explicit.contents);
    let octets = explicit.expect(der::OCTET_STRING)?;
    explicit.end()?;
    // Another encoding inside the octets: it has not been looked at yet.
    let mut inside = Reader::new(octets.contents);
    der::check(&inside.expect(der::SEQUENCE)?, LIMITS)?;
    inside.end()?;
    Ok(octets.contents)
}

fn imprint_and_serial(tst_info: &[u8]) -> Result<(&[u8], &[u8]), DerError> {
    let mut fields = Reader::only(tst_info, der::SEQUENCE)?;
    fields.expect(der::INTEGER)?;
    fields.expect(der::OBJECT_IDENTIFIER)?;
    let imprint = fields.expect(der::SEQUENCE)?.encoding;
    Ok((imprint, fields.expect(der::INTEGER)?.contents))
}

/// The values of a SET OF, which DER wants in ascending order (X.690 11.6).
fn sorted_set(contents: &[u8]) -> Result<Vec<&[u8]>, VerifyError> {
    let mut reader = Reader::new(contents);
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(reader.value()?.encoding);
    }
    if values.is_sorted() {
        Ok(values)
    } else {
        Err(VerifyError::Structure("a SET OF is not sorted"))
    }
}

fn is_oid(encoding: &[u8], expected: &Oid, otherwise: &'static str) -> Result<(), VerifyError> {
    let oid: rasn::types::ObjectIdentifier = decode(encoding, otherwise)?;
    if oid == *expected { Ok(()) } else { Err(VerifyError::Structure(otherwise)) }
}

fn decode<T: rasn::Decode>(encoding: &[u8], what: &'static str) -> Result<T, VerifyError> {
    rasn::der::decode(encoding).map_err(|_| VerifyError::Structure(what))
}

impl From<DerError> for VerifyError {
    fn from(error: DerError) -> Self {
        Self::NotDer(error.to_string())
    }
}
