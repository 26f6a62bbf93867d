//! After a restart everything is as before.

use super::support::outside::Said;
use super::support::*;
use crate::{Authority, AuthorityCa, AuthorityError, ResponderKey, Settings};
use std::sync::Arc;
use store::Store;

#[test]
fn everything_is_as_before() {
    let world = world();
    let (good, held, revoked) = (world.issue(1), world.issue(1), world.issue(1));
    world.suspend(&held.serial, 10);
    world.revoke(&revoked.serial, 20);
    let status = |world: &World| {
        [&good, &held, &revoked].map(|issued| world.authority.status(&issued.serial))
    };
    let shown = |world: &World| {
        [&good, &held, &revoked].map(|one| world.authority.show(&one.serial, at(25)).unwrap())
    };
    let (list, facts) = (world.list(), world.authority.authorities().unwrap());
    let (statuses, details) = (status(&world), shown(&world));

    let world = world.restart(at(30));
    assert_eq!((status(&world), shown(&world)), (statuses, details));
    // The responder is taken up again; its key and its certificate are the same.
    assert_eq!(world.ask(&held.der, 31), Said::Revoked(6, at(10)));
    let resumed = world.authority.authorities().unwrap();
    assert_eq!(resumed[0].responder, facts[0].responder);
    assert_eq!(resumed[0].issued, 4);
    // The list is there, and made anew by the first tick; its number grows.
    assert_eq!(world.authority.crl("issuing").unwrap().number, 3);
    assert_eq!(world.list(), list);
    let ticked = block_on(world.authority.tick(at(40)));
    assert_eq!(ticked.crls, [("issuing".to_owned(), 4), ("root".to_owned(), 2)]);
    assert!(ticked.responders.is_empty());
    assert_eq!(world.list(), list);
    assert_eq!(world.reactivate(&held.serial, 50), 5);
    assert_eq!(world.ask(&good.der, 51), Said::Good);
    let report = world.audit();
    // Three, and two responders.
    assert_eq!((report.certificates, report.held, report.revoked, report.crls), (5, 0, 1, 7));
}

#[test]
fn a_responder_whose_key_is_lost_is_made_anew() {
    let world = world();
    let issued = world.issue(1);
    world.site.keys.forget();
    let world = world.restart(at(10));
    assert_eq!(world.authority.authorities().unwrap()[0].responder, None);
    let ticked = block_on(world.authority.tick(at(20)));
    assert_eq!((ticked.responders.len(), ticked.failures.len()), (2, 0));
    assert_eq!(world.ask(&issued.der, 21), Said::Good);
}

fn open(world: &World, cas: Vec<AuthorityCa>) -> Result<Authority, AuthorityError> {
    let store: Arc<dyn Store> = world.store.clone();
    Authority::open(store, cas, Settings::default(), random(3), at(1))
}

#[test]
fn another_key_under_the_same_id_is_refused() {
    let world = world();
    let stranger = Site::new();
    let refused = open(&world, stranger.cas()).unwrap_err();
    assert!(matches!(&refused, AuthorityError::OtherKey { ca } if ca == "issuing"), "{refused}");
    let twice = [world.site.cas(), world.site.cas()].concat();
    let refused = open(&world, twice).unwrap_err();
    assert!(matches!(refused, AuthorityError::RepeatedCa { .. }));
}

/// The CAs may come in another order, or fewer of them: the numbers in the store stay theirs.
#[test]
fn a_ca_keeps_its_certificates_whatever_the_order() {
    let world = world();
    let issued = world.issue(1);
    let mut cas = world.site.cas();
    cas.reverse();
    let authority = open(&world, cas).unwrap();
    let shown = authority.show(&issued.serial, at(2)).unwrap().unwrap();
    assert_eq!(shown.certificate.ca, "issuing");
    let only_root = AuthorityCa { ca: world.site.root.clone(), responder: ResponderKey::Direct };
    let authority = open(&world, vec![only_root]).unwrap();
    let shown = authority.show(&issued.serial, at(2)).unwrap().unwrap();
    assert_eq!(shown.certificate.ca, "number 0");
    let refused = block_on(authority.suspend(&issued.serial, None, admin(), at(3)));
    assert!(matches!(refused, Err(AuthorityError::Unpublished { .. })), "{refused:?}");
}

#[test]
fn a_registry_that_cannot_be_read_is_not_opened() {
    use store::StoreExt;
    let world = world();
    let spoil = |tx: &mut dyn store::Transaction| {
        tx.put(crate::tables::STANDING, &[1; 20], b"\xff");
        Ok(())
    };
    world.store.transact(spoil).wait().unwrap();
    let refused = open(&world, world.site.cas()).unwrap_err();
    assert!(refused.to_string().contains("ca-standing"), "{refused}");
}

/// The CA's key may be away at a start: the newest list is published while it is valid, and no
/// older one, and none that this CA did not sign.
#[test]
fn the_newest_list_is_published_while_the_key_is_away() {
    use store::StoreExt;
    let world = world();
    let issued = world.issue(1);
    world.suspend(&issued.serial, 10);
    let list = world.authority.crl("issuing").unwrap();
    world.site.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let world = world.restart(at(20));
    assert_eq!(world.authority.crl("issuing"), Some(list.clone()));
    let ticked = block_on(world.authority.tick(at(21)));
    assert_eq!(ticked.failures.len(), 1, "{:?}", ticked.failures);
    assert_eq!(world.authority.crl("issuing"), Some(list));

    let world = world.restart(at(8 * 86_400));
    assert_eq!(world.authority.crl("issuing"), None, "it is over");

    let spoil = |tx: &mut dyn store::Transaction| {
        let key = crate::tables::authority_key(0);
        let mut row = tx.get(crate::tables::CRL, &key)?.unwrap();
        *row.last_mut().unwrap() ^= 1;
        tx.put(crate::tables::CRL, &key, &row);
        Ok(())
    };
    world.store.transact(spoil).wait().unwrap();
    assert_eq!(world.restart(at(30)).authority.crl("issuing"), None);
}
