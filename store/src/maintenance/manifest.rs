//! The manifest of a backup: what belongs to it, written last.
//!
//! ```text
//! marca backup 1
//! sequence 1200
//! hash 5f…            SHA-256 of the last frame
//! segment 1 33554432 9c…   number, bytes, SHA-256 of the file
//! crc 0a1b2c3d        CRC32C of all that is above
//! ```

use crate::StoreError;
use crate::disk::{Access, Disk, failed, read_all};

/// The name of the file in a backup.
pub(crate) const NAME: &str = "manifest";
const FIRST_LINE: &str = "marca backup 1";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 32],
    pub(crate) segments: Vec<SegmentEntry>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentEntry {
    pub(crate) number: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
}

impl Manifest {
    /// Reads the manifest of a backup.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Self, StoreError> {
        let file = disk.open(NAME, Access::Read);
        let bytes = file
            .and_then(|file| read_all(&*file))
            .map_err(|error| failed("no backup here: cannot read", disk, NAME, &error))?;
        let text = String::from_utf8(bytes).ok();
        text.and_then(|text| Self::parse(&text)).ok_or_else(|| StoreError::Damaged {
            place: disk.place(NAME).display().to_string(),
            what: "a manifest that does not read".to_owned(),
        })
    }

    pub(crate) fn format(&self) -> String {
        let mut text =
            format!("{FIRST_LINE}\nsequence {}\nhash {}\n", self.sequence, hex::encode(self.hash));
        for entry in &self.segments {
            let hash = hex::encode(entry.sha256);
            text.push_str(&format!("segment {} {} {hash}\n", entry.number, entry.bytes));
        }
        let crc = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("crc {crc:08x}\n"));
        text
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
        if crc32c::crc32c(body.as_bytes()) != u32::from_str_radix(crc, 16).ok()? {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let sequence = lines.next()?.strip_prefix("sequence ")?.parse().ok()?;
        let hash = hash(lines.next()?.strip_prefix("hash ")?)?;
        let segments = lines.map(entry).collect::<Option<Vec<_>>>()?;
        Some(Self { sequence, hash, segments })
    }
}

fn entry(line: &str) -> Option<SegmentEntry> {
    let mut words = line.strip_prefix("segment ")?.split(' ');
    let number = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    Some(SegmentEntry { number, bytes, sha256: hash(words.next()?)? })
}

fn hash(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{Manifest, SegmentEntry};

    fn manifest() -> Manifest {
        let entry = |number: u32| SegmentEntry {
            number,
            bytes: 1000 + u64::from(number),
            sha256: [number as u8; 32],
        };
        Manifest { sequence: 99, hash: [0xcd; 32], segments: (1..=3).map(entry).collect() }
    }

    #[test]
    fn what_is_written_is_read() {
        let empty = Manifest { sequence: 0, hash: [0; 32], segments: Vec::new() };
        for manifest in [empty, manifest()] {
            assert_eq!(Manifest::parse(&manifest.format()), Some(manifest));
        }
    }

    #[test]
    fn a_text_that_was_changed_anywhere_is_refused() {
        let text = manifest().format();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Manifest::parse(&changed), None, "{place}");
            assert_eq!(Manifest::parse(&text[..place]), None, "{place}");
        }
    }

    #[test]
    fn another_version_and_unknown_lines_are_refused() {
        let sealed = |body: &str| {
            let crc = crc32c::crc32c(body.as_bytes());
            format!("{body}crc {crc:08x}\n")
        };
        let zeros = "0".repeat(64);
        let good = format!("marca backup 1\nsequence 0\nhash {zeros}\n");
        assert!(Manifest::parse(&sealed(&good)).is_some());
        let newer = good.replace("backup 1", "backup 2");
        assert_eq!(Manifest::parse(&sealed(&newer)), None);
        assert_eq!(Manifest::parse(&sealed(&format!("{good}file 1\n"))), None);
        assert_eq!(Manifest::parse(&sealed("marca backup 1\n")), None);
    }
}
