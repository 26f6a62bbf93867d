//! Keys of this process and keys of a token, for tests of signatures that run with both.
//!
//! Tests of other crates include this file, beside `softhsm`.

#![allow(dead_code, unused_imports, unused_macros, reason = "each crate uses a part of it")]

use super::certs::{
    KeyBackend, KeyKind, Pkcs11Backend, Pkcs11Settings, SigningKey, SoftwareKey, TokenChoice,
};
use super::softhsm;
use std::sync::Arc;
use std::time::Duration;

/// A new key of this process.
pub(crate) fn key(kind: KeyKind) -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("test", kind).unwrap())
}

/// Where the keys of a test come from: a test of signatures runs with each.
pub(crate) enum Keys {
    /// Made in memory.
    Software,
    /// Made in a token.
    Token(Pkcs11Backend),
}

impl Keys {
    /// Keys of SoftHSM's token.
    pub(crate) fn in_token(token: &softhsm::Token) -> Self {
        Self::Token(Pkcs11Backend::open(settings(token)).unwrap())
    }

    /// The kinds that can be made.
    pub(crate) fn kinds(&self) -> Vec<KeyKind> {
        match self {
            Self::Software => KeyKind::ALL.to_vec(),
            Self::Token(token) => token.kinds().unwrap(),
        }
    }

    /// The same without RSA keys of more than 2048 bits in a token: one takes seconds to make, and
    /// shows nothing that `signing` has not shown.
    pub(crate) fn quick_kinds(&self) -> Vec<KeyKind> {
        let long = [KeyKind::Rsa3072, KeyKind::Rsa4096];
        let mut kinds = self.kinds();
        kinds.retain(|kind| !(self.is_device() && long.contains(kind)));
        kinds
    }

    pub(crate) fn is_device(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// A new key of each kind, in each way to sign with it.
    pub(crate) fn of_every_scheme(&self) -> Vec<Arc<dyn SigningKey>> {
        let ways = |kind: KeyKind| {
            let key = self.make(kind);
            let with = move |scheme: &_| key.with_scheme(*scheme).unwrap();
            kind.schemes().iter().map(with)
        };
        self.quick_kinds().into_iter().flat_map(ways).collect()
    }

    /// A new key.
    pub(crate) fn make(&self, kind: KeyKind) -> Arc<dyn SigningKey> {
        match self {
            Self::Software => key(kind),
            Self::Token(token) => {
                let free = |number: &u32| !token.contains(&format!("{kind}-{number}")).unwrap();
                let number = (0..).find(free).unwrap();
                token.generate(&format!("{kind}-{number}"), kind).unwrap()
            }
        }
    }
}

/// A test of each of these functions with keys of this process, and one with keys of a token.
macro_rules! both_back_ends {
    ($($module:ident :: $test:ident)+) => {
        mod in_memory {
            $(#[test]
            fn $test() {
                super::$test(&crate::support::Keys::Software);
            })+
        }

        mod in_device {
            $(#[test]
            fn $test() {
                let name = concat!(stringify!($module), "::in_device::", stringify!($test));
                crate::support::softhsm::test(name, |token| {
                    super::$test(&crate::support::Keys::in_token(token));
                });
            })+
        }
    };
}
pub(crate) use both_back_ends;

/// How the token behind p11-kit's server is reached, a device that can be pulled out.
pub(crate) fn remote_settings(token: &softhsm::Token) -> Pkcs11Settings {
    let choice = TokenChoice::Label(softhsm::LABEL.to_owned());
    let mut settings = Pkcs11Settings::new(token.client_module(), choice, token.pin_file());
    // Its client has one connection, see `Pkcs11Settings`.
    settings.max_sessions = 1;
    settings.pause = Duration::from_millis(1)..=Duration::from_millis(20);
    settings
}

/// How SoftHSM's token is reached in this process.
pub(crate) fn settings(token: &softhsm::Token) -> Pkcs11Settings {
    let choice = TokenChoice::Label(softhsm::LABEL.to_owned());
    Pkcs11Settings::new(token.module(), choice, token.pin_file())
}
