//! Authenticator apps: enrolled, asked, never twice with one code, and taken away.

use super::otp::{other_than, refused};
use super::phone::{NEW, begin_with, number};
use super::support::*;
use crate::holders::otp::{Change, OtpChannel, OtpRefusal, OtpRequest, Purpose};
use crate::holders::phone::phone_bound;
use crate::holders::tables::TOTP;
use crate::holders::{HolderId, HolderView, PhoneNumber};
use crate::testing::block_on;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// An app on a telephone: written from RFC 6238 once more, on the other side.
struct App {
    secret: Vec<u8>,
}

impl App {
    fn scan(uri: &str) -> Self {
        let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
        let (mut secret_bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
        for letter in secret.bytes() {
            let place = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|l| *l == letter);
            bits = (bits << 5) | u32::try_from(place.unwrap()).unwrap();
            count += 5;
            if count >= 8 {
                count -= 8;
                secret_bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
            }
        }
        assert_eq!(secret_bytes.len(), 20);
        Self { secret: secret_bytes }
    }

    fn shows(&self, seconds: i64) -> String {
        let step = u64::try_from(at(seconds).timestamp() / 30).unwrap();
        let key = PKey::hmac(&self.secret).unwrap();
        let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
        let mac = signer.sign_oneshot_to_vec(&step.to_be_bytes()).unwrap();
        let place = usize::from(mac[19] & 15);
        let bits = u32::from_be_bytes(mac[place..place + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", bits % 1_000_000)
    }
}

impl Bench {
    fn enrol(&self, id: HolderId, s: i64) -> App {
        let proof = self.proof(id, Purpose::ChangeOtpMethod, Change::Set.bound());
        let begun = block_on(self.holders.begin_totp(id, proof, at(s))).unwrap();
        assert!(begun.uri.contains(&*begun.secret));
        assert_eq!(begun.ends_at, at(s + 600));
        App::scan(&begun.uri)
    }

    /// A holder with an app; the code of instant 60 is used.
    fn with_app(&self) -> (HolderId, App) {
        let id = self.holder(EMAIL);
        let app = self.enrol(id, 60);
        block_on(self.holders.confirm_totp(id, &app.shows(60), at(60))).unwrap();
        (id, app)
    }

    fn view(&self, id: HolderId) -> HolderView {
        self.holders.holder(id).unwrap()
    }
}

#[test]
fn an_app_counts_when_its_first_code_came() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let app = bench.enrol(id, 60);
    assert!(!bench.view(id).totp);
    assert_eq!(bench.ask(id, Purpose::StepUp, 61).unwrap().channel, OtpChannel::Sms);
    block_on(bench.holders.confirm_totp(id, &app.shows(62), at(62))).unwrap();
    assert!(bench.view(id).totp && bench.reopened().view(id).totp);
    assert!(bench.history(id).ends_with(&["otp-sent", "totp-enrolled"]));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"otp-method-changed"));
}

#[test]
fn a_code_of_the_app_is_taken_and_nothing_is_sent() {
    let bench = Bench::new();
    let (id, app) = bench.with_app();
    let asked = bench.ask(id, Purpose::StepUp, 120).unwrap();
    assert_eq!((asked.channel, asked.to.clone()), (OtpChannel::Authenticator, None));
    assert_eq!((asked.resend_at, asked.tries_left), (None, 3));
    assert!(bench.codes().is_empty());
    assert_eq!(refused(bench.again(id, &asked, 160)), OtpRefusal::InApp);
    let proof = bench.try_code(id, &asked, &app.shows(121), 121).unwrap();
    assert_eq!(proof.operation(), asked.operation);
    assert_eq!(refused(bench.try_code(id, &asked, &app.shows(121), 122)), OtpRefusal::Void);
}

