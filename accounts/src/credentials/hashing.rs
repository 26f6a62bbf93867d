//! argon2id: making and checking PHC strings, with the same work when there is none to check.

use super::CredentialStatistics;
use super::error::CredentialError;
use super::scratch;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version, password_hash};
use rand::Rng;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// What one password check costs. The default is the recommended minimum: 19 MiB, two passes,
/// one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl Argon2Cost {
    /// A cost of at least 46 MiB with one pass, 19 MiB with two, or 12 MiB with three: the
    /// sets that OWASP's password storage cheat sheet and ASVS 5.0 appendix C hold to be equal.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CredentialError> {
        let enough = match passes {
            0 => false,
            1 => memory_kib >= 47_104,
            2 => memory_kib >= 19_456,
            _ => memory_kib >= 12_288,
        };
        if !enough || Params::new(memory_kib, passes, lanes, None).is_err() {
            return Err(CredentialError::WeakArgon2 { memory_kib, passes, lanes });
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Next to nothing, so that tests test something else than argon2.
    #[cfg(test)]
    pub(crate) fn for_tests(passes: u32) -> Self {
        Self { memory_kib: 8, passes, lanes: 1 }
    }

    /// Memory in KiB, passes and lanes, as they are stored beside what was stretched with them.
    pub(crate) fn numbers(self) -> [u32; 3] {
        [self.memory_kib, self.passes, self.lanes]
    }

    fn params(self) -> Result<Params, CredentialError> {
        Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(|_| {
            let Self { memory_kib, passes, lanes } = self;
            CredentialError::WeakArgon2 { memory_kib, passes, lanes }
        })
    }
}

/// Makes and checks hashes with one set of parameters.
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    params: Params,
    /// The hash of a password that nobody knows, for names that have none.
    dummy: PasswordHash,
    checks: AtomicU64,
    dummy_checks: AtomicU64,
}

impl Hasher {
    pub(crate) fn new(cost: Argon2Cost, random: &mut impl Rng) -> Result<Self, CredentialError> {
        let params = cost.params()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let (mut password, mut salt) = ([0; 32], [0; 16]);
        random.fill_bytes(&mut password);
        random.fill_bytes(&mut salt);
        let dummy = phc(&argon2, &password, &salt).map_err(hash_error)?;
        let (checks, dummy_checks) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { argon2, params, dummy, checks, dummy_checks })
    }

    /// The PHC string of a password.
    pub(crate) fn hash(&self, password: &str, salt: &[u8; 16]) -> Result<String, CredentialError> {
        let hash = phc(&self.argon2, password.as_bytes(), salt);
        Ok(hash.map_err(hash_error)?.to_string())
    }

    /// Whether `password` is that of `phc`. Without a `phc` the answer is no, after the same
    /// work with the same parameters.
    pub(crate) fn verify(
        &self,
        password: &str,
        phc: Option<&str>,
    ) -> Result<bool, CredentialError> {
        let stored = phc.map(str::parse::<PasswordHash>).transpose();
        let stored = stored.map_err(|error| CredentialError::Hash(error.to_string()))?;
        let hash = stored.as_ref().unwrap_or(&self.dummy);
        let right = is_right(password.as_bytes(), hash).unwrap_or(false);
        // Counted after the work, so that the count is of work that was done.
        self.checks.fetch_add(1, Ordering::Relaxed);
        if stored.is_none() {
            self.dummy_checks.fetch_add(1, Ordering::Relaxed);
        }
        Ok(right && stored.is_some())
    }

    /// Whether a hash was made with other parameters than those of today.
    pub(crate) fn is_outdated(&self, phc: &str) -> bool {
        let params = phc.parse::<PasswordHash>().ok().and_then(|h| Params::try_from(&h).ok());
        params.is_none_or(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (self.params.m_cost(), self.params.t_cost(), self.params.p_cost())
        })
    }

    pub(crate) fn statistics(&self) -> CredentialStatistics {
        CredentialStatistics {
            password_checks: self.checks.load(Ordering::Relaxed),
            dummy_checks: self.dummy_checks.load(Ordering::Relaxed),
        }
    }
}

/// Computes a hash.
fn compute(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> password_hash::Result<Output> {
    let mut buffer = [0; Output::MAX_LENGTH];
    let out = buffer.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
    scratch::with(argon2.params().block_count(), |memory| {
        argon2.hash_password_into_with_memory(password, salt, out, memory)
    })?;
    Ok(Output::new(out)?)
}

/// 32 octets out of a code, with these parameters: memory in KiB, passes and lanes. They may be
/// older than today's, and are taken as they are.
pub(crate) fn stretch(
    [memory_kib, passes, lanes]: [u32; 3],
    code: &[u8],
    salt: &[u8; 16],
) -> Result<Zeroizing<[u8; 32]>, CredentialError> {
    let argon2 = Argon2Cost { memory_kib, passes, lanes }.params()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, argon2);
    let mut out = Zeroizing::new([0; 32]);
    let done = scratch::with(argon2.params().block_count(), |memory| {
        argon2.hash_password_into_with_memory(code, salt, &mut *out, memory)
    });
    done.map_err(|error| CredentialError::Hash(error.to_string()))?;
    Ok(out)
}

/// The PHC string of a password, with the parameters of `argon2`.
fn phc(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> password_hash::Result<PasswordHash> {
    let hash = compute(argon2, password, salt, Params::DEFAULT_OUTPUT_LEN)?;
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(Salt::new(salt)?),
        hash: Some(hash),
    })
}

/// Whether a password is that of a PHC string, with the parameters that stand in it.
fn is_right(password: &[u8], phc: &PasswordHash) -> password_hash::Result<bool> {
    let (Some(salt), Some(hash)) = (&phc.salt, &phc.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(phc.algorithm.as_str())?;
    let version = phc.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, Params::try_from(phc)?);
    // `Output` compares in constant time.
    Ok(compute(&argon2, password, salt, hash.len())? == *hash)
}

fn hash_error(error: password_hash::Error) -> CredentialError {
    CredentialError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Argon2Cost, scratch, stretch};

    /// Memory that a check has left behind changes nothing for the next, larger or smaller.
    #[test]
    fn what_was_in_the_memory_does_not_count() {
        let costs = [64, 8, 32].map(|memory_kib| Argon2Cost { memory_kib, passes: 2, lanes: 1 });
        let all = || costs.map(|cost| *stretch(cost.numbers(), b"a code", &[7; 16]).unwrap());
        let fresh = all();
        scratch::keep();
        for _ in 0..2 {
            assert_eq!(all(), fresh);
            assert_eq!(scratch::kept(), 64);
        }
        scratch::give_back();
        assert_eq!(scratch::kept(), 0);
        assert_ne!(fresh[0], fresh[1]);
    }
}
