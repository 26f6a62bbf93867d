//! Every text there is, as it goes out: golden files for each language, and what has to hold for
//! all of them.

use super::{MailText, Texts};
use accounts::holders::Language;
use accounts::holders::messages::Template;
use accounts::holders::otp::{Purpose, SmsCoding};
use chrono_tz::Tz;
use std::collections::HashSet;

const TOKEN: &str = "5f2c9a";
const PASSWORD: &str = "Kx7&mQ2!";
const CODE: &str = "314159";
/// 2026-07-12T08:32:05Z, which is 10:32 in Rome.
const AT: i64 = 1_783_845_125_000;
/// 2027-01-31T23:30:00Z, which is the next day in Rome.
const END: i64 = 1_801_438_200_000;
/// What nobody may smuggle into a page.
const EVIL: &str = "<b onclick=\"x\">&'";

fn texts() -> Texts {
    Texts {
        public_url: "https://firma.example".to_owned(),
        service: "Marca".to_owned(),
        support: Some("help@firma.example".to_owned()),
        zone: Tz::Europe__Rome,
    }
}

/// One of each, and a second where the text has another form.
#[expect(clippy::too_many_lines, reason = "one line for each letter, and nothing else")]
fn samples() -> Vec<Template> {
    use Template as T;
    let (token, credential) = (TOKEN.to_owned(), "a1b2c3".to_owned());
    let (of, masked) = (|| credential.clone(), || "+39 … 67".to_owned());
    let (address, link) = (|| "anna@example.org".to_owned(), || token.clone());
    vec![
        T::EnvelopeReady { token: link(), ends_at: END },
        T::FirstPassword { password: PASSWORD.to_owned(), ends_at: END },
        T::SetPassword { token: link(), ends_at: END },
        T::RegistrationReceived,
        T::RegistrationRejected { reason: format!("The photo is not clear. {EVIL}") },
        T::AlreadyRegistered,
        T::RecoverPassword { token: link(), ends_at: END },
        T::PasswordSet { at: AT },
        T::PasswordChanged { at: AT },
        T::PasswordRecovered { at: AT },
        T::LoginLocked { until: Some(END) },
        T::LoginLocked { until: None },
        T::QuestionChanged { at: AT, removed: false },
        T::QuestionChanged { at: AT, removed: true },
        T::ConfirmEmail { token: link(), ends_at: END },
        T::EmailChangeRequested { new_address: "a…@example.org".to_owned(), at: AT },
        T::EmailChanged { new_address: address(), at: AT },
        T::NoticeEmailChanged { new_address: address(), at: AT },
        T::PhoneChangeRequested { new_number: masked(), at: AT, effective_at: END },
        T::PhoneChanged { new_number: masked(), at: AT },
        T::OtpMethodChanged { authenticator: true, at: AT },
        T::OtpMethodChanged { authenticator: false, at: AT },
        T::Activated { credential: of(), until: END, at: AT },
        T::PinChanged { credential: of(), at: AT },
        T::PinLocked { credential: of(), at: AT },
        T::PukExhausted { credential: of(), at: AT },
        T::Suspended { credential: of(), until: Some(END), at: AT },
        T::Suspended { credential: of(), until: None, at: AT },
        T::SuspensionEnds { credential: of(), at: AT },
        T::Reactivated { credential: of(), at: AT },
        T::Revoked { credential: of(), reason: "cessation".to_owned(), at: AT },
        T::Revoked { credential: of(), reason: "key-compromise".to_owned(), at: AT },
        T::RenewalDue { credential: of(), days: 30, until: END },
        T::RenewalDue { credential: of(), days: 1, until: END },
        T::Renewed { credential: of(), until: END, at: AT },
        T::NewEnvelope { credential: of(), at: AT },
        T::SignatureMade { credential: of(), count: 1, at: AT },
        T::SignatureMade { credential: of(), count: 12, at: AT },
        T::SignatureSummary { day: "2026-07-12".to_owned(), times: vec![AT], count: None },
        T::SignatureSummary {
            day: "2026-07-12".to_owned(),
            times: vec![AT, AT + 1000],
            count: Some(300),
        },
        T::StampsLow { account: "studio-rossi".to_owned(), left: 1 },
        T::StampsLow { account: "studio-rossi".to_owned(), left: 25 },
        T::StampsExpiring { account: "studio-rossi".to_owned(), quantity: 1, until: END },
        T::StampsExpiring { account: "studio-rossi".to_owned(), quantity: 40, until: END },
        T::DeviceLinked { device: format!("Anna's phone {EVIL}"), at: AT },
        T::DeviceUnlinked { device: "Anna's phone".to_owned(), at: AT },
        T::LostPhoneFailed { at: AT },
        T::StampLinked { account: "sa-7".to_owned(), at: AT },
        T::NoticesChanged { at: AT, none: true },
        T::NoticesChanged { at: AT, none: false },
        T::Blocked { lifted: false, at: AT },
        T::Blocked { lifted: true, at: AT },
        T::Closed { at: AT, kept_until: END },
        T::OtpLocked { until: END },
        T::QrLoginApproved {
            device: "Anna's phone".to_owned(),
            from: "192.0.2.7".to_owned(),
            client: "Mozilla/5.0 (Firefox) see https://evil.example/x".to_owned(),
            at: AT,
        },
        T::QrLoginDisowned { at: AT },
        T::PhoneChangeWaiting { new_number: masked(), at: AT, effective_at: END, token: link() },
        T::PhoneChangeCancelled { new_number: masked(), at: AT },
        T::StampLinkEnded { account: "sa-17".to_owned(), at: AT },
    ]
}

