//! One exchange with a CA: which message goes out when, and what an answer has to carry to belong
//! to it (RFC 9810 §5.1.1, RFC 9483 §3.5 and §4.4).

use super::message::{
    CMP_2000, CMP_2021, CertOrEncCert, CertRepMessage, CertResponse, CertStatus, IMPLICIT_CONFIRM,
    InfoTypeAndValue, PkiBody, PkiHeader, PkiMessage, PkiStatusInfo, PollReply, PollRequest,
};
use super::protect::{Protected, library, no_name};
use super::received::{Received, decode, decode_body, refusal, unexpected};
use super::signer::Anchors;
use super::{CmpError, LARGEST_MESSAGE, Protection, StatusInfo, signature, signer, status};
use crate::check;
use crate::oid;
use chrono::{DateTime, SubsecRound, Utc};
use openssl::pkey::{PKey, Public};
use openssl::x509::X509Req;
use rand::CryptoRng;
use rasn::types::{Any, BitString, OctetString};
use rasn_pkix::{AlgorithmIdentifier, GeneralName, Name};
use std::time::Duration;

/// What is asked of the CA.
#[derive(Debug)]
pub struct Request {
    /// The PKCS#10 request, DER.
    pub csr: Vec<u8>,
    /// How the messages are protected.
    pub protection: Protection,
    /// Certificates trusted to sign answers, DER: roots, or the very signer.
    pub trusted: Vec<Vec<u8>>,
    /// The CA's name, where it is known.
    pub recipient: Option<Name>,
    /// Whether to ask the CA to do without a confirmation.
    pub implicit_confirm: bool,
}

/// An exchange that has begun.
#[derive(Debug)]
pub struct Enrollment {
    protection: Protection,
    trusted: Vec<Vec<u8>>,
    recipient: Option<Name>,
    public_key: PKey<Public>,
    implicit_confirm: bool,
    pub(super) transaction_id: OctetString,
    /// The nonce of the message sent last.
    pub(super) sender_nonce: OctetString,
    /// The nonce of the message whose answer the CA makes us wait for.
    waiting_nonce: Option<OctetString>,
    /// The nonce of the answer read last.
    peer_nonce: Option<OctetString>,
    /// The certReqId that the CA uses.
    cert_req_id: i64,
    /// RFC 9483 §3.3: certificates sent once need not be sent again.
    extra_certs: Vec<Vec<u8>>,
}

/// What the CA answers to a request.
#[derive(Debug)]
pub enum Answer {
    /// The certificate.
    Issued(Issued),
    /// The CA has not decided yet: [`poll`](Enrollment::poll) after a while.
    Waiting {
        /// How long the CA wants to be left alone.
        check_after: Duration,
        /// What it waits for, in its own words; may be empty.
        reason: String,
    },
}

/// A certificate for the key of the request. Whether it is fit for its use is for others to say.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, DER, as it came.
    pub certificate: Vec<u8>,
    /// The certificate and the CAs above it, its issuer first, as far as they are at hand. A root
    /// is at the end only where it is trusted: one of [`Request::trusted`], or of the caPubs of an
    /// answer protected with the shared secret (RFC 9810 §5.3.2).
    pub chain: Vec<Vec<u8>>,
    /// What the CA said with it: granted, perhaps with changes.
    pub status: StatusInfo,
    /// Whether the CA expects a [`confirm`](Enrollment::confirm): not where it granted implicit
    /// confirmation.
    pub to_confirm: bool,
    cert_req_id: i64,
}

/// What the CA is told about its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is in use, or about to be.
    Accepted,
    /// It is not wanted: the CA will revoke it.
    Rejected {
        /// Why, for the people at the CA.
        reason: &'a str,
    },
}

/// RFC 9483 §4.1.4: certReqId is -1 for p10cr. CAs from before that profile send 0, which with the
/// only request of an exchange means the same.
const P10CR_REQ_ID: i64 = -1;

/// The most certificates of an answer that are looked at.
const MOST_CERTIFICATES: usize = 32;

/// The longest nonce that is sent back, in octets.
const LONGEST_NONCE: usize = 64;

