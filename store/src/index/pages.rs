//! Pages: how many keys of the index lie in one value of the tree below it.
//!
//! A tree of single keys costs some microseconds for each key that is written, and most keys here
//! are written beside the one before them. So keys are packed: a page holds the rows from its own
//! key (its *separator*) up to the separator of the next page, and a whole batch of neighbours is
//! merged into it with one write. A page is a list of rows in key order:
//!
//! | bytes | what |
//! |---|---|
//! | 2 | length of the key, little-endian |
//! | 2 | length of the slot, little-endian |
//! | .. | the key: a table's number and a key |
//! | .. | the slot, as [`Slot::encode`] has it |
//!
//! Rows at or behind the next separator are left from a split that a crash cut off: its right half
//! is written first. They count for nothing.

use super::{IndexFault, Key, Slot};
use std::iter::Peekable;

/// A page that has grown over this many bytes is split.
const LARGEST: usize = 2048;
/// Into pieces of this many bytes; the last may be smaller, for keys that follow.
const PIECE: usize = 1536;

/// A row of a page: its key, and its slot as it is stored.
type Row<'a> = (&'a [u8], &'a [u8]);

/// What becomes of a page: the separator of each piece (`None`: that of the page), and its rows.
pub(super) type Pieces = Vec<(Option<Vec<u8>>, Vec<u8>)>;

/// The rows of a page below `until`, in order.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    rest: &'a [u8],
    until: Option<&'a [u8]>,
}

impl<'a> Rows<'a> {
    /// The rows of `page`; those at or above `until` are not its own.
    pub(super) fn new(page: &'a [u8], until: Option<&'a [u8]>) -> Self {
        Self { rest: page, until }
    }

    fn read(&mut self) -> Option<Row<'a>> {
        let (lengths, rest) = self.rest.split_first_chunk::<4>()?;
        let key = usize::from(u16::from_le_bytes([lengths[0], lengths[1]]));
        let slot = usize::from(u16::from_le_bytes([lengths[2], lengths[3]]));
        let (key, rest) = rest.split_at_checked(key)?;
        let (slot, rest) = rest.split_at_checked(slot)?;
        self.rest = rest;
        Some((key, slot))
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, IndexFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((key, slot)) = self.read() else {
            self.rest = &[];
            return Some(Err(IndexFault("a page that cannot be read".to_owned())));
        };
        if self.until.is_some_and(|until| key >= until) {
            self.rest = &[];
            return None;
        }
        Some(Ok((key, slot)))
    }
}

/// The slot of `key` in a page, as it is stored.
pub(super) fn find<'a>(page: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, IndexFault> {
    for row in Rows::new(page, None) {
        let (found, slot) = row?;
        if found >= key {
            return Ok((found == key).then_some(slot));
        }
    }
    Ok(None)
}

/// Merges those of `changes` that are below `until` into a page. No piece: the page is empty.
pub(super) fn merge<'c>(
    page: &[u8],
    until: Option<&[u8]>,
    changes: &mut Peekable<impl Iterator<Item = (&'c Key, &'c Slot)>>,
) -> Result<Pieces, IndexFault> {
    let mut packer = Packer::default();
    let mut slot = Vec::new();
    let belongs = |(key, _): &(&Key, &Slot)| until.is_none_or(|until| key.as_ref() < until);
    for row in Rows::new(page, until) {
        let (key, stored) = row?;
        while let Some((changed, new)) = changes.next_if(|change| change.0.as_ref() < key) {
            packer.change(changed, new, &mut slot)?;
        }
        match changes.next_if(|change| change.0.as_ref() == key) {
            Some((changed, new)) => packer.change(changed, new, &mut slot)?,
            None => packer.push(key, stored)?,
        }
    }
    while let Some((changed, new)) = changes.next_if(belongs) {
        packer.change(changed, new, &mut slot)?;
    }
    Ok(packer.finish())
}

/// Puts rows, one behind the other, into pieces.
#[derive(Default)]
struct Packer {
    rows: Vec<u8>,
    /// Where pieces could begin: the first row at or behind each multiple of [`PIECE`].
    cuts: Vec<(usize, Vec<u8>)>,
    last_cut: usize,
}

impl Packer {
    fn change(&mut self, key: &[u8], new: &Slot, buffer: &mut Vec<u8>) -> Result<(), IndexFault> {
        match new.encode(buffer) {
            true => self.push(key, buffer),
            false => Ok(()),
        }
    }

