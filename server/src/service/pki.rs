//! The built-in CAs: made at the first start, opened at every one, and what they issued.
//!
//! In the data directory: `keys/LABEL.key` (private, mode 0600; or the key is in the device of
//! `[hsm]`), `pki/LABEL.pem` (certificates), `ca.pem` (issuing CA and root: all that a verifier of
//! a token needs). A key or a certificate that is there is never replaced.

use super::keys::Keys;
use crate::config::{CaConfig, Config, KeyStore};
use crate::random::SystemRandom;
use authority::{Act, Authority, AuthorityCa, AuthorityError, Profile, ResponderKey, Settings};
use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, IssueError, KeyError, KeyKind, SigningKey,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;

/// The label of the root, and its name in `/pki/root.crt`.
const ROOT: &str = "root";
/// The CA that issues the units' certificates.
pub(crate) const ISSUING: &str = "issuing";
/// The CA that issues certificates of holders and of TLS clients.
pub(crate) const HOLDERS: &str = "holders";

/// Why the service has no usable CA.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    /// A private key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The built-in CA.
    #[error("the built-in CA: {0}")]
    Issue(#[from] IssueError),
    /// The registry of what was issued.
    #[error("the built-in CA: {0}")]
    Authority(#[from] AuthorityError),
    /// A file.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Whether an earlier start has made the CA.
pub(super) fn exists(data: &Path) -> bool {
    data.join("pki").join(format!("{ROOT}.pem")).exists()
}

/// The built-in CAs.
pub(crate) struct Pki {
    authority: Authority,
    chain_pem: String,
}

impl Pki {
    /// Opens the CAs, or makes them. `config.data.directory` exists. The first revocation lists
    /// come with the first tick of [`Pki::authority`].
    pub(super) async fn open(
        config: &Config,
        keys: &Keys,
        store: &Arc<dyn Store>,
        now: DateTime<Utc>,
        random: SystemRandom,
    ) -> Result<Self, PkiError> {
        let data = &config.data.directory;
        let directory = private_directory(&data.join("pki"))?;
        let url = &config.server.public_url;
        let places = Places { directory, keys, url, store: config.ca.key_store };
        let subject = |common_name: &str| subject(&config.ca, common_name);

        let root = places.authority(ROOT, |key| {
            let profile = CaProfile::root(subject(&config.ca.root_name));
            CertificateAuthority::create_root(&profile, key, url, now, &mut random.generator())
        })?;
        let under = |id: &'static str, name: &str| {
            places.authority(id, |key| {
                let profile = CaProfile::issuing(id, subject(name));
                root.create_issuing(&profile, key, now, &mut random.generator())
            })
        };
        let issuing = under(ISSUING, &config.ca.issuing_name)?;
        let holders = under(HOLDERS, &config.ca.holders_name)?;

        let chain_pem = certs::pem::bundle([issuing.certificate_der(), root.certificate_der()]);
        write(&data.join("ca.pem"), &chain_pem)?;
        let subordinate = [&issuing, &holders].map(|ca| ca.certificate_der().to_vec());
        let cas = [root, issuing, holders].map(|ca| {
            let name = format!("{} OCSP {}", config.ca.organization, ca.id());
            AuthorityCa { ca, responder: responder(keys, subject(&name)) }
        });
        let (random, settings) = (random.seeded(), settings(&config.ca));
        let authority = Authority::open(Arc::clone(store), cas.into(), settings, random, now)?;
        for der in subordinate {
            // A data directory older than the registry has these certificates and no record.
            let by = Act::service("the service's own CA");
            authority.register(ROOT, &der, Profile::Ca, &by, now).await?;
        }
        Ok(Self { authority, chain_pem })
    }

    /// What was issued, and how it stands.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A CA's certificate in DER, by its name in `/pki/{ca}.crt`.
    pub(crate) fn certificate(&self, name: &str) -> Option<&[u8]> {
        self.authority.ca(name).map(CertificateAuthority::certificate_der)
    }

    /// The issuing CA and the root, in PEM.
    pub(crate) fn chain_pem(&self) -> &str {
        &self.chain_pem
    }
}

/// OCSP answers are signed by a key of their own, always in a file: it lives for weeks, signs for
/// strangers, and can say nothing but a status.
fn responder(keys: &Keys, subject: DistinguishedName) -> ResponderKey {
    let backend = keys.backend(KeyStore::File);
    ResponderKey::Delegated { backend, kind: KeyKind::P256, subject }
}

fn settings(config: &CaConfig) -> Settings {
    let max_age = TimeDelta::seconds(config.ocsp_max_age_s.into());
    let defaults = Settings::default();
    Settings {
        crl_lifetime: TimeDelta::hours(config.crl_hours.into()),
        crl_every: TimeDelta::hours(config.crl_every_hours.into()),
        // A cache may hold an answer for its whole max-age and still give out one that is good.
        ocsp_lifetime: defaults.ocsp_lifetime.max(max_age * 2),
        ocsp_max_age: max_age,
        ..defaults
    }
}

struct Places<'a> {
    directory: PathBuf,
    keys: &'a Keys,
    url: &'a str,
    /// Where new keys are made.
    store: KeyStore,
}

impl Places<'_> {
    /// A CA that is there, or a new one.
    fn authority(
        &self,
        label: &str,
        create: impl FnOnce(Arc<dyn SigningKey>) -> Result<CertificateAuthority, IssueError>,
    ) -> Result<CertificateAuthority, PkiError> {
        let path = self.directory.join(format!("{label}.pem"));
        if path.exists() {
            let der = read_certificates(&path)?.into_iter().next();
            let der = der.ok_or_else(|| file(&path, "holds no certificate; restore the backup"))?;
            let parsed =
                certs::check::parse(&der).map_err(|error| file(&path, &error.to_string()))?;
            let public = parsed
                .public_key()
                .ok_or_else(|| file(&path, "its key is of an algorithm that is not known here"))?;
            let key = self.keys.known(label, public)?.ok_or_else(|| {
                file(&path, "its private key is missing; restore it from the backup")
            })?;
            return Ok(CertificateAuthority::load(label, &der, key, self.url)?);
        }
        // P-256, because a token should be hashed like its certificate, and most units use SHA-256.
        let authority = create(self.keys.left_or_new(label, self.store, KeyKind::P256)?)?;
        write(&path, &certs::pem::bundle([authority.certificate_der()]))?;
        tracing::info!(ca = label, "certificate authority made");
        Ok(authority)
    }
}

/// The name of something of the operator's: a CA, or a unit.
pub(super) fn subject(ca: &CaConfig, common_name: &str) -> DistinguishedName {
    DistinguishedName::organization(&ca.country, &ca.organization, common_name)
}

/// Makes `path` if it is not there, for its owner alone.
pub(crate) fn private_directory(path: &Path) -> Result<PathBuf, PkiError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    match made {
        Ok(()) => Ok(path.to_owned()),
        Err(error) => Err(file(path, &format!("cannot make the directory: {error}"))),
    }
}

/// The certificates of a PEM file.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, PkiError> {
    let text = std::fs::read(path).map_err(|error| file(path, &error.to_string()))?;
    certs::pem::certificates(&text).map_err(|error| file(path, &error.to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    certs::file::write_public(path, text.as_bytes())
        .map_err(|error| PkiError::File { path: path.to_owned(), reason: error.to_string() })
}

fn file(path: &Path, reason: &str) -> PkiError {
    PkiError::File { path: path.to_owned(), reason: reason.to_owned() }
}
