//! The SignedData around TSTInfo, from pieces; and putting certificates back into a stored one.
//!
//! ```text
//! ContentInfo ::= SEQUENCE { contentType id-signedData, content [0] EXPLICIT SignedData }
//! SignedData ::= SEQUENCE {
//!    version CMSVersion,
//!    digestAlgorithms DigestAlgorithmIdentifiers,
//!    encapContentInfo EncapsulatedContentInfo,
//!    certificates [0] IMPLICIT CertificateSet OPTIONAL,
//!    crls [1] IMPLICIT RevocationInfoChoices OPTIONAL,
//!    signerInfos SignerInfos }
//! SignerInfo ::= SEQUENCE {
//!    version CMSVersion,
//!    sid SignerIdentifier,
//!    digestAlgorithm DigestAlgorithmIdentifier,
//!    signedAttrs [0] IMPLICIT SignedAttributes OPTIONAL,
//!    signatureAlgorithm SignatureAlgorithmIdentifier,
//!    signature SignatureValue,
//!    unsignedAttrs [1] IMPLICIT UnsignedAttributes OPTIONAL }
//! ```
//! (RFC 5652 §3, §5.1, §5.3)

use super::Template;
use crate::der::{self, DerError, Reader, header_len, put_header};

/// contentType: id-signedData, 1.2.840.113549.1.7.2 (RFC 5652 §5.1).
const ID_SIGNED_DATA: [u8; 11] =
    [der::OBJECT_IDENTIFIER, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
/// eContentType: id-ct-TSTInfo, 1.2.840.113549.1.9.16.1.4 (RFC 3161 §2.4.2).
const ID_CT_TST_INFO: [u8; 13] =
    [der::OBJECT_IDENTIFIER, 11, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 4];

/// The encoded issuer and serial number by which a SignerInfo names its certificate.
pub(crate) type SignerId<'a> = &'a [u8];

/// Puts a token together. `attributes` is the SET OF that was signed.
pub(super) fn encode(
    template: &Template,
    tst_info: &[u8],
    attributes: &[u8],
    signature: &[u8],
    with_certificates: bool,
) -> Vec<u8> {
    let certificates = if with_certificates { template.certificates().field() } else { &[] };

    // Lengths first, from the inside out, so that the octets are written once, in order.
    let octets = header_len(tst_info.len()) + tst_info.len();
    let explicit = header_len(octets) + octets;
    let encapsulated = ID_CT_TST_INFO.len() + explicit;
    let signer = template.signer_head().len()
        + attributes.len()
        + template.signature_algorithm().len()
        + header_len(signature.len())
        + signature.len();
    let signers = header_len(signer) + signer;
    let signed_data = template.head().len()
        + header_len(encapsulated)
        + encapsulated
        + certificates.len()
        + header_len(signers)
        + signers;
    let content = header_len(signed_data) + signed_data;
    let content_info = ID_SIGNED_DATA.len() + header_len(content) + content;

    let mut out = Vec::with_capacity(header_len(content_info) + content_info);
    put_header(&mut out, der::SEQUENCE, content_info);
    out.extend_from_slice(&ID_SIGNED_DATA);
    put_header(&mut out, der::CONTEXT_0, content);
    put_header(&mut out, der::SEQUENCE, signed_data);
    out.extend_from_slice(template.head());
    put_header(&mut out, der::SEQUENCE, encapsulated);
    out.extend_from_slice(&ID_CT_TST_INFO);
    put_header(&mut out, der::CONTEXT_0, octets);
    put_header(&mut out, der::OCTET_STRING, tst_info.len());
    out.extend_from_slice(tst_info);
    out.extend_from_slice(certificates);
    put_header(&mut out, der::SET, signers);
    put_header(&mut out, der::SEQUENCE, signer);
    out.extend_from_slice(template.signer_head());
    // In the SignerInfo they are [0] IMPLICIT; only the tag differs from what was signed.
    out.push(der::CONTEXT_0);
    out.extend_from_slice(&attributes[1..]);
    out.extend_from_slice(template.signature_algorithm());
    put_header(&mut out, der::OCTET_STRING, signature.len());
    out.extend_from_slice(signature);
    out
}

/// The pieces of a stored token, which has no certificates.
struct Stored<'a> {
    /// version, digestAlgorithms and encapContentInfo.
    before: [&'a [u8]; 3],
    signers: &'a [u8],
    sid: SignerId<'a>,
}

fn read(token: &[u8]) -> Result<Stored<'_>, DerError> {
    let mut content_info = Reader::only(token, der::SEQUENCE)?;
    content_info.expect(der::OBJECT_IDENTIFIER)?;
    let content = content_info.expect(der::CONTEXT_0)?;
    content_info.end()?;
    let mut signed_data = Reader::only(content.contents, der::SEQUENCE)?;
    let before = [
        signed_data.expect(der::INTEGER)?.encoding,
        signed_data.expect(der::SET)?.encoding,
        signed_data.expect(der::SEQUENCE)?.encoding,
    ];
    let signers = signed_data.expect(der::SET)?;
    signed_data.end()?;
    let mut signer = Reader::only(signers.contents, der::SEQUENCE)?;
    signer.expect(der::INTEGER)?;
    let sid = signer.expect(der::SEQUENCE)?.encoding;
    Ok(Stored { before, signers: signers.encoding, sid })
}

/// Who signed a stored token.
pub(crate) fn signer_of(token: &[u8]) -> Result<SignerId<'_>, DerError> {
    read(token).map(|stored| stored.sid)
}

/// A stored token with `certificates`, an encoded `[0] IMPLICIT CertificateSet`, put back.
pub(crate) fn with_certificates(token: &[u8], certificates: &[u8]) -> Result<Vec<u8>, DerError> {
    let stored = read(token)?;
    let [version, digests, encapsulated] = stored.before;
    let signed_data =
        der::tlv(der::SEQUENCE, &[version, digests, encapsulated, certificates, stored.signers]);
    let content = der::tlv(der::CONTEXT_0, &[&signed_data]);
    Ok(der::tlv(der::SEQUENCE, &[&ID_SIGNED_DATA, &content]))
}
