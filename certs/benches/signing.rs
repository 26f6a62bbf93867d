//! Microseconds of CPU time per signature, for each kind of key and each way to ask OpenSSL for it;
//! and signatures per second through a device.
//!
//! `cargo bench -p marca-certs --bench signing [-- KIND...]` prints a table. The row `key` is what
//! the service uses, `verify` what looking at its signature costs; the others are why. Compare with
//! `openssl speed ecdsap256` of the same minute, which counts CPU time too.
//!
//! `cargo bench -p marca-certs --bench signing -- token` makes a token of SoftHSM and signs in it
//! with P-256 on 1, 2 and 4 threads: signatures per second of wall-clock time.

// A benchmark talks to its caller and measures: what the crate itself must not do.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, run by hand")]

#[path = "../tests/it/support/softhsm.rs"]
mod softhsm;

use marca_certs::{
    KeyBackend, KeyKind, Pkcs11Backend, Pkcs11Settings, SignatureScheme, SigningKey, SoftwareKey,
    TokenChoice,
};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::md::Md;
use openssl::md_ctx::MdCtx;
use openssl::pkey::{KeyType, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sha;
use openssl::sign::Signer;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// As long as the signed attributes of a token.
const MESSAGE: [u8; 230] = [0x5a; 230];

/// Each way is measured this long, in slices, and the best slice counts: the others were disturbed.
const SLICES: usize = 10;
const SLICE: Duration = Duration::from_millis(150);

fn main() {
    if std::env::args().any(|word| word == "token") {
        return softhsm::again(&["token"], through_a_token);
    }
    let named: Vec<KeyKind> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let kinds = if named.is_empty() { KeyKind::ALL.to_vec() } else { named };
    println!("{:<8}  {:<32}  {:>9}", "kind", "way", "us/sign");
    for kind in kinds {
        let private = generate(kind);
        let key = SoftwareKey::new("bench", private.clone()).unwrap();
        report(kind, "key", || key.sign(&MESSAGE).unwrap());
        let scheme = kind.scheme();
        let signature = key.sign(&MESSAGE).unwrap();
        report(kind, "verify", || {
            assert!(scheme.verify(key.public_key(), &MESSAGE, &signature).unwrap());
        });
        report(kind, "EVP one-shot, new context", || one_shot(&private, scheme));
        if scheme.signs_message() {
            reused_digest_context(kind, &private, None);
            continue;
        }
        let digest = match scheme {
            SignatureScheme::EcdsaSha384 => Md::sha384(),
            SignatureScheme::EcdsaSha512 => Md::sha512(),
            _ => Md::sha256(),
        };
        reused_digest_context(kind, &private, Some(digest));
        reused_key_context(kind, &private, digest);
        if let Ok(ec) = private.ec_key() {
            report(kind, "hash, ECDSA_do_sign, to DER", || {
                EcdsaSig::sign(&hash(scheme), &ec).unwrap().to_der().unwrap()
            });
        }
    }
}

fn generate(kind: KeyKind) -> PKey<Private> {
    let rsa = |bits| PKey::from_rsa(openssl::rsa::Rsa::generate(bits).unwrap()).unwrap();
    match kind {
        KeyKind::P256 => PKey::ec_gen("prime256v1").unwrap(),
        KeyKind::P384 => PKey::ec_gen("secp384r1").unwrap(),
        KeyKind::P521 => PKey::ec_gen("secp521r1").unwrap(),
        KeyKind::Rsa2048 => rsa(2048),
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::MlDsa44 => ml_dsa(KeyType::ML_DSA_44),
        KeyKind::MlDsa65 => ml_dsa(KeyType::ML_DSA_65),
        KeyKind::MlDsa87 => ml_dsa(KeyType::ML_DSA_87),
        _ => PKey::generate_ed25519().unwrap(),
    }
}

fn ml_dsa(r#type: KeyType) -> PKey<Private> {
    PKey::private_key_from_seed(None, r#type, None, &[7; 32]).unwrap()
}

fn through_a_token(token: &softhsm::Token) {
    let choice = TokenChoice::Label(softhsm::LABEL.to_owned());
    let settings = Pkcs11Settings::new(token.module(), choice, token.pin_file());
    let backend = Pkcs11Backend::open(settings).unwrap();
    let key = backend.generate("bench", KeyKind::P256).unwrap();
    println!("{:<8}  {:<32}  {:>9}", "kind", "through SoftHSM", "sign/s");
    for threads in [1, 2, 4] {
        let signing = Duration::from_secs(3);
        let start = Instant::now();
        let count: u32 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut count = 0_u32;
                        while start.elapsed() < signing {
                            std::hint::black_box(key.sign(&MESSAGE).unwrap());
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        println!("{:<8}  {:<32}  {rate:>9.0}", KeyKind::P256, format!("threads: {threads}"));
    }
}

fn one_shot(key: &PKey<Private>, scheme: SignatureScheme) -> Vec<u8> {
    let mut signer = match scheme.signs_message() {
        true => Signer::new_without_digest(key).unwrap(),
        false => Signer::new(digest_of(scheme), key).unwrap(),
    };
    signer.sign_oneshot_to_vec(&MESSAGE).unwrap()
}

fn digest_of(scheme: SignatureScheme) -> MessageDigest {
    scheme.message_digest()
}

fn reused_digest_context(kind: KeyKind, key: &PKey<Private>, digest: Option<&openssl::md::MdRef>) {
    let mut context = MdCtx::new().unwrap();
    report(kind, "EVP one-shot, same context", || {
        context.digest_sign_init(digest, key).unwrap();
        let mut signature = Vec::new();
        context.digest_sign_to_vec(&MESSAGE, &mut signature).unwrap();
        signature
    });
}

fn reused_key_context(kind: KeyKind, key: &PKey<Private>, digest: &openssl::md::MdRef) {
    let mut context = PkeyCtx::new(key).unwrap();
    context.sign_init().unwrap();
    if key.rsa().is_ok() {
        context.set_rsa_padding(Padding::PKCS1).unwrap();
    }
    context.set_signature_md(digest).unwrap();
    let size = key.size();
    report(kind, "hash, EVP_PKEY_sign, same context", || {
        let mut signature = vec![0; size];
        let length = context.sign(&hash(kind.scheme()), Some(&mut signature)).unwrap();
        signature.truncate(length);
        signature
    });
}

fn hash(scheme: SignatureScheme) -> Vec<u8> {
    match scheme {
        SignatureScheme::EcdsaSha384 => sha::sha384(&MESSAGE).to_vec(),
        SignatureScheme::EcdsaSha512 => sha::sha512(&MESSAGE).to_vec(),
        _ => sha::sha256(&MESSAGE).to_vec(),
    }
}

fn report<T>(kind: KeyKind, way: &str, mut sign: impl FnMut() -> T) {
    let mut best = f64::INFINITY;
    for _ in 0..SLICES {
        let start = cpu_time();
        let mut count = 0_u32;
        while cpu_time() - start < SLICE {
            for _ in 0..8 {
                std::hint::black_box(sign());
            }
            count += 8;
        }
        best = best.min((cpu_time() - start).as_secs_f64() * 1e6 / f64::from(count));
    }
    println!("{kind:<8}  {way:<32}  {best:>9.2}");
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}
