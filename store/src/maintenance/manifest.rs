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
