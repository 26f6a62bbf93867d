//! RFC 6238 over RFC 4226: six digits out of a secret and the half minute that it is.
//!
//! HMAC is that of OpenSSL; what is left is a shift and a mask, which is less than any crate for
//! it. SHA-1, six digits and thirty seconds are what every authenticator app takes: several leave
//! other values in the address out, and then show codes that are wrong.

use crate::holders::HolderError;
use chrono::{DateTime, Utc};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// RFC 4226 §4, R6: "The length of the shared secret MUST be at least 128 bits. This document
/// RECOMMENDs a shared secret length of 160 bits."
pub(super) const SECRET: usize = 20;
/// RFC 6238 §5.2: "We RECOMMEND a default time-step size of 30 seconds".
const STEP: i64 = 30;
/// 10^6: six digits.
const MODULUS: u32 = 1_000_000;

/// The secret of an app, wiped when dropped.
pub(super) type Secret = Zeroizing<[u8; SECRET]>;

/// A new secret.
pub(super) fn draw(random: &mut dyn CryptoRng) -> Secret {
    let mut secret = Secret::default();
    random.fill_bytes(&mut *secret);
    secret
}

/// RFC 6238 §4.2: "T = (Current Unix time - T0) / X, where the default floor function is used in
/// the computation", with T0 = 0.
pub(super) fn step_at(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp() / STEP).unwrap_or(0)
}

/// The code of a step, six digits.
pub(super) fn code(secret: &[u8], step: u64) -> Result<Zeroizing<String>, HolderError> {
    Ok(Zeroizing::new(format!("{:06}", truncated(secret, step)? % MODULUS)))
}

/// RFC 4226 §5.3, dynamic truncation: 31 bits at the place that the last four bits name.
fn truncated(secret: &[u8], step: u64) -> Result<u32, HolderError> {
    let key = PKey::hmac(secret)?;
    let mut mac = Zeroizing::new([0_u8; 20]);
    let mut signer = Signer::new(MessageDigest::sha1(), &key)?;
    signer.update(&step.to_be_bytes())?;
    signer.sign(&mut *mac)?;
    let place = usize::from(mac[19] & 0x0f);
    let mut bits = [0; 4];
    bits.copy_from_slice(&mac[place..place + 4]);
    Ok(u32::from_be_bytes(bits) & 0x7fff_ffff)
}

/// RFC 4648 §6, without the padding, which apps do not want.
pub(super) fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    for group in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        for place in 0..(group.len() * 8).div_ceil(5) {
            let letter = (bits >> (35 - 5 * place)) & 0x1f;
            text.push(char::from(LETTERS[usize::from(letter as u8)]));
        }
    }
    text
}

/// What an app reads out of a QR code: the key-URI format that they all take. The name of the
/// service stands in it twice: as a prefix for old apps, as a parameter for the others.
pub(super) fn uri(service: &str, account: &str, secret: &Secret) -> Zeroizing<String> {
    let (service, account, secret) = (percent(service), percent(account), base32(&**secret));
    Zeroizing::new(format!(
        "otpauth://totp/{service}:{account}?secret={}&issuer={service}&algorithm=SHA1&digits=6\
         &period=30",
        *secret
    ))
}

/// RFC 3986 §2.1, for everything but its unreserved characters.
fn percent(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the vectors of SHA-1: eight digits there, the last six of which are
    /// the code of six.
    #[test]
    fn the_codes_of_rfc_6238_appendix_b() {
        let secret = b"12345678901234567890";
        for (time, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = step_at(DateTime::from_timestamp(time, 0).unwrap());
            let whole = truncated(secret, step).unwrap() % 100_000_000;
            assert_eq!(format!("{whole:08}"), eight, "at {time}");
            assert_eq!(*code(secret, step).unwrap(), eight[2..], "at {time}");
        }
    }

    /// RFC 4226 appendix D.
    #[test]
    fn the_codes_of_rfc_4226_appendix_d() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (count, expected) in (0..).zip(expected) {
            assert_eq!(*code(b"12345678901234567890", count).unwrap(), expected);
        }
    }

    /// RFC 4648 §10, without the padding.
    #[test]
    fn the_vectors_of_base32() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn an_address_has_nothing_that_ends_it_early() {
        let secret = Secret::new(*b"12345678901234567890");
        assert_eq!(
            *uri("Marca & Co", "ada+x@example.org", &secret),
            "otpauth://totp/Marca%20%26%20Co:ada%2Bx%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Marca%20%26%20Co&algorithm=SHA1\
             &digits=6&period=30"
        );
    }
}
