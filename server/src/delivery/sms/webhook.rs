//! A gateway that takes JSON, signed as Standard Webhooks (specification, "Signature scheme") has
//! it, and that reports in the same way.
//!
//! To it: `POST {"id","to","text","from","report_to"}` with `webhook-id` (the same for every try,
//! so that a gateway can tell a repetition), `webhook-timestamp` and `webhook-signature`. A status
//! 2xx is an acceptance; `{"id": …}` in the answer is what the gateway calls the message.

use super::client::Client;
use super::hmac::MacKey;
use super::{Gateway, Outcome, Report, ReportRefused, ReportRequest, Sms};
use crate::delivery::fault::{Fault, harmless};
use openssl::base64::{decode_block, encode_block};
use serde::{Deserialize, Serialize};
use ureq::http::Request;

/// A report that is older, or younger, by more seconds is a repetition of somebody else's.
const TOLERANCE: i64 = 300;

pub(super) struct Webhook {
    pub(super) client: Client,
    pub(super) url: String,
    /// The first signs; each verifies.
    pub(super) keys: Vec<MacKey>,
    pub(super) from: String,
    pub(super) report_to: String,
}

/// The key in a secret: `whsec_`, and the base64 of 24 to 64 bytes.
pub(super) fn key(secret: &str) -> Option<MacKey> {
    let bytes = decode_block(secret.strip_prefix("whsec_")?).ok()?;
    if !(24..=64).contains(&bytes.len()) {
        return None;
    }
    MacKey::sha256(&bytes).ok()
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    to: &'a str,
    text: &'a str,
    from: &'a str,
    report_to: &'a str,
}

/// What an acceptance may say.
#[derive(Deserialize)]
struct Accepted {
    id: Option<String>,
}

/// What a report says.
#[derive(Deserialize)]
struct Told {
    id: String,
    status: Status,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Delivered,
    Failed,
    /// Anything on the way to one of the two.
    #[serde(other)]
    Other,
}

impl Gateway for Webhook {
    fn send(&self, sms: &Sms) -> Outcome {
        let Self { from, report_to, .. } = self;
        let body = Body { id: &sms.id, to: &sms.to, text: &sms.text, from, report_to };
        let request = serde_json::to_string(&body).ok().and_then(|body| self.request(sms, body));
        let Some(request) = request else {
            return Outcome::Refused { fault: Fault::passing("it cannot be signed", &sms.to) };
        };
        let answer = match self.client.ask(request, &sms.to) {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        if !(200..300).contains(&answer.status) {
            return answer.refusal(&answer.body, &sms.to);
        }
        let named: Option<Accepted> = serde_json::from_str(&answer.body).ok();
        let gateway_id = named.and_then(|named| named.id).filter(|id| !id.is_empty());
        Outcome::Accepted { gateway_id: gateway_id.unwrap_or_else(|| sms.id.clone()) }
    }

    fn read_report(&self, request: &ReportRequest<'_>) -> Result<Option<Report>, ReportRefused> {
        let header = |name| (request.header)(name).ok_or(ReportRefused);
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        let signed = header("webhook-signature")?;
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
        // "several signatures, separated by a space": those of a secret that is being replaced.
        let right = signed.split(' ').filter_map(|one| one.strip_prefix("v1,")).any(|mac| {
            let mac = decode_block(mac).unwrap_or_default();
            self.keys.iter().fold(false, |any, key| any | key.verifies(&mac, &parts))
        });
        let at: i64 = timestamp.parse().map_err(|_| ReportRefused)?;
        if !right || request.at.timestamp().abs_diff(at) > TOLERANCE.unsigned_abs() {
            return Err(ReportRefused);
        }
        let told: Told = serde_json::from_slice(request.body).map_err(|_| ReportRefused)?;
        Ok((told.status != Status::Other).then(|| Report {
            delivered: told.status == Status::Delivered,
            detail: harmless(&told.detail, ""),
            gateway_id: told.id,
        }))
    }
}

impl Webhook {
    fn request(&self, sms: &Sms, body: String) -> Option<Request<String>> {
        let timestamp = sms.at.timestamp().to_string();
        let parts = [sms.id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
        let mac = self.keys.first()?.sign(&parts).ok()?;
        Request::post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &sms.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", format!("v1,{}", encode_block(&mac)))
            .body(body)
            .ok()
    }
}
