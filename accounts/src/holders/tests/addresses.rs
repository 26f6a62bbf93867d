//! Other e-mail addresses.

use super::support::*;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::tables::HOLDER_BY_EMAIL;
use crate::holders::{Actor, AddressKind, Email, HolderError, HolderId, TypedTwice, address_bound};
use crate::testing::block_on;

const NEW: &str = "new@example.org";

fn request(
    bench: &Bench,
    id: HolderId,
    kind: AddressKind,
    new: &str,
    seconds: i64,
) -> Result<(), HolderError> {
    let new = Email::parse("email", new).unwrap();
    let proof = bench.proof(id, Purpose::ChangeEmail, address_bound(kind, &new));
    block_on(bench.holders.request_address(id, kind, &new, proof, at(seconds)))
}

fn confirm(bench: &Bench, token: &str, seconds: i64) -> Result<HolderId, HolderError> {
    block_on(bench.holders.confirm_address(token, at(seconds)))
}

#[test]
fn a_user_id_changes_when_the_new_address_confirms() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, id, AddressKind::UserId, NEW, 10).unwrap();
    bench.login(EMAIL, RIGHT, 11).unwrap();
    assert_eq!(slug(bench.login(NEW, RIGHT, 12)), "invalid-login");
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"email-change-requested"));

    assert_eq!(confirm(&bench, &bench.token(NEW), 20).unwrap(), id);
    assert_eq!(bench.login(NEW, RIGHT, 21).unwrap().holder, id);
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 22)), "invalid-login");
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"email-changed"));
    assert_eq!(bench.mails_to(NEW), ["confirm-email", "email-changed"]);
    // The old address is free.
    bench.register(EMAIL);
}

#[test]
fn who_asks_for_the_address_of_another_sees_no_difference() {
    let bench = Bench::new();
    let (id, other) = (bench.holder(EMAIL), bench.holder("b@example.org"));
    request(&bench, id, AddressKind::UserId, "b@example.org", 10).unwrap();
    assert_eq!(bench.mails_to("b@example.org").last(), Some(&"already-registered"));
    assert_eq!(bench.login("b@example.org", RIGHT, 11).unwrap().holder, other);
}

#[test]
fn an_address_that_was_taken_meanwhile_is_not_given() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, id, AddressKind::UserId, NEW, 10).unwrap();
    let token = bench.token(NEW);
    bench.register(NEW);
    assert_eq!(slug(confirm(&bench, &token, 20)), "invalid-link");
    assert_eq!(bench.holders.holder(id).unwrap().user_id, EMAIL);
}

#[test]
fn a_confirmation_works_once_in_its_time_and_only_the_newest() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, id, AddressKind::UserId, NEW, 0).unwrap();
    let first = bench.token(NEW);
    request(&bench, id, AddressKind::UserId, "newer@example.org", 1).unwrap();
    assert_eq!(slug(confirm(&bench, &first, 2)), "invalid-link");
    let second = bench.token("newer@example.org");
    assert_eq!(slug(confirm(&bench, &second, 86_401)), "invalid-link");
    confirm(&bench, &second, 86_400).unwrap();
    assert_eq!(slug(confirm(&bench, &second, 86_400)), "invalid-link");
}

#[test]
fn notices_go_to_an_address_of_their_own() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, id, AddressKind::Notices, NEW, 10).unwrap();
    confirm(&bench, &bench.token(NEW), 20).unwrap();
    let view = bench.holders.holder(id).unwrap();
    assert_eq!((view.user_id.as_str(), view.notice_email.as_deref()), (EMAIL, Some(NEW)));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"notice-email-changed"));
    assert_eq!(bench.mails_to(NEW).last(), Some(&"notice-email-changed"));
    let again = request(&bench, id, AddressKind::Notices, NEW, 30).unwrap_err();
    assert_eq!((again.field(), again.rule()), (Some("address"), Some("not-the-current")));
    block_on(bench.holders.clear_notice_address(id, operator(), at(40))).unwrap();
    assert_eq!(bench.holders.holder(id).unwrap().notice_email, None);
    // The old one is told as well.
    assert_eq!(bench.mails_to(NEW).len(), 3);
    assert!(block_on(bench.holders.clear_notice_address(id, operator(), at(41))).is_err());
}

#[test]
fn a_code_for_another_address_does_not_do() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let new = Email::parse("email", NEW).unwrap();
    let evil = Email::parse("email", "evil@example.org").unwrap();
    for other in [
        address_bound(AddressKind::UserId, &evil),
        // Nor one for the same address, when it was asked for to send notices there.
        address_bound(AddressKind::Notices, &new),
    ] {
        let proof = bench.proof(id, Purpose::ChangeEmail, other);
        let outcome = bench.holders.request_address(id, AddressKind::UserId, &new, proof, at(1));
        assert_eq!(slug(block_on(outcome)), "otp-for-other-operation");
    }
}

