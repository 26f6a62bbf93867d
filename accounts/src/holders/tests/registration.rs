//! How holders come in.

use super::support::*;
use crate::holders::messages::{Attachment, Delivery, Template};
use crate::holders::registration::{
    self, EnvelopePassphrase, Invite, NewRegistration, RegistrationState,
};
use crate::holders::{HolderStatus, RegistrationId, SigningKeyKind, TypedTwice};
use crate::testing::{TestRandom, block_on};

const TYPED: TypedTwice<'static> = TypedTwice { new: RIGHT, repeat: RIGHT };

fn request(bench: &Bench, email: &str, seconds: i64) -> Result<(), crate::holders::HolderError> {
    let new = Bench::new_registration(email);
    block_on(bench.holders.request_registration(new, HOME, at(seconds)))
}

fn state(bench: &Bench, id: u64) -> RegistrationState {
    bench.holders.registration(RegistrationId::new(id)).unwrap().state
}

#[test]
fn a_request_is_approved_invited_and_completed() {
    let bench = Bench::new();
    request(&bench, EMAIL, 0).unwrap();
    let id = RegistrationId::new(1);
    assert_eq!(state(&bench, 1), RegistrationState::Requested);
    assert!(bench.holders.holder_by_user_id(EMAIL).unwrap().is_none());

    let holder = block_on(bench.holders.approve(id, operator(), at(1))).unwrap();
    assert_eq!(state(&bench, 1), RegistrationState::Approved);
    assert_eq!(bench.holders.holder(holder).unwrap().status, HolderStatus::Invited);

    bench.invite(id, 2);
    assert_eq!(state(&bench, 1), RegistrationState::Invited);
    let token = bench.token(EMAIL);
    block_on(bench.holders.set_first_password(&token, &TYPED, at(3))).unwrap();
    assert_eq!(state(&bench, 1), RegistrationState::Active);
    let view = bench.holders.holder(holder).unwrap();
    assert_eq!(view.status, HolderStatus::Active);
    assert!(view.password_set && !view.must_change_password);

    let words = ["holder-registered", "holder-invited", "password-set"];
    assert_eq!(bench.history(holder), words);
    assert_eq!(bench.mails_to(EMAIL), ["registration-received", "set-password", "password-set"]);
    let trail: Vec<_> = words.map(|word| (word.to_owned(), "holder h-1".to_owned())).into();
    assert_eq!(bench.trail(), trail);
}

#[test]
fn who_asks_learns_nothing_about_an_address() {
    let bench = Bench::new();
    bench.holder("taken@example.org");
    for (email, seconds) in [("taken@example.org", 10), ("new@example.org", 20)] {
        request(&bench, email, seconds).unwrap();
        // Once more: no second request, and still the same answer.
        request(&bench, &email.to_uppercase(), seconds + 1).unwrap();
    }
    let mails = bench.mails_to("taken@example.org");
    assert_eq!(mails[mails.len() - 2..], ["already-registered", "already-registered"]);
    assert_eq!(bench.mails_to("new@example.org"), ["registration-received"; 2]);
    assert_eq!(bench.holders.registrations(None, 10).unwrap().len(), 2);
}

/// What a stranger types into the form goes into no mail from this service.
#[test]
fn no_words_of_a_stranger_are_mailed() {
    let bench = Bench::new();
    bench.holder("taken@example.org");
    let before = bench.sent().len();
    request(&bench, "taken@example.org", 10).unwrap();
    request(&bench, "new@example.org", 11).unwrap();
    let id = bench.holders.registrations(None, 10).unwrap().last().unwrap().id;
    block_on(bench.holders.reject(id, "no such person", operator(), at(12))).unwrap();
    let sent = bench.sent();
    assert_eq!(sent.len(), before + 3);
    for message in &sent[before..] {
        assert_eq!(message.content.addressee, "", "{}", message.content.to);
    }
}

#[test]
fn mails_that_anybody_can_ask_for_are_few() {
    let bench = Bench::new();
    for seconds in 0..20 {
        request(&bench, EMAIL, seconds).unwrap();
    }
    assert_eq!(bench.mails_to(EMAIL).len(), 5);
    request(&bench, EMAIL, 25 * 3_600).unwrap();
    assert_eq!(bench.mails_to(EMAIL).len(), 6);
}

