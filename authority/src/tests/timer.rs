//! What is due: suspensions that end, lists on a timer, responders' certificates.

use super::support::outside::{Said, request};
use super::support::*;
use crate::{AnswerKind, AuthorityError, Settings, Status};
use certs::RevocationReason;
use chrono::Duration;
use std::sync::atomic::Ordering;

#[test]
fn a_suspension_ends_on_its_date() {
    let world = world();
    let (one, two, three) = (world.issue(1), world.issue(1), world.issue(1));
    for (issued, until) in [(&one, Some(at(100))), (&two, None), (&three, Some(at(200)))] {
        block_on(world.authority.suspend(&issued.serial, until, admin(), at(10))).unwrap();
    }
    assert!(block_on(world.authority.tick(at(99))).reactivated.is_empty());
    let before = world.authority.crl("issuing").unwrap().number;
    let ticked = block_on(world.authority.tick(at(100)));
    assert_eq!(ticked.reactivated, std::slice::from_ref(&one.serial));
    assert_eq!(ticked.crls, [("issuing".to_owned(), before + 1)]);
    assert_eq!(world.ask(&one.der, 101), Said::Good);
    assert_eq!(world.list().len(), 2);
    let history = world.authority.show(&one.serial, at(101)).unwrap().unwrap().history;
    assert_eq!((history[1].change, history[1].by.actor.as_str()), ("reactivate", "service"));

    // What was revoked meanwhile stays so.
    world.revoke(&three.serial, 150);
    assert!(block_on(world.authority.tick(at(300))).reactivated.is_empty());
    assert!(matches!(world.authority.status(&three.serial), Some(Status::Revoked { .. })));
    world.audit();
}

#[test]
fn suspensions_that_end_together_cost_one_list() {
    let world = world();
    let issued: Vec<_> = (0..5).map(|_| world.issue(1)).collect();
    for one in &issued {
        let until = Some(at(100));
        block_on(world.authority.suspend(&one.serial, until, admin(), at(10))).unwrap();
    }
    let before = world.authority.crl("issuing").unwrap().number;
    let ticked = block_on(world.authority.tick(at(100)));
    assert_eq!(ticked.reactivated.len(), 5);
    assert_eq!(ticked.crls, [("issuing".to_owned(), before + 1)]);
    assert!(world.list().is_empty());
}

#[test]
fn a_list_comes_on_time_without_a_change() {
    let world = world();
    let day = 86_400;
    assert!(block_on(world.authority.tick(at(day - 1))).crls.is_empty());
    let ticked = block_on(world.authority.tick(at(day)));
    assert_eq!(ticked.crls, [("issuing".to_owned(), 2), ("root".to_owned(), 2)]);
    let crl = world.authority.crl("root").unwrap();
    assert_eq!((crl.this_update, crl.next_update), (at(day), at(day) + days(7)));
}

/// A clock that was ahead leaves a list from the future; it is replaced when the clock is right.
#[test]
fn a_list_from_the_future_is_replaced() {
    let world = world();
    block_on(world.authority.tick(at(1_000_000)));
    let ticked = block_on(world.authority.tick(at(60)));
    assert_eq!(ticked.crls, [("issuing".to_owned(), 3), ("root".to_owned(), 3)]);
    assert_eq!(world.authority.crl("issuing").unwrap().this_update, at(60));
    world.audit();
}

#[test]
fn a_responder_is_renewed_before_its_end_over_the_same_key() {
    let world = world();
    let issued = world.issue(1);
    let serial = |world: &World| {
        let facts = world.authority.authorities().unwrap();
        facts[0].responder.clone().unwrap().serial.unwrap()
    };
    let first = serial(&world);
    assert_eq!(world.site.keys.labels(), ["ocsp-issuing", "ocsp-root"]);
    let half = 15 * 86_400;
    assert!(block_on(world.authority.tick(at(half - 10))).responders.is_empty());
    let ticked = block_on(world.authority.tick(at(half)));
    assert_eq!(ticked.responders.len(), 2);
    assert_ne!(serial(&world), first);
    assert_eq!(world.site.keys.made.load(Ordering::SeqCst), 2);
    assert_eq!(world.ask(&issued.der, half + 1), Said::Good);
    let made = world.events().iter().filter(|event| event.action == "key-made").count();
    assert_eq!(made, 2);
    world.audit();
}

/// Clients do not ask about a responder's certificate: a bad one has to go, key and all.
#[test]
fn a_revoked_responder_is_replaced_with_its_key() {
    let world = world();
    let issued = world.issue(1);
    let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
    world.revoke(&responder.serial.unwrap(), 10);
    assert_eq!(world.site.keys.labels(), ["ocsp-issuing", "ocsp-root", "ocsp2-issuing"]);
    assert_eq!(world.ask(&issued.der, 21), Said::Good);
    assert!(block_on(world.authority.tick(at(30))).responders.is_empty());
    let world = world.restart(at(40));
    assert!(block_on(world.authority.tick(at(50))).responders.is_empty());
    assert_eq!(world.ask(&issued.der, 51), Said::Good);
    world.audit();
}

