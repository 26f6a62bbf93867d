//! Identifiers: what names a holder, a registration, a signing credential and an operation.
//!
//! Holders and registrations are numbers that are never given twice. A credential's identifier
//! goes through hands outside the service, so it is random: who has one cannot guess another.

use rand::Rng;
use std::fmt;
use std::str::FromStr;

/// A text is not the identifier that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the identifier of {what}: use {form}")]
pub struct BadId {
    what: &'static str,
    form: &'static str,
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The one with this number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number, as it stands in stored keys.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }

            /// The number as a stored key.
            pub(crate) const fn key(self) -> [u8; 8] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bad = BadId { what: $what, form: $form };
                let digits = text.strip_prefix($prefix).ok_or(bad)?;
                let number = digits.parse::<u64>().map_err(|_| bad)?;
                // Exactly one way to write each identifier: no sign, no leading zero.
                if number.to_string() == digits { Ok(Self(number)) } else { Err(bad) }
            }
        }
    };
}

number_id! {
    /// The identifier of a holder: a number that is never given twice, written `h-<number>`.
    HolderId, "h-", "a holder", "`h-` and a number, as in h-12"
}

number_id! {
    /// The identifier of a registration, written `r-<number>`.
    RegistrationId, "r-", "a registration", "`r-` and a number, as in r-12"
}

number_id! {
    /// The identifier of an outgoing message, written `m-<number>`.
    MessageId, "m-", "a message", "`m-` and a number, as in m-12"
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The one with these bytes, as they stand in stored keys.
            #[must_use]
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// A new one.
            #[must_use]
            pub fn generate(random: &mut (impl Rng + ?Sized)) -> Self {
                let mut bytes = [0; 16];
                random.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bad = BadId { what: $what, form: "32 digits 0-9 a-f" };
                let bytes = hex::decode(text).map_err(|_| bad)?;
                let id = Self(bytes.try_into().map_err(|_| bad)?);
                if id.to_string() == text { Ok(id) } else { Err(bad) }
            }
        }
    };
}

random_id! {
    /// The identifier of a signing credential: 128 random bits, written in lower-case hex.
    CredentialId, "a credential"
}

random_id! {
    /// What a one-time code is bound to besides its holder: one act that was begun.
    OperationId, "an operation"
}

random_id! {
    /// The identifier of a session. It names the session, and does not open it.
    SessionId, "a session"
}

random_id! {
    /// The identifier of a linked device. It names the device, and does not open anything.
    DeviceId, "a device"
}

random_id! {
    /// The identifier of a login by QR code: what the code holds.
    QrLoginId, "a login by QR code"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestRandom;

    #[test]
    fn a_number_is_read_as_it_is_written() {
        assert_eq!("h-12".parse(), Ok(HolderId::new(12)));
        assert_eq!(HolderId::new(12).to_string(), "h-12");
        assert_eq!("r-1".parse(), Ok(RegistrationId::new(1)));
        assert_eq!("m-7".parse(), Ok(MessageId::new(7)));
    }

    #[test]
    fn there_is_one_way_to_write_a_number() {
        for text in ["12", "h-", "h-012", "h-+1", "h--1", "H-1", "h-1 ", "r-1", "h-1\u{661}"] {
            assert!(text.parse::<HolderId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_random_identifier_is_read_as_it_is_written() {
        let id = CredentialId::generate(&mut TestRandom::new(1));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id, CredentialId::generate(&mut TestRandom::new(2)));
        let upper = id.to_string().to_uppercase();
        for text in ["", "ab", upper.as_str(), &id.to_string()[1..]] {
            assert!(text.parse::<CredentialId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bad_identifier_says_what_to_write() {
        let error = "12".parse::<HolderId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "not the identifier of a holder: use `h-` and a number, as in h-12"
        );
    }
}
