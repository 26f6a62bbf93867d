//! The end of generations: retired, revoked, destroyed, and what is kept of them.

use super::support::*;
use crate::Status;
use crate::units::*;
use certs::{KeyBackend, RevocationReason, Serial};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const FORCED: Retirement =
    Retirement { generation: None, destroy_key: false, revoke: None, force: true };

#[tokio::test]
async fn the_default_unit_is_not_retired_by_mistake() {
    let bench = Bench::new();
    bench.active("main").await;
    let refused = bench.registry.retire("main", Retirement::default(), &by(), noon()).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "generation 1 of unit main is active, and it serves the requests that name no unit: \
         activate a new generation instead, or retire it all the same with `--force` (`force` in \
         the API)"
    );
    assert_eq!(bench.state("main", 1), State::Active);
    let retired = bench.registry.retire("main", FORCED, &by(), day(1)).await.unwrap();
    assert_eq!((retired.state, retired.retired_at), (State::Retired, Some(day(1))));
    let plan = bench.registry.plan(day(1)).unwrap();
    assert_eq!((plan.active.len(), plan.retired.len(), plan.default_unit), (0, 1, None));
}

#[tokio::test]
async fn the_companion_of_a_pair_is_not_retired_by_mistake() {
    let bench = Bench::new();
    let main = UnitSettings { companion: Some("pq".to_owned()), ..unit("main") };
    bench.registry.configure(main, None, &by(), noon()).await.unwrap();
    bench.active("pq").await;
    let refused = bench.registry.retire("pq", Retirement::default(), &by(), noon()).await;
    assert!(refused.unwrap_err().to_string().contains("it is the companion of unit main"));
    bench.registry.retire("pq", FORCED, &by(), noon()).await.unwrap();
}

/// A pair is two units: no chain of three, and no ring.
#[tokio::test]
async fn a_companion_is_in_no_other_pair() {
    let bench = Bench::new();
    let with = |id: &str, companion: &str| UnitSettings {
        companion: Some(companion.to_owned()),
        ..unit(id)
    };
    bench.registry.create(with("main", "pq"), &by(), noon()).await.unwrap();
    let ring = bench.registry.create(with("pq", "main"), &by(), noon()).await.unwrap_err();
    assert!(ring.to_string().contains("main is paired itself"), "{ring}");
    let chain = bench.registry.configure(with("third", "main"), None, &by(), noon()).await;
    assert!(chain.unwrap_err().to_string().contains("main is paired itself"));
    bench.registry.create(unit("pq"), &by(), noon()).await.unwrap();
    let later = bench.registry.configure(with("pq", "other"), None, &by(), noon()).await;
    assert!(later.unwrap_err().to_string().contains("pq is paired itself"));
}

#[tokio::test]
async fn a_unit_that_nobody_needs_is_retired_without_force() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.active("other").await;
    bench.registry.retire("other", Retirement::default(), &by(), noon()).await.unwrap();
    let nothing = bench.registry.retire("other", Retirement::default(), &by(), noon()).await;
    assert!(matches!(nothing, Err(UnitError::NoGeneration { .. })));
    let again = Retirement { generation: Some(1), ..Retirement::default() };
    let again = bench.registry.retire("other", again, &by(), noon()).await;
    assert!(matches!(again, Err(UnitError::Illegal { .. })));
}

/// A key that was made and never used can be given up, and the next one made.
#[tokio::test]
async fn a_generation_that_never_signed_can_be_given_up() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.registry.new_key("main", &by(), noon()).await.unwrap();
    let given_up = Retirement { generation: Some(2), destroy_key: true, ..Retirement::default() };
    bench.registry.retire("main", given_up, &by(), noon()).await.unwrap();
    assert!(!bench.files.contains("tsu2-main").unwrap());
    assert_eq!(bench.registry.new_key("main", &by(), noon()).await.unwrap().number, 3);
    // It signed nothing, so there is nothing of it to be fetched.
    assert!(bench.registry.plan(noon()).unwrap().retired.is_empty());
}

