//! Twilio's `Messages` resource, which other providers speak too: a form, HTTP Basic, and reports
//! signed with `X-Twilio-Signature` (Twilio's documents, "Security").

use super::client::{Client, form};
use super::hmac::MacKey;
use super::report::fields;
use super::{Gateway, Outcome, Report, ReportRefused, ReportRequest, Sms};
use crate::delivery::fault::{Fault, harmless};
use openssl::base64::{decode_block, encode_block};
use serde::Deserialize;
use ureq::http::Request;
use zeroize::Zeroizing;

pub(super) struct Twilio {
    pub(super) client: Client,
    /// Without a path: `https://api.twilio.com`.
    pub(super) url: String,
    /// The account SID.
    pub(super) user: String,
    /// The auth token; after the first, those that were in use before.
    pub(super) secrets: Vec<Zeroizing<String>>,
    pub(super) from: String,
    pub(super) report_to: String,
}

/// What an answer says: of a message that was taken, or of an error.
#[derive(Default, Deserialize)]
struct Said {
    sid: Option<String>,
    code: Option<u32>,
    message: Option<String>,
}

impl Gateway for Twilio {
    fn send(&self, sms: &Sms) -> Outcome {
        let Some(request) = self.request(sms) else {
            return Outcome::Refused {
                fault: Fault::passing("its address cannot be used", &sms.to),
            };
        };
        let answer = match self.client.ask(request, &sms.to) {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        let said: Said = serde_json::from_str(&answer.body).unwrap_or_default();
        if !(200..300).contains(&answer.status) {
            let code = said.code.map(|code| format!("error {code}: ")).unwrap_or_default();
            // A code is a number of five digits, and no part of what is masked.
            return match answer.refusal(&said.message.unwrap_or_default(), &sms.to) {
                Outcome::Refused { fault: Fault { permanent, text } } => {
                    Outcome::Refused { fault: Fault { permanent, text: format!("{code}{text}") } }
                }
                other => other,
            };
        }
        match said.sid {
            Some(gateway_id) => Outcome::Accepted { gateway_id },
            // It was taken, and no report of it can be told from others.
            None => Outcome::Accepted { gateway_id: sms.id.clone() },
        }
    }

    fn read_report(&self, request: &ReportRequest<'_>) -> Result<Option<Report>, ReportRefused> {
        let sent = (request.header)("x-twilio-signature").ok_or(ReportRefused)?;
        let sent = decode_block(sent).map_err(|_| ReportRefused)?;
        // What is signed are the fields, not the octets: they have to be taken apart before.
        let body = std::str::from_utf8(request.body).map_err(|_| ReportRefused)?;
        let mut fields = fields(body)?;
        fields.sort_unstable();
        let query = if request.query.is_empty() { "" } else { "?" };
        let mut parts = vec![self.report_to.as_bytes(), query.as_bytes(), request.query.as_bytes()];
        for (name, value) in &fields {
            parts.extend([name.as_bytes(), value.as_bytes()]);
        }
        let right = self.secrets.iter().fold(false, |any, secret| {
            any | MacKey::sha1(secret.as_bytes()).is_ok_and(|key| key.verifies(&sent, &parts))
        });
        if !right {
            return Err(ReportRefused);
        }
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let report = |delivered| {
            let gateway_id = field("MessageSid").to_owned();
            let code = Some(field("ErrorCode")).filter(|code| !code.is_empty());
            let detail = code.map(|code| format!("error code {}", first_digits(code)));
            let detail = detail.unwrap_or_else(|| harmless(field("MessageStatus"), ""));
            Ok(Some(Report { gateway_id, delivered, detail }))
        };
        match field("MessageStatus") {
            "delivered" | "read" => report(true),
            "undelivered" | "failed" => report(false),
            // queued, sending, sent, and whatever comes before the end.
            _ => Ok(None),
        }
    }
}

impl Twilio {
    fn request(&self, sms: &Sms) -> Option<Request<String>> {
        let token = self.secrets.first()?;
        let login = Zeroizing::new(format!("{}:{}", self.user, token.as_str()));
        let fields = [
            ("To", sms.to.as_str()),
            ("From", &self.from),
            ("Body", &sms.text),
            ("StatusCallback", &self.report_to),
        ];
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", self.url, self.user);
        Request::post(url)
            .header("authorization", format!("Basic {}", encode_block(login.as_bytes())))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(&fields))
            .ok()
    }
}

/// An error code of Twilio has five digits.
fn first_digits(code: &str) -> String {
    code.chars().filter(char::is_ascii_digit).take(6).collect()
}
