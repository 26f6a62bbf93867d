//! Linked devices.

use super::support::*;
use crate::holders::devices::{DeviceKind, DeviceTerms, LinkedDevice, NewDevice, is_signed};
use crate::holders::otp::Purpose;
use crate::holders::sessions::{Access, AccessKind};
use crate::holders::tables::DEVICE;
use crate::holders::{Actor, DeviceId, HolderError, HolderId, SecretToken, TypedTwice};
use crate::testing::block_on;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;

const DAY: i64 = 86_400;

/// A device's own key, and its public half as it is handed over.
pub(super) fn device_key() -> (PKey<Private>, Vec<u8>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let spki = key.public_key_to_der().unwrap();
    (key, spki)
}

pub(super) fn sign(key: &PKey<Private>, message: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.sign_oneshot_to_vec(message).unwrap()
}

pub(super) fn link(
    bench: &Bench,
    access: &Access,
    kind: DeviceKind,
    spki: &[u8],
    s: i64,
) -> Result<LinkedDevice, HolderError> {
    link_on(bench, access, DeviceTerms::new(kind, spki.to_vec()), s)
}

pub(super) fn link_on(
    bench: &Bench,
    access: &Access,
    terms: DeviceTerms,
    s: i64,
) -> Result<LinkedDevice, HolderError> {
    let proof = bench.proof(access.holder, Purpose::LinkDevice, terms.bound());
    let new = NewDevice { name: "Ada's phone".to_owned(), terms };
    block_on(bench.holders.link_device(access, new, proof, HOME, at(s)))
}

/// What a device shows.
pub(super) fn token(device: &LinkedDevice) -> &SecretToken {
    device.token.as_ref().unwrap()
}

fn linked(bench: &Bench, kind: DeviceKind) -> (HolderId, LinkedDevice) {
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    (id, link(bench, &access, kind, &device_key().1, 3).unwrap())
}

fn unlink(bench: &Bench, id: HolderId, device: DeviceId, s: i64) -> Result<(), HolderError> {
    block_on(bench.holders.unlink_device(id, device, Actor::Holder(id), at(s)))
}

#[test]
fn a_device_is_linked_in_a_session_and_comes_in_by_its_token() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let shown = token(&device).expose();
    assert!(shown.starts_with("md_") && shown.len() == 46);
    let access = bench.access(token(&device), 4).unwrap();
    assert_eq!((access.holder, access.what), (id, AccessKind::Device(device.view.id)));
    assert_eq!(access.device().unwrap(), device.view.id);
    assert_eq!(slug(access.session()), "session-needed");
    assert!(!access.limited && !access.must_change_password);
    assert_eq!(bench.holders.devices(id).unwrap(), [device.view]);
    assert_eq!(bench.history(id).last(), Some(&"device-linked"));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"device-linked"));
}

#[test]
fn a_system_is_no_phone() {
    let bench = Bench::new();
    let (_, system) = linked(&bench, DeviceKind::System);
    let access = bench.access(token(&system), 4).unwrap();
    assert_eq!(access.what, AccessKind::System(system.view.id));
    assert_eq!(slug(access.device()), "device-needed");
    assert_eq!(DeviceKind::parse("kind", system.view.kind.word()).unwrap(), DeviceKind::System);
    assert_eq!(slug(DeviceKind::parse("kind", "toaster")), "invalid-field");
}

#[test]
fn unlinking_is_at_once() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let other = bench.holder("other@example.org");
    assert_eq!(slug(unlink(&bench, other, device.view.id, 4)), "unknown-device");
    bench.access(token(&device), 4).unwrap();
    unlink(&bench, id, device.view.id, 4).unwrap();
    assert_eq!(slug(bench.access(token(&device), 4)), "unauthorized-holder");
    assert_eq!(slug(unlink(&bench, id, device.view.id, 5)), "unknown-device");
    assert!(bench.holders.devices(id).unwrap().is_empty());
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"device-unlinked"));
    assert_eq!(bench.history(id).last(), Some(&"device-unlinked"));
}

