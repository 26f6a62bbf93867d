//! Another phone number for a holder who lost the phone.

use super::phone::{
    DAY, NEW, OLD, begin, cancel, confirm, new_password, number, phone, short, tick,
};
use super::support::*;
use crate::holders::credential::{
    self, CredentialKind, Event, NewCredential, State, SuspensionCause,
};
use crate::holders::messages::Template;
use crate::holders::otp::OtpAsked;
use crate::holders::phone::PhoneState;
use crate::holders::sessions::{Access, AccessKind};
use crate::holders::tables::PHONE_CHANGE;
use crate::holders::{
    Actor, CredentialId, DeviceId, HolderError, HolderId, LinkPurpose, SigningKeyKind,
};
use crate::testing::{TestRandom, block_on};
use envelope::{Codes, EmergencyCode, Puk};

/// What stands behind the link that was mailed last.
fn cancel_token(bench: &Bench) -> String {
    let token = |sent: Sent| match sent.content.template {
        Template::PhoneChangeWaiting { token, .. } => Some(token),
        _ => None,
    };
    bench.sent().into_iter().filter_map(token).next_back().unwrap()
}

/// A holder with an active credential, and what stands in its envelope.
struct Envelope {
    bench: Bench,
    id: HolderId,
    credential: CredentialId,
    codes: Codes,
    access: Access,
}

impl Envelope {
    fn new() -> Self {
        let bench = Bench::new();
        let id = bench.holder(EMAIL);
        let codes = Codes::generate(&mut TestRandom::new(5));
        let (kind, key_kind) = (CredentialKind::Remote, SigningKeyKind::P256);
        let new = NewCredential { holder: id, kind, key_kind };
        let made = bench.holders.create_credential(new, &codes, operator(), at(2));
        let credential = block_on(made).unwrap();
        let access = bench.logged_in(EMAIL, 3);
        let envelope = Self { bench, id, credential, codes, access };
        envelope.turn(Event::Activate { not_after: at(1_000 * DAY).timestamp_millis() });
        envelope
    }

    fn turn(&self, event: Event) {
        let id = self.credential;
        let turn = self.bench.holders.transact(move |_, tx| {
            let mut record = credential::load(tx, id)?;
            record.life = record.life.apply(event, at(3))?;
            credential::save(tx, id, &record)
        });
        block_on(turn).unwrap();
    }

    fn puk(&self) -> Puk {
        Puk::parse(self.codes.puk.expose()).unwrap()
    }

    fn emergency(&self) -> EmergencyCode {
        EmergencyCode::parse(self.codes.emergency_code.expose()).unwrap()
    }

    fn lost(&self, codes: (Puk, EmergencyCode), s: i64) -> Result<OtpAsked, HolderError> {
        self.lost_with(&self.access, codes, s)
    }

    fn lost_with(
        &self,
        access: &Access,
        codes: (Puk, EmergencyCode),
        s: i64,
    ) -> Result<OtpAsked, HolderError> {
        let new = number(NEW);
        block_on(self.bench.holders.begin_lost_phone(access, self.credential, &new, codes, at(s)))
    }

    fn state(&self) -> State {
        self.bench.holders.credential(self.id, self.credential, at(20)).unwrap().state
    }

    /// A change that waits since second 11.
    fn waiting() -> Self {
        let envelope = Self::new();
        envelope.lost((envelope.puk(), envelope.emergency()), 10).unwrap();
        let state = confirm(&envelope.bench, &envelope.access, NEW, 11).unwrap();
        assert_eq!(state, PhoneState::Waiting);
        envelope
    }
}

fn wrong_puk() -> Puk {
    Puk::parse(Codes::generate(&mut TestRandom::new(6)).puk.expose()).unwrap()
}

fn wrong_emergency() -> EmergencyCode {
    let codes = Codes::generate(&mut TestRandom::new(6));
    EmergencyCode::parse(codes.emergency_code.expose()).unwrap()
}

