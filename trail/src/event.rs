//! An event, as the code that causes it states it, and the bounds of what it may say.

use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// The longest action, in characters.
const LONGEST_ACTION: usize = 64;
/// The longest actor.
const LONGEST_ACTOR: usize = 128;
/// The longest subject.
const LONGEST_SUBJECT: usize = 256;
/// The longest name of a detail.
const LONGEST_NAME: usize = 32;
/// The longest value of a detail.
const LONGEST_VALUE: usize = 500;
/// Details beyond these are left out.
const MOST_DETAILS: usize = 16;

/// What an event is about. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Category {
    /// A private key: made, used for something new, destroyed, its device lost or found.
    #[n(0)]
    Key,
    /// A certificate: asked for, issued, its status changed; a revocation list.
    #[n(1)]
    Certificate,
    /// The clock: its state changed, it jumped, a leap second.
    #[n(2)]
    Clock,
    /// The configuration, as it was at a start or changed later.
    #[n(3)]
    Configuration,
    /// Somebody asked to be let in.
    #[n(4)]
    Login,
    /// An act of an administrator.
    #[n(5)]
    Administration,
    /// The service itself: started, stopped.
    #[n(6)]
    Service,
}

/// Whether the act of an event was done. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It was.
    #[n(0)]
    Success,
    /// It was refused, or it failed.
    #[n(1)]
    Failure,
}

/// A word that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not {what} of the audit trail: use {allowed}")]
pub struct UnknownWord {
    word: String,
    what: &'static str,
    allowed: String,
}

/// Something that happened.
///
/// Texts have bounds, so that no caller can fill the store with one event; what is longer is cut
/// and ends in `…`. An event is never refused for what it says: it would be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub category: Category,
    /// What was done, a stable word: `certificate-suspended`.
    pub action: &'static str,
    /// Who did it: `service`, `admin`, an account, an address. Up to 128 characters.
    pub actor: String,
    /// What it was done to: `certificate 4a…`, `unit main`. Up to 256 characters.
    pub subject: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// Up to 16 named facts, of up to 500 characters each.
    pub details: Vec<(&'static str, String)>,
}

impl Category {
    /// Every category, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Key,
        Self::Certificate,
        Self::Clock,
        Self::Configuration,
        Self::Login,
        Self::Administration,
        Self::Service,
    ];

    /// The word for texts, queries and exports. It never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Certificate => "certificate",
            Self::Clock => "clock",
            Self::Configuration => "configuration",
            Self::Login => "login",
            Self::Administration => "administration",
            Self::Service => "service",
        }
    }

    /// The number in keys and records.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Key => 0,
            Self::Certificate => 1,
            Self::Clock => 2,
            Self::Configuration => 3,
            Self::Login => 4,
            Self::Administration => 5,
            Self::Service => 6,
        }
    }
}

impl Outcome {
    /// The word for texts and exports. It never changes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Category {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|category| category.word() == word).ok_or_else(|| UnknownWord {
            word: word.to_owned(),
            what: "a category",
            allowed: Self::ALL.map(Self::word).join(", "),
        })
    }
}

impl FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "success" => Ok(Self::Success),
            "failure" => Ok(Self::Failure),
            _ => Err(UnknownWord {
                word: word.to_owned(),
                what: "an outcome",
                allowed: "success, failure".to_owned(),
            }),
        }
    }
}

impl Event {
    /// Something that was done.
    pub fn success(
        category: Category,
        action: &'static str,
        actor: impl Into<String>,
        subject: impl Into<String>,
    ) -> Self {
        let (actor, subject) = (actor.into(), subject.into());
        Self { category, action, actor, subject, outcome: Outcome::Success, details: Vec::new() }
    }

    /// Something that was refused, or failed.
    pub fn failure(
        category: Category,
        action: &'static str,
        actor: impl Into<String>,
        subject: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Failure, ..Self::success(category, action, actor, subject) }
    }

    /// Adds a fact. Takes what can be displayed, which a secret cannot.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

/// The action, within its bounds.
pub(crate) fn bounded_action(text: &str) -> String {
    bounded(text, LONGEST_ACTION)
}

/// The actor, within its bounds.
pub(crate) fn bounded_actor(text: &str) -> String {
    bounded(text, LONGEST_ACTOR)
}

/// The subject, within its bounds.
pub(crate) fn bounded_subject(text: &str) -> String {
    bounded(text, LONGEST_SUBJECT)
}

/// The details, within their bounds.
pub(crate) fn bounded_details<'a>(
    details: &'a [(&'static str, String)],
) -> impl Iterator<Item = (String, String)> + 'a {
    let within = |(name, value): &(&str, String)| {
        (bounded(name, LONGEST_NAME), bounded(value, LONGEST_VALUE))
    };
    details.iter().take(MOST_DETAILS).map(within)
}

/// At most `most` characters, none of which moves a cursor, ends a line or turns the direction of
/// what is shown: a trail is read in terminals and by programs that go by lines.
fn bounded(text: &str, most: usize) -> String {
    let shown = |c: char| if disturbs(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut characters = text.chars().map(shown);
    let mut kept: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

fn disturbs(c: char) -> bool {
    let line_or_paragraph = matches!(c, '\u{2028}' | '\u{2029}');
    // Unicode's bidirectional formatting characters (UAX #9 §2).
    let direction = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || line_or_paragraph || direction
}
