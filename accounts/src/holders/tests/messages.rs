//! The queue of messages.

use super::support::*;
use crate::holders::messages::{Delivery, MessageState};
use crate::testing::block_on;

#[test]
fn a_queued_message_shows_neither_its_reader_nor_its_words() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let token = bench.token(EMAIL);
    let rows = bench.store.contents();
    let stored = rows.iter().filter(|((table, key), _)| *table == 30 && key.len() == 8);
    for (_, value) in stored.clone() {
        let text = String::from_utf8_lossy(value);
        assert!(!text.contains(EMAIL) && !text.contains(&token) && !text.contains("Ada"));
    }
    assert_eq!(stored.count(), 2);
}

#[test]
fn a_link_is_secret_and_a_notice_is_not() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let sent = bench.sent();
    assert!(sent[0].record.secret && !sent[1].record.secret);
    assert_eq!(
        (sent[1].record.delivery, sent[1].record.state),
        (Delivery::Mail, MessageState::Queued)
    );
    assert_eq!(sent[1].content.addressee, "Ada");
}

#[test]
fn a_link_is_found_nowhere_but_in_its_mail() {
    let bench = Bench::new();
    let (registration, _) = bench.register(EMAIL);
    bench.invite(registration, 0);
    let token = bench.token(EMAIL);
    let bytes = hex::decode(&token).unwrap();
    for ((table, key), value) in bench.store.contents() {
        for row in [&key, &value] {
            assert!(!row.windows(32).any(|part| part == bytes), "table {table}");
            assert!(!String::from_utf8_lossy(row).contains(&token), "table {table}");
        }
    }
}

#[test]
fn what_goes_to_somebody_who_is_no_holder_is_wiped_when_it_is_sent() {
    let bench = Bench::new();
    let new = Bench::new_registration(EMAIL);
    block_on(bench.holders.request_registration(new, HOME, at(0))).unwrap();
    let sent = bench.sent();
    assert_eq!((sent[0].record.holder, sent[0].record.secret), (None, true));
}

/// A process that is gone says nothing more of what it had claimed: the next one takes it at once.
#[test]
fn what_was_claimed_before_the_start_is_due_again() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let claim = |seconds| {
        let claimed = bench.holders.claim_messages(Delivery::Mail, "gone", 100, at(seconds));
        block_on(claimed).unwrap().len()
    };
    let due = claim(1000);
    assert!(due >= 2, "a link and a notice");
    assert_eq!(claim(1001), 0, "they are another's");
    assert_eq!(block_on(bench.holders.release_messages(at(1002))).unwrap(), due);
    assert_eq!(block_on(bench.holders.release_messages(at(1002))).unwrap(), 0);
    assert_eq!(claim(1002), due);
    // A wait after a refusal is no claim, and stays.
    let first = bench.holders.claim_messages(Delivery::Mail, "w", 1, at(1200));
    let first = block_on(first).unwrap().remove(0);
    block_on(bench.holders.message_refused(first.id, "later", true, at(1200))).unwrap();
    assert_eq!(block_on(bench.holders.release_messages(at(1200))).unwrap(), due - 1);
    assert_eq!(claim(1200), due - 1);
}
