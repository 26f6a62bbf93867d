//! A clock that stands still, a random source with a seed, and a small hierarchy of CAs.

use chrono::{DateTime, Duration, TimeZone, Utc};
use marca_certs::{
    CaProfile, CertificateAuthority, DistinguishedName, KeyKind, SigningKey, SoftwareKey,
    TsuCertificate, TsuFault, TsuProfile, check_tsu,
};
use rand::{TryCryptoRng, TryRng};
use rasn::types::ObjectIdentifier;
use std::convert::Infallible;
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
        country: "IT".to_owned(),
        organization: "Prova S.p.A.".to_owned(),
        organization_identifier: Some("VATIT-00000000000".to_owned()),
        common_name: common_name.to_owned(),
    }
}

pub(crate) fn key(kind: KeyKind) -> Arc<dyn SigningKey> {
    Arc::new(SoftwareKey::generate("test", kind).unwrap())
}

pub(crate) fn policy() -> ObjectIdentifier {
    ObjectIdentifier::new(vec![1, 3, 6, 1, 4, 1, 99999, 1]).unwrap()
}

/// root → issuing CA → unit, all of one kind of key.
pub(crate) struct Hierarchy {
    pub(crate) root: CertificateAuthority,
    pub(crate) issuing: CertificateAuthority,
    pub(crate) unit_key: Arc<dyn SigningKey>,
    pub(crate) unit: Vec<u8>,
}

impl Hierarchy {
    pub(crate) fn new(kind: KeyKind) -> Self {
        let rng = &mut SeededRng(0);
        let start = now() - Duration::days(30);
        let url = "https://tsa.example";
        let profile = CaProfile::root(name("Prova Root CA"));
        let root = CertificateAuthority::create_root(&profile, key(kind), url, start, rng).unwrap();
        let profile = CaProfile::issuing("tsa-ca", name("Prova TSA CA"));
        let issuing = root.create_issuing(&profile, key(kind), start, rng).unwrap();
        let unit_key = key(kind);
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

    pub(crate) fn check(&self) -> Result<TsuCertificate, Vec<TsuFault>> {
        self.check_at(now())
    }

    pub(crate) fn check_at(&self, now: DateTime<Utc>) -> Result<TsuCertificate, Vec<TsuFault>> {
        let key = self.unit_key.public_key();
        check_tsu(&self.unit, &self.chain(), &self.roots(), key, now)
    }
}
