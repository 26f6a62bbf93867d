//! What timers do, and that one bad row stops none of them.

use super::support::*;
use crate::holders::tables::{DEVICE, LINK, PHONE_CHANGE, QR_LOGIN, REGISTRATION, SESSION};
use crate::testing::block_on;
use store::Table;

/// What no record reads as.
const BAD: &[u8] = &[0xff];
const YEAR: i64 = 366 * 86_400;

fn put(bench: &Bench, table: Table, key: Vec<u8>, value: &[u8]) {
    let value = value.to_vec();
    let write = bench.holders.transact(move |_, tx| {
        tx.put(table, &key, &value);
        Ok(())
    });
    block_on(write).unwrap();
}

fn rows(bench: &Bench, table: Table) -> usize {
    bench.store.contents().keys().filter(|(number, _)| *number == table.number()).count()
}

/// A bad row that is met first, beside rows that are due: those go, and the fault is told.
#[test]
fn a_bad_row_stops_no_timer() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    bench.session(EMAIL, 2);
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(3))).unwrap();
    block_on(bench.holders.begin_qr_login(HOME, "", at(4))).unwrap();
    let new = Bench::new_registration("new@example.org");
    block_on(bench.holders.request_registration(new, HOME, at(5))).unwrap();
    put(&bench, LINK, vec![0; 32], BAD);
    put(&bench, QR_LOGIN, vec![0; 16], BAD);
    put(&bench, REGISTRATION, vec![0; 8], BAD);
    put(&bench, PHONE_CHANGE, vec![0; 8], BAD);
    for table in [SESSION, DEVICE] {
        // The row of an owner, which is looked at first, and the one that it names.
        let owner = [b"h".as_slice(), &[0; 24]].concat();
        put(&bench, table, owner, &[0; 32]);
        put(&bench, table, vec![0; 32], BAD);
    }
    let (holders, late) = (&bench.holders, at(YEAR));
    block_on(holders.expire_links(late)).unwrap_err();
    block_on(holders.qr_tick(late)).unwrap_err();
    block_on(holders.expire_registrations(late)).unwrap_err();
    block_on(holders.phone_tick(late)).unwrap_err();
    block_on(holders.sessions_tick(late)).unwrap_err();
    let left = [LINK, QR_LOGIN, PHONE_CHANGE, SESSION, DEVICE].map(|table| rows(&bench, table));
    assert_eq!(left, [1, 1, 1, 2, 2], "the bad ones alone");
    let waiting = block_on(
        holders.transact(|_, tx| Ok(tx.get(REGISTRATION, b"enew@example.org")?.is_some())),
    );
    assert!(!waiting.unwrap());
}

/// The single thread that writes records stamps as well: what is not due is read, and no more.
#[test]
fn a_session_that_lives_is_only_read() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    bench.session(EMAIL, 2);
    bench.store.pause();
    let mut tick = Box::pin(bench.holders.sessions_tick(at(3)));
    assert!(!crate::testing::is_pending(&mut tick));
    drop(tick);
    bench.store.resume();
}
