//! Messages on their way out: claimed once, tried again, reported, wiped.

use super::support::*;
use crate::encoding::decode;
use crate::holders::messages::{
    Channel, Delivery, LEASE, MessageRecord, MessageState, MessageView, NewMessage, Outgoing,
    Template, enqueue,
};
use crate::holders::otp::Purpose;
use crate::holders::tables::MESSAGE;
use crate::holders::{Email, HolderError, HolderId, Language, MessageId};
use crate::testing::block_on;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

impl Bench {
    /// A notice that is no secret, to somebody who is a holder.
    fn notice(&self, id: HolderId, s: i64) -> MessageId {
        self.queue(id, Template::PasswordChanged { at: 0 }, false, s)
    }

    /// A link that ends after a minute.
    fn link_to(&self, id: HolderId, s: i64) -> MessageId {
        let ends_at = at(s + 60).timestamp_millis();
        self.queue(id, Template::RecoverPassword { token: "t".to_owned(), ends_at }, true, s)
    }

    fn queue(&self, id: HolderId, template: Template, secret: bool, s: i64) -> MessageId {
        block_on(self.holders.transact(move |inner, tx| {
            let message = NewMessage {
                holder: Some(id),
                channel: Channel::Mail { to: Email::parse("address", EMAIL)? },
                template,
                language: Language::It,
                addressee: "Ada".to_owned(),
                attachment: None,
                secret,
            };
            enqueue(inner, tx, message, at(s))
        }))
        .unwrap()
    }

    fn claim(&self, delivery: Delivery, s: i64) -> Vec<Outgoing> {
        block_on(self.holders.claim_messages(delivery, "w1", 100, at(s))).unwrap()
    }

    fn claimed(&self, s: i64) -> Vec<MessageId> {
        self.claim(Delivery::Mail, s).into_iter().map(|message| message.id).collect()
    }

    fn taken(&self, id: MessageId, s: i64) {
        let name = format!("gw-{id}");
        block_on(self.holders.message_sent(id, "mail", Some(&name), at(s))).unwrap();
    }

    fn refuse(&self, id: MessageId, retry: bool, s: i64) {
        block_on(self.holders.message_refused(id, "451 later", retry, at(s))).unwrap();
    }

    fn report(&self, id: MessageId, delivered: bool, s: i64) -> bool {
        let name = format!("gw-{id}");
        let report = self.holders.message_report("mail", &name, delivered, "a word", at(s));
        block_on(report).unwrap()
    }

    fn message(&self, id: MessageId, s: i64) -> MessageView {
        self.holders.message(id, at(s)).unwrap()
    }

    fn record(&self, id: MessageId) -> MessageRecord {
        let contents = self.store.contents();
        let key = (MESSAGE.number(), id.key().to_vec());
        decode(MESSAGE, &id.key(), &contents[&key]).unwrap()
    }

    /// A holder whose own messages are out of the way.
    fn quiet_holder(&self) -> HolderId {
        let id = self.holder(EMAIL);
        for message in self.claimed(5) {
            self.taken(message, 5);
        }
        id
    }
}

/// Every row that leads to a message is there exactly when it should be.
fn rows_fit(bench: &Bench) -> Result<(), TestCaseError> {
    let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
    for ((table, key), value) in bench.store.contents() {
        if table != MESSAGE.number() {
            continue;
        }
        if key.len() != 8 {
            if matches!(key[0], b'm' | b't') {
                found.insert(key);
            }
            continue;
        }
        let record: MessageRecord = decode(MESSAGE, &key, &value).unwrap();
        if let Some(due) = record.due_at() {
            let letter = if record.delivery == Delivery::Mail { b'm' } else { b't' };
            let due = u64::try_from(due).unwrap().to_be_bytes();
            expected.insert([&[letter][..], &due, &key].concat());
        }
    }
    prop_assert_eq!(expected, found);
    Ok(())
}

#[test]
fn a_message_is_claimed_by_one_worker() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    let claimed = bench.claim(Delivery::Mail, 10);
    assert_eq!(claimed.len(), 1);
    let it = &claimed[0];
    assert_eq!((it.id, it.to.as_str(), it.addressee.as_str()), (message, EMAIL, "Ada"));
    assert_eq!((it.language, it.holder, it.tries), (Language::It, Some(id), 1));
    assert_eq!((it.created_at, it.ends_at, it.secret), (at(10), None, false));
    assert_eq!(it.template, Template::PasswordChanged { at: 0 });
    let second = block_on(bench.holders.claim_messages(Delivery::Mail, "w2", 100, at(11)));
    assert!(second.unwrap().is_empty());
    assert!(bench.reopened().claimed(11).is_empty());
}

