//! Protection with a shared secret: PasswordBasedMac (RFC 9810 §5.1.3.1) and PBMAC1 (RFC 8018 §7.1
//! as RFC 9481 §6.1.2 uses it).
//!
//! Keys are wiped, MACs compared in constant time. The work that an answer can ask for is bounded,
//! for it is done before anything about the answer is known to be true.

use super::CmpError;
use super::message::{Pbkdf2Params, PbmParameter, Pbmac1Params};
use super::protect::library;
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::CryptoRng;
use rasn::types::{Any, OctetString, Oid};
use rasn_pkix::AlgorithmIdentifier;
use zeroize::Zeroizing;

/// How a shared secret protects the requests. The answers may use either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// PasswordBasedMac with SHA-256 and HMAC-SHA256: what every CA understands.
    #[default]
    PasswordBasedMac,
    /// PBMAC1 with PBKDF2 and HMAC-SHA256: the better one, where the CA knows it.
    Pbmac1,
}

const PASSWORD_BASED_MAC: &Oid = Oid::const_new(&[1, 2, 840, 113533, 7, 66, 13]);
const PBMAC1: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 5, 14]);
const PBKDF2: &Oid = Oid::const_new(&[1, 2, 840, 113549, 1, 5, 12]);
const SHA256: &Oid = crate::oid::SHA256;
const HMAC_SHA256: &Oid = Oid::const_new(&[1, 2, 840, 113549, 2, 9]);

/// The iterations of our own PasswordBasedMac: some peers refuse more.
const PBM_ITERATIONS: u64 = 10_000;
/// The iterations of our own PBKDF2.
const PBKDF2_ITERATIONS: u64 = 100_000;
/// The most iterations done for an answer: about a second of work.
const MOST_ITERATIONS: u64 = 1_000_000;
/// RFC 4211 §4.4 asks for at least as many.
const FEWEST_PBM_ITERATIONS: u64 = 100;
/// RFC 8018 §4.2 recommends at least as many.
const FEWEST_PBKDF2_ITERATIONS: u64 = 1000;
/// The longest salt that is worked with, in octets.
const LONGEST_SALT: usize = 128;
/// The longest key that PBKDF2 is asked for, in octets.
const LONGEST_KEY: u64 = 128;

/// Whether `algorithm` is one of the two.
pub(super) fn is_mac(algorithm: &AlgorithmIdentifier) -> bool {
    [PASSWORD_BASED_MAC, PBMAC1].into_iter().any(|known| *known == algorithm.algorithm)
}

/// The `protectionAlg` of a message of ours, with a salt of its own.
pub(super) fn algorithm(
    kind: MacAlgorithm,
    rng: &mut dyn CryptoRng,
) -> Result<AlgorithmIdentifier, CmpError> {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let salt = OctetString::from_slice(&salt);
    let (id, parameters) = match kind {
        MacAlgorithm::PasswordBasedMac => {
            let parameters = PbmParameter {
                salt,
                owf: named(SHA256, None),
                iteration_count: PBM_ITERATIONS,
                mac: named(HMAC_SHA256, None),
            };
            (PASSWORD_BASED_MAC, encode(&parameters)?)
        }
        MacAlgorithm::Pbmac1 => {
            // RFC 8018 B.1.2: the parameters of HMAC with SHA-2 are NULL.
            let hmac = named(HMAC_SHA256, Some(Any::new(vec![0x05, 0x00])));
            let derivation = Pbkdf2Params {
                salt,
                iteration_count: PBKDF2_ITERATIONS,
                key_length: Some(32),
                prf: Some(hmac.clone()),
            };
            let parameters = Pbmac1Params {
                key_derivation_func: named(PBKDF2, Some(encode(&derivation)?)),
                message_auth_scheme: hmac,
            };
            (PBMAC1, encode(&parameters)?)
        }
    };
    Ok(named(id, Some(parameters)))
}