impl Enrollment {
    /// Begins an exchange: the first message, a p10cr, in DER.
    ///
    /// # Errors
    /// [`CmpError::Request`], [`CmpError::EmptySecret`], [`CmpError::Certificate`],
    /// [`CmpError::ProtectionKey`] for what cannot be used; [`CmpError::Key`] when the protecting
    /// key does not sign.
    pub fn p10cr(
        request: Request,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), CmpError> {
        request.protection.check()?;
        for der in &request.trusted {
            let which = "a trusted certificate";
            check::parse(der).map_err(|error| CmpError::Certificate { which, error })?;
        }
        let public_key = X509Req::from_der(&request.csr)
            .and_then(|csr| csr.public_key())
            .map_err(|error| CmpError::Request { reason: error.to_string() })?;
        let mut enrollment = Self {
            protection: request.protection,
            trusted: request.trusted,
            recipient: request.recipient,
            public_key,
            implicit_confirm: request.implicit_confirm,
            // RFC 9810 §5.1.1 recommends 128 random bits.
            transaction_id: random(rng),
            sender_nonce: OctetString::from_slice(&[]),
            waiting_nonce: None,
            peer_nonce: None,
            cert_req_id: P10CR_REQ_ID,
            extra_certs: Vec::new(),
        };
        let body = PkiBody::P10cr(Any::new(request.csr));
        let message = enrollment.send(CMP_2000, &body, now, rng)?;
        Ok((enrollment, message))
    }

    /// The message that asks again: a pollReq.
    ///
    /// # Errors
    /// [`CmpError::Key`] when the protecting key does not sign.
    pub fn poll(
        &mut self,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CmpError> {
        let body = PkiBody::PollReq(vec![PollRequest { cert_req_id: self.cert_req_id }]);
        self.send(CMP_2000, &body, now, rng)
    }

    /// Reads the answer to the request or to a [`poll`](Self::poll).
    ///
    /// # Errors
    /// [`CmpError::Refused`] when the CA refuses; others when the answer is broken, not the answer
    /// to this request, not protected as it has to be, or holds no certificate for the key.
    pub fn read(&mut self, answer: &[u8], now: DateTime<Utc>) -> Result<Answer, CmpError> {
        let received = self.receive(answer, now)?;
        let polling = self.waiting_nonce.is_some();
        match received.body {
            PkiBody::Ip(ref response) | PkiBody::Cp(ref response) => {
                self.certificate(response, &received)
            }
            PkiBody::PollRep(replies) if polling => self.keep_waiting(&replies),
            // RFC 9810 §5.3.22: an error message with the status waiting delays the answer.
            PkiBody::Error(error) if error.pki_status_info.status == status::WAITING => {
                Ok(self.wait(1, StatusInfo::of_error(&error).text().to_owned()))
            }
            other => Err(unexpected("cp", &other)),
        }
    }

    /// The message that tells the CA what became of the certificate: a certConf.
    ///
    /// # Errors
    /// [`CmpError::NoHash`] when the certificate's signature algorithm is not known,
    /// [`CmpError::Key`] when the protecting key does not sign.
    pub fn confirm(
        &mut self,
        issued: &Issued,
        verdict: Verdict<'_>,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CmpError> {
        let certificate = check::parse(&issued.certificate).map_err(CmpError::Issued)?;
        let algorithm = &certificate.content().signature_algorithm;
        let Some(hash) = signature::confirm_hash(algorithm) else {
            return Err(CmpError::NoHash { oid: algorithm.algorithm.to_string() });
        };
        let cert_hash = openssl::hash::hash(hash.digest, &issued.certificate)
            .map_err(|error| library("hashing the certificate", &error))?;
        let sha512 = AlgorithmIdentifier { algorithm: oid::SHA512.into(), parameters: None };
        let status = CertStatus {
            cert_hash: OctetString::from_slice(&cert_hash),
            cert_req_id: issued.cert_req_id,
            status_info: Some(status_of(verdict)),
            hash_alg: hash.named.then_some(sha512),
        };
        // RFC 9810 §7: hashAlg came with cmp2021.
        let version = if hash.named { CMP_2021 } else { CMP_2000 };
        self.send(version, &PkiBody::CertConf(vec![status]), now, rng)
    }

    /// Reads the answer to [`confirm`](Self::confirm), a pkiConf.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_confirmation(&mut self, answer: &[u8], now: DateTime<Utc>) -> Result<(), CmpError> {
        match self.receive(answer, now)?.body {
            PkiBody::PkiConf(()) => Ok(()),
            other => Err(unexpected("pkiConf", &other)),
        }
    }

