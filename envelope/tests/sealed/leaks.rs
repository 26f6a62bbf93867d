//! What somebody without the passphrase finds in an envelope: nothing.

use lopdf::{Dictionary, Object, Stream};
use marca_envelope::{Codes, EmergencyCode, Envelope, Language, Pin, Puk};

use super::{LONG_NAME, envelope, grouped, passphrase, rng, sealed, tools};

/// The file itself, and each of its streams as it would be if it were only compressed.
fn readable(pdf: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![pdf.to_vec()];
    for start in positions(pdf, b"stream\n").map(|at| at + 7) {
        let rest = &pdf[start..];
        let end = positions(rest, b"endstream").next().unwrap_or(rest.len());
        let filter = Dictionary::from_iter([("Filter", Object::Name(b"FlateDecode".to_vec()))]);
        if let Ok(inflated) = Stream::new(filter, rest[..end].to_vec()).decompressed_content() {
            parts.push(inflated);
        }
    }
    parts
}

fn positions<'a>(bytes: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(part.len()).enumerate().filter(move |(_, w)| *w == part).map(|(at, _)| at)
}

/// Whether a text is there in UTF-8 or in UTF-16, in which PDF writes what is not ASCII.
fn holds(parts: &[Vec<u8>], text: &str) -> bool {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    parts.iter().any(|part| {
        positions(part, text.as_bytes()).next().is_some()
            || positions(part, &utf16).next().is_some()
    })
}

#[test]
fn no_code_no_name_and_no_title_is_readable() {
    let codes = Codes::generate(&mut rng());
    let pdf = sealed(&codes, Language::En);
    let parts = readable(&pdf);
    let pin = codes.pin.as_ref().unwrap().expose();
    for text in [
        pin,
        &grouped(pin, 4),
        codes.puk.expose(),
        codes.emergency_code.expose(),
        codes.number.as_str(),
        &codes.number.to_string(),
        LONG_NAME,
        "Annunziata",
        "MK12P345",
        "Example Remote",
        "portal.example.org",
        "The codes of",
        "D:2026",
        "2026-11-02",
        "correct horse",
    ] {
        assert!(!holds(&parts, text), "{text}");
    }

    // The same search finds what is there to be found once the file is decrypted.
    let open = readable(&tools::decrypted(&pdf));
    assert!(holds(&open, "The codes of your remote signature"), "the title in the metadata");
    assert!(holds(&open, "2026-11-02"), "the date in the metadata");
}

#[test]
fn metadata_has_no_code_and_no_name_even_when_open() {
    let codes = Codes::generate(&mut rng());
    let open = readable(&tools::decrypted(&sealed(&codes, Language::It)));
    let pin = codes.pin.as_ref().unwrap().expose();
    for text in [pin, codes.puk.expose(), codes.emergency_code.expose(), "Annunziata", "MK12P345"] {
        assert!(!holds(&open, text), "{text}: the page itself is drawn by numbers of glyphs");
    }
}

#[test]
fn what_stays_readable_does_not_depend_on_the_codes() {
    // Other characters, and another number of different ones.
    let one = codes_of("40718236", "4071823695", "C7DFHJKMN9");
    let other = codes_of("63281714", "5163281704", "9PQRTVWX79");
    let first = sealed(&one, Language::En);
    let second = sealed(&other, Language::En);
    assert_ne!(first, second);
    assert_eq!(skeleton(&first), skeleton(&second));
}

#[test]
fn what_stays_readable_does_not_depend_on_a_name_of_common_letters() {
    let codes = Codes::generate(&mut rng());
    let of = |holder_name, user_id| {
        let named = Envelope { holder_name, user_id, ..envelope(&codes, Language::En) };
        skeleton(&named.seal(&passphrase(), &mut rng()).unwrap())
    };
    assert_eq!(of("Anna Keller", "anna.keller"), of("Otto Perkins", "perkins"));
}

fn codes_of(pin: &str, puk: &str, emergency_code: &str) -> Codes {
    Codes {
        pin: Some(Pin::parse(pin).unwrap()),
        puk: Puk::parse(puk).unwrap(),
        emergency_code: EmergencyCode::parse(emergency_code).unwrap(),
        ..Codes::generate(&mut rng())
    }
}

#[test]
fn the_same_envelope_is_never_the_same_file() {
    let codes = Codes::generate(&mut rng());
    let seal = |rng: &mut rand::rngs::StdRng| {
        envelope(&codes, Language::En).seal(&passphrase(), rng).unwrap()
    };
    let mut rng = rng();
    let (first, second) = (seal(&mut rng), seal(&mut rng));
    let identifier = |pdf: &[u8]| {
        let at = positions(pdf, b"/ID[<").next().unwrap() + 5;
        pdf[at..at + 32].to_vec()
    };
    assert_ne!(identifier(&first), identifier(&second));
    assert_eq!(skeleton(&first), skeleton(&second));
}

/// All that is not encrypted: the objects without the contents of strings and streams, without
/// lengths, and without the table of offsets at the end.
fn skeleton(pdf: &[u8]) -> String {
    let end = positions(pdf, b"\nxref").last().unwrap();
    let mut left = String::new();
    let mut at = pdf.iter().position(|byte| *byte == b'\n').unwrap();
    while at < end {
        let rest = &pdf[at..end];
        if rest.starts_with(b"stream\n") {
            at += positions(rest, b"endstream").next().unwrap();
        } else if rest.starts_with(b"(") {
            at += literal_string(rest);
            left.push('S');
        } else if rest.starts_with(b"<") && !rest.starts_with(b"<<") && !left.ends_with('<') {
            at += rest.iter().position(|byte| *byte == b'>').unwrap() + 1;
            left.push('S');
        } else if rest.starts_with(b"/Length ") {
            at += 8 + rest[8..].iter().position(|byte| !byte.is_ascii_digit()).unwrap();
        } else {
            left.push(char::from(rest[0]));
            at += 1;
        }
    }
    left
}

/// The length of a string in parentheses, which may hold others and escaped ones.
fn literal_string(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut escaped = false;
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return position + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    panic!("a string without an end");
}
