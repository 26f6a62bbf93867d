//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read, and no chain fits. Add a field instead.

use crate::record::{self, DetailRecord, EventRecord, HeadRecord};
use crate::tables::*;
use crate::{Category, Outcome};

fn sample() -> EventRecord {
    EventRecord {
        sequence: 5,
        at: 1,
        category: Category::Certificate,
        action: "a".to_owned(),
        actor: "admin".to_owned(),
        subject: "certificate 4a".to_owned(),
        outcome: Outcome::Failure,
        details: vec![DetailRecord { name: "n".to_owned(), value: "v".to_owned() }],
    }
}

#[test]
fn event() {
    let bytes = record::encode(&sample());
    let expected = "88050101616165\
                    61646d696e6e636572746966696361746520346101818261\
                    6e6176";
    assert_eq!(hex::encode(&bytes), expected.replace(' ', ""));
    assert_eq!(record::decode::<EventRecord>(EVENT, b"", &bytes).unwrap(), sample());
}

#[test]
fn a_row_is_the_previous_hash_and_the_record() {
    let row = record::row(&[7; 32], &sample());
    assert_eq!(row[..32], [7; 32]);
    assert_eq!(row[32..], record::encode(&sample()));
    assert_eq!(record::split_row(b"", &row).unwrap(), ([7; 32], sample()));
    assert!(record::split_row(b"", &row[..31]).is_err());
}

#[test]
fn head() {
    let head = HeadRecord { count: 3, hash: [9; 32] };
    let bytes = record::encode(&head);
    assert_eq!(hex::encode(&bytes), format!("82035820{}", "09".repeat(32)));
    assert_eq!(record::decode::<HeadRecord>(HEAD, HEAD_KEY, &bytes).unwrap(), head);
}

#[test]
fn keys_and_tables() {
    let tables = [EVENT, HEAD, BY_CATEGORY, BY_HOUR].map(store::Table::number);
    assert_eq!(tables, [40, 41, 42, 43]);
    assert_eq!(event_key(258), [0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(category_key(Category::Service, 1), [6, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(hour_key(3_600_000), [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(hour_key(3_599_999), [0; 8]);
    assert_eq!(hour_key(-1), [0; 8]);
}

/// The number in a key is that in a record.
#[test]
fn categories_have_one_number() {
    for category in Category::ALL {
        assert_eq!(record::encode(&category), [category.number()]);
    }
}
