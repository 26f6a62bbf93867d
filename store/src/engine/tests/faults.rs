//! Errors of the disk: poison, and a full disk that gets space again.

use super::{acknowledged, run, state_after, state_of, tiny};
use crate::disk::{Loss, MemoryDisk};
use crate::{MemoryStore, Store, StoreError, StoreExt};

type Ends = [(u64, u64, Result<(), StoreError>)];

/// After a fault: either nothing was touched by it, or a segment was not there in time and some
/// writes were refused, or the store is poisoned from some point on; in all cases a power cut loses
/// nothing acknowledged.
fn check(store: &MemoryStore, ends: &Ends, case: &str) -> bool {
    let is_refused = |end: &(u64, u64, Result<(), StoreError>)| {
        end.2.is_err() && !matches!(end.2, Err(StoreError::Full { .. }))
    };
    let poisoned = ends.iter().position(is_refused);
    if let Some(first) = poisoned {
        for end in &ends[first..] {
            assert!(matches!(end.2, Err(StoreError::Poisoned { .. })), "{case}: {end:?}");
        }
        assert!(matches!(store.health(), Err(StoreError::Poisoned { .. })), "{case}");
        let later = store.transact(|transaction| {
            transaction.put(super::T, b"later", b"");
            Ok(())
        });
        assert!(matches!(later.wait(), Err(StoreError::Poisoned { .. })), "{case}");
        // Reads still work, and find only what was acknowledged.
        assert_eq!(state_of(store).unwrap(), state_after(acknowledged(ends)), "{case}");
        assert!(store.close().is_err(), "{case}");
    }
    for loss in [Loss::All, Loss::Nothing, Loss::Torn(1), Loss::Torn(2), Loss::Torn(3)] {
        let disk = store.disk().after_power_cut(loss);
        let (after, report) = MemoryStore::open(&disk, &tiny()).unwrap();
        assert!(report.sequence >= acknowledged(ends), "{case}, {loss:?}");
        assert_eq!(state_of(&after).unwrap(), state_after(report.sequence), "{case}, {loss:?}");
    }
    for evicted in [false, true] {
        let disk = store.disk().after_kill();
        if evicted {
            disk.drop_caches();
        }
        check_restart(&disk, acknowledged(ends), &format!("{case}, evicted: {evicted}"));
    }
    poisoned.is_some()
}

/// The process starts again on the same machine, with whatever the page cache has, and the power
/// goes at some later time: after the opening, or after further transactions.
pub(super) fn check_restart(disk: &MemoryDisk, acknowledged: u64, case: &str) {
    let (store, report) = MemoryStore::open(disk, &tiny()).unwrap();
    assert!(report.sequence >= acknowledged, "{case}");
    for loss in [Loss::All, Loss::Torn(1), Loss::Torn(2)] {
        let cut = disk.after_power_cut(loss);
        let (after, report) = MemoryStore::open(&cut, &tiny())
            .unwrap_or_else(|error| panic!("{case}, {loss:?} after the restart: {error}"));
        assert!(report.sequence >= acknowledged, "{case}, {loss:?}");
        assert_eq!(state_of(&after).unwrap(), state_after(report.sequence), "{case}, {loss:?}");
    }
    let ends = run(&store, 8);
    assert_eq!(super::acknowledged(&ends), report.sequence + 8, "{case}");
    for loss in [Loss::All, Loss::Torn(1), Loss::Torn(2)] {
        let cut = disk.after_power_cut(loss);
        let (after, later) = MemoryStore::open(&cut, &tiny())
            .unwrap_or_else(|error| panic!("{case}, {loss:?} after eight more: {error}"));
        assert_eq!(later.sequence, report.sequence + 8, "{case}, {loss:?}");
        assert_eq!(state_of(&after).unwrap(), state_after(later.sequence), "{case}, {loss:?}");
    }
}

#[test]
fn an_error_of_any_write_or_sync_poisons_and_loses_nothing() {
    type Fail = fn(&MemoryDisk, u64);
    let faults: [(&str, Fail); 2] =
        [("write", MemoryDisk::fail_write), ("sync", MemoryDisk::fail_sync)];
    for (kind, fail) in faults {
        let mut poisoned = 0;
        for n in 1..=40 {
            let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
            fail(store.disk(), n);
            let ends = run(&store, 40);
            poisoned += u32::from(check(&store, &ends, &format!("{kind} {n}")));
        }
        assert!(poisoned > 10, "{kind}: only {poisoned} of 40 faults were met");
    }
}

