//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read. Add a field instead.

use crate::credentials::records::*;
use crate::encoding::{decode, encode};
use store::Table;

const TABLE: Table = Table::new(250, "golden");

#[track_caller]
fn golden<T>(record: &T, expected: &str)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq,
{
    let bytes = encode(record, 0);
    assert_eq!(hex::encode(&bytes), expected);
    let read: T = decode(TABLE, b"", &bytes).unwrap();
    assert!(read == *record);
}

#[test]
fn password() {
    let record = PasswordRecord {
        account: 1,
        phc: "$a".to_owned(),
        generation: 2,
        changed_at: 1_767_225_600_000,
    };
    golden(&record, "8401622461021b0000019b76daa800");
}

#[test]
fn api_key() {
    let record = ApiKeyRecord {
        account: 1,
        digest: [0xab; 32],
        label: "ci".to_owned(),
        created_at: 5,
        last_used_on: Some(20_000),
        revoked_at: None,
    };
    let digest = "ab".repeat(32);
    golden(&record, &format!("85015820{digest}62636905194e20"));
}

#[test]
fn certificate() {
    golden(&CertificateRecord { account: 1, bound_at: 5 }, "820105");
}
