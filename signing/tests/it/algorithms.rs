//! Signature values verify with another code path than the one that made them: OpenSSL's
//! digest-and-verify over the message, with the parameters that a verifier would set.

use crate::support::*;
use marca_signing::*;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};

const MESSAGE: &[u8] = b"DER of the signed attributes";

fn digest(algorithm: DigestAlgorithm) -> MessageDigest {
    match algorithm {
        DigestAlgorithm::Sha384 => MessageDigest::sha384(),
        DigestAlgorithm::Sha512 => MessageDigest::sha512(),
        _ => MessageDigest::sha256(),
    }
}

#[test]
fn every_algorithm_makes_signatures_that_others_verify() {
    let rsa = || PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let keys =
        [rsa(), ec_key(), PKey::ec_gen("secp384r1").unwrap(), PKey::ec_gen("secp521r1").unwrap()];
    let mut made = 0;
    for (key, algorithm) in
        keys.iter().flat_map(|key| SignatureAlgorithm::ALL.map(|algorithm| (key, algorithm)))
    {
        if !key.fits(algorithm) {
            continue;
        }
        let md = digest(algorithm.digest());
        let bench = Bench::with_key(key.clone(), false);
        let digest = hash(md, MESSAGE).unwrap().to_vec();
        let what = HashesToSign::new(CREDENTIAL, algorithm, vec![digest]).unwrap();
        let signature = bench.sign(&bench.authorize(&what), &what, 1).unwrap().remove(0);

        let mut verifier = Verifier::new(md, key).unwrap();
        if matches!(algorithm, SignatureAlgorithm::RsaPss(_)) {
            verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            let length = i32::try_from(algorithm.digest().length()).unwrap();
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(length)).unwrap();
            verifier.set_rsa_mgf1_md(md).unwrap();
        }
        assert!(verifier.verify_oneshot(&signature, MESSAGE).unwrap(), "{algorithm}");
        if !algorithm.is_rsa() {
            let parsed = EcdsaSig::from_der(&signature).unwrap();
            assert_eq!(parsed.to_der().unwrap(), signature, "DER and nothing after it");
        }
        made += 1;
    }
    assert_eq!(made, 6 + 3 * 3);
}

#[test]
fn a_key_refuses_the_algorithms_of_another_kind() {
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(ec_key().fits(algorithm), !algorithm.is_rsa());
        assert!(!short.fits(algorithm), "1024 bits are no key");
        assert!(!PKey::generate_ed25519().unwrap().fits(algorithm));
        let refused = short.sign_digest(algorithm, &[0; 32]);
        assert_eq!(refused.unwrap_err(), KeyFault::Algorithm(algorithm));
    }
}

#[test]
fn names_and_identifiers_are_read_back() {
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert!(algorithm.name().ends_with(&algorithm.digest().name().replace('-', "")));
    }
    let refused = "rsa-pkcs1-sha1".parse::<SignatureAlgorithm>().unwrap_err();
    assert!(refused.to_string().contains("no signature algorithm"));
    let oids: Vec<_> = SignatureAlgorithm::ALL.map(SignatureAlgorithm::oid).into();
    assert_eq!(oids[0], "1.2.840.113549.1.1.11");
    assert_eq!(oids[8], "1.2.840.10045.4.3.4");
    assert_eq!(DigestAlgorithm::ALL.map(DigestAlgorithm::length), [32, 48, 64]);
}
