//! What people type about themselves.

use crate::holders::fields::{FieldRule, birth_date, fiscal_code, line, person_name};
use crate::holders::{Email, PhoneNumber};
use chrono::NaiveDate;
use proptest::prelude::*;

#[test]
fn addresses() {
    for good in ["a@b.it", "Ada.Lovelace+firma@mail.example.org", "o'brien_1@x-y.example"] {
        let email = Email::parse("email", good).unwrap();
        assert_eq!(email.as_str(), good.to_lowercase());
    }
    let long = format!("a@{}example.org", "b.".repeat(130));
    let local = format!("{}@example.org", "a".repeat(65));
    for bad in [
        "",
        "@",
        "a@",
        "@b.it",
        "a@b",
        "a@@b.it",
        "a@b@c.it",
        ".a@b.it",
        "a.@b.it",
        "a..b@c.it",
        "a b@c.it",
        "a@-b.it",
        "a@b-.it",
        "a@b..it",
        "a@192.0.2.1",
        "a@[192.0.2.1]",
        "\"a\"@b.it",
        "à@b.it",
        "a@bücher.it",
        "a@b.it\r\nBcc: x@y.it",
        "a,b@c.it",
        &long,
        &local,
    ] {
        let error = Email::parse("email", bad).unwrap_err();
        assert_eq!(error.rule(), Some("email-address"), "{bad:?}");
    }
}

#[test]
fn numbers() {
    for (typed, stored) in [
        ("+39 347 123 4567", "+393471234567"),
        ("0039 347 1234567", "+393471234567"),
        ("+39 (347) 123-45.67", "+393471234567"),
        ("+1/212/555 0100", "+12125550100"),
        ("+12345678", "+12345678"),
        ("+123456789012345", "+123456789012345"),
    ] {
        assert_eq!(PhoneNumber::parse("phone", typed).unwrap().as_str(), stored);
    }
    for bad in [
        "",
        "+",
        "347 123 4567",
        "+0347123456",
        "+1234567",
        "+1234567890123456",
        "++39347123456",
        "+39 347 123x567",
        "+39\u{661}471234567",
        "+39347123456\n",
    ] {
        let outcome = PhoneNumber::parse("phone", bad.trim_end_matches('\n'));
        let expected = bad.ends_with('\n');
        assert_eq!(outcome.is_ok(), expected, "{bad:?}");
    }
}

#[test]
fn fiscal_codes() {
    // Two of the examples that are published everywhere, and one with letters for digits.
    for (typed, stored) in [
        ("RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("mrt mtt 91d08 f205j", "MRTMTT91D08F205J"),
        ("DE-12345678901", "DE-12345678901"),
    ] {
        assert_eq!(fiscal_code("f", typed).unwrap(), stored);
    }
    for bad in [
        "",
        "RSSMRA85T10A562",
        "RSSMRA85T10A5622",
        "RSSMRAXXT10A562S",
        "D-1234",
        "DE-1",
        "DE-12_34",
    ] {
        assert_eq!(fiscal_code("f", bad).unwrap_err().rule(), Some("fiscal-code"), "{bad}");
    }
}

#[test]
fn names_lines_and_dates() {
    assert_eq!(person_name("n", "  Anna   Maria ").unwrap(), "Anna Maria");
    assert_eq!(person_name("n", "D'Angelo-Öz").unwrap(), "D'Angelo-Öz");
    for bad in ["", "  ", "12", "a\u{202e}b", "a\u{7}b", &"a".repeat(81)] {
        assert!(person_name("n", bad).is_err(), "{bad:?}");
    }
    assert_eq!(line("l", " why ").unwrap(), "why");
    assert!(
        line("l", "a\nb").is_err()
            && line("l", "").is_err()
            && line("l", &"a".repeat(201)).is_err()
    );
    let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let now = super::support::at(0);
    assert!(birth_date("d", date(2025, 12, 31), now).is_ok());
    for bad in [date(2026, 1, 1), date(1900, 12, 31), date(2100, 1, 1)] {
        assert!(birth_date("d", bad, now).is_err());
    }
}

#[test]
fn masks_show_little() {
    let email = Email::parse("e", "ada.lovelace@example.org").unwrap();
    assert_eq!(email.masked(), "a…@example.org");
    let phone = PhoneNumber::parse("p", "+39 347 123 4567").unwrap();
    assert_eq!(phone.masked(), "+39 … 67");
    assert_eq!(format!("{email:?} {phone:?}"), "Email PhoneNumber");
}

#[test]
fn rules_have_names_and_words() {
    let names: std::collections::BTreeSet<_> = FieldRule::ALL.iter().map(|r| r.name()).collect();
    assert_eq!(names.len(), FieldRule::ALL.len());
}

proptest! {
    /// One letter typed wrong is found by the check letter, for nearly all that keep the form.
    #[test]
    fn a_changed_check_letter_is_refused(letter in 0_u8..26) {
        let letter = char::from(b'A' + letter);
        let code = format!("RSSMRA85T10A562{letter}");
        prop_assert_eq!(fiscal_code("f", &code).is_ok(), letter == 'S');
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in any::<String>()) {
        drop(fiscal_code("f", &text));
        drop(Email::parse("e", &text));
        drop(PhoneNumber::parse("p", &text));
        drop(person_name("n", &text));
        drop(line("l", &text));
    }

    /// What was read is read again as the same.
    #[test]
    fn a_stored_number_reads_as_itself(digits in "[1-9][0-9]{7,14}") {
        let phone = PhoneNumber::parse("p", &format!("+{digits}")).unwrap();
        prop_assert_eq!(PhoneNumber::parse("p", phone.as_str()).unwrap(), phone);
    }
}
