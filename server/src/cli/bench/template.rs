//! The request of the load: encoded once, then patched in place for every round.
//!
//! HTTP head and `TimeStampReq` (RFC 3161 §2.4.1) lie in one buffer, so that one write sends
//! both. Imprint and nonce have fixed lengths, hence fixed places.

use super::BenchError;
use clap::ValueEnum;
use rasn::types::{Any, Integer, ObjectIdentifier};
use rasn_cms::tsp::{MessageImprint, TimeStampReq};
use rasn_pkix::AlgorithmIdentifier;
use std::ops::Range;

/// A hash algorithm for imprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
    /// SHA3-256
    #[value(name = "sha3-256")]
    Sha3_256,
    /// SHA3-384
    #[value(name = "sha3-384")]
    Sha3_384,
    /// SHA3-512
    #[value(name = "sha3-512")]
    Sha3_512,
}

impl Hash {
    /// The name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
        }
    }

    /// Octets of a digest.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The object identifier: an arc below NIST's hash algorithms, 2.16.840.1.101.3.4.2.
    fn oid(self) -> ObjectIdentifier {
        let arc = match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
            Self::Sha3_256 => 8,
            Self::Sha3_384 => 9,
            Self::Sha3_512 => 10,
        };
        ObjectIdentifier::new_unchecked(vec![2, 16, 840, 1, 101, 3, 4, 2, arc].into())
    }
}

/// Where requests go, and who pays.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The path of the endpoint.
    pub(super) path: String,
    /// The `Host` header.
    pub(super) authority: String,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
}

/// A whole request, ready to be sent again with another imprint and nonce.
#[derive(Clone, Debug)]
pub(super) struct Template {
    message: Vec<u8>,
    body: usize,
    imprint: Range<usize>,
    nonce: Range<usize>,
}

/// Tag, length and sign octet of the nonce: nine content octets, the first zero. Its value is
/// then a positive number of exactly 64 bits, and its DER encoding has always the same length.
const NONCE_HEAD: [u8; 3] = [0x02, 0x09, 0x00];
/// What stands in a new template in place of a digest.
const IMPRINT_MARK: u8 = 0x5a;
/// What stands in a new template in place of a nonce: its first bit is set.
const NONCE_MARK: u64 = 0xa5a5_a5a5_a5a5_a5a5;

impl Template {
    /// Encodes the request and finds the places to patch.
    pub(super) fn new(target: &Target, hash: Hash, cert_req: bool) -> Result<Self, BenchError> {
        let request = TimeStampReq {
            version: 1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifier {
                    algorithm: hash.oid(),
                    // NULL rather than absent: what `openssl ts -query` sends.
                    parameters: Some(Any::new(vec![0x05, 0x00])),
                },
                hashed_message: vec![IMPRINT_MARK; hash.length()].into(),
            },
            req_policy: None,
            nonce: Some(Integer::from(NONCE_MARK)),
            cert_req,
            extensions: None,
        };
        let der =
            rasn::der::encode(&request).map_err(|error| BenchError::Request(error.to_string()))?;
        let missing = || BenchError::Request("a field is not where it was put".to_owned());
        let imprint = find(&der, &vec![IMPRINT_MARK; hash.length()]).ok_or_else(missing)?;
        let mut nonce_octets = NONCE_HEAD.to_vec();
        nonce_octets.extend(NONCE_MARK.to_be_bytes());
        let nonce = find(&der, &nonce_octets).ok_or_else(missing)?;

        let mut message = head(target, der.len()).into_bytes();
        let body = message.len();
        message.extend(&der);
        Ok(Self {
            imprint: body + imprint..body + imprint + hash.length(),
            nonce: body + nonce..body + nonce + nonce_octets.len(),
            message,
            body,
        })
    }

    /// Puts a fresh imprint and a fresh nonce into the request.
    pub(super) fn refresh(&mut self, random: &mut Random) {
        for chunk in self.message[self.imprint.clone()].chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.next().to_be_bytes());
        }
        let nonce = random.next() | 1 << 63;
        let start = self.nonce.start + NONCE_HEAD.len();
        self.message[start..self.nonce.end].copy_from_slice(&nonce.to_be_bytes());
    }

    /// The request as it goes onto the wire.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// The `TimeStampReq`, DER.
    pub(super) fn request_der(&self) -> &[u8] {
        &self.message[self.body..]
    }

    /// The digest now in the request.
    pub(super) fn imprint(&self) -> &[u8] {
        &self.message[self.imprint.clone()]
    }

    /// The nonce now in the request: the whole INTEGER, DER.
    pub(super) fn nonce(&self) -> &[u8] {
        &self.message[self.nonce.clone()]
    }
}

/// The head of the request (RFC 3161 §3.4: `application/timestamp-query`).
fn head(target: &Target, length: usize) -> String {
    let authorization = match &target.authorization {
        Some(value) => format!("Authorization: {value}\r\n"),
        None => String::new(),
    };
    format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\n{authorization}\
         Content-Type: application/timestamp-query\r\nContent-Length: {length}\r\n\r\n",
        target.path, target.authority
    )
}

/// Where `needle` begins in `hay`.
pub(super) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// Numbers that do not repeat: SplitMix64, which visits all 64-bit values once. They have to be
/// fresh, not secret; the seed comes from the operating system.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Starts anywhere.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another start, far away: for the connection with that number.
    pub(super) fn fork(&self, number: u64) -> Self {
        // Twice mixed, so that neighbouring numbers do not give overlapping sequences.
        let mut start = Self(self.0 ^ number.rotate_left(32));
        Self(start.next() ^ start.next().rotate_left(17))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