    fn push(&mut self, key: &[u8], slot: &[u8]) -> Result<(), IndexFault> {
        let too_long = |_| IndexFault(format!("a key of {} bytes is too long", key.len()));
        let key_length = u16::try_from(key.len()).map_err(too_long)?;
        let slot_length = u16::try_from(slot.len()).map_err(too_long)?;
        if self.rows.len() - self.last_cut >= PIECE {
            self.last_cut = self.rows.len();
            self.cuts.push((self.last_cut, key.to_vec()));
        }
        self.rows.extend_from_slice(&key_length.to_le_bytes());
        self.rows.extend_from_slice(&slot_length.to_le_bytes());
        self.rows.extend_from_slice(key);
        self.rows.extend_from_slice(slot);
        Ok(())
    }

    fn finish(self) -> Pieces {
        let Self { mut rows, cuts, .. } = self;
        if rows.is_empty() {
            return Vec::new();
        }
        if rows.len() <= LARGEST {
            return vec![(None, rows)];
        }
        let mut pieces = Vec::with_capacity(cuts.len() + 1);
        for (cut, separator) in cuts.into_iter().rev() {
            pieces.push((Some(separator), rows.split_off(cut)));
        }
        pieces.push((None, rows));
        pieces.reverse();
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, LARGEST, Rows, Slot, find, merge};
    use std::collections::BTreeMap;

    fn slot(value: u32) -> Slot {
        Slot::Inline(value.to_be_bytes().into())
    }

    fn changes(keys: impl IntoIterator<Item = u32>) -> BTreeMap<Key, Slot> {
        keys.into_iter().map(|key| (key.to_be_bytes().into(), slot(key))).collect()
    }

    fn keys(page: &[u8], until: Option<&[u8]>) -> Vec<u32> {
        let rows = Rows::new(page, until).map(|row| row.unwrap().0.try_into().unwrap());
        rows.map(u32::from_be_bytes).collect()
    }

    #[test]
    fn changes_replace_add_and_remove_rows() {
        let first = merge(&[], None, &mut changes([1, 3, 5]).iter().peekable()).unwrap();
        let [(None, page)] = first.as_slice() else { panic!("{first:?}") };
        assert_eq!(keys(page, None), [1, 3, 5]);
        let mut second = changes([0, 4, 9]);
        second.insert(3u32.to_be_bytes().into(), Slot::Deleted);
        second.insert(5u32.to_be_bytes().into(), slot(55));
        let merged = merge(page, None, &mut second.iter().peekable()).unwrap();
        let page = &merged[0].1;
        assert_eq!(keys(page, None), [0, 1, 4, 5, 9]);
        let found = find(page, &5u32.to_be_bytes()).unwrap().unwrap();
        assert_eq!(Slot::decode(found), Some(slot(55)));
        assert_eq!(find(page, &3u32.to_be_bytes()).unwrap(), None);
        let all: BTreeMap<Key, Slot> =
            keys(page, None).iter().map(|k| (k.to_be_bytes().into(), Slot::Deleted)).collect();
        assert!(merge(page, None, &mut all.iter().peekable()).unwrap().is_empty());
    }

    #[test]
    fn a_page_takes_no_change_of_the_next_one_and_drops_what_a_split_left() {
        let page = merge(&[], None, &mut changes([1, 2, 7, 8]).iter().peekable()).unwrap();
        let until = 5u32.to_be_bytes();
        let more = changes([3, 6]);
        let mut more = more.iter().peekable();
        let merged = merge(&page[0].1, Some(&until), &mut more).unwrap();
        assert_eq!(keys(&merged[0].1, None), [1, 2, 3]);
        assert_eq!(more.next().unwrap().0.as_ref(), 6u32.to_be_bytes());
        assert_eq!(keys(&page[0].1, Some(&until)), [1, 2]);
    }

    #[test]
    fn a_large_page_is_split_at_its_separators() {
        let pieces = merge(&[], None, &mut changes(0..1000).iter().peekable()).unwrap();
        assert!(pieces.len() > 5);
        assert_eq!(pieces[0].0, None);
        let mut all = Vec::new();
        for (separator, page) in &pieces {
            assert!(page.len() <= LARGEST);
            let own = keys(page, None);
            if let Some(separator) = separator {
                assert_eq!(separator.as_slice(), own[0].to_be_bytes());
            }
            all.extend(own);
        }
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_page_is_a_fault() {
        for page in [&[1][..], &[200, 0, 1, 0, 7], &[1, 0, 200, 0, 7]] {
            assert!(find(page, &[9]).is_err());
            assert!(merge(page, None, &mut changes([1]).iter().peekable()).is_err());
        }
    }
}
