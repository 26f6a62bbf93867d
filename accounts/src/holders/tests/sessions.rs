//! Sessions: what opens one, and what ends one.

use super::support::*;
use crate::holders::messages::Template;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::registration::Invite;
use crate::holders::sessions::{Access, AccessKind, OpenedBy, OpenedSession, step_up_bound};
use crate::holders::tables::SESSION;
use crate::holders::{Actor, HolderError, HolderId, HolderSettings, SecretToken, TypedTwice, otp};
use crate::testing::block_on;
use chrono::TimeDelta;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const TYPED: TypedTwice<'static> = TypedTwice { new: OTHER, repeat: OTHER };

fn proof(access: &Access) -> OtpVerified {
    let bound = step_up_bound(access.session().unwrap());
    OtpVerified::for_tests(
        access.holder,
        crate::holders::OperationId::new([1; 16]),
        Purpose::StepUp,
        bound,
    )
}

pub(super) fn step_up(
    bench: &Bench,
    access: &Access,
    s: i64,
) -> Result<OpenedSession, HolderError> {
    block_on(bench.holders.step_up(access, proof(access), at(s)))
}

/// Uses a session each ten minutes until an instant.
fn keep_using(bench: &Bench, token: &SecretToken, until: i64) {
    for seconds in (10 * MINUTE..until).step_by(600) {
        bench.access(token, seconds).unwrap();
    }
}

#[test]
fn a_login_gives_a_session() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let opened = bench.session(EMAIL, 5);
    assert!(opened.token.expose().starts_with("ms_"));
    // 256 bits are 43 characters of base64.
    assert_eq!(opened.token.expose().len(), 46);
    let access = bench.access(&opened.token, 6).unwrap();
    assert_eq!((access.holder, access.what), (id, AccessKind::Session(opened.view.id)));
    assert!(!access.limited && !access.must_change_password && !access.stepped_up(at(6)));
    access.needs_full().unwrap();
    assert_eq!(slug(access.device()), "device-needed");
    assert_eq!(bench.holders.sessions(id, at(6)).unwrap(), std::slice::from_ref(&opened.view));
    let view = opened.view;
    assert_eq!((view.from.as_str(), view.client.as_str()), ("192.0.2.1", "Browser/1.0"));
    assert_eq!((view.by, view.by.word()), (OpenedBy::Password, "password"));
    assert_eq!((view.opened_at, view.ends_at), (at(5), at(5 + 8 * HOUR)));
}

#[test]
fn no_token_stands_in_the_store() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let token = bench.session(EMAIL, 5).token;
    let random = token.expose().strip_prefix("ms_").unwrap();
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(random);
    assert!(!bench.store.contents().iter().any(|((_, key), v)| holds(key) || holds(v)));
    assert!(!format!("{token:?}").contains(random));
    // Nor does what stands there open anything.
    let contents = bench.store.contents();
    for (_, key) in contents.keys().filter(|(table, _)| *table == SESSION.number()) {
        let text = format!("ms_{}", hex::encode(key));
        assert_eq!(slug(block_on(bench.holders.access(&text, at(6)))), "unauthorized-holder");
    }
}

#[test]
fn other_tokens_get_one_answer() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let token = bench.session(EMAIL, 5).token;
    let token = token.expose();
    let (cut, longer) = (&token[..45], format!("{token}A"));
    let device = token.replace("ms_", "md_");
    for wrong in ["", "ms_", "md_", "mq_x", cut, &longer, &device, &token[3..], "\u{0}"] {
        let error = block_on(bench.holders.access(wrong, at(6))).unwrap_err();
        assert!(matches!(error, HolderError::NotLoggedIn), "{wrong}");
    }
}

#[test]
fn what_is_not_used_ends() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let token = bench.session(EMAIL, 0).token;
    bench.access(&token, 15 * MINUTE - 1).unwrap();
    // That use was noted.
    bench.access(&token, 30 * MINUTE - 2).unwrap();
    assert_eq!(slug(bench.access(&token, 45 * MINUTE - 2)), "unauthorized-holder");
    assert!(bench.holders.sessions(id, at(45 * MINUTE - 2)).unwrap().is_empty());
}

