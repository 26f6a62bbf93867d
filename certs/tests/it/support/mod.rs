//! A clock that stands still, a random source with a seed, a small hierarchy of CAs, and tokens of
//! SoftHSM.

pub(crate) mod keys;
pub(crate) mod softhsm;

/// The crate under the name that others give it; `keys` is included by their tests, too.
pub(crate) use marca_certs as certs;

pub(crate) use keys::{Keys, both_back_ends, key, settings};

use chrono::{DateTime, Duration, TimeZone, Utc};
use marca_certs::{
    CaProfile, CertificateAuthority, DistinguishedName, EndKind, EndProfile, IssuedCertificate,
    KeyKind, SigningKey, SoftwareKey, TsuCertificate, TsuFault, TsuProfile, check_tsu,
};
use openssl::pkey::{PKey, Private};
use rand::{TryCryptoRng, TryRng};
use rasn::types::{BitString, ObjectIdentifier};
use rasn_pkix::{AlgorithmIdentifier, Certificate, Extension, TbsCertificate};
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The instant of every test.
pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

/// The same bytes on every run: SHA-256 over a counter.
pub(crate) struct SeededRng(pub(crate) u64);

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        for chunk in target.chunks_mut(32) {
            self.0 += 1;
            let block = openssl::sha::sha256(&self.0.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

// Not secret at all; the tests only need what the type asks for.
impl TryCryptoRng for SeededRng {}

pub(crate) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName {
        organization_identifier: Some("VATIT-00000000000".to_owned()),
        ..DistinguishedName::organization("IT", "Prova S.p.A.", common_name)
    }
}

pub(crate) fn is_ml_dsa(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87)
}

pub(crate) fn policy() -> ObjectIdentifier {
    ObjectIdentifier::new(vec![1, 3, 6, 1, 4, 1, 99999, 1]).unwrap()
}

/// A holder who is a natural person.
pub(crate) fn person() -> DistinguishedName {
    DistinguishedName::natural_person("IT", "Anna", "Prova", "TINIT-PRVNNA80A41H501X")
}

/// Writes `der` as a certificate in PEM.
pub(crate) fn write_certificate(directory: &Path, file: &str, der: &[u8]) {
    std::fs::write(directory.join(file), marca_certs::pem::bundle([der])).unwrap();
}

/// root → issuing CA → unit, all of one kind of key.
pub(crate) struct Hierarchy {
    pub(crate) root: CertificateAuthority,
    pub(crate) issuing: CertificateAuthority,
    pub(crate) unit_key: Arc<dyn SigningKey>,
    pub(crate) unit: Vec<u8>,
}

pub(crate) const URL: &str = "https://tsa.example";

impl Hierarchy {
    pub(crate) fn new(kind: KeyKind) -> Self {
        Self::with(&Keys::Software, kind)
    }

    pub(crate) fn with(keys: &Keys, kind: KeyKind) -> Self {
        let rng = &mut SeededRng(0);
        let start = now() - Duration::days(30);
        let profile = CaProfile::root(name("Prova Root CA"));
        let root =
            CertificateAuthority::create_root(&profile, keys.make(kind), URL, start, rng).unwrap();
        let profile = CaProfile::issuing("tsa-ca", name("Prova TSA CA"));
        let issuing = root.create_issuing(&profile, keys.make(kind), start, rng).unwrap();
        let unit_key = keys.make(kind);
        let profile = TsuProfile::new(name("Prova TSU 1"), vec![policy()]);
        let unit = issuing.issue_tsu(&profile, unit_key.public_key(), now(), rng).unwrap();
        Self { root, issuing, unit_key, unit }
    }

