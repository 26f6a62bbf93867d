//! Certificates come into the registry: issued, registered, and never twice.

use super::support::*;
use crate::{Act, AuthorityError, Profile, Registered, Status};
use certs::{DistinguishedName, EndKind, EndProfile, Serial};
use rand::{Rng, SeedableRng, TryCryptoRng, TryRng, rngs::StdRng};
use std::convert::Infallible;
use std::sync::Arc;
use store::{MemoryStore, Settings as StoreSettings, Store};

#[test]
fn an_issued_certificate_is_registered_and_good() {
    let world = world();
    let issued = world.issue(1);
    assert_eq!(world.authority.status(&issued.serial), Some(Status::Good));
    let details = world.authority.show(&issued.serial, at(2)).unwrap().unwrap();
    assert_eq!(details.der, issued.der);
    assert_eq!(&details.issued_by, admin());
    assert!(details.history.is_empty());
    let certificate = details.certificate;
    assert_eq!((certificate.ca.as_str(), certificate.number), ("issuing", issued.number));
    assert_eq!(certificate.profile, Profile::End(EndKind::TlsClient));
    assert!(certificate.subject.contains("client 1"), "{}", certificate.subject);
    assert_eq!(certificate.issued_at, at(1));
    assert_eq!(
        (certificate.not_before, certificate.not_after),
        (issued.not_before, issued.not_after)
    );
    let event = world.events().pop().unwrap();
    assert_eq!((event.action.as_str(), event.actor.as_str()), ("certificate-issued", "admin"));
    assert_eq!(event.subject, format!("certificate {}", issued.serial));
    world.audit();
}

/// The disk as it is in the moment that the certificate comes out holds it.
#[test]
fn an_issued_certificate_survives_a_power_cut_at_once() {
    let world = world();
    let issued = world.issue(1);
    let disk = world.site.disk.after_power_cut(store::disk::Loss::All);
    let (store, _) = MemoryStore::open(&disk, &StoreSettings::small()).unwrap();
    let key = crate::tables::SerialKey::of(&issued.serial);
    assert!(store.get(crate::tables::STANDING, &key.0).unwrap().is_some());
    let der = store.get(crate::tables::DER, &issued.number.to_be_bytes()).unwrap();
    assert_eq!(der, Some(issued.der));
}

#[test]
fn nothing_is_issued_when_it_cannot_be_registered() {
    let world = world();
    let before = world.authority.certificates();
    world.store.close().unwrap();
    let refused = block_on(world.try_issue(EndKind::TlsClient, 1));
    assert!(matches!(refused, Err(AuthorityError::Store(_))), "{refused:?}");
    assert_eq!(world.authority.certificates(), before);
}

#[test]
fn a_ca_that_does_not_sign_or_does_not_exist_issues_nothing() {
    let world = world();
    let (profile, key) = (EndProfile::new(EndKind::TlsClient, Vec::new()), key());
    let issue = |ca: &'static str, by: Act| {
        let (subject, key) = (machine("c"), key.public_key().to_owned());
        let (authority, profile) = (world.authority.clone(), profile.clone());
        async move { authority.issue(ca, &profile, &subject, &key, &by, at(1)).await }
    };
    let refused = block_on(issue("other", admin().clone())).unwrap_err();
    assert_eq!(refused.to_string(), "there is no CA \"other\"; there are: issuing, root");
    for by in [Act::new("", "x"), Act::new("a\nb", "x"), Act::new("a", &"x".repeat(501))] {
        let refused = block_on(issue("issuing", by));
        assert!(matches!(refused, Err(AuthorityError::Act { .. })));
    }
    world.site.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = block_on(issue("issuing", admin().clone()));
    assert!(matches!(refused, Err(AuthorityError::Issue(_))), "{refused:?}");
    world.site.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(block_on(issue("issuing", Act::new("a", ""))).is_ok());
}

/// A source of randomness that gives everybody the same numbers, `repeats` times.
struct Repeating {
    repeats: u32,
    drawn: u32,
}

