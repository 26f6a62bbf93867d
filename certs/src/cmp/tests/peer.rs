//! A CA in memory: it certifies, answers, and lies where a test wants it to.

use crate::cmp::message::*;
use crate::cmp::{Enrollment, MacAlgorithm, Protection, Request};
use crate::{SigningKey, SoftwareKey};
use chrono::{DateTime, TimeZone, Utc};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Name, X509ReqBuilder};
use rand::{TryCryptoRng, TryRng};
use rasn::types::{Any, BitString, OctetString};
use rasn_pkix::{GeneralName, Name};
use std::convert::Infallible;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The instant of every test.
pub(super) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// The same bytes on every run: SHA-256 over a counter.
pub(super) struct Counter(pub(super) u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        for chunk in target.chunks_mut(32) {
            self.0 += 1;
            let block = openssl::sha::sha256(&self.0.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

// Not secret at all; the tests only need what the type asks for.
impl TryCryptoRng for Counter {}

pub(super) fn secret(secret: &str) -> Protection {
    secret_with(secret, MacAlgorithm::PasswordBasedMac)
}

pub(super) fn secret_with(secret: &str, algorithm: MacAlgorithm) -> Protection {
    Protection::Secret {
        reference: b"4711".to_vec(),
        secret: Zeroizing::new(secret.as_bytes().to_vec()),
        algorithm,
    }
}

/// A key with a certificate.
pub(super) struct Party {
    pub(super) key: PKey<Private>,
    pub(super) certificate: X509,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Ca,
    /// An end entity with an extended key usage, by its OID.
    Purpose(&'static str),
    /// An end entity with a key usage that does not allow signatures.
    KeyAgreement,
    End,
}

impl Party {
    pub(super) fn new(name: &str, role: Role, issuer: Option<&Self>) -> Self {
        let key = PKey::ec_gen("prime256v1").unwrap();
        let certificate = certificate(name, &key, role, issuer);
        Self { key, certificate }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    pub(super) fn protection(&self, chain: Vec<Vec<u8>>) -> Protection {
        let key: Arc<dyn SigningKey> = Arc::new(SoftwareKey::new("cmp", self.key.clone()).unwrap());
        Protection::Signature { key, certificate: self.der(), chain }
    }
}

fn name(text: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("C", "IT").unwrap();
    name.append_entry_by_text("CN", text).unwrap();
    name.build()
}

/// Valid for the year around [`now`].
pub(super) fn certificate(
    subject: &str,
    key: &PKey<Private>,
    role: Role,
    issuer: Option<&Party>,
) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = openssl::sha::sha256(subject.as_bytes());
    let serial = BigNum::from_slice(&serial[..8]).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    let subject = name(subject);
    builder.set_subject_name(&subject).unwrap();
    let above = issuer.map_or(&*subject, |issuer| issuer.certificate.subject_name());
    builder.set_issuer_name(above).unwrap();
    builder.set_not_before(&Asn1Time::from_str("20260101000000Z").unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_str("20270101000000Z").unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    let context = builder.x509v3_context(None, None);
    let key_identifier = SubjectKeyIdentifier::new().build(&context).unwrap();
    builder.append_extension(key_identifier).unwrap();
    match role {
        Role::Ca => {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap())
        }
        Role::Purpose(oid) => {
            builder.append_extension(ExtendedKeyUsage::new().other(oid).build().unwrap())
        }
        Role::KeyAgreement => {
            builder.append_extension(KeyUsage::new().key_agreement().build().unwrap())
        }
        Role::End => Ok(()),
    }
    .unwrap();
    let signer = issuer.map_or(key, |issuer| &issuer.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A PKCS#10 request of the unit and its key.
pub(super) fn unit() -> (PKey<Private>, Vec<u8>) {
    let key = PKey::ec_gen("prime256v1").unwrap();
    let mut builder = X509ReqBuilder::new().unwrap();
    builder.set_subject_name(&name("TSU 1")).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let request = builder.build().to_der().unwrap();
    (key, request)
}

/// A CA with the unit's request in front of it.
pub(super) struct Peer {
    pub(super) root: Party,
    pub(super) unit_key: PKey<Private>,
    unit_certificate: Vec<u8>,
    pub(super) protection: Protection,
    pub(super) rng: Counter,
    pub(super) extra_certs: Vec<Vec<u8>>,
}

impl Peer {
    /// A CA that shares the secret, an exchange with it, and the first message.
    pub(super) fn with_secret() -> (Self, Enrollment, Vec<u8>) {
        Self::start(secret("geheim"), secret("geheim"), Vec::new(), false)
    }

    pub(super) fn start(
        ours: Protection,
        theirs: Protection,
        trusted: Vec<Vec<u8>>,
        implicit_confirm: bool,
    ) -> (Self, Enrollment, Vec<u8>) {
        let (unit_key, csr) = unit();
        let request = Request { csr, protection: ours, trusted, recipient: None, implicit_confirm };
        let (enrollment, message) = Enrollment::p10cr(request, now(), &mut Counter(0)).unwrap();
        let root = Party::new("Root", Role::Ca, None);
        let rng = Counter(1 << 32);
        let unit_certificate = certificate("TSU 1", &unit_key, Role::End, Some(&root));
        let unit_certificate = unit_certificate.to_der().unwrap();
        let (protection, extra_certs) = (theirs, Vec::new());
        let peer = Self { root, unit_key, unit_certificate, protection, rng, extra_certs };
        (peer, enrollment, message)
    }

    /// A certificate for the unit, under the root.
    pub(super) fn unit_certificate(&self) -> Vec<u8> {
        self.unit_certificate.clone()
    }

    /// The answer that grants a certificate.
    pub(super) fn grant(&self) -> PkiBody {
        granted(self.unit_certificate())
    }

    pub(super) fn answer(&mut self, request: &[u8], body: &PkiBody) -> Vec<u8> {
        self.answer_with(request, body, |_| ())
    }

    /// An answer, with anything in its header changed before it is protected.
    pub(super) fn answer_with(
        &mut self,
        request: &[u8],
        body: &PkiBody,
        change: impl FnOnce(&mut PkiHeader),
    ) -> Vec<u8> {
        let (asked, _) = open(request);
        let (sender, sender_kid) = self.protection.sender().unwrap();
        let mut nonce = [0; 16];
        self.rng.try_fill_bytes(&mut nonce).unwrap();
        let mut header = PkiHeader {
            pvno: 2,
            sender,
            recipient: GeneralName::DirectoryName(Name::RdnSequence(Vec::new())),
            message_time: None,
            protection_alg: None,
            sender_kid,
            recip_kid: None,
            transaction_id: asked.transaction_id,
            sender_nonce: Some(OctetString::from_slice(&nonce)),
            recip_nonce: asked.sender_nonce,
            free_text: None,
            general_info: None,
        };
        change(&mut header);
        let message = self.protection.seal(header, body, &mut self.rng).unwrap();
        let mut message: PkiMessage = rasn::der::decode(&message).unwrap();
        if !self.extra_certs.is_empty() {
            message.extra_certs = Some(self.extra_certs.iter().cloned().map(Any::new).collect());
        }
        rasn::der::encode(&message).unwrap()
    }
}

/// Header and body of a message.
pub(super) fn open(message: &[u8]) -> (PkiHeader, PkiBody) {
    let message: PkiMessage = rasn::der::decode(message).unwrap();
    let header = rasn::der::decode(message.header.as_bytes()).unwrap();
    (header, rasn::der::decode(message.body.as_bytes()).unwrap())
}

pub(super) fn status(status: i64) -> PkiStatusInfo {
    PkiStatusInfo { status, status_string: None, fail_info: None }
}

/// A rejection for two reasons, in words that try to forge a line.
pub(super) fn rejection() -> PkiStatusInfo {
    PkiStatusInfo {
        status: 2,
        status_string: Some(vec!["not this week\nmarca: all is well".to_owned()]),
        // Bits 2 and 9.
        fail_info: Some(BitString::from_slice(&[0b0010_0000, 0b0100_0000])),
    }
}

pub(super) fn response(status: PkiStatusInfo, certificate: Option<Vec<u8>>) -> CertResponse {
    let certified_key_pair = certificate.map(|der| CertifiedKeyPair {
        cert_or_enc_cert: CertOrEncCert::Certificate(Any::new(der)),
        private_key: None,
        publication_info: None,
    });
    CertResponse { cert_req_id: -1, status, certified_key_pair, rsp_info: None }
}

pub(super) fn cp(response: CertResponse) -> PkiBody {
    PkiBody::Cp(CertRepMessage { ca_pubs: None, response: vec![response] })
}

pub(super) fn granted(certificate: Vec<u8>) -> PkiBody {
    cp(response(status(0), Some(certificate)))
}
