//! Certificates that a test makes for itself, with OpenSSL.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, Private};
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder, X509Req};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A certificate and its key.
pub(crate) struct Certified {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An authority.
    Authority,
    /// A TLS server on 127.0.0.1.
    Server,
    /// A TLS client.
    Client,
    /// A time-stamping unit, valid or not.
    Unit,
    /// A time-stamping unit whose purpose is not critical.
    LooseUnit,
    /// Code signing.
    CodeSigning,
}

/// A certificate for `purpose`, signed by `issuer` or by itself.
pub(crate) fn certify(name: &str, purpose: Purpose, issuer: Option<&Certified>) -> Certified {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    certify_key(name, purpose, issuer, key, (0, 365))
}

/// The same for a key that is there already, valid between two days counted from today.
pub(crate) fn certify_key(
    name: &str,
    purpose: Purpose,
    issuer: Option<&Certified>,
    key: PKey<Private>,
    days: (i64, i64),
) -> Certified {
    let signer = issuer.map_or(&key, |issuer| &issuer.key).clone();
    let days = (day(days.0), day(days.1));
    let certificate = certificate(name, purpose, issuer, (&key, &signer), &days);
    Certified { certificate, key }
}

/// A certificate for the key of a request; what it is given as its own key is the issuer's.
pub(crate) fn certify_request(
    name: &str,
    purpose: Purpose,
    issuer: &Certified,
    request: &X509Req,
    days: (i64, i64),
) -> Certified {
    let days = (day(days.0), day(days.1));
    let key = request.public_key().unwrap();
    let certificate = certificate(name, purpose, Some(issuer), (&key, &issuer.key), &days);
    Certified { certificate, key: issuer.key.clone() }
}

/// The same, but it ends so many seconds from now.
pub(crate) fn certify_request_until(
    name: &str,
    purpose: Purpose,
    issuer: &Certified,
    request: &X509Req,
    seconds: i64,
) -> Certified {
    let validity = (day(-1), second(seconds));
    let key = request.public_key().unwrap();
    let certificate = certificate(name, purpose, Some(issuer), (&key, &issuer.key), &validity);
    Certified { certificate, key: issuer.key.clone() }
}

fn certificate<K: HasPublic>(
    name: &str,
    purpose: Purpose,
    issuer: Option<&Certified>,
    (key, signer): (&PKey<K>, &PKey<Private>),
    validity: &(Asn1Time, Asn1Time),
) -> X509 {
    let subject = distinguished(name);
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    let issuer_name = issuer.map_or(&*subject, |issuer| issuer.certificate.subject_name());
    builder.set_issuer_name(issuer_name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&validity.0).unwrap();
    builder.set_not_after(&validity.1).unwrap();
    extensions(&mut builder, purpose);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    builder.build()
}

fn day(offset: i64) -> Asn1Time {
    let now = Asn1Time::days_from_now(0).unwrap();
    let epoch = Asn1Time::from_unix(0).unwrap();
    let days = i64::from(epoch.diff(&now).unwrap().days) + offset;
    Asn1Time::from_unix(days * 86_400).unwrap()
}

fn second(offset: i64) -> Asn1Time {
    let now = Asn1Time::days_from_now(0).unwrap();
    let since = Asn1Time::from_unix(0).unwrap().diff(&now).unwrap();
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Asn1Time::from_unix(seconds + offset).unwrap()
}

fn distinguished(name: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_text("C", "IT").unwrap();
    builder.append_entry_by_text("O", "Test").unwrap();
    builder.append_entry_by_text("CN", name).unwrap();
    builder.build()
}

fn extensions(builder: &mut X509Builder, purpose: Purpose) {
    if purpose == Purpose::Authority {
        let constraints = BasicConstraints::new().critical().ca().build().unwrap();
        builder.append_extension(constraints).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        return;
    }
    let usage = KeyUsage::new().critical().digital_signature().build().unwrap();
    builder.append_extension(usage).unwrap();
    let mut extended = ExtendedKeyUsage::new();
    match purpose {
        Purpose::Server => {
            let names = SubjectAlternativeName::new()
                .ip("127.0.0.1")
                .dns("localhost")
                .build(&builder.x509v3_context(None, None))
                .unwrap();
            builder.append_extension(names).unwrap();
            extended.server_auth();
        }
        Purpose::Client => {
            extended.client_auth();
        }
        Purpose::CodeSigning => {
            extended.code_signing();
        }
        Purpose::LooseUnit => {
            extended.time_stamping();
        }
        Purpose::Unit | Purpose::Authority => {
            extended.critical().time_stamping();
        }
    }
    builder.append_extension(extended.build().unwrap()).unwrap();
}

impl Certified {
    /// The certificate in PEM.
    pub(crate) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    /// The key in PEM (PKCS#8).
    pub(crate) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    /// Writes `NAME.pem` and `NAME.key`, the key for its owner alone.
    pub(crate) fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let certificate = directory.join(format!("{name}.pem"));
        let key = directory.join(format!("{name}.key"));
        std::fs::write(&certificate, self.pem()).unwrap();
        std::fs::write(&key, self.key_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        (certificate, key)
    }
}
