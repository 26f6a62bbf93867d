//! Linked systems: the certificate that one comes in with, and the credentials that it may use.

use super::devices::{device_key, link_on};
use super::support::*;
use crate::holders::credential::{CredentialKind, NewCredential};
use crate::holders::devices::{DeviceKind, DeviceTerms, NewDevice};
use crate::holders::otp::Purpose;
use crate::holders::sessions::{Access, AccessKind};
use crate::holders::{CredentialId, HolderError, HolderId, SigningKeyKind};
use crate::testing::{TestRandom, block_on};

const CERTIFICATE: [u8; 32] = [0xce; 32];

fn system() -> DeviceTerms {
    DeviceTerms::new(DeviceKind::System, device_key().1)
}

fn by_certificate(bench: &Bench, sha256: &[u8; 32], s: i64) -> Result<Access, HolderError> {
    block_on(bench.holders.access_by_certificate(sha256, at(s)))
}

fn credential(bench: &Bench, holder: HolderId, kind: CredentialKind, seed: u64) -> CredentialId {
    let codes = envelope::Codes::generate(&mut TestRandom::new(seed));
    let new = NewCredential { holder, kind, key_kind: SigningKeyKind::P256 };
    block_on(bench.holders.create_credential(new, &codes, operator(), at(1))).unwrap()
}

/// It has no token, comes in with its certificate, and is as dead as any once it is unlinked.
#[test]
fn a_system_comes_in_with_its_certificate() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let session = bench.logged_in(EMAIL, 2);
    assert_eq!(slug(by_certificate(&bench, &CERTIFICATE, 3)), "unauthorized-holder");
    let terms = DeviceTerms { certificate: Some(CERTIFICATE), ..system() };
    let linked = link_on(&bench, &session, terms, 3).unwrap();
    assert!(linked.token.is_none());
    assert_eq!(linked.view.certificate, Some(CERTIFICATE));
    assert_eq!(bench.holders.devices(id).unwrap(), std::slice::from_ref(&linked.view));
    let access = by_certificate(&bench, &CERTIFICATE, 4).unwrap();
    assert_eq!((access.holder, access.what), (id, AccessKind::System(linked.view.id)));
    assert_eq!(slug(by_certificate(&bench, &[0xcf; 32], 4)), "unauthorized-holder");
    // Used, it is noted as any other.
    by_certificate(&bench, &CERTIFICATE, 100).unwrap();
    assert_eq!(bench.holders.devices(id).unwrap()[0].last_used_at, at(100));
    block_on(bench.holders.unlink_device(id, linked.view.id, operator(), at(101))).unwrap();
    assert_eq!(slug(by_certificate(&bench, &CERTIFICATE, 101)), "unauthorized-holder");
}

#[test]
fn a_block_ends_what_a_certificate_opens() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let session = bench.logged_in(EMAIL, 2);
    let terms = DeviceTerms { certificate: Some(CERTIFICATE), ..system() };
    link_on(&bench, &session, terms, 3).unwrap();
    block_on(bench.holders.block(id, "lost", operator(), at(4))).unwrap();
    assert_eq!(slug(by_certificate(&bench, &CERTIFICATE, 5)), "unauthorized-holder");
}

/// A certificate says by itself whose it is: it is one device's, whoever links it.
#[test]
fn a_certificate_is_of_one_device() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.holder("other@example.org");
    let (own, other) = (bench.logged_in(EMAIL, 2), bench.logged_in("other@example.org", 2));
    let terms = || DeviceTerms { certificate: Some(CERTIFICATE), ..system() };
    let first = link_on(&bench, &own, terms(), 3).unwrap();
    assert_eq!(slug(link_on(&bench, &own, terms(), 4)), "certificate-taken");
    assert_eq!(slug(link_on(&bench, &other, terms(), 4)), "certificate-taken");
    assert_eq!(by_certificate(&bench, &CERTIFICATE, 5).unwrap().holder, id);
    block_on(bench.holders.unlink_device(id, first.view.id, operator(), at(6))).unwrap();
    let second = link_on(&bench, &other, terms(), 7).unwrap();
    let access = by_certificate(&bench, &CERTIFICATE, 8).unwrap();
    assert_eq!(access.what, AccessKind::System(second.view.id));
}

