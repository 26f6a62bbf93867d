//! Logging in by QR code.

use super::devices::{device_key, link, sign, token};
use super::support::*;
use crate::holders::devices::{DeviceKind, LinkedDevice};
use crate::holders::otp::Purpose;
use crate::holders::qr::{QrLogin, QrSeen, QrState, signed_bytes};
use crate::holders::sessions::{Access, OpenedBy, OpenedSession, step_up_bound};
use crate::holders::tables::QR_LOGIN;
use crate::holders::{HolderError, HolderId, QrLoginId, TypedTwice, throttle};
use crate::testing::block_on;
use openssl::pkey::{PKey, Private};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Where the phone is.
pub(super) const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// A holder with a linked phone.
pub(super) struct Phone {
    pub(super) bench: Bench,
    pub(super) id: HolderId,
    pub(super) key: PKey<Private>,
    pub(super) device: LinkedDevice,
}

impl Phone {
    pub(super) fn new() -> Self {
        let bench = Bench::new();
        let id = bench.holder(EMAIL);
        let (key, device) = linked(&bench, EMAIL, DeviceKind::Phone);
        Self { bench, id, key, device }
    }

    pub(super) fn access(&self, s: i64) -> Access {
        self.bench.access(token(&self.device), s).unwrap()
    }

    pub(super) fn begin(&self, s: i64) -> QrLogin {
        block_on(self.bench.holders.begin_qr_login(HOME, "Browser/1.0", at(s))).unwrap()
    }

    pub(super) fn look(&self, id: QrLoginId, s: i64) -> Result<QrSeen, HolderError> {
        block_on(self.bench.holders.look_at_qr_login(&self.access(s), id, PHONE, at(s)))
    }

    pub(super) fn approve(&self, id: QrLoginId, number: &str, signature: &[u8], s: i64) -> Outcome {
        let access = self.access(s);
        block_on(self.bench.holders.approve_qr_login(&access, id, number, signature, at(s)))
    }

    pub(super) fn deny(&self, id: QrLoginId, s: i64) -> Outcome {
        block_on(self.bench.holders.deny_qr_login(&self.access(s), id, at(s)))
    }

    pub(super) fn disown(&self, id: QrLoginId, s: i64) -> Outcome {
        block_on(self.bench.holders.disown_qr_login(&self.access(s), id, at(s)))
    }

    pub(super) fn poll(&self, login: &QrLogin, s: i64) -> Result<QrState, HolderError> {
        block_on(self.bench.holders.poll_qr_login(login.id, login.secret.expose(), at(s)))
    }

    /// What a poll answers, as a word; or the slug of its refusal.
    pub(super) fn word(&self, login: &QrLogin, s: i64) -> &'static str {
        self.poll(login, s).map_or_else(|error| error.slug(), |state| state.word())
    }

    pub(super) fn signature(&self, login: &QrLogin, seen: &QrSeen) -> Vec<u8> {
        sign(&self.key, &signed_bytes(login.id, &seen.challenge, &login.number))
    }

    /// A login that the phone approved.
    pub(super) fn approved(&self, s: i64) -> QrLogin {
        let login = self.begin(s);
        let seen = self.look(login.id, s).unwrap();
        self.approve(login.id, &login.number, &self.signature(&login, &seen), s).unwrap();
        login
    }

    pub(super) fn collected(&self, s: i64) -> (QrLogin, OpenedSession) {
        let login = self.approved(s);
        match self.poll(&login, s).unwrap() {
            QrState::Approved(opened) => (login, opened),
            other => panic!("{}", other.word()),
        }
    }
}

pub(super) type Outcome = Result<(), HolderError>;

pub(super) fn linked(bench: &Bench, name: &str, kind: DeviceKind) -> (PKey<Private>, LinkedDevice) {
    let access = bench.logged_in(name, 2);
    let (key, spki) = device_key();
    (key, link(bench, &access, kind, &spki, 3).unwrap())
}

