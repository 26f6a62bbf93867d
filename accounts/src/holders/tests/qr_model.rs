//! A login by QR code, whatever the order of what is done to it.

use super::devices::{sign, token};
use super::qr::{PHONE, Phone, linked};
use super::support::*;
use crate::holders::devices::DeviceKind;
use crate::holders::qr::{QrState, signed_bytes};
use crate::testing::block_on;
use proptest::prelude::*;

/// What anybody can do to one login.
#[derive(Clone, Copy, Debug)]
enum Act {
    Look,
    LookByOther,
    Approve,
    ApproveWrong,
    Deny,
    Poll,
    PollWrong,
    Disown,
    Wait(i64),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the order: a session comes only of a look and a right approval by the same phone,
    /// at most once, and never after a wrong number, a no, the end, or a disowning.
    #[test]
    fn a_session_comes_of_one_order_of_acts_alone(acts in proptest::collection::vec(
        prop_oneof![
            3 => Just(Act::Look), 1 => Just(Act::LookByOther), 3 => Just(Act::Approve),
            1 => Just(Act::ApproveWrong), 1 => Just(Act::Deny), 3 => Just(Act::Poll),
            1 => Just(Act::PollWrong), 1 => Just(Act::Disown), 1 => (1..40_i64).prop_map(Act::Wait),
        ], 1..12,
    )) {
        let phone = Phone::new();
        let (_, other) = linked(&phone.bench, EMAIL, DeviceKind::Phone);
        let other = phone.bench.access(token(&other), 4).unwrap();
        let (login, mut now, mut seen) = (phone.begin(10), 10, None);
        let (mut approved_at, mut dead, mut sessions) = (None, false, 0);
        let holders = &phone.bench.holders;
        for act in acts {
            match act {
                Act::Look => if let Ok(facts) = phone.look(login.id, now) {
                    prop_assert!(!dead && now < 70);
                    seen = Some(facts);
                },
                Act::LookByOther => {
                    let look = holders.look_at_qr_login(&other, login.id, PHONE, at(now));
                    // Whoever looks first has it: then it is dead for the phone of this test.
                    dead |= block_on(look).is_ok();
                }
                Act::Approve => {
                    let challenge = seen.as_ref().map_or([0; 32], |seen| seen.challenge);
                    let message = signed_bytes(login.id, &challenge, &login.number);
                    let outcome =
                        phone.approve(login.id, &login.number, &sign(&phone.key, &message), now);
                    let may = seen.is_some() && !dead && now < 70 && approved_at.is_none();
                    prop_assert_eq!(outcome.is_ok(), may);
                    if may {
                        approved_at = Some(now);
                    }
                }
                Act::ApproveWrong => {
                    let outcome = phone.approve(login.id, "00", &[], now);
                    dead |= slug(outcome) == "wrong-qr-number";
                }
                Act::Deny => dead |= phone.deny(login.id, now).is_ok(),
                Act::Disown => dead |= phone.disown(login.id, now).is_ok(),
                Act::Poll => if let Ok(QrState::Approved(_)) = phone.poll(&login, now) {
                    prop_assert!(!dead && approved_at.is_some_and(|then| now < then + 60));
                    sessions += 1;
                },
                Act::PollWrong => {
                    let poll = holders.poll_qr_login(login.id, "mq_wrong", at(now));
                    prop_assert_eq!(slug(block_on(poll)), "invalid-qr-login");
                }
                Act::Wait(seconds) => now += seconds,
            }
            prop_assert!(sessions <= 1);
        }
    }
}

/// Unlinked since it approved: lost or stolen, as like as not.
#[test]
fn a_phone_that_was_unlinked_since_lets_nobody_in() {
    let phone = Phone::new();
    let login = phone.approved(10);
    let holders = &phone.bench.holders;
    let device = holders.devices(phone.id).unwrap()[0].id;
    block_on(holders.unlink_device(phone.id, device, operator(), at(11))).unwrap();
    let sessions = holders.sessions(phone.id, at(12)).unwrap().len();
    assert_eq!(phone.poll(&login, 12).unwrap().word(), "failed");
    assert_eq!(holders.sessions(phone.id, at(12)).unwrap().len(), sessions);
}