    fn send(
        &mut self,
        pvno: i64,
        body: &PkiBody,
        now: DateTime<Utc>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CmpError> {
        // RFC 9810 §5.1.1: a nonce of its own in every message, and that of the message answered.
        self.sender_nonce = random(rng);
        let (sender, sender_kid) = self.protection.sender()?;
        let recipient = self.recipient.clone().map_or_else(no_name, GeneralName::DirectoryName);
        let implicit = self.implicit_confirm && matches!(body, PkiBody::P10cr(_));
        let header = PkiHeader {
            pvno,
            sender,
            recipient,
            message_time: Some(now.trunc_subsecs(0).fixed_offset()),
            protection_alg: None,
            sender_kid,
            recip_kid: None,
            transaction_id: Some(self.transaction_id.clone()),
            sender_nonce: Some(self.sender_nonce.clone()),
            recip_nonce: self.peer_nonce.clone(),
            free_text: None,
            general_info: implicit.then(|| vec![implicit_confirm()]),
        };
        self.protection.seal(header, body, rng)
    }

    /// Reads a message and checks that it is an answer to the one sent last, by the CA.
    fn receive(&mut self, answer: &[u8], now: DateTime<Utc>) -> Result<Received, CmpError> {
        if answer.len() > LARGEST_MESSAGE {
            return Err(CmpError::TooLong(answer.len()));
        }
        let message: PkiMessage = decode("the message", answer)?;
        let header: PkiHeader = decode("its header", message.header.as_bytes())?;
        let body = decode_body(message.body.as_bytes())?;
        let known = self.known_certificates(&message);
        let anchors = Anchors { trusted: &self.trusted, known: &known };
        let opened = self.protection.open(&message, &header, &anchors, now);
        let protected = match (opened, refusal(&body)) {
            (Ok(_), Some(status)) => return Err(CmpError::Refused { status, verified: true }),
            // A refusal ends the exchange whoever sent it, and its words help more than silence.
            (Err(_), Some(status)) => return Err(CmpError::Refused { status, verified: false }),
            (opened, None) => opened?,
        };
        self.belongs(&header)?;
        self.peer_nonce = header.sender_nonce.clone();
        self.extra_certs = known;
        Ok(Received { header, body, protected })
    }

    /// The certificates of a message, and those of the messages before.
    fn known_certificates(&self, message: &PkiMessage) -> Vec<Vec<u8>> {
        let sent = message.extra_certs.iter().flatten().map(Any::as_bytes);
        let mut known: Vec<Vec<u8>> = Vec::new();
        for der in sent.chain(self.extra_certs.iter().map(Vec::as_slice)) {
            if known.len() < MOST_CERTIFICATES && known.iter().all(|other| other != der) {
                known.push(der.to_vec());
            }
        }
        known
    }

    /// RFC 9483 §3.5: the transactionID is ours, the recipNonce the nonce of what is answered.
    fn belongs(&self, header: &PkiHeader) -> Result<(), CmpError> {
        if ![CMP_2000, CMP_2021].contains(&header.pvno) {
            return Err(CmpError::Mismatch { field: "pvno" });
        }
        if header.transaction_id.as_ref() != Some(&self.transaction_id) {
            return Err(CmpError::Mismatch { field: "transactionID" });
        }
        // RFC 9483 §4.4: after polling, the final answer may carry the nonce of the first message.
        let nonce = header.recip_nonce.as_ref();
        if nonce != Some(&self.sender_nonce)
            && (nonce.is_none() || nonce != self.waiting_nonce.as_ref())
        {
            return Err(CmpError::Mismatch { field: "recipNonce" });
        }
        let own = header.sender_nonce.as_ref().is_some_and(|nonce| {
            !nonce.is_empty() && nonce.len() <= LONGEST_NONCE && *nonce != self.sender_nonce
        });
        if own { Ok(()) } else { Err(CmpError::Mismatch { field: "senderNonce" }) }
    }

    fn certificate(
        &mut self,
        answer: &CertRepMessage,
        received: &Received,
    ) -> Result<Answer, CmpError> {
        let [response] = answer.response.as_slice() else {
            return Err(CmpError::Count { count: answer.response.len() });
        };
        self.known_id(response.cert_req_id)?;
        let status = StatusInfo::new(&response.status);
        if status.is_waiting() {
            return Ok(self.wait(1, status.text().to_owned()));
        }
        let der = certificate_of(response)?;
        let certificate = check::parse(der).map_err(CmpError::Issued)?;
        if !certificate.public_key().is_some_and(|key| key.public_eq(&self.public_key)) {
            let subject = crate::display_name(certificate.subject());
            return Err(CmpError::OtherKey { subject });
        }
        let mut trusted = self.trusted.clone();
        let mut known = self.extra_certs.clone();
        let ca_pubs = answer.ca_pubs.iter().flatten().take(MOST_CERTIFICATES);
        let ca_pubs = ca_pubs.map(|any| any.as_bytes().to_vec());
        match received.protected {
            Protected::WithSecret => trusted.extend(ca_pubs),
            Protected::Signed => known.extend(ca_pubs),
        }
        let anchors = Anchors { trusted: &trusted, known: &known };
        Ok(Answer::Issued(Issued {
            certificate: der.to_vec(),
            chain: signer::chain(der, &anchors),
            status,
            to_confirm: !(self.implicit_confirm && received.confirms_implicitly()),
            cert_req_id: response.cert_req_id,
        }))
    }

    fn keep_waiting(&mut self, replies: &[PollReply]) -> Result<Answer, CmpError> {
        let [reply] = replies else { return Err(CmpError::Count { count: replies.len() }) };
        self.known_id(reply.cert_req_id)?;
        let reason = reply.reason.as_ref().map(status::one_line).unwrap_or_default();
        Ok(self.wait(reply.check_after, reason))
    }

    fn wait(&mut self, check_after: i64, reason: String) -> Answer {
        self.waiting_nonce.get_or_insert_with(|| self.sender_nonce.clone());
        // Less than a second would be a loop, more than a day is not waited for in one piece.
        let seconds = u64::try_from(check_after).unwrap_or_default().clamp(1, 86_400);
        Answer::Waiting { check_after: Duration::from_secs(seconds), reason }
    }

    fn known_id(&mut self, id: i64) -> Result<(), CmpError> {
        if id != P10CR_REQ_ID && id != 0 {
            return Err(CmpError::Mismatch { field: "certReqId" });
        }
        self.cert_req_id = id;
        Ok(())
    }
}

fn random(rng: &mut dyn CryptoRng) -> OctetString {
    let mut octets = [0; 16];
    rng.fill_bytes(&mut octets);
    OctetString::from_slice(&octets)
}

/// RFC 9810 §5.1.1.1: the value is NULL.
fn implicit_confirm() -> InfoTypeAndValue {
    InfoTypeAndValue {
        info_type: IMPLICIT_CONFIRM.into(),
        info_value: Some(Any::new(vec![0x05, 0x00])),
    }
}

fn status_of(verdict: Verdict<'_>) -> PkiStatusInfo {
    match verdict {
        Verdict::Accepted => {
            PkiStatusInfo { status: status::ACCEPTED, status_string: None, fail_info: None }
        }
        // incorrectData, bit 7.
        Verdict::Rejected { reason } => PkiStatusInfo {
            status: status::REJECTION,
            status_string: Some(vec![reason.to_owned()]),
            fail_info: Some(BitString::from_slice(&[0b0000_0001])),
        },
    }
}

fn certificate_of(response: &CertResponse) -> Result<&[u8], CmpError> {
    match response.certified_key_pair.as_ref().map(|pair| &pair.cert_or_enc_cert) {
        Some(CertOrEncCert::Certificate(certificate)) => Ok(certificate.as_bytes()),
        Some(CertOrEncCert::EncryptedCert(_)) => Err(CmpError::Encrypted),
        None => Err(CmpError::Count { count: 0 }),
    }
}
