//! The stamp account of a holder.

use super::support::*;
use crate::StampAccountId;
use crate::holders::sessions::{Access, AccessKind};
use crate::holders::tables::STAMP_LINK;
use crate::holders::{Actor, DeviceId, HolderId};
use crate::testing::block_on;

fn link(
    bench: &Bench,
    access: &Access,
    account: u64,
    s: i64,
) -> Result<(), super::super::HolderError> {
    block_on(bench.holders.link_stamp_account(access, StampAccountId::new(account), at(s)))
}

fn linked(bench: &Bench, id: HolderId) -> Option<u64> {
    bench.holders.linked_stamp_account(id).unwrap().map(StampAccountId::number)
}

#[test]
fn a_link_is_the_holders() {
    let bench = Bench::new();
    let (id, other) = (bench.holder(EMAIL), bench.holder("other@example.org"));
    let access = bench.logged_in(EMAIL, 2);
    assert_eq!(linked(&bench, id), None);
    link(&bench, &access, 17, 3).unwrap();
    assert_eq!((linked(&bench, id), linked(&bench, other)), (Some(17), None));
    assert_eq!(linked(&bench.reopened(), id), Some(17));
    // Another one takes its place; and a company's is everybody's.
    link(&bench, &access, 18, 4).unwrap();
    link(&bench, &bench.logged_in("other@example.org", 5), 18, 5).unwrap();
    assert_eq!((linked(&bench, id), linked(&bench, other)), (Some(18), Some(18)));
    let unlink = |s| block_on(bench.holders.unlink_stamp_account(&access, at(s))).unwrap();
    unlink(6);
    assert_eq!((linked(&bench, id), linked(&bench, other)), (None, Some(18)));
    let events = bench.history(id).len();
    unlink(7);
    assert_eq!(bench.history(id).len(), events);
    let page = bench.holders.history(id, &Default::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!(last.kind.word(), "stamp-account-unlinked");
    assert_eq!(last.details, [("account".to_owned(), "sa-18".to_owned())]);
}

#[test]
fn a_machine_and_a_limited_session_link_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let full = bench.logged_in(EMAIL, 2);
    let limited = Access { limited: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &limited, 17, 3)), "step-up-needed");
    let first = Access { must_change_password: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &first, 17, 3)), "password-change-needed");
    let machine = Access { what: AccessKind::System(DeviceId::new([1; 16])), ..full.clone() };
    assert_eq!(slug(link(&bench, &machine, 17, 3)), "session-needed");
    let phone = Access { what: AccessKind::Device(DeviceId::new([1; 16])), ..full };
    link(&bench, &phone, 17, 3).unwrap();
    for access in [limited, first, machine] {
        assert!(block_on(bench.holders.unlink_stamp_account(&access, at(4))).is_err());
    }
    assert_eq!(linked(&bench, id), Some(17));
}

#[test]
fn a_closed_account_has_no_link() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    link(&bench, &access, 17, 3).unwrap();
    let export = bench.holders.export_personal_data(id, Actor::Holder(id), at(4));
    assert_eq!(document(block_on(export).unwrap())["stamp_account"], "sa-17");
    block_on(bench.holders.close(id, "asked for", operator(), at(5))).unwrap();
    assert_eq!(linked(&bench, id), None);
    let rows = bench.store.contents();
    assert!(!rows.keys().any(|(table, _)| *table == STAMP_LINK.number()));
    assert_eq!(slug(link(&bench, &access, 17, 6)), "unauthorized-holder");
}
