//! The rules of a new password: each broken alone, and none by what keeps them.

use crate::holders::password::{PasswordContext, PasswordRule, SPECIAL, check, prepared};
use proptest::prelude::*;

const ADA: PasswordContext<'static> = PasswordContext {
    email: "ada.lovelace@analytical.example",
    given_name: "Augusta Ada",
    surname: "King-Noel",
    service_name: "Marca",
};

fn broken(password: &str) -> Vec<PasswordRule> {
    check(password, &ADA).iter().filter(|outcome| !outcome.met).map(|o| o.rule).collect()
}

#[test]
fn each_rule_is_broken_alone() {
    use PasswordRule::*;
    let long = format!("Tr7.{}", "xY".repeat(63));
    for (rule, password) in [
        (LongEnough, "Tram7.x"),
        (NotTooLong, long.as_str()),
        (LowerCase, "TRAMONTANA7.LENTA"),
        (UpperCase, "tramontana7.lenta"),
        (Digit, "Tramontana.lenta"),
        (Special, "Tramontana7-lenta"),
        (NoThreeInARow, "Trammmontana7.lenta"),
        (NotCommon, "P@ssw0rd.1"),
        (NotPersonal, "Tra.lovelace7"),
    ] {
        assert_eq!(broken(password), [rule], "{password}");
    }
}

#[test]
fn every_special_character_counts_and_no_other() {
    for special in SPECIAL.chars() {
        assert_eq!(broken(&format!("Tramontana7{special}lenta")), [], "{special}");
    }
    for other in "$@#*-/:;<=>'{}|~` §".chars() {
        let password = format!("Tramontana7{other}lenta");
        assert_eq!(broken(&password), [PasswordRule::Special], "{other}");
        // Allowed beside one that counts.
        assert_eq!(broken(&format!("{password}.")), [], "{other}");
    }
}

#[test]
fn blanks_and_letters_of_any_language_are_taken() {
    for password in
        ["Il vento è 7 volte.", "Ветер северный 7.", "Ångström (7) grün", "雨が降る7.Aa"]
    {
        assert_eq!(broken(password), [], "{password}");
    }
}

#[test]
fn two_in_a_row_are_allowed() {
    assert_eq!(broken("Trammontana77..Lenta"), []);
    assert_eq!(broken("Tramontana777.lenta"), [PasswordRule::NoThreeInARow]);
}

#[test]
fn every_part_of_a_name_and_an_address_is_looked_for() {
    for part in ["augusta", "AUGUSTA", "King", "Noel", "Lovelace", "Analytical", "marca"] {
        let password = format!("xV7.{part}.tra");
        assert_eq!(broken(&password), [PasswordRule::NotPersonal], "{password}");
    }
    // Three letters are in half of all words.
    assert_eq!(broken("Strada7.lenta"), []);
}

#[test]
fn the_same_letter_typed_in_two_ways_is_the_same_password() {
    let one = prepared("Tramont\u{e0}na7.lenta", &ADA).unwrap();
    let two = prepared("Tramonta\u{300}na7.lenta", &ADA).unwrap();
    assert_eq!(*one, *two);
}

#[test]
fn rules_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> =
        PasswordRule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), PasswordRule::ALL.len());
}

/// A password that keeps every rule: what follows spoils it in one way.
fn good() -> impl Strategy<Value = String> {
    "[a-z]{2}[A-Z]{2}[0-9]{2}[&%!()?^+.,_]{2}[xXzZ79 -]{0,40}"
        .prop_filter("no three in a row, nothing common", |password| broken(password).is_empty())
}

proptest! {
    #[test]
    fn a_rule_is_judged_by_itself(password in any::<String>()) {
        let outcomes = check(&password, &ADA);
        prop_assert_eq!(outcomes.len(), PasswordRule::ALL.len());
        let all_met = outcomes.iter().all(|outcome| outcome.met);
        prop_assert_eq!(prepared(&password, &ADA).is_ok(), all_met);
    }

    #[test]
    fn without_lower_case(password in good()) {
        prop_assert!(broken(&password.to_uppercase()).contains(&PasswordRule::LowerCase));
    }

    #[test]
    fn without_upper_case(password in good()) {
        prop_assert!(broken(&password.to_lowercase()).contains(&PasswordRule::UpperCase));
    }

    #[test]
    fn without_digits(password in good()) {
        let password: String = password.chars().filter(|c| !c.is_ascii_digit()).collect();
        prop_assert!(broken(&password).contains(&PasswordRule::Digit));
    }

    #[test]
    fn without_special(password in good()) {
        let password: String = password.chars().filter(|c| !SPECIAL.contains(*c)).collect();
        prop_assert!(broken(&password).contains(&PasswordRule::Special));
    }

    #[test]
    fn cut_short(password in good(), length in 0_usize..8) {
        let password: String = password.chars().take(length).collect();
        prop_assert!(broken(&password).contains(&PasswordRule::LongEnough));
    }

    #[test]
    fn with_one_character_three_times(password in good(), place in any::<prop::sample::Index>()) {
        let mut characters: Vec<char> = password.chars().collect();
        let place = place.index(characters.len());
        let repeated = characters[place];
        characters.splice(place..place, [repeated, repeated]);
        let password: String = characters.into_iter().collect();
        prop_assert!(broken(&password).contains(&PasswordRule::NoThreeInARow));
    }

    #[test]
    fn with_a_name_in_it(password in good(), place in 0_usize..8) {
        let mut password = password;
        password.insert_str(place, "lOveLace");
        prop_assert!(broken(&password).contains(&PasswordRule::NotPersonal));
    }

    #[test]
    fn a_common_word_stays_one_in_any_dress(
        word in prop::sample::select(vec!["password", "qwerty", "benvenuto", "juventus"]),
        head in "[0-9&%!.,_]{0,4}",
        tail in "[0-9&%!.,_]{0,6}",
        upper in any::<u32>(),
    ) {
        let dress = |(place, c): (usize, char)| match (c, upper >> (place * 2) & 3) {
            ('o', 1) => '0',
            ('e', 1) => '3',
            ('s', 1) => '5',
            ('a', 1) => '@',
            (c, 2) => c.to_ascii_uppercase(),
            (c, _) => c,
        };
        let word: String = word.chars().enumerate().map(dress).collect();
        let password = format!("{head}{word}{tail}");
        prop_assert!(broken(&password).contains(&PasswordRule::NotCommon), "{}", password);
    }
}
