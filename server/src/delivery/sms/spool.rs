//! A directory from which smsd of smstools3 takes its messages: a file each, with headers, an empty
//! line and the text (smstools3, "SMS file format").
//!
//! A file appears whole or not at all: it is written under a name that smsd does not take, synced,
//! and renamed.

use super::{Gateway, Outcome, Sms};
use crate::delivery::fault::Fault;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

pub(super) struct Spool {
    pub(super) directory: PathBuf,
    pub(super) from: String,
}

impl Gateway for Spool {
    fn send(&self, sms: &Sms) -> Outcome {
        let name = format!("marca-{}", sms.id);
        if let Err(error) = self.put(&name, &self.file(sms)) {
            // Before the rename nobody takes it; and a rename that failed did not happen.
            let fault = Fault::passing(format!("the spool directory: {error}"), &sms.to);
            return Outcome::Refused { fault };
        }
        // smsd may have it already, whatever a power cut would do to the directory.
        if let Err(error) = File::open(&self.directory).and_then(|directory| directory.sync_all()) {
            tracing::warn!(%error, "the spool directory is not synced");
        }
        Outcome::Accepted { gateway_id: name }
    }
}

impl Spool {
    fn file(&self, sms: &Sms) -> Vec<u8> {
        // "Phone number of the recipient in international format without the leading +."
        let to = sms.to.trim_start_matches('+');
        let alphabet = if sms.unicode { "UCS" } else { "UTF-8" };
        let mut file =
            format!("To: {to}\nFrom: {}\nAlphabet: {alphabet}\n\n", self.from).into_bytes();
        match sms.unicode {
            // "Alphabet: UCS" is UTF-16 in network order.
            true => file.extend(sms.text.encode_utf16().flat_map(u16::to_be_bytes)),
            false => file.extend_from_slice(sms.text.as_bytes()),
        }
        file
    }

    fn put(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let unfinished = self.directory.join(format!(".{name}"));
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        // smsd runs as a user of its own, in the group of the directory. The service's umask keeps
        // files to itself, so this one is opened by name.
        file.set_permissions(Permissions::from_mode(0o660))?;
        file.sync_all()?;
        std::fs::rename(&unfinished, self.directory.join(name))
    }
}
