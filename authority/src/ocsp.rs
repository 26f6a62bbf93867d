//! OCSP answers (RFC 6960, RFC 5019): from memory, signed or signed before.
//!
//! The first certificate of a request that a CA of ours issued chooses who answers. A serial
//! number that this CA did not issue is unknown, and so is everything of another issuer: no
//! responder may speak for a CA that did not entrust it (RFC 6960 §4.2.2.2). A request about
//! foreign certificates only is answered by the first CA, that it does not know them.

use crate::answers::Answer;
use crate::registry::{Ca, Inner};
use crate::responder::Responding;
use crate::tables::SerialKey;
use crate::{Authority, standing::Standing};
use certs::ocsp::{CertId, CertStatus, ErrorStatus, Request, SingleAnswer};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use std::sync::Arc;

/// An answer to an OCSP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// The `OCSPResponse` in DER.
    pub der: Arc<[u8]>,
    /// What kind of answer it is: for metrics and the log.
    pub kind: AnswerKind,
    /// What to tell caches; `None`: the answer must not be cached.
    pub caching: Option<Caching>,
}

/// The kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// Signed: the status of each certificate asked for.
    Signed,
    /// The request is none.
    Malformed,
    /// There is no responder whose certificate is valid, or its key does not sign.
    TryLater,
}

/// What caches have to know (RFC 5019 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// ETag, with its quotation marks.
    pub etag: String,
    /// Last-Modified: thisUpdate of the answer.
    pub last_modified: DateTime<Utc>,
    /// Expires: nextUpdate of the answer.
    pub expires: DateTime<Utc>,
    /// max-age of Cache-Control, in seconds.
    pub max_age_s: u64,
}

impl Authority {
    /// Answers a request. Signs on this thread unless the same was asked before; where a responder
    /// signs in a device ([`Authority::signs_in_device`]) that may take milliseconds.
    #[must_use]
    pub fn ocsp(&self, request_der: &[u8], now: DateTime<Utc>) -> OcspAnswer {
        if let Some(answer) = self.0.kept(request_der, now) {
            return self.0.told(&answer, now);
        }
        match Request::parse(request_der) {
            Ok(request) => self.0.answer(request_der, &request, now),
            Err(fault) => {
                tracing::debug!(%fault, "OCSP request");
                refused(ErrorStatus::MalformedRequest, AnswerKind::Malformed)
            }
        }
    }

    /// Whether a responder's key is in a device.
    #[must_use]
    pub fn signs_in_device(&self) -> bool {
        let in_device =
            |ca: &Arc<Ca>| ca.responding.load().as_ref().is_some_and(|found| found.in_device);
        self.0.cas.iter().any(in_device)
    }
}

impl Inner {
    /// An answer that was signed before, if it still says what is right. Half of its lifetime is
    /// left to the client at least.
    fn kept(&self, request: &[u8], now: DateTime<Utc>) -> Option<Answer> {
        let answer = self.answers.get(request)?;
        let half = answer.this_update + (answer.next_update - answer.this_update) / 2;
        let is_fresh = (answer.this_update..half).contains(&now);
        (is_fresh
            && self.standings.version(answer.serial) == Some(answer.version)
            && self.may_answer(answer.responder))
        .then_some(answer)
    }

    fn answer(&self, der: &[u8], request: &Request, now: DateTime<Utc>) -> OcspAnswer {
        let Some((ca, responding)) = self.responder_for(request, now) else {
            return refused(ErrorStatus::TryLater, AnswerKind::TryLater);
        };
        let this_update = now.trunc_subsecs(0);
        let next_update =
            (this_update + self.settings.ocsp_lifetime).min(responding.responder.not_after());
        let mut standings = Vec::with_capacity(request.certificates().len());
        let mut singles = Vec::with_capacity(request.certificates().len());
        for certificate in request.certificates() {
            let standing = self.standing_under(ca, certificate);
            let status = standing.map_or(CertStatus::Unknown, |(_, found)| found.status.in_ocsp());
            let next_update = Some(next_update);
            singles.push(SingleAnswer { certificate, status, this_update, next_update });
            standings.push(standing);
        }
        let der_of_answer = match responding.responder.respond(request, &singles, this_update) {
            Ok(der) => der,
            Err(error) => {
                tracing::error!(ca = ca.id(), %error, "OCSP answer");
                return refused(ErrorStatus::TryLater, AnswerKind::TryLater);
            }
        };
        // An answer that says "unknown" may be wrong the next moment, and there is no end of
        // serial numbers that nobody has.
        let (None, [Some((serial, standing))]) = (request.nonce(), &standings[..]) else {
            return OcspAnswer {
                der: der_of_answer.into(),
                kind: AnswerKind::Signed,
                caching: None,
            };
        };
        let etag = format!("\"{}\"", hex::encode(openssl::sha::sha256(&der_of_answer)));
        let answer = Answer {
            der: der_of_answer.into(),
            serial: *serial,
            version: standing.version,
            responder: responding.serial_key(),
            this_update,
            next_update,
            etag: etag.into(),
        };
        self.answers.insert(der, answer.clone());
        self.told(&answer, now)
    }

    /// Who answers: the CA of the first certificate that is of one of ours, else the first CA.
    fn responder_for(
        &self,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Option<(&Arc<Ca>, Arc<Responding>)> {
        let is_ours = |certificate: &CertId| {
            self.cas.iter().find(|ca| certificate.is_of(ca.authority.issuer_id()))
        };
        let ca = request.certificates().iter().find_map(is_ours).or_else(|| self.cas.first())?;
        let responding = ca.responding.load_full()?;
        let may = responding.responder.usable_at(now) && self.may_answer(responding.serial_key());
        may.then_some((ca, responding))
    }

    /// How a certificate stands, if this CA issued it.
    fn standing_under(&self, ca: &Ca, certificate: &CertId) -> Option<(SerialKey, Standing)> {
        if !certificate.is_of(ca.authority.issuer_id()) {
            return None;
        }
        let key = SerialKey::of(certificate.serial()?);
        let standing = self.standings.get(key).filter(|standing| standing.ca == ca.number)?;
        Some((key, standing))
    }

    fn told(&self, answer: &Answer, now: DateTime<Utc>) -> OcspAnswer {
        let left = (answer.next_update - now).max(Duration::zero());
        let max_age = self.settings.ocsp_max_age.min(left).num_seconds();
        let caching = Caching {
            etag: answer.etag.as_ref().to_owned(),
            last_modified: answer.this_update,
            expires: answer.next_update,
            max_age_s: u64::try_from(max_age).unwrap_or(0),
        };
        OcspAnswer {
            der: Arc::clone(&answer.der),
            kind: AnswerKind::Signed,
            caching: Some(caching),
        }
    }
}

fn refused(status: ErrorStatus, kind: AnswerKind) -> OcspAnswer {
    OcspAnswer { der: Arc::from(&status.to_der()[..]), kind, caching: None }
}
