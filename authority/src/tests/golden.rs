//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read. Add a field instead.

use super::support::at;
use crate::encoding::{decode, encode};
use crate::records::*;
use crate::status::{Change, Status};
use crate::tables::*;
use certs::{RevocationReason, Serial};
use store::Table;

const TABLE: Table = Table::new(250, "golden");

#[track_caller]
fn golden<T>(record: &T, expected: &str)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let bytes = encode(record);
    assert_eq!(hex::encode(&bytes), expected);
    assert_eq!(&decode::<T>(TABLE, b"", &bytes).unwrap(), record);
}

#[test]
fn authority() {
    let record = AuthorityRecord {
        id: "ca".to_owned(),
        key_hash: [7; 32],
        issued: 2,
        crl_number: 3,
        crl_at: Some(4),
        responder: Some(5),
        responder_key: 1,
    };
    golden(&record, &format!("876263615820{}0203040501", "07".repeat(32)));
    let record = AuthorityRecord { crl_at: None, responder: None, ..record };
    golden(&record, &format!("876263615820{}0203f6f601", "07".repeat(32)));
}

#[test]
fn certificate() {
    let record = CertificateRecord {
        serial: vec![0x4a, 1],
        ca: 1,
        profile: "tsu".to_owned(),
        subject: "CN=a".to_owned(),
        not_before: 2,
        not_after: 3,
        at: 4,
        actor: "b".to_owned(),
        reason: String::new(),
        fingerprint: [9; 32],
        imported: true,
        erased_at: None,
    };
    let head = "8b424a0101637473756443";
    let fingerprint = "09".repeat(32);
    golden(&record, &format!("{head}4e3d610203046162605820{fingerprint}f5"));
}

#[test]
fn standing() {
    let record = |status| StandingRecord::new(1, 2, 3, status);
    golden(&record(Status::Good), "8401020300");
    let since = chrono::DateTime::from_timestamp_millis(4).unwrap();
    let held = Status::Held { since, until: Some(since) };
    golden(&record(held), "86010203010404");
    let reason = RevocationReason::KeyCompromise;
    let revoked = Status::Revoked { at: since, reason, invalidity: Some(since) };
    golden(&record(revoked), "880102030204f60104");
    for status in [Status::Good, held, revoked] {
        assert_eq!(record(status).status(TABLE, b"").unwrap(), status);
    }
}

#[test]
fn fields_of_a_status_fit_together() {
    let good = StandingRecord::new(1, 2, 3, Status::Good);
    for record in [
        StandingRecord { at: Some(1), ..good },
        StandingRecord { state: State::Held, ..good },
        StandingRecord { state: State::Revoked, at: Some(1), ..good },
        StandingRecord { state: State::Revoked, at: Some(1), reason: Some(0), ..good },
        StandingRecord { state: State::Held, at: Some(1), reason: Some(6), ..good },
        StandingRecord { state: State::Held, at: Some(i64::MAX), ..good },
    ] {
        assert!(record.status(TABLE, b"").is_err(), "{record:?}");
    }
}

#[test]
fn change() {
    let then = chrono::DateTime::from_timestamp_millis(5).unwrap();
    let record = |change| ChangeRecord::new(change, then, "a", "w");
    let suspend = Change::Suspend { until: Some(then) };
    golden(&record(suspend), "87000505f6f661616177");
    golden(&record(Change::Reactivate), "870105f6f6f661616177");
    let reason = RevocationReason::PrivilegeWithdrawn;
    let revoke = Change::Revoke { reason, invalidity: Some(then) };
    golden(&record(revoke), "870205f6090561616177");
    for change in [suspend, Change::Reactivate, revoke] {
        assert_eq!(record(change).change(TABLE, b"").unwrap(), (change, then));
    }
    let wrong = ChangeRecord { reason: Some(6), ..record(Change::Reactivate) };
    assert!(wrong.change(TABLE, b"").is_err());
}

#[test]
fn global() {
    golden(&GlobalRecord { certificates: 7 }, "8107");
}

#[test]
fn keys_and_tables() {
    let tables = [AUTHORITY, CERTIFICATE, DER, STANDING, CHANGE, GLOBAL, CRL].map(Table::number);
    assert_eq!(tables, [44, 45, 46, 47, 48, 49, 50]);
    let serial: Serial = "4a01".parse().unwrap();
    let key = SerialKey::of(&serial);
    assert_eq!((key.0[..18].to_vec(), &key.0[18..]), (vec![0; 18], &[0x4a, 1][..]));
    assert_eq!(key.serial(), Some(serial));
    assert_eq!(authority_key(258), [1, 2]);
    assert_eq!(change_key(1, 2), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(split_change_key(&change_key(1, 2)), Some((1, 2)));
    assert_eq!(split_change_key(&[0; 11]), None);
}

/// The instants of these tests are whole milliseconds, as stored ones are.
#[test]
fn instants_are_stored_in_milliseconds() {
    let sample = at(0) + chrono::Duration::microseconds(1_500);
    let stored = crate::read::whole_milliseconds(sample);
    assert_eq!(stored, at(0) + chrono::Duration::milliseconds(1));
}

#[test]
fn crl() {
    let record =
        CrlRecord { number: 7, this_update: 5, next_update: 6, entries: 2, der: vec![0x30, 0] };
    golden(&record, "8507050602423000");
}
