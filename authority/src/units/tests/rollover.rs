//! Rollovers that come by themselves: prepared before the end, in effect before the end, and taken
//! up again where they were cut off.

use super::support::*;
use crate::units::*;
use certs::KeyBackend;
use std::sync::atomic::Ordering;

fn change(generation: u32, what: ChangeKind) -> Change {
    Change { unit: "main".to_owned(), generation, what }
}

#[tokio::test]
async fn the_next_generation_is_there_before_the_end_of_the_one_before() {
    let bench = Bench::new();
    bench.active("main").await;
    let registry = &bench.registry;
    // The key may sign for 365 days: 30 days before, the next one is published.
    assert_eq!(registry.tick(day(334)).await.unwrap(), []);
    assert_eq!(registry.tick(day(335)).await.unwrap(), [change(2, ChangeKind::Prepared)]);
    assert_eq!(registry.tick(day(336)).await.unwrap(), [], "once");
    let unit = registry.show("main").unwrap();
    assert_eq!(unit.active().unwrap().number, 1);
    assert_eq!(unit.waiting().unwrap().activate_at, Some(day(358)));
    assert_eq!(registry.tick(day(357)).await.unwrap(), []);
    assert_eq!(registry.tick(day(358)).await.unwrap(), [change(2, ChangeKind::Activated)]);
    assert_eq!(bench.state("main", 1), State::Retired);
    let by_service = bench.events().into_iter().filter(|event| event.actor == "service").count();
    assert_eq!(by_service, 5, "key, certificate, schedule, activation, retirement");
}

/// Day for day over five years, with a restart now and then: one key signs at any time, and it may.
#[tokio::test]
async fn for_five_years_one_key_signs_at_any_time() {
    let mut bench = Bench::new();
    bench.active("main").await;
    for number in 0..5 * 365 {
        let now = day(number);
        if number % 97 == 0 {
            bench = bench.restarted();
        }
        let changes = bench.registry.tick(now).await.unwrap();
        let failed = |change: &Change| matches!(change.what, ChangeKind::Failed(_));
        assert!(!changes.iter().any(failed), "{changes:?}");
        if number % 10 == 0 || !changes.is_empty() {
            let plan = bench.registry.plan(now).unwrap();
            let [active] = &plan.active[..] else { panic!("{plan:?}") };
            active.certificate.usable_at(now).unwrap();
            assert_eq!(plan.retired.len() as u32, active.generation - 1);
        }
    }
    assert_eq!(bench.registry.show("main").unwrap().active().unwrap().number, 6);
}

/// A service that was off until after the end rolls over at once.
#[tokio::test]
async fn a_rollover_that_is_late_comes_at_once() {
    let bench = Bench::new();
    bench.active("main").await;
    let changes = bench.registry.tick(day(400)).await.unwrap();
    let expected = [change(2, ChangeKind::Prepared), change(2, ChangeKind::Activated)];
    assert_eq!(changes, expected);
    let plan = bench.registry.plan(day(400)).unwrap();
    plan.active[0].certificate.usable_at(day(400)).unwrap();
}

/// A device that is away fails one unit's rollover, says so, and keeps no other from its turn;
/// when it is back the rollover comes.
#[tokio::test]
async fn a_rollover_that_fails_is_tried_again() {
    let bench = Bench::new();
    bench.registry.configure(in_device("a"), None, &by(), noon()).await.unwrap();
    bench.active("main").await;
    bench.lost.store(true, Ordering::SeqCst);
    let changes = bench.registry.tick(day(340)).await.unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(matches!(&changes[0].what, ChangeKind::Failed(text) if text.contains("gone")));
    assert_eq!(changes[1], change(2, ChangeKind::Prepared));
    bench.lost.store(false, Ordering::SeqCst);
    let changes = bench.registry.tick(day(341)).await.unwrap();
    assert_eq!((changes[0].unit.as_str(), &changes[0].what), ("a", &ChangeKind::Prepared));
}

/// A kill after any of its steps: the next tick goes on from there and makes no second key.
#[tokio::test]
async fn a_rollover_that_was_cut_off_goes_on() {
    for done in 0..4 {
        let bench = Bench::new();
        bench.active("main").await;
        match done {
            // The key is there, and nobody wrote it down.
            1 => {
                bench.registry.0.mark_making(&unit("main"), 2, day(335)).await.unwrap();
                bench.files.generate("tsu2-main", certs::KeyKind::P256).unwrap();
            }
            2 => drop(bench.registry.new_key("main", &by(), day(335)).await.unwrap()),
            3 => {
                bench.registry.new_key("main", &by(), day(335)).await.unwrap();
                bench.registry.certify("main", None, &by(), day(335)).await.unwrap();
            }
            _ => {}
        }
        let bench = bench.restarted();
        let changes = bench.registry.tick(day(336)).await.unwrap();
        assert_eq!(changes, [change(2, ChangeKind::Prepared)], "after {done} steps");
        assert_eq!(bench.registry.show("main").unwrap().generations.len(), 2);
        bench.registry.tick(day(358)).await.unwrap();
        let plan = bench.registry.plan(day(358)).unwrap();
        assert_eq!(plan.active[0].generation, 2);
        plan.active[0].key.sign(b"message").unwrap();
    }
}

#[tokio::test]
async fn a_unit_without_rollover_keeps_its_key() {
    let bench = Bench::new();
    let settings = UnitSettings { rollover: None, ..unit("main") };
    bench.registry.configure(settings, None, &by(), noon()).await.unwrap();
    assert_eq!(bench.registry.tick(day(364)).await.unwrap(), []);
    assert_eq!(bench.registry.tick(day(366)).await.unwrap(), []);
}
