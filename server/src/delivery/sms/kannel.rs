//! Kannel's `sendsms` (Kannel user guide, "Using the HTTP interface to send SMS messages"): all of
//! a message stands in the query of a `GET`, and Kannel calls `dlr-url` when it knows what became
//! of it.
//!
//! That address ends in the message and a MAC of it under the password of the login: it lets
//! whoever knows it report on this one message, and nothing else.

use super::client::{Client, with_query};
use super::hmac::MacKey;
use super::report::fields;
use super::{Gateway, Outcome, Report, ReportRefused, ReportRequest, Sms};
use crate::delivery::fault::{Fault, harmless};
use ureq::http::Request;
use zeroize::Zeroizing;

/// Report when it arrived (1), when it did not (2), and when the network refused it (16).
const WHEN: &str = "19";
/// Before what is signed, so that it is nothing else.
const SIGNED: &[u8] = b"marca-sms-report\0";
/// Octets of the MAC that go into an address.
const MAC: usize = 16;

pub(super) struct Kannel {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) user: String,
    /// The password; after the first, those that were in use before.
    pub(super) secrets: Vec<Zeroizing<String>>,
    pub(super) from: String,
    pub(super) report_to: String,
}

impl Gateway for Kannel {
    fn send(&self, sms: &Sms) -> Outcome {
        let refused = |text| Outcome::Refused { fault: Fault::passing(text, &sms.to) };
        let Some(password) = self.secrets.first() else { return refused("no password") };
        let Some(mac) = mac(password, &sms.id) else { return refused("it cannot be signed") };
        let report =
            format!("{}/{}/{}?status=%d&detail=%A", self.report_to, sms.id, hex::encode(mac));
        let fields = [
            ("username", self.user.as_str()),
            ("password", password),
            ("to", &sms.to),
            ("from", &self.from),
            ("text", &sms.text),
            ("charset", "UTF-8"),
            // 0 is the GSM 7-bit alphabet, 2 is UCS-2.
            ("coding", if sms.unicode { "2" } else { "0" }),
            ("dlr-mask", WHEN),
            ("dlr-url", &report),
        ];
        let request = with_query(&self.url, &fields);
        let request = request.and_then(|uri| Request::get(uri).body(String::new()));
        let Ok(request) = request else { return refused("its address cannot be used") };
        match self.client.ask(request, &sms.to) {
            // "0: Accepted for delivery", "3: Queued for later delivery".
            Ok(answer) if (200..300).contains(&answer.status) => {
                Outcome::Accepted { gateway_id: sms.id.clone() }
            }
            Ok(answer) => answer.refusal(&answer.body, &sms.to),
            Err(outcome) => outcome,
        }
    }

    fn read_report(&self, request: &ReportRequest<'_>) -> Result<Option<Report>, ReportRefused> {
        let [id, sent] = request.rest else { return Err(ReportRefused) };
        let sent = hex::decode(sent).map_err(|_| ReportRefused)?;
        let right = self.secrets.iter().fold(false, |any, secret| {
            let right = mac(secret, id).unwrap_or_default();
            any | (right.len() == sent.len() && openssl::memcmp::eq(&right, &sent))
        });
        if !right || sent.len() != MAC {
            return Err(ReportRefused);
        }
        let fields = fields(request.query)?;
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let report = |delivered| {
            let detail = harmless(field("detail"), "");
            Ok(Some(Report { gateway_id: (*id).to_owned(), delivered, detail }))
        };
        match field("status") {
            "1" => report(true),
            "2" | "16" => report(false),
            // On its way, 4 and 8.
            _ => Ok(None),
        }
    }
}

fn mac(password: &str, id: &str) -> Option<Vec<u8>> {
    let mut mac = MacKey::sha256(password.as_bytes()).ok()?.sign(&[SIGNED, id.as_bytes()]).ok()?;
    mac.truncate(MAC);
    Some(mac)
}