#[test]
fn a_caller_cannot_ask_for_many() {
    let bench = Bench::new();
    for number in 0..50 {
        request(&bench, &format!("a{number}@example.org"), 0).unwrap();
    }
    assert_eq!(slug(request(&bench, "one-more@example.org", 1)), "too-many-failures");
    request(&bench, "one-more@example.org", 3_600).unwrap();
}

#[test]
fn only_so_many_requests_wait() {
    let settings = crate::holders::HolderSettings { most_requests: 2, ..Bench::settings() };
    let bench = Bench::over(crate::testing::MapStore::new(), settings, &Bench::pepper(1));
    request(&bench, "a@example.org", 0).unwrap();
    request(&bench, "b@example.org", 0).unwrap();
    assert_eq!(slug(request(&bench, "c@example.org", 0)), "busy");
    // The answer is the same for an address that has asked, or has an account.
    assert_eq!(slug(request(&bench, "a@example.org", 0)), "busy");
    let (other, _) = bench.register("known@example.org");
    assert_eq!(slug(request(&bench, "known@example.org", 0)), "busy");
    // One that an operator made frees no place.
    block_on(bench.holders.reject(other, "a mistake", operator(), at(1))).unwrap();
    assert_eq!(slug(request(&bench, "c@example.org", 1)), "busy");
    block_on(bench.holders.approve(RegistrationId::new(1), operator(), at(1))).unwrap();
    request(&bench, "c@example.org", 2).unwrap();
    assert_eq!(slug(request(&bench, "d@example.org", 2)), "busy");
    block_on(bench.holders.reject(RegistrationId::new(2), "no", operator(), at(3))).unwrap();
    request(&bench, "d@example.org", 4).unwrap();
}

#[test]
fn a_rejected_request_keeps_nothing_personal() {
    let bench = Bench::new();
    request(&bench, EMAIL, 0).unwrap();
    let id = RegistrationId::new(1);
    block_on(bench.holders.reject(id, "no such person", operator(), at(1))).unwrap();
    let view = bench.holders.registration(id).unwrap();
    assert_eq!(view.state, RegistrationState::Rejected);
    assert_eq!((view.name, view.email, view.phone, view.fiscal_code), (None, None, None, None));
    assert_eq!(view.reason.as_deref(), Some("no such person"));
    assert_eq!(bench.mails_to(EMAIL), ["registration-received", "registration-rejected"]);
    // The address may ask again.
    request(&bench, EMAIL, 2).unwrap();
    assert_eq!(state(&bench, 2), RegistrationState::Requested);
    // The operator's words stay for as long as a request would have waited.
    let reason = || bench.holders.registration(id).unwrap().reason;
    let tick = |at| block_on(bench.holders.expire_registrations(at)).unwrap();
    let month = 30 * 86_400;
    assert_eq!(tick(at(month)), 0);
    assert!(reason().is_some());
    assert_eq!(tick(at(month + 1)), 1);
    assert_eq!(reason(), None);
    assert_eq!(bench.holders.registration(id).unwrap().state, RegistrationState::Rejected);
}

#[test]
fn who_is_rejected_after_the_invitation_is_gone() {
    let bench = Bench::new();
    let (registration, holder) = bench.register(EMAIL);
    bench.invite(registration, 1);
    let token = bench.token(EMAIL);
    block_on(bench.holders.reject(registration, "a mistake", operator(), at(2))).unwrap();
    assert_eq!(bench.holders.holder(holder).unwrap().status, HolderStatus::Erased);
    assert_eq!(bench.history(holder), [""; 0]);
    let (word, subject) = bench.trail().pop().unwrap();
    assert_eq!((word.as_str(), subject.as_str()), ("registration-rejected", "holder h-1"));
    assert!(bench.holders.holder_by_user_id(EMAIL).unwrap().is_none());
    let outcome = block_on(bench.holders.set_first_password(&token, &TYPED, at(3)));
    assert_eq!(slug(outcome), "invalid-link");
    // Somebody else may have the address.
    bench.register(EMAIL);
}

