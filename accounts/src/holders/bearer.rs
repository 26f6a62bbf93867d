//! Tokens that a client shows with each request, and the rows that are found by them.
//!
//! A token is 256 random bits; what is stored is its SHA-256, which nobody can turn back, and no
//! comparison takes place that could be timed (ASVS 5.0, 7.2.2 to 7.2.4). Beside the row of a
//! token there is one that finds it for its holder: `h`, holder, identifier. Sessions and devices
//! are kept in this form, each in a table of its own.

use super::{HolderError, HolderId, Inner};
use crate::encoding::damaged;
use openssl::sha::sha256;
use std::fmt;
use std::ops::Bound;
use store::{Order, Row, StoreError, Table, Transaction};
use zeroize::Zeroizing;

/// Rows that one holder may have in such a table, and then some.
const MOST: usize = 1_000;

/// The SHA-256 of a token: how its row is found.
pub(crate) type TokenDigest = [u8; 32];

/// A token, in memory for as long as it takes to hand it over.
#[derive(Clone)]
pub struct SecretToken(Zeroizing<String>);

impl SecretToken {
    /// A new one: a prefix that says what it is for, and 256 random bits in base64url.
    pub(crate) fn generate(inner: &Inner, prefix: &str) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        inner.draw(|random| random.fill_bytes(&mut *bytes));
        let text = Zeroizing::new(openssl::base64::encode_block(&*bytes));
        let mut token = Zeroizing::new(String::with_capacity(prefix.len() + text.len()));
        token.push_str(prefix);
        // RFC 4648 §5: the alphabet that is safe in addresses, without padding.
        token.extend(text.chars().filter(|c| *c != '=').map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        }));
        Self(token)
    }

    /// The text, for the one answer that hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> TokenDigest {
        digest(&self.0)
    }
}

impl fmt::Debug for SecretToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretToken(..)")
    }
}

/// The digest of a text that came in. Any text has one; only that of a live token is found.
pub(crate) fn digest(token: &str) -> TokenDigest {
    sha256(token.as_bytes())
}

/// Whose a row is, and what it is called.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) holder: HolderId,
    pub(crate) id: [u8; 16],
}

impl Owner {
    /// 25 bytes, where a digest has 32.
    fn key(self) -> [u8; 25] {
        let mut key = [0; 25];
        key[0] = b'h';
        key[1..9].copy_from_slice(&self.holder.key());
        key[9..].copy_from_slice(&self.id);
        key
    }

    fn read(key: &[u8]) -> Option<Self> {
        let (holder, id) = key.strip_prefix(b"h")?.split_first_chunk::<8>()?;
        let holder = HolderId::new(u64::from_be_bytes(*holder));
        Some(Self { holder, id: id.try_into().ok()? })
    }
}

/// Writes a row under a token.
pub(crate) fn put(
    tx: &mut dyn Transaction,
    table: Table,
    owner: Owner,
    digest: &TokenDigest,
    bytes: &[u8],
) {
    tx.put(table, digest, bytes);
    tx.put(table, &owner.key(), digest);
}

/// Takes a row away: its token opens nothing from the next request on.
pub(crate) fn remove(
    tx: &mut dyn Transaction,
    table: Table,
    owner: Owner,
) -> Result<(), StoreError> {
    if let Some(digest) = find(&*tx, table, owner)? {
        tx.delete(table, &digest);
        tx.delete(table, &owner.key());
    }
    Ok(())
}

/// The digest of the token of something that a holder has.
pub(crate) fn find(
    tx: &dyn Transaction,
    table: Table,
    owner: Owner,
) -> Result<Option<TokenDigest>, StoreError> {
    let key = owner.key();
    tx.get(table, &key)?.map(|bytes| read_digest(table, &key, &bytes)).transpose()
}

/// The digests of all tokens of a holder, in no order.
pub(crate) fn of_holder(
    scan: impl Fn(Bound<&[u8]>, Bound<&[u8]>, usize) -> Result<Vec<Row>, StoreError>,
    table: Table,
    holder: HolderId,
) -> Result<Vec<TokenDigest>, StoreError> {
    let (from, to) = ends(holder);
    let rows = scan(Bound::Included(&from), Bound::Included(&to), MOST)?;
    // A digest may begin with the same bytes; its length tells it apart.
    let own = rows.into_iter().filter(|(key, _)| Owner::read(key).is_some());
    own.map(|(key, bytes)| read_digest(table, &key, &bytes)).collect()
}

/// A part of a table.
pub(crate) struct Page {
    pub(crate) digests: Vec<TokenDigest>,
    /// The key to go on from; `None` at the end.
    pub(crate) last: Option<Vec<u8>>,
}

/// The digests of all tokens of a table from a key on, for a timer.
pub(crate) fn page(
    scan: impl Fn(Bound<&[u8]>, Bound<&[u8]>, usize) -> Result<Vec<Row>, StoreError>,
    table: Table,
    after: &[u8],
) -> Result<Page, StoreError> {
    let rows = scan(Bound::Excluded(after), Bound::Excluded(b"i"), MOST)?;
    let last = rows.last().map(|(key, _)| key.clone());
    let own = rows.into_iter().filter(|(key, _)| Owner::read(key).is_some());
    let digests =
        own.map(|(key, bytes)| read_digest(table, &key, &bytes)).collect::<Result<_, _>>();
    Ok(Page { digests: digests?, last })
}

/// Deletes up to `limit` rows of a holder with their tokens, and tells how many those were.
pub(crate) fn erase(
    tx: &mut dyn Transaction,
    table: Table,
    holder: HolderId,
    limit: usize,
) -> Result<usize, HolderError> {
    let scan = |from: Bound<&[u8]>, to: Bound<&[u8]>, most| {
        tx.scan(table, from, to, Order::Ascending, most)
    };
    let (from, to) = ends(holder);
    let rows = scan(Bound::Included(&from), Bound::Included(&to), limit)?;
    let owners: Vec<_> = rows.iter().filter_map(|(key, _)| Owner::read(key)).collect();
    for owner in &owners {
        remove(tx, table, *owner)?;
    }
    Ok(owners.len())
}

fn ends(holder: HolderId) -> ([u8; 25], [u8; 25]) {
    (Owner { holder, id: [0; 16] }.key(), Owner { holder, id: [0xff; 16] }.key())
}

fn read_digest(table: Table, key: &[u8], bytes: &[u8]) -> Result<TokenDigest, StoreError> {
    bytes.try_into().map_err(|_| damaged(table, key, "not a digest of 32 bytes"))
}