/// RFC 6238 §5.2: a code is taken once, whichever operation it is typed for.
#[test]
fn a_step_is_taken_once_and_no_step_before_it() {
    let bench = Bench::new();
    let (id, app) = bench.with_app();
    let wrong = OtpRefusal::Wrong { left: 2 };
    // That of the enrolment itself.
    let asked = bench.ask(id, Purpose::StepUp, 61).unwrap();
    assert_eq!(refused(bench.try_code(id, &asked, &app.shows(60), 62)), wrong);
    assert!(bench.try_code(id, &asked, &app.shows(120), 120).is_ok());
    let asked = bench.ask(id, Purpose::Sign, 121).unwrap();
    assert_eq!(refused(bench.reopened().try_code(id, &asked, &app.shows(120), 122)), wrong);
    assert_eq!(refused(bench.try_code(id, &asked, &app.shows(120), 122)), wrong);
    assert_eq!(
        refused(bench.try_code(id, &asked, &app.shows(90), 123)),
        OtpRefusal::Wrong { left: 1 }
    );
    assert!(bench.try_code(id, &asked, &app.shows(150), 124).is_ok());
}

#[test]
fn a_clock_may_be_off_by_a_step_and_no_more() {
    for (off, right) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
        let bench = Bench::new();
        let (id, app) = bench.with_app();
        let asked = bench.ask(id, Purpose::StepUp, 600).unwrap();
        let outcome = bench.try_code(id, &asked, &app.shows(600 + off), 600);
        assert_eq!(outcome.is_ok(), right, "{off} s");
    }
}

#[test]
fn tries_of_an_app_are_three_as_well() {
    let bench = Bench::new();
    let (id, app) = bench.with_app();
    let asked = bench.ask(id, Purpose::StepUp, 120).unwrap();
    let wrong = other_than(&app.shows(120));
    for _ in 0..2 {
        refused(bench.try_code(id, &asked, wrong, 120));
    }
    assert_eq!(refused(bench.try_code(id, &asked, wrong, 120)), OtpRefusal::Spent);
    assert_eq!(refused(bench.try_code(id, &asked, &app.shows(120), 121)), OtpRefusal::Spent);
    assert_eq!(refused(bench.again(id, &asked, 160)), OtpRefusal::InApp);
}

#[test]
fn no_message_walks_around_the_app() {
    let bench = Bench::new();
    let (id, _) = bench.with_app();
    let sent = bench.sent().len();
    let channel = Some(OtpChannel::Sms);
    for purpose in [Purpose::StepUp, Purpose::Sign, Purpose::ChangeOtpMethod] {
        let request = OtpRequest { channel, ..OtpRequest::new(purpose, [7; 32]) };
        let asked = block_on(bench.holders.begin_otp(id, request, at(120)));
        assert_eq!(refused(asked), OtpRefusal::InApp, "{purpose:?}");
    }
    block_on(bench.holders.request_recovery(EMAIL, HOME, at(121))).unwrap();
    let token = bench.token(EMAIL);
    let asked = block_on(bench.holders.begin_recovery_otp(&token, channel, at(122)));
    assert_eq!(refused(asked), OtpRefusal::InApp);
    assert_eq!(bench.sent().len(), sent + 1, "the link, and no code");
}

#[test]
fn the_old_number_is_asked_by_message_whatever_there_is() {
    let bench = Bench::new();
    let (id, _) = bench.with_app();
    let request = OtpRequest {
        channel: Some(OtpChannel::Authenticator),
        ..OtpRequest::new(Purpose::ChangePhone, [7; 32])
    };
    let asked = block_on(bench.holders.begin_otp(id, request, at(120))).unwrap();
    assert_eq!((asked.channel, asked.to.as_deref()), (OtpChannel::Sms, Some("+39 … 67")));
}

