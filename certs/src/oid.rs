//! The object identifiers that this room writes and looks for, under their names in the standards.

use rasn::types::Oid;

// Attributes of a distinguished name (X.520).
pub(crate) const COMMON_NAME: &Oid = Oid::const_new(&[2, 5, 4, 3]);
pub(crate) const COUNTRY_NAME: &Oid = Oid::const_new(&[2, 5, 4, 6]);
pub(crate) const ORGANIZATION_NAME: &Oid = Oid::const_new(&[2, 5, 4, 10]);
pub(crate) const ORGANIZATIONAL_UNIT: &Oid = Oid::const_new(&[2, 5, 4, 11]);
pub(crate) const SURNAME: &Oid = Oid::const_new(&[2, 5, 4, 4]);
pub(crate) const SERIAL_NUMBER: &Oid = Oid::const_new(&[2, 5, 4, 5]);
pub(crate) const GIVEN_NAME: &Oid = Oid::const_new(&[2, 5, 4, 42]);
pub(crate) const PSEUDONYM: &Oid = Oid::const_new(&[2, 5, 4, 65]);
pub(crate) const ORGANIZATION_IDENTIFIER: &Oid = Oid::const_new(&[2, 5, 4, 97]);

// Extensions (RFC 5280 §4.2).
pub(crate) const SUBJECT_KEY_IDENTIFIER: &Oid = Oid::const_new(&[2, 5, 29, 14]);
pub(crate) const KEY_USAGE: &Oid = Oid::const_new(&[2, 5, 29, 15]);
pub(crate) const PRIVATE_KEY_USAGE_PERIOD: &Oid = Oid::const_new(&[2, 5, 29, 16]);
pub(crate) const SUBJECT_ALT_NAME: &Oid = Oid::const_new(&[2, 5, 29, 17]);
pub(crate) const BASIC_CONSTRAINTS: &Oid = Oid::const_new(&[2, 5, 29, 19]);
pub(crate) const CRL_DISTRIBUTION_POINTS: &Oid = Oid::const_new(&[2, 5, 29, 31]);
pub(crate) const NAME_CONSTRAINTS: &Oid = Oid::const_new(&[2, 5, 29, 30]);
pub(crate) const CERTIFICATE_POLICIES: &Oid = Oid::const_new(&[2, 5, 29, 32]);
pub(crate) const POLICY_MAPPINGS: &Oid = Oid::const_new(&[2, 5, 29, 33]);
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &Oid = Oid::const_new(&[2, 5, 29, 35]);
pub(crate) const POLICY_CONSTRAINTS: &Oid = Oid::const_new(&[2, 5, 29, 36]);
pub(crate) const EXTENDED_KEY_USAGE: &Oid = Oid::const_new(&[2, 5, 29, 37]);
pub(crate) const ANY_PURPOSE: &Oid = Oid::const_new(&[2, 5, 29, 37, 0]);
pub(crate) const INHIBIT_ANY_POLICY: &Oid = Oid::const_new(&[2, 5, 29, 54]);
pub(crate) const AUTHORITY_INFO_ACCESS: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 1, 1]);

/// anyPolicy (RFC 5280 §4.2.1.4): for an issuing CA that does not limit its subjects' policies.
pub const ANY_POLICY: &Oid = Oid::const_new(&[2, 5, 29, 32, 0]);

// Extensions of a CRL and of its entries (RFC 5280 §5.2, §5.3).
pub(crate) const CRL_NUMBER: &Oid = Oid::const_new(&[2, 5, 29, 20]);
pub(crate) const CRL_REASON: &Oid = Oid::const_new(&[2, 5, 29, 21]);
pub(crate) const INVALIDITY_DATE: &Oid = Oid::const_new(&[2, 5, 29, 24]);

// OCSP (RFC 6960 §4.2.1, §4.2.2.2, §4.4).
pub(crate) const OCSP_BASIC: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 1]);
pub(crate) const OCSP_NONCE: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 2]);
pub(crate) const OCSP_RESPONSES: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 4]);
pub(crate) const OCSP_NO_CHECK: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5]);
pub(crate) const OCSP_LOCATOR: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 7]);
pub(crate) const OCSP_ALGORITHMS: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 8]);

// Purposes of a key (RFC 5280 §4.2.1.12).
pub(crate) const CLIENT_AUTH: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 3, 2]);
pub(crate) const OCSP_SIGNING: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 3, 9]);

/// extensionRequest, an attribute of PKCS#10 (RFC 2985 §5.4.2).
pub(crate) const EXTENSION_REQUEST: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 9, 14]);

/// id-kp-timeStamping (RFC 3161 §2.3).
pub const TIME_STAMPING: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 3, 8]);

// Access methods (RFC 5280 §4.2.2.1).
pub(crate) const OCSP: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 1]);
pub(crate) const CA_ISSUERS: &Oid = Oid::const_new(&[1, 3, 6, 1, 5, 5, 7, 48, 2]);

// Digests (RFC 5754 §2); SHA-1 for the hashes by which OCSP names an issuer.
pub(crate) const SHA1: &Oid = Oid::const_new(&[1, 3, 14, 3, 2, 26]);
pub(crate) const SHA256: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 2, 1]);
pub(crate) const SHA384: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 2, 2]);
pub(crate) const SHA512: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 2, 3]);

// Signatures (RFC 5758 §3.2, RFC 8017 A.2.4, RFC 8410 §3).
pub(crate) const ECDSA_WITH_SHA256: &Oid = Oid::const_new(&[1, 2, 840, 10045, 4, 3, 2]);
pub(crate) const ECDSA_WITH_SHA384: &Oid = Oid::const_new(&[1, 2, 840, 10045, 4, 3, 3]);
pub(crate) const ECDSA_WITH_SHA512: &Oid = Oid::const_new(&[1, 2, 840, 10045, 4, 3, 4]);
pub(crate) const SHA256_WITH_RSA: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 11]);
pub(crate) const SHA384_WITH_RSA: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 12]);
pub(crate) const SHA512_WITH_RSA: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 13]);
pub(crate) const ED25519: &Oid = Oid::const_new(&[1, 3, 101, 112]);
pub(crate) const RSASSA_PSS: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 10]);

// ML-DSA, of a key as of a signature (RFC 9881 §2).
pub(crate) const ML_DSA_44: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 3, 17]);
pub(crate) const ML_DSA_65: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 3, 18]);
pub(crate) const ML_DSA_87: &Oid = Oid::const_new(&[2, 16, 840, 1, 101, 3, 4, 3, 19]);

// Signatures with broken digests, refused (CSBR 6.8, 7.1.3.2).
pub(crate) const ECDSA_WITH_SHA1: &Oid = Oid::const_new(&[1, 2, 840, 10045, 4, 1]);
pub(crate) const MD5_WITH_RSA: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 4]);
pub(crate) const SHA1_WITH_RSA: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 1, 5]);
pub(crate) const SHA1_WITH_DSA: &Oid = Oid::const_new(&[1, 2, 840, 10040, 4, 3]);