/// What a page looks at by itself is no use: neither of a session nor of a device.
#[test]
fn who_only_watches_ends_like_one_that_is_left_alone() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let token = bench.session(EMAIL, 0).token;
    let written = bench.store.journal().len();
    for second in 0..15 * MINUTE {
        let seen = bench.holders.peek(token.expose(), at(second)).unwrap();
        assert_eq!((seen.holder, seen.limited), (id, false));
    }
    let late = bench.holders.peek(token.expose(), at(15 * MINUTE));
    assert_eq!(slug(late), "unauthorized-holder");
    assert_eq!(slug(bench.access(&token, 15 * MINUTE)), "unauthorized-holder");
    assert_eq!(bench.store.journal().len(), written);
    assert_eq!(slug(bench.holders.peek("mx_1", at(1))), "unauthorized-holder");
}

#[test]
fn a_use_is_written_once_a_minute() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let token = bench.session(EMAIL, 0).token;
    let written = bench.store.journal().len();
    for seconds in 0..60 {
        bench.access(&token, seconds).unwrap();
    }
    assert_eq!(bench.store.journal().len(), written);
    for seconds in 60..120 {
        bench.access(&token, seconds).unwrap();
    }
    assert_eq!(bench.store.journal().len(), written + 1);
    // A clock that was set back ends nothing, and does not take a use back.
    bench.access(&token, -30).unwrap();
    bench.access(&token, 16 * MINUTE - 1).unwrap();
}

#[test]
fn a_session_ends_whatever_its_use() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let token = bench.session(EMAIL, 0).token;
    keep_using(&bench, &token, 8 * HOUR);
    bench.access(&token, 8 * HOUR - 1).unwrap();
    assert_eq!(slug(bench.access(&token, 8 * HOUR)), "unauthorized-holder");
}

#[test]
fn raising_a_session_replaces_its_token() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let first = bench.session(EMAIL, 0);
    let access = bench.access(&first.token, 1).unwrap();
    let raised = step_up(&bench, &access, 2).unwrap();
    assert_eq!(slug(bench.access(&first.token, 2)), "unauthorized-holder");
    let after = bench.access(&raised.token, 2).unwrap();
    assert_eq!(after.what, access.what);
    assert_ne!(after.reference, access.reference);
    assert_eq!(after.stepped_up_until, Some(at(2 + 5 * MINUTE)));
    let later = bench.access(&raised.token, 2 + 5 * MINUTE).unwrap();
    assert_eq!(later.stepped_up_until, None);
    // Its life is not longer for it.
    assert_eq!(raised.view.ends_at, first.view.ends_at);
    assert_eq!(bench.holders.sessions(id, at(3)).unwrap().len(), 1);
    assert_eq!(bench.history(id).last(), Some(&"session-stepped-up"));
}

#[test]
fn of_two_that_raise_side_by_side_one_is_dead() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 0);
    bench.store.pause();
    let one = bench.holders.step_up(&access, proof(&access), at(1));
    let other = bench.holders.step_up(&access, proof(&access), at(1));
    let resume = async { bench.store.resume() };
    let (one, other, ()) = block_on(futures_util::future::join3(one, other, resume));
    assert!(one.is_ok());
    assert_eq!(slug(other), "unauthorized-holder");
}

#[test]
fn the_code_of_one_session_raises_no_other() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let (one, other) = (bench.logged_in(EMAIL, 0), bench.logged_in(EMAIL, 1));
    let outcome = block_on(bench.holders.step_up(&one, proof(&other), at(2)));
    assert_eq!(slug(outcome), "otp-for-other-operation");
    for purpose in [Purpose::LinkDevice, Purpose::Sign] {
        let proof = bench.proof(id, purpose, step_up_bound(one.session().unwrap()));
        let outcome = block_on(bench.holders.step_up(&one, proof, at(2)));
        assert_eq!(slug(outcome), "otp-for-other-operation");
    }
    let proof = bench.proof(id, Purpose::StepUp, otp::bound(&[]));
    assert_eq!(
        slug(block_on(bench.holders.step_up(&one, proof, at(2)))),
        "otp-for-other-operation"
    );
}

#[test]
fn one_session_too_many_ends_the_oldest() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let other = bench.holder("other@example.org");
    let others = bench.session("other@example.org", 1);
    let opened: Vec<_> = (0..7).map(|n| bench.session(EMAIL, 10 + n)).collect();
    let living: Vec<_> = opened.iter().map(|o| bench.access(&o.token, 20).is_ok()).collect();
    assert_eq!(living, [false, false, true, true, true, true, true]);
    assert!(bench.access(&others.token, 20).is_ok());
    assert_eq!(bench.holders.sessions(other, at(20)).unwrap().len(), 1);
    assert_eq!(bench.history(id).iter().filter(|w| **w == "session-ended").count(), 2);
    // Those that have ended by themselves count no more.
    for opened in &opened[5..] {
        bench.access(&opened.token, 14 * MINUTE).unwrap();
    }
    bench.session(EMAIL, 20 * MINUTE);
    assert_eq!(bench.holders.sessions(id, at(20 * MINUTE)).unwrap().len(), 3);
    assert_eq!(bench.history(id).iter().filter(|w| **w == "session-ended").count(), 2);
}