#[test]
fn a_new_number_is_asked_by_message_whatever_there_is() {
    let bench = Bench::new();
    let (id, _) = bench.with_app();
    let asked = block_on(bench.holders.transact(move |inner, tx| {
        let number = PhoneNumber::parse("number", "+44 20 7946 0018")?;
        let request = OtpRequest::new(Purpose::ProvePhone, [7; 32]);
        crate::holders::otp::begin_to_number(inner, tx, id, &number, request, at(120))
    }))
    .unwrap();
    assert_eq!(asked.to.as_deref(), Some("+44 … 18"));
    assert_eq!(bench.sent().last().unwrap().content.to, "+442079460018");
    // And again to the same.
    bench.again(id, &asked, 150).unwrap();
    assert_eq!(bench.sent().last().unwrap().content.to, "+442079460018");
    assert!(bench.try_code(id, &asked, &bench.newest_code(), 151).is_ok());
}

#[test]
fn without_an_app_its_code_cannot_be_asked_for() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let request = OtpRequest {
        channel: Some(OtpChannel::Authenticator),
        ..OtpRequest::new(Purpose::StepUp, [7; 32])
    };
    let asked = block_on(bench.holders.begin_otp(id, request, at(10)));
    assert_eq!(refused(asked), OtpRefusal::NoAuthenticator);
    let removed = block_on(bench.holders.remove_totp(
        id,
        bench.proof(id, Purpose::ChangeOtpMethod, Change::Remove.bound()),
        at(10),
    ));
    assert_eq!(refused(removed), OtpRefusal::NoAuthenticator);
    let confirmed = block_on(bench.holders.confirm_totp(id, "123456", at(10)));
    assert_eq!(refused(confirmed), OtpRefusal::NoAuthenticator);
}

#[test]
fn an_enrolment_ends_after_ten_minutes_or_five_wrong_codes() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let app = bench.enrol(id, 60);
    let confirm = |code: &str, s| refused(block_on(bench.holders.confirm_totp(id, code, at(s))));
    assert_eq!(confirm(&app.shows(660), 660), OtpRefusal::EnrolmentEnded);
    let app = bench.enrol(id, 700);
    let wrong = other_than(&app.shows(700));
    for left in [4, 3, 2, 1] {
        assert_eq!(confirm(wrong, 700), OtpRefusal::Wrong { left });
    }
    assert_eq!(confirm(wrong, 700), OtpRefusal::EnrolmentEnded);
    assert_eq!(confirm(&app.shows(700), 701), OtpRefusal::EnrolmentEnded);
    assert!(!bench.view(id).totp);
}

#[test]
fn a_new_app_takes_the_place_of_the_old_one() {
    let bench = Bench::new();
    let (id, old) = bench.with_app();
    let new = bench.enrol(id, 100);
    let asked = bench.ask(id, Purpose::StepUp, 120).unwrap();
    // Until it is confirmed the old one counts.
    assert!(bench.try_code(id, &asked, &old.shows(120), 120).is_ok());
    block_on(bench.holders.confirm_totp(id, &new.shows(180), at(180))).unwrap();
    let asked = bench.ask(id, Purpose::StepUp, 240).unwrap();
    assert!(bench.try_code(id, &asked, &old.shows(240), 240).is_err());
    assert!(bench.try_code(id, &asked, &new.shows(240), 240).is_ok());
}

#[test]
fn without_the_app_codes_are_sent_again() {
    let bench = Bench::new();
    let (id, app) = bench.with_app();
    let waiting = bench.ask(id, Purpose::StepUp, 100).unwrap();
    let proof = bench.proof(id, Purpose::ChangeOtpMethod, Change::Remove.bound());
    block_on(bench.holders.remove_totp(id, proof, at(110))).unwrap();
    assert!(!bench.view(id).totp);
    assert!(bench.history(id).ends_with(&["totp-removed"]));
    let late = bench.try_code(id, &waiting, &app.shows(120), 120);
    assert_eq!(refused(late), OtpRefusal::Unknown);
    assert_eq!(bench.ask(id, Purpose::StepUp, 130).unwrap().channel, OtpChannel::Sms);
    assert!(bench.store.contents().keys().all(|(table, _)| *table != TOTP.number()));
}

