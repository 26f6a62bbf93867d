//! Closes a PDF under a passphrase: AES-256, standard security handler, revision 6.
//!
//! ISO 32000-2, 7.6: every string and every stream is encrypted, the metadata too. What stays
//! readable are names, numbers and the file identifier; so the identifier, which the library makes
//! from the page's content, is replaced by a random one, and [`crate::subset`] sees to the fonts.

use std::collections::BTreeMap;
use std::sync::Arc;

use lopdf::encryption::crypt_filters::{Aes256CryptFilter, CryptFilter};
use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{Passphrase, SealError, subset};

/// Encrypts the PDF in `plain`.
pub(crate) fn encrypt(
    plain: &[u8],
    passphrase: &Passphrase,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let mut document = Document::load_mem(plain)?;
    subset::conceal(&mut document);
    let mut identifier = vec![0; 16];
    rng.fill_bytes(&mut identifier);
    let identifier = Object::String(identifier, StringFormat::Hexadecimal);
    document.trailer.set("ID", Object::Array(vec![identifier.clone(), identifier]));

    let mut file_key = Zeroizing::new([0; 32]);
    rng.fill_bytes(file_key.as_mut());
    let owner_password = owner_password(rng);
    let filter: Arc<dyn CryptFilter> = Arc::new(Aes256CryptFilter);
    let state = EncryptionState::try_from(EncryptionVersion::V5 {
        encrypt_metadata: true,
        crypt_filters: BTreeMap::from([(b"StdCF".to_vec(), filter)]),
        file_encryption_key: file_key.as_ref(),
        stream_filter: b"StdCF".to_vec(),
        string_filter: b"StdCF".to_vec(),
        owner_password: &owner_password,
        user_password: passphrase.expose(),
        // The sheet is for printing and for reading aloud; nothing on it is to be changed.
        permissions: Permissions::PRINTABLE
            | Permissions::PRINTABLE_IN_HIGH_QUALITY
            | Permissions::COPYABLE
            | Permissions::COPYABLE_FOR_ACCESSIBILITY,
    })?;
    document.encrypt(&state)?;
    let mut sealed = Vec::new();
    document.save_to(&mut sealed).map_err(lopdf::Error::from)?;
    Ok(sealed)
}

/// A password of 256 bits that is thrown away: the holder's passphrase alone opens the envelope.
fn owner_password(rng: &mut dyn CryptoRng) -> Zeroizing<String> {
    let mut secret = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(secret.as_mut());
    let mut password = Zeroizing::new(String::with_capacity(64));
    for byte in secret.iter() {
        for digit in [byte >> 4, byte & 15] {
            password.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    password
}
