//! Reads a reply with rasn's types and checks its signature with OpenSSL: none of our own code.

use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509PurposeId, X509StoreContext};
use rasn::types::{Any, ObjectIdentifier};
use rasn_cms::tsp::{PkiStatus, TimeStampResp, TstInfo};
use rasn_cms::{CertificateChoices, SignedData, SignerInfo};

/// A decoded reply.
#[derive(Debug)]
pub(crate) struct Reply {
    response: TimeStampResp,
}

/// A token of a granted reply.
#[derive(Debug)]
pub(crate) struct Token {
    signed: SignedData,
    /// What is signed.
    pub(crate) info: TstInfo,
}

impl Reply {
    /// Reads a TimeStampResp.
    #[track_caller]
    pub(crate) fn read(der: &[u8]) -> Self {
        let response = rasn::der::decode(der)
            .unwrap_or_else(|error| panic!("no TimeStampResp ({error}): {}", hex::encode(der)));
        Self { response }
    }

    /// Whether there is a token.
    pub(crate) fn is_granted(&self) -> bool {
        // RFC 3161 §2.4.2: "When the status contains the value zero or one, a TimeStampToken MUST
        // be present. When status contains a value other than zero or one, a TimeStampToken MUST
        // NOT be present."
        let granted = self.response.status.status == PkiStatus::Granted;
        assert_eq!(granted, self.response.time_stamp_token.is_some(), "{self:?}");
        granted
    }

    /// The bit of failInfo, and the text, of a reply that must be a rejection.
    #[track_caller]
    pub(crate) fn rejection(&self) -> (usize, String) {
        assert!(!self.is_granted(), "granted");
        assert_eq!(self.response.status.status, PkiStatus::Rejection);
        let bits = self.response.status.fail_info.as_ref().expect("no failInfo");
        assert_eq!(bits.count_ones(), 1, "{bits:?}");
        let text = self.response.status.status_string.iter().flatten();
        let text: Vec<&str> = text.map(String::as_str).collect();
        (bits.first_one().unwrap(), text.join(" "))
    }

    /// The token of a reply that must have one.
    #[track_caller]
    pub(crate) fn token(&self) -> Token {
        assert!(self.is_granted(), "{:?}", self.response.status);
        let token = self.response.time_stamp_token.as_ref().unwrap();
        let signed: SignedData = rasn::der::decode(token.content.as_bytes()).unwrap();
        let content = signed.encap_content_info.content.as_ref().unwrap();
        let info = rasn::der::decode(content).unwrap();
        Token { signed, info }
    }
}

impl Reply {
    /// The token as it came, a CMS ContentInfo.
    pub(crate) fn token_der(&self) -> Vec<u8> {
        rasn::der::encode(self.response.time_stamp_token.as_ref().unwrap()).unwrap()
    }
}

impl Token {
    /// The serial number in 32 lower-case hexadecimal digits, as in the URLs.
    pub(crate) fn serial(&self) -> String {
        let number: u128 = (&self.info.serial_number).try_into().expect("more than 16 octets");
        hex::encode(number.to_be_bytes())
    }

    /// The certificates inside.
    pub(crate) fn certificates(&self) -> Vec<X509> {
        let all = self.signed.certificates.iter().flat_map(|set| set.to_vec());
        all.map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => {
                X509::from_der(&rasn::der::encode(&**certificate).unwrap()).unwrap()
            }
            other => panic!("{other:?}"),
        })
        .collect()
    }

    /// Checks the signature, the certificate's chain to `ca_pem`, and its purpose.
    #[track_caller]
    pub(crate) fn verify(&self, ca_pem: &[u8]) {
        let certificates = self.certificates();
        let leaf = certificates.first().expect("no certificate: ask with certReq");
        check_chain(leaf, ca_pem);
        let signers = self.signed.signer_infos.to_vec();
        assert_eq!(signers.len(), 1, "RFC 3161 §2.4.2: no other signature than the TSA's");
        check_signature(signers[0], &self.signed, &leaf.public_key().unwrap());
    }
}