#[test]
fn both_changes_take_the_right_code() {
    let bench = Bench::new();
    let (id, _) = bench.with_app();
    for proof in [
        bench.proof(id, Purpose::StepUp, Change::Remove.bound()),
        bench.proof(id, Purpose::ChangeOtpMethod, [7; 32]),
        bench.proof(id, Purpose::ChangeOtpMethod, Change::Set.bound()),
        bench.proof(HolderId::new(99), Purpose::ChangeOtpMethod, Change::Remove.bound()),
    ] {
        let outcome = block_on(bench.holders.remove_totp(id, proof, at(100)));
        assert_eq!(slug(outcome), "otp-for-other-operation");
    }
    for proof in [
        bench.proof(id, Purpose::StepUp, Change::Set.bound()),
        bench.proof(id, Purpose::ChangeOtpMethod, Change::Remove.bound()),
    ] {
        let outcome = block_on(bench.holders.begin_totp(id, proof, at(100)));
        assert_eq!(slug(outcome), "otp-for-other-operation");
    }
}

#[test]
fn a_secret_is_not_in_the_store_as_it_is() {
    let bench = Bench::new();
    let (_, app) = bench.with_app();
    for ((table, key), value) in bench.store.contents() {
        for row in [&key, &value] {
            assert!(!row.windows(20).any(|part| part == app.secret), "table {table}");
        }
    }
}

#[test]
fn a_closed_account_has_no_app_and_no_codes() {
    let bench = Bench::new();
    let (id, _) = bench.with_app();
    bench.enrol(id, 100);
    bench.ask(id, Purpose::StepUp, 120).unwrap();
    block_on(bench.holders.close(id, "a reason", operator(), at(130))).unwrap();
    let left = bench.store.contents();
    assert!(left.keys().all(|(table, _)| !matches!(table, 14 | 22)));
}

/// A number that was taken over by fraud receives its code, and has no app.
#[test]
fn with_an_app_another_number_needs_both_codes() {
    let bench = Bench::new();
    let (id, app) = bench.with_app();
    let access = bench.logged_in(EMAIL, 61);
    let new = number(NEW);
    let bound = phone_bound(&new);
    let by_number = || bench.proof(id, Purpose::ChangePhone, bound);
    let begun = begin_with(&bench, &access, &new, (by_number(), None), 70);
    assert_eq!(slug(begun), "otp-for-other-operation");
    let other = phone_bound(&number("+393330001112"));
    for wrong in [
        bench.proof(id, Purpose::ChangePhone, bound),
        bench.proof(id, Purpose::ChangePhoneApp, other),
        bench.proof(HolderId::new(9), Purpose::ChangePhoneApp, bound),
    ] {
        let begun = begin_with(&bench, &access, &new, (by_number(), Some(wrong)), 71);
        assert_eq!(slug(begun), "otp-for-other-operation");
    }
    // The whole way: it comes by the app, whatever is asked for, and not without one.
    let request = OtpRequest {
        channel: Some(OtpChannel::Sms),
        ..OtpRequest::new(Purpose::ChangePhoneApp, bound)
    };
    let asked = block_on(bench.holders.begin_otp(id, request, at(100))).unwrap();
    assert_eq!(asked.channel, OtpChannel::Authenticator);
    let (purpose, code) = (Purpose::ChangePhoneApp, app.shows(100));
    let typed = bench.holders.verify_otp(id, asked.operation, &code, purpose, bound, at(100));
    let by_app = block_on(typed).unwrap();
    begin_with(&bench, &access, &new, (by_number(), Some(by_app)), 101).unwrap();
    let bea = bench.holder("bea@example.org");
    let refusal = block_on(bench.holders.begin_otp(bea, request, at(102))).unwrap_err();
    assert_eq!(refusal.slug(), "no-authenticator");
}
