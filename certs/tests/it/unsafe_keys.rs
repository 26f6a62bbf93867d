//! Keys with which everybody can sign: each is forged with here, and refused wherever one comes in.

use crate::support::{Hierarchy, SeededRng, key, name, now, policy};
use marca_certs::csr::{self, CsrFault, Wanted};
use marca_certs::{
    EndKind, EndProfile, IssueError, KeyError, KeyKind, SignatureScheme, SigningKey, TsuFault,
    check_public_key, check_tsu,
};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;

fn rsa(n: &BigNumRef, e: &BigNumRef) -> PKey<Public> {
    let key = Rsa::from_public_components(n.to_owned().unwrap(), e.to_owned().unwrap());
    PKey::from_rsa(key.unwrap()).unwrap()
}

fn number(value: u32) -> BigNum {
    BigNum::from_u32(value).unwrap()
}

fn ed25519(raw: &[u8]) -> PKey<Public> {
    PKey::public_key_from_raw_bytes(raw, Id::ED25519).unwrap()
}

/// Signs without a secret: a padded digest to the power `exponent`, or a fixed signature.
struct Forger {
    public: PKey<Public>,
    kind: KeyKind,
    /// What everybody can compute from the public key.
    exponent: BigNum,
}

impl std::fmt::Debug for Forger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forger")
    }
}

impl SigningKey for Forger {
    fn kind(&self) -> KeyKind {
        self.kind
    }

    fn scheme(&self) -> SignatureScheme {
        self.kind.scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        &self.public
    }

    fn in_device(&self) -> bool {
        false
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.kind == KeyKind::Ed25519 {
            // R is the key itself, the neutral element, and S is 0: S·B = R + k·A holds.
            let mut signature = vec![0; 64];
            signature[0] = 1;
            return Ok(signature);
        }
        // RFC 8017 §9.2: EMSA-PKCS1-v1_5 with SHA-256.
        let info = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
        let digest = openssl::sha::sha256(message);
        let n = self.public.rsa().unwrap().n().to_owned().unwrap();
        let length = usize::try_from(n.num_bytes()).unwrap();
        let padding = vec![0xff; length - 3 - info.len() - digest.len()];
        let encoded = [&[0, 1], &padding[..], &[0], info, &digest].concat();
        let (mut power, mut context) = (BigNum::new().unwrap(), BigNumContext::new().unwrap());
        let encoded = BigNum::from_slice(&encoded).unwrap();
        power.mod_exp(&encoded, &self.exponent, &n, &mut context).unwrap();
        Ok(power.to_vec_padded(n.num_bytes()).unwrap())
    }
}

/// An RSA key with the private exponent that is computed from this multiple of the order.
fn open_rsa(n: &BigNum, order: &BigNum) -> Forger {
    let (e, mut exponent) = (number(65537), BigNum::new().unwrap());
    exponent.mod_inverse(&e, order, &mut BigNumContext::new().unwrap()).unwrap();
    Forger { public: rsa(n, &e), kind: KeyKind::Rsa3072, exponent }
}

fn prime_modulus() -> Forger {
    let n = BigNum::get_rfc3526_prime_3072().unwrap();
    open_rsa(&n, &(&n - &number(1)))
}

fn squared_prime() -> Forger {
    let p = BigNum::get_rfc3526_prime_1536().unwrap();
    open_rsa(&(&p * &p), &(&p * &(&p - &number(1))))
}

fn exponent_of_one() -> Forger {
    let n = key(KeyKind::Rsa3072).public_key().rsa().unwrap().n().to_owned().unwrap();
    Forger { public: rsa(&n, &number(1)), kind: KeyKind::Rsa3072, exponent: number(1) }
}

fn neutral_element() -> Forger {
    let mut raw = [0; 32];
    raw[0] = 1;
    Forger { public: ed25519(&raw), kind: KeyKind::Ed25519, exponent: number(1) }
}