fn check_chain(leaf: &X509, ca_pem: &[u8]) {
    let mut store = X509StoreBuilder::new().unwrap();
    for authority in X509::stack_from_pem(ca_pem).unwrap() {
        store.add_cert(authority).unwrap();
    }
    store.set_purpose(X509PurposeId::TIMESTAMP_SIGN).unwrap();
    let (store, untrusted) = (store.build(), Stack::new().unwrap());
    let mut context = X509StoreContext::new().unwrap();
    let verified = context
        .init(&store, leaf, &untrusted, |context| Ok((context.verify_cert()?, context.error())));
    let (verified, why) = verified.unwrap();
    assert!(verified, "{why}");
}

fn check_signature(signer: &SignerInfo, signed: &SignedData, key: &PKey<Public>) {
    let content = signed.encap_content_info.content.as_ref().unwrap();
    let attributes = signer.signed_attrs.as_ref().expect("no signed attributes");
    // RFC 5652 §11.2: the message digest of the content.
    let digest = match dotted(&signer.digest_algorithm.algorithm).as_str() {
        "2.16.840.1.101.3.4.2.1" => MessageDigest::sha256(),
        "2.16.840.1.101.3.4.2.2" => MessageDigest::sha384(),
        "2.16.840.1.101.3.4.2.3" => MessageDigest::sha512(),
        other => panic!("digest {other}"),
    };
    let expected =
        rasn::der::encode(&rasn::types::OctetString::from(hash(digest, content).unwrap().to_vec()))
            .unwrap();
    let all = attributes.to_vec();
    let found = all.iter().find(|attribute| dotted(&attribute.r#type) == "1.2.840.113549.1.9.4");
    let found: Vec<&Any> = found.expect("no messageDigest").values.to_vec();
    assert_eq!(found[0].as_bytes(), expected);
    // RFC 5652 §5.4: the signature is over the DER of the attributes as a SET OF.
    let signed_bytes = rasn::der::encode(attributes).unwrap();
    let algorithm = dotted(&signer.signature_algorithm.algorithm);
    let mut verifier = match algorithm.as_str() {
        // RFC 8419 §3.1, RFC 9882 §3: the message itself is signed, not its digest.
        ED25519 | ML_DSA_44 | ML_DSA_65 | ML_DSA_87 => Verifier::new_without_digest(key).unwrap(),
        // RFC 4056 §3: the digest of the signature is that of the message.
        RSA_PSS => {
            let mut verifier = Verifier::new(digest, key).unwrap();
            verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
            verifier
        }
        _ => Verifier::new(signature_digest(signer), key).unwrap(),
    };
    assert!(verifier.verify_oneshot(&signer.signature, &signed_bytes).unwrap(), "bad signature");
}

const ED25519: &str = "1.3.101.112";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const ML_DSA_44: &str = "2.16.840.1.101.3.4.3.17";
const ML_DSA_65: &str = "2.16.840.1.101.3.4.3.18";
const ML_DSA_87: &str = "2.16.840.1.101.3.4.3.19";

fn signature_digest(signer: &SignerInfo) -> MessageDigest {
    match dotted(&signer.signature_algorithm.algorithm).as_str() {
        "1.2.840.10045.4.3.2" | "1.2.840.113549.1.1.11" => MessageDigest::sha256(),
        "1.2.840.10045.4.3.3" | "1.2.840.113549.1.1.12" => MessageDigest::sha384(),
        "1.2.840.10045.4.3.4" | "1.2.840.113549.1.1.13" => MessageDigest::sha512(),
        other => panic!("signature algorithm {other}"),
    }
}

/// The dotted form of an object identifier.
pub(crate) fn dotted(oid: &ObjectIdentifier) -> String {
    let arcs: Vec<String> = oid.iter().map(ToString::to_string).collect();
    arcs.join(".")
}
