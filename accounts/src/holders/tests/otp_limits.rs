//! How many codes go out and come in: every limit, at its edge.

use super::otp::{other_than, refused};
use super::support::*;
use crate::holders::otp::{OtpAsked, OtpRefusal, OtpRequest, Purpose, begin_to_number};
use crate::holders::{HolderError, HolderId, HolderSettings, PhoneNumber};
use crate::testing::{MapStore, block_on};
use proptest::prelude::*;
use std::time::Duration;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn limited(seconds: i64) -> OtpRefusal {
    OtpRefusal::Limit { retry_after: wait(seconds) }
}

fn wait(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

fn bench_with(change: impl FnOnce(&mut HolderSettings)) -> Bench {
    let mut settings = Bench::settings();
    change(&mut settings);
    Bench::over(MapStore::new(), settings, &Bench::pepper(1))
}

impl Bench {
    fn ask_number(&self, id: HolderId, number: &str, s: i64) -> Result<OtpAsked, HolderError> {
        let number = PhoneNumber::parse("number", number).unwrap();
        block_on(self.holders.transact(move |inner, tx| {
            let request = OtpRequest::new(Purpose::ProvePhone, [7; 32]);
            begin_to_number(inner, tx, id, &number, request, at(s))
        }))
    }
}

#[test]
fn ten_messages_in_an_hour_and_twenty_in_a_day() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for minute in 0..10 {
        bench.ask(id, Purpose::StepUp, 60 * minute).unwrap();
    }
    assert_eq!(refused(bench.ask(id, Purpose::StepUp, 600)), limited(HOUR - 600));
    assert_eq!(refused(bench.reopened().ask(id, Purpose::StepUp, HOUR - 1)), limited(1));
    // Each frees its place an hour later.
    bench.ask(id, Purpose::StepUp, HOUR).unwrap();
    assert_eq!(refused(bench.ask(id, Purpose::StepUp, HOUR + 1)), limited(59));
    for minute in 0..9 {
        bench.ask(id, Purpose::StepUp, 3 * HOUR + 60 * minute).unwrap();
    }
    assert_eq!(refused(bench.ask(id, Purpose::StepUp, 10 * HOUR)), limited(DAY - 10 * HOUR));
    bench.ask(id, Purpose::StepUp, DAY).unwrap();
    assert_eq!(refused(bench.ask(id, Purpose::StepUp, DAY + 1)), limited(59));
}

#[test]
fn a_message_that_was_refused_leaves_nothing() {
    let bench = bench_with(|settings| settings.otp_messages = (1, 1));
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 0).unwrap();
    let (code, before) = (bench.newest_code(), bench.store.contents());
    refused(bench.ask(id, Purpose::StepUp, 1));
    assert_eq!(bench.store.contents(), before);
    // So the code that is there stays good.
    assert!(bench.try_code(id, &asked, &code, 2).is_ok());
}

#[test]
fn a_number_has_its_limit_whoever_writes_to_it() {
    let bench = bench_with(|settings| settings.otp_messages = (2, 4));
    let (ada, bea) = (bench.holder(EMAIL), bench.holder("bea@example.org"));
    bench.ask(ada, Purpose::StepUp, 0).unwrap();
    bench.ask(bea, Purpose::StepUp, 1).unwrap();
    assert_eq!(refused(bench.ask(bea, Purpose::StepUp, 2)), limited(HOUR - 2));
    // Both have the same number; another has its own count.
    bench.ask_number(ada, "+44 20 7946 0018", 3).unwrap();
}

#[test]
fn a_holder_has_a_limit_whatever_the_numbers() {
    let bench = bench_with(|settings| settings.otp_messages = (3, 5));
    let id = bench.holder(EMAIL);
    for n in 0..3 {
        bench.ask_number(id, &format!("+44 20 7946 00{n}8"), n).unwrap();
    }
    assert_eq!(refused(bench.ask_number(id, "+44 20 7946 0098", 4)), limited(HOUR - 4));
}

