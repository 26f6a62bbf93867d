//! The disk in memory must lose what a real one may lose, and nothing that a real one keeps.

use super::{
    Access, Disk, Loss, MemoryDisk, RealDisk, fill_with_zeros, is_full, read_all, replace,
};
use std::io::ErrorKind;

const SECTOR: usize = 512;

fn content(disk: &dyn Disk, name: &str) -> Vec<u8> {
    read_all(&*disk.open(name, Access::Read).unwrap()).unwrap()
}

#[test]
fn what_is_synced_survives_a_power_cut_and_the_rest_does_not() {
    let disk = MemoryDisk::new();
    let file = disk.create("d/f").unwrap();
    file.write_at(&[1; SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory("d").unwrap();
    file.write_at(&[2; SECTOR], 0).unwrap();
    file.write_at(&[3; SECTOR], 512).unwrap();
    assert_eq!(disk.content("d/f").unwrap()[..SECTOR], [2; SECTOR]);
    let after = disk.after_power_cut(Loss::All);
    assert_eq!(after.content("d/f").unwrap(), [1; SECTOR]);
    let kept = disk.after_power_cut(Loss::Nothing);
    assert_eq!(kept.content("d/f"), disk.content("d/f"));
}

#[test]
fn a_torn_write_leaves_any_subset_of_its_sectors() {
    let disk = MemoryDisk::new();
    let file = disk.create("f").unwrap();
    fill_with_zeros(&*file, 0, 2 * 512).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory("").unwrap();
    file.write_at(&[9; 2 * SECTOR], 0).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let bytes = disk.after_power_cut(Loss::Torn(seed)).content("f").unwrap();
        seen.insert((bytes[0], bytes[SECTOR]));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(0, 0), (0, 9), (9, 0), (9, 9)]);
}

#[test]
fn names_are_durable_only_after_their_directory_is_synced() {
    let disk = MemoryDisk::new();
    let file = disk.create("old").unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.after_power_cut(Loss::All).content("old"), None);
    disk.sync_directory("").unwrap();
    disk.rename("old", "new").unwrap();
    let after = disk.after_power_cut(Loss::All);
    assert_eq!((after.content("old"), after.content("new")), (Some(b"x".to_vec()), None));
    disk.sync_directory("").unwrap();
    let after = disk.after_power_cut(Loss::All);
    assert_eq!((after.content("old"), after.content("new")), (None, Some(b"x".to_vec())));
}

