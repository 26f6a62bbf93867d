//! What the page says, in each language: words only, no measures.
//!
//! One file for each language, in the order of the page. No text names a number of tries or a
//! waiting time, which the service's settings may change after the sheet is printed.

mod en;
mod it;

use chrono::{Datelike, NaiveDate};

use crate::{Envelope, Language};

/// All texts of a page.
pub(crate) struct Texts {
    /// The document's language (RFC 5646).
    pub(crate) tag: &'static str,
    pub(crate) title: &'static str,
    /// What this sheet is.
    pub(crate) lead: &'static str,
    pub(crate) holder: &'static str,
    pub(crate) user_id: &'static str,
    pub(crate) issued: &'static str,
    /// The day of issue.
    pub(crate) issued_on: String,
    /// What to do, in the order of reading.
    pub(crate) sections: Vec<Section>,
    pub(crate) codes: &'static str,
    pub(crate) emergency_code: Explained,
    pub(crate) pin: Explained,
    /// In the place of a PIN that the holder chose.
    pub(crate) own_pin: &'static str,
    pub(crate) puk: Explained,
    pub(crate) number: Explained,
}

/// A heading with steps, numbered when there are several.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) steps: Vec<String>,
}

/// A code's name, and what it is for.
pub(crate) struct Explained {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

impl Texts {
    pub(crate) fn of(envelope: &Envelope<'_>) -> Self {
        match envelope.language {
            Language::En => en::texts(envelope),
            Language::It => it::texts(envelope),
        }
    }
}

/// A day in words.
pub(crate) fn day(language: Language, date: NaiveDate) -> String {
    match language {
        Language::En => date.format("%-d %B %Y").to_string(),
        Language::It => {
            let day = if date.day() == 1 { "1°".to_owned() } else { date.day().to_string() };
            format!("{day} {} {}", it::MONTHS[date.month0() as usize], date.year())
        }
    }
}