#[test]
fn a_session_is_ended_by_its_holder() {
    let bench = Bench::new();
    let (id, other) = (bench.holder(EMAIL), bench.holder("other@example.org"));
    let (one, two, three) =
        (bench.session(EMAIL, 1), bench.session(EMAIL, 2), bench.session(EMAIL, 3));
    let others = bench.session("other@example.org", 4);
    let end = |holder, session| {
        block_on(bench.holders.end_session(holder, session, Actor::Holder(holder), at(5)))
    };
    assert_eq!(slug(end(other, one.view.id)), "unknown-session");
    end(id, one.view.id).unwrap();
    assert_eq!(slug(end(id, one.view.id)), "unknown-session");
    assert_eq!(slug(bench.access(&one.token, 5)), "unauthorized-holder");
    let asks = bench.access(&two.token, 5).unwrap();
    let ended = block_on(bench.holders.end_other_sessions(&asks, at(6))).unwrap();
    assert_eq!(ended, 1);
    assert_eq!(slug(bench.access(&three.token, 6)), "unauthorized-holder");
    bench.access(&two.token, 6).unwrap();
    assert_eq!(block_on(bench.holders.end_all_sessions(id, operator(), at(7))).unwrap(), 1);
    assert_eq!(block_on(bench.holders.end_all_sessions(id, operator(), at(7))).unwrap(), 0);
    assert_eq!(slug(bench.access(&two.token, 7)), "unauthorized-holder");
    bench.access(&others.token, 7).unwrap();
    let page = bench.holders.history(id, &Default::default()).unwrap();
    let ended: Vec<_> = page.entries.iter().filter(|e| e.kind.word() == "session-ended").collect();
    assert_eq!(ended.len(), 3);
    assert_eq!(ended[2].actor, "admin");
    let unknown = block_on(bench.holders.end_all_sessions(HolderId::new(99), operator(), at(7)));
    assert_eq!(slug(unknown), "unknown-holder");
}

#[test]
fn a_changed_password_ends_all_sessions_but_the_one_that_asks() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let (one, two) = (bench.session(EMAIL, 1), bench.session(EMAIL, 2));
    let stale = bench.login(EMAIL, RIGHT, 3).unwrap();
    let access = bench.access(&one.token, 4).unwrap();
    let change = bench.holders.change_own_password(&access, RIGHT, &TYPED, HOME, at(5));
    block_on(change).unwrap();
    bench.access(&one.token, 6).unwrap();
    assert_eq!(slug(bench.access(&two.token, 6)), "unauthorized-holder");
    // Nor does a login with the old one open anything.
    assert_eq!(slug(bench.open(&stale, 6)), "unauthorized-holder");
}

#[test]
fn a_password_that_is_changed_elsewhere_ends_every_session() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let one = bench.session(EMAIL, 1);
    block_on(bench.holders.change_password(id, RIGHT, &TYPED, HOME, at(5))).unwrap();
    assert_eq!(slug(bench.access(&one.token, 6)), "unauthorized-holder");
    let login = bench.login(EMAIL, OTHER, 7).unwrap();
    let two = bench.open(&login, 7).unwrap();
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(8))).unwrap();
    let token = bench.token(EMAIL);
    let link = bench.holders.link(&token, at(9)).unwrap();
    let proof = OtpVerified::for_tests(id, link.operation, Purpose::RecoverPassword, link.bound);
    let typed = TypedTwice { new: RIGHT, repeat: RIGHT };
    block_on(bench.holders.recover_password(&token, bench.in_room(proof), &typed, at(10))).unwrap();
    assert_eq!(slug(bench.access(&two.token, 11)), "unauthorized-holder");
}

/// The row may be there still: the generation alone ends it.
#[test]
fn an_older_generation_opens_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let one = bench.session(EMAIL, 1);
    let grow = bench.holders.transact(move |_, tx| {
        let mut record = crate::holders::holder::load(tx, id)?;
        if let Some(password) = &mut record.password {
            password.generation += 1;
        }
        crate::holders::holder::save(tx, id, &record);
        Ok(())
    });
    block_on(grow).unwrap();
    assert_eq!(slug(bench.access(&one.token, 2)), "unauthorized-holder");
    assert!(bench.holders.sessions(id, at(2)).unwrap().is_empty());
}