#[test]
fn what_nobody_uses_expires() {
    let bench = Bench::new();
    request(&bench, "a@example.org", 0).unwrap();
    let (registration, holder) = bench.register("b@example.org");
    bench.invite(registration, 0);
    let (kept, _) = bench.register("c@example.org");

    let (week, month) = (7 * 86_400, 30 * 86_400);
    assert_eq!(block_on(bench.holders.expire_registrations(at(week - 1))).unwrap(), 0);
    assert_eq!(block_on(bench.holders.expire_registrations(at(week))).unwrap(), 1);
    assert_eq!(bench.holders.registration(registration).unwrap().state, RegistrationState::Expired);
    assert_eq!(bench.holders.holder(holder).unwrap().status, HolderStatus::Erased);
    assert_eq!(block_on(bench.holders.expire_registrations(at(month))).unwrap(), 1);
    assert_eq!(state(&bench, 1), RegistrationState::Expired);
    // One that an operator made and has not invited waits for as long as it takes.
    assert_eq!(bench.holders.registration(kept).unwrap().state, RegistrationState::Approved);
    assert_eq!(block_on(bench.holders.expire_registrations(at(10 * month))).unwrap(), 0);
}

#[test]
fn an_address_has_one_holder() {
    let bench = Bench::new();
    bench.register(EMAIL);
    let new = Bench::new_registration("ADA@Example.org");
    assert_eq!(slug(block_on(bench.holders.register(new, operator(), at(1)))), "email-taken");
    // Nothing of the refused one is left: numbers are given in order.
    assert_eq!(bench.register("b@example.org").0, RegistrationId::new(2));
}

#[test]
fn a_request_for_an_address_that_was_taken_meanwhile_is_not_approved() {
    let bench = Bench::new();
    request(&bench, EMAIL, 0).unwrap();
    bench.register(EMAIL);
    let outcome = block_on(bench.holders.approve(RegistrationId::new(1), operator(), at(1)));
    assert_eq!(slug(outcome), "email-taken");
    assert_eq!(state(&bench, 1), RegistrationState::Requested);
}

#[test]
fn a_second_invitation_ends_the_first() {
    let bench = Bench::new();
    let (registration, _) = bench.register(EMAIL);
    bench.invite(registration, 0);
    let first = bench.token(EMAIL);
    bench.invite(registration, 1);
    let outcome = block_on(bench.holders.set_first_password(&first, &TYPED, at(2)));
    assert_eq!(slug(outcome), "invalid-link");
    let token = bench.token(EMAIL);
    block_on(bench.holders.set_first_password(&token, &TYPED, at(2))).unwrap();
    // And it works once.
    let outcome = block_on(bench.holders.set_first_password(&token, &TYPED, at(3)));
    assert_eq!(slug(outcome), "invalid-link");
    let outcome =
        block_on(bench.holders.invite(registration, Invite::default(), operator(), at(4)));
    assert_eq!(slug(outcome), "wrong-state");
}

#[test]
fn an_invitation_ends_at_its_instant() {
    let bench = Bench::new();
    let (registration, _) = bench.register(EMAIL);
    bench.invite(registration, 0);
    let (token, week) = (bench.token(EMAIL), 7 * 86_400);
    assert!(bench.holders.link(&token, at(week - 1)).is_ok());
    let outcome = block_on(bench.holders.set_first_password(&token, &TYPED, at(week)));
    assert_eq!(slug(outcome), "invalid-link");
}

#[test]
fn the_envelope_opens_with_the_passphrase_and_goes_with_the_link() {
    let bench = Bench::new();
    let mut new = Bench::new_registration(EMAIL);
    new.passphrase = EnvelopePassphrase::FiscalCode;
    let (registration, holder) = block_on(bench.holders.register(new, operator(), at(0))).unwrap();
    let invitation = bench.holders.invitation(registration).unwrap();
    assert_eq!((invitation.holder, invitation.holder_name.as_str()), (holder, "Ada Rossi"));
    let attachment = Attachment {
        name: "envelope.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: b"%PDF".to_vec(),
    };
    let invite = Invite { envelope: Some(attachment), first_password: false };
    block_on(bench.holders.invite(registration, invite, operator(), at(1))).unwrap();
    let sent = bench.sent();
    assert!(matches!(sent[0].content.template, Template::EnvelopeReady { .. }));
    assert!(sent[0].record.secret);
    assert_eq!(sent[0].content.attachment.as_ref().unwrap().name, "envelope.pdf");
    // Once the holder has a password, the passphrase is forgotten.
    let token = bench.token(EMAIL);
    block_on(bench.holders.set_first_password(&token, &TYPED, at(2))).unwrap();
    assert!(bench.holders.invitation(registration).is_err());
    let read = bench.holders.transact(move |_, tx| registration::load(tx, registration));
    assert_eq!(block_on(read).unwrap().passphrase, None);
}