#[test]
fn only_a_full_session_begins_and_confirms() {
    let envelope = Envelope::new();
    let (bench, full) = (&envelope.bench, envelope.access.clone());
    let limited = Access { limited: true, ..full.clone() };
    let first = Access { must_change_password: true, ..full.clone() };
    let device = AccessKind::Device(DeviceId::new([1; 16]));
    let device = Access { what: device, ..full.clone() };
    let codes = || (envelope.puk(), envelope.emergency());
    for (access, refusal) in [
        (&limited, "step-up-needed"),
        (&first, "password-change-needed"),
        (&device, "session-needed"),
    ] {
        assert_eq!(slug(begin(bench, access, NEW, 10)), refusal);
        assert_eq!(slug(confirm(bench, access, NEW, 10)), refusal);
        assert_eq!(slug(envelope.lost_with(access, codes(), 10)), refusal);
    }
    // Cancelling is everybody's: of this holder.
    begin(bench, &full, NEW, 11).unwrap();
    cancel(bench, &limited, 12).unwrap();
    begin(bench, &full, NEW, 50).unwrap();
    cancel(bench, &device, 51).unwrap();
    bench.holder("other@example.org");
    begin(bench, &full, NEW, 90).unwrap();
    let stranger = bench.logged_in("other@example.org", 91);
    assert_eq!(slug(cancel(bench, &stranger, 92)), "no-phone-change");
}

#[test]
fn without_the_old_number_a_new_one_waits_and_everybody_is_told() {
    let envelope = Envelope::new();
    let (bench, id) = (&envelope.bench, envelope.id);
    let notices = crate::holders::Email::parse("address", "notices@example.org").unwrap();
    let set = bench.holders.transact(move |_, tx| {
        let mut record = crate::holders::holder::load(tx, id)?;
        record.notice_email = Some(notices.as_str().to_owned());
        crate::holders::holder::save(tx, id, &record);
        Ok(())
    });
    block_on(set).unwrap();
    envelope.lost((envelope.puk(), envelope.emergency()), 10).unwrap();
    assert_eq!((short(bench, NEW), short(bench, OLD)), (vec!["otp"], vec![]));
    assert_eq!(confirm(bench, &envelope.access, NEW, 20).unwrap(), PhoneState::Waiting);
    let end = 20 + 3 * DAY;
    let view = bench.holders.phone_change(id, at(21)).unwrap().unwrap();
    assert_eq!((view.state, view.counts_at), (PhoneState::Waiting, Some(at(end))));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"phone-change-waiting"));
    assert_eq!(bench.mails_to("notices@example.org"), ["phone-change-waiting"]);
    assert_eq!(short(bench, OLD), ["phone-change-requested"]);
    assert_eq!(bench.history(id).last(), Some(&"phone-number-proved"));
    assert_eq!(phone(bench, id), OLD);
    // Nothing hurries it.
    assert_eq!(slug(confirm(bench, &envelope.access, NEW, 22)), "wrong-state");
    assert_eq!(tick(bench, end - 1), 0);
    assert_eq!(phone(bench, id), OLD);
    assert_eq!((tick(bench, end), tick(bench, end)), (1, 0));
    assert_eq!(phone(bench, id), NEW);
    assert_eq!(short(bench, OLD), ["phone-change-requested", "phone-changed"]);
    assert_eq!(bench.mails_to("notices@example.org").last(), Some(&"phone-changed"));
    let page = bench.holders.history(id, &Default::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!((last.kind.word(), last.actor.as_str()), ("phone-changed", "service"));
    // And the link of the mail cancels nothing any more.
    let token = cancel_token(bench);
    let late = bench.holders.cancel_phone_change_with_link(&token, at(end + 1));
    assert_eq!(slug(block_on(late)), "invalid-link");
}

/// Who lost the phone lost the app on it: it goes when the new number counts, and not before.
#[test]
fn an_app_goes_with_the_lost_phone() {
    let envelope = Envelope::waiting();
    let (bench, id) = (&envelope.bench, envelope.id);
    let enrolled = bench.holders.transact(move |_, tx| {
        let mut record = crate::holders::holder::load(tx, id)?;
        record.totp = true;
        crate::holders::holder::save(tx, id, &record);
        Ok(())
    });
    block_on(enrolled).unwrap();
    let end = 11 + 3 * DAY;
    assert_eq!(tick(bench, end - 1), 0);
    assert!(bench.holders.holder(id).unwrap().totp);
    assert_eq!(tick(bench, end), 1);
    assert!(!bench.holders.holder(id).unwrap().totp);
    assert!(bench.history(id).ends_with(&["totp-removed", "phone-changed"]));
    assert!(bench.mails_to(EMAIL).ends_with(&["otp-method-changed", "phone-changed"]));
}