/// Destroyed for good, and written down; the certificate is kept, so that old tokens can be
/// fetched.
#[tokio::test]
async fn a_key_is_destroyed_and_its_certificate_kept() {
    let bench = Bench::new();
    bench.active("main").await;
    let before = bench.registry.plan(noon()).unwrap();
    let der = before.active[0].certificate.der().to_vec();
    assert!(bench.files.contains("tsu-main").unwrap());
    let retirement = Retirement { destroy_key: true, ..FORCED };
    let destroyed = bench.registry.retire("main", retirement, &by(), day(1)).await.unwrap();
    assert_eq!((destroyed.state, destroyed.destroyed_at), (State::Destroyed, Some(day(1))));
    assert!(!bench.files.contains("tsu-main").unwrap());
    let bench = bench.restarted();
    assert_eq!(bench.registry.plan(day(2)).unwrap().retired[0].der, der);
    let told = bench.events();
    let event = told.last().unwrap();
    assert_eq!(event.action, "key-destroyed");
    assert!(event.details.iter().any(|(name, value)| name == "label" && value == "tsu-main"));
    let again = Retirement { generation: Some(1), ..retirement };
    let again = bench.registry.retire("main", again, &by(), day(2)).await;
    assert!(matches!(again, Err(UnitError::Illegal { .. })));
}

/// Whoever issues tokens is told before the key is gone.
#[tokio::test]
async fn the_issuer_is_told_before_the_key_is_destroyed() {
    let bench = Bench::new();
    bench.active("main").await;
    let was_there = Arc::new(AtomicBool::new(false));
    let (seen, files) = (Arc::clone(&was_there), bench.files.clone());
    let registry = bench.registry.clone();
    assert!(bench.registry.watch(move |now| {
        let stopped = registry.plan(now).unwrap().active.is_empty();
        seen.store(stopped && files.contains("tsu-main").unwrap(), Ordering::SeqCst);
    }));
    assert!(!bench.registry.watch(|_| {}), "there is one");
    let retirement = Retirement { destroy_key: true, ..FORCED };
    bench.registry.retire("main", retirement, &by(), noon()).await.unwrap();
    assert!(was_there.load(Ordering::SeqCst));
}

/// A device that is away: the unit stops all the same, and the key is destroyed when it is back.
#[tokio::test]
async fn a_device_that_is_away_keeps_its_key_until_it_is_back() {
    let bench = Bench::new();
    bench.registry.configure(in_device("main"), None, &by(), noon()).await.unwrap();
    bench.lost.store(true, Ordering::SeqCst);
    // The plan needs no device.
    assert_eq!(bench.registry.plan(noon()).unwrap().active.len(), 1);
    let retirement = Retirement { destroy_key: true, ..FORCED };
    let failed = bench.registry.retire("main", retirement, &by(), noon()).await;
    assert!(matches!(failed, Err(UnitError::Key { .. })));
    assert_eq!(bench.state("main", 1), State::Retired);
    assert_eq!(bench.events().last().unwrap().outcome, trail::Outcome::Failure);
    bench.lost.store(false, Ordering::SeqCst);
    let again = Retirement { generation: Some(1), ..retirement };
    bench.registry.retire("main", again, &by(), noon()).await.unwrap();
    assert_eq!(bench.state("main", 1), State::Destroyed);
    assert_eq!(bench.events().last().unwrap().outcome, trail::Outcome::Success);
}

