//! What a holder carries: a device with a P-256 key, and an authenticator app (RFC 6238).

use openssl::base64::encode_block;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A device of a holder, with a key of its own.
pub(crate) struct Pocket {
    key: PKey<Private>,
}

impl Pocket {
    /// A new device.
    pub(crate) fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self { key: PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap() }
    }

    /// SubjectPublicKeyInfo, base64.
    pub(crate) fn public_key(&self) -> String {
        encode_block(&self.key.public_key_to_der().unwrap()).replace('\n', "")
    }

    /// ECDSA with SHA-256, DER, base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        encode_block(&signer.sign_oneshot_to_vec(message).unwrap()).replace('\n', "")
    }
}

/// An authenticator app: what it was given as a secret, in bytes.
pub(crate) struct Authenticator {
    secret: Vec<u8>,
}

impl Authenticator {
    /// Takes the secret as the service shows it (RFC 4648 §6, without padding).
    #[track_caller]
    pub(crate) fn enrol(base32: &str) -> Self {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut bits, mut count, mut secret) = (0_u32, 0, Vec::new());
        for letter in base32.bytes().filter(|byte| !matches!(byte, b' ' | b'=')) {
            let value = ALPHABET.iter().position(|&known| known == letter).expect("no base32");
            bits = (bits << 5) | value as u32;
            count += 5;
            if count >= 8 {
                count -= 8;
                secret.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        assert!(secret.len() >= 20, "RFC 4226 §4 asks for 160 bits: {}", secret.len());
        Self { secret }
    }

    /// The code of a step of 30 seconds, counted from now.
    pub(crate) fn code(&self, offset: i64) -> String {
        let step = (seconds() / 30) as i64 + offset;
        let key = PKey::hmac(&self.secret).unwrap();
        let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
        let mac = signer.sign_oneshot_to_vec(&step.to_be_bytes()).unwrap();
        // RFC 4226 §5.3: dynamic truncation.
        let at = usize::from(mac[19] & 15);
        let number = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// Waits until a new step has begun: the code of a step is good once.
    pub(crate) fn next_step(&self) {
        let begun = seconds() / 30;
        while seconds() / 30 == begun {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test lives in real time, as its service does")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
