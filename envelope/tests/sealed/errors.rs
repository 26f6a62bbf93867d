//! Each way in which an envelope, a passphrase or a code is refused, and the words for it.

use marca_envelope::{
    BadCode, Codes, Envelope, Field, Language, Passphrase, PinRefused, SealError,
};

use super::{envelope, passphrase, rng};

const GOLDEN: &str = include_str!("../golden/errors.txt");

fn refused(envelope: &Envelope<'_>) -> SealError {
    envelope.seal(&passphrase(), &mut rng()).err().unwrap_or_else(|| panic!("{envelope:?}"))
}

#[test]
fn every_refusal_says_what_to_do_next() {
    let codes = Codes::generate(&mut rng());
    let good = || envelope(&codes, Language::En);
    let far_too_long = "Portal ".repeat(60);
    let no_break = "W".repeat(70);
    let address = format!("https://{}.example.org/{}", "portal".repeat(6), "a".repeat(20));
    let full = Envelope {
        holder_name: "M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M M",
        portal_address: &address,
        suspension_address: &address,
        support: Some(&address),
        ..good()
    };
    assert!(full.seal(&passphrase(), &mut rng()).is_ok(), "the limits of the fields are enough");

    let mut texts = vec![
        refused(&Envelope { holder_name: "山田太郎", ..good() }).to_string(),
        refused(&Envelope { user_id: "a\nb", ..good() }).to_string(),
        refused(&Envelope { holder_name: &far_too_long, ..good() }).to_string(),
        refused(&Envelope { user_id: &no_break, ..good() }).to_string(),
        refused(&Envelope { service_name: &no_break, ..good() }).to_string(),
        refused(&Envelope { portal_address: &no_break, ..good() }).to_string(),
        refused(&Envelope { suspension_address: " ", ..good() }).to_string(),
        refused(&Envelope { support: Some(""), ..good() }).to_string(),
        SealError::PageFull { points: 14.5 }.to_string(),
        SealError::Writing { step: "document" }.to_string(),
        SealError::Empty { field: Field::UserId }.to_string(),
    ];
    for text in ["short", "seven77", &"x".repeat(128), "eight\u{7}characters", "🐎 correct horse"]
    {
        texts.push(Passphrase::parse(text).err().unwrap_or_else(|| panic!("{text}")).to_string());
    }
    for error in [
        PinRefused::NotEightDigits,
        PinRefused::RepeatedDigits,
        PinRefused::RepeatedGroup,
        PinRefused::Run,
        PinRefused::BirthDate,
        PinRefused::UsedBefore,
    ] {
        texts.push(error.to_string());
    }
    for error in [
        BadCode::Pin,
        BadCode::Puk,
        BadCode::EmergencyCode,
        BadCode::EnvelopeNumber,
        BadCode::CheckDigit,
    ] {
        texts.push(error.to_string());
    }
    let now = texts.join("\n") + "\n";
    assert!(now == GOLDEN, "tests/golden/errors.txt should read:\n{now}");
}
