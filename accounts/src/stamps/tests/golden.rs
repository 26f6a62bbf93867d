//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read. Add a field instead.

use crate::StampAccountId;
use crate::encoding::{decode, encode};
use crate::stamps::records::*;
use crate::stamps::retry::fingerprint;
use crate::stamps::tables::*;
use rust_decimal::Decimal;
use store::Table;

const TABLE: Table = Table::new(250, "golden");

#[track_caller]
fn golden<T>(record: &T, expected: &str)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let bytes = encode(record, 0);
    assert_eq!(hex::encode(&bytes), expected);
    assert_eq!(&decode::<T>(TABLE, b"", &bytes).unwrap(), record);
}

#[test]
fn account() {
    let record = AccountRecord {
        name: "ada".to_owned(),
        status: Status::Suspended,
        created_at: 1,
        last_at: 2,
        next_entry: 3,
        next_lot: 4,
        granted: 5,
        used: 6,
        expired: 7,
        voided: 8,
    };
    golden(&record, "8a63616461010102030405060708");
}

#[test]
fn lot() {
    let record = LotRecord {
        quantity: 100,
        available: 90,
        used: 4,
        expired: 3,
        voided: 3,
        category: Category::Promo,
        priority: 7,
        created_at: 1,
        effective_at: 2,
        expires_at: Some(3),
        unit_price: Some(Decimal::new(12_345, 4)),
        vat_rate: None,
        order: Some("o-1".to_owned()),
        last_entry: 9,
        closed: true,
    };
    golden(&record, "8f1864185a040303010701020366312e32333435f6636f2d3109f5");
}

#[test]
fn entry_of_a_use() {
    let record = EntryRecord {
        kind: EntryKind::Use,
        at: 1,
        quantity: 1,
        lot: Some(2),
        balance: 3,
        actor: None,
        reason: None,
        serial: Some([0x11; 16]),
        token: Some(TokenFields {
            gen_time: 4,
            tsu: "t".to_owned(),
            der: vec![0x30, 0x00],
            retry_key: Some([0x22; 32]),
            log_index: 5,
        }),
        companion: None,
    };
    let (serial, key) = ("11".repeat(16), "22".repeat(32));
    let expected = format!("890101010203f6f650{serial}8504617442300058 20{key}05").replace(' ', "");
    golden(&record, &expected);
}

/// The second token of a pair is one more field; an entry without it is as it always was.
#[test]
fn entry_of_a_use_with_a_pair() {
    let record = EntryRecord {
        kind: EntryKind::Use,
        at: 1,
        quantity: 1,
        lot: Some(2),
        balance: 3,
        actor: None,
        reason: None,
        serial: Some([0x11; 16]),
        token: Some(TokenFields {
            gen_time: 4,
            tsu: "t".to_owned(),
            der: vec![0x30, 0x00],
            retry_key: None,
            log_index: 5,
        }),
        companion: Some(CompanionFields {
            serial: [0x33; 16],
            tsu: "u".to_owned(),
            der: vec![0x30, 0x01, 0x00],
        }),
    };
    let (serial, second) = ("11".repeat(16), "33".repeat(16));
    let expected =
        format!("8a0101010203f6f650{serial}850461744230 00f605 8350{second}617543300100")
            .replace(' ', "");
    golden(&record, &expected);
}

#[test]
fn entry_of_an_act() {
    let record = EntryRecord {
        kind: EntryKind::Suspend,
        at: 1,
        quantity: 0,
        lot: None,
        balance: 3,
        actor: Some("op".to_owned()),
        reason: Some("why".to_owned()),
        serial: None,
        token: None,
        companion: None,
    };
    golden(&record, "87060100f603626f7063776879");
}

#[test]
fn serial() {
    let record = SerialRecord { account: 1, entry: 2, retry: Some(u64::MAX), refunded_by: None };
    golden(&record, "8301021bffffffffffffffff");
    let refunded = SerialRecord { account: 1, entry: 2, retry: None, refunded_by: Some(3) };
    golden(&refunded, "840102f603");
}

#[test]
fn global() {
    golden(&GlobalRecord { next_account: 2, tokens: 3, last_gen_time: None }, "820203");
    golden(&GlobalRecord { next_account: 2, tokens: 3, last_gen_time: Some(4) }, "83020304");
}

#[test]
fn keys_sort_by_their_numbers() {
    let account = StampAccountId::new(0x0102);
    assert_eq!(account_key(account), [0, 0, 0, 0, 0, 0, 1, 2]);
    assert!(inner_key(account, 255) < inner_key(account, 256));
    assert_eq!(split_key(&inner_key(account, 7)), Some((0x0102, 7)));
    assert_eq!(split_key(&[0; 15]), None);
    assert!(expiry_key(1, account, 9) < expiry_key(2, StampAccountId::new(0), 0));
}

#[test]
fn table_numbers_are_those_that_were_given() {
    let tables = [ACCOUNT, NAME, LOT, ENTRY, SERIAL, GLOBAL, EXPIRY];
    assert_eq!(tables.map(Table::number), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn the_fingerprint_of_a_retry_key_is_that_which_was_stored() {
    assert_eq!(fingerprint(StampAccountId::new(0), &[1; 32]), 0x0101_0101_0101_0101);
    assert_eq!(fingerprint(StampAccountId::new(1), &[0; 32]), 0x9e37_79b9_7f4a_7c15);
}