#[test]
fn what_comes_with_an_invitation_is_there_with_it_or_not_at_all() {
    let bench = Bench::new();
    let (registration, _) = bench.register(EMAIL);
    let before = bench.store.contents();
    let refuse = |_: &crate::holders::Inner, _: &mut dyn store::Transaction, _| {
        Err(crate::holders::HolderError::Busy)
    };
    let invite =
        bench.holders.invite_with(registration, Invite::default(), operator(), at(1), refuse);
    assert_eq!(slug(block_on(invite)), "busy");
    assert_eq!(bench.store.contents(), before);
}

#[test]
fn the_credential_is_there_with_the_invitation_and_ends_with_the_next() {
    let bench = Bench::new();
    let (registration, holder) = bench.register(EMAIL);
    let invite = |seconds| {
        let codes = envelope::Codes::generate(&mut TestRandom::new(seconds));
        let (invite, key) = (Invite::default(), SigningKeyKind::P256);
        let at = at(i64::try_from(seconds).unwrap());
        let holders = &bench.holders;
        block_on(holders.invite_with_credential(registration, &codes, key, invite, operator(), at))
    };
    let states = || {
        let views = bench.holders.credentials_of(holder, at(9)).unwrap();
        let mut states: Vec<_> = views.iter().map(|view| view.state.word()).collect();
        states.sort_unstable();
        states
    };
    invite(1).unwrap();
    assert_eq!(states(), ["awaiting-activation"]);
    invite(2).unwrap();
    assert_eq!(states(), ["awaiting-activation", "revoked"]);
    // A registration that ends takes its credentials with it.
    block_on(bench.holders.reject(registration, "a mistake", operator(), at(3))).unwrap();
    assert_eq!(states(), [""; 0]);
    let left = bench.store.contents();
    assert!(!left.keys().any(|(table, _)| [11, 12].contains(table)));
    assert_eq!(slug(invite(4)), "wrong-state");
}

#[test]
fn a_first_password_comes_by_short_message_and_has_to_be_replaced() {
    let bench = Bench::new();
    let (registration, holder) = bench.register(EMAIL);
    let invite = Invite { envelope: None, first_password: true };
    block_on(bench.holders.invite(registration, invite, operator(), at(0))).unwrap();
    let sent = bench.sent();
    let sms = sent.iter().find(|sent| sent.record.delivery == Delivery::Sms).unwrap();
    assert_eq!(sms.content.to, "+393471234567");
    let Template::FirstPassword { password, .. } = &sms.content.template else { panic!() };

    let login = bench.login(EMAIL, password, 10).unwrap();
    assert!(login.must_change_password);
    let change = |current: &str, seconds| {
        block_on(bench.holders.change_password(holder, current, &TYPED, HOME, at(seconds)))
    };
    assert!(change(password, 20).unwrap() > login.password_generation);
    assert!(!bench.login(EMAIL, RIGHT, 30).unwrap().must_change_password);
    assert_eq!(bench.holders.holder(holder).unwrap().status, HolderStatus::Active);
    assert_eq!(state(&bench, 1), RegistrationState::Active);
    // The link of the mail ends with it.
    let outcome = block_on(bench.holders.set_first_password(&bench.token(EMAIL), &TYPED, at(40)));
    assert_eq!(slug(outcome), "invalid-link");
}

#[test]
fn a_first_password_ends() {
    let bench = Bench::new();
    let (registration, _) = bench.register(EMAIL);
    let invite = Invite { envelope: None, first_password: true };
    block_on(bench.holders.invite(registration, invite, operator(), at(0))).unwrap();
    let sent = bench.sent();
    let Template::FirstPassword { password, .. } = &sent[1].content.template else { panic!() };
    bench.login(EMAIL, password, 7 * 86_400 - 1).unwrap();
    assert_eq!(slug(bench.login(EMAIL, password, 7 * 86_400)), "invalid-login");
}

