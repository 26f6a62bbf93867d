//! Where the demo's mails and short messages end up: in memory, to be looked at.
//!
//! They hold links, passwords and codes in clear. That is what a demo is for and what a service
//! must never do, so [`crate::demo`] is the only one that makes an [`Outbox`] and routes to it.

use super::texts::MailText;
use accounts::holders::messages::Attachment;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// So many messages are kept; an older one makes room.
const MOST: usize = 200;

/// The demo's messages, newest last.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    next: u64,
    messages: VecDeque<Posted>,
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    /// Its number, from 1 on.
    pub(crate) number: u64,
    /// `mail` or `sms`.
    pub(crate) channel: &'static str,
    pub(crate) to: String,
    /// Empty for a short message.
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) attachment: Option<Attachment>,
    pub(crate) at: DateTime<Utc>,
}

impl Outbox {
    /// Puts a mail in.
    pub(crate) fn mail(
        &self,
        to: &str,
        text: MailText,
        attachment: Option<Attachment>,
        at: DateTime<Utc>,
    ) {
        let MailText { subject, text, html: _ } = text;
        let to = to.to_owned();
        self.put(Posted { number: 0, channel: "mail", to, subject, text, attachment, at });
    }

    /// Puts a short message in.
    pub(crate) fn sms(&self, to: &str, text: &str, at: DateTime<Utc>) {
        let (to, text) = (to.to_owned(), text.to_owned());
        let (subject, attachment) = (String::new(), None);
        self.put(Posted { number: 0, channel: "sms", to, subject, text, attachment, at });
    }

    fn put(&self, posted: Posted) {
        let mut kept = self.0.lock();
        kept.next += 1;
        let number = kept.next;
        if kept.messages.len() == MOST {
            kept.messages.pop_front();
        }
        kept.messages.push_back(Posted { number, ..posted });
    }

    /// All that are kept, newest first.
    pub(crate) fn newest_first(&self) -> Vec<Posted> {
        self.0.lock().messages.iter().rev().cloned().collect()
    }

    /// The file of a message.
    pub(crate) fn attachment(&self, number: u64) -> Option<Attachment> {
        let kept = self.0.lock();
        let posted = kept.messages.iter().find(|posted| posted.number == number)?;
        posted.attachment.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Outbox};
    use chrono::DateTime;

    #[test]
    fn the_newest_are_kept() {
        let outbox = Outbox::default();
        for number in 1..=MOST + 3 {
            outbox.sms("+39333", &number.to_string(), DateTime::UNIX_EPOCH);
        }
        let kept = outbox.newest_first();
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0].text, (MOST + 3).to_string());
        assert_eq!(kept[MOST - 1].number, 4);
        assert!(outbox.attachment(kept[0].number).is_none());
    }
}
