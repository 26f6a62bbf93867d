//! Common passwords, however they are dressed up.
//!
//! The rules ask for a digit and a special character, so a list of leaked passwords as they are
//! would miss what people make of them: `Password1!`, `P@ssw0rd.2024`. A password is therefore
//! undressed first (case, signs and digits at its ends, digits and signs in place of letters), and
//! what is left is compared with words. What remains must not be such a word, two of them, or a
//! run over the keyboard.

/// The words, one for a line: of our own choice, English, Italian, and runs of keys.
const WORDS: &str = include_str!("common.txt");

/// Digits and signs beside the outermost letters that are read as letters.
const MOST_DISGUISED: usize = 6;
/// The least number of letters of a part that is looked for inside a password.
const LEAST_PART: usize = 4;

/// Whether many people use this password, or one like it.
pub(super) fn is_common(password: &str) -> bool {
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let letters: String = lower.iter().filter(|c| c.is_alphabetic()).collect();
    let first = lower.iter().position(|c| c.is_alphabetic());
    let last = lower.iter().rposition(|c| c.is_alphabetic());
    // Without a letter it is a number, or signs.
    let (Some(first), Some(last)) = (first, last) else { return true };
    // What stands beside the outermost letters may be letters in disguise, or an ornament.
    let from = first.saturating_sub(MOST_DISGUISED)..=first;
    let to = last + 1..=lower.len().min(last + 1 + MOST_DISGUISED);
    let middles = from.flat_map(|from| to.clone().map(move |to| from..to));
    let mut middles = middles.filter_map(|range| lower.get(range));
    is_made_of_words(&letters)
        || middles.any(|middle| {
            // `1` is read as both of the letters that it looks like.
            ['i', 'l'].into_iter().any(|one| is_made_of_words(&undressed(middle, one)))
        })
}

/// A text without signs, with the letters that digits and signs stand for.
fn undressed(text: &[char], one: char) -> String {
    let letter = |c: char| match c {
        '0' => Some('o'),
        '1' | '!' | '|' => Some(one),
        '3' | '€' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' | '+' => Some('t'),
        '8' => Some('b'),
        c => c.is_alphabetic().then_some(c),
    };
    text.iter().copied().filter_map(letter).collect()
}

/// Whether a text is nothing else than up to three common words.
fn is_made_of_words(text: &str) -> bool {
    fn rest_is(text: &str, left: u8) -> bool {
        text.is_empty()
            || left > 0
                && words()
                    .filter_map(|word| text.strip_prefix(word))
                    .any(|rest| rest_is(rest, left - 1))
    }
    rest_is(text, 3)
}

fn words() -> impl Iterator<Item = &'static str> {
    WORDS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The parts of a name or an address that a password must not contain, in lower case.
pub(super) fn parts_of(known: &str) -> Vec<String> {
    let known = known.trim().to_lowercase();
    let parts = known.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| part.chars().count() >= LEAST_PART).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dressed_up_words_are_common() {
        for password in [
            "Password1!",
            "P@ssw0rd",
            "pa55word.",
            "PASSWORD_2024",
            "Qwerty123!",
            "!Welcome1",
            "Ciao1234.",
            "Password.Password1",
            "Juventus10!",
            "12345678.",
            "L3tm31n!",
            "Adm1n1strator.",
            "Benvenuto1!",
            "Iloveyou_2",
            "1q2w3e4r.",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn other_words_are_not() {
        for password in ["Tramontana_7 lenta", "vK9.rozzo", "Lampione(4)verde", "xy7.Qpwm"] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn the_words_are_as_an_undressed_password_is() {
        let mut seen = std::collections::BTreeSet::new();
        for word in words() {
            let letters: Vec<char> = word.chars().collect();
            assert_eq!(undressed(&letters, 'i'), word, "a word of the list would never be found");
            assert!(seen.insert(word), "{word} twice");
        }
        assert!(seen.len() > 200);
    }
}