#[test]
fn a_failed_sync_forgets_its_bytes_even_when_the_next_one_succeeds() {
    let disk = MemoryDisk::new();
    let file = disk.create("f").unwrap();
    disk.sync_directory("").unwrap();
    file.write_at(&[1; SECTOR], 0).unwrap();
    disk.fail_sync(1);
    assert!(file.sync_data().is_err());
    assert!(file.sync_data().is_ok());
    assert!(disk.after_power_cut(Loss::All).content("f").unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn after_a_kill_all_is_read_and_nothing_is_more_durable() {
    let disk = MemoryDisk::new();
    let file = disk.create("f").unwrap();
    file.write_at(&[1; SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory("").unwrap();
    file.write_at(&[2; SECTOR], 0).unwrap();
    disk.create("g").unwrap();
    disk.fail_sync(1);
    let killed = disk.after_kill();
    assert_eq!(killed.content("f").unwrap(), [2; SECTOR]);
    assert!(killed.content("g").is_some());
    let cut = killed.after_power_cut(Loss::All);
    assert_eq!((cut.content("f").unwrap(), cut.content("g")), (vec![1; SECTOR], None));
    // What is dirty is still to be had by a sync, and the fault was the dead process's.
    killed.open("f", Access::Write).unwrap().sync_data().unwrap();
    assert_eq!(killed.after_power_cut(Loss::All).content("f").unwrap(), [2; SECTOR]);
}

#[test]
fn what_a_failed_sync_has_forgotten_is_durable_only_when_it_is_written_again() {
    let disk = MemoryDisk::new();
    let file = disk.create("f").unwrap();
    file.write_at(&[1; SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory("").unwrap();
    file.write_at(&[2; SECTOR], 0).unwrap();
    disk.fail_sync(1);
    assert!(file.sync_data().is_err());
    let killed = disk.after_kill();
    killed.open("f", Access::Write).unwrap().sync_data().unwrap();
    assert_eq!(killed.content("f").unwrap(), [2; SECTOR]);
    assert_eq!(killed.after_power_cut(Loss::All).content("f").unwrap(), [1; SECTOR]);
    disk.drop_caches();
    assert_eq!(disk.content("f").unwrap(), [1; SECTOR]);
    let file = killed.open("f", Access::Write).unwrap();
    file.write_at(&[2; SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(killed.after_power_cut(Loss::All).content("f").unwrap(), [2; SECTOR]);
}

#[test]
fn the_nth_write_fails_and_leaves_a_part() {
    let disk = MemoryDisk::new();
    let file = disk.create("f").unwrap();
    disk.fail_write(2);
    file.write_at(b"first", 0).unwrap();
    assert!(file.write_at(b"second", 5).is_err());
    assert_eq!(disk.content("f").unwrap(), b"firstsec");
    file.write_at(b"third", 0).unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(8));
    let file = disk.create("f").unwrap();
    let error = file.write_at(b"0123456789", 0).unwrap_err();
    assert!(is_full(&error));
    assert_eq!(disk.content("f").unwrap(), b"01234567");
    assert_eq!(disk.free_bytes().unwrap(), 0);
    disk.set_capacity(None);
    file.write_at(b"89", 8).unwrap();
}

#[test]
fn crash_points_are_the_states_after_each_operation() {
    let disk = MemoryDisk::new();
    disk.record();
    let file = disk.create("f").unwrap();
    file.write_at(b"a", 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_directory("").unwrap();
    let points = disk.crash_points();
    assert_eq!(points.len() as u64, disk.operations());
    let survives: Vec<bool> =
        points.iter().map(|disk| disk.after_power_cut(Loss::All).content("f").is_some()).collect();
    assert_eq!(survives, [false, false, false, true]);
}

#[test]
fn both_disks_do_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let disks: [Box<dyn Disk>; 2] =
        [Box::new(MemoryDisk::new()), Box::new(RealDisk::new(directory.path()))];
    for disk in &disks {
        disk.create_directory("d").unwrap();
        let file = disk.create("d/b").unwrap();
        assert_eq!(disk.create("d/b").unwrap_err().kind(), ErrorKind::AlreadyExists);
        file.write_at(b"hello", 2).unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.length().unwrap(), 7);
        let mut buffer = [9; 4];
        assert_eq!(file.read_at(&mut buffer, 5).unwrap(), 2);
        assert_eq!(buffer, [b'l', b'o', 9, 9]);
        assert_eq!(content(&**disk, "d/b"), b"\0\0hello");
        drop(disk.create("d/a").unwrap());
        assert_eq!(disk.list("d").unwrap(), ["a", "b"]);
        disk.rename("d/b", "d/a").unwrap();
        disk.sync_directory("d").unwrap();
        assert_eq!(disk.list("d").unwrap(), ["a"]);
        disk.remove("d/a").unwrap();
        assert_eq!(disk.remove("d/a").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(disk.open("d/a", Access::Read).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(disk.free_bytes().unwrap() > 0);
    }
}

#[test]
fn a_replaced_file_is_old_or_new_after_a_power_cut() {
    let disk = MemoryDisk::new();
    replace(&disk, "", "f", b"old").unwrap();
    disk.record();
    replace(&disk, "", "f", b"new content").unwrap();
    for (point, disk) in disk.crash_points().iter().enumerate() {
        for seed in 0..16 {
            let content = disk.after_power_cut(Loss::Torn(seed)).content("f").unwrap();
            assert!(content == b"old" || content == b"new content", "point {point} seed {seed}");
        }
    }
}

#[test]
fn a_directory_that_was_synced_once_needs_no_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(directory.path());
    disk.create_directory("d").unwrap();
    disk.sync_directory("d").unwrap();
    // Could it be opened by its name only, this would be an error.
    std::fs::rename(directory.path().join("d"), directory.path().join("e")).unwrap();
    disk.sync_directory("d").unwrap();
    assert_eq!(disk.sync_directory("f").unwrap_err().kind(), ErrorKind::NotFound);
}
