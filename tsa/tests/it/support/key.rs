//! A key that does what a test wants of it.

use certs::{KeyError, KeyKind, SignatureScheme, SigningKey, SoftwareKey};
use openssl::pkey::{PKey, Public};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct TestKey {
    key: SoftwareKey,
    pub(crate) in_device: AtomicBool,
    pub(crate) fails: AtomicBool,
    pub(crate) signs_badly: AtomicBool,
    pub(crate) signatures: AtomicU64,
    gate: Mutex<()>,
}

impl TestKey {
    pub(crate) fn new(kind: KeyKind) -> Arc<Self> {
        Arc::new(Self {
            key: SoftwareKey::generate("test", kind).unwrap(),
            in_device: AtomicBool::new(false),
            fails: AtomicBool::new(false),
            signs_badly: AtomicBool::new(false),
            signatures: AtomicU64::new(0),
            gate: Mutex::new(()),
        })
    }

    pub(crate) fn set(flag: &AtomicBool) {
        flag.store(true, Ordering::SeqCst);
    }

    /// Nothing is signed until the guard is dropped.
    pub(crate) fn close_gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }

    /// Waits until a signature has been asked for.
    pub(crate) fn wait_until_signing(&self) {
        while self.signatures.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }
}

impl SigningKey for TestKey {
    fn kind(&self) -> KeyKind {
        self.key.kind()
    }

    fn scheme(&self) -> SignatureScheme {
        self.key.scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        self.key.public_key()
    }

    fn in_device(&self) -> bool {
        self.in_device.load(Ordering::SeqCst)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        if self.fails.load(Ordering::SeqCst) {
            return Err(KeyError::Signing("the device is gone".to_owned()));
        }
        if self.signs_badly.load(Ordering::SeqCst) {
            return self.key.sign(b"another message");
        }
        self.key.sign(message)
    }

    fn probe(&self) -> Result<(), KeyError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(KeyError::Signing("the device is gone".to_owned())),
            false => Ok(()),
        }
    }
}
