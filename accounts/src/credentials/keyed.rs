//! Hashes under a key of this process: nobody outside can tell, or choose, what they will be.

use openssl::sha::Sha256;

/// A keyed hash.
pub(crate) type Digest = [u8; 32];

/// SHA-256 after one block of random key.
// What comes out stays inside this process, so a keyed prefix is enough: there is nobody to
// extend it.
#[derive(Clone)]
pub(crate) struct Keyed(Sha256);

impl Keyed {
    pub(crate) fn new(key: &[u8; 64]) -> Self {
        let mut hash = Sha256::new();
        hash.update(key);
        Self(hash)
    }

    /// The digest of a name in lower case and of something that belongs to it.
    // The length keeps "ab" + "c" apart from "a" + "bc".
    pub(crate) fn digest(&self, name: &str, rest: &[u8]) -> Digest {
        let mut hash = self.0.clone();
        hash.update(&(name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(rest);
        hash.finish()
    }
}

/// A place in a table of `length`, the same for the same digest.
pub(crate) fn place(digest: &Digest, length: usize) -> usize {
    let (head, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    // The remainder is below `length`, which is a usize.
    (u64::from_be_bytes(*head) % length.max(1) as u64) as usize
}