#[test]
fn a_change_ends_the_link_that_went_to_the_old_address() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(5))).unwrap();
    let recovery = bench.token(EMAIL);
    request(&bench, id, AddressKind::UserId, NEW, 10).unwrap();
    confirm(&bench, &bench.token(NEW), 20).unwrap();
    assert_eq!(slug(bench.holders.link(&recovery, at(21))), "invalid-link");
}

/// Whoever knew the old password had a link mailed to an address of their own: with it the account
/// could be recovered from there.
#[test]
fn a_new_password_ends_the_links_to_new_addresses() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    request(&bench, id, AddressKind::UserId, NEW, 10).unwrap();
    request(&bench, id, AddressKind::Notices, "n@example.org", 11).unwrap();
    let typed = TypedTwice { new: OTHER, repeat: OTHER };
    block_on(bench.holders.change_password(id, RIGHT, &typed, HOME, at(12))).unwrap();
    for address in [NEW, "n@example.org"] {
        assert_eq!(slug(confirm(&bench, &bench.token(address), 13)), "invalid-link");
    }

    request(&bench, id, AddressKind::UserId, NEW, 20).unwrap();
    let stolen = bench.token(NEW);
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(21))).unwrap();
    let token = bench.token(EMAIL);
    let link = bench.holders.link(&token, at(22)).unwrap();
    let purpose = Purpose::RecoverPassword;
    let proof = OtpVerified::for_tests(id, link.operation, purpose, link.bound);
    let typed = TypedTwice { new: RIGHT, repeat: RIGHT };
    block_on(bench.holders.recover_password(&token, bench.in_room(proof), &typed, at(23))).unwrap();
    assert_eq!(slug(confirm(&bench, &stolen, 24)), "invalid-link");
    assert_eq!(bench.holders.holder(id).unwrap().user_id, EMAIL);
}

const DAY: i64 = 86_400;

/// Takes another address, at once.
fn moves(bench: &Bench, id: HolderId, to: &str, seconds: i64) {
    request(bench, id, AddressKind::UserId, to, seconds).unwrap();
    assert_eq!(confirm(bench, &bench.token(to), seconds).unwrap(), id);
}

fn former(bench: &Bench, email: &'static str, seconds: i64) -> Vec<HolderId> {
    let find = move |_: &_, tx: &mut dyn store::Transaction| {
        crate::holders::former::find(tx, email, at(seconds))
    };
    block_on(bench.holders.transact(find)).unwrap()
}

/// Rows of former user IDs: no address begins with a zero octet.
fn rows(bench: &Bench) -> usize {
    let contents = bench.store.contents();
    contents.keys().filter(|(t, key)| *t == HOLDER_BY_EMAIL.number() && key[0] == 0).count()
}

/// Each of those who had an address is found by it for its own thirty days, whoever else had it.
#[test]
fn a_former_user_id_finds_everybody_who_had_it_not_long_ago() {
    let bench = Bench::new();
    let one = bench.holder(EMAIL);
    assert!(former(&bench, EMAIL, 5).is_empty(), "it is no former one yet");
    moves(&bench, one, NEW, 10);
    assert_eq!((former(&bench, EMAIL, 11), rows(&bench)), (vec![one], 1));
    let two = bench.holder(EMAIL);
    moves(&bench, two, "two@example.org", 10 + DAY);
    assert_eq!(former(&bench, EMAIL, 11 + DAY), [one, two]);
    // Of the first the time is over; what it does then takes nothing from the second.
    assert_eq!(former(&bench, EMAIL, 10 + 30 * DAY), [two]);
    moves(&bench, one, "one@example.org", 11 + 30 * DAY);
    assert_eq!(former(&bench, EMAIL, 12 + 30 * DAY), [two]);
    assert_eq!(former(&bench, NEW, 12 + 30 * DAY), [one]);
    assert_eq!(rows(&bench), 2);
    let expire = |days| block_on(bench.holders.expire_former_user_ids(at(12 + days * DAY)));
    assert_eq!((expire(30).unwrap(), rows(&bench)), (0, 2));
    assert_eq!((expire(31).unwrap(), rows(&bench)), (1, 1));
    assert_eq!((expire(61).unwrap(), rows(&bench)), (1, 0));
    assert_eq!(expire(61).unwrap(), 0);
}

/// Back and away again: one row, with the later end.
#[test]
fn an_address_that_was_taken_again_counts_from_its_last_change() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    moves(&bench, id, NEW, 10);
    moves(&bench, id, EMAIL, 10 + DAY);
    moves(&bench, id, NEW, 10 + 2 * DAY);
    assert_eq!(rows(&bench), 2);
    assert_eq!(former(&bench, EMAIL, 9 + 32 * DAY), [id]);
    assert!(former(&bench, EMAIL, 10 + 32 * DAY).is_empty());
    let export = bench.holders.export_personal_data(id, Actor::Holder(id), at(20 + 2 * DAY));
    let json: String = block_on(export).unwrap().map(Result::unwrap).collect();
    let data: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(data.pointer("/former_user_ids/1/user_id").unwrap(), EMAIL);
}
