//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read. Add a field instead.

use crate::encoding::{decode, encode};
use crate::units::model::*;
use crate::units::records::*;
use crate::units::state::State;
use crate::units::tables::*;
use store::Table;

const TABLE: Table = Table::new(250, "golden");

#[track_caller]
fn golden<T>(record: &T, expected: &str)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let bytes = encode(record);
    assert_eq!(hex::encode(&bytes), expected.replace(' ', ""));
    assert_eq!(&decode::<T>(TABLE, b"", &bytes).unwrap(), record);
}

#[test]
fn unit() {
    let record = UnitRecord {
        created_at: 1,
        key: "p256".to_owned(),
        key_store: KeyStore::Hsm,
        padding: Padding::Pss,
        policies: vec!["1.2".to_owned()],
        accuracy_ms: 500,
        certificates: TokenCertificates::Full,
        verify_one_in: 64,
        companion: Some("pq".to_owned()),
        certified_by: CertifiedBy::Outside,
        rollover: Some(Rollover { prepare_days: 30, activate_days: 7 }),
        next_generation: 2,
    };
    golden(&record, "8c 01 6470323536 01 01 8163312e32 1901f4 01 1840 627071 01 82181e07 02");
}

#[test]
fn generation() {
    let made = GenerationRecord {
        label: "tsu-a".to_owned(),
        key_store: KeyStore::File,
        kind: "p256".to_owned(),
        padding: Padding::Pkcs1,
        public_key: vec![0x30],
        state: State::KeyMade,
        made_at: 1,
        certificate: None,
        certified_at: None,
        activate_at: None,
        activated_at: None,
        retired_at: None,
        destroyed_at: None,
        warned: None,
        destroying_at: None,
    };
    golden(&made, "87 657473752d61 00 6470323536 00 4130 00 01");
    let certificate = CertificateRecord {
        der: vec![0x31],
        chain: vec![vec![0x32].into()],
        root: vec![0x33],
        ca: Some("i".to_owned()),
        not_before: 2,
        not_after: 3,
        key_not_after: Some(4),
        issuers_not_after: Some(5),
    };
    let whole = GenerationRecord {
        state: State::Destroyed,
        certificate: Some(certificate),
        certified_at: Some(6),
        activate_at: Some(7),
        activated_at: Some(8),
        retired_at: Some(9),
        destroyed_at: Some(10),
        warned: Some(vec![90, 7]),
        ..made
    };
    let expected = "8e 657473752d61 00 6470323536 00 4130 04 01 \
                    88 4131 814132 4133 6169 02 03 04 05 06 07 08 09 0a 82185a07";
    golden(&whole, expected);
    let begun = GenerationRecord { destroying_at: Some(11), ..whole };
    golden(&begun, &format!("8f{}0b", &expected[2..]));
}

#[test]
fn making() {
    golden(&MakingRecord { since: 5, key_store: KeyStore::Hsm }, "82 05 01");
}

#[test]
fn keys_of_one_unit_stand_together() {
    assert_eq!(generation_key("a", 0x0102), b"a\0\0\0\x01\x02");
    assert_eq!(generation_number(b"a\0\0\0\x01\x02"), Some(0x0102));
    assert_eq!(generation_number(b"a"), None);
    assert!(generation_key("a", u32::MAX) < generation_key("a-b", 1));
}

#[test]
fn table_numbers_are_those_that_were_given() {
    assert_eq!([UNIT, GENERATION, CHOICE, MAKING].map(Table::number), [52, 53, 54, 55]);
}

#[test]
fn states_are_numbered_as_they_were() {
    let bytes = State::ALL.map(|state| encode(&state));
    assert_eq!(bytes, [[0], [1], [2], [3], [4]]);
}
