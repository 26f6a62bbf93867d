//! What a receipt says, in each language: words only, no measures.

mod en;
mod it;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use super::{Part, Receipt};
use crate::Language;
use crate::texts::day;

/// The texts of a language that no receipt changes.
pub(super) struct Words {
    /// The document's language (RFC 5646).
    pub(super) tag: &'static str,
    pub(super) title: &'static str,
    pub(super) holder: &'static str,
    pub(super) user_id: &'static str,
    pub(super) time: &'static str,
    pub(super) made_at: &'static str,
    pub(super) count: &'static str,
    pub(super) meaning: &'static str,
    /// What a receipt is, and what it is not.
    pub(super) is: &'static str,
    pub(super) is_not: &'static str,
    pub(super) signatures: &'static str,
    /// In the place of signatures.
    pub(super) none: &'static str,
    pub(super) made: &'static str,
    pub(super) failed: &'static str,
    /// What the word before says; only where it stands on a row.
    pub(super) failed_means: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) entry: &'static str,
    pub(super) hash: &'static str,
    pub(super) credential: &'static str,
    pub(super) certificate: &'static str,
    pub(super) not_recorded: &'static str,
    pub(super) timestamp: &'static str,
    pub(super) not_stamped: &'static str,
    one: &'static str,
    /// `{from}` and `{to}` stand in it.
    frame: &'static str,
    beginning: &'static str,
    making: &'static str,
    /// `{page}` and `{pages}` stand in it.
    page: &'static str,
    at: &'static str,
    language: Language,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::WORDS,
            Language::It => &it::WORDS,
        }
    }

    /// An instant in words, with its zone.
    pub(super) fn moment(&self, at: DateTime<FixedOffset>, zone: &str) -> String {
        let (date, time) = (day(self.language, at.date_naive()), at.format("%H:%M:%S%.f"));
        format!("{date} {} {time} ({zone}, UTC{})", self.at, at.format("%:z"))
    }

    /// The time that was asked for.
    pub(super) fn part(&self, receipt: &Receipt<'_>) -> String {
        let Part::Frame { from, to } = receipt.part else { return self.one.to_owned() };
        let moment = |at| self.moment(at, receipt.zone);
        let from = from.map_or_else(|| self.beginning.to_owned(), moment);
        let to = to.map_or_else(|| self.making.to_owned(), moment);
        self.frame.replace("{from}", &from).replace("{to}", &to)
    }

    pub(super) fn page(&self, page: usize, pages: usize) -> String {
        self.page.replace("{page}", &page.to_string()).replace("{pages}", &pages.to_string())
    }
}

/// An instant in UTC (RFC 3339).
pub(super) fn utc(at: DateTime<FixedOffset>) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
