//! The names of the kinds of key, and how the kind of a given key is told.

use super::{KeyError, KeyKind, SignatureScheme};
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, KeyType, PKeyRef};
use std::fmt;
use std::str::FromStr;

impl KeyKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The kind of `key`.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for every other algorithm, curve or size.
    pub fn of<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, KeyError> {
        let unsupported = |what: String| KeyError::Unsupported { what };
        // OpenSSL has no numeric identifier for these in a key.
        let ml_dsa = [
            (KeyType::ML_DSA_44, Self::MlDsa44),
            (KeyType::ML_DSA_65, Self::MlDsa65),
            (KeyType::ML_DSA_87, Self::MlDsa87),
        ];
        if let Some((_, kind)) = ml_dsa.into_iter().find(|(of, _)| key.is_a(*of)) {
            return Ok(kind);
        }
        match key.id() {
            Id::RSA => match key.bits() {
                2048 => Ok(Self::Rsa2048),
                3072 => Ok(Self::Rsa3072),
                4096 => Ok(Self::Rsa4096),
                bits => Err(unsupported(format!("RSA with {bits} bits"))),
            },
            Id::EC => match key.ec_key().ok().and_then(|ec| ec.group().curve_name()) {
                Some(Nid::X9_62_PRIME256V1) => Ok(Self::P256),
                Some(Nid::SECP384R1) => Ok(Self::P384),
                Some(Nid::SECP521R1) => Ok(Self::P521),
                Some(curve) => {
                    let name = curve.short_name().unwrap_or("unknown name");
                    Err(unsupported(format!("elliptic curve {name}")))
                }
                None => Err(unsupported("elliptic curve without a name".to_owned())),
            },
            Id::ED25519 => Ok(Self::Ed25519),
            other => {
                let name = Nid::from_raw(other.as_raw()).long_name().unwrap_or("unknown");
                Err(unsupported(format!("{name} key")))
            }
        }
    }

    /// How keys of this kind sign unless something else is asked for.
    #[must_use]
    pub const fn scheme(self) -> SignatureScheme {
        self.schemes()[0]
    }

    /// All ways in which keys of this kind sign in this service, the usual one first.
    #[must_use]
    pub const fn schemes(self) -> &'static [SignatureScheme] {
        match self {
            Self::P256 => &[SignatureScheme::EcdsaSha256],
            Self::P384 => &[SignatureScheme::EcdsaSha384],
            Self::P521 => &[SignatureScheme::EcdsaSha512],
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &[
                SignatureScheme::RsaPkcs1Sha256,
                SignatureScheme::RsaPssSha256,
                SignatureScheme::RsaPssSha384,
                SignatureScheme::RsaPssSha512,
            ],
            Self::Ed25519 => &[SignatureScheme::Ed25519],
            Self::MlDsa44 => &[SignatureScheme::MlDsa44],
            Self::MlDsa65 => &[SignatureScheme::MlDsa65],
            Self::MlDsa87 => &[SignatureScheme::MlDsa87],
        }
    }

    /// The name in configuration files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyKind {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| KeyError::UnknownKind(text.to_owned()))
    }
}
