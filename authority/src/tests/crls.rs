//! Revocation lists: right after each change, read by OpenSSL.

use super::support::outside::{COMPROMISE, HOLD};
use super::support::*;
use crate::{AuthorityError, IllegalChange, Status, StatusWord};
use certs::{EndKind, EndProfile, RevocationReason, Serial};
use chrono::Duration;
use std::sync::atomic::Ordering;

#[test]
fn a_list_follows_each_change_at_once() {
    let world = world();
    let (one, two) = (world.issue(1), world.issue(1));
    let first = world.authority.crl("issuing").unwrap();
    assert_eq!((first.number, first.entries, world.list().len()), (1, 0, 0));

    assert_eq!(world.suspend(&one.serial, 10), 2);
    assert_eq!(world.list()[&one.serial.to_string()], (HOLD, at(10)));
    // certificateHold is gone from the next full list.
    assert_eq!(world.reactivate(&one.serial, 20), 3);
    assert!(world.list().is_empty());
    assert_eq!(world.revoke(&two.serial, 30), 4);
    assert_eq!(world.list()[&two.serial.to_string()], (COMPROMISE, at(30)));
    assert_eq!(world.suspend(&one.serial, 40), 5);
    assert_eq!(world.list().len(), 2);
    // As of the suspension.
    assert_eq!(world.revoke(&one.serial, 50), 6);
    assert_eq!(world.list()[&one.serial.to_string()], (COMPROMISE, at(40)));

    let crl = world.authority.crl("issuing").unwrap();
    assert_eq!((crl.this_update, crl.next_update), (at(50), at(50) + days(7)));
    assert_eq!(crl.entries, 2);
    let report = world.audit();
    assert_eq!((report.held, report.revoked), (0, 2));
}

/// What was never valid cannot have become invalid; a year 0 would spoil every list after it.
#[test]
fn an_invalidity_date_is_not_before_the_certificate() {
    let world = world();
    let issued = world.issue(1);
    let before = issued.not_before - chrono::TimeDelta::seconds(1);
    let reason = RevocationReason::CessationOfOperation;
    let revoke = |date| {
        block_on(world.authority.revoke(&issued.serial, reason, Some(date), admin(), at(20)))
    };
    let refused = revoke(before).unwrap_err().to_string();
    assert!(refused.contains("it is valid since"), "{refused}");
    revoke(issued.not_before).unwrap();
}

#[test]
fn the_change_tells_how_it_stands() {
    let world = world();
    let issued = world.issue(1);
    let until = at(100);
    let changed =
        block_on(world.authority.suspend(&issued.serial, Some(until), admin(), at(10))).unwrap();
    let status = Status::Held { since: at(10), until: Some(until) };
    assert_eq!((changed.certificate.status, changed.crl_number), (status, 2));
    assert_eq!(changed.certificate.word(), StatusWord::Suspended);
    let reason = RevocationReason::CessationOfOperation;
    let by = crate::Act::new("sa-1", "no longer needed");
    let changed =
        block_on(world.authority.revoke(&issued.serial, reason, Some(at(5)), &by, at(20)));
    let status = Status::Revoked { at: at(10), reason, invalidity: Some(at(5)) };
    assert_eq!(changed.unwrap().certificate.status, status);

    let history = world.authority.show(&issued.serial, at(30)).unwrap().unwrap().history;
    assert_eq!(history.len(), 2);
    assert_eq!(
        (history[0].change, history[0].at, history[0].until),
        ("suspend", at(10), Some(until))
    );
    assert_eq!((history[1].change, history[1].reason), ("revoke", Some(reason)));
    assert_eq!((history[1].invalidity, &history[1].by), (Some(at(5)), &by));
    let events = world.events();
    let actions: Vec<_> = events.iter().rev().take(4).map(|event| event.action.as_str()).collect();
    assert_eq!(
        actions,
        ["crl-published", "certificate-revoked", "crl-published", "certificate-suspended"]
    );
    let revoked = &events[events.len() - 2];
    assert_eq!(
        (revoked.actor.as_str(), revoked.details[0].1.as_str()),
        ("sa-1", "cessation-of-operation")
    );
    world.audit();
}

#[test]
fn an_illegal_change_changes_nothing() {
    let world = world();
    let issued = world.issue(1);
    world.revoke(&issued.serial, 10);
    let (events, list) = (world.events().len(), world.authority.crl("issuing"));
    let refused = block_on(world.authority.reactivate(&issued.serial, admin(), at(20)));
    let Err(AuthorityError::Illegal { serial, why }) = refused else { panic!("{refused:?}") };
    assert_eq!((serial, why), (issued.serial, IllegalChange::Status { from: StatusWord::Revoked }));
    assert_eq!((world.events().len(), world.authority.crl("issuing")), (events, list));
}

