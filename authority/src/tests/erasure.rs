//! Names and DER taken out of the certificates of one holder: what goes, what stays, and when not.

use super::support::*;
use crate::audit::Fault;
use crate::encoding::{decode, encode};
use crate::model::{Act, CertificateQuery, Issued};
use crate::records::CertificateRecord;
use crate::tables::{CERTIFICATE, DER};
use crate::{AuthorityError, Status};
use certs::{DistinguishedName, EndKind, EndProfile};
use store::journal::Operation as Stored;

/// A certificate for a holder, over a name that nothing else has.
fn issue_to(world: &World, holder: &str, seconds: i64) -> Issued {
    let (by, key) = (Act::new(holder, "credential 5f"), key());
    let profile = EndProfile::new(EndKind::HolderRemote, Vec::new());
    let subject = DistinguishedName::natural_person("IT", "Ada", "Lovelace", "TINIT-X");
    let (authority, public) = (&world.authority, key.public_key());
    block_on(authority.issue("issuing", &profile, &subject, public, &by, at(seconds))).unwrap()
}

fn erase(world: &World, holder: &str, seconds: i64) -> Result<usize, AuthorityError> {
    block_on(world.authority.erase_subjects(holder, admin(), at(seconds)))
}

#[test]
fn the_names_of_one_holder_go_and_all_that_relying_parties_ask_for_stays() {
    let world = world();
    let (own, other) = (issue_to(&world, "holder h-1", 1), issue_to(&world, "holder h-11", 2));
    let second = issue_to(&world, "holder h-1", 3);
    for one in [&own, &second] {
        world.revoke(&one.serial, 10);
    }
    let before = world.authority.show(&own.serial, at(20)).unwrap().unwrap();
    assert!(before.certificate.subject.contains("Lovelace"));
    assert_eq!(erase(&world, "holder h-1", 20).unwrap(), 2);
    assert_eq!(erase(&world, "holder h-1", 21).unwrap(), 0, "once");

    let after = world.authority.show(&own.serial, at(30)).unwrap().unwrap();
    assert_eq!((after.certificate.subject.as_str(), after.der.len()), ("", 0));
    assert_eq!(after.certificate.erased_at, Some(at(20)));
    assert_eq!(after.fingerprint, openssl::sha::sha256(&own.der));
    assert_eq!(after.certificate.status, before.certificate.status);
    assert_eq!(after.history, before.history);
    let kept = world.authority.show(&other.serial, at(30)).unwrap().unwrap();
    assert_eq!(kept.der, other.der, "h-1 is not h-11");
    // Lists and answers speak of it as before, after a restart too.
    let world = world.restart(at(40));
    assert!(matches!(world.authority.status(&own.serial), Some(Status::Revoked { .. })));
    assert!(world.list().contains_key(&own.serial.to_string()));
    assert!(matches!(world.ask(&own.der, 41), outside::Said::Revoked(..)));
    let page = world.authority.list(&CertificateQuery::default(), at(50)).unwrap();
    let named = page.certificates.iter().filter(|one| one.subject.contains("Lovelace"));
    assert_eq!(named.count(), 1);
    world.audit();
    let events = world.events();
    let erased = events.iter().filter(|event| event.action == "subject-erased");
    assert_eq!(erased.count(), 2);
}

#[test]
fn nothing_goes_while_a_certificate_is_good_or_suspended() {
    let world = world();
    let (own, good) = (issue_to(&world, "holder h-1", 1), issue_to(&world, "holder h-1", 2));
    world.revoke(&own.serial, 10);
    let refused = |seconds| {
        let refused = erase(&world, "holder h-1", seconds).unwrap_err();
        assert!(
            matches!(&refused, AuthorityError::StillValid { serial } if *serial == good.serial)
        );
        let shown = world.authority.show(&own.serial, at(seconds)).unwrap().unwrap();
        assert_eq!(shown.der, own.der, "not even of the one that is revoked");
    };
    refused(20);
    world.suspend(&good.serial, 25);
    refused(30);
    let end = (good.not_after - at(0)).num_seconds();
    refused(end);
    assert_eq!(erase(&world, "holder h-1", end + 1).unwrap(), 2, "both, past the end");
}

/// An audit follows an erasure, and takes nothing else for one.
#[test]
fn an_audit_tells_an_erasure_from_damage() {
    let world = world();
    let own = issue_to(&world, "holder h-1", 1);
    world.revoke(&own.serial, 10);
    erase(&world, "holder h-1", 20).unwrap();
    let journal = world.journal();
    journal.audit().unwrap();
    let place = |table: store::Table| {
        let mut rows = journal.0.iter().enumerate().flat_map(|(transaction, rows)| {
            rows.iter().enumerate().map(move |(place, row)| (transaction, place, row))
        });
        let last = rows.rfind(|(_, _, row)| row.table == table.number()).unwrap();
        (last.0, last.1)
    };
    let (transaction, row) = place(CERTIFICATE);
    let changed = |change: &dyn Fn(&mut CertificateRecord)| {
        let mut journal = journal.clone();
        let value = journal.0[transaction][row].value.as_mut().unwrap();
        let mut record: CertificateRecord = decode(CERTIFICATE, b"", value).unwrap();
        change(&mut record);
        *value = encode(&record);
        journal.audit()
    };
    assert!(changed(&|_| ()).is_ok());
    let changes: [&dyn Fn(&mut CertificateRecord); 5] = [
        &|record| record.subject = "somebody".to_owned(),
        &|record| record.fingerprint[0] ^= 1,
        &|record| record.not_after += 1,
        &|record| record.actor = "holder h-2".to_owned(),
        &|record| record.erased_at = None,
    ];
    for change in changes {
        assert!(changed(change).is_err());
    }
    // The DER has to go with the name; and a second erasure is none.
    let (transaction, row) = place(DER);
    let mut kept = journal.clone();
    kept.0[transaction].remove(row);
    assert!(matches!(kept.audit().unwrap_err()[0], Fault::Content { .. }));
    let mut twice = journal.clone();
    let again: Vec<Stored> = twice.0[transaction].clone();
    twice.0.push(again);
    assert!(matches!(twice.audit().unwrap_err()[0], Fault::Content { .. }));
}
