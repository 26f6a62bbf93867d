//! The raw signing rate of this machine: the limit that no service on it can exceed.
//!
//! The same act as `openssl speed -multi N`: one digest, signed again and again with one key, on
//! each thread, with nothing around it.

use super::BenchError;
use crate::cli::values::TsuKey;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::Signer;
use std::thread;
use std::time::{Duration, Instant};

/// A rate, and what it was measured with.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    /// The kind of key.
    pub(super) kind: TsuKey,
    /// How many threads signed at once.
    pub(super) threads: usize,
    /// Signatures per second, all threads together.
    pub(super) per_second: f64,
}

/// Signs on `threads` threads at once for `time`, with a key of its own for this measuring.
pub(super) fn measure(kind: TsuKey, threads: usize, time: Duration) -> Result<Raw, BenchError> {
    let key = generate(kind)?;
    let rates: Result<Vec<f64>, ErrorStack> = thread::scope(|scope| {
        let running: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| sign_for(&key, kind, time))).collect();
        running
            .into_iter()
            // A thread that panicked would have signed nothing.
            .map(|thread| thread.join().unwrap_or(Ok(0.0)))
            .collect()
    });
    Ok(Raw { kind, threads, per_second: rates?.iter().sum() })
}

/// A new key.
fn generate(kind: TsuKey) -> Result<PKey<Private>, ErrorStack> {
    let curve = |nid| PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(nid)?)?);
    let rsa = |bits| PKey::from_rsa(Rsa::generate(bits)?);
    match kind {
        TsuKey::P256 => curve(Nid::X9_62_PRIME256V1),
        TsuKey::P384 => curve(Nid::SECP384R1),
        TsuKey::P521 => curve(Nid::SECP521R1),
        TsuKey::Rsa2048 => rsa(2048),
        TsuKey::Rsa3072 => rsa(3072),
        TsuKey::Rsa4096 => rsa(4096),
        TsuKey::Ed25519 => PKey::generate_ed25519(),
    }
}

/// Signatures per second of one thread.
fn sign_for(key: &PKey<Private>, kind: TsuKey, time: Duration) -> Result<f64, ErrorStack> {
    let mut signature = vec![0; 1024];
    if kind == TsuKey::Ed25519 {
        return rate(time, || {
            Signer::new_without_digest(key)?.sign_oneshot(&mut signature, &[7; 64]).map(drop)
        });
    }
    // The digests that belong to the curves (RFC 5758), and SHA-256 for RSA.
    let (md, digest) = match kind {
        TsuKey::P384 => (Md::sha384(), vec![7; 48]),
        TsuKey::P521 => (Md::sha512(), vec![7; 64]),
        _ => (Md::sha256(), vec![7; 32]),
    };
    let mut context = PkeyCtx::new(key)?;
    context.sign_init()?;
    if matches!(kind, TsuKey::Rsa2048 | TsuKey::Rsa3072 | TsuKey::Rsa4096) {
        context.set_rsa_padding(Padding::PKCS1)?;
    }
    context.set_signature_md(md)?;
    rate(time, || context.sign(&digest, Some(&mut signature)).map(drop))
}

/// How often per second `act` can be done.
fn rate(
    time: Duration,
    mut act: impl FnMut() -> Result<(), ErrorStack>,
) -> Result<f64, ErrorStack> {
    let started = Instant::now();
    let mut done = 0u32;
    while started.elapsed() < time {
        // The clock is read once for several signatures.
        for _ in 0..8 {
            act()?;
        }
        done += 8;
    }
    Ok(f64::from(done) / started.elapsed().as_secs_f64())
}