/// The numbers of the stored form are those of the variants: each has a sample, and the one-time
/// code, whose text is made elsewhere, has none.
#[test]
fn there_is_a_sample_of_every_template() {
    let source = include_str!("../../../../accounts/src/holders/messages/template.rs");
    let variants = source.lines().filter(|line| line.starts_with("    #[n(")).count();
    let kinds: HashSet<&str> = samples().iter().map(Template::kind).collect();
    assert_eq!(kinds.len() + 1, variants, "a template has no sample here");
}

fn otp() -> Template {
    Template::OtpCode {
        purpose: Purpose::Sign,
        requested_at: AT,
        made_at: AT,
        code: CODE.to_owned(),
        documents: Some(2),
    }
}

fn mail(template: &Template, language: Language) -> MailText {
    texts().mail("Anna", template, language).unwrap()
}

/// All texts of a language in one file, for a reader.
fn book(language: Language) -> String {
    let mut book = String::new();
    for template in samples() {
        let MailText { subject, text, .. } = mail(&template, language);
        let short = texts().short(&template, language);
        let short = short.map_or("(none)".to_owned(), |short| short.text.to_string());
        book.push_str(&format!(
            "==== {}\nSubject: {subject}\nShort: {short}\n\n{text}\n",
            template.kind()
        ));
    }
    book
}

/// A golden file, or the text that should be in it.
fn compare(actual: &str, golden: &str, name: &str) {
    assert!(actual == golden, "{name} has to be:\n{actual}");
}

#[test]
fn the_english_texts_are_those_that_were_read() {
    compare(&book(Language::En), include_str!("golden/en.txt"), "golden/en.txt");
}

#[test]
fn the_italian_texts_are_those_that_were_read() {
    compare(&book(Language::It), include_str!("golden/it.txt"), "golden/it.txt");
}

#[test]
fn the_frame_is_the_one_that_was_looked_at() {
    let samples = samples();
    let shown = |kind: &str| samples.iter().find(|sample| sample.kind() == kind).unwrap();
    let envelope = mail(shown("envelope-ready"), Language::It).html;
    compare(&envelope, include_str!("golden/envelope-ready.html"), "golden/envelope-ready.html");
    let linked = mail(shown("device-linked"), Language::En).html;
    compare(&linked, include_str!("golden/device-linked.html"), "golden/device-linked.html");
}

/// ASVS 5.0, 6.3.6: mail is no way for one-time codes.
#[test]
fn a_one_time_code_does_not_go_by_mail() {
    for language in [Language::En, Language::It] {
        assert_eq!(texts().mail("Anna", &otp(), language), None);
        assert!(texts().short(&otp(), language).is_none(), "its text is made elsewhere");
    }
}