#[test]
fn a_phone_lets_a_browser_in() {
    let phone = Phone::new();
    let login = phone.begin(10);
    assert_eq!(login.expires_at, at(70));
    assert!(login.number.len() == 2 && login.secret.expose().starts_with("mq_"));
    assert_eq!(phone.word(&login, 11), "waiting");
    let seen = phone.look(login.id, 12).unwrap();
    assert_eq!((seen.from.as_str(), seen.client.as_str()), ("192.0.2.1", "Browser/1.0"));
    assert_eq!((seen.asked_at, seen.expires_at, seen.same_network), (at(10), at(70), Some(false)));
    assert!(seen.choices.contains(&login.number));
    assert_eq!(seen.choices.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(phone.word(&login, 13), "seen");
    // The same phone may read it again, and reads the same.
    assert_eq!(phone.look(login.id, 14).unwrap(), seen);
    phone.approve(login.id, &login.number, &phone.signature(&login, &seen), 15).unwrap();
    let QrState::Approved(opened) = phone.poll(&login, 16).unwrap() else { panic!() };
    let access = phone.bench.access(&opened.token, 17).unwrap();
    assert_eq!((access.holder, access.limited), (phone.id, true));
    assert_eq!(slug(access.needs_full()), "step-up-needed");
    assert_eq!(opened.view.by, OpenedBy::QrCode);
    assert_eq!(
        (opened.view.from.as_str(), opened.view.client.as_str()),
        ("192.0.2.1", "Browser/1.0")
    );
    assert!(phone.bench.history(phone.id).ends_with(&["qr-login-approved", "login-succeeded"]));
    assert_eq!(phone.bench.mails_to(EMAIL).last(), Some(&"qr-login-approved"));
}

#[test]
fn the_phone_is_told_of_its_own_network() {
    let phone = Phone::new();
    let v6 = |text: &str| text.parse::<IpAddr>().unwrap();
    for (browser, device, same) in [
        (HOME, HOME, Some(true)),
        (HOME, PHONE, Some(false)),
        (v6("2001:db8::1"), v6("2001:db8::ffff"), Some(true)),
        (v6("2001:db8::1"), v6("2001:db8:0:1::1"), Some(false)),
        (v6("::ffff:192.0.2.1"), HOME, Some(true)),
        (v6("::1"), HOME, None),
        (HOME, v6("::ffff:127.0.0.1"), None),
        (v6("0.0.0.0"), v6("0.0.0.0"), None),
    ] {
        let begin = phone.bench.holders.begin_qr_login(browser, "", at(10));
        let login = block_on(begin).unwrap();
        let access = phone.access(11);
        let look = phone.bench.holders.look_at_qr_login(&access, login.id, device, at(11));
        assert_eq!(block_on(look).unwrap().same_network, same, "{browser} {device}");
    }
}

#[test]
fn the_session_is_given_once_and_to_the_browser_alone() {
    let phone = Phone::new();
    let login = phone.approved(10);
    let other = phone.begin(11);
    for secret in ["", "mq_", other.secret.expose(), &login.secret.expose()[..45]] {
        let poll = phone.bench.holders.poll_qr_login(login.id, secret, at(12));
        assert_eq!(slug(block_on(poll)), "invalid-qr-login");
    }
    let unknown =
        phone.bench.holders.poll_qr_login(QrLoginId::new([7; 16]), login.secret.expose(), at(12));
    assert_eq!(slug(block_on(unknown)), "invalid-qr-login");
    assert_eq!(phone.word(&login, 12), "approved");
    assert_eq!(phone.word(&login, 12), "invalid-qr-login");
    assert_eq!(phone.bench.holders.sessions(phone.id, at(12)).unwrap().len(), 2);
}

#[test]
fn of_two_polls_side_by_side_one_gets_the_session() {
    let phone = Phone::new();
    let login = phone.approved(10);
    let store = &phone.bench.store;
    store.pause();
    let poll = || phone.bench.holders.poll_qr_login(login.id, login.secret.expose(), at(11));
    let resume = async { store.resume() };
    let (one, other, ()) = block_on(futures_util::future::join3(poll(), poll(), resume));
    assert_eq!(one.unwrap().word(), "approved");
    assert_eq!(slug(other), "invalid-qr-login");
}

#[test]
fn of_two_approvals_side_by_side_one_counts() {
    let phone = Phone::new();
    let login = phone.begin(10);
    let seen = phone.look(login.id, 10).unwrap();
    let (access, store) = (phone.access(11), &phone.bench.store);
    let signature = phone.signature(&login, &seen);
    store.pause();
    let approve = || {
        let holders = &phone.bench.holders;
        holders.approve_qr_login(&access, login.id, &login.number, &signature, at(11))
    };
    let resume = async { store.resume() };
    let (one, other, ()) = block_on(futures_util::future::join3(approve(), approve(), resume));
    one.unwrap();
    assert_eq!(slug(other), "invalid-qr-login");
    let words = phone.bench.history(phone.id);
    assert_eq!(words.iter().filter(|word| **word == "qr-login-approved").count(), 1);
}

#[test]
fn a_wrong_number_ends_it() {
    let phone = Phone::new();
    let login = phone.begin(10);
    let seen = phone.look(login.id, 11).unwrap();
    let wrong = seen.choices.iter().find(|choice| **choice != login.number).unwrap();
    let signature = sign(&phone.key, &signed_bytes(login.id, &seen.challenge, wrong));
    assert_eq!(slug(phone.approve(login.id, wrong, &signature, 12)), "wrong-qr-number");
    assert_eq!(phone.word(&login, 13), "failed");
    assert_eq!(phone.bench.history(phone.id).last(), Some(&"qr-login-failed"));
    // There is no second guess.
    let right = phone.signature(&login, &seen);
    assert_eq!(slug(phone.approve(login.id, &login.number, &right, 14)), "invalid-qr-login");
    assert_eq!(phone.word(&login, 15), "failed");
}

#[test]
fn a_wrong_signature_ends_it() {
    let phone = Phone::new();
    let (stranger, _) = device_key();
    let good =
        |login: &QrLogin, seen: &QrSeen| signed_bytes(login.id, &seen.challenge, &login.number);
    type Wrong = fn(&Phone, &PKey<Private>, Vec<u8>) -> Vec<u8>;
    for wrong in [
        (|_, stranger, message| sign(stranger, &message)) as Wrong,
        |phone, _, message| sign(&phone.key, &message[1..]),
        |phone, _, mut message| {
            // The identifier of another login.
            message[12] ^= 1;
            sign(&phone.key, &message)
        },
        |phone, _, mut message| {
            // Another challenge.
            message[28] ^= 1;
            sign(&phone.key, &message)
        },
        |_, _, _| Vec::new(),
        |_, _, _| vec![0x30; 70],
    ] {
        let login = phone.begin(10);
        let seen = phone.look(login.id, 11).unwrap();
        let signature = wrong(&phone, &stranger, good(&login, &seen));
        let outcome = phone.approve(login.id, &login.number, &signature, 12);
        assert_eq!(slug(outcome), "wrong-qr-number");
        assert_eq!(phone.word(&login, 13), "failed");
    }
}

#[test]
fn a_signature_approves_no_other_login() {
    let phone = Phone::new();
    let one = phone.begin(10);
    let seen = phone.look(one.id, 11).unwrap();
    let signature = phone.signature(&one, &seen);
    phone.approve(one.id, &one.number, &signature, 12).unwrap();
    let other = phone.begin(13);
    phone.look(other.id, 14).unwrap();
    let replayed = phone.approve(other.id, &one.number, &signature, 15);
    assert_eq!(slug(replayed), "wrong-qr-number");
}

#[test]
fn the_first_phone_is_the_only_one() {
    let phone = Phone::new();
    let (other_key, other) = linked(&phone.bench, EMAIL, DeviceKind::Phone);
    phone.bench.holder("other@example.org");
    let (_, strangers) = linked(&phone.bench, "other@example.org", DeviceKind::Phone);
    let login = phone.begin(10);
    let seen = phone.look(login.id, 11).unwrap();
    let holders = &phone.bench.holders;
    for token in [token(&other), token(&strangers)] {
        let access = phone.bench.access(token, 12).unwrap();
        let look = holders.look_at_qr_login(&access, login.id, PHONE, at(12));
        assert_eq!(slug(block_on(look)), "invalid-qr-login");
        let message = signed_bytes(login.id, &seen.challenge, &login.number);
        let signature = sign(&other_key, &message);
        let approve =
            holders.approve_qr_login(&access, login.id, &login.number, &signature, at(12));
        assert_eq!(slug(block_on(approve)), "invalid-qr-login");
        let deny = holders.deny_qr_login(&access, login.id, at(12));
        assert_eq!(slug(block_on(deny)), "invalid-qr-login");
    }
    // What the others tried ended nothing.
    phone.approve(login.id, &login.number, &phone.signature(&login, &seen), 13).unwrap();
    assert_eq!(phone.word(&login, 14), "approved");
}

#[test]
fn only_a_linked_phone_may() {
    let phone = Phone::new();
    let (_, system) = linked(&phone.bench, EMAIL, DeviceKind::System);
    let session = phone.bench.session(EMAIL, 5);
    let login = phone.begin(10);
    let holders = &phone.bench.holders;
    for token in [token(&system), &session.token] {
        let access = phone.bench.access(token, 11).unwrap();
        let look = holders.look_at_qr_login(&access, login.id, PHONE, at(11));
        assert_eq!(slug(block_on(look)), "device-needed");
        let approve = holders.approve_qr_login(&access, login.id, &login.number, &[], at(11));
        assert_eq!(slug(block_on(approve)), "device-needed");
        let deny = holders.deny_qr_login(&access, login.id, at(11));
        assert_eq!(slug(block_on(deny)), "device-needed");
    }
    assert_eq!(phone.word(&login, 12), "waiting");
}

#[test]
fn each_step_ends_at_its_instant() {
    let phone = Phone::new();
    // Nobody looked in time.
    let login = phone.begin(10);
    assert_eq!((phone.word(&login, 69), phone.word(&login, 70)), ("waiting", "expired"));
    assert_eq!(slug(phone.look(login.id, 70)), "invalid-qr-login");
    // Nobody approved in time.
    let login = phone.begin(100);
    let seen = phone.look(login.id, 159).unwrap();
    let signature = phone.signature(&login, &seen);
    let late = phone.approve(login.id, &login.number, &signature, 160);
    assert_eq!(slug(late), "invalid-qr-login");
    assert_eq!(slug(phone.deny(login.id, 160)), "invalid-qr-login");
    assert_eq!(slug(phone.look(login.id, 160)), "invalid-qr-login");
    assert_eq!(phone.word(&login, 160), "expired");
    // Nobody fetched the session in time.
    let login = phone.approved(200);
    assert_eq!(phone.word(&login, 260), "expired");
    let login = phone.approved(300);
    assert_eq!(phone.word(&login, 359), "approved");
}

#[test]
fn no_is_no() {
    let phone = Phone::new();
    let login = phone.begin(10);
    assert_eq!(slug(phone.deny(login.id, 11)), "invalid-qr-login");
    let seen = phone.look(login.id, 12).unwrap();
    phone.deny(login.id, 13).unwrap();
    assert_eq!(phone.word(&login, 14), "denied");
    let signature = phone.signature(&login, &seen);
    let approve = phone.approve(login.id, &login.number, &signature, 15);
    assert_eq!(slug(approve), "invalid-qr-login");
    assert_eq!(phone.bench.history(phone.id).last(), Some(&"qr-login-denied"));
}

#[test]
fn that_was_not_me_ends_the_session_at_once() {
    let phone = Phone::new();
    let (login, opened) = phone.collected(10);
    let other = phone.bench.session(EMAIL, 11);
    phone.bench.access(&opened.token, 12).unwrap();
    phone.disown(login.id, 13).unwrap();
    assert_eq!(slug(phone.bench.access(&opened.token, 13)), "unauthorized-holder");
    phone.bench.access(&other.token, 13).unwrap();
    assert_eq!(phone.bench.history(phone.id).last(), Some(&"qr-login-disowned"));
    assert_eq!(phone.bench.mails_to(EMAIL).last(), Some(&"qr-login-disowned"));
    assert_eq!(slug(phone.disown(login.id, 14)), "invalid-qr-login");
    // Before the browser fetched it, too: it gets none.
    let login = phone.approved(20);
    let session = phone.bench.access(&other.token, 21).unwrap();
    block_on(phone.bench.holders.disown_qr_login(&session, login.id, at(21))).unwrap();
    assert_eq!(phone.word(&login, 22), "denied");
}

/// It keeps its way back through a step-up, and for as long as the session may live.
#[test]
fn a_raised_session_is_disowned_as_well() {
    let phone = Phone::new();
    let (login, opened) = phone.collected(10);
    let access = phone.bench.access(&opened.token, 11).unwrap();
    let bound = step_up_bound(opened.view.id);
    let proof = phone.bench.proof(phone.id, Purpose::StepUp, bound);
    let raised = block_on(phone.bench.holders.step_up(&access, proof, at(12))).unwrap();
    assert!(!phone.bench.access(&raised.token, 13).unwrap().limited);
    let mut last = 13;
    while last < 7 * 3_600 {
        last += 800;
        phone.bench.access(&raised.token, last).unwrap();
        block_on(phone.bench.holders.qr_tick(at(last))).unwrap();
    }
    // The raise is over, and it is what it was.
    assert!(phone.bench.access(&raised.token, last).unwrap().limited);
    phone.disown(login.id, last).unwrap();
    assert_eq!(slug(phone.bench.access(&raised.token, last)), "unauthorized-holder");
}

#[test]
fn only_its_holder_disowns_a_login() {
    let phone = Phone::new();
    let (login, opened) = phone.collected(10);
    phone.bench.holder("other@example.org");
    let stranger = phone.bench.logged_in("other@example.org", 11);
    let disown = phone.bench.holders.disown_qr_login(&stranger, login.id, at(12));
    assert_eq!(slug(block_on(disown)), "invalid-qr-login");
    phone.bench.access(&opened.token, 12).unwrap();
    let waiting = phone.begin(13);
    assert_eq!(slug(phone.disown(waiting.id, 14)), "invalid-qr-login");
}

#[test]
fn what_changed_since_the_approval_counts() {
    let phone = Phone::new();
    let login = phone.approved(10);
    let typed = TypedTwice { new: OTHER, repeat: OTHER };
    let holders = &phone.bench.holders;
    block_on(holders.change_password(phone.id, RIGHT, &typed, HOME, at(11))).unwrap();
    assert_eq!(phone.word(&login, 12), "failed");
    assert_eq!(phone.word(&login, 12), "invalid-qr-login");
    let login = phone.approved(20);
    block_on(holders.block(phone.id, "lost phone", operator(), at(21))).unwrap();
    assert_eq!(phone.word(&login, 22), "failed");
    assert!(holders.sessions(phone.id, at(22)).unwrap().is_empty());
}

#[test]
fn a_caller_begins_so_many_and_no_more() {
    let phone = Phone::new();
    let begin = |from, s| block_on(phone.bench.holders.begin_qr_login(from, "", at(s)));
    for _ in 0..throttle::MOST_QR_LOGINS {
        begin(HOME, 10).unwrap();
    }
    let error = begin(HOME, 11).unwrap_err();
    assert!(matches!(error, HolderError::Slowed { retry_after } if retry_after.as_secs() == 599));
    begin(PHONE, 11).unwrap();
    begin(HOME, 610).unwrap();
}

/// Also looks at what is not there: an app that is made to guess is slowed as well.
#[test]
fn a_phone_looks_so_often_and_no_more() {
    let phone = Phone::new();
    for _ in 0..throttle::MOST_QR_LOOKS {
        let looked = phone.look(QrLoginId::new([9; 16]), 10);
        assert_eq!(slug(looked), "invalid-qr-login");
    }
    let login = phone.begin(11);
    assert_eq!(slug(phone.look(login.id, 12)), "too-many-failures");
    let (_, other) = linked(&phone.bench, EMAIL, DeviceKind::Phone);
    let access = phone.bench.access(token(&other), 13).unwrap();
    let look = phone.bench.holders.look_at_qr_login(&access, login.id, PHONE, at(13));
    block_on(look).unwrap();
}

#[test]
fn nothing_that_is_stored_opens_anything() {
    let phone = Phone::new();
    let login = phone.begin(10);
    let secret = login.secret.expose().strip_prefix("mq_").unwrap().to_owned();
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&secret);
    assert!(!phone.bench.store.contents().iter().any(|((_, key), v)| holds(key) || holds(v)));
    assert!(!format!("{login:?}").contains(&secret));
}

