//! Public keys from outside that look like any other and protect nothing: anybody can make their
//! signatures, so a signature with one proves no possession.
//!
//! The rules are those of a partial validation, which needs the public half only: SP 800-89 §5.3.3
//! for RSA, RFC 8032 §8.9 and what is known of Ed25519's small subgroup, and for ML-DSA that the
//! part that binds a signature to its key is there. OpenSSL checks none of them when it reads one.

use super::{KeyError, KeyKind};
use openssl::bn::{BigNum, BigNumContext};
use openssl::error::ErrorStack;
use openssl::pkey::{HasPublic, PKeyRef};
use openssl::rsa::Rsa;

/// The kind of `key`, once it is known that not everybody can sign with it. For every key that was
/// not made here: of a request, of a certificate, of a device's answer.
///
/// It costs about as much as one private RSA operation of the same size.
///
/// # Errors
/// [`KeyError::Unsupported`] for a kind that is not used, [`KeyError::Unsafe`] for one of these.
pub fn check_public_key<T: HasPublic>(key: &PKeyRef<T>) -> Result<KeyKind, KeyError> {
    let kind = KeyKind::of(key)?;
    let found = match kind {
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 => {
            key.rsa().and_then(|key| rsa(&key))
        }
        // The point at infinity, and whatever is not on the curve.
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => key.ec_key().map(|ec| {
            ec.check_key().is_err().then(|| "a point that is no public key of its curve".to_owned())
        }),
        KeyKind::Ed25519 => key.raw_public_key().map(|raw| ed25519(&raw)),
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
            key.raw_public_key().map(|raw| ml_dsa(&raw))
        }
    };
    match found {
        Ok(None) => Ok(kind),
        Ok(Some(what)) => Err(KeyError::Unsafe { what }),
        // What the library cannot compute with is no key to be certified.
        Err(_) => Err(KeyError::Unsafe { what: format!("{kind}, unusable values") }),
    }
}

/// Primes up to this number must not divide a modulus.
const TRIAL_DIVISION: u32 = 4096;

fn rsa<T: HasPublic>(key: &Rsa<T>) -> Result<Option<String>, ErrorStack> {
    let (n, e) = (key.n(), key.e());
    // FIPS 186-5 A.1.1: e is odd and "2^16 < e < 2^256". With e = 1 the padded digest itself is
    // its signature.
    if !e.is_odd() || !(17..=256).contains(&e.num_bits()) {
        let exponent = e.to_dec_str()?;
        let exponent = exponent.get(..20).map_or(exponent.to_string(), |begin| format!("{begin}…"));
        return Ok(Some(format!(
            "RSA with the exponent {exponent}, not odd or not in 65537..2^256"
        )));
    }
    // Every divisor is tried: the primes among them are enough, and a sieve would save nothing.
    for divisor in 2..TRIAL_DIVISION {
        if n.mod_word(divisor)? == 0 {
            return Ok(Some(format!("RSA with a modulus that {divisor} divides")));
        }
    }
    if is_power_of_prime(n)? {
        return Ok(Some("RSA with a modulus that is a prime or the power of one".to_owned()));
    }
    Ok(None)
}

/// Whether `n` is p^k for a prime p, so that everybody can compute the private exponent.
///
/// For such an n, 2^n = 2 modulo p (Fermat, k times), and so p divides both n and 2^n - 2. For a
/// product of random primes that has a probability of about 2^-1000. One exponentiation decides,
/// while a test of primality would do a hundred just for those who bring a prime.
fn is_power_of_prime(n: &openssl::bn::BigNumRef) -> Result<bool, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let (two, mut power, mut rest, mut common) =
        (BigNum::from_u32(2)?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    power.mod_exp(&two, n, n, &mut context)?;
    rest.mod_sub(&power, &two, n, &mut context)?;
    common.gcd(&rest, n, &mut context)?;
    Ok(common != BigNum::from_u32(1)?)
}

/// Every y of the eight points whose order divides 8, little-endian, without the sign of x; the
/// last two are 0 and 1 written as p and p + 1. Multiples of them take eight values at most: a
/// signature for any message is found by trying.
const SMALL_ORDER: [[u8; 32]; 7] = [
    low(0x00),
    low(0x01),
    high(0xec),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    high(0xed),
    high(0xee),
];

const fn low(first: u8) -> [u8; 32] {
    let mut y = [0; 32];
    y[0] = first;
    y
}

const fn high(first: u8) -> [u8; 32] {
    let mut y = [0xff; 32];
    y[0] = first;
    y[31] = 0x7f;
    y
}

fn ed25519(raw: &[u8]) -> Option<String> {
    // RFC 8032 §5.1.2: the highest bit of the last octet is the sign of x.
    let mut y = raw.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    let small = SMALL_ORDER.iter().any(|point| point[..] == y[..]);
    small.then(|| "Ed25519 with a point of small order".to_owned())
}

/// FIPS 204 algorithm 22: 32 octets of seed, then t1 in 10 bits for each coefficient.
const SEED: usize = 32;

/// A verifier computes A·z - c·t1·2^13, and compares high bits. Where t1 is next to nothing (as
/// are the values just below 1023: 1023·2^13 = -1 modulo q), so is the part that the signer's
/// secret has to make up for. A real t1 is spread evenly: of its 1024 or more coefficients about
/// one in sixty-four lies in these ranges, and half of them never do.
fn ml_dsa(raw: &[u8]) -> Option<String> {
    let coefficients = || {
        raw.get(SEED..).unwrap_or_default().chunks_exact(5).flat_map(|five| {
            let bits = five.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            (0..4).map(move |index| bits >> (10 * index) & 0x3ff)
        })
    };
    let near_nothing = coefficients().filter(|value| !(8..=1015).contains(value)).count();
    let most = near_nothing * 2 >= coefficients().count();
    most.then(|| "ML-DSA with a vector t1 of next to nothing".to_owned())
}
