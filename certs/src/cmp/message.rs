//! The structures of a PKIMessage, as far as an end entity enrolling with a PKCS#10 request needs
//! them (RFC 9810 appendix F; its module is `EXPLICIT TAGS`).
//!
//! What a signature or a MAC is taken over is kept in the bytes that were received ([`Any`]):
//! nothing is verified over a second encoding. The names are the standard's.

use rasn::prelude::*;
use rasn_pkix::{AlgorithmIdentifier, GeneralName};

/// `pvno` cmp2000, RFC 9810 §7: the version to use where nothing newer is needed.
pub(super) const CMP_2000: i64 = 2;
/// `pvno` cmp2021: needed for `CertStatus.hashAlg`.
pub(super) const CMP_2021: i64 = 3;

/// id-it-implicitConfirm (RFC 9810 §5.1.1.1).
pub(super) const IMPLICIT_CONFIRM: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 4, 13]);

/// `PKIMessage`, header and body not yet looked into.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PkiMessage {
    pub(super) header: Any,
    pub(super) body: Any,
    #[rasn(tag(explicit(0)))]
    pub(super) protection: Option<BitString>,
    #[rasn(tag(explicit(1)))]
    pub(super) extra_certs: Option<SequenceOf<Any>>,
}

/// `ProtectedPart`: what the protection is calculated over.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct ProtectedPart {
    pub(super) header: Any,
    pub(super) body: Any,
}

/// `PKIHeader`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PkiHeader {
    pub(super) pvno: i64,
    pub(super) sender: GeneralName,
    pub(super) recipient: GeneralName,
    #[rasn(tag(explicit(0)))]
    pub(super) message_time: Option<GeneralizedTime>,
    #[rasn(tag(explicit(1)))]
    pub(super) protection_alg: Option<AlgorithmIdentifier>,
    #[rasn(tag(explicit(2)))]
    pub(super) sender_kid: Option<OctetString>,
    #[rasn(tag(explicit(3)))]
    pub(super) recip_kid: Option<OctetString>,
    #[rasn(tag(explicit(4)))]
    pub(super) transaction_id: Option<OctetString>,
    #[rasn(tag(explicit(5)))]
    pub(super) sender_nonce: Option<OctetString>,
    #[rasn(tag(explicit(6)))]
    pub(super) recip_nonce: Option<OctetString>,
    #[rasn(tag(explicit(7)))]
    pub(super) free_text: Option<PkiFreeText>,
    #[rasn(tag(explicit(8)))]
    pub(super) general_info: Option<SequenceOf<InfoTypeAndValue>>,
}

/// `PKIFreeText`.
pub(super) type PkiFreeText = SequenceOf<Utf8String>;

/// `InfoTypeAndValue`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct InfoTypeAndValue {
    pub(super) info_type: ObjectIdentifier,
    pub(super) info_value: Option<Any>,
}

/// The alternatives of `PKIBody` that take part in such an enrolment.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice)]
pub(super) enum PkiBody {
    #[rasn(tag(explicit(1)))]
    Ip(CertRepMessage),
    #[rasn(tag(explicit(3)))]
    Cp(CertRepMessage),
    #[rasn(tag(explicit(4)))]
    P10cr(Any),
    #[rasn(tag(explicit(19)))]
    PkiConf(()),
    #[rasn(tag(explicit(23)))]
    Error(ErrorMsgContent),
    #[rasn(tag(explicit(24)))]
    CertConf(SequenceOf<CertStatus>),
    #[rasn(tag(explicit(25)))]
    PollReq(SequenceOf<PollRequest>),
    #[rasn(tag(explicit(26)))]
    PollRep(SequenceOf<PollReply>),
}

/// `CertRepMessage`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct CertRepMessage {
    #[rasn(tag(explicit(1)))]
    pub(super) ca_pubs: Option<SequenceOf<Any>>,
    pub(super) response: SequenceOf<CertResponse>,
}

/// `CertResponse`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct CertResponse {
    pub(super) cert_req_id: i64,
    pub(super) status: PkiStatusInfo,
    pub(super) certified_key_pair: Option<CertifiedKeyPair>,
    pub(super) rsp_info: Option<OctetString>,
}

/// `CertifiedKeyPair`. What follows the certificate (a private key made by the CA, where it was
/// published) is of no use to a key that was made here.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct CertifiedKeyPair {
    pub(super) cert_or_enc_cert: CertOrEncCert,
    #[rasn(tag(explicit(0)))]
    pub(super) private_key: Option<Any>,
    #[rasn(tag(explicit(1)))]
    pub(super) publication_info: Option<Any>,
}

/// `CertOrEncCert`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
#[rasn(choice)]
pub(super) enum CertOrEncCert {
    #[rasn(tag(explicit(0)))]
    Certificate(Any),
    #[rasn(tag(explicit(1)))]
    EncryptedCert(Any),
}

/// `PKIStatusInfo`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PkiStatusInfo {
    pub(super) status: i64,
    pub(super) status_string: Option<PkiFreeText>,
    pub(super) fail_info: Option<BitString>,
}

/// `ErrorMsgContent`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct ErrorMsgContent {
    pub(super) pki_status_info: PkiStatusInfo,
    pub(super) error_code: Option<Integer>,
    pub(super) error_details: Option<PkiFreeText>,
}

/// `CertStatus`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct CertStatus {
    pub(super) cert_hash: OctetString,
    pub(super) cert_req_id: i64,
    pub(super) status_info: Option<PkiStatusInfo>,
    #[rasn(tag(explicit(0)))]
    pub(super) hash_alg: Option<AlgorithmIdentifier>,
}

/// An element of `PollReqContent`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PollRequest {
    pub(super) cert_req_id: i64,
}

/// An element of `PollRepContent`.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PollReply {
    pub(super) cert_req_id: i64,
    /// Seconds.
    pub(super) check_after: i64,
    pub(super) reason: Option<PkiFreeText>,
}

/// `PBMParameter` (RFC 9810 §5.1.3.1).
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct PbmParameter {
    pub(super) salt: OctetString,
    pub(super) owf: AlgorithmIdentifier,
    pub(super) iteration_count: u64,
    pub(super) mac: AlgorithmIdentifier,
}

/// `PBMAC1-params` (RFC 8018 A.5).
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct Pbmac1Params {
    pub(super) key_derivation_func: AlgorithmIdentifier,
    pub(super) message_auth_scheme: AlgorithmIdentifier,
}

/// `PBKDF2-params` (RFC 8018 A.2) with the salt in place, which is the only way in use.
#[derive(AsnType, Clone, Debug, Decode, Encode, PartialEq, Eq)]
pub(super) struct Pbkdf2Params {
    pub(super) salt: OctetString,
    pub(super) iteration_count: u64,
    pub(super) key_length: Option<u64>,
    /// hmacWithSHA1 when absent.
    pub(super) prf: Option<AlgorithmIdentifier>,
}