#[test]
fn a_block_ends_sessions_for_good() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let opened = bench.session(EMAIL, 1);
    block_on(bench.holders.block(id, "lost phone", operator(), at(2))).unwrap();
    assert_eq!(slug(bench.access(&opened.token, 3)), "unauthorized-holder");
    block_on(bench.holders.unblock(id, "found", operator(), at(4))).unwrap();
    assert_eq!(slug(bench.access(&opened.token, 5)), "unauthorized-holder");
    let opened = bench.session(EMAIL, 6);
    block_on(bench.holders.close(id, "asked for", operator(), at(7))).unwrap();
    assert_eq!(slug(bench.access(&opened.token, 8)), "unauthorized-holder");
    assert_eq!(rows(&bench), 0);
}

fn rows(bench: &Bench) -> usize {
    let contents = bench.store.contents();
    contents.keys().filter(|(table, _)| *table == SESSION.number()).count()
}

/// The login with the password that the service gave: nothing else until it is replaced.
#[test]
fn a_first_password_opens_a_session_that_has_to_change_it() {
    let bench = Bench::new();
    let (registration, id) = bench.register(EMAIL);
    let invite = Invite { first_password: true, ..Invite::default() };
    block_on(bench.holders.invite(registration, invite, operator(), at(0))).unwrap();
    let first = |template| match template {
        Template::FirstPassword { password, .. } => Some(password),
        _ => None,
    };
    let password = bench.sent().into_iter().find_map(|sent| first(sent.content.template)).unwrap();
    let login = bench.login(EMAIL, &password, 1).unwrap();
    let opened = bench.open(&login, 1).unwrap();
    let access = bench.access(&opened.token, 2).unwrap();
    assert!(access.must_change_password);
    assert_eq!(slug(access.needs_full()), "password-change-needed");
    let change = bench.holders.change_own_password(&access, &password, &TYPED, HOME, at(3));
    block_on(change).unwrap();
    let access = bench.access(&opened.token, 4).unwrap();
    assert!(!access.must_change_password);
    assert_eq!(bench.holders.sessions(id, at(4)).unwrap().len(), 1);
}

#[test]
fn the_timer_takes_away_what_has_ended() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    bench.holder("other@example.org");
    bench.session(EMAIL, 1);
    bench.session("other@example.org", 2);
    let kept = bench.session(EMAIL, 10 * MINUTE);
    assert_eq!(rows(&bench), 6);
    let tick = |s| block_on(bench.holders.sessions_tick(at(s))).unwrap();
    assert_eq!((tick(11 * MINUTE), tick(16 * MINUTE), tick(16 * MINUTE)), (0, 2, 0));
    assert_eq!(rows(&bench), 2);
    bench.access(&kept.token, 17 * MINUTE).unwrap();
}

#[test]
fn sessions_outlive_a_restart() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let opened = bench.session(EMAIL, 1);
    bench.reopened().access(&opened.token, 2).unwrap();
}

#[test]
fn what_a_client_says_is_cleaned() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let login = bench.login(EMAIL, RIGHT, 1).unwrap();
    let said = format!("A\r\nB\u{202e}C\u{1b}[31m{}", "x".repeat(500));
    let opened = block_on(bench.holders.open_session(&login, HOME, &said, at(1))).unwrap();
    assert!(opened.view.client.starts_with("ABC[31mxxx"));
    assert_eq!(opened.view.client.chars().count(), 200);
}

#[test]
fn settings_have_limits() {
    let check = |change: fn(&mut HolderSettings)| {
        let mut settings = Bench::settings();
        change(&mut settings);
        settings.check().is_ok()
    };
    assert!(check(|_| ()));
    for change in [
        (|s| s.session_idle = TimeDelta::hours(2)) as fn(&mut HolderSettings),
        |s| s.session_life = TimeDelta::days(2),
        |s| s.step_up = TimeDelta::hours(1),
        |s| s.most_sessions = 0,
        |s| s.most_devices = 101,
        |s| s.device_idle = TimeDelta::hours(1),
        |s| s.qr_lifetime = TimeDelta::minutes(5),
        |s| s.phone_proof = TimeDelta::seconds(1),
        |s| s.phone_waiting = TimeDelta::hours(1),
    ] {
        assert!(!check(change));
    }
}