#[test]
fn a_block_of_numbers_has_a_tenth_of_the_budget() {
    let bench = bench_with(|settings| {
        settings.otp_messages = (1_000, 1_000);
        settings.sms_per_hour = 250;
    });
    let id = bench.holder(EMAIL);
    for n in 0..25 {
        bench.ask_number(id, &format!("+44 20 7946 00{n:02}"), n).unwrap();
    }
    assert_eq!(refused(bench.ask_number(id, "+44 20 7946 9999", 25)), limited(HOUR - 25));
    bench.ask_number(id, "+44 20 7947 9999", 26).unwrap();
    bench.ask_number(id, "+44 20 7946 9999", HOUR).unwrap();
}

#[test]
fn the_service_has_a_budget_and_says_once_an_hour_that_it_is_used_up() {
    let bench = bench_with(|settings| {
        settings.otp_messages = (1_000, 1_000);
        settings.sms_per_hour = 4;
    });
    let id = bench.holder(EMAIL);
    let told = |bench: &Bench| {
        bench.trail().into_iter().filter(|(word, _)| word == "short-messages-used-up").count()
    };
    for n in 0..4 {
        assert_eq!(told(&bench), 0);
        bench.ask(id, Purpose::StepUp, n).unwrap();
    }
    let budget = |seconds| OtpRefusal::Budget { retry_after: wait(seconds) };
    for s in [10, 20] {
        assert_eq!(refused(bench.ask(id, Purpose::StepUp, s)), budget(HOUR - s));
    }
    assert_eq!(told(&bench), 1);
    bench.ask(id, Purpose::StepUp, HOUR).unwrap();
    assert_eq!(told(&bench), 1);
}

#[test]
fn wrong_codes_are_counted_over_all_operations() {
    let bench = bench_with(|settings| settings.otp_messages = (100, 100));
    let id = bench.holder(EMAIL);
    for n in 0..10 {
        let asked = bench.ask(id, Purpose::StepUp, n).unwrap();
        refused(bench.try_code(id, &asked, other_than(&bench.newest_code()), n));
    }
    let asked = bench.ask(id, Purpose::StepUp, 20).unwrap();
    let code = bench.newest_code();
    let refusal = OtpRefusal::WrongLimit { retry_after: wait(HOUR - 20) };
    assert_eq!(refused(bench.try_code(id, &asked, &code, 20)), refusal);
    assert_eq!(bench.mails_to(EMAIL).iter().filter(|word| **word == "otp-locked").count(), 1);
    // It is the holder's: another one is not kept out by it.
    let bea = bench.holder("bea@example.org");
    let other = bench.ask(bea, Purpose::StepUp, 21).unwrap();
    assert!(bench.try_code(bea, &other, &bench.newest_code(), 22).is_ok());
    let asked = bench.ask(id, Purpose::StepUp, HOUR).unwrap();
    assert!(bench.try_code(id, &asked, &bench.newest_code(), HOUR).is_ok());
}

/// Who knows the password uses every try and every message up: the owner suspends all the same.
#[test]
fn codes_for_other_things_do_not_keep_a_holder_from_suspending() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for n in 0..10 {
        let asked = bench.ask(id, Purpose::StepUp, n).unwrap();
        refused(bench.try_code(id, &asked, other_than(&bench.newest_code()), n));
    }
    assert_eq!(refused(bench.ask(id, Purpose::StepUp, 20)), limited(HOUR - 20));
    let asked = bench.ask(id, Purpose::Suspend, 20).unwrap();
    assert!(bench.try_code(id, &asked, &bench.newest_code(), 20).is_ok());
    // It has limits too, and uses up nothing of the others.
    for n in 0..9 {
        let asked = bench.ask(id, Purpose::Suspend, 21 + n).unwrap();
        refused(bench.try_code(id, &asked, other_than(&bench.newest_code()), 21 + n));
    }
    assert_eq!(refused(bench.ask(id, Purpose::Suspend, 40)), limited(HOUR - 20));
    bench.ask(id, Purpose::StepUp, HOUR).unwrap();
    for n in 1..10 {
        bench.ask(id, Purpose::StepUp, HOUR + n).unwrap();
    }
}

