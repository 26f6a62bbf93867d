//! What an opening makes of a journal, whole or not.

use super::{SEGMENT, append, open, request, tail};
use crate::StoreError;
use crate::disk::{Disk, Loss, MemoryDisk};
use crate::journal::recover::Unrecovered;
use crate::journal::{Position, Reached, segment};

fn damage(outcome: Result<impl Sized, Unrecovered>) -> String {
    match outcome.map(drop) {
        Err(Unrecovered::Store(StoreError::Damaged { place, what })) => format!("{place}: {what}"),
        Err(other) => panic!("{other:?}"),
        Ok(()) => panic!("the journal opened"),
    }
}

#[test]
fn a_new_journal_has_one_empty_segment() {
    let disk = MemoryDisk::new();
    let (recovered, replayed) = open(&disk, &request(None, None)).unwrap();
    assert_eq!((recovered.cut, replayed), (None, Vec::new()));
    assert_eq!(recovered.tail.next_sequence, 1);
    assert_eq!(disk.list("journal").unwrap(), ["00000001.seg"]);
    assert_eq!(disk.content("journal/00000001.seg").unwrap().len() as u64, SEGMENT);
}

#[test]
fn frames_go_on_from_segment_to_segment() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 25);
    assert_eq!((places[0].segment, places[0].offset, places[0].sequence), (1, 1536, 1));
    assert_eq!(places.last().unwrap().segment, 4);
    let (recovered, replayed) = open(&disk, &request(None, None)).unwrap();
    assert_eq!(recovered.tail.position(), places[24]);
    assert!(replayed.into_iter().eq(1..=25));
    // 25 values of 700 bytes, with what is around them.
    assert!((18_000..20_000).contains(&recovered.verified_bytes), "{}", recovered.verified_bytes);
}

#[test]
fn replay_begins_behind_each_place_that_the_index_may_have() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 25);
    for place in &places {
        let (recovered, replayed) = open(&disk, &request(Some(place), None)).unwrap();
        assert!(replayed.into_iter().eq(place.sequence + 1..=25), "{place:?}");
        assert_eq!(recovered.tail.position(), places[24]);
    }
}

#[test]
fn no_more_is_read_than_asked_for_and_needed() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 25);
    let read = |verify_bytes, applied: &Position| {
        let request =
            crate::journal::recover::Request { verify_bytes, ..request(Some(applied), None) };
        open(&disk, &request).unwrap().0.verified_bytes
    };
    let one = read(0, &places[24]);
    let two = read(SEGMENT + 1, &places[24]);
    let all = read(u64::MAX, &places[24]);
    assert!(one < two && two < all, "{one} {two} {all}");
    // An index that is behind makes it read further back.
    assert_eq!(read(0, &places[0]), all);
}

#[test]
fn an_index_at_a_place_that_is_none_is_found_out() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 12);
    let wrong = [
        Position { hash: [1; 32], ..places[3] },
        Position { sequence: 9, ..places[3] },
        Position { offset: places[3].offset + 512, ..places[3] },
        Position { offset: 0, ..places[3] },
    ];
    for place in wrong {
        let outcome = open(&disk, &request(Some(&place), None));
        assert!(matches!(outcome, Err(Unrecovered::IndexElsewhere)), "{place:?}");
    }
    let ahead = [
        Position { sequence: 13, offset: places[11].offset + 1024, ..places[11] },
        Position { sequence: 14, segment: 9, ..places[11] },
    ];
    for place in ahead {
        let outcome = open(&disk, &request(Some(&place), None));
        assert!(matches!(outcome, Err(Unrecovered::IndexAhead(13 | 14))), "{place:?}");
    }
}

#[test]
fn a_journal_must_hold_what_it_held_before() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 12);
    for place in &places {
        let reached = Reached { sequence: place.sequence, hash: place.hash };
        open(&disk, &request(None, Some(&reached))).unwrap();
        let other = Reached { hash: [0; 32], ..reached };
        let what = damage(open(&disk, &request(None, Some(&other))));
        assert!(what.contains("not the one that was written here before"), "{what}");
    }
    let more = Reached { sequence: 13, hash: [0; 32] };
    let what = damage(open(&disk, &request(None, Some(&more))));
    assert!(what.contains("ends with transaction 12, but had reached 13"), "{what}");
}

#[test]
fn a_journal_that_is_refused_is_left_as_it_is() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 3);
    let name = segment::name(1);
    // The last frame was acknowledged, and one bit of it has turned since.
    let mut bytes = disk.content(&name).unwrap();
    bytes[places[1].offset as usize + 100] ^= 1;
    disk.set_content(&name, &bytes);
    let file = disk.create("journal/00000002.seg").unwrap();
    crate::disk::fill_with_zeros(&*file, 0, SEGMENT).unwrap();
    let reached = Reached { sequence: 3, hash: places[2].hash };
    for _ in 0..2 {
        let what = damage(open(&disk, &request(None, Some(&reached))));
        assert!(what.contains("ends with transaction 2, but had reached 3"), "{what}");
        let outcome = open(&disk, &request(Some(&places[2]), None));
        assert!(matches!(outcome, Err(Unrecovered::IndexAhead(3))), "{outcome:?}");
        assert_eq!(disk.content(&name).unwrap(), bytes);
        assert!(disk.content("journal/00000002.seg").is_some());
    }
}

