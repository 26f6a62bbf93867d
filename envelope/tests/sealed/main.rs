//! Sealed envelopes, read by programs that are not ours: qpdf and the tools of poppler.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod errors;
mod leaks;
mod tools;

use chrono::{DateTime, TimeZone, Utc};
use marca_envelope::{Codes, Envelope, Language, Passphrase};
use rand::SeedableRng;
use rand::rngs::StdRng;

use tools::{PASSPHRASE, opened, text_of};

const LANGUAGES: [Language; 2] = [Language::En, Language::It];
const LONG_NAME: &str = "Maria Annunziata Đặng D’Ambrosio Castelnuovo della Rovere \
                         Șerbănescu-Παπαδόπουλος Щербакова";

fn rng() -> StdRng {
    StdRng::seed_from_u64(42)
}

fn issued_at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 2, 9, 30, 0).unwrap()
}

fn envelope(codes: &Codes, language: Language) -> Envelope<'_> {
    Envelope {
        codes,
        holder_name: LONG_NAME,
        user_id: "MK12P345",
        issued_at: issued_at(),
        language,
        service_name: "Example Remote Signature",
        portal_address: "https://portal.example.org",
        suspension_address: "https://portal.example.org/suspend",
        support: Some("+39 000 000 0000"),
    }
}

fn passphrase() -> Passphrase {
    Passphrase::parse(PASSPHRASE).unwrap()
}

fn sealed(codes: &Codes, language: Language) -> Vec<u8> {
    envelope(codes, language).seal(&passphrase(), &mut rng()).unwrap()
}

/// A code with a space after every `size` characters.
fn grouped(code: &str, size: usize) -> String {
    let groups: Vec<String> =
        code.as_bytes().chunks(size).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
    groups.join(" ")
}

#[test]
fn qpdf_finds_revision_6_with_aes_256_and_no_fault() {
    let pdf = sealed(&Codes::generate(&mut rng()), Language::En);
    let said = opened(&pdf, "--check", PASSPHRASE).unwrap();
    assert!(said.contains("PDF Version: 2.0"), "{said}");
    assert!(said.contains("R = 6"), "{said}");
    assert!(said.contains("Supplied password is user password"), "{said}");
    for method in ["stream", "string", "file"] {
        assert!(said.contains(&format!("{method} encryption method: AESv3")), "{said}");
    }
    assert!(said.contains("print high resolution: allowed"), "{said}");
    assert!(said.contains("extract for accessibility: allowed"), "{said}");
    assert!(said.contains("modify anything: not allowed"), "{said}");
    assert!(said.contains("No syntax or stream encoding errors found"), "{said}");
}

#[test]
fn another_passphrase_does_not_open() {
    let pdf = sealed(&Codes::generate(&mut rng()), Language::En);
    for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
        let said = opened(&pdf, "--check", wrong).unwrap_err();
        assert!(said.contains("invalid password"), "{wrong:?}: {said}");
    }
}

#[test]
fn the_passphrase_is_prepared_as_the_standard_says() {
    // RFC 4013: a soft hyphen is nothing, and e with a combining accent is é.
    let typed = Passphrase::parse("pe\u{301}nso\u{ad}lette").unwrap();
    let codes = Codes::generate(&mut rng());
    let pdf = envelope(&codes, Language::It).seal(&typed, &mut rng()).unwrap();
    assert!(opened(&pdf, "--check", "pénsolette").is_ok());

    let longest = "é".repeat(63) + "x";
    let pdf = envelope(&codes, Language::It)
        .seal(&Passphrase::parse(&longest).unwrap(), &mut rng())
        .unwrap();
    assert!(opened(&pdf, "--check", &longest).is_ok(), "127 bytes");
}