#[test]
fn a_forged_proof_of_possession_is_refused() {
    let forgers = [
        (exponent_of_one(), "RSA with the exponent 1, not odd or not in 65537..2^256"),
        (prime_modulus(), "RSA with a modulus that is a prime or the power of one"),
        (squared_prime(), "RSA with a modulus that is a prime or the power of one"),
        (neutral_element(), "Ed25519 with a point of small order"),
    ];
    let hierarchy = Hierarchy::new(KeyKind::P256);
    for (forger, expected) in forgers {
        // The forgery is a good one: nothing but the check of the key stands against it.
        let signature = forger.sign(b"message").unwrap();
        assert!(forger.scheme().verify(&forger.public, b"message", &signature).unwrap());
        let der = csr::build(&forger, &name("x"), Wanted::Nothing).unwrap();
        let fault = csr::parse(&der).unwrap_err();
        assert_eq!(fault, CsrFault::KeyUnsafe { found: expected.to_owned() });
        // Nor does the CA certify one that came in another way.
        let profile = EndProfile::new(EndKind::Tsu, vec![policy()]);
        let rng = &mut SeededRng(70);
        let issued =
            hierarchy.issuing.issue(&profile, &name("x"), &forger.public, now(), rng).unwrap_err();
        assert!(matches!(issued, IssueError::Key(KeyError::Unsafe { .. })), "{issued}");
    }
}

#[test]
fn a_unit_s_certificate_over_such_a_key_is_refused() {
    for forger in [prime_modulus(), neutral_element()] {
        let mut hierarchy = Hierarchy::new(KeyKind::P256);
        let info = forger.public.public_key_to_der().unwrap();
        let info = rasn::der::decode(&info).unwrap();
        hierarchy.alter_unit(|it| it.tbs.subject_public_key_info = info);
        let (chain, roots) = (hierarchy.chain(), hierarchy.roots());
        let faults = check_tsu(&hierarchy.unit, &chain, &roots, &forger.public, now()).unwrap_err();
        assert!(
            faults.iter().any(|fault| matches!(fault, TsuFault::KeyUnsafe { .. })),
            "{faults:?}"
        );
    }
}

fn refused(key: &PKey<Public>) -> String {
    check_public_key(key).unwrap_err().to_string()
}

#[test]
fn rsa_values_that_are_out_of_range_are_refused() {
    let good = key(KeyKind::Rsa2048).public_key().rsa().unwrap().n().to_owned().unwrap();
    check_public_key(&rsa(&good, &number(65537))).unwrap();
    let mut long = BigNum::new().unwrap();
    long.set_bit(256).unwrap();
    long.add_word(1).unwrap();
    for exponent in [number(1), number(3), number(65535), number(65538), long] {
        let text = refused(&rsa(&good, &exponent));
        assert!(text.starts_with("RSA with the exponent "), "{text}");
    }
    // 3·(2^2046 + 1) and 4093·(2^2036 + 1) have 2048 bits; 4093 is the last prime that is tried.
    for (factor, bit) in [(3, 2046), (4093, 2036)] {
        let mut n = BigNum::new().unwrap();
        n.set_bit(bit).unwrap();
        n.add_word(1).unwrap();
        n.mul_word(factor).unwrap();
        assert_eq!(n.num_bits(), 2048);
        let text = refused(&rsa(&n, &number(65537)));
        assert!(text.starts_with("RSA with a modulus that "), "{text}");
        assert!(text.contains(" divides: anybody can sign"), "{text}");
    }
    let mut even = good;
    even.sub_word(1).unwrap();
    assert!(refused(&rsa(&even, &number(65537))).contains("modulus that 2 divides"));
}

#[test]
fn every_encoding_of_a_point_of_small_order_is_refused() {
    let encodings = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for text in encodings {
        let mut raw = BigNum::from_hex_str(text).unwrap().to_vec_padded(32).unwrap();
        for _sign_of_x in 0..2 {
            raw[31] ^= 0x80;
            let text = refused(&ed25519(&raw));
            assert!(text.starts_with("Ed25519 with a point of small order"), "{text}");
        }
    }
}

#[test]
fn an_ml_dsa_key_without_its_secret_part_is_refused() {
    for kind in [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
        let good = key(kind);
        check_public_key(good.public_key()).unwrap();
        let der = good.public_key().public_key_to_der().unwrap();
        let raw = good.public_key().raw_public_key().unwrap();
        // t1 follows 32 octets of seed: all 0, or all 1023, which is -1 after the shift.
        for filling in [0x00, 0xff] {
            let mut der = der.clone();
            let begin = der.len() - raw.len() + 32;
            der[begin..].fill(filling);
            let text = refused(&PKey::public_key_from_der(&der).unwrap());
            assert!(text.starts_with("ML-DSA with a vector t1"), "{kind}: {text}");
        }
    }
}

#[test]
fn every_kind_of_real_key_passes() {
    for kind in KeyKind::ALL {
        assert_eq!(check_public_key(key(kind).public_key()).unwrap(), kind);
    }
}
