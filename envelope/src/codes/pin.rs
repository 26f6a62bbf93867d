//! The PIN, and which PINs a holder may not choose.
//!
//! Eight digits withstand a thief for five tries only when they are none of the first guesses.
//! Those are the same digit again and again, a block that repeats, a run, and the birth date; and
//! a PIN that comes back after a change makes the change worth nothing. Each has its own refusal,
//! so that a page can say which rule was broken. What is refused is never part of the answer.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{BadCode, digits, digits_hard_to_guess};

/// Eight digits that stand for the holder's will to sign.
pub struct Pin(Zeroizing<String>);

/// What the choice of a PIN is held against.
#[derive(Clone, Copy)]
pub struct PinContext<'a> {
    /// The holder's birth date, when it is known.
    pub birth_date: Option<NaiveDate>,
    /// Whether this was one of the holder's last three PINs. They are not kept in clear: the
    /// caller holds the PIN against its hashes. Asked last, for that takes time.
    pub used_before: &'a dyn Fn(&Pin) -> bool,
}

/// The rule that a chosen PIN breaks. The first that is broken, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinRefused {
    /// Other characters, or another number of them.
    #[error("a PIN has exactly 8 digits and nothing else")]
    NotEightDigits,
    /// Four times the same digit in a row, digits that come in pairs, or fewer than three digits.
    #[error("this PIN repeats the same few digits: choose one with more change in it")]
    RepeatedDigits,
    /// The second half is the first half again.
    #[error("this PIN is the same group of digits twice: choose one that does not repeat")]
    RepeatedGroup,
    /// Five digits in a row that count up or down, or two halves that do.
    #[error("this PIN counts up or down, like 12345678: choose digits without an order")]
    Run,
    /// Day, month and year, or the year's last two digits, in any order.
    #[error("this PIN has your birth date in it, which others know: choose another")]
    BirthDate,
    /// One of the last three.
    #[error("you had this PIN not long ago: choose one that differs from your last three")]
    UsedBefore,
}

impl Pin {
    /// Digits of a PIN.
    pub const LENGTH: usize = 8;

    /// A PIN that a holder could have chosen: none of the first guesses.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(digits_hard_to_guess(rng, Self::LENGTH))
    }

    /// Takes the PIN that a holder chooses, when no rule speaks against it.
    ///
    /// # Errors
    /// The first rule of [`PinRefused`] that it breaks.
    pub fn choose(text: &str, context: &PinContext<'_>) -> Result<Self, PinRefused> {
        if text.len() != Self::LENGTH || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PinRefused::NotEightDigits);
        }
        if let Some(refused) = first_guess(text) {
            return Err(refused);
        }
        if context.birth_date.is_some_and(|date| holds_date(text, date)) {
            return Err(PinRefused::BirthDate);
        }
        let pin = Self(Zeroizing::new(text.to_owned()));
        if (context.used_before)(&pin) {
            return Err(PinRefused::UsedBefore);
        }
        Ok(pin)
    }

    /// Reads an existing PIN as a person typed it; spaces and hyphens are nothing. No rule is
    /// asked, for a PIN that was good once stays usable.
    ///
    /// # Errors
    /// [`BadCode::Pin`] for all but eight digits.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        digits(text, Self::LENGTH).map(Self).ok_or(BadCode::Pin)
    }

    /// The eight digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

impl fmt::Debug for PinContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinContext(..)")
    }
}

/// The rule by which a person would come to these digits without knowing anything of their owner.
///
/// `text` is ASCII digits, an even number of them.
pub(super) fn first_guess(text: &str) -> Option<PinRefused> {
    let digits = text.as_bytes();
    let (first, second) = digits.split_at(digits.len() / 2);
    let in_pairs = digits.chunks_exact(2).all(|pair| pair[0] == pair[1]);
    if longest(digits, 0) >= 4 || distinct(digits) < 3 || in_pairs {
        Some(PinRefused::RepeatedDigits)
    } else if first == second {
        Some(PinRefused::RepeatedGroup)
    } else if is_run(digits, 5) || (is_run(first, first.len()) && is_run(second, second.len())) {
        Some(PinRefused::Run)
    } else {
        None
    }
}

/// Whether there are `length` digits in a row that count up, or that count down; 0 follows 9.
fn is_run(digits: &[u8], length: usize) -> bool {
    longest(digits, 1) >= length || longest(digits, 9) >= length
}

/// The most digits in a row of which each is `step` more than the one before, modulo ten.
fn longest(digits: &[u8], step: u8) -> usize {
    let mut best = 1;
    let mut length = 1;
    for pair in digits.windows(2) {
        let follows = (pair[0] - b'0' + step) % 10 == pair[1] - b'0';
        length = if follows { length + 1 } else { 1 };
        best = best.max(length);
    }
    best
}

fn distinct(digits: &[u8]) -> usize {
    (b'0'..=b'9').filter(|digit| digits.contains(digit)).count()
}

/// Whether day, month and year stand in these digits in any of their six orders, with four digits
/// of the year or the last two, or all of it backwards.
fn holds_date(text: &str, date: NaiveDate) -> bool {
    let (day, month) = (format!("{:02}", date.day()), format!("{:02}", date.month()));
    let backwards: Zeroizing<String> = Zeroizing::new(text.chars().rev().collect());
    let years = [format!("{:04}", date.year()), format!("{:02}", date.year().rem_euclid(100))];
    years.iter().any(|year| {
        let [d, m, y] = [day.as_str(), month.as_str(), year.as_str()];
        [[d, m, y], [d, y, m], [m, d, y], [m, y, d], [y, d, m], [y, m, d]]
            .map(|parts| parts.concat())
            .iter()
            .any(|written| text.contains(written) || backwards.contains(written))
    })
}