/// A kill between the key's destruction and its record: the next call writes it down.
#[tokio::test]
async fn a_destruction_that_was_cut_off_is_written_down_later() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.registry.retire("main", FORCED, &by(), noon()).await.unwrap();
    let begun = trail::Event::success(trail::Category::Key, "begun", "admin", "unit main");
    bench.registry.0.mark_destroying(("main", 1), begun, noon()).await.unwrap();
    bench.files.destroy("tsu-main").unwrap();
    let bench = bench.restarted();
    let retirement = Retirement { generation: Some(1), destroy_key: true, ..FORCED };
    bench.registry.retire("main", retirement, &by(), noon()).await.unwrap();
    assert_eq!(bench.state("main", 1), State::Destroyed);
}

/// A key file that is away, or a token that was swapped: nothing was destroyed, and nobody says so.
#[tokio::test]
async fn a_key_that_is_not_there_is_not_destroyed() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.registry.retire("main", FORCED, &by(), noon()).await.unwrap();
    let (here, away) = (bench.key_file("tsu-main"), bench.key_file("away"));
    std::fs::rename(&here, &away).unwrap();
    let retirement = Retirement { generation: Some(1), destroy_key: true, ..FORCED };
    for _ in 0..2 {
        let refused = bench.registry.retire("main", retirement, &by(), noon()).await;
        assert!(matches!(refused, Err(UnitError::KeyNotFound { .. })), "{refused:?}");
        assert_eq!(bench.state("main", 1), State::Retired);
        let event = bench.events().pop().unwrap();
        let said = (event.action.as_str(), event.outcome);
        assert_eq!(said, ("key-destroyed", trail::Outcome::Failure));
    }

    // Another key under the same label is not the one.
    let other = bench.files.generate("tsu-main", certs::KeyKind::P256).unwrap();
    let refused = bench.registry.retire("main", retirement, &by(), noon()).await;
    let is_other =
        matches!(refused, Err(UnitError::Key { error: certs::KeyError::OtherKey { .. }, .. }));
    assert!(is_other, "{refused:?}");
    let there = bench.files.open("tsu-main").unwrap();
    assert!(there.public_key().public_eq(other.public_key()));
    // And that it is gone again proves nothing.
    std::fs::remove_file(&here).unwrap();
    let refused = bench.registry.retire("main", retirement, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::KeyNotFound { .. })), "{refused:?}");

    std::fs::rename(&away, &here).unwrap();
    bench.registry.retire("main", retirement, &by(), noon()).await.unwrap();
    assert_eq!(bench.state("main", 1), State::Destroyed);
}

#[tokio::test]
async fn a_certificate_is_revoked_with_its_unit_or_later() {
    let bench = Bench::new();
    bench.active("main").await;
    let unit = bench.active("other").await;
    let serial = |unit: &Unit| -> Serial {
        unit.generations[0].certificate.as_ref().unwrap().serial.parse().unwrap()
    };
    let revoke = Some(RevocationReason::KeyCompromise);
    let retirement = Retirement { revoke, ..Retirement::default() };
    bench.registry.retire("other", retirement, &by(), day(1)).await.unwrap();
    let status = bench.authority.status(&serial(&unit)).unwrap();
    assert!(matches!(status, Status::Revoked { reason: RevocationReason::KeyCompromise, .. }));

    let main = bench.registry.retire("main", FORCED, &by(), day(1)).await.unwrap();
    let later = Retirement { generation: Some(main.number), ..retirement };
    bench.registry.retire("main", later, &by(), day(2)).await.unwrap();
    let main = serial(&bench.registry.show("main").unwrap());
    assert!(matches!(bench.authority.status(&main), Some(Status::Revoked { .. })));
    // Once more is no error: what was asked for is so.
    bench.registry.retire("main", later, &by(), day(3)).await.unwrap();
}

/// A unit that signs without the files that it needs is a fault of the plan, not of the service;
/// what it has signed can still be fetched.
#[tokio::test]
async fn a_key_that_is_missing_is_a_fault_of_the_plan() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.active("other").await;
    bench.files.destroy("tsu-main").unwrap();
    let bench = bench.restarted();
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!(plan.active.len(), 1);
    assert!(matches!(&plan.faults[..], [(unit, UnitError::Key { .. })] if unit == "main"));
    assert_eq!((plan.default_unit, plan.retired.len()), (None, 1));
}

