//! The words of short messages, and the room that they take.

use super::support::at;
use crate::holders::Language;
use crate::holders::messages::Template;
use crate::holders::otp::{Purpose, SmsCoding, SmsText, sms_text};
use chrono::FixedOffset;
use std::fmt::Write;

const LANGUAGES: [Language; 2] = [Language::En, Language::It];

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).unwrap()
}

fn code(purpose: Purpose, documents: Option<u32>) -> Template {
    Template::OtpCode {
        purpose,
        requested_at: at(86_399).timestamp_millis(),
        made_at: at(86_340).timestamp_millis(),
        code: "012345".to_owned(),
        documents,
    }
}

fn said(template: &Template, language: Language, service: &str) -> SmsText {
    sms_text(template, language, service, utc()).unwrap()
}

/// Every text that there is.
fn all() -> Vec<Template> {
    let number = "+39 … 67".to_owned();
    let at = at(0).timestamp_millis();
    // A code of the app is never sent.
    let sent = Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::ChangePhoneApp);
    let mut all: Vec<_> = sent.map(|purpose| code(purpose, None)).collect();
    all.extend([1, 100].map(|documents| code(Purpose::Sign, Some(documents))));
    all.extend([
        Template::PhoneChangeRequested { new_number: number.clone(), at, effective_at: at },
        Template::PhoneChanged { new_number: number.clone(), at },
        Template::PhoneChangeCancelled { new_number: number, at },
    ]);
    all
}

#[test]
fn the_words_of_every_message() {
    let mut lines = String::new();
    for language in LANGUAGES {
        for template in all() {
            let text = said(&template, language, "Marca").text;
            writeln!(lines, "{} {}", language.code(), *text).unwrap();
        }
    }
    assert_eq!(lines, include_str!("sms_text.txt"), "\n{lines}");
}

#[test]
fn one_message_is_enough_for_the_longest_name() {
    let longest = "Autorità di Marcatura Temporal";
    assert_eq!(longest.chars().count(), 30);
    for language in LANGUAGES {
        for template in all() {
            let SmsText { text, coding, parts } = said(&template, language, longest);
            assert_eq!((coding, parts), (SmsCoding::Gsm7, 1), "{}", *text);
            assert!(text.chars().count() <= 160);
        }
    }
}

/// A holder must not get used to links in messages.
#[test]
fn no_message_has_a_link_and_each_begins_with_the_service() {
    for language in LANGUAGES {
        for template in all() {
            let text = said(&template, language, "Marca").text;
            assert!(text.starts_with("Marca: "));
            assert!(
                !text.contains("http") && !text.contains("www") && !text.contains('/') || {
                    // The slashes of an Italian day.
                    text.split('/').all(|part| part.contains(|c: char| c.is_ascii_digit()))
                }
            );
        }
    }
}

#[test]
fn a_name_outside_the_alphabet_makes_it_ucs_2_and_is_counted() {
    let SmsText { text, coding, parts } = said(&code(Purpose::Sign, None), Language::En, "Μάρκα");
    assert_eq!(coding, SmsCoding::Ucs2);
    assert_eq!(parts, text.encode_utf16().count().div_ceil(67));
    assert!(parts >= 2);
}

#[test]
fn what_stands_in_the_extension_of_the_alphabet_takes_twice_the_room() {
    let plain = said(&code(Purpose::UnlockPin, None), Language::En, &"x".repeat(30));
    let double = said(&code(Purpose::UnlockPin, None), Language::En, &"€".repeat(30));
    assert_eq!((plain.coding, plain.parts), (SmsCoding::Gsm7, 1));
    assert_eq!((double.coding, double.parts), (SmsCoding::Gsm7, 2));
}

#[test]
fn days_and_times_are_those_of_the_zone() {
    let rome = FixedOffset::east_opt(3_600).unwrap();
    let text = sms_text(&code(Purpose::Sign, None), Language::It, "Marca", rome).unwrap().text;
    assert!(text.contains("02/01/2026") && text.contains("00:59:00"), "{}", *text);
    assert!(!text.contains("UTC"));
}

#[test]
fn what_goes_by_mail_alone_has_no_text() {
    let template = Template::AlreadyRegistered;
    assert!(sms_text(&template, Language::En, "Marca", utc()).is_none());
}

#[test]
fn a_text_is_not_printed() {
    let text = said(&code(Purpose::Sign, None), Language::En, "Marca");
    assert_eq!(format!("{text:?}"), "SmsText { coding: Gsm7, parts: 1 }");
}