#[test]
fn no_journal_is_begun_where_there_was_one() {
    let places = append(&MemoryDisk::new(), 2);
    let reached = Reached { sequence: 2, hash: places[1].hash };
    let unbegun = MemoryDisk::new();
    crate::disk::fill_with_zeros(&*unbegun.create(&segment::name(1)).unwrap(), 0, SEGMENT).unwrap();
    for disk in [MemoryDisk::new(), unbegun] {
        let before = disk.list("journal").unwrap();
        let what = damage(open(&disk, &request(None, Some(&reached))));
        assert!(what.contains("is empty") && what.contains("had reached transaction 2"), "{what}");
        let outcome = open(&disk, &request(Some(&places[1]), None));
        assert!(matches!(outcome, Err(Unrecovered::IndexAhead(2))), "{outcome:?}");
        assert_eq!(disk.list("journal").unwrap(), before);
    }
}

#[test]
fn a_torn_last_frame_is_cut_off_once() {
    let whole = MemoryDisk::new();
    let places = append(&whole, 3);
    let name = segment::name(1);
    let content = whole.content(&name).unwrap();
    let (start, end) = (places[1].offset as usize, places[2].offset as usize);
    // Each sector of the frame lost, alone and with the others.
    for lost in 1..4_u8 {
        let disk = whole.after_power_cut(Loss::Nothing);
        let mut bytes = content.clone();
        for (sector, chunk) in bytes[start..end].chunks_mut(512).enumerate() {
            if lost & (1 << sector) != 0 {
                chunk.fill(0);
            }
        }
        disk.set_content(&name, &bytes);
        let (recovered, replayed) = open(&disk, &request(None, None)).unwrap();
        assert_eq!(replayed, [1, 2], "{lost}");
        // Nothing is left to cut when all of it is lost.
        assert_eq!(recovered.cut.is_some(), lost != 3, "{lost}");
        if let Some(cut) = recovered.cut {
            assert!(cut.place.contains("00000001.seg, offset 2560"), "{}", cut.place);
            assert!((1..=1024).contains(&cut.bytes), "{}", cut.bytes);
        }
        assert!(disk.content(&name).unwrap()[start..].iter().all(|byte| *byte == 0));
        assert_eq!(open(&disk, &request(None, None)).unwrap().0.cut, None);
        assert_eq!(append(&disk, 1)[0].sequence, 3);
    }
}

#[test]
fn a_lost_sector_before_a_whole_frame_is_damage() {
    let whole = MemoryDisk::new();
    append(&whole, 12);
    let name = segment::name(1);
    let content = whole.content(&name).unwrap();
    for sector in 1..7 {
        let disk = whole.after_power_cut(Loss::Nothing);
        let mut bytes = content.clone();
        bytes[sector * 512..][..512].fill(0);
        disk.set_content(&name, &bytes);
        let what = damage(open(&disk, &request(None, None)));
        assert!(what.contains("00000001.seg"), "{sector}: {what}");
    }
}

#[test]
fn segments_of_two_journals_do_not_go_together() {
    let (one, other) = (MemoryDisk::new(), MemoryDisk::new());
    append(&one, 25);
    append(&other, 3);
    let spoiled = other.after_power_cut(Loss::Nothing);
    append(&spoiled, 22);
    // The same sequences and sizes; the third frame has another value.
    let mut bytes = spoiled.content(&segment::name(1)).unwrap();
    bytes[600] ^= 1;
    let what = {
        let mixed = one.after_power_cut(Loss::Nothing);
        mixed.set_content(&segment::name(1), &bytes);
        damage(open(&mixed, &request(None, None)))
    };
    assert!(what.contains("checksum"), "{what}");
    let mixed = one.after_power_cut(Loss::Nothing);
    mixed.set_content(&segment::name(2), &one.content(&segment::name(3)).unwrap());
    let what = damage(open(&mixed, &request(None, None)));
    assert!(what.contains("the header of segment 3"), "{what}");
}

#[test]
fn a_segment_that_got_its_name_only_is_not_begun() {
    let disk = MemoryDisk::new();
    append(&disk, 3);
    let file = disk.create("journal/00000002.seg").unwrap();
    crate::disk::fill_with_zeros(&*file, 0, SEGMENT).unwrap();
    let (recovered, replayed) = open(&disk, &request(None, None)).unwrap();
    assert_eq!((recovered.tail.header.number, replayed.len()), (1, 3));
    assert_eq!(disk.content("journal/00000002.seg"), None);
    // With a header that cannot be read over frames that can it is damage.
    let places = append(&disk, 22);
    assert_eq!(places[21].segment, 4);
    let mut bytes = disk.content("journal/00000004.seg").unwrap();
    bytes[..512].fill(0);
    disk.set_content("journal/00000004.seg", &bytes);
    let what = damage(open(&disk, &request(None, None)));
    assert!(what.contains("00000004.seg: an unreadable segment header"), "{what}");
}

#[test]
fn a_shorter_last_segment_is_followed_by_a_new_one() {
    let disk = MemoryDisk::new();
    let places = append(&disk, 3);
    let mut bytes = disk.content(&segment::name(1)).unwrap();
    bytes.truncate(places[2].offset as usize);
    disk.set_content(&segment::name(1), &bytes);
    assert_eq!(tail(&disk).position(), places[2]);
    let next = append(&disk, 1)[0];
    assert_eq!((next.segment, next.sequence), (2, 4));
    assert_eq!(open(&disk, &request(None, None)).unwrap().1, [1, 2, 3, 4]);
}