/// An end that stops issuing: the unit is in the plan, and the issuer refuses with it by name.
#[tokio::test]
async fn a_unit_that_has_ended_says_so_itself() {
    let bench = Bench::new();
    bench.active("main").await;
    let plan = bench.registry.plan(day(366)).unwrap();
    let ended = plan.active[0].certificate.usable_at(day(366));
    assert!(matches!(ended, Err(certs::TsuFault::KeyUsagePeriodEnded { .. })), "{ended:?}");
}

/// A unit whose certificate is suspended or revoked signs nothing; one that is reactivated comes
/// back, and what it signed before can be fetched all the while.
#[tokio::test]
async fn a_unit_whose_certificate_is_not_good_is_left_out_of_the_plan() {
    let bench = Bench::new();
    bench.active("main").await;
    let unit = bench.active("other").await;
    let serial: Serial = unit.generations[0].certificate.as_ref().unwrap().serial.parse().unwrap();
    let active = || {
        let plan = bench.registry.plan(day(1)).unwrap();
        let ids: Vec<_> = plan.active.iter().map(|unit| unit.settings.id.clone()).collect();
        let faults: Vec<_> = plan.faults.iter().map(|(_, fault)| fault.to_string()).collect();
        (ids.join(" "), faults, plan.retired.len())
    };
    assert_eq!(active(), ("main other".to_owned(), vec![], 0));
    bench.authority.suspend(&serial, None, &by(), day(1)).await.unwrap();
    let why = "unit other, generation 1: its certificate is suspended; reactivate it, and the unit \
               signs again";
    assert_eq!(active(), ("main".to_owned(), vec![why.to_owned()], 1));
    bench.authority.reactivate(&serial, &by(), day(1)).await.unwrap();
    assert_eq!(active().0, "main other");
    let reason = RevocationReason::KeyCompromise;
    bench.authority.revoke(&serial, reason, None, &by(), day(1)).await.unwrap();
    let (ids, faults, retired) = active();
    assert_eq!((ids.as_str(), retired), ("main", 1));
    assert!(faults[0].contains("its certificate is revoked"), "{faults:?}");
}

/// What a revoked CA certified is not good either.
#[tokio::test]
async fn no_unit_signs_under_a_revoked_ca() {
    let bench = Bench::new();
    bench.active("main").await;
    let authority = bench.with_root();
    let issuing = bench.hierarchy.issuing.certificate_der();
    let registered =
        authority.register("root", issuing, crate::Profile::Ca, &by(), noon()).await.unwrap();
    let registry = bench.registry_under(&authority);
    assert_eq!(registry.plan(noon()).unwrap().active.len(), 1);
    let reason = RevocationReason::CaCompromise;
    authority.revoke(&registered.serial, reason, None, &by(), noon()).await.unwrap();
    let plan = registry.plan(noon()).unwrap();
    assert!(plan.active.is_empty());
    let fault = plan.faults[0].1.to_string();
    assert!(fault.contains("the certificate of") && fault.contains("Prova Issuing"), "{fault}");
}

/// A generation that was revoked before its time does not take over.
#[tokio::test]
async fn a_revoked_generation_is_not_activated() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.registry.new_key("main", &by(), noon()).await.unwrap();
    let next = bench.registry.certify("main", None, &by(), noon()).await.unwrap();
    let serial: Serial = next.certificate.unwrap().serial.parse().unwrap();
    let reason = RevocationReason::KeyCompromise;
    bench.authority.revoke(&serial, reason, None, &by(), noon()).await.unwrap();
    let refused = bench.registry.activate("main", None, None, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::NotGood { generation: 2, .. })), "{refused:?}");
    assert_eq!(bench.state("main", 1), State::Active);
}