/// A use under way does not bring an unlinked device back.
#[test]
fn a_use_that_is_noted_late_links_nothing() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let (holders, view) = (bench.holders.clone(), device.view.id);
    bench.store.after_read(DEVICE, move || {
        std::thread::spawn(move || {
            block_on(holders.unlink_device(id, view, Actor::Holder(id), at(100))).unwrap();
        })
        .join()
        .unwrap();
    });
    assert_eq!(slug(bench.access(token(&device), 100)), "unauthorized-holder");
    assert!(bench.holders.devices(id).unwrap().is_empty());
}

#[test]
fn only_a_full_session_with_the_right_code_links() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let by_device = bench.access(token(&device), 4).unwrap();
    let spki = device_key().1;
    assert_eq!(slug(link(&bench, &by_device, DeviceKind::Phone, &spki, 5)), "session-needed");
    let full = bench.logged_in(EMAIL, 6);
    let limited = Access { limited: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &limited, DeviceKind::Phone, &spki, 7)), "step-up-needed");
    let first = Access { must_change_password: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &first, DeviceKind::Phone, &spki, 7)), "password-change-needed");
    let other = device_key().1;
    for proof in [
        bench.proof(
            id,
            Purpose::LinkDevice,
            DeviceTerms::new(DeviceKind::Phone, other.clone()).bound(),
        ),
        bench.proof(
            id,
            Purpose::LinkDevice,
            DeviceTerms::new(DeviceKind::System, spki.clone()).bound(),
        ),
        bench.proof(id, Purpose::StepUp, DeviceTerms::new(DeviceKind::Phone, spki.clone()).bound()),
        bench.proof(
            HolderId::new(99),
            Purpose::LinkDevice,
            DeviceTerms::new(DeviceKind::Phone, spki.clone()).bound(),
        ),
    ] {
        let kind = DeviceKind::Phone;
        let new = NewDevice { name: "x".to_owned(), terms: DeviceTerms::new(kind, spki.clone()) };
        let outcome = block_on(bench.holders.link_device(&full, new, proof, HOME, at(8)));
        assert_eq!(slug(outcome), "otp-for-other-operation");
    }
    assert_eq!(bench.holders.devices(id).unwrap().len(), 1);
}

#[test]
fn other_keys_are_refused() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    let (key, good) = device_key();
    let ec = key.ec_key().unwrap();
    let point = |form| {
        ec.public_key()
            .to_bytes(&group, form, &mut openssl::bn::BigNumContext::new().unwrap())
            .unwrap()
    };
    let compressed =
        EcPoint::from_bytes(&group, &point(PointConversionForm::COMPRESSED), &mut context);
    assert!(compressed.is_ok());
    let p384 = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
    let p384 = PKey::from_ec_key(EcKey::generate(&p384).unwrap()).unwrap();
    let ed = PKey::generate_ed25519().unwrap();
    let rsa = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    // The compressed form of the same key, with its lengths put right.
    let head = &good[..26];
    let mut short = head.to_vec();
    short.extend_from_slice(&point(PointConversionForm::COMPRESSED));
    short[1] -= 32;
    short[24] -= 32;
    // RFC 5480 leaves it out, and OpenSSL reads it: the same point written another way.
    let mut hybrid = good.clone();
    hybrid[26] = 6 | (good[90] & 1);
    assert!(PKey::public_key_from_der(&hybrid).is_ok());
    let bad = [
        hybrid,
        Vec::new(),
        vec![0; 91],
        good[..90].to_vec(),
        longer,
        off_curve,
        short,
        p384.public_key_to_der().unwrap(),
        ed.public_key_to_der().unwrap(),
        rsa.public_key_to_der().unwrap(),
        key.private_key_to_der().unwrap(),
    ];
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    for spki in bad {
        let error = link(&bench, &access, DeviceKind::Phone, &spki, 3).unwrap_err();
        assert_eq!((error.field(), error.rule()), (Some("public_key"), Some("p256-spki")));
    }
    assert!(bench.holders.devices(id).unwrap().is_empty());
    link(&bench, &access, DeviceKind::Phone, &good, 4).unwrap();
}

