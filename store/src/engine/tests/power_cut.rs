//! The power may go after every operation of the disk: nothing acknowledged is lost.

use super::faults::check_restart;
use super::{acknowledged, run, state_after, state_of, tiny};
use crate::disk::{Loss, MemoryDisk};
use crate::{MemoryStore, Store};

/// Torn variations of each crash point, beside the loss of everything un-synced.
const VARIATIONS: u64 = 6;

/// Opens what is left of a disk, and checks it against the run that was cut.
fn check(disk: &MemoryDisk, acknowledged: u64, submitted: u64, case: &str) {
    let (store, report) = match MemoryStore::open(disk, &tiny()) {
        Ok(opened) => opened,
        Err(error) => panic!("{case}: {error}"),
    };
    assert!(report.sequence >= acknowledged, "{case}: {acknowledged} lost, {report:?}");
    assert!(report.sequence <= submitted, "{case}: {report:?}");
    assert_eq!(state_of(&store).unwrap(), state_after(report.sequence), "{case}");
    // And it goes on where it stopped, and survives the next cut as well.
    let next = run(&store, 2);
    assert_eq!((next[0].0, next[1].0), (report.sequence + 1, report.sequence + 2), "{case}");
    let disk = disk.after_power_cut(Loss::All);
    let (store, report) = MemoryStore::open(&disk, &tiny()).unwrap();
    assert_eq!(report.torn_tail, None, "{case}");
    assert_eq!(state_of(&store).unwrap(), state_after(next[1].0), "{case}");
}

#[test]
fn at_every_operation_of_a_run() {
    let disk = MemoryDisk::new();
    disk.record();
    let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
    let ends = run(&store, 60);
    assert_eq!(acknowledged(&ends), 60);
    store.close().unwrap();
    let points = disk.crash_points();
    assert!(points.len() > 100, "{}", points.len());
    let mut torn = 0;
    for (place, point) in (1..).zip(&points) {
        let before = ends.iter().filter(|end| end.1 <= place).cloned().collect::<Vec<_>>();
        let known = acknowledged(&before);
        check(&point.after_power_cut(Loss::All), known, 60, &format!("operation {place}"));
        for variation in 0..VARIATIONS {
            let seed = place * 1000 + variation;
            let cut = point.after_power_cut(Loss::Torn(seed));
            let case = format!("operation {place}, Loss::Torn({seed})");
            torn += u64::from(is_torn(&cut));
            check(&cut, known, 60, &case);
        }
    }
    assert!(torn > 10, "only {torn} of the variations had a torn tail: they test little");
}

#[test]
fn after_a_kill_at_every_operation_of_a_run_and_a_restart() {
    let disk = MemoryDisk::new();
    disk.record();
    let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
    let ends = run(&store, 30);
    store.close().unwrap();
    for (place, point) in (1..).zip(&disk.crash_points()) {
        let before = ends.iter().filter(|end| end.1 <= place).cloned().collect::<Vec<_>>();
        let case = format!("killed after operation {place}");
        check_restart(&point.after_kill(), acknowledged(&before), &case);
    }
}

fn is_torn(disk: &MemoryDisk) -> bool {
    let copy = disk.after_power_cut(Loss::Nothing);
    MemoryStore::open(&copy, &tiny()).is_ok_and(|(_, report)| report.torn_tail.is_some())
}

#[test]
fn while_a_torn_tail_is_being_cut_off() {
    let disk = MemoryDisk::new();
    disk.record();
    let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
    let ends = run(&store, 12);
    drop(store);
    let points = disk.crash_points();
    let torn = (0..200).flat_map(|seed| points.iter().map(move |point| (seed, point)));
    let (place, cut) = torn
        .map(|(seed, point)| (point.operations(), point.after_power_cut(Loss::Torn(seed))))
        .find(|(_, cut)| is_torn(cut))
        .unwrap();
    let before = ends.iter().filter(|end| end.1 <= place).cloned().collect::<Vec<_>>();
    let known = acknowledged(&before);
    cut.record();
    drop(MemoryStore::open(&cut, &tiny()).unwrap());
    for (step, point) in cut.crash_points().iter().enumerate() {
        for seed in 0..8 {
            let case = format!("operation {place}, then {step}, Loss::Torn({seed})");
            check(&point.after_power_cut(Loss::Torn(seed)), known, 12, &case);
        }
    }
}
