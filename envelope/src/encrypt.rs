//! Closes a PDF under a passphrase: AES-256, standard security handler, revision 6.
//!
//! ISO 32000-2, 7.6: every string and every stream is encrypted, the metadata too. What stays
//! readable are names, numbers and the file identifier; so the identifier and the tags of the font
//! subsets, which are made from the page's content, are replaced by values that say nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use lopdf::encryption::crypt_filters::{Aes256CryptFilter, CryptFilter};
use lopdf::{
    Dictionary, Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat,
};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{Passphrase, SealError};

/// Encrypts the PDF in `plain`.
pub(crate) fn encrypt(
    plain: &[u8],
    passphrase: &Passphrase,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let mut document = Document::load_mem(plain)?;
    hide_subset_tags(&mut document);
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

/// ISO 32000-2, 9.9.2: the name of a font subset begins with a tag of six capital letters, and the
/// standard leaves open which. Here the library makes it from the set of characters that are on the
/// page, by which a guess at the codes could be checked without the passphrase.
fn hide_subset_tags(document: &mut Document) {
    for object in document.objects.values_mut() {
        let dictionary = match object {
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &mut stream.dict,
            _ => continue,
        };
        hide_subset_tag(dictionary, b"BaseFont");
        hide_subset_tag(dictionary, b"FontName");
    }
}

fn hide_subset_tag(dictionary: &mut Dictionary, key: &[u8]) {
    if let Ok(Object::Name(name)) = dictionary.get_mut(key)
        && name.get(6) == Some(&b'+')
    {
        // The fonts differ in the rest of the name, so one tag is enough for all of them.
        name[..6].copy_from_slice(b"SHEETA");
    }
}