#[test]
fn one_that_waits_is_cancelled_by_a_session_or_by_the_link() {
    let envelope = Envelope::waiting();
    let (bench, id) = (&envelope.bench, envelope.id);
    let token = cancel_token(bench);
    let link = bench.holders.link(&token, at(12)).unwrap();
    assert_eq!((link.purpose, link.holder), (LinkPurpose::CancelPhoneChange, id));
    // Another begins only after it.
    assert_eq!(slug(begin(bench, &envelope.access, "+393330001112", 13)), "wrong-state");
    let other = bench.holders.confirm_address(&token, at(13));
    assert_eq!(slug(block_on(other)), "invalid-link");
    let cancelled = bench.holders.cancel_phone_change_with_link(&token, at(14));
    assert_eq!(block_on(cancelled).unwrap(), id);
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"phone-change-cancelled"));
    let again = bench.holders.cancel_phone_change_with_link(&token, at(15));
    assert_eq!(slug(block_on(again)), "invalid-link");
    assert_eq!(tick(bench, 4 * DAY), 0);
    assert_eq!(phone(bench, id), OLD);

    let envelope = Envelope::waiting();
    let token = cancel_token(&envelope.bench);
    cancel(&envelope.bench, &envelope.access, 12).unwrap();
    let late = envelope.bench.holders.cancel_phone_change_with_link(&token, at(13));
    assert_eq!(slug(block_on(late)), "invalid-link");
    assert_eq!(tick(&envelope.bench, 4 * DAY), 0);
}

#[test]
fn a_wrong_pair_does_not_tell_which_one_was_wrong() {
    let envelope = Envelope::new();
    let pairs = [
        (wrong_puk(), envelope.emergency()),
        (envelope.puk(), wrong_emergency()),
        (wrong_puk(), wrong_emergency()),
    ];
    let mut left = 5;
    for pair in pairs {
        left -= 1;
        let error = envelope.lost(pair, 10).unwrap_err();
        assert_eq!((error.slug(), error.field()), ("wrong-puk-or-emergency-code", None));
        assert!(error.to_string().ends_with(&format!("left today: {left}")), "{error}");
        assert_eq!(envelope.bench.history(envelope.id).last(), Some(&"lost-phone-failed"));
    }
    assert!(envelope.bench.holders.phone_change(envelope.id, at(11)).unwrap().is_none());
    assert!(short(&envelope.bench, NEW).is_empty());
}

/// Numbers that are typed wrong again and again, with the right codes.
#[test]
fn right_pairs_are_not_counted() {
    let envelope = Envelope::new();
    for s in 0..8 {
        envelope.lost((envelope.puk(), envelope.emergency()), 10 + s).unwrap();
    }
    let error = envelope.lost((wrong_puk(), wrong_emergency()), 30).unwrap_err();
    assert!(error.to_string().ends_with("left today: 4"), "{error}");
}

/// Who has the password alone must not end a signing key: nothing but the password was asked for.
#[test]
fn wrong_pairs_are_slowed_and_end_nothing() {
    let envelope = Envelope::new();
    for day in 0..3 {
        for _ in 0..5 {
            let outcome = envelope.lost((wrong_puk(), wrong_emergency()), 10 + day * DAY);
            assert_eq!(slug(outcome), "wrong-puk-or-emergency-code");
        }
        let right = envelope.lost((envelope.puk(), envelope.emergency()), 11 + day * DAY);
        assert!(matches!(right, Err(HolderError::Slowed { .. })), "{right:?}");
    }
    assert_eq!(envelope.state(), State::Active);
    let told = envelope.bench.mails_to(EMAIL);
    assert_eq!(told.iter().filter(|kind| **kind == "lost-phone-failed").count(), 15);
    // The tries of the PUK are others.
    let tries = envelope.bench.holders.transact({
        let id = envelope.credential;
        move |_, tx| Ok(credential::load(tx, id)?.puk_tries)
    });
    assert_eq!(block_on(tries).unwrap(), 0);
    envelope.lost((envelope.puk(), envelope.emergency()), 12 + 3 * DAY).unwrap();
}

/// Counted before anything is compared: pairs side by side cannot outrun the count.
#[test]
fn pairs_side_by_side_are_all_counted() {
    let envelope = Envelope::new();
    let (holders, new) = (&envelope.bench.holders, number(NEW));
    let tries = (0..9).map(|_| {
        let codes = (wrong_puk(), envelope.emergency());
        holders.begin_lost_phone(&envelope.access, envelope.credential, &new, codes, at(10))
    });
    let outcomes = block_on(futures_util::future::join_all(tries));
    let wrong = outcomes.iter().filter(|outcome| {
        outcome.as_ref().is_err_and(|error| error.slug() == "wrong-puk-or-emergency-code")
    });
    assert_eq!(wrong.count(), 5);
    assert_eq!(envelope.state(), State::Active);
}

