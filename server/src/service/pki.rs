//! The keys and certificates of the service, made at the first start and checked at every one.
//!
//! In the data directory: `keys/LABEL.key` (private, mode 0600), `pki/LABEL.pem` (certificates),
//! `ca.pem` (issuing CA and root: all that a verifier of a token needs). A key or a certificate
//! that is there is never replaced. A certificate from an outside CA may be put in the place of a
//! unit's own, with its chain below it and its root in `pki/roots.pem`.

use crate::config::{CaConfig, Certificates, Config, TsuConfig};
use crate::random::SystemRandom;
use certs::{
    CaProfile, CertificateAuthority, DistinguishedName, FileBackend, IssueError, KeyBackend,
    KeyError, KeyKind, SigningKey, TsuCertificate, TsuFault, TsuProfile,
};
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The label of the root, and its name in `/pki/root.crt`.
const ROOT: &str = "root";
/// The label of the CA that issues the units' certificates, and its name in `/pki/issuing.crt`.
const ISSUING: &str = "issuing";

/// Why the service has no usable certificates.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PkiError {
    /// A private key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The built-in CA.
    #[error("the built-in CA: {0}")]
    Issue(#[from] IssueError),
    /// A file.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A unit cannot issue with its certificate.
    #[error("unit {unit}, certificate {path}:{}", list(.faults))]
    Certificate {
        /// The unit.
        unit: String,
        /// The file of its certificate.
        path: PathBuf,
        /// Everything that is wrong.
        faults: Vec<TsuFault>,
    },
    /// A value of the configuration that the configuration's own check let through.
    #[error("unit {unit}: {reason}")]
    Unit {
        /// The unit.
        unit: String,
        /// What is wrong.
        reason: String,
    },
}

fn list(faults: &[TsuFault]) -> String {
    faults.iter().map(|fault| format!("\n  - {fault}")).collect()
}

/// The built-in CA and where everything lies.
pub(crate) struct Pki {
    directory: PathBuf,
    keys: FileBackend,
    root: CertificateAuthority,
    issuing: CertificateAuthority,
    organization: CaConfig,
    chain_pem: String,
}

impl Pki {
    /// Opens the CA, or makes it. `data` is the data directory, which exists.
    pub(crate) fn open(
        config: &Config,
        now: DateTime<Utc>,
        random: SystemRandom,
    ) -> Result<Self, PkiError> {
        let data = &config.data.directory;
        let directory = private_directory(&data.join("pki"))?;
        let keys = FileBackend::new(private_directory(&data.join("keys"))?);
        let places = Places { directory: &directory, keys: &keys, url: &config.server.public_url };
        let subject = |common_name: &str| subject(&config.ca, common_name);

        let root = places.authority(ROOT, |key| {
            let profile = CaProfile::root(subject(&config.ca.root_name));
            let url = &config.server.public_url;
            CertificateAuthority::create_root(&profile, key, url, now, &mut random.generator())
        })?;
        let issuing = places.authority(ISSUING, |key| {
            let profile = CaProfile::issuing(ISSUING, subject(&config.ca.issuing_name));
            root.create_issuing(&profile, key, now, &mut random.generator())
        })?;

        let chain_pem = certs::pem::bundle([issuing.certificate_der(), root.certificate_der()]);
        write(&data.join("ca.pem"), &chain_pem)?;
        let organization = config.ca.clone();
        Ok(Self { directory, keys, root, issuing, organization, chain_pem })
    }

    /// A CA's certificate in DER, by its name in `/pki/{ca}.crt`.
    pub(crate) fn certificate(&self, name: &str) -> Option<&[u8]> {
        let authorities = [&self.root, &self.issuing];
        let found = authorities.into_iter().find(|authority| authority.id() == name);
        found.map(CertificateAuthority::certificate_der)
    }

    /// The issuing CA and the root, in PEM.
    pub(crate) fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The key and the certificate of a unit: opened, or made when there are none yet.
    pub(crate) fn unit(
        &self,
        config: &TsuConfig,
        now: DateTime<Utc>,
        random: SystemRandom,
    ) -> Result<tsa::Tsu, PkiError> {
        let label = format!("tsu-{}", config.id);
        let kind: KeyKind = config.key.parse()?;
        let key = match self.keys.contains(&label)? {
            true => self.keys.open(&label)?,
            false => self.keys.generate(&label, kind)?,
        };
        if key.kind() != kind {
            return Err(PkiError::Unit {
                unit: config.id.clone(),
                reason: format!(
                    "its key is {}, the configuration says {kind}; a key is never replaced: put \
                     the configuration right, or name a new unit",
                    key.kind()
                ),
            });
        }
        let path = self.directory.join(format!("{label}.pem"));
        if !path.exists() {
            self.issue(config, key.as_ref(), &path, now, random)?;
        }
        let certificate = self.checked(config, key.as_ref(), &path, now)?;
        for warning in certificate.warnings() {
            tracing::warn!(unit = %config.id, "{warning}");
        }
        build_unit(config, key, certificate)
    }

