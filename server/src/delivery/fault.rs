//! Why a message was not taken, in words that may be shown and stored.
//!
//! A relay or a gateway likes to repeat the address and the text that it refuses. Neither belongs
//! into a log or on an operator's screen, so what they say passes here first.

use std::fmt::Display;

/// The longest text that is kept of what a stranger says.
const LONGEST: usize = 160;
/// So many digits in a row may be a telephone number or a code.
const DIGITS: usize = 5;

/// A message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A further try would end the same way.
    pub(crate) permanent: bool,
    /// What happened, without addresses and numbers.
    pub(crate) text: String,
}

impl Fault {
    /// A further try would end the same way.
    pub(crate) fn for_good(text: impl Display, to: &str) -> Self {
        Self { permanent: true, text: harmless(&text.to_string(), to) }
    }

    /// A further try may end well.
    pub(crate) fn passing(text: impl Display, to: &str) -> Self {
        Self { permanent: false, text: harmless(&text.to_string(), to) }
    }
}

/// What somebody else said about a message to `to`, without addresses, numbers and control
/// characters.
pub(crate) fn harmless(text: &str, to: &str) -> String {
    let text = if to.is_empty() { text.to_owned() } else { text.replace(to, "…") };
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.contains('@') || digits >= DIGITS { "…" } else { word }
    });
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, harmless};

    #[test]
    fn what_a_stranger_repeats_is_left_out() {
        let cases = [
            ("550 5.1.1 <anna@example.org>: unknown", "550 5.1.1 … unknown"),
            ("The 'To' number +393331234567 is wrong", "The 'To' number … is wrong"),
            ("The number (0039)3331234567, is wrong", "The number … is wrong"),
            ("no room for: your code is 123456.", "no room for: your code is …"),
            ("a\r\nb\u{1b}[31mc", "a b [31mc"),
            ("later (451 4.3.0)", "later (451 4.3.0)"),
        ];
        for (said, kept) in cases {
            assert_eq!(harmless(said, "+393331234567"), kept, "{said}");
        }
        assert_eq!(harmless("to anna.b please", "anna.b"), "to … please");
        assert!(harmless(&"word ".repeat(100), "x").chars().count() <= 161);
        assert!(Fault::for_good("x", "").permanent && !Fault::passing("x", "").permanent);
    }
}
