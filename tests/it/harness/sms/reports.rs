//! What became of a message, in the words of each protocol.

use super::protocols::escaped;
use super::{PUBLIC, ShortMessage, USER};
use crate::harness::http::{Answer, Client};
use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::json;

pub(super) fn webhook_report(
    client: &Client,
    path: &str,
    message: &ShortMessage,
    delivered: bool,
    secret: &str,
) -> Answer {
    let status = if delivered { "delivered" } else { "failed" };
    let body = json!({ "id": message.id, "status": status, "detail": "of a test" }).to_string();
    let (id, at) = (format!("report-{}", message.id), now());
    let signature = webhook_signature(secret, &id, at, &body);
    let at = at.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    client.send("POST", path, &headers, Some(body.as_bytes()))
}

/// Twilio's documents, "Validating Signatures from Twilio": HMAC-SHA1 over the address and the
/// parameters in the order of their names.
pub(super) fn twilio_report(
    client: &Client,
    path: &str,
    message: &ShortMessage,
    delivered: bool,
    secret: &str,
) -> Answer {
    let status = if delivered { "delivered" } else { "undelivered" };
    let fields = [
        ("AccountSid", USER),
        ("ErrorCode", if delivered { "" } else { "30005" }),
        ("MessageSid", &message.id),
        ("MessageStatus", status),
        ("To", &message.to),
    ];
    let signed =
        fields.iter().fold(format!("{PUBLIC}{path}"), |all, (name, value)| all + name + value);
    let signature = encode_block(&mac(MessageDigest::sha1(), secret.as_bytes(), signed.as_bytes()));
    let body: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-twilio-signature", signature.as_str()),
    ];
    client.send("POST", path, &headers, Some(body.join("&").as_bytes()))
}

/// Standard Webhooks, "Signature scheme".
pub(super) fn webhook_signature(secret: &str, id: &str, at: u64, body: &str) -> String {
    let key = decode_block(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{id}.{at}.{body}");
    format!("v1,{}", encode_block(&mac(MessageDigest::sha256(), &key, signed.as_bytes())))
}

fn mac(digest: MessageDigest, key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(digest, &key).unwrap();
    signer.sign_oneshot_to_vec(bytes).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test lives in real time, as its service does")]
pub(super) fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