#[test]
fn a_lease_that_ran_out_is_another_try() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    bench.claimed(10);
    let over = 10 + LEASE.num_seconds();
    assert!(bench.claimed(over - 1).is_empty());
    let again = bench.claim(Delivery::Mail, over);
    assert_eq!((again[0].id, again[0].tries), (message, 2));
    // The first worker was only slow: what it says counts, and the second changes nothing.
    bench.taken(message, over + 1);
    bench.refuse(message, true, over + 2);
    assert_eq!(bench.message(message, over + 3).state, MessageState::Sent);
    assert!(bench.claimed(over + 1_000).is_empty());
}

#[test]
fn each_way_has_its_own_queue_and_is_served_in_the_order_of_time() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let first = bench.notice(id, 10);
    bench.ask(id, Purpose::StepUp, 11).unwrap();
    let second = bench.notice(id, 12);
    assert_eq!(bench.claimed(12), [first, second]);
    let texts = bench.claim(Delivery::Sms, 12);
    assert_eq!((texts.len(), texts[0].delivery), (1, Delivery::Sms));
    assert_eq!(texts[0].ends_at, Some(at(191)));
}

#[test]
fn no_more_are_claimed_than_wanted() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let all: Vec<_> = (0..5).map(|n| bench.notice(id, 10 + n)).collect();
    let claim = |limit| {
        let claim = bench.holders.claim_messages(Delivery::Mail, "w", limit, at(20));
        block_on(claim).unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(claim(2), all[..2]);
    assert!(claim(0).is_empty());
    assert_eq!(claim(100), all[2..]);
}

#[test]
fn nothing_is_written_when_nothing_is_due() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    bench.claimed(10);
    bench.refuse(message, true, 10);
    let before = bench.store.journal().len();
    assert!(bench.claimed(39).is_empty());
    assert_eq!(bench.store.journal().len(), before);
    assert_eq!(bench.claimed(40), [message]);
}

#[test]
fn a_secret_is_wiped_when_it_was_taken_and_a_notice_is_kept() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let (notice, link) = (bench.notice(id, 10), bench.link_to(id, 10));
    assert_eq!(bench.claimed(10).len(), 2);
    assert!(bench.record(link).content.is_some());
    for message in [notice, link] {
        bench.taken(message, 11);
    }
    assert!(bench.record(notice).content.is_some() && bench.record(link).content.is_none());
    let view = bench.message(link, 12);
    assert_eq!((view.state, view.gateway.as_deref()), (MessageState::Sent, Some("mail")));
    assert_eq!((view.changed_at, view.tries, view.can_retry), (at(11), 1, false));
}

#[test]
fn a_code_that_was_taken_is_nowhere_in_the_queue() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    let text = bench.claim(Delivery::Sms, 10).pop().unwrap();
    block_on(bench.holders.message_sent(text.id, "gw", Some("1"), at(11))).unwrap();
    assert!(bench.record(text.id).content.is_none());
    assert!(bench.try_code(id, &asked, &code, 12).is_ok());
}

#[test]
fn the_waits_of_a_mail_grow_until_it_is_given_up() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    let mut now = 10;
    for wait in [30, 120, 480, 1_920, 7_680, 21_600, 21_600, 21_600, 21_600] {
        assert_eq!(bench.claimed(now), [message], "at {now}");
        bench.refuse(message, true, now);
        let view = bench.message(message, now);
        assert_eq!(view.next_try_at, Some(at(now + wait)));
        assert_eq!(view.last_error.as_deref(), Some("451 later"));
        assert!(bench.claimed(now + wait - 1).is_empty());
        now += wait;
    }
    assert_eq!(bench.claimed(now), [message]);
    bench.refuse(message, true, now);
    let view = bench.message(message, now);
    assert_eq!((view.state, view.tries, view.next_try_at), (MessageState::Failed, 10, None));
    assert!(bench.trail().contains(&("message-failed".to_owned(), format!("message {message}"))));
}

#[test]
fn what_may_have_been_taken_is_not_tried_again() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    bench.claimed(10);
    bench.refuse(message, false, 11);
    assert_eq!(bench.message(message, 11).state, MessageState::Failed);
    assert!(bench.claimed(1_000_000).is_empty());
}