/// The code of the link is for all of its terms.
#[test]
fn a_code_for_other_terms_links_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let session = bench.logged_in(EMAIL, 2);
    let one = credential(&bench, id, CredentialKind::Automatic, 11);
    let two = credential(&bench, id, CredentialKind::Automatic, 12);
    let all = system();
    let some =
        |ids: &[CredentialId]| DeviceTerms { credentials: Some(ids.to_vec()), ..all.clone() };
    let with = DeviceTerms { certificate: Some(CERTIFICATE), ..some(&[one]) };
    let terms = [all.clone(), some(&[one]), some(&[two]), some(&[one, two]), with];
    for wanted in &terms {
        for asked in terms.iter().filter(|asked| *asked != wanted) {
            let proof = bench.proof(id, Purpose::LinkDevice, asked.bound());
            let new = NewDevice { name: "x".to_owned(), terms: wanted.clone() };
            let outcome = block_on(bench.holders.link_device(&session, new, proof, HOME, at(3)));
            assert_eq!(slug(outcome), "otp-for-other-operation");
        }
    }
    assert!(bench.holders.devices(id).unwrap().is_empty());
}

#[test]
fn a_system_may_use_what_it_was_linked_for() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let session = bench.logged_in(EMAIL, 2);
    let one = credential(&bench, id, CredentialKind::Automatic, 11);
    let two = credential(&bench, id, CredentialKind::Automatic, 12);
    let terms =
        DeviceTerms { certificate: Some(CERTIFICATE), credentials: Some(vec![one]), ..system() };
    let bound = link_on(&bench, &session, terms, 3).unwrap();
    assert_eq!(bound.view.credentials, Some(vec![one]));
    let access = by_certificate(&bench, &CERTIFICATE, 4).unwrap();
    assert!(access.may_use(one) && !access.may_use(two));
    // Without a list, as devices from before have none: all, also those that come later.
    let free = link_on(&bench, &session, system(), 3).unwrap();
    let access = bench.access(free.token.as_ref().unwrap(), 4).unwrap();
    let later = credential(&bench, id, CredentialKind::Automatic, 13);
    assert!(access.may_use(one) && access.may_use(two) && access.may_use(later));
}

#[test]
fn what_a_system_cannot_be_bound_to_is_refused() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let other = bench.holder("other@example.org");
    let session = bench.logged_in(EMAIL, 2);
    let own = credential(&bench, id, CredentialKind::Automatic, 11);
    let remote = credential(&bench, id, CredentialKind::Remote, 12);
    let others = credential(&bench, other, CredentialKind::Automatic, 13);
    let bad = |ids: Vec<CredentialId>| {
        let terms = DeviceTerms { credentials: Some(ids), ..system() };
        let told = bench.holders.check_device(id, &terms).unwrap_err();
        let error = link_on(&bench, &session, terms, 3).unwrap_err();
        assert_eq!((error.slug(), error.rule()), (told.slug(), told.rule()));
        (error.slug(), error.rule())
    };
    let rule = ("invalid-field", Some("automatic-credentials"));
    assert_eq!(bad(vec![]), rule);
    assert_eq!(bad(vec![own, own]), rule);
    assert_eq!(bad(vec![own, remote]), rule);
    assert_eq!(bad((0..101).map(|n| CredentialId::new([n; 16])).collect()), rule);
    assert_eq!(bad(vec![own, others]), ("unknown-credential", None));
    assert_eq!(bad(vec![CredentialId::new([7; 16])]), ("unknown-credential", None));
    // A phone approves in the hand of its holder: neither is for it.
    let phone = DeviceTerms::new(DeviceKind::Phone, device_key().1);
    for terms in [
        DeviceTerms { certificate: Some(CERTIFICATE), ..phone.clone() },
        DeviceTerms { credentials: Some(vec![own]), ..phone },
    ] {
        let error = link_on(&bench, &session, terms, 3).unwrap_err();
        assert_eq!(error.rule(), Some("system-alone"));
    }
    assert!(bench.holders.devices(id).unwrap().is_empty());
}

/// A certificate's row leaves nothing behind when the holder is erased or closed.
#[test]
fn nothing_is_left_of_a_certificate() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let session = bench.logged_in(EMAIL, 2);
    let terms = DeviceTerms { certificate: Some(CERTIFICATE), ..system() };
    link_on(&bench, &session, terms, 3).unwrap();
    block_on(bench.holders.close(id, "gone", operator(), at(4))).unwrap();
    assert_eq!(slug(by_certificate(&bench, &CERTIFICATE, 5)), "unauthorized-holder");
    assert!(bench.holders.devices(id).unwrap().is_empty());
}
