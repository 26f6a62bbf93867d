//! Another version of the pepper, and another cost: what a right code moves there, and that a wrong
//! one moves nothing.

use super::support::*;
use crate::holders::Holders;
use crate::holders::Peppered::{EmergencyCode, FormerPins, PinKey, PukKey};
use crate::holders::otp::Purpose;
use crate::holders::pin::{NewPin, NextSheet};
use crate::testing::block_on;
use envelope::{Pin, Puk};
use std::collections::BTreeMap;

/// Kinds that are under the old version, and under the new one.
fn kinds(holders: &Holders) -> [Vec<crate::holders::Peppered>; 2] {
    let uses = holders.pepper_uses().unwrap();
    let of = |version: u16| {
        let of = uses.iter().find(|of| of.version == version);
        let kept = of.map_or_else(BTreeMap::new, |of| of.kept.clone());
        let ours = [PinKey, PukKey, FormerPins, EmergencyCode];
        kept.into_keys().filter(|kind| ours.contains(kind)).collect()
    };
    [of(1), of(2)]
}

fn opens(bench: &Bench, holders: &Holders, pin: &str) -> bool {
    let pin = Pin::parse(pin).unwrap();
    block_on(holders.verify_pin((HOLDER, bench.id), pin, at(10))).is_ok()
}

#[test]
fn a_right_pin_moves_its_wrap_and_what_tells_it_from_others() {
    let bench = Bench::active();
    let newer = bench.with_a_newer_pepper();
    assert!(!opens(&bench, &newer, OTHER_PIN));
    assert_eq!(kinds(&newer), [vec![PinKey, PukKey, FormerPins, EmergencyCode], vec![]]);
    assert!(opens(&bench, &newer, NEW_PIN));
    assert_eq!(kinds(&newer), [vec![PukKey, EmergencyCode], vec![PinKey, FormerPins]]);
    // It opens the same key as before, and the PIN is still one that was used.
    assert!(opens(&bench, &newer, NEW_PIN) && !opens(&bench, &newer, OTHER_PIN));
    let (otp, current) = (bench.otp(Purpose::ChangePin), Pin::parse(NEW_PIN).unwrap());
    let same = NewPin { pin: NEW_PIN, repeat: NEW_PIN };
    let change = newer.change_pin((HOLDER, bench.id), current, same, otp, at(20));
    assert!(block_on(change).is_err());
}

#[test]
fn a_right_puk_moves_its_wrap_and_the_new_sheet_the_rest() {
    let bench = Bench::active();
    let newer = bench.with_a_newer_pepper();
    let place = (HOLDER, bench.id);
    let tried = block_on(newer.try_code::<Puk>(place, bench.puk(), at(10)));
    assert!(tried.is_ok());
    assert_eq!(kinds(&newer), [vec![PinKey, FormerPins, EmergencyCode], vec![PukKey]]);
    let again = block_on(newer.try_code::<Puk>(place, bench.puk(), at(11)));
    assert!(again.is_ok(), "the same PUK opens it");
    let (otp, new) = (bench.otp(Purpose::UnlockPin), NewPin { pin: OTHER_PIN, repeat: OTHER_PIN });
    let sheet = NextSheet { passphrase: None, addresses: addresses() };
    block_on(newer.unlock_pin(place, bench.puk(), new, sheet, otp, at(20))).unwrap();
    assert!(opens(&bench, &newer, OTHER_PIN));
    // The code of the former sheet suspends for a month more, and is counted as long.
    assert_eq!(kinds(&newer)[0], [EmergencyCode]);
}

#[test]
fn a_right_emergency_code_moves_itself() {
    let bench = Bench::active();
    let newer = bench.with_a_newer_pepper();
    let by_code =
        || newer.suspend_by_code(USER, bench.emergency_code(), GUESSER, &bench.issuer, at(30));
    block_on(by_code()).unwrap();
    assert_eq!(kinds(&newer)[1], [EmergencyCode]);
    block_on(by_code()).unwrap();
}

/// What the codes of an ended credential were compared with counts for nothing, and is gone a day
/// after; and it is no fault to type one then, whatever versions there are.
#[test]
fn an_ended_credential_keeps_no_version() {
    let bench = Bench::active();
    let otp = bench.otp(Purpose::Revoke);
    let cause = crate::holders::credential::RevocationCause::Cessation;
    let place = (HOLDER, bench.id);
    block_on(bench.holders.revoke(place, cause, otp, &bench.issuer, at(20))).unwrap();
    assert_eq!(kinds(&bench.holders), [const { Vec::new() }; 2]);
    let without = bench.without_its_pepper();
    let by_code =
        without.suspend_by_code(USER, bench.emergency_code(), GUESSER, &bench.issuer, at(30));
    assert!(block_on(by_code).is_err(), "wrong, and no fault of ours");

    let bench = Bench::active();
    let late = at(2) + chrono::TimeDelta::days(1_097);
    assert_eq!(kinds(&bench.holders)[0].len(), 4);
    block_on(bench.holders.keys_tick(late)).unwrap();
    assert_eq!(kinds(&bench.holders), [const { Vec::new() }; 2]);
}