#[test]
fn each_field_is_named_when_it_breaks_its_rule() {
    type Break = fn(&mut NewRegistration);
    let cases: [(&str, &str, Break); 11] = [
        ("given_name", "name", |new| new.given_name = "sign in at evil.example/x".to_owned()),
        ("surname", "name", |new| new.surname = "Rossi 2".to_owned()),
        ("given_name", "name", |new| new.given_name = " ".to_owned()),
        ("surname", "name", |new| new.surname = "Ro\u{7}ssi".to_owned()),
        ("fiscal_code", "fiscal-code", |new| new.fiscal_code = "RSSMRA85".to_owned()),
        ("fiscal_code", "fiscal-code-check-letter", |new| {
            new.fiscal_code = "RSSMRA85T10A562T".to_owned();
        }),
        ("birth_date", "birth-date", |new| {
            new.birth_date = chrono::NaiveDate::from_ymd_opt(2030, 1, 1);
        }),
        ("email", "email-address", |new| new.email = "ada@example".to_owned()),
        ("phone", "phone-number", |new| new.phone = "347 123 4567".to_owned()),
        ("passphrase", "passphrase", |new| {
            new.passphrase = EnvelopePassphrase::Own(zeroize::Zeroizing::new("short".to_owned()));
        }),
        ("given_name", "name", |new| new.given_name = "1234".to_owned()),
    ];
    let bench = Bench::new();
    for (field, rule, spoil) in cases {
        let mut new = Bench::new_registration(EMAIL);
        spoil(&mut new);
        let error = block_on(bench.holders.register(new, operator(), at(0))).unwrap_err();
        assert_eq!((error.field(), error.rule()), (Some(field), Some(rule)));
    }
    assert!(bench.store.contents().is_empty());
}

fn request_from(bench: &Bench, email: &str, from: &str) -> Result<(), crate::holders::HolderError> {
    let new = Bench::new_registration(email);
    block_on(bench.holders.request_registration(new, from.parse().unwrap(), at(10)))
}

/// Whoever invents addresses fills a share of the queue, and everybody else finds room for days.
#[test]
fn a_network_has_a_share_of_the_queue() {
    for (near, far) in [("10.1.1.", "10.1.2.1"), ("2001:db8:1:", "2001:db8:2::1")] {
        let settings = crate::holders::HolderSettings { most_requests: 60, ..Bench::settings() };
        let bench = Bench::over(crate::testing::MapStore::new(), settings, &Bench::pepper(1));
        bench.holder("taken@example.org");
        let host = |n: usize| match near.contains(':') {
            true => format!("{near}{n}::1"),
            false => format!("{near}{n}"),
        };
        for n in 0..20 {
            request_from(&bench, &format!("n{n}@example.org"), &host(n)).unwrap();
        }
        // The same for one that is new, one that waits and one that has an account.
        for email in ["new@example.org", "n1@example.org", "taken@example.org"] {
            assert_eq!(slug(request_from(&bench, email, &host(77))), "busy", "{email}");
            request_from(&bench, email, far).unwrap();
        }
        // On loopback is a proxy: nobody is known there.
        request_from(&bench, "proxy@example.org", "127.0.0.1").unwrap();
        // A decision makes room, whichever it is; and so does the end of the wait.
        let first = |id| RegistrationId::new(id);
        block_on(bench.holders.approve(first(2), operator(), at(11))).unwrap();
        block_on(bench.holders.reject(first(3), "no contract", operator(), at(11))).unwrap();
        for email in ["x@example.org", "y@example.org"] {
            request_from(&bench, email, &host(78)).unwrap();
        }
        assert_eq!(slug(request_from(&bench, "z@example.org", &host(79))), "busy");
        block_on(bench.holders.expire_registrations(at(31 * 86_400))).unwrap();
        request_from(&bench, "z@example.org", &host(80)).unwrap();
        let contents = bench.store.contents();
        let networks = contents.keys().filter(|(table, key)| {
            *table == crate::holders::tables::COUNTER.number() && key.len() == 19
        });
        assert_eq!(networks.count(), 1, "what waits no more is not counted any more");
    }
}