#[test]
fn a_code_is_tried_while_it_lives_and_wiped_then() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    bench.ask(id, Purpose::StepUp, 10).unwrap();
    let mut now = 10;
    let mut tries = 0;
    loop {
        let Some(text) = bench.claim(Delivery::Sms, now).pop() else { panic!("not due at {now}") };
        tries += 1;
        bench.refuse(text.id, true, now);
        let view = bench.message(text.id, now);
        if view.state == MessageState::Failed {
            assert!(!view.can_retry && bench.record(text.id).content.is_none());
            break;
        }
        now = (view.next_try_at.unwrap() - at(0)).num_seconds();
        assert!(now < 190, "the code is dead at 190");
    }
    // 5, 10, 20, 40, 80 s: the next would be behind the end.
    assert_eq!((tries, now), (6, 165));
}

#[test]
fn what_ended_in_the_queue_is_not_sent() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let link = bench.link_to(id, 10);
    assert!(bench.claimed(70).is_empty());
    let view = bench.message(link, 70);
    assert_eq!((view.state, view.tries), (MessageState::Failed, 0));
    assert!(bench.record(link).content.is_none() && !view.can_retry);
}

#[test]
fn the_link_of_a_message_that_failed_is_wiped_when_it_ends() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let link = bench.link_to(id, 10);
    bench.claimed(10);
    bench.refuse(link, false, 11);
    assert!(bench.message(link, 69).can_retry && !bench.message(link, 70).can_retry);
    assert!(bench.record(link).content.is_some());
    assert!(bench.claimed(70).is_empty());
    assert!(bench.record(link).content.is_none());
    rows_fit(&bench).unwrap();
}

/// Somebody who asked for an account and is no holder: the address goes a day after the mail
/// failed, and an operator may have it tried again in that day.
#[test]
fn what_failed_to_a_stranger_is_wiped_a_day_later() {
    let bench = Bench::new();
    let day = 86_400;
    let new = Bench::new_registration("stranger@example.org");
    block_on(bench.holders.request_registration(new, HOME, at(10))).unwrap();
    let [mail] = bench.claimed(10)[..] else { panic!("one mail") };
    bench.refuse(mail, false, 20);
    assert!(bench.message(mail, 20 + day - 1).can_retry);
    assert!(bench.claimed(20 + day - 1).is_empty());
    assert!(bench.record(mail).content.is_some());
    assert!(!bench.message(mail, 20 + day).can_retry);
    assert!(bench.claimed(20 + day).is_empty());
    assert!(bench.record(mail).content.is_none());
    rows_fit(&bench).unwrap();
}

#[test]
fn reports_tell_what_became_of_it() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let (one, two) = (bench.notice(id, 10), bench.notice(id, 10));
    bench.claimed(10);
    // A report that overtook its message leads nowhere yet.
    assert!(!bench.report(one, true, 10));
    bench.taken(one, 11);
    bench.taken(two, 11);
    assert!(bench.report(one, true, 20) && bench.report(two, false, 20));
    let (arrived, lost) = (bench.message(one, 30), bench.message(two, 30));
    assert_eq!((arrived.state, arrived.changed_at), (MessageState::Delivered, at(20)));
    assert_eq!((lost.state, lost.last_error.as_deref()), (MessageState::Failed, Some("a word")));
    // Twice, or too late, it changes nothing.
    assert!(bench.report(one, false, 40) && bench.report(two, true, 40));
    assert_eq!((bench.message(one, 50), bench.message(two, 50)), (arrived, lost));
    let name = format!("gw-{one}");
    let other = bench.holders.message_report("other", &name, true, "", at(60));
    assert!(!block_on(other).unwrap());
}

#[test]
fn an_operator_has_it_tried_again() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let message = bench.notice(id, 10);
    let retry = |s| block_on(bench.holders.retry_message(message, operator(), at(s)));
    assert_eq!(slug(retry(10)), "message-not-retriable");
    bench.claimed(10);
    bench.refuse(message, false, 11);
    retry(20).unwrap();
    assert!(bench.trail().contains(&("message-retried".to_owned(), format!("message {message}"))));
    let again = bench.claim(Delivery::Mail, 20);
    assert_eq!((again[0].id, again[0].tries), (message, 1));
    bench.taken(message, 21);
    assert_eq!(slug(retry(22)), "message-not-retriable");
    let unknown = bench.holders.retry_message(MessageId::new(99), operator(), at(20));
    assert_eq!(slug(block_on(unknown)), "unknown-message");
}

