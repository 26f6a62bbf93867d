//! The strict walk refuses every form but DER, and what is written is what rasn writes.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { depth: 16, arcs: 128 };

fn verdict(input: &[u8]) -> Result<(), DerError> {
    let mut reader = Reader::new(input);
    let value = reader.value()?;
    reader.end()?;
    check(&value, LIMITS)
}

#[test]
fn each_rule_of_der_is_kept() {
    // (encoding, verdict): X.690, clause in the comment.
    let table: &[(&[u8], Result<(), DerError>)] = &[
        (&[0x02, 1, 5], Ok(())),
        (&[], Err(DerError::Truncated)),
        (&[0x02], Err(DerError::Truncated)),
        (&[0x02, 2, 5], Err(DerError::Truncated)),
        (&[0x02, 1, 5, 0], Err(DerError::TrailingBytes)),
        // 10.1: definite, minimal lengths.
        (&[0x30, 0x80, 0, 0], Err(DerError::Length)),
        (&[0x04, 0x81, 1, 0], Err(DerError::Length)),
        (&[0x04, 0x82, 0, 0x80], Err(DerError::Length)),
        (&[0x04, 0xFF], Err(DerError::Length)),
        (&[0x04, 0x84, 0x80, 0, 0, 0], Err(DerError::Truncated)),
        (&[0x04, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0], Err(DerError::Length)),
        // 8.1.2.4: no tag number of 31 or more is used here; 8.1.5: nor end-of-contents.
        (&[0x1F, 0x81, 0], Err(DerError::Tag)),
        (&[0x00, 0x00], Err(DerError::Tag)),
        // 10.2: strings primitive, sequences and sets constructed.
        (&[0x24, 3, 0x04, 1, 1], Err(DerError::Tag)),
        (&[0x10, 0], Err(DerError::Tag)),
        (&[0x22, 0], Err(DerError::Tag)),
        (&[0x30, 0], Ok(())),
        (&[0x31, 0], Ok(())),
        // 11.1: BOOLEAN.
        (&[0x01, 1, 0xFF], Ok(())),
        (&[0x01, 1, 1], Err(DerError::Boolean)),
        (&[0x01, 0], Err(DerError::Boolean)),
        // 8.3.2: INTEGER.
        (&[0x02, 0], Err(DerError::Integer)),
        (&[0x02, 2, 0, 0x7F], Err(DerError::Integer)),
        (&[0x02, 2, 0xFF, 0x80], Err(DerError::Integer)),
        (&[0x02, 2, 0, 0x80], Ok(())),
        (&[0x02, 2, 0xFF, 0x7F], Ok(())),
        // 8.19: OBJECT IDENTIFIER.
        (&[0x06, 0], Err(DerError::ObjectIdentifier)),
        (&[0x06, 1, 0x80], Err(DerError::ObjectIdentifier)),
        (&[0x06, 2, 0x2A, 0x86], Err(DerError::ObjectIdentifier)),
        (&[0x06, 3, 0x2A, 0x80, 1], Err(DerError::ObjectIdentifier)),
        (&[0x06, 3, 0x2A, 0x86, 0x48], Ok(())),
        (&[0x06, 3, 0x2A, 0x86, 0x80], Err(DerError::ObjectIdentifier)),
        // 8.8: NULL; 11.2: unused bits are zero.
        (&[0x05, 1, 0], Err(DerError::Primitive)),
        (&[0x03, 0], Err(DerError::Primitive)),
        (&[0x03, 1, 0], Ok(())),
        (&[0x03, 1, 1], Err(DerError::Primitive)),
        (&[0x03, 2, 7, 0x80], Ok(())),
        (&[0x03, 2, 7, 0xC0], Err(DerError::Primitive)),
        (&[0x03, 2, 8, 0], Err(DerError::Primitive)),
        // Inside of a sequence too.
        (&[0x30, 3, 0x01, 1, 1], Err(DerError::Boolean)),
    ];
    for (encoding, expected) in table {
        assert_eq!(verdict(encoding), *expected, "{encoding:02x?}");
    }
}

#[test]
fn object_identifiers_end_at_the_limit_of_arcs() {
    let oid = |arcs: usize| tlv(OBJECT_IDENTIFIER, &[&vec![1; arcs - 1]]);
    assert_eq!(verdict(&oid(128)), Ok(()));
    assert_eq!(verdict(&oid(129)), Err(DerError::ObjectIdentifier));
}

#[test]
fn nesting_ends_at_the_limit_without_using_the_stack() {
    let nested = |levels: usize| (0..levels).fold(Vec::new(), |inner, _| tlv(SEQUENCE, &[&inner]));
    assert_eq!(verdict(&nested(16)), Ok(()));
    assert_eq!(verdict(&nested(17)), Err(DerError::Depth));
    assert_eq!(verdict(&nested(10_000)), Err(DerError::Depth));
}

#[test]
fn integers_are_shortened_by_what_only_repeats_the_sign() {
    let table: &[(&[u8], &[u8])] = &[
        (&[0], &[0]),
        (&[0, 0], &[0]),
        (&[0, 0, 0x7F], &[0x7F]),
        (&[0, 0, 0x80], &[0, 0x80]),
        (&[0xFF], &[0xFF]),
        (&[0xFF, 0xFF, 0x80], &[0x80]),
        (&[0xFF, 0x7F], &[0xFF, 0x7F]),
        (&[1, 0], &[1, 0]),
        (&[], &[]),
    ];
    for (sent, shortest) in table {
        assert_eq!(minimal_integer(sent), *shortest, "{sent:02x?}");
    }
}

proptest! {
    #[test]
    fn no_octets_make_the_walk_panic(input: Vec<u8>) {
        let _ = verdict(&input);
    }

    /// What rasn encodes as DER passes.
    #[test]
    fn rasns_encodings_pass(
        value: i128,
        octets: Vec<u8>,
        truth: bool,
        arcs in proptest::collection::vec(any::<u32>(), 0..40),
    ) {
        let mut oid = vec![1, 3];
        oid.extend(arcs);
        let oid = rasn::types::ObjectIdentifier::new(oid).unwrap();
        let encodings = [
            rasn::der::encode(&value).unwrap(),
            rasn::der::encode(&rasn::types::OctetString::from(octets)).unwrap(),
            rasn::der::encode(&truth).unwrap(),
            rasn::der::encode(&oid).unwrap(),
        ];
        for encoding in encodings {
            prop_assert_eq!(verdict(&encoding), Ok(()));
            prop_assert_eq!(verdict(&tlv(SET, &[&encoding])), Ok(()));
        }
    }

    #[test]
    fn integers_are_written_as_rasn_writes_them(magnitude: u128) {
        let mut written = Vec::new();
        unsigned_integer(&mut written, &magnitude.to_be_bytes());
        let integer = rasn::types::Integer::from(magnitude);
        prop_assert_eq!(written, rasn::der::encode(&integer).unwrap());
    }

    #[test]
    fn lengths_are_written_as_they_are_read(length in 0usize..100_000) {
        let contents = vec![7; length];
        let written = tlv(OCTET_STRING, &[&contents]);
        prop_assert_eq!(written.len(), header_len(length) + length);
        let octets = rasn::types::OctetString::from(contents.clone());
        prop_assert_eq!(&written, &rasn::der::encode(&octets).unwrap());
        let mut reader = Reader::new(&written);
        prop_assert_eq!(reader.value().unwrap().contents, &contents);
    }
}
