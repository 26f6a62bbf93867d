//! The codes: their shapes, their chances, and each rule for a chosen PIN broken one at a time.

use std::collections::HashMap;

use chrono::NaiveDate;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::number::check_digit;
use super::*;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn context(used_before: &dyn Fn(&Pin) -> bool) -> PinContext<'_> {
    PinContext { birth_date: NaiveDate::from_ymd_opt(1956, 3, 7), used_before }
}

fn choose(text: &str) -> Result<Pin, PinRefused> {
    Pin::choose(text, &context(&|_| false))
}

fn refusal(text: &str) -> PinRefused {
    choose(text).err().unwrap_or_else(|| panic!("{text} was taken"))
}

#[test]
fn a_pin_without_an_order_is_taken() {
    for text in ["40718236", "90210753", "11203947", "12349705", "00740218"] {
        assert_eq!(choose(text).unwrap().expose(), text);
    }
}

#[test]
fn only_eight_ascii_digits_are_a_pin() {
    for text in ["", "1", "4071823", "407182364", "4071 8236", " 40718236", "4071823a", "٤٠٧١٨٢٣٦"]
    {
        assert_eq!(refusal(text), PinRefused::NotEightDigits, "{text:?}");
    }
}

#[test]
fn repeated_digits_are_refused() {
    for text in ["00000000", "77777778", "12222934", "19191919", "12121221", "11223344", "99110022"]
    {
        assert_eq!(refusal(text), PinRefused::RepeatedDigits, "{text}");
    }
}

#[test]
fn a_group_that_comes_twice_is_refused() {
    for text in ["40714071", "12341234", "90219021"] {
        assert_eq!(refusal(text), PinRefused::RepeatedGroup, "{text}");
    }
}

#[test]
fn runs_are_refused_in_both_directions_and_across_zero() {
    for text in ["12345678", "87654321", "78901234", "32109876", "40123459", "95432107", "12349876"]
    {
        assert_eq!(refusal(text), PinRefused::Run, "{text}");
    }
}

#[test]
fn the_birth_date_is_refused_in_every_order() {
    // 7 March 1956.
    for text in [
        "07031956", "07195603", "03071956", "03195607", "19560703",
        "19560307", // the whole year
        "65913070", "70306591", // backwards
        "07035648", "48070356", "40703568", "56030791", "95607038", // two digits of the year
    ] {
        assert_eq!(refusal(text), PinRefused::BirthDate, "{text}");
    }
    let without = PinContext { birth_date: None, used_before: &|_| false };
    assert!(Pin::choose("07031956", &without).is_ok(), "nothing to hold it against");
}

#[test]
fn one_of_the_last_pins_is_refused_and_asked_for_last() {
    let last = ["40718236", "90210753", "11203947"];
    let used = |pin: &Pin| last.contains(&pin.expose());
    for text in last {
        let refused = Pin::choose(text, &context(&used)).unwrap_err();
        assert_eq!(refused, PinRefused::UsedBefore);
    }
    assert!(Pin::choose("40718237", &context(&used)).is_ok());

    let never = |_: &Pin| panic!("asked although another rule was broken");
    for text in ["1234567", "00000000", "40714071", "12345678", "07031956"] {
        assert!(Pin::choose(text, &context(&never)).is_err());
    }
}

#[test]
fn drawn_codes_have_their_shapes_and_are_no_first_guesses() {
    let mut rng = rng(1);
    for _ in 0..5_000 {
        let codes = Codes::generate(&mut rng);
        let pin = codes.pin.unwrap();
        assert!(choose_without_birth_date(pin.expose()), "{}", pin.expose());
        assert_eq!(codes.puk.expose().len(), 10);
        assert_eq!(pin::first_guess(codes.puk.expose()), None);
        assert_eq!(codes.emergency_code.expose().len(), 10);
        assert!(!codes.emergency_code.expose().contains(|c: char| "01ABEGILOSUZ".contains(c)));
        assert_eq!(codes.number.as_str().len(), 13);
    }
    assert!(Codes::renew(&mut rng).pin.is_none());
}

fn choose_without_birth_date(text: &str) -> bool {
    Pin::choose(text, &PinContext { birth_date: None, used_before: &|_| false }).is_ok()
}

/// With n draws of a character that has the chance p, five standard deviations of the count.
fn assert_even(counts: &HashMap<char, u32>, symbols: usize) {
    assert_eq!(counts.len(), symbols);
    let total: u32 = counts.values().sum();
    let expected = f64::from(total) / symbols as f64;
    let limit = 5.0 * (expected * (1.0 - 1.0 / symbols as f64)).sqrt();
    for (character, count) in counts {
        let off = (f64::from(*count) - expected).abs();
        assert!(off < limit, "{character}: {count}, expected {expected} ± {limit}");
    }
}

