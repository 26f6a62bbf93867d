//! The rules of a new password.

use super::common::{is_common, parts_of};
use crate::holders::HolderError;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The special characters, of which a password needs one. Others are allowed, and do not count.
pub const SPECIAL: &str = "&%!\"()?^+[].,_";
const SHORTEST: usize = 8;
const LONGEST: usize = 128;
/// So many of the same character may stand in a row.
const MOST_IN_A_ROW: usize = 2;

/// A rule of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PasswordRule {
    /// At least 8 characters.
    LongEnough,
    /// At most 128 characters.
    NotTooLong,
    /// A lower-case letter.
    LowerCase,
    /// An upper-case letter.
    UpperCase,
    /// A digit.
    Digit,
    /// One of [`SPECIAL`].
    Special,
    /// No character more than twice in a row.
    NoThreeInARow,
    /// Not one that many people use, also not with some digits or signs in place of letters.
    NotCommon,
    /// Nothing of the holder's name, address or of the name of the service.
    NotPersonal,
}

impl PasswordRule {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::LongEnough,
        Self::NotTooLong,
        Self::LowerCase,
        Self::UpperCase,
        Self::Digit,
        Self::Special,
        Self::NoThreeInARow,
        Self::NotCommon,
        Self::NotPersonal,
    ];

    /// A stable name in kebab-case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LongEnough => "min-length",
            Self::NotTooLong => "max-length",
            Self::LowerCase => "lower-case",
            Self::UpperCase => "upper-case",
            Self::Digit => "digit",
            Self::Special => "special-character",
            Self::NoThreeInARow => "no-three-in-a-row",
            Self::NotCommon => "not-common",
            Self::NotPersonal => "not-personal",
        }
    }

    /// What to do.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::LongEnough => "use at least 8 characters",
            Self::NotTooLong => "use at most 128 characters",
            Self::LowerCase => "use a lower-case letter",
            Self::UpperCase => "use an upper-case letter",
            Self::Digit => "use a digit",
            Self::Special => "use one of & % ! \" ( ) ? ^ + [ ] . , _",
            Self::NoThreeInARow => "do not use a character three times in a row",
            Self::NotCommon => "many people use this one, or one like it: choose another",
            Self::NotPersonal => "leave out your name, your address and the name of the service",
        }
    }
}

/// A rule, and whether a password meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: PasswordRule,
    /// Whether it is met.
    pub met: bool,
}

/// Whose password it is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct PasswordContext<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The given name.
    pub given_name: &'a str,
    /// The surname.
    pub surname: &'a str,
    /// The name of the service.
    pub service_name: &'a str,
}

/// Every rule, and whether `password` meets it; in the order of [`PasswordRule::ALL`].
#[must_use]
pub fn check(password: &str, context: &PasswordContext<'_>) -> Vec<RuleOutcome> {
    let password = normalised(password);
    let meets = |rule| RuleOutcome { rule, met: is_met(rule, &password, context) };
    PasswordRule::ALL.into_iter().map(meets).collect()
}

/// The form of a password that is hashed, when all rules are met.
pub(crate) fn prepared(
    password: &str,
    context: &PasswordContext<'_>,
) -> Result<Zeroizing<String>, HolderError> {
    let broken = check(password, context).into_iter().filter(|outcome| !outcome.met);
    let rules: Vec<_> = broken.map(|outcome| outcome.rule).collect();
    if rules.is_empty() {
        Ok(normalised(password))
    } else {
        Err(HolderError::PasswordRules { rules })
    }
}

/// The form of a password that is compared: the same letter may be written with one code point
/// or with two, as the keyboard likes it.
// ASVS 5.0, 6.2.8: "verify that the application verifies the user's password exactly as received
// from the user, without any modifications such as truncation or case transformation".
pub(crate) fn normalised(password: &str) -> Zeroizing<String> {
    // More than this is refused, so no more has to be looked at.
    Zeroizing::new(password.nfkc().take(8 * LONGEST).collect())
}

fn is_met(rule: PasswordRule, password: &str, context: &PasswordContext<'_>) -> bool {
    match rule {
        PasswordRule::LongEnough => password.chars().count() >= SHORTEST,
        PasswordRule::NotTooLong => password.chars().count() <= LONGEST,
        PasswordRule::LowerCase => password.chars().any(char::is_lowercase),
        PasswordRule::UpperCase => password.chars().any(char::is_uppercase),
        PasswordRule::Digit => password.chars().any(|c| c.is_ascii_digit()),
        PasswordRule::Special => password.chars().any(|c| SPECIAL.contains(c)),
        PasswordRule::NoThreeInARow => longest_run(password) <= MOST_IN_A_ROW,
        PasswordRule::NotCommon => !is_common(password),
        PasswordRule::NotPersonal => !has_personal_part(password, context),
    }
}

/// How often the character that is repeated most stands in a row.
fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for c in text.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        longest = longest.max(run);
    }
    longest
}

/// Whether a part of four letters or more of what everybody knows of the holder is in it; the
/// whole of a shorter name is looked for as well.
fn has_personal_part(password: &str, context: &PasswordContext<'_>) -> bool {
    let (local, domain) = context.email.split_once('@').unwrap_or_default();
    // The last label of a domain is no part of a person.
    let domain = domain.rsplit_once('.').map_or("", |(domain, _)| domain);
    let known = [local, domain, context.given_name, context.surname, context.service_name];
    let password = password.to_lowercase();
    known.iter().flat_map(|known| parts_of(known)).any(|part| password.contains(&part))
}