/// The MAC that `algorithm` with `secret` gives over `message`.
///
/// # Errors
/// [`CmpError::ProtectionUnsupported`] when the algorithm or its parameters are none that are
/// worked with.
pub(super) fn compute(
    algorithm: &AlgorithmIdentifier,
    secret: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, CmpError> {
    let (key, digest) = if *PASSWORD_BASED_MAC == algorithm.algorithm {
        pbm_key(&parameters(algorithm, "PBMParameter")?, secret)?
    } else if *PBMAC1 == algorithm.algorithm {
        pbmac1_key(&parameters(algorithm, "PBMAC1-params")?, secret)?
    } else {
        return Err(unsupported(format!("the MAC algorithm {}", algorithm.algorithm)));
    };
    PKey::hmac(&key)
        .and_then(|key| Signer::new(digest, &key)?.sign_oneshot_to_vec(message))
        .map_err(|error| library("computing a MAC", &error))
}

/// Whether `mac` is what [`compute`] gives.
pub(super) fn verify(
    algorithm: &AlgorithmIdentifier,
    secret: &[u8],
    message: &[u8],
    mac: &[u8],
) -> Result<bool, CmpError> {
    let expected = compute(algorithm, secret, message)?;
    Ok(expected.len() == mac.len() && openssl::memcmp::eq(&expected, mac))
}

/// RFC 9810 §5.1.3.1: the one-way function is applied to secret and salt, and then again and again
/// to what came out. HMAC takes all of the last output as its key.
fn pbm_key(
    parameters: &PbmParameter,
    secret: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, MessageDigest), CmpError> {
    let hmac = hmac_digest(&parameters.mac)?;
    let owf = &parameters.owf.algorithm;
    let digest = if *crate::oid::SHA256 == *owf {
        MessageDigest::sha256()
    } else if *crate::oid::SHA384 == *owf {
        MessageDigest::sha384()
    } else if *crate::oid::SHA512 == *owf {
        MessageDigest::sha512()
    } else {
        return Err(unsupported(format!("PasswordBasedMac over the hash {owf}")));
    };
    bounded(&parameters.salt, parameters.iteration_count, FEWEST_PBM_ITERATIONS)?;
    let key = Hasher::new(digest).and_then(|mut hasher| {
        hasher.update(secret)?;
        hasher.update(&parameters.salt)?;
        let mut key = Zeroizing::new(hasher.finish()?.to_vec());
        for _ in 1..parameters.iteration_count {
            hasher.update(&key)?;
            key.copy_from_slice(&hasher.finish()?);
        }
        Ok(key)
    });
    Ok((key.map_err(|error| library("hashing the shared secret", &error))?, hmac))
}

/// RFC 8018 §7.1 with PBKDF2.
fn pbmac1_key(
    parameters: &Pbmac1Params,
    secret: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, MessageDigest), CmpError> {
    let hmac = hmac_digest(&parameters.message_auth_scheme)?;
    let function = &parameters.key_derivation_func;
    if *PBKDF2 != function.algorithm {
        return Err(unsupported(format!("PBMAC1 over the function {}", function.algorithm)));
    }
    let derivation: Pbkdf2Params = self::parameters(function, "PBKDF2-params")?;
    // RFC 8018 A.2: hmacWithSHA1 is the default.
    let prf = derivation.prf.as_ref().map_or(Ok(MessageDigest::sha1()), hmac_digest)?;
    bounded(&derivation.salt, derivation.iteration_count, FEWEST_PBKDF2_ITERATIONS)?;
    let length = derivation.key_length.unwrap_or(hmac.size() as u64);
    let length = Some(length).filter(|length| (1..=LONGEST_KEY).contains(length));
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| unsupported("PBKDF2 with such a keyLength".to_owned()))?;
    let iterations = usize::try_from(derivation.iteration_count)
        .map_err(|_| unsupported("PBKDF2 with so many iterations".to_owned()))?;
    let mut key = Zeroizing::new(vec![0; length]);
    openssl::pkcs5::pbkdf2_hmac(secret, &derivation.salt, iterations, prf, &mut key)
        .map_err(|error| library("deriving a key from the shared secret", &error))?;
    Ok((key, hmac))
}

fn bounded(salt: &[u8], iterations: u64, fewest: u64) -> Result<(), CmpError> {
    if salt.len() > LONGEST_SALT {
        return Err(unsupported(format!("a salt of {} octets", salt.len())));
    }
    if !(fewest..=MOST_ITERATIONS).contains(&iterations) {
        let what = format!("{iterations} iterations ({fewest} to {MOST_ITERATIONS} are done)");
        return Err(unsupported(what));
    }
    Ok(())
}

/// HMAC with SHA-1 is there for older CAs: what is known against SHA-1 does not touch HMAC.
fn hmac_digest(algorithm: &AlgorithmIdentifier) -> Result<MessageDigest, CmpError> {
    let id: &[u32] = &algorithm.algorithm;
    match id {
        // hmac-sha1 of PKIX, and id-hmacWithSHA1 of PKCS #5.
        [1, 3, 6, 1, 5, 5, 8, 1, 2] | [1, 2, 840, 113549, 2, 7] => Ok(MessageDigest::sha1()),
        [1, 2, 840, 113549, 2, 9] => Ok(MessageDigest::sha256()),
        [1, 2, 840, 113549, 2, 10] => Ok(MessageDigest::sha384()),
        [1, 2, 840, 113549, 2, 11] => Ok(MessageDigest::sha512()),
        _ => Err(unsupported(format!("the MAC {}", algorithm.algorithm))),
    }
}

fn parameters<T: rasn::Decode>(
    algorithm: &AlgorithmIdentifier,
    what: &'static str,
) -> Result<T, CmpError> {
    let der = algorithm.parameters.as_ref().map_or(&[][..], |parameters| parameters.as_bytes());
    rasn::der::decode(der).map_err(|error| CmpError::Malformed { what, reason: error.to_string() })
}

fn encode<T: rasn::Encode>(value: &T) -> Result<Any, CmpError> {
    super::protect::encode("the parameters of the MAC", value).map(Any::new)
}

fn named(id: &Oid, parameters: Option<Any>) -> AlgorithmIdentifier {
    AlgorithmIdentifier { algorithm: id.into(), parameters }
}

fn unsupported(what: String) -> CmpError {
    CmpError::ProtectionUnsupported { what }
}