/// Whoever guesses at the public page keeps nobody from this one.
#[test]
fn strangers_guesses_do_not_close_the_way_of_a_lost_phone() {
    let envelope = Envelope::new();
    let issuer = credential::tests::support::Issuer::default();
    for caller in 1..=30 {
        let from = std::net::Ipv4Addr::new(192, 0, 2, caller).into();
        let holders = &envelope.bench.holders;
        let tried = holders.suspend_by_code(EMAIL, wrong_emergency(), from, &issuer, at(10));
        assert_eq!(slug(block_on(tried)), "wrong-emergency-code");
    }
    envelope.lost((envelope.puk(), envelope.emergency()), 11).unwrap();
}

#[test]
fn a_doomed_request_costs_no_try() {
    let envelope = Envelope::waiting();
    for second in 20..40 {
        let outcome = envelope.lost((wrong_puk(), wrong_emergency()), second);
        assert_eq!(slug(outcome), "wrong-state");
    }
    assert_eq!(envelope.state(), State::Active);
}

#[test]
fn a_suspended_credential_vouches_too() {
    let envelope = Envelope::new();
    envelope.turn(Event::Suspend { until: None, cause: SuspensionCause::EmergencyCode });
    envelope.lost((envelope.puk(), envelope.emergency()), 10).unwrap();
    let other = envelope.bench.holder("other@example.org");
    assert_ne!(other, envelope.id);
    let stranger = envelope.bench.logged_in("other@example.org", 11);
    let outcome = envelope.lost_with(&stranger, (envelope.puk(), envelope.emergency()), 12);
    assert_eq!(slug(outcome), "unknown-credential");
}

#[test]
fn a_block_and_a_closing_take_a_change_away() {
    let envelope = Envelope::waiting();
    let (bench, id) = (&envelope.bench, envelope.id);
    block_on(bench.holders.block(id, "lost phone", operator(), at(12))).unwrap();
    block_on(bench.holders.unblock(id, "found", operator(), at(13))).unwrap();
    assert_eq!((tick(bench, 4 * DAY), phone(bench, id)), (0, OLD.to_owned()));
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    begin(&bench, &access, NEW, 10).unwrap();
    block_on(bench.holders.close(id, "asked for", operator(), at(12))).unwrap();
    let rows = bench.store.contents();
    assert!(!rows.keys().any(|(table, _)| *table == PHONE_CHANGE.number()));
}

#[test]
fn a_change_outlives_a_restart_and_stands_in_the_export() {
    let envelope = Envelope::waiting();
    let export = envelope.bench.holders.export_personal_data(envelope.id, Actor::Service, at(12));
    let data = document(block_on(export).unwrap());
    let change = &data["phone_change"];
    assert_eq!((&change["number"], &change["state"]), (&NEW.into(), &"waiting".into()));
    let bench = envelope.bench.reopened();
    assert_eq!(tick(&bench, 4 * DAY), 1);
    assert_eq!(phone(&bench, envelope.id), NEW);
}

/// PUK and emergency code are more than a password: whoever loses the phone and sets a new password
/// during the while does not begin again, whether the new number is proved or not.
#[test]
fn a_new_password_leaves_what_the_envelope_vouched_for() {
    for recovered in [false, true] {
        let envelope = Envelope::waiting();
        let (bench, id) = (&envelope.bench, envelope.id);
        new_password(bench, &envelope.access, recovered, 12);
        let change = bench.holders.phone_change(id, at(13)).unwrap().unwrap();
        assert_eq!(change.state, PhoneState::Waiting);
        let link = bench.holders.link(&cancel_token(bench), at(14)).unwrap();
        assert_eq!(link.purpose, LinkPurpose::CancelPhoneChange);
        assert_eq!((tick(bench, 4 * DAY), phone(bench, id)), (1, NEW.to_owned()));

        let envelope = Envelope::new();
        envelope.lost((envelope.puk(), envelope.emergency()), 10).unwrap();
        new_password(&envelope.bench, &envelope.access, recovered, 12);
        assert_eq!(
            confirm(&envelope.bench, &envelope.access, NEW, 13).unwrap(),
            PhoneState::Waiting
        );
    }
}
