//! What can be wrong with a device, by culprit; and what a module's answer says about the state of
//! the session and the device.

use super::super::KeyError;
use cryptoki::error::{Error, RvError};
use std::path::PathBuf;

/// Why a device cannot be used, or not for this.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The module cannot be loaded or started.
    #[error("PKCS#11 module {module}: {reason}")]
    Module {
        /// Path of the module.
        module: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The module shows no such token, or several, or one that is not ready.
    #[error("PKCS#11 token {token}: {reason}")]
    Token {
        /// The token as it was chosen.
        token: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The file with the PIN.
    #[error("PIN file {path}: {reason}")]
    PinFile {
        /// Its path.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The PIN is wrong.
    #[error(
        "PKCS#11 token {token}: the PIN in {path} is wrong. It was tried once, and is not tried \
         again until the file is written anew, because a few wrong PINs lock a token"
    )]
    PinWrong {
        /// The token.
        token: String,
        /// The PIN file.
        path: PathBuf,
    },
    /// The PIN is locked, or the next wrong one would lock it.
    #[error("PKCS#11 token {token}: {reason}")]
    PinLocked {
        /// The token.
        token: String,
        /// What the token says and what to do.
        reason: String,
    },
    /// The device does not answer any more. It is looked for again with the next uses.
    #[error("PKCS#11 token {token} is lost, and is looked for again: {reason}")]
    Lost {
        /// The token.
        token: String,
        /// What the module said last.
        reason: String,
    },
    /// All sessions were in use for too long.
    #[error("PKCS#11 token {token}: all sessions were in use for {waited_ms} ms")]
    Busy {
        /// The token.
        token: String,
        /// How long a session was waited for, in milliseconds.
        waited_ms: u128,
    },
    /// The device answers, and refuses.
    #[error("PKCS#11 token {token} refuses: {reason}")]
    Refused {
        /// The token.
        token: String,
        /// What the module said.
        reason: String,
    },
    /// The device cannot do what keys of a kind need.
    #[error(
        "PKCS#11 token {token} cannot do {mechanism}, which {purpose} needs: choose another kind \
         of key, another scheme or another device"
    )]
    Mechanism {
        /// The token.
        token: String,
        /// The mechanism's name in the standard.
        mechanism: String,
        /// The kind of key or the scheme.
        purpose: String,
    },
    /// A signature does not verify with the key's public half. It was thrown away.
    #[error("PKCS#11 token {token} gave a signature that does not verify: it was thrown away")]
    WrongSignature {
        /// The token.
        token: String,
    },
    /// The key is missing, is there twice, or is not fit.
    #[error("key {label:?} in PKCS#11 token {token}: {reason}")]
    Key {
        /// The token.
        token: String,
        /// The key's label.
        label: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Why work in a session came to nothing: the module's answer, or our own judgement.
#[derive(Debug)]
pub(super) enum Failure {
    Module(Error),
    Key(KeyError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::Key(error.into())
    }
}

/// How far the trouble goes that a module's answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// This session is of no use any more; another one may be.
    Session,
    /// The device or the module is of no use until it is connected to anew.
    Device,
    /// Neither: the answer is about what was asked.
    Request,
}

pub(super) fn trouble(error: &Error) -> Trouble {
    let Error::Pkcs11(answer, _) = error else { return Trouble::Request };
    match answer {
        RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::OperationActive
        | RvError::OperationNotInitialized => Trouble::Session,
        RvError::CryptokiNotInitialized
        | RvError::DeviceError
        | RvError::DeviceMemory
        | RvError::DeviceRemoved
        | RvError::FunctionFailed
        | RvError::GeneralError
        | RvError::SlotIdInvalid
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::UserNotLoggedIn => Trouble::Device,
        _ => Trouble::Request,
    }
}

/// The module's answer under its name in the standard's spelling of this library.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(answer, function) => format!("C_{function:?} answered {answer:?}"),
        other => other.to_string(),
    }
}

/// Whether the answer is this one.
pub(super) fn is(error: &Error, answer: RvError) -> bool {
    matches!(error, Error::Pkcs11(given, _) if *given == answer)
}