#[test]
fn the_timer_takes_away_what_nobody_asks_for() {
    let phone = Phone::new();
    let (waiting, (collected, _)) = (phone.begin(10), phone.collected(10));
    let rows = || {
        let contents = phone.bench.store.contents();
        contents.keys().filter(|(table, _)| *table == QR_LOGIN.number()).count()
    };
    let tick = |s| block_on(phone.bench.holders.qr_tick(at(s))).unwrap();
    assert_eq!((rows(), tick(669)), (2, 0));
    assert_eq!(phone.word(&waiting, 669), "expired");
    assert_eq!((tick(670), rows()), (1, 1));
    assert_eq!(phone.word(&waiting, 670), "invalid-qr-login");
    assert_eq!((tick(10 + 8 * 3_600 - 1), tick(10 + 8 * 3_600), rows()), (0, 1, 0));
    assert_eq!(slug(phone.disown(collected.id, 10 + 8 * 3_600)), "invalid-qr-login");
}

/// Each number is drawn, each of the three places holds the right one, and no code has two equal.
#[test]
fn numbers_are_drawn_evenly() {
    let mut random = crate::testing::TestRandom::new(3);
    let (mut seen, mut places) = (BTreeSet::new(), [0_u32; 3]);
    for _ in 0..3_000 {
        let numbers = crate::holders::qr::three_numbers(&mut random);
        let [right, ..] = numbers;
        assert!(numbers.iter().all(|number| (10..=99).contains(number)));
        let distinct: BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(distinct.len(), 3);
        places[distinct.iter().position(|number| *number == right).unwrap()] += 1;
        seen.insert(right);
    }
    assert_eq!(seen.len(), 90);
    assert!(places.iter().all(|count| (850..1_150).contains(count)), "{places:?}");
}