#[test]
fn a_bad_responder_that_cannot_be_replaced_answers_nothing() {
    let world = world();
    let issued = world.issue(1);
    assert_eq!(world.ask(&issued.der, 2), Said::Good);
    let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
    let (serial, reason) = (responder.serial.unwrap(), RevocationReason::KeyCompromise);
    world.site.keys.locked.store(true, Ordering::SeqCst);
    let revoked = world.authority.revoke(&serial, reason, None, admin(), at(10));
    block_on(revoked).unwrap();
    let asked = request(&world.site.issuing, &[&issued.der], false);
    assert_eq!(world.authority.ocsp(&asked, at(11)).kind, AnswerKind::TryLater);
    assert_eq!(block_on(world.authority.tick(at(20))).failures.len(), 1);
    world.site.keys.locked.store(false, Ordering::SeqCst);
    assert_eq!(block_on(world.authority.tick(at(30))).responders.len(), 1);
    assert_eq!(world.ask(&issued.der, 31), Said::Good);
}

/// A device that is away at a start, and comes back with the key in it: no new certificate.
#[test]
fn a_responder_whose_key_was_away_is_taken_up_again() {
    let world = world();
    let issued = world.issue(1);
    world.site.keys.locked.store(true, Ordering::SeqCst);
    let world = world.restart(at(10));
    assert_eq!(block_on(world.authority.tick(at(20))).failures.len(), 2);
    world.site.keys.locked.store(false, Ordering::SeqCst);
    let ticked = block_on(world.authority.tick(at(30)));
    assert_eq!((ticked.responders.len(), ticked.failures.len()), (0, 0));
    assert_eq!(world.ask(&issued.der, 31), Said::Good);
}

#[test]
fn a_ca_in_its_last_day_gets_no_responder() {
    let world = world();
    let end = world.site.issuing.not_after();
    let ticked = block_on(world.authority.tick(end - Duration::hours(5)));
    let renewed: Vec<_> = ticked.responders.iter().map(|(ca, _)| ca.as_str()).collect();
    assert_eq!((renewed, ticked.failures.len()), (vec!["root"], 0));
}

#[test]
fn a_responder_that_cannot_be_made_is_told_and_tried_again() {
    let site = Site::new();
    site.broken.store(true, Ordering::SeqCst);
    let world = site.open(at(0)).unwrap();
    let ticked = block_on(world.authority.tick(at(0)));
    // The root's key signs; that of the issuing CA neither a certificate nor a list.
    assert_eq!(ticked.failures.len(), 2);
    assert!(matches!(ticked.failures[0], AuthorityError::Issue(_)), "{:?}", ticked.failures);
    assert!(matches!(ticked.failures[1], AuthorityError::Unpublished { .. }));
    assert_eq!(ticked.responders.len(), 1);
    site.broken.store(false, Ordering::SeqCst);
    let ticked = block_on(world.authority.tick(at(60)));
    assert_eq!((ticked.failures.len(), ticked.responders.len(), ticked.crls.len()), (0, 1, 1));
}

#[test]
fn a_responder_does_not_outlive_its_ca() {
    let world = world();
    let end = world.site.issuing.not_after();
    let ticked = block_on(world.authority.tick(end - days(10)));
    assert_eq!(ticked.responders.len(), 2, "{:?}", ticked.failures);
    let facts = world.authority.authorities().unwrap();
    assert!(facts[0].responder.clone().unwrap().not_after <= end);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = Settings::default();
    assert!(good.check().is_ok());
    let hour = Duration::hours(1);
    let wrong = [
        (Settings { crl_every: good.crl_lifetime, ..good }, "crl_every"),
        (Settings { crl_every: Duration::zero(), ..good }, "crl_every"),
        (Settings { crl_lifetime: days(367), ..good }, "crl_lifetime"),
        (Settings { ocsp_lifetime: Duration::zero(), ..good }, "ocsp_lifetime"),
        (Settings { ocsp_lifetime: days(31), ..good }, "ocsp_lifetime"),
        (Settings { ocsp_max_age: good.ocsp_lifetime + hour, ..good }, "ocsp_max_age"),
        (Settings { responder_validity: days(1), ..good }, "responder_validity"),
    ];
    for (settings, field) in wrong {
        let refused = settings.check().unwrap_err().to_string();
        assert!(refused.starts_with(field), "{refused}");
        assert!(Site { settings, ..Site::new() }.open(at(0)).is_err());
    }
}

