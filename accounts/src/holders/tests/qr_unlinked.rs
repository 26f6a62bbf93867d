//! What the unlinking of a phone ends.

use super::qr::{Phone, linked};
use super::support::*;
use crate::holders::Actor;
use crate::holders::devices::DeviceKind;
use crate::holders::sessions::OpenedSession;
use crate::testing::block_on;

#[test]
fn an_unlinked_phone_approves_nothing() {
    let phone = Phone::new();
    let login = phone.begin(10);
    let seen = phone.look(login.id, 11).unwrap();
    let (access, signature) = (phone.access(12), phone.signature(&login, &seen));
    let holders = &phone.bench.holders;
    let unlink =
        holders.unlink_device(phone.id, phone.device.view.id, Actor::Holder(phone.id), at(12));
    block_on(unlink).unwrap();
    let approve = holders.approve_qr_login(&access, login.id, &login.number, &signature, at(12));
    assert_eq!(slug(block_on(approve)), "unauthorized-holder");
    assert_eq!(phone.word(&login, 13), "seen");
}

/// Whoever has the phone may have let a browser in, which must not outlive it.
#[test]
fn an_unlinked_phone_takes_the_sessions_that_began_with_it_along() {
    let phone = Phone::new();
    let (_, system) = linked(&phone.bench, EMAIL, DeviceKind::System);
    let (_, opened) = phone.collected(10);
    let by_password = phone.bench.session(EMAIL, 11);
    let lives = |opened: &OpenedSession| phone.bench.access(&opened.token, 13).is_ok();
    let unlink = |device| {
        let act = phone.bench.holders.unlink_device(phone.id, device, Actor::Service, at(12));
        block_on(act).unwrap();
    };
    unlink(system.view.id);
    assert!(lives(&opened));
    unlink(phone.device.view.id);
    assert!(!lives(&opened));
    assert!(lives(&by_password));
}