#[test]
fn an_error_is_cut_and_a_damaged_message_keeps_no_other_back() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let (broken, whole) = (bench.notice(id, 10), bench.notice(id, 11));
    let mut record = bench.record(broken);
    record.content.as_mut().unwrap()[20] ^= 1;
    block_on(bench.holders.transact(move |_, tx| {
        tx.put(MESSAGE, &broken.key(), &crate::encoding::encode(&record, 0));
        Ok(())
    }))
    .unwrap();
    assert_eq!(bench.claimed(12), [whole]);
    assert_eq!(bench.message(broken, 12).state, MessageState::Failed);
    let long = "x".repeat(1_000);
    block_on(bench.holders.message_refused(whole, &long, true, at(13))).unwrap();
    assert_eq!(bench.message(whole, 14).last_error.unwrap().len(), 200);
}

#[test]
fn lists_go_on_from_where_they_ended() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let all: Vec<_> = (0..7).map(|n| bench.notice(id, 10 + n)).collect();
    bench.claimed(20);
    bench.refuse(all[3], false, 20);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = bench.holders.messages(after, 2, None, at(30)).unwrap();
        assert!(page.messages.len() <= 2);
        found.extend(page.messages.iter().map(|message| message.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(found.ends_with(&all) && found.is_sorted());
    let failed = bench.holders.messages(None, 10, Some(MessageState::Failed), at(30)).unwrap();
    assert_eq!(failed.messages.iter().map(|m| m.id).collect::<Vec<_>>(), [all[3]]);
    assert_eq!(failed.next, None);
    let of_holder = bench.holders.messages_of(id, at(30)).unwrap();
    assert_eq!(of_holder.iter().map(|m| m.id).collect::<Vec<_>>(), found);
}

#[test]
fn old_messages_go_with_every_row_that_leads_to_them() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    let (old, waits) = (bench.notice(id, 10), bench.notice(id, 10));
    bench.claimed(10);
    bench.taken(old, 11);
    bench.refuse(waits, true, 11);
    let later = 90 * 86_400;
    assert_eq!(block_on(bench.holders.messages_tick(at(later + 2))).unwrap(), 2);
    assert_eq!(block_on(bench.holders.messages_tick(at(later + 11))).unwrap(), 1);
    assert!(matches!(bench.holders.message(old, at(0)), Err(HolderError::UnknownMessage(_))));
    assert!(!bench.report(old, true, later));
    // One that waits is there still.
    assert_eq!(bench.message(waits, later).state, MessageState::Queued);
    assert_eq!(bench.holders.messages_of(id, at(later)).unwrap().len(), 1);
    rows_fit(&bench).unwrap();
}

#[test]
fn what_is_on_its_way_shows_neither_its_reader_nor_its_words() {
    let bench = Bench::new();
    let id = bench.quiet_holder();
    bench.link_to(id, 10);
    let shown = format!("{:?}", bench.claim(Delivery::Mail, 10));
    assert!(!shown.contains(EMAIL) && !shown.contains("token") && !shown.contains("Ada"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever workers, gateways and operators do: a message is in one pair of hands at a time,
    /// the rows of what is due fit the messages, and no secret outlives its message.
    #[test]
    fn whatever_happens_a_message_is_in_one_pair_of_hands(
        steps in proptest::collection::vec((0_u8..7, 0_usize..8, 0_i64..90), 1..50),
    ) {
        let bench = Bench::new();
        let id = bench.quiet_holder();
        let (mut now, mut messages) = (10, Vec::new());
        let mut leased = BTreeMap::<MessageId, i64>::new();
        for (step, which, gap) in steps {
            now += gap;
            let one: Option<MessageId> = messages.get(which).copied();
            match (step, one) {
                (0, _) => messages.push(bench.notice(id, now)),
                (1, _) => messages.push(bench.link_to(id, now)),
                (2, _) => {
                    for message in bench.claimed(now) {
                        let held = leased.insert(message, now + LEASE.num_seconds());
                        prop_assert!(held.is_none_or(|until| until <= now), "two have {}", message);
                        let record = bench.record(message);
                        prop_assert!(!record.is_over(at(now).timestamp_millis()));
                    }
                }
                (3, Some(message)) => {
                    bench.taken(message, now);
                    leased.remove(&message);
                }
                (4, Some(message)) => {
                    bench.refuse(message, which % 2 == 0, now);
                    leased.remove(&message);
                }
                (5, Some(message)) => drop(bench.report(message, which % 3 == 0, now)),
                (6, Some(message)) => {
                    let retry = bench.holders.retry_message(message, operator(), at(now));
                    drop(block_on(retry));
                }
                _ => {}
            }
            rows_fit(&bench)?;
            for message in &messages {
                let record = bench.record(*message);
                let sent = matches!(record.state, MessageState::Sent | MessageState::Delivered);
                prop_assert!(!(sent && record.secret && record.content.is_some()));
                prop_assert!(record.lease.is_none() || record.state == MessageState::Queued);
            }
        }
    }
}