impl TryRng for Repeating {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.drawn += 1;
        let seed = if self.drawn <= self.repeats { 7 } else { u64::from(self.drawn) };
        StdRng::seed_from_u64(seed).fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Repeating {}

fn world_of_repeats(repeats: u32) -> World {
    let mut site = Site::new();
    site.settings.cached_answers = 0;
    let world = site.open(at(0)).unwrap();
    let store: Arc<dyn Store> = world.store.clone();
    let random = Repeating { repeats, drawn: 0 };
    let authority =
        crate::Authority::open(store, site.cas(), site.settings, random, at(0)).unwrap();
    World { authority, ..world }
}

/// A serial number is checked where it is registered, and drawn again when it is taken.
#[test]
fn a_serial_number_that_is_taken_is_drawn_again() {
    let world = world_of_repeats(2);
    let (first, second) = (world.issue(1), world.issue(2));
    assert_ne!(first.serial, second.serial);
    assert_eq!(world.authority.certificates(), 2);
    world.audit();
}

#[test]
fn a_serial_number_that_stays_taken_is_not_issued() {
    let world = world_of_repeats(100);
    let first = world.issue(1);
    let refused = block_on(world.try_issue(EndKind::TlsClient, 2));
    assert!(matches!(refused, Err(AuthorityError::SerialTaken { .. })), "{refused:?}");
    assert_eq!(world.authority.certificates(), 1);
    let kept = world.authority.show(&first.serial, at(3)).unwrap().unwrap();
    assert_eq!(kept.der, first.der);
    world.audit();
}

fn register(world: &World, ca: &str, der: &[u8]) -> Result<Registered, AuthorityError> {
    block_on(world.authority.register(ca, der, Profile::Ca, admin(), at(1)))
}

#[test]
fn a_certificate_from_before_is_registered_once() {
    let world = world();
    let der = &world.site.issuing.certificate_der().to_vec();
    let first = register(&world, "root", der).unwrap();
    assert!(first.new);
    let again = register(&world, "root", der).unwrap();
    assert_eq!(again, Registered { new: false, ..first.clone() });
    let details = world.authority.show(&first.serial, at(2)).unwrap().unwrap();
    assert_eq!(&details.der, der);
    assert_eq!(
        (details.certificate.ca.as_str(), details.certificate.profile),
        ("root", Profile::Ca)
    );
    assert_eq!(world.events().pop().unwrap().action, "certificate-registered");
    let world = world.restart(at(3));
    assert!(!register(&world, "root", der).unwrap().new);
    world.audit();
}

#[test]
fn what_this_ca_did_not_issue_is_not_registered() {
    let world = world();
    let foreign = |ca: &str, der: &[u8]| match register(&world, ca, der) {
        Err(AuthorityError::Foreign { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let (root, issuing) = (world.site.root.certificate_der(), world.site.issuing.certificate_der());
    assert!(foreign("root", root).contains("self-issued"));
    assert!(foreign("issuing", issuing).contains("another CA is named"));
    let mut forged = issuing.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(foreign("root", &forged).contains("signature"), "{}", foreign("root", &forged));
    assert!(!foreign("root", b"no certificate").is_empty());
    let stranger = Site::new();
    assert!(foreign("root", stranger.issuing.certificate_der()).contains("signature"));
    assert!(matches!(register(&world, "none", issuing), Err(AuthorityError::UnknownCa { .. })));
}

/// What was issued here cannot come in again from outside with the same number.
#[test]
fn an_issued_certificate_is_known_when_it_is_registered() {
    let world = world();
    let issued = world.issue(1);
    let again = register(&world, "issuing", &issued.der).unwrap();
    assert_eq!(again, Registered { serial: issued.serial, new: false });
}

#[test]
fn a_stranger_is_not_known() {
    let world = world();
    let serial: Serial = "4a01".parse().unwrap();
    assert_eq!(world.authority.status(&serial), None);
    assert!(world.authority.show(&serial, at(1)).unwrap().is_none());
    let refused = block_on(world.authority.suspend(&serial, None, admin(), at(1))).unwrap_err();
    let text = "no certificate with the serial number 4a01 was issued here";
    assert_eq!(refused.to_string(), text);
}

/// Nothing in the trail can ever be erased: it names no person. Machines and organisations it does.
#[test]
fn a_person_is_not_named_in_the_trail() {
    let world = world();
    let person = DistinguishedName {
        country: "IT".to_owned(),
        given_name: Some("Mario".to_owned()),
        surname: Some("Rossi".to_owned()),
        serial_number: Some("TINIT-RSSMRA80A01H501U".to_owned()),
        common_name: "Mario Rossi".to_owned(),
        ..DistinguishedName::default()
    };
    let policy = rasn::types::ObjectIdentifier::new(vec![0, 4, 0, 2042, 1, 2]).unwrap();
    for kind in [EndKind::HolderRemote, EndKind::HolderAutomatic] {
        let (profile, key) = (EndProfile::new(kind, vec![policy.clone()]), key());
        let public = key.public_key();
        let issued = world.authority.issue("issuing", &profile, &person, public, admin(), at(1));
        let issued = block_on(issued).unwrap();
        let event = world.events().pop().unwrap();
        assert_eq!(event.subject, format!("certificate {}", issued.serial));
        let said = format!("{event:?}");
        for word in ["Mario", "Rossi", "RSSMRA"] {
            assert!(!said.contains(word), "{said}");
        }
        let sha256 = hex::encode(openssl::sha::sha256(&issued.der));
        assert!(said.contains(kind.name()) && said.contains(&sha256), "{said}");
    }
    world.issue(2);
    assert!(format!("{:?}", world.events().pop().unwrap()).contains("client 1"));
}