/// A text has the secret that it is for, and no other; most have none. In a short message there is
/// no link, and nothing that stands behind one.
#[test]
fn a_text_has_no_secret_but_its_own() {
    for template in samples() {
        let own = match &template {
            Template::EnvelopeReady { .. }
            | Template::SetPassword { .. }
            | Template::RecoverPassword { .. }
            | Template::ConfirmEmail { .. }
            | Template::PhoneChangeWaiting { .. } => Some(TOKEN),
            Template::FirstPassword { .. } => Some(PASSWORD),
            _ => None,
        };
        assert_eq!(own.is_some(), template.is_secret(), "{}", template.kind());
        for language in [Language::En, Language::It] {
            let MailText { subject, text, html } = mail(&template, language);
            let escaped = super::escape(PASSWORD);
            for secret in [TOKEN, PASSWORD, CODE] {
                let there = text.contains(secret);
                assert_eq!(there, own == Some(secret), "{}: {secret}", template.kind());
                assert!(!subject.contains(secret), "a subject is shown on locked telephones");
            }
            assert_eq!(html.contains(TOKEN), own == Some(TOKEN), "{}", template.kind());
            assert_eq!(html.contains(&escaped), own == Some(PASSWORD), "{}", template.kind());
            let Some(short) = texts().short(&template, language) else { continue };
            assert!(!short.text.contains(TOKEN) && !short.text.contains("http"));
            assert_eq!(short.text.contains(PASSWORD), own == Some(PASSWORD));
        }
    }
}

/// A token stands behind `#`, where no server's log gets it, and nowhere else.
#[test]
fn what_a_link_proves_stands_in_the_fragment() {
    for template in samples() {
        let text = mail(&template, Language::En).text;
        for word in text.split_whitespace().filter(|word| word.contains(TOKEN)) {
            let (page, token) = word.split_once('#').expect("a fragment");
            assert!(page.starts_with("https://firma.example/") && !page.contains(TOKEN));
            assert_eq!(token, TOKEN);
        }
    }
}

/// Nothing is fetched when a mail is opened, and nothing that was given becomes markup.
#[test]
fn the_html_is_quiet_and_escaped() {
    for template in samples() {
        for language in [Language::En, Language::It] {
            let MailText { subject, text, html } = mail(&template, language);
            let kind = template.kind();
            for loud in ["<img", "<script", "<link", "<iframe", "@import", "url(", "src=", "<form"]
            {
                assert!(!html.contains(loud), "{kind}: {loud}");
            }
            assert!(!html.contains("<b onclick") && !html.contains("{parts}"), "{kind}");
            assert_eq!(text.contains(EVIL), html.contains(&super::escape(EVIL)), "{kind}");
            assert!(html.contains(&super::escape(&subject)), "{kind}");
            // Only what the reader is to open is an address.
            assert_eq!(html.matches("href=").count(), text.matches("https://").count(), "{kind}");
        }
    }
}

/// One short message has room for 160 characters (3GPP TS 23.038 §6.2.1), and a name of a service
/// that is longer than ours takes a part of it.
#[test]
fn short_texts_fit_into_one_message() {
    for template in samples() {
        for language in [Language::En, Language::It] {
            let Some(short) = texts().short(&template, language) else { continue };
            let text = short.text.as_str();
            assert_eq!(short.coding, SmsCoding::Gsm7, "{text}");
            assert_eq!(short.parts, 1, "{text}");
            assert!(text.chars().count() <= 160 - 10, "{}: {text}", text.chars().count());
        }
    }
}

#[test]
fn times_are_those_of_the_zone_and_name_it() {
    let in_zone = |zone| {
        let texts = Texts { zone, ..texts() };
        texts.mail("Anna", &Template::PasswordSet { at: END }, Language::En).unwrap().text
    };
    assert!(in_zone(Tz::Europe__Rome).contains("on 1 February 2027 at 00:30 (Rome time)."));
    assert!(in_zone(Tz::UTC).contains("on 31 January 2027 at 23:30 (UTC)."));
    assert!(in_zone(Tz::America__New_York).contains("at 18:30 (New York time)."));
}

/// A day, a name or a cause that nobody thought of is shown as it is, and stops nothing.
#[test]
fn what_a_stranger_wrote_is_no_address() {
    for language in [Language::En, Language::It] {
        for template in samples() {
            let Some(mail) = texts().mail("Anna", &template, language) else { continue };
            assert!(!mail.text.contains("evil.example"), "{}", template.kind());
        }
    }
}

#[test]
fn odd_values_stop_nothing() {
    let text = |template| mail(&template, Language::En).text;
    let summary = Template::SignatureSummary { day: "?".to_owned(), times: vec![], count: Some(0) };
    assert!(text(summary).contains("On ? 0 signatures were made"));
    let (credential, reason) = ("x".to_owned(), "new-cause".to_owned());
    assert!(
        text(Template::Revoked { credential, reason, at: i64::MAX }).contains("…x was revoked")
    );
}