    pub(crate) fn roots(&self) -> Vec<Vec<u8>> {
        vec![self.root.certificate_der().to_vec()]
    }

    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        vec![self.issuing.certificate_der().to_vec()]
    }

    /// A certificate of this kind, issued now for a new P-256 key.
    pub(crate) fn issue(
        &self,
        kind: EndKind,
        subject: &DistinguishedName,
        seed: u64,
    ) -> (IssuedCertificate, Arc<dyn SigningKey>) {
        let key = key(KeyKind::P256);
        let profile = EndProfile::new(kind, vec![policy()]);
        let rng = &mut SeededRng(seed);
        let issued = self.issuing.issue(&profile, subject, key.public_key(), now(), rng).unwrap();
        (issued, key)
    }

    pub(crate) fn check(&self) -> Result<TsuCertificate, Vec<TsuFault>> {
        self.check_at(now())
    }

    pub(crate) fn check_at(&self, now: DateTime<Utc>) -> Result<TsuCertificate, Vec<TsuFault>> {
        let key = self.unit_key.public_key();
        check_tsu(&self.unit, &self.chain(), &self.roots(), key, now)
    }

    /// Changes the unit's certificate and has the issuing CA sign it again.
    pub(crate) fn alter_unit(&mut self, change: impl FnOnce(&mut Alter)) {
        self.unit = alter(&self.unit, self.issuing.key().as_ref(), change);
    }

    /// Changes the issuing CA's certificate and has the root sign it again.
    pub(crate) fn alter_issuing(&mut self, change: impl FnOnce(&mut Alter)) {
        let der = alter(self.issuing.certificate_der(), self.root.key().as_ref(), change);
        let key = Arc::clone(self.issuing.key());
        self.issuing = CertificateAuthority::load("tsa-ca", &der, key, URL).unwrap();
    }

    /// Changes the root's certificate and has it sign itself again.
    pub(crate) fn alter_root(&mut self, change: impl FnOnce(&mut Alter)) {
        let key = Arc::clone(self.root.key());
        let der = alter(self.root.certificate_der(), key.as_ref(), change);
        self.root = CertificateAuthority::load("root", &der, key, URL).unwrap();
    }

    /// Gives the issuing CA another key, one that the test can sign with in its own way.
    pub(crate) fn replace_issuing_key(&mut self, private: &PKey<Private>) {
        let der = self.issuing.certificate_der();
        self.issuing = with_key("tsa-ca", der, self.root.key().as_ref(), private);
    }

    /// Gives the root another key; the issuing CA is certified with it anew.
    pub(crate) fn replace_root_key(&mut self, private: &PKey<Private>) {
        let key = SoftwareKey::new("other", private.clone()).unwrap();
        self.root = with_key("root", self.root.certificate_der(), &key, private);
        self.alter_issuing(|_| ());
    }
}

fn with_key(
    id: &str,
    der: &[u8],
    signer: &dyn SigningKey,
    private: &PKey<Private>,
) -> CertificateAuthority {
    let info = rasn::der::decode(&private.public_key_to_der().unwrap()).unwrap();
    let der = alter(der, signer, |it| it.tbs.subject_public_key_info = info);
    let key = Arc::new(SoftwareKey::new("other", private.clone()).unwrap());
    CertificateAuthority::load(id, &der, key, URL).unwrap()
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A certificate that is being made wrong.
pub(crate) struct Alter {
    pub(crate) tbs: TbsCertificate,
    /// Another signature algorithm than the key's.
    pub(crate) algorithm: Option<AlgorithmIdentifier>,
    /// Another way to sign than the key's.
    pub(crate) sign: Option<Sign>,
}

impl Alter {
    pub(crate) fn extensions(&mut self) -> &mut Vec<Extension> {
        self.tbs.extensions.as_mut().unwrap()
    }

    pub(crate) fn extension(&mut self, id: &ObjectIdentifier) -> &mut Extension {
        self.extensions().iter_mut().find(|extension| extension.extn_id == *id).unwrap()
    }

    pub(crate) fn remove(&mut self, id: &ObjectIdentifier) {
        self.extensions().retain(|extension| extension.extn_id != *id);
    }
}

fn alter(der: &[u8], key: &dyn SigningKey, change: impl FnOnce(&mut Alter)) -> Vec<u8> {
    let certificate: Certificate = rasn::der::decode(der).unwrap();
    let mut altered = Alter { tbs: certificate.tbs_certificate, algorithm: None, sign: None };
    change(&mut altered);
    let Alter { mut tbs, algorithm, sign } = altered;
    let algorithm = algorithm.unwrap_or_else(|| key.scheme().signature_algorithm());
    tbs.signature = algorithm.clone();
    let message = rasn::der::encode(&tbs).unwrap();
    let signature = sign.map_or_else(|| key.sign(&message).unwrap(), |sign| sign(&message));
    rasn::der::encode(&Certificate {
        tbs_certificate: tbs,
        signature_algorithm: algorithm,
        signature_value: BitString::from_slice(&signature),
    })
    .unwrap()
}

/// The openssl command's output, or `None` where there is no such command.
pub(crate) fn openssl_command(directory: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().ok()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), text))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skipped() {
    eprintln!("skipped: there is no openssl command on this machine");
}