/// Three tries of each code that was sent are all there is: whoever has a session must not keep the
/// owner from suspending by typing wrong ones.
#[test]
fn wrong_codes_keep_nobody_from_suspending() {
    let bench = bench_with(|settings| settings.otp_messages = (100, 100));
    let id = bench.holder(EMAIL);
    for n in 0..25 {
        let asked = bench.ask(id, Purpose::Suspend, n).unwrap();
        refused(bench.try_code(id, &asked, other_than(&bench.newest_code()), n));
    }
    let asked = bench.ask(id, Purpose::Suspend, 30).unwrap();
    let wrong = other_than(&bench.newest_code()).to_owned();
    for left in [Some(2), Some(1), None] {
        let refusal = refused(bench.try_code(id, &asked, &wrong, 30));
        let expected = left.map_or(OtpRefusal::Spent, |left| OtpRefusal::Wrong { left });
        assert_eq!(refusal, expected);
    }
    let asked = bench.ask(id, Purpose::Suspend, 31).unwrap();
    assert!(bench.try_code(id, &asked, &bench.newest_code(), 31).is_ok());
    let asked = bench.ask(id, Purpose::StepUp, 21).unwrap();
    assert!(bench.try_code(id, &asked, &bench.newest_code(), 21).is_ok());
}

#[test]
fn right_codes_are_not_counted_as_wrong_ones() {
    let bench = bench_with(|settings| settings.otp_messages = (100, 100));
    let id = bench.holder(EMAIL);
    for n in 0..30 {
        let asked = bench.ask(id, Purpose::StepUp, n).unwrap();
        assert!(bench.try_code(id, &asked, &bench.newest_code(), n).is_ok());
    }
}

/// Three tries are three, however many come at once: all are in the queue of the store before the
/// first of them runs.
#[test]
fn tries_side_by_side_get_no_more_than_one_after_another() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let right = bench.newest_code();
    let wrong = other_than(&right);
    bench.store.pause();
    let tries = [wrong, wrong, wrong, right.as_str(), right.as_str()].map(|code| {
        let (holders, code) = (bench.holders.clone(), code.to_owned());
        std::thread::spawn(move || {
            let (operation, purpose) = (asked.operation, asked.purpose);
            block_on(holders.verify_otp(id, operation, &code, purpose, [7; 32], at(11)))
        })
    });
    while bench.store.waiting() < tries.len() {
        std::thread::yield_now();
    }
    bench.store.resume();
    let outcomes = tries.map(|one| one.join().unwrap());
    // In whatever order they came: never a right one after the third wrong, never two right ones.
    let right = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let wrong = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(HolderError::Otp(OtpRefusal::Wrong { .. }))));
    let wrong = wrong.count();
    assert!(right <= 1 && right + wrong <= 3, "{outcomes:?}");
    assert!(bench.history(id).iter().filter(|word| **word == "otp-failed").count() <= 3);
}

#[test]
fn one_right_code_side_by_side_is_right_once() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    bench.store.pause();
    let tries = [(); 4].map(|()| {
        let (holders, code) = (bench.holders.clone(), code.clone());
        std::thread::spawn(move || {
            let (operation, purpose) = (asked.operation, asked.purpose);
            block_on(holders.verify_otp(id, operation, &code, purpose, [7; 32], at(11)))
        })
    });
    while bench.store.waiting() < tries.len() {
        std::thread::yield_now();
    }
    bench.store.resume();
    let right = tries.map(|one| one.join().unwrap()).iter().filter(|it| it.is_ok()).count();
    assert_eq!(right, 1);
}

/// A try that could not be made durable says nothing, neither right nor wrong, and is not taken.
#[test]
fn a_try_that_is_not_durable_says_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let asked = bench.ask(id, Purpose::StepUp, 10).unwrap();
    let code = bench.newest_code();
    for text in [code.as_str(), other_than(&code)] {
        bench.store.fail_next(store::StoreError::Closed);
        assert_eq!(slug(bench.try_code(id, &asked, text, 11)), "store");
    }
    assert!(bench.try_code(id, &asked, &code, 12).is_ok());
}