    fn issue(
        &self,
        config: &TsuConfig,
        key: &dyn SigningKey,
        path: &Path,
        now: DateTime<Utc>,
        random: SystemRandom,
    ) -> Result<(), PkiError> {
        let name = format!("{} TSU {}", self.organization.organization, config.id);
        let policies = policies(config)?.iter().map(|policy| policy.oid().into()).collect();
        let profile = TsuProfile::new(subject(&self.organization, &name), policies);
        let key = key.public_key();
        let der = self.issuing.issue_tsu(&profile, key, now, &mut random.generator())?;
        tracing::info!(unit = %config.id, subject = name, "unit certificate issued");
        write(path, &certs::pem::bundle([der.as_slice(), self.issuing.certificate_der()]))
    }

    fn checked(
        &self,
        config: &TsuConfig,
        key: &dyn SigningKey,
        path: &Path,
        now: DateTime<Utc>,
    ) -> Result<TsuCertificate, PkiError> {
        let mut chain = read_certificates(path)?;
        let leaf = match chain.is_empty() {
            true => return Err(file(path, "holds no certificate; put the unit's there, PEM")),
            false => chain.remove(0),
        };
        let mut roots = vec![self.root.certificate_der().to_vec()];
        let more = self.directory.join("roots.pem");
        if more.exists() {
            roots.extend(read_certificates(&more)?);
        }
        certs::check_tsu(&leaf, &chain, &roots, key.public_key(), now).map_err(|faults| {
            PkiError::Certificate { unit: config.id.clone(), path: path.to_owned(), faults }
        })
    }
}

struct Places<'a> {
    directory: &'a Path,
    keys: &'a FileBackend,
    url: &'a str,
}

impl Places<'_> {
    /// A CA that is there, or a new one.
    fn authority(
        &self,
        label: &str,
        create: impl FnOnce(Arc<dyn SigningKey>) -> Result<CertificateAuthority, IssueError>,
    ) -> Result<CertificateAuthority, PkiError> {
        let path = self.directory.join(format!("{label}.pem"));
        let has_key = self.keys.contains(label)?;
        if path.exists() {
            if !has_key {
                return Err(file(&path, "its private key is missing; restore it from the backup"));
            }
            let der = read_certificates(&path)?.into_iter().next();
            let der = der.ok_or_else(|| file(&path, "holds no certificate; restore the backup"))?;
            let key = self.keys.open(label)?;
            return Ok(CertificateAuthority::load(label, &der, key, self.url)?);
        }
        // A start that ended between key and certificate left a key alone: it is used now. P-256,
        // because a token should be hashed like its certificate, and most units use SHA-256.
        let key = match has_key {
            true => self.keys.open(label)?,
            false => self.keys.generate(label, KeyKind::P256)?,
        };
        let authority = create(key)?;
        write(&path, &certs::pem::bundle([authority.certificate_der()]))?;
        tracing::info!(ca = label, "certificate authority made");
        Ok(authority)
    }
}

fn build_unit(
    config: &TsuConfig,
    key: Arc<dyn SigningKey>,
    certificate: TsuCertificate,
) -> Result<tsa::Tsu, PkiError> {
    let fault = |reason: String| PkiError::Unit { unit: config.id.clone(), reason };
    let mut policies = policies(config)?.into_iter();
    let default = policies.next().ok_or_else(|| fault("it offers no policy".to_owned()))?;
    tsa::Tsu::new(tsa::TsuSettings {
        id: config.id.clone(),
        key,
        certificate,
        policies: tsa::Policies::new(default, policies.collect()),
        accuracy: tsa::Accuracy::from_micros(u64::from(config.accuracy_ms) * 1000)
            .map_err(|error| fault(error.to_string()))?,
        hashes: tsa::HashAlgorithm::ALL.to_vec(),
        chain: match config.certificates {
            Certificates::Leaf => tsa::ChainPolicy::LeafOnly,
            Certificates::Full => tsa::ChainPolicy::Full,
        },
        verify: tsa::VerifyPolicy { one_in: config.verify_one_in },
    })
    .map_err(|error| fault(error.to_string()))
}

fn policies(config: &TsuConfig) -> Result<Vec<tsa::PolicyId>, PkiError> {
    let parsed = config.policies.iter().map(|text| text.parse::<tsa::PolicyId>());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|error| PkiError::Unit { unit: config.id.clone(), reason: error.to_string() })
}

fn subject(ca: &CaConfig, common_name: &str) -> DistinguishedName {
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

fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, PkiError> {
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
