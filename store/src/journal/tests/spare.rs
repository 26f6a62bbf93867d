//! The segment that is prepared ahead of need.

use super::{SEGMENT, spare_settings};
use crate::disk::{Disk, Loss, MemoryDisk};
use crate::journal::spare::{NoSpare, Spare, SpareSettings};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn start(disk: &MemoryDisk, settings: SpareSettings) -> Spare {
    Spare::start(Arc::new(disk.clone()), settings).unwrap()
}

#[test]
fn each_one_taken_is_durable_under_its_name_and_full_of_zeros() {
    let disk = MemoryDisk::new();
    let spare = start(&disk, spare_settings());
    for number in 1..=5 {
        let file = spare.take(number).unwrap();
        assert_eq!(file.length().unwrap(), SEGMENT);
        let name = format!("journal/0000000{number}.seg");
        let survived = disk.after_power_cut(Loss::All).content(&name).unwrap();
        assert_eq!(survived, vec![0; usize::try_from(SEGMENT).unwrap()]);
    }
}

#[test]
fn what_another_process_left_is_thrown_away() {
    let disk = MemoryDisk::new();
    disk.create("journal/next").unwrap().write_at(b"half a segment", 0).unwrap();
    let file = start(&disk, spare_settings()).take(1).unwrap();
    let mut head = [1; 16];
    file.read_at(&mut head, 0).unwrap();
    assert_eq!(head, [0; 16]);
}

#[test]
fn without_space_it_says_so_keeps_nothing_and_tries_again() {
    for keep_free_bytes in [0, 3 * SEGMENT] {
        let disk = MemoryDisk::new();
        disk.set_capacity(Some(SEGMENT / 2 + keep_free_bytes));
        let spare = start(&disk, SpareSettings { keep_free_bytes, ..spare_settings() });
        assert!(matches!(spare.take(1), Err(NoSpare::Later(_))));
        assert!(!spare.is_ready());
        assert_eq!(disk.used_bytes(), 0);
        disk.set_capacity(Some(SEGMENT + keep_free_bytes));
        while !spare.is_ready() {
            std::thread::yield_now();
        }
        assert_eq!(spare.take(1).unwrap().length().unwrap(), SEGMENT);
    }
}

#[test]
fn an_error_before_it_has_its_name_is_no_end() {
    let faults: [fn(&MemoryDisk); 3] =
        [|disk| disk.fail_write(1), |disk| disk.fail_sync(1), |disk| disk.run_out_of_files(true)];
    for fail in faults {
        let disk = MemoryDisk::new();
        fail(&disk);
        // Seen as refused only if somebody asks before the second attempt.
        let spare = start(&disk, SpareSettings { retry: HOUR, ..spare_settings() });
        for _ in 0..3 {
            assert!(matches!(spare.take(1), Err(NoSpare::Later(_))));
        }
        drop(spare);
        let spare = start(&disk, spare_settings());
        disk.run_out_of_files(false);
        while !spare.is_ready() {
            std::thread::yield_now();
        }
        assert_eq!(spare.take(1).unwrap().length().unwrap(), SEGMENT);
    }
}

#[test]
fn a_name_that_may_not_be_durable_is_the_end() {
    let disk = MemoryDisk::new();
    let spare = start(&disk, spare_settings());
    while !spare.is_ready() {
        std::thread::yield_now();
    }
    disk.fail_sync(1);
    for _ in 0..3 {
        assert!(matches!(spare.take(1), Err(NoSpare::Failed(_))));
    }
}

#[test]
fn one_that_nobody_took_is_removed_at_the_end() {
    let disk = MemoryDisk::new();
    let spare = start(&disk, spare_settings());
    while !spare.is_ready() {
        std::thread::yield_now();
    }
    assert!(disk.content("journal/next").is_some());
    spare.stop();
    assert_eq!(disk.content("journal/next"), None);
    assert!(matches!(spare.take(1), Err(NoSpare::Failed(_))));
}