/// The timer sees a suspension whose end has come; before its turn an administrator reactivates the
/// certificate and suspends it again. The new suspension is not the timer's to end.
#[test]
fn the_end_of_a_suspension_ends_no_other_one() {
    let world = world();
    let issued = world.issue(1);
    let suspend = |until: i64, now: i64| {
        let (serial, until) = (&issued.serial, Some(at(until)));
        block_on(world.authority.suspend(serial, until, admin(), at(now))).unwrap();
    };
    suspend(100, 10);
    let overdue = world.authority.overdue(at(100));
    world.reactivate(&issued.serial, 100);
    suspend(500, 100);
    let [(serial, seen)] = &overdue[..] else { panic!("{overdue:?}") };
    let ended = block_on(world.authority.end_suspension(serial, *seen, at(101)));
    assert!(matches!(ended, Err(AuthorityError::Illegal { .. })), "{ended:?}");
    let held = Status::Held { since: at(100), until: Some(at(500)) };
    assert_eq!(world.authority.status(&issued.serial), Some(held));
    world.audit();
}

/// A suspension that needs longer than was thought: no instant without it.
#[test]
fn a_suspension_gets_another_end() {
    let world = world();
    let issued = world.issue(1);
    let suspend = |until: Option<i64>, now: i64| {
        let changed = world.authority.suspend(&issued.serial, until.map(at), admin(), at(now));
        block_on(changed).map(|changed| changed.certificate.status)
    };
    suspend(Some(100), 10).unwrap();
    let overdue = world.authority.overdue(at(100));
    let longer = Status::Held { since: at(10), until: Some(at(200)) };
    assert_eq!(suspend(Some(200), 99).unwrap(), longer);
    assert!(
        block_on(world.authority.end_suspension(&issued.serial, overdue[0].1, at(100))).is_err()
    );
    assert!(block_on(world.authority.tick(at(150))).reactivated.is_empty());
    assert!(world.events().iter().any(|event| event.action == "suspension-changed"));
    for (until, now) in [(Some(200), 150), (Some(140), 150)] {
        assert!(matches!(suspend(until, now), Err(AuthorityError::Illegal { .. })));
    }
    assert_eq!(suspend(None, 160).unwrap(), Status::Held { since: at(10), until: None });
    assert!(block_on(world.authority.tick(at(300))).reactivated.is_empty());
    let world = world.restart(at(310));
    assert_eq!(world.ask(&issued.der, 311), Said::Revoked(6, at(10)));
    world.audit();
}

/// Neither a list that cannot be made nor an administrator who does not wait leaves a revoked
/// responder at work.
#[test]
fn a_revoked_responder_answers_nothing_whatever_comes_of_the_list() {
    for waits in [true, false] {
        let world = world();
        let issued = world.issue(1);
        assert_eq!(world.ask(&issued.der, 2), Said::Good);
        let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
        let (serial, reason) = (responder.serial.unwrap(), RevocationReason::KeyCompromise);
        world.site.broken.store(true, Ordering::SeqCst);
        if waits {
            let revoked = world.authority.revoke(&serial, reason, None, admin(), at(10));
            let revoked = block_on(revoked);
            assert!(matches!(revoked, Err(AuthorityError::Unpublished { .. })), "{revoked:?}");
        } else {
            // As if the asker had gone right after the change.
            let change = crate::Change::Revoke { reason, invalidity: None };
            block_on(world.authority.0.change(&serial, change, None, admin(), at(10))).unwrap();
        }
        let asked = request(&world.site.issuing, &[&issued.der], false);
        assert_eq!(world.authority.ocsp(&asked, at(11)).kind, AnswerKind::TryLater);
        world.site.broken.store(false, Ordering::SeqCst);
        assert_eq!(block_on(world.authority.tick(at(20))).responders.len(), 1);
        assert_eq!(world.ask(&issued.der, 21), Said::Good);
    }
}

/// An answer that was begun before its responder was revoked, and is kept after.
#[test]
fn a_late_answer_of_a_revoked_responder_is_not_given_again() {
    let world = world();
    let issued = world.issue(1);
    let asked = request(&world.site.issuing, &[&issued.der], false);
    let before = world.authority.ocsp(&asked, at(2));
    let late = world.authority.0.answers.get(&asked).unwrap();
    let responder = world.authority.authorities().unwrap()[0].responder.clone().unwrap();
    world.revoke(&responder.serial.unwrap(), 10);
    world.authority.0.answers.insert(&asked, late);
    assert_ne!(world.authority.ocsp(&asked, at(11)).der, before.der);
    assert_eq!(world.ask(&issued.der, 12), Said::Good);
}

/// A responder that was loaded before its certificate was revoked does not sign.
#[test]
fn a_revoked_responder_that_is_put_back_does_not_sign() {
    let world = world();
    let issued = world.issue(1);
    let old = world.authority.0.cas[0].responding.load_full();
    let serial = old.as_ref().unwrap().serial.clone().unwrap();
    world.revoke(&serial, 10);
    world.authority.0.cas[0].responding.store(old);
    let asked = request(&world.site.issuing, &[&issued.der], false);
    assert_eq!(world.authority.ocsp(&asked, at(11)).kind, AnswerKind::TryLater);
}
