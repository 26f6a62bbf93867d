//! The marker file: whether the index may be trusted at the next start, and what the journal is
//! known to hold.
//!
//! The index is trusted after a clean close, when all of it was synced, and after a crash of the
//! process within the same boot of the machine, when the page cache still has all that was written.
//! After a power cut it is not. The journal must reach what the marker says: a loss of acknowledged
//! transactions is not taken for a torn tail. It is written when the store is opened and closed,
//! and whenever the journal goes on in a new segment.

use crate::StoreError;
use crate::disk::{self, Access, Disk, failed, read_all};
use crate::journal::Reached;
use std::io;

/// The name of the file.
const NAME: &str = "state";
const FIRST_LINE: &str = "marca store 1";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) state: State,
    pub(crate) reached: Option<Reached>,
}

/// How the store was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Not known: the index is not trusted.
    #[default]
    Unknown,
    /// Closed, with everything in the index and synced.
    Clean,
    /// Opened in this boot of the machine.
    Open(String),
}

impl Marker {
    /// Reads the marker. One that is missing or does not read says nothing.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Self, StoreError> {
        let file = match disk.open(NAME, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed("cannot open", disk, NAME, &error)),
        };
        let bytes = read_all(&*file).map_err(|error| failed("cannot read", disk, NAME, &error))?;
        Ok(String::from_utf8(bytes).ok().and_then(|text| Self::parse(&text)).unwrap_or_default())
    }

    /// Writes the marker in one step, durably.
    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        disk::replace(disk, "", NAME, self.format().as_bytes())
    }

    /// As [`Marker::write`], with the operating system's own error.
    pub(crate) fn try_write(&self, disk: &dyn Disk) -> io::Result<()> {
        disk::try_replace(disk, "", NAME, self.format().as_bytes())
    }

    /// Whether an index left behind under this marker holds what its position says.
    pub(crate) fn trusts_index(&self, boot: &str) -> bool {
        match &self.state {
            State::Unknown => false,
            State::Clean => true,
            State::Open(other) => !boot.is_empty() && other == boot,
        }
    }

    fn format(&self) -> String {
        let state = match &self.state {
            State::Unknown => "unknown".to_owned(),
            State::Clean => "clean".to_owned(),
            State::Open(boot) => format!("open {boot}"),
        };
        let mut text = format!("{FIRST_LINE}\n{state}\n");
        if let Some(reached) = &self.reached {
            let line = format!("reached {} {}\n", reached.sequence, hex::encode(reached.hash));
            text.push_str(&line);
        }
        let crc = crc32c::crc32c(text.as_bytes());
        text.push_str(&format!("crc {crc:08x}\n"));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
        if crc32c::crc32c(body.as_bytes()) != u32::from_str_radix(crc, 16).ok()? {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let state = match lines.next()? {
            "unknown" => State::Unknown,
            "clean" => State::Clean,
            open => State::Open(open.strip_prefix("open ")?.to_owned()),
        };
        let reached = match lines.next() {
            None => None,
            Some(line) => {
                let (sequence, hash) = line.strip_prefix("reached ")?.split_once(' ')?;
                let hash = hex::decode(hash).ok()?.try_into().ok()?;
                Some(Reached { sequence: sequence.parse().ok()?, hash })
            }
        };
        Some(Self { state, reached })
    }
}

#[cfg(test)]
mod tests {
    use super::{Marker, State};
    use crate::disk::MemoryDisk;
    use crate::journal::Reached;

    fn markers() -> Vec<Marker> {
        let reached = Reached { sequence: 1234, hash: [0xab; 32] };
        let states = [State::Unknown, State::Clean, State::Open("boot-1".to_owned())];
        states
            .into_iter()
            .flat_map(|state| {
                [None, Some(reached)].map(|reached| Marker { state: state.clone(), reached })
            })
            .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let disk = MemoryDisk::new();
        assert_eq!(Marker::read(&disk).unwrap(), Marker::default());
        for marker in markers() {
            marker.write(&disk).unwrap();
            assert_eq!(Marker::read(&disk).unwrap(), marker);
        }
    }

    #[test]
    fn the_text_is_as_documented() {
        let reached = Some(Reached { sequence: 7, hash: [0; 32] });
        let text = Marker { state: State::Open("b".to_owned()), reached }.format();
        let zeros = "0".repeat(64);
        let body = format!("marca store 1\nopen b\nreached 7 {zeros}\n");
        let crc = crc32c::crc32c(body.as_bytes());
        assert_eq!(text, format!("{body}crc {crc:08x}\n"));
    }

    #[test]
    fn a_text_that_was_changed_anywhere_says_nothing() {
        for marker in markers() {
            let text = marker.format();
            assert_eq!(Marker::parse(&text), Some(marker));
            for place in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= 1;
                let changed = String::from_utf8(bytes).unwrap();
                assert_eq!(Marker::parse(&changed), None, "{place} of {text}");
                assert_eq!(Marker::parse(&text[..place]), None, "{place} of {text}");
            }
        }
    }

    #[test]
    fn the_index_is_trusted_after_a_close_and_in_the_same_boot() {
        let trusts = |state: State, boot: &str| Marker { state, reached: None }.trusts_index(boot);
        let open = |boot: &str| State::Open(boot.to_owned());
        assert!(!trusts(State::Unknown, "a"));
        assert!(trusts(State::Clean, "a") && trusts(State::Clean, ""));
        assert!(trusts(open("a"), "a"));
        assert!(!trusts(open("a"), "b"));
        // Where the kernel has no name for a boot, no two opens are known to be in the same one.
        assert!(!trusts(open(""), ""));
    }
}
