//! A spool directory, read as smsd would.

use super::ShortMessage;
use crate::harness::service::temporary;
use tempfile::TempDir;

/// A spool directory as smstools3 has it.
pub(crate) struct Spool(TempDir);

impl Spool {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(temporary())
    }

    /// The section of a configuration that puts short messages here.
    pub(crate) fn section(&self) -> String {
        format!("[sms]\nfrom = \"Marca\"\n\n{}", self.gateway("spool"))
    }

    /// One gateway of several, for behind `[sms]`.
    pub(crate) fn gateway(&self, name: &str) -> String {
        let directory = self.0.path().display();
        format!(
            "[[sms.gateway]]\nname = \"{name}\"\nkind = \"spool\"\ndirectory = \"{directory}\"\n"
        )
    }

    /// What lies there, by the names of the files. smsd takes every file whose name does not begin
    /// with a dot, so such a one has to be whole.
    pub(crate) fn messages(&self) -> Vec<ShortMessage> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        names.into_iter().map(|name| self.read(name)).collect()
    }

    fn read(&self, name: String) -> ShortMessage {
        let bytes = std::fs::read(self.0.path().join(&name)).unwrap();
        let end = bytes.windows(2).position(|two| two == b"\n\n").expect("a head and a text");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let header = |name: &str| {
            let lines = head.lines().find_map(|line| line.strip_prefix(name));
            lines.map(|value| value.trim_start_matches(':').trim().to_owned()).unwrap_or_default()
        };
        let text = match header("Alphabet").as_str() {
            "UCS" => {
                let pairs = bytes[end + 2..].chunks(2);
                String::from_utf16(
                    &pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>(),
                )
            }
            .unwrap(),
            _ => String::from_utf8(bytes[end + 2..].to_vec()).unwrap(),
        };
        let to = format!("+{}", header("To"));
        ShortMessage { id: name, to, from: header("From"), text, callback: String::new() }
    }
}