/// What has ended is not suspended, but that its key was compromised is worth knowing still.
#[test]
fn an_expired_certificate_is_revoked_and_not_suspended() {
    let world = world();
    let (one, two) = (world.issue(1), world.issue(1));
    world.suspend(&two.serial, 10);
    let late = (one.not_after - at(0)).num_seconds() + 1;
    let refused = block_on(world.authority.suspend(&one.serial, None, admin(), at(late)));
    let Err(AuthorityError::Illegal { why, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(why, IllegalChange::Status { from: StatusWord::Expired });
    world.revoke(&one.serial, late);
    world.reactivate(&two.serial, late);
    assert_eq!(world.list().len(), 1);
    world.audit();
}

#[test]
fn each_ca_has_its_own_list() {
    let world = world();
    let der = world.site.issuing.certificate_der().to_vec();
    let profile = crate::Profile::Ca;
    let registered = world.authority.register("root", &der, profile, admin(), at(1));
    let serial = block_on(registered).unwrap().serial;
    let reason = RevocationReason::CaCompromise;
    let changed = block_on(world.authority.revoke(&serial, reason, None, admin(), at(2))).unwrap();
    assert_eq!(changed.crl_number, 2);
    let root = world.authority.crl("root").unwrap();
    assert!(outside::list(&root.der, &world.site.root).contains_key(&serial.to_string()));
    assert!(world.list().is_empty());
    assert_eq!(world.authority.crl("issuing").unwrap().number, 1);
    assert!(world.authority.crl("other").is_none());
}

#[test]
fn a_list_that_is_asked_for_is_new() {
    let world = world();
    let crl = block_on(world.authority.publish_crl("issuing", admin(), at(5))).unwrap();
    assert_eq!((crl.number, crl.this_update), (2, at(5)));
    let event = world.events().pop().unwrap();
    assert_eq!((event.action.as_str(), event.actor.as_str()), ("crl-published", "admin"));
    assert_eq!(event.subject, "crl issuing");
    let unknown = block_on(world.authority.publish_crl("other", admin(), at(5)));
    assert!(matches!(unknown, Err(AuthorityError::UnknownCa { .. })));
}

/// A key that is away: the change is durable and OCSP tells it; the list comes with the key.
#[test]
fn a_list_that_cannot_be_signed_comes_later() {
    let world = world();
    let issued = world.issue(1);
    world.site.broken.store(true, Ordering::SeqCst);
    let reason = RevocationReason::KeyCompromise;
    let outcome = block_on(world.authority.revoke(&issued.serial, reason, None, admin(), at(10)));
    let Err(AuthorityError::Unpublished { ca, reason }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(ca, "issuing");
    assert!(reason.contains("the device is away"), "{reason}");
    assert_eq!(world.authority.crl("issuing").unwrap().number, 1);
    assert_eq!(world.ask(&issued.der, 11), outside::Said::Revoked(1, at(10)));
    let ticked = block_on(world.authority.tick(at(20)));
    assert_eq!((ticked.crls.len(), ticked.failures.len()), (0, 1));

    world.site.broken.store(false, Ordering::SeqCst);
    let ticked = block_on(world.authority.tick(at(30)));
    assert_eq!(ticked.crls, [("issuing".to_owned(), 2)]);
    assert_eq!(world.list()[&issued.serial.to_string()], (COMPROMISE, at(10)));
    world.audit();
}

#[test]
fn fractions_of_a_second_do_not_disturb() {
    let world = world();
    let issued = world.issue(1);
    let now = at(10) + Duration::microseconds(999_999);
    let changed = block_on(world.authority.suspend(&issued.serial, None, admin(), now)).unwrap();
    let since = at(10) + Duration::milliseconds(999);
    assert_eq!(changed.certificate.status, Status::Held { since, until: None });
    assert_eq!(world.authority.status(&issued.serial), Some(changed.certificate.status));
    assert_eq!(world.list()[&issued.serial.to_string()], (HOLD, at(10)));
    let crl = world.authority.crl("issuing").unwrap();
    assert_eq!(crl.this_update, at(10));
}

/// 300 entries are sorted by their numbers, and OpenSSL finds each.
#[test]
fn a_long_list_is_whole() {
    let world = world();
    let entries: Vec<Serial> = (0..300).map(|_| issued_by_register(&world)).collect();
    for serial in &entries {
        let reason = RevocationReason::Superseded;
        let change = crate::status::Change::Revoke { reason, invalidity: None };
        block_on(world.authority.0.change(serial, change, None, admin(), at(10))).unwrap();
    }
    block_on(world.authority.publish_crl("issuing", admin(), at(11))).unwrap();
    let list = world.list();
    assert_eq!(list.len(), 300);
    assert!(entries.iter().all(|serial| list.contains_key(&serial.to_string())));
}

fn issued_by_register(world: &World) -> Serial {
    thread_local! { static KEY: std::sync::Arc<dyn certs::SigningKey> = key(); }
    KEY.with(|key| {
        let profile = EndProfile::new(EndKind::TlsClient, Vec::new());
        let subject = machine("c");
        let issued =
            world.authority.issue("issuing", &profile, &subject, key.public_key(), admin(), at(1));
        block_on(issued).unwrap().serial
    })
}
