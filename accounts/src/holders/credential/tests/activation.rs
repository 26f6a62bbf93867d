//! From the envelope to a key: what is asked for, and what a failure at each point leaves.

use super::support::*;
use crate::holders::credential::*;
use crate::holders::history::HistoryKind;
use crate::holders::otp::{OtpVerified, Purpose};
use crate::holders::pin::{CodeRefusal, NewPin};
use crate::holders::tables::SIGNING_CREDENTIAL;
use crate::holders::{
    CredentialId, HolderError, HolderId, Inner, KeyPair, OperationId, SigningKeyKind,
};
use crate::testing::block_on;
use chrono::{DateTime, Utc};
use envelope::{Pin, PinRefused, Puk};
use openssl::pkey::PKey;
use std::sync::atomic::Ordering;
use store::{StoreError, Transaction};

fn code(result: Result<(), HolderError>) -> CodeRefusal {
    match result {
        Err(HolderError::Code(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_activated_credential_has_a_key_that_only_the_new_pin_opens() {
    let bench = Bench::waiting();
    assert_eq!(bench.state(), State::AwaitingActivation);
    bench.activate(NEW_PIN).unwrap();
    let view = bench.view();
    assert_eq!(view.state, State::Active);
    assert_eq!(view.serial.as_deref(), Some("01"));
    let unlocked = bench.try_pin(NEW_PIN).unwrap();
    assert_eq!((unlocked.holder(), unlocked.credential()), (HOLDER, bench.id));
    assert_eq!(unlocked.epoch(), view.epoch);
    // It is the key of the certificate.
    let request = &bench.issuer.requests.lock()[0];
    let public = PKey::public_key_from_der(&request.public_key).unwrap();
    assert_eq!(unlocked.into_key().public_key().unwrap(), public.public_key_to_der().unwrap());
    assert_eq!((request.given_name.as_str(), request.email.as_str()), ("Ada", USER));
    let old = bench.codes.pin.as_ref().unwrap().expose();
    assert!(matches!(
        bench.try_pin(old),
        Err(HolderError::Code(CodeRefusal::WrongPin { left: 4 }))
    ));
    assert!(bench.history().contains(&HistoryKind::CredentialActivated));
    assert_eq!(bench.messages(), ["credential-activated"]);
}

#[test]
fn nothing_of_a_key_is_stored_in_clear() {
    let bench = Bench::active();
    let KeyPair::Software(key) = bench.try_pin(NEW_PIN).unwrap().into_key() else { panic!() };
    let scalar = key.ec_key().unwrap().private_key().to_vec();
    let codes = [
        NEW_PIN.as_bytes(),
        bench.codes.puk.expose().as_bytes(),
        bench.codes.emergency_code.expose().as_bytes(),
    ];
    for value in bench.store.journal().into_iter().flatten().filter_map(|(_, _, value)| value) {
        for secret in codes.iter().copied().chain([scalar.as_slice()]) {
            assert!(!value.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[test]
fn wrong_codes_do_not_say_which_and_the_fifth_ends_the_credential() {
    let bench = Bench::waiting();
    let wrong_pin = || (Pin::parse("31415926").unwrap(), bench.puk());
    let wrong_puk = || (bench.envelope_pin(), Puk::parse("3141592653").unwrap());
    for left in [4, 3] {
        let refused = code(bench.activate_with(wrong_pin(), NEW_PIN));
        assert_eq!(refused, CodeRefusal::WrongCodes { left });
    }
    for left in [2, 1] {
        let refused = code(bench.activate_with(wrong_puk(), NEW_PIN));
        assert_eq!(refused, CodeRefusal::WrongCodes { left });
    }
    let refused = code(bench.activate_with(wrong_puk(), NEW_PIN));
    assert_eq!(refused, CodeRefusal::CodesExhausted);
    let cause = RevocationCause::CodesExhausted;
    assert_eq!(bench.state(), State::Revoked { cause });
    // The right ones come too late.
    assert!(matches!(bench.activate(NEW_PIN), Err(HolderError::IllegalTransition { .. })));
    assert_eq!(bench.messages(), ["puk-exhausted"]);
    assert!(bench.issuer.requests.lock().is_empty());
}

#[test]
fn the_rules_of_the_new_pin_are_asked_before_a_try_is_counted() {
    let bench = Bench::waiting();
    for (pin, rule) in [
        ("1234567", PinRefused::NotEightDigits),
        ("11112222", PinRefused::RepeatedDigits),
        ("12345678", PinRefused::Run),
        ("27031985", PinRefused::BirthDate),
    ] {
        assert_eq!(code(bench.activate(pin)), CodeRefusal::NewPin(rule), "{pin}");
    }
    let otp = bench.otp(Purpose::Activate);
    let new = NewPin { pin: NEW_PIN, repeat: OTHER_PIN };
    let codes = (bench.envelope_pin(), bench.puk());
    let act = bench.holders.activate(
        (HOLDER, bench.id),
        codes,
        new,
        bench.in_room(otp),
        &bench.issuer,
        at(1),
    );
    assert!(matches!(block_on(act), Err(HolderError::RepeatDiffers { .. })));
    // That it is the one of the envelope is known only by a computation.
    let old = bench.codes.pin.as_ref().unwrap().expose();
    assert_eq!(code(bench.activate(old)), CodeRefusal::NewPin(PinRefused::UsedBefore));
    let wrong = (Pin::parse("31415926").unwrap(), bench.puk());
    let refused = code(bench.activate_with(wrong, NEW_PIN));
    assert_eq!(refused, CodeRefusal::WrongCodes { left: 4 }, "nothing was counted so far");
}

#[test]
fn a_one_time_code_for_anything_else_is_refused() {
    let bench = Bench::waiting();
    let operation = OperationId::new([4; 16]);
    let bound = binding(bench.id);
    for otp in [
        OtpVerified::for_tests(HolderId::new(2), operation, Purpose::Activate, bound),
        OtpVerified::for_tests(HOLDER, operation, Purpose::ChangePin, bound),
        OtpVerified::for_tests(HOLDER, operation, Purpose::Activate, [0; 32]),
    ] {
        let codes = (bench.envelope_pin(), bench.puk());
        let new = NewPin { pin: NEW_PIN, repeat: NEW_PIN };
        let place = (HOLDER, bench.id);
        let act =
            bench.holders.activate(place, codes, new, bench.in_room(otp), &bench.issuer, at(1));
        assert!(matches!(block_on(act), Err(HolderError::OtpForOther)));
    }
    assert_eq!(bench.state(), State::AwaitingActivation);
}

#[test]
fn an_issuer_that_fails_leaves_everything_as_it_was() {
    let bench = Bench::waiting();
    bench.issuer.away.store(true, Ordering::SeqCst);
    assert!(matches!(code(bench.activate(NEW_PIN)), CodeRefusal::IssuerFailed { .. }));
    assert_eq!(bench.state(), State::AwaitingActivation);
    bench.issuer.away.store(false, Ordering::SeqCst);
    bench.activate(NEW_PIN).unwrap();
}

/// An issuer after which the store fails.
struct Breaking<'a>(&'a Bench);

impl CertificateIssuer for Breaking<'_> {
    async fn issue(
        &self,
        request: CertificateRequest,
        now: DateTime<Utc>,
    ) -> Result<IssuedCertificate, IssuerFault> {
        let issued = self.0.issuer.issue(request, now).await;
        self.0.store.fail_next(StoreError::Busy);
        issued
    }

    async fn issued_for(
        &self,
        credential: CredentialId,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, IssuerFault> {
        self.0.issuer.issued_for(credential, since).await
    }

    async fn set_status(
        &self,
        serial: &str,
        status: CertificateStatus,
        now: DateTime<Utc>,
    ) -> Result<(), IssuerFault> {
        self.0.issuer.set_status(serial, status, now).await
    }
}

#[test]
fn a_certificate_whose_key_could_not_be_kept_is_revoked() {
    let bench = Bench::waiting();
    let (codes, otp) = ((bench.envelope_pin(), bench.puk()), bench.otp(Purpose::Activate));
    let (new, issuer) = (NewPin { pin: NEW_PIN, repeat: NEW_PIN }, Breaking(&bench));
    let act =
        bench.holders.activate((HOLDER, bench.id), codes, new, bench.in_room(otp), &issuer, at(1));
    assert!(matches!(block_on(act), Err(HolderError::Busy)));
    let told = CertificateStatus::Revoked(RevocationCause::Cessation);
    assert_eq!(*bench.issuer.told.lock(), [told]);
    assert_eq!(bench.state(), State::AwaitingActivation);
    bench.activate(NEW_PIN).unwrap();
}

#[test]
fn a_credential_of_another_holder_is_as_unknown_as_none() {
    let bench = Bench::active();
    let other = HolderId::new(2);
    let seen = bench.holders.credential(other, bench.id, at(1));
    assert!(matches!(seen, Err(HolderError::Code(CodeRefusal::UnknownCredential))));
    let pin = Pin::parse(NEW_PIN).unwrap();
    let tried = block_on(verify(&bench.holders, (other, bench.id), pin, at(1)));
    assert!(matches!(tried, Err(HolderError::Code(CodeRefusal::UnknownCredential))));
    assert!(bench.holders.credentials_of(other, at(1)).unwrap().is_empty());
    let own = bench.holders.credentials_of(HOLDER, at(1)).unwrap();
    assert_eq!(own.iter().map(|view| view.id).collect::<Vec<_>>(), [bench.id]);
}

/// The process ends between the issuer's answer and the transaction that keeps it.
#[test]
fn a_certificate_that_nobody_kept_is_revoked_later() {
    let bench = Bench::waiting();
    let (codes, otp) = ((bench.envelope_pin(), bench.puk()), bench.otp(Purpose::Activate));
    let (new, breaking) = (NewPin { pin: NEW_PIN, repeat: NEW_PIN }, Breaking(&bench));
    let place = (HOLDER, bench.id);
    let cut_off = bench.holders.activate(place, codes, new, bench.in_room(otp), &breaking, at(1));
    assert!(block_on(cut_off).is_err());
    assert_eq!(bench.issuer.requests.lock().len(), 1);
    // As if the process had ended before it could tell the issuer.
    bench.issuer.revoked.lock().clear();

    let away = &bench.issuer.away;
    let tick = |seconds| block_on(bench.holders.settle_issues(at(0), &bench.issuer, at(seconds)));
    tick(60).unwrap();
    assert!(bench.issuer.revoked.lock().is_empty(), "somebody may still wait for it");
    away.store(true, Ordering::SeqCst);
    tick(700).unwrap();
    away.store(false, Ordering::SeqCst);
    // The holder tries again meanwhile, and what comes of that stays.
    bench.activate(NEW_PIN).unwrap();
    tick(700).unwrap();
    assert_eq!(*bench.issuer.revoked.lock(), ["01"]);
    assert_eq!(bench.view().serial.as_deref(), Some("02"));
    tick(1_400).unwrap();
    assert_eq!(bench.issuer.revoked.lock().len(), 1, "it is done with");
}

/// What one attempt comes to says nothing of another that began beside it.
#[test]
fn an_attempt_beside_one_that_was_kept_is_still_found_out() {
    let bench = Bench::waiting();
    let begin = |seconds| {
        let id = bench.id;
        let begin = move |inner: &Inner, tx: &mut dyn Transaction| {
            Ok(issuing::begin(inner, tx, id, at(seconds)))
        };
        block_on(bench.holders.transact(begin)).unwrap()
    };
    let (first, _second) = (begin(0), begin(1));
    // The second gets its certificate, and its process ends.
    let record = block_on(bench.holders.transact({
        let id = bench.id;
        move |_, tx| load(tx, id)
    }));
    let key = block_on(bench.holders.new_key(SigningKeyKind::P256)).unwrap();
    let place = (HOLDER, bench.id);
    let request = bench.holders.certificate_request(place, &record.unwrap(), &key).unwrap();
    block_on(bench.issuer.issue(request, at(2))).unwrap();
    // The first gets another, and that is kept.
    bench.activate(NEW_PIN).unwrap();
    let id = bench.id;
    block_on(bench.holders.transact(move |_, tx| issuing::end(tx, id, first, "02"))).unwrap();

    block_on(bench.holders.settle_issues(at(0), &bench.issuer, at(700))).unwrap();
    assert_eq!(*bench.issuer.revoked.lock(), ["01"]);
    assert_eq!(bench.view().serial.as_deref(), Some("02"));
    block_on(bench.holders.settle_issues(at(0), &bench.issuer, at(1_400))).unwrap();
    assert_eq!(bench.issuer.revoked.lock().len(), 1, "it is done with");
}

/// What an attempt that is still under way was given looks like what nobody kept.
#[test]
fn an_attempt_beside_one_that_was_cut_off_is_left_alone() {
    let bench = Bench::waiting();
    let id = bench.id;
    let begin = |seconds| {
        let begin = move |inner: &Inner, tx: &mut dyn Transaction| {
            Ok(issuing::begin(inner, tx, id, at(seconds)))
        };
        block_on(bench.holders.transact(begin)).unwrap()
    };
    begin(0);
    // Somebody waits for this one; it was issued, and is not kept yet.
    begin(650);
    let record = block_on(bench.holders.transact(move |_, tx| load(tx, id))).unwrap();
    let key = block_on(bench.holders.new_key(SigningKeyKind::P256)).unwrap();
    let request = bench.holders.certificate_request((HOLDER, id), &record, &key).unwrap();
    block_on(bench.issuer.issue(request, at(651))).unwrap();
    let settle = |seconds| {
        block_on(bench.holders.settle_issues(at(0), &bench.issuer, at(seconds))).unwrap();
        bench.issuer.revoked.lock().clone()
    };
    assert!(settle(700).is_empty(), "it was taken from under who waits for it");
    // By each of the two that are over.
    assert_eq!(settle(1_400), ["01"; 2]);
}

/// A row that does not read stops none of those behind it.
#[test]
fn a_damaged_row_stops_no_other_from_being_settled() {
    let bench = Bench::waiting();
    let id = bench.id;
    block_on(bench.holders.transact(move |inner, tx| {
        tx.put(SIGNING_CREDENTIAL, &[3; 4], b"?");
        Ok(issuing::begin(inner, tx, id, at(0)))
    }))
    .unwrap();
    bench.activate(NEW_PIN).unwrap();
    // Issued for the attempt whose row is there still.
    let requests = bench.issuer.requests.lock().clone();
    block_on(bench.issuer.issue(requests[0].clone(), at(2))).unwrap();
    let settled = block_on(bench.holders.settle_issues(at(0), &bench.issuer, at(700)));
    assert!(matches!(settled, Err(HolderError::Store(_))), "{settled:?}");
    assert_eq!(*bench.issuer.revoked.lock(), ["02"]);
}

/// After a restart nobody waits for what the process before had asked for.
#[test]
fn a_certificate_of_the_process_before_is_revoked_at_once() {
    let bench = Bench::waiting();
    let (codes, otp) = ((bench.envelope_pin(), bench.puk()), bench.otp(Purpose::Activate));
    let (new, breaking) = (NewPin { pin: NEW_PIN, repeat: NEW_PIN }, Breaking(&bench));
    let place = (HOLDER, bench.id);
    let cut_off = bench.holders.activate(place, codes, new, bench.in_room(otp), &breaking, at(1));
    assert!(block_on(cut_off).is_err());
    bench.issuer.revoked.lock().clear();
    let holders = bench.restarted();
    block_on(holders.settle_issues(at(2), &bench.issuer, at(2))).unwrap();
    assert_eq!(*bench.issuer.revoked.lock(), ["01"]);
}