#[test]
fn a_name_is_a_line_of_text() {
    let bench = Bench::new();
    bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let spki = device_key().1;
    for name in ["", "  ", "a\nb", "a\u{202e}b"] {
        let proof = bench.proof(
            access.holder,
            Purpose::LinkDevice,
            DeviceTerms::new(DeviceKind::Phone, spki.clone()).bound(),
        );
        let kind = DeviceKind::Phone;
        let terms = DeviceTerms::new(kind, spki.clone());
        let new = NewDevice { name: name.to_owned(), terms };
        let error = block_on(bench.holders.link_device(&access, new, proof, HOME, at(3)));
        assert_eq!(error.unwrap_err().field(), Some("name"));
    }
}

#[test]
fn the_eleventh_device_is_refused() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    let spki = device_key().1;
    for _ in 0..10 {
        link(&bench, &access, DeviceKind::Phone, &spki, 3).unwrap();
    }
    assert_eq!(slug(link(&bench, &access, DeviceKind::Phone, &spki, 4)), "too-many-devices");
    let first = bench.holders.devices(id).unwrap()[0].id;
    unlink(&bench, id, first, 5).unwrap();
    link(&bench, &access, DeviceKind::System, &spki, 6).unwrap();
}

#[test]
fn devices_outlive_a_new_password_and_no_block() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let typed = TypedTwice { new: OTHER, repeat: OTHER };
    block_on(bench.holders.change_password(id, RIGHT, &typed, HOME, at(5))).unwrap();
    bench.access(token(&device), 6).unwrap();
    block_on(bench.holders.block(id, "lost phone", operator(), at(7))).unwrap();
    assert_eq!(slug(bench.access(token(&device), 8)), "unauthorized-holder");
    block_on(bench.holders.unblock(id, "found", operator(), at(9))).unwrap();
    assert_eq!(slug(bench.access(token(&device), 10)), "unauthorized-holder");
    assert!(bench.holders.devices(id).unwrap().is_empty());
}

#[test]
fn a_closed_account_has_no_devices() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    block_on(bench.holders.close(id, "asked for", operator(), at(7))).unwrap();
    assert_eq!(slug(bench.access(token(&device), 8)), "unauthorized-holder");
    let left = bench.store.contents().keys().filter(|(t, _)| *t == DEVICE.number()).count();
    assert_eq!(left, 0);
}

#[test]
fn what_is_not_used_for_long_is_unlinked() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let tick = |s| block_on(bench.holders.sessions_tick(at(s))).unwrap();
    tick(DAY);
    bench.access(token(&device), 100 * DAY).unwrap();
    assert_eq!(tick(279 * DAY), 0);
    bench.access(token(&device), 100 * DAY + 59).unwrap();
    assert_eq!(tick(280 * DAY), 1);
    assert_eq!(slug(bench.access(token(&device), 280 * DAY)), "unauthorized-holder");
    let page = bench.holders.history(id, &Default::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!((last.kind.word(), last.actor.as_str()), ("device-unlinked", "service"));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"device-unlinked"));
}

#[test]
fn a_signature_is_of_one_key_over_one_text() {
    let ((key, spki), (other, _)) = (device_key(), device_key());
    let signature = sign(&key, b"text");
    assert!(is_signed(&spki, b"text", &signature).unwrap());
    assert!(!is_signed(&spki, b"texts", &signature).unwrap());
    assert!(!is_signed(&spki, b"text", &sign(&other, b"text")).unwrap());
    let mut longer = signature.clone();
    longer.push(0);
    for wrong in [&b""[..], b"x", &[0; 64], &signature[1..], &longer] {
        assert!(!is_signed(&spki, b"text", wrong).unwrap());
    }
}

#[test]
fn an_export_and_an_erasure_reach_devices_and_sessions() {
    let bench = Bench::new();
    let (id, device) = linked(&bench, DeviceKind::Phone);
    let export = bench.holders.export_personal_data(id, operator(), at(5));
    let data = document(block_on(export).unwrap());
    let device_id = device.view.id.to_string();
    for (pointer, value) in [
        ("/devices/0/id", device_id.as_str()),
        ("/devices/0/name", "Ada's phone"),
        ("/devices/0/kind", "phone"),
        ("/sessions/0/by", "password"),
        ("/sessions/0/from", "192.0.2.1"),
    ] {
        assert_eq!(data.pointer(pointer).and_then(|v| v.as_str()), Some(value), "{pointer}");
    }
    assert!(!data.to_string().contains(token(&device).expose()));
}