#[test]
fn limits_that_mean_nothing_are_refused() {
    let breaks: [fn(&mut HolderSettings); 7] = [
        |settings| settings.sms_per_hour = 0,
        |settings| settings.otp_messages = (0, 10),
        |settings| settings.otp_messages = (11, 10),
        |settings| settings.otp_messages = (10, 10_001),
        |settings| settings.otp_gap = chrono::TimeDelta::zero(),
        |settings| settings.otp_lifetime = chrono::TimeDelta::seconds(29),
        |settings| settings.otp_lifetime = chrono::TimeDelta::seconds(601),
    ];
    for change in breaks {
        let mut settings = Bench::settings();
        change(&mut settings);
        assert_eq!(slug(settings.check()), "invalid-setting");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whenever messages are asked for, no hour has more than its number of them and no day, and
    /// none is refused while there is room in both.
    #[test]
    fn no_hour_and_no_day_has_more_than_may(
        gaps in proptest::collection::vec(1_i64..4_000, 1..80),
        hour_most in 1_u32..5,
        more in 0_u32..5,
    ) {
        let most = (hour_most, hour_most + more);
        let bench = bench_with(|settings| settings.otp_messages = most);
        let id = bench.holder(EMAIL);
        let (mut now, mut sent) = (0, Vec::<i64>::new());
        for gap in gaps {
            now += gap;
            let within = |window: i64| sent.iter().filter(|s| **s > now - window).count();
            let room = within(HOUR) < most.0 as usize && within(DAY) < most.1 as usize;
            let asked = bench.ask(id, Purpose::StepUp, now);
            prop_assert_eq!(asked.is_ok(), room, "at {} after {:?}", now, &sent);
            match asked {
                Ok(_) => sent.push(now),
                Err(error) => {
                    // And it says when there will be.
                    let wait = i64::try_from(error.retry_after().unwrap().as_secs()).unwrap();
                    let later = now + wait;
                    let within = |window: i64| sent.iter().filter(|s| **s > later - window).count();
                    let room = within(HOUR) < most.0 as usize && within(DAY) < most.1 as usize;
                    prop_assert!(room, "{} s are not enough at {} after {:?}", wait, now, &sent);
                }
            }
        }
    }

    /// Whatever is typed, asked for and waited for: a code is right at most once, within its time,
    /// within three tries, and never another than the newest that was sent.
    #[test]
    fn whatever_happens_a_code_is_right_once_in_its_time(
        steps in proptest::collection::vec((0_u8..5, 0_i64..70), 1..40),
    ) {
        let bench = bench_with(|settings| settings.otp_messages = (1_000, 1_000));
        let id = bench.holder(EMAIL);
        let mut now = 0;
        let mut model: Option<(OtpAsked, String, u32, bool)> = None;
        let mut older: Option<OtpAsked> = None;
        for (step, gap) in steps {
            now += gap;
            match (step, model.as_mut()) {
                (0, _) => {
                    older = model.take().map(|(asked, ..)| asked);
                    let asked = bench.ask(id, Purpose::StepUp, now).unwrap();
                    model = Some((asked, bench.newest_code(), 0, false));
                }
                (1, Some((asked, code, tries, used))) => {
                    if let Ok(again) = bench.again(id, asked, now) {
                        prop_assert!(!*used);
                        if again.made_at != asked.made_at {
                            *tries = 0;
                            *code = bench.newest_code();
                        }
                        prop_assert_eq!(&*code, &bench.newest_code());
                        *asked = again;
                    }
                }
                (2 | 3, Some((asked, code, tries, used))) => {
                    let right = step == 2;
                    let typed = if right { code.as_str() } else { other_than(code) };
                    let alive = !*used && *tries < 3 && at(now) < asked.expires_at;
                    let outcome = bench.try_code(id, asked, typed, now);
                    let limited = matches!(
                        outcome,
                        Err(HolderError::Otp(OtpRefusal::WrongLimit { .. }))
                    );
                    prop_assert_eq!(outcome.is_ok(), alive && right && !limited);
                    if alive && !limited {
                        *tries += u32::from(!right);
                        *used = right;
                    }
                }
                (4, _) => {
                    if let Some(older) = &older {
                        let code = bench.newest_code();
                        prop_assert!(bench.try_code(id, older, &code, now).is_err());
                    }
                }
                _ => {}
            }
        }
    }
}