#[test]
fn every_character_has_the_same_chance() {
    let mut rng = rng(2);
    let (mut pins, mut puks, mut codes) = (HashMap::new(), HashMap::new(), HashMap::new());
    for _ in 0..10_000 {
        let drawn = Codes::generate(&mut rng);
        for (counts, text) in [
            (&mut pins, drawn.pin.as_ref().unwrap().expose()),
            (&mut puks, drawn.puk.expose()),
            (&mut codes, drawn.emergency_code.expose()),
        ] {
            text.chars().for_each(|c| *counts.entry(c).or_insert(0) += 1);
        }
    }
    // What is refused treats all digits alike, so the digits that stay are even too.
    assert_even(&pins, 10);
    assert_even(&puks, 10);
    assert_even(&codes, 24);
}

#[test]
fn the_rules_leave_enough_to_choose_from() {
    let mut rng = rng(3);
    let refused = (0..100_000)
        .filter(|_| pin::first_guess(&random_text(&mut rng, b"0123456789", 8)).is_some())
        .count();
    assert!((200..1_000).contains(&refused), "{refused} of 100000");
}

#[test]
fn the_check_digit_is_the_standards() {
    // ISO/IEC 7064, MOD 11,10: 0794 has the check character 5.
    assert_eq!(check_digit("0794"), '5');
}

#[test]
fn typed_codes_are_read_with_spaces_and_small_letters() {
    assert_eq!(Pin::parse(" 4071 8236 ").unwrap().expose(), "40718236");
    assert_eq!(Pin::parse("12345678").unwrap().expose(), "12345678", "an old PIN stays usable");
    assert_eq!(Puk::parse("40718-23690").unwrap().expose(), "4071823690");
    assert_eq!(EmergencyCode::parse("c7dfh jkmn\u{a0}9").unwrap().expose(), "C7DFHJKMN9");
    assert_eq!(EmergencyCode::parse("SBGZU22222").unwrap().expose(), "5862V22222");
    for text in ["", "C7DFHJKMN", "C7DFHJKMN99", "O7DFHJKMN9", "17DFHJKMN9", "ß7DFHJKMN9"] {
        assert_eq!(EmergencyCode::parse(text).err(), Some(BadCode::EmergencyCode), "{text:?}");
    }
    assert_eq!(Pin::parse("4071823").err(), Some(BadCode::Pin));
    assert_eq!(Pin::parse("407182361").err(), Some(BadCode::Pin));
    assert_eq!(Puk::parse("407182369x").err(), Some(BadCode::Puk));
    assert_eq!(EnvelopeNumber::parse("12").err(), Some(BadCode::EnvelopeNumber));
}

#[test]
fn debug_shows_no_secret() {
    let codes = Codes::generate(&mut rng(4));
    let shown = format!("{codes:?} {:?}", context(&|_| false));
    let pin = codes.pin.as_ref().unwrap();
    for secret in [pin.expose(), codes.puk.expose(), codes.emergency_code.expose()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_wrong_digit_in_a_number_is_found(seed: u64, place in 0usize..13, add in 1u8..10) {
        let number = EnvelopeNumber::generate(&mut rng(seed));
        prop_assert_eq!(EnvelopeNumber::parse(&number.to_string()).unwrap(), number.clone());
        let mut wrong = number.as_str().as_bytes().to_vec();
        wrong[place] = b'0' + (wrong[place] - b'0' + add) % 10;
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(EnvelopeNumber::parse(&wrong).err(), Some(BadCode::CheckDigit));
    }

    #[test]
    fn what_is_printed_can_be_typed_back(seed: u64) {
        let codes = Codes::generate(&mut rng(seed));
        let pin = codes.pin.unwrap();
        let read = Pin::parse(&grouped(pin.expose(), 4)).unwrap();
        prop_assert_eq!(read.expose(), pin.expose());
        let read = Puk::parse(&grouped(codes.puk.expose(), 5)).unwrap();
        prop_assert_eq!(read.expose(), codes.puk.expose());
        let typed = grouped(codes.emergency_code.expose(), 5).to_lowercase();
        let read = EmergencyCode::parse(&typed).unwrap();
        prop_assert_eq!(read.expose(), codes.emergency_code.expose());
    }

    #[test]
    fn a_chosen_pin_never_counts_repeats_or_holds_the_date(
        text in "[0-9]{8}",
        days in 0i32..40_000,
    ) {
        let birth_date = NaiveDate::from_num_days_from_ce_opt(700_000 + days);
        let context = PinContext { birth_date, used_before: &|_| false };
        if Pin::choose(&text, &context).is_ok() {
            let date = birth_date.unwrap();
            for format in ["%d%m%Y", "%Y%m%d", "%m%d%Y", "%d%m%y", "%y%m%d", "%m%d%y"] {
                prop_assert!(!text.contains(&date.format(format).to_string()));
            }
            for digit in 0..10 {
                prop_assert!(!text.contains(&digit.to_string().repeat(4)));
            }
        }
    }

    #[test]
    fn reading_what_strangers_type_never_panics(text in ".{0,40}") {
        drop((Pin::parse(&text), Puk::parse(&text), EmergencyCode::parse(&text)));
        drop((EnvelopeNumber::parse(&text), crate::Passphrase::parse(&text), choose(&text)));
    }
}
