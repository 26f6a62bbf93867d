//! Damaged files: found, or harmless; never a wrong value.

use super::{run, state_after, state_of, tiny};
use crate::disk::{Loss, MemoryDisk};
use crate::journal::Reader;
use crate::{MemoryStore, Store, StoreError, StoreExt};
use std::sync::Arc;

const COUNT: u64 = 30;

/// A disk with a store of some segments; closed, or as a killed process leaves it.
fn disk(is_closed: bool) -> MemoryDisk {
    let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
    run(&store, COUNT);
    if is_closed {
        store.close().unwrap();
    }
    // Whatever the writer does behind a group is done before the next one.
    drop(store.transact(|transaction| transaction.get(super::T, b"x")).wait());
    store.disk().after_power_cut(Loss::Nothing)
}

fn files(disk: &MemoryDisk) -> Vec<String> {
    let mut names: Vec<String> =
        crate::disk::Disk::list(disk, "journal").unwrap().into_iter().collect();
    names.retain(|name| name.ends_with(".seg"));
    names.into_iter().map(|name| format!("journal/{name}")).collect()
}

/// Flips one byte of each file after the other, and hands out what opening says.
fn flip_each(
    is_closed: bool,
    step: usize,
    mut check: impl FnMut(&str, Result<(MemoryStore, crate::OpenReport), StoreError>),
) {
    let disk = disk(is_closed);
    let names = files(&disk);
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let content = disk.content(&name).unwrap();
        for place in (0..content.len()).step_by(step) {
            let damaged = disk.after_power_cut(Loss::Nothing);
            let mut bytes = content.clone();
            bytes[place] ^= 1 << (place % 8);
            damaged.set_content(&name, &bytes);
            check(&format!("{name} byte {place}"), MemoryStore::open(&damaged, &tiny()));
        }
    }
}

#[test]
fn any_flipped_byte_of_a_closed_store_is_found_or_harmless() {
    let (mut found, mut harmless) = (0, 0);
    flip_each(true, 1, |case, opened| match opened {
        Ok((store, _)) => {
            assert_eq!(state_of(&store).unwrap(), state_after(COUNT), "{case}");
            harmless += 1;
        }
        Err(StoreError::Damaged { .. }) => found += 1,
        Err(error) => panic!("{case}: {error}"),
    });
    assert!(found > 10_000 && harmless > 1000, "{found} found, {harmless} harmless");
}

#[test]
fn any_flipped_byte_of_a_killed_store_costs_at_most_the_last_frame() {
    let mut shortest = COUNT;
    flip_each(false, 5, |case, opened| match opened {
        Ok((store, report)) => {
            assert_eq!(state_of(&store).unwrap(), state_after(report.sequence), "{case}");
            assert!(report.torn_tail.is_some() || report.sequence == COUNT, "{case}");
            shortest = shortest.min(report.sequence);
        }
        Err(StoreError::Damaged { .. }) => {}
        Err(error) => panic!("{case}: {error}"),
    });
    // Groups of the run have at most 7 transactions.
    assert!((COUNT - 7..COUNT).contains(&shortest), "{shortest}");
}

#[test]
fn a_value_damaged_under_an_open_store_is_not_handed_out() {
    let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
    run(&store, COUNT);
    let mut refused = 0;
    for name in files(store.disk()) {
        let content = store.disk().content(&name).unwrap();
        for place in (0..content.len()).step_by(101) {
            let mut bytes = content.clone();
            bytes[place] ^= 0x80;
            store.disk().set_content(&name, &bytes);
            match state_of(&store) {
                Ok(state) => assert_eq!(state, state_after(COUNT)),
                Err(StoreError::Damaged { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        store.disk().set_content(&name, &content);
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = disk(false);
    for name in files(&disk) {
        let damaged = disk.after_power_cut(Loss::Nothing);
        crate::disk::Disk::remove(&damaged, &name).unwrap();
        let opened = MemoryStore::open(&damaged, &tiny());
        // The last one too: when it was begun the marker was written.
        assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{name}");
    }
    let closed = self::disk(true);
    crate::disk::Disk::remove(&closed, files(&closed).last().unwrap()).unwrap();
    assert!(matches!(MemoryStore::open(&closed, &tiny()), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_value_that_looks_like_a_frame_is_not_taken_for_one() {
    // The image of a real frame of this store, at each sector of a torn one.
    let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
    run(&store, 3);
    let name = "journal/00000001.seg";
    let clean = store.disk().content(name).unwrap();
    let end = clean.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(512);
    let mut image = clean[512..1024].to_vec();
    // A later sequence and another salt, with a checksum that fits.
    image[16] ^= 1;
    image[24..32].copy_from_slice(&99_u64.to_le_bytes());
    let length = 64 + u32::from_le_bytes(image[8..12].try_into().unwrap()) as usize;
    let crc = crc32c::crc32c(&image[8..length.min(512)]);
    image[4..8].copy_from_slice(&crc.to_le_bytes());
    let disk = store.disk().after_power_cut(Loss::Nothing);
    let mut bytes = clean;
    bytes[end..end + 64].fill(7);
    bytes[end + 512..end + 1024].copy_from_slice(&image);
    disk.set_content(name, &bytes);
    let (_, report) = MemoryStore::open(&disk, &tiny()).unwrap();
    assert_eq!(report.sequence, 3);
    assert!(report.torn_tail.is_some());
}

#[test]
fn the_reader_finds_the_same_damage() {
    let disk = disk(true);
    let names = files(&disk);
    let read = |disk: MemoryDisk| -> Result<Vec<u64>, StoreError> {
        Reader::on(Arc::new(disk))?.map(|read| read.map(|read| read.sequence)).collect()
    };
    assert!(read(disk.clone()).unwrap().into_iter().eq(1..=COUNT));
    let content = disk.content(&names[0]).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).unwrap();
    for place in (0..used).step_by(97) {
        let damaged = disk.after_power_cut(Loss::Nothing);
        let mut bytes = content.clone();
        bytes[place] ^= 1;
        damaged.set_content(&names[0], &bytes);
        match read(damaged) {
            Ok(all) => assert!(all.into_iter().eq(1..=COUNT), "byte {place}"),
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
        }
    }
}

#[test]
fn a_damaged_marker_costs_nothing() {
    let disk = disk(true);
    let content = disk.content("state").unwrap();
    for place in 0..content.len() {
        let damaged = disk.after_power_cut(Loss::Nothing);
        let mut bytes = content.clone();
        bytes[place] ^= 1;
        damaged.set_content("state", &bytes);
        let (store, report) = MemoryStore::open(&damaged, &tiny()).unwrap();
        assert_eq!(report.sequence, COUNT);
        store.health().unwrap();
    }
}

#[test]
fn no_two_segments_have_the_same_salt() {
    // Two stores of the same boot with the same content, and all of their segments.
    let mut salts = std::collections::BTreeSet::new();
    let mut count = 0;
    for disk in [disk(true), disk(true)] {
        for name in files(&disk) {
            salts.insert(disk.content(&name).unwrap()[24..32].to_vec());
            count += 1;
        }
    }
    assert!(count >= 4);
    assert_eq!(salts.len(), count);
}
