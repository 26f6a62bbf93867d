//! The bytes of the records: what is stored today is read tomorrow.

use super::support::*;
use crate::holders::credential::record::EmergencyRecord;
use crate::holders::credential::*;
use crate::holders::keys::Wrapped;
use crate::holders::{HolderId, SigningKeyKind};
use crate::testing::block_on;

fn sample() -> CredentialRecord {
    CredentialRecord {
        holder: HolderId::new(12).number(),
        kind: CredentialKind::Automatic,
        key_kind: SigningKeyKind::Rsa3072,
        life: Life::new(),
        created_at: 1,
        activated_at: Some(2),
        version: 3,
        certificate: Some(vec![4, 5].into()),
        serial: Some("6a".to_owned()),
        envelope: "0000000000000".to_owned(),
        emergency: EmergencyRecord { mac: [7; 32].into(), pepper: 8 },
        pin_tries: 1,
        puk_tries: 2,
        former: FormerPins {
            salt: [9; 16].into(),
            cost: [65_536, 3, 1],
            pepper: 8,
            traces: vec![[10; 32].into()],
        },
        unpublished: true,
        renewal_told: None,
        former_codes: None,
        former_certificates: None,
    }
}

#[test]
fn the_record_of_a_credential_keeps_its_bytes() {
    let bytes = minicbor::to_vec(sample()).unwrap();
    let golden = [
        "8f0c0102",
        "83820080f600",
        "0102034204056236616d30303030303030303030303030",
        "825820",
        &"07".repeat(32),
        "080102",
        "8450",
        &"09".repeat(16),
        "831a000100000301",
        "08815820",
        &"0a".repeat(32),
        "f5",
    ];
    assert_eq!(hex::encode(&bytes), golden.concat());
    assert_eq!(minicbor::decode::<CredentialRecord>(&bytes).unwrap(), sample());
}

#[test]
fn the_wraps_keep_their_form() {
    let bench = Bench::active();
    let id = bench.id;
    let wraps = bench.holders.transact(move |_, tx| load_wraps(tx, id, 1));
    let wraps = block_on(wraps).unwrap();
    let text = hex::encode(minicbor::to_vec(&wraps).unwrap());
    // Two arrays of five: salt, cost, pepper, nonce, ciphertext.
    assert!(text.starts_with("828550"), "{text}");
    // After 16 octets of salt: the cost (8 KiB, one pass, one lane), version 1 of the pepper, and
    // a nonce of 12.
    assert_eq!(text.get(38..50), Some("83080101014c"));
    let bytes = hex::decode(text).unwrap();
    assert_eq!(minicbor::decode::<Wrapped>(&bytes).unwrap(), wraps);
}

/// Who has the PUK and the phone orders sheet after sheet: the owner's goes on suspending.
#[test]
fn new_sheets_do_not_push_an_older_code_out() {
    let mut record = sample();
    let code = |n: u8| EmergencyRecord { mac: [n; 32].into(), pepper: 8 };
    for n in 100..120 {
        record.replace_emergency(code(n), 1_000);
    }
    let codes: Vec<_> = record.suspending_codes(1_001).collect();
    assert!(codes.contains(&code(7)) && codes.contains(&code(119)));
    assert_eq!(codes.len(), 9);
    let month = 30 * 24 * 3_600_000;
    record.replace_emergency(code(120), 1_000 + month);
    let codes: Vec<_> = record.suspending_codes(1_001 + month).collect();
    assert_eq!(codes, [code(120), code(119)]);
}