#[test]
fn an_error_while_opening_is_an_error_and_the_next_opening_works() {
    for n in 1..=12 {
        for fail in [MemoryDisk::fail_write, MemoryDisk::fail_sync] {
            let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
            run(&store, 20);
            let disk = store.disk().after_power_cut(Loss::All);
            drop(store);
            fail(&disk, n);
            // The fault may be met by the thread that prepares segments, after the opening.
            drop(MemoryStore::open(&disk, &tiny()));
            let disk = disk.after_power_cut(Loss::All);
            let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
            assert_eq!(state_of(&store).unwrap(), state_after(20), "{n}");
        }
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_space() {
    // The disk is full after so many segments, and at odd places inside the next one.
    for segments in 1..=4 {
        for odd in [0, 1, 511, 4096, 8191] {
            let disk = MemoryDisk::new();
            let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
            disk.set_capacity(Some(segments * (8 << 10) + odd + 100));
            let ends = run(&store, 60);
            let case = format!("{segments} segments and {odd} bytes");
            let known = acknowledged(&ends);
            let refused = ends.iter().filter(|end| end.2.is_err()).count();
            assert!(refused > 0, "{case}");
            for end in &ends[ends.len() - refused..] {
                assert!(matches!(end.2, Err(StoreError::Full { .. })), "{case}: {end:?}");
            }
            assert!(matches!(store.health(), Err(StoreError::Full { .. })), "{case}");
            assert_eq!(state_of(&store).unwrap(), state_after(known), "{case}");
            // A job that only reads is no matter of space.
            store.transact(|transaction| transaction.get(super::T, b"x")).wait().unwrap();
            disk.set_capacity(None);
            while store.health().is_err() {
                std::thread::yield_now();
            }
            let ends = run(&store, 20);
            assert_eq!(acknowledged(&ends), known + 20, "{case}");
            assert_eq!(state_of(&store).unwrap(), state_after(known + 20), "{case}");
            store.close().unwrap();
            let (store, report) = MemoryStore::open(&disk, &tiny()).unwrap();
            assert_eq!((report.sequence, report.torn_tail), (known + 20, None), "{case}");
            assert_eq!(state_of(&store).unwrap(), state_after(known + 20), "{case}");
        }
    }
}

#[test]
fn without_file_descriptors_writes_are_refused_until_there_are_some() {
    let disk = MemoryDisk::new();
    let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
    disk.run_out_of_files(true);
    let ends = run(&store, 60);
    let known = acknowledged(&ends);
    let refused = ends.iter().filter(|end| end.2.is_err()).count();
    assert!(refused > 0 && known > 0);
    for end in &ends[ends.len() - refused..] {
        assert!(matches!(end.2, Err(StoreError::Full { .. })), "{end:?}");
    }
    disk.run_out_of_files(false);
    while store.health().is_err() {
        std::thread::yield_now();
    }
    assert_eq!(acknowledged(&run(&store, 20)), known + 20);
    assert_eq!(state_of(&store).unwrap(), state_after(known + 20));
}

#[test]
fn writes_are_refused_before_the_index_meets_a_full_disk() {
    let disk = MemoryDisk::new();
    let settings = crate::Settings { keep_free_bytes: 100 << 10, ..tiny() };
    let (store, _) = MemoryStore::open(&disk, &settings).unwrap();
    let known = acknowledged(&run(&store, 3));
    // The segment at hand has room, and the spare one is there.
    while disk.content("journal/next").is_none_or(|spare| spare.len() < 8 << 10) {
        std::thread::yield_now();
    }
    let leave_free = |bytes| disk.set_capacity(Some(disk.used_bytes() + bytes));
    leave_free((50 << 10) - 1);
    assert!(matches!(store.health(), Err(StoreError::Full { .. })));
    let ends = run(&store, 2);
    assert!(ends.iter().all(|end| matches!(end.2, Err(StoreError::Full { .. }))), "{ends:?}");
    assert_eq!(state_of(&store).unwrap(), state_after(known));
    leave_free(50 << 10);
    while store.health().is_err() {
        std::thread::yield_now();
    }
    assert_eq!(acknowledged(&run(&store, 2)), known + 2);
    store.health().unwrap();
}

#[test]
fn the_disk_is_asked_for_its_space_now_and_then_only() {
    let disk = MemoryDisk::new();
    let hour = std::time::Duration::from_secs(3600);
    let settings = crate::Settings { keep_free_bytes: 100 << 10, space_check: hour, ..tiny() };
    let (store, _) = MemoryStore::open(&disk, &settings).unwrap();
    store.health().unwrap();
    disk.set_capacity(Some(disk.used_bytes()));
    // Known since the first question.
    assert_eq!(acknowledged(&run(&store, 1)), 1);
}

#[test]
fn a_full_store_closes_cleanly() {
    let disk = MemoryDisk::new();
    let settings = crate::Settings { reserve_bytes: 2048, ..tiny() };
    let (store, _) = MemoryStore::open(&disk, &settings).unwrap();
    assert_eq!(disk.content("reserve").unwrap(), vec![0; 2048]);
    disk.set_capacity(Some(2 * (8 << 10) + 2048 + 200));
    let ends = run(&store, 60);
    assert!(matches!(store.health(), Err(StoreError::Full { .. })));
    disk.set_capacity(Some(disk.used_bytes()));
    store.close().unwrap();
    assert_eq!(disk.content("reserve"), None);
    let (store, report) = MemoryStore::open(&disk, &settings).unwrap();
    assert_eq!(report.sequence, acknowledged(&ends));
    assert!(store.disk().content("state").is_some());
}

#[test]
fn a_reserve_that_was_filled_in_part_is_completed() {
    let disk = MemoryDisk::new();
    let settings = crate::Settings { reserve_bytes: 2048, ..tiny() };
    let file = crate::disk::Disk::create(&disk, "reserve").unwrap();
    file.write_at(&[0; 100], 0).unwrap();
    drop(MemoryStore::open(&disk, &settings).unwrap());
    assert_eq!(disk.content("reserve").unwrap(), vec![0; 2048]);
}

#[test]
fn a_disk_too_small_to_begin_is_full_and_works_when_it_has_grown() {
    let mut refused = 0;
    for capacity in (0..20 << 10).step_by(640) {
        let disk = MemoryDisk::new();
        disk.set_capacity(Some(capacity));
        if let Err(error) = MemoryStore::open(&disk, &tiny()) {
            assert!(
                matches!(error, StoreError::Full { .. } | StoreError::Io { .. }),
                "{capacity}: {error}"
            );
            refused += 1;
        }
        disk.set_capacity(None);
        let (store, _) = MemoryStore::open(&disk, &tiny()).unwrap();
        assert_eq!(acknowledged(&run(&store, 10)), 10);
    }
    assert!(refused > 5);
}
