//! Pages of certificates, with their filters.

use super::support::*;
use crate::{AuthorityError, CertificatePage, CertificateQuery, Profile, StatusWord};
use certs::EndKind;

fn numbers(page: &CertificatePage) -> Vec<u64> {
    page.certificates.iter().map(|certificate| certificate.number).collect()
}

fn all(world: &World, query: &CertificateQuery, seconds: i64) -> Vec<u64> {
    let mut query = query.clone();
    let mut found = Vec::new();
    loop {
        let page = world.authority.list(&query, at(seconds)).unwrap();
        found.extend(numbers(&page));
        match page.next {
            Some(next) => query.after = next,
            None => return found,
        }
    }
}

/// Certificates 1 and 2 are the responders'; 3 to 12 are these, every fourth suspended, every
/// fourth revoked.
fn filled() -> World {
    let world = world();
    for n in 3..=12 {
        let issued = world.issue(n);
        assert_eq!(issued.number, n as u64);
        match n % 4 {
            0 => drop(world.suspend(&issued.serial, n)),
            1 => drop(world.revoke(&issued.serial, n)),
            _ => {}
        }
    }
    world
}

#[test]
fn pages_join_without_gap_or_repetition() {
    let world = filled();
    for limit in [1, 3, 11, 12, 13, 0] {
        let query = CertificateQuery { limit, ..CertificateQuery::default() };
        assert_eq!(all(&world, &query, 20), (1..=12).collect::<Vec<_>>(), "limit {limit}");
    }
}

#[test]
fn a_status_is_picked() {
    let world = filled();
    let of = |status, limit, seconds| {
        let status = Some(status);
        all(&world, &CertificateQuery { status, limit, ..CertificateQuery::default() }, seconds)
    };
    for limit in [0, 1, 2] {
        assert_eq!(of(StatusWord::Suspended, limit, 20), [4, 8, 12]);
        assert_eq!(of(StatusWord::Revoked, limit, 20), [5, 9]);
        assert_eq!(of(StatusWord::Good, limit, 20), [1, 2, 3, 6, 7, 10, 11]);
        assert!(of(StatusWord::Expired, limit, 20).is_empty());
    }
    // After three years everything that was good has expired, and what was not has not.
    let late = 3 * 365 * 86_400;
    assert_eq!(of(StatusWord::Expired, 0, late), [1, 2, 3, 6, 7, 10, 11]);
    assert!(of(StatusWord::Good, 0, late).is_empty());
    assert_eq!(of(StatusWord::Suspended, 0, late), [4, 8, 12]);
}

#[test]
fn a_ca_is_picked() {
    let world = filled();
    let of = |ca: &str, status| {
        let ca = Some(ca.to_owned());
        all(&world, &CertificateQuery { ca, status, ..CertificateQuery::default() }, 20)
    };
    assert_eq!(of("root", None), [2]);
    assert_eq!(of("issuing", None).len(), 11);
    assert!(of("root", Some(StatusWord::Revoked)).is_empty());
    assert_eq!(of("issuing", Some(StatusWord::Revoked)), [5, 9]);
    let ca = Some("none".to_owned());
    let refused =
        world.authority.list(&CertificateQuery { ca, ..CertificateQuery::default() }, at(0));
    assert!(matches!(refused, Err(AuthorityError::UnknownCa { .. })));
}

#[test]
fn the_cas_tell_what_they_did() {
    let world = filled();
    let facts = world.authority.authorities().unwrap();
    let ids: Vec<_> = facts.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["issuing", "root"]);
    assert_eq!(world.authority.ca_ids(), ids);
    assert_eq!((facts[0].issued, facts[1].issued), (11, 1));
    assert!(facts[0].subject.contains("Example Issuing CA"));
    assert_eq!(facts[0].crl.as_ref().unwrap().entries, 5);
    assert_eq!(world.authority.ca("root").unwrap().id(), "root");
    assert!(world.authority.ca("none").is_none());
}

#[test]
fn profiles_have_their_names() {
    for kind in EndKind::ALL {
        let profile = Profile::from(kind);
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    assert_eq!("ca".parse(), Ok(Profile::Ca));
    assert!("CA".parse::<Profile>().is_err());
}