#[test]
fn every_text_and_code_is_on_the_one_page() {
    for language in LANGUAGES {
        let codes = Codes::generate(&mut rng());
        let text = text_of(&sealed(&codes, language));
        assert_eq!(text.matches('\u{c}').count(), 1, "pages in {language:?}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let pin = codes.pin.as_ref().unwrap();
        let mut expected = vec![
            grouped(pin.expose(), 4),
            grouped(codes.puk.expose(), 5),
            grouped(codes.emergency_code.expose(), 5),
            codes.number.to_string(),
            "Maria Annunziata Đặng D’Ambrosio Castelnuovo della Rovere".to_owned(),
            "Șerbănescu-Παπαδόπουλος Щербакова".to_owned(),
        ];
        let of_the_language: &[&str] = match language {
            Language::En => &[
                "The codes of your remote signature",
                "2 November 2026",
                "User ID",
                "Activate your signature",
                "open https://portal.example.org and sign in",
                "If you lose your phone, or fear that somebody else can sign",
                "Open https://portal.example.org/suspend and type",
                "Keep the codes secret",
                "Questions? +39 000 000 0000",
                "Emergency code",
                "Envelope number",
            ],
            Language::It => &[
                "I codici della sua firma remota",
                "2 novembre 2026",
                "ID utente",
                "Come attivare la firma",
                "apra https://portal.example.org e acceda",
                "Se perde il telefono o teme che altri possano firmare",
                "Apra https://portal.example.org/suspend e digiti",
                "Tenga segreti i codici",
                "Domande? +39 000 000 0000",
                "Codice di emergenza",
                "Numero di busta",
            ],
        };
        expected.extend(of_the_language.iter().map(|text| (*text).to_owned()));
        expected.extend(["MK12P345", "Example Remote Signature", "PIN", "PUK"].map(str::to_owned));
        for text in expected {
            assert!(words.contains(&text), "{text:?} is not in:\n{words}");
        }
    }
}

#[test]
fn a_later_sheet_prints_no_pin_and_nothing_to_activate() {
    for (language, own, activate, new) in [
        (Language::En, "your own", "Activate", "What is new"),
        (Language::It, "quello scelto da lei", "Come attivare", "Che cosa c’è di nuovo"),
    ] {
        let codes = Codes::renew(&mut rng());
        let text = text_of(&sealed(&codes, language));
        assert!(text.contains(own) && text.contains(new), "{text}");
        assert!(text.contains(&grouped(codes.puk.expose(), 5)), "{text}");
        assert!(!text.contains(activate), "{text}");
    }
}

#[test]
fn letters_of_many_alphabets_come_out_as_they_went_in() {
    let codes = Codes::generate(&mut rng());
    for name in [
        "Łukasz Żółć",
        "Đặng Thị Ngọc",
        "Þórður Ægisson",
        "Őry Ödön",
        "Čačić Đurđević",
        "Νίκος Ξένος",
        "Юлія Ґалаґан",
        "გიორგი ბერიძე",
        "Արամ Խաչատրյան",
        "Ġorġ Ħal",
        "Müller-Lüdenscheidt",
        "O’Neill",
    ] {
        let pdf = Envelope { holder_name: name, ..envelope(&codes, Language::En) }
            .seal(&passphrase(), &mut rng())
            .unwrap();
        let text = text_of(&pdf);
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn the_longest_texts_still_fit_the_page() {
    let name = ["Maria Annunziata Castelnuovo"; 4].join(" ");
    let address = format!("https://{}.example.org/", "portal".repeat(8));
    for language in LANGUAGES {
        for codes in [Codes::generate(&mut rng()), Codes::renew(&mut rng())] {
            let longest = Envelope {
                holder_name: &name,
                portal_address: &address,
                suspension_address: &address,
                support: Some(&address),
                service_name: "Example Remote Signature and Time Stamps",
                ..envelope(&codes, language)
            };
            let text = text_of(&longest.seal(&passphrase(), &mut rng()).unwrap());
            assert_eq!(text.matches('\u{c}').count(), 1);
            assert_eq!(text.matches(&address).count(), 3, "{text}");
        }
    }
}

/// The rendered page: white margins, and at the bottom right the block with the codes.
#[test]
fn the_page_is_drawn_with_the_codes_at_the_bottom_right() {
    for language in LANGUAGES {
        let page = tools::drawn(&sealed(&Codes::generate(&mut rng()), language));
        assert_eq!((page.width, page.height), (827, 1170), "A4 at 100 dots per inch");
        let ink = |x: std::ops::Range<usize>, y: std::ops::Range<usize>| page.dark(x, y);
        for (margin, dark) in [
            ("left", ink(0..70, 0..1170)),
            ("right", ink(757..827, 0..1170)),
            ("top", ink(0..827, 0..50)),
            ("bottom", ink(0..827, 1110..1170)),
        ] {
            assert_eq!(dark, 0, "ink in the {margin} margin, {language:?}");
        }
        for row in 0..4 {
            let top = 825 + row * 71;
            assert!(ink(480..757, top..top + 68) > 500, "row {row} of the codes, {language:?}");
        }
        assert!(ink(75..757, 757..783) == 0, "air above the codes, {language:?}");
    }
}
