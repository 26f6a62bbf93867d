//! The place of authorisations: what is kept, what is seen beside it, and that it goes.

use crate::holders::authorisations::{
    AuthorisationEntry, AuthorisationPlace, CredentialStanding, KeptAuthorisation, erase,
};
use crate::holders::credential::tests::support::{Bench, HOLDER, NEW_PIN, at, holders};
use crate::holders::credential::{State, SuspensionCause};
use crate::holders::history::{HistoryEntry, HistoryKind, HistoryQuery};
use crate::holders::holder::{HolderStatus, load, save};
use crate::holders::tables::AUTHORISATION;
use crate::holders::{Actor, CredentialId, HolderError, Holders};
use crate::testing::block_on;
use store::StoreError;

fn place(hash: u8, credential: CredentialId) -> AuthorisationPlace {
    AuthorisationPlace { hash: [hash; 32], credential }
}

fn kept(credential: CredentialId, ends: i64) -> KeptAuthorisation {
    KeptAuthorisation { credential, expires_at: at(ends), octets: vec![1, 2, 3] }
}

/// Acts, and gives what the act saw.
fn act<E: Send + 'static>(
    holders: &Holders,
    place: AuthorisationPlace,
    act: impl FnOnce(&mut AuthorisationEntry) -> Result<(), E> + Send + 'static,
) -> Result<(Option<KeptAuthorisation>, Option<CredentialStanding>), E> {
    let work = move |entry: &mut AuthorisationEntry| {
        let seen = (entry.kept.clone(), entry.standing.clone());
        act(entry).map(|()| seen)
    };
    block_on(holders.at_authorisation(place, at(50), work)).unwrap()
}

fn keep(bench: &Bench, hash: u8, ends: i64) {
    let id = bench.id;
    let put = move |entry: &mut AuthorisationEntry| {
        entry.kept = Some(kept(id, ends));
        Ok::<_, ()>(())
    };
    act(&bench.holders, place(hash, id), put).unwrap();
}

fn look(bench: &Bench, hash: u8) -> (Option<KeptAuthorisation>, Option<CredentialStanding>) {
    act(&bench.holders, place(hash, bench.id), |_| Ok::<_, ()>(())).unwrap()
}

#[test]
fn what_is_kept_is_seen_again_with_how_the_credential_stands() {
    let bench = Bench::active();
    keep(&bench, 1, 300);
    let (seen, standing) = look(&bench, 1);
    assert_eq!(seen, Some(kept(bench.id, 300)));
    let standing = standing.unwrap();
    assert_eq!((standing.holder, standing.holder_active), (HOLDER, true));
    assert_eq!((standing.state, standing.epoch), (State::Active, bench.view().epoch));
    assert_eq!(standing.serial.as_deref(), Some("01"));
    assert_eq!(look(&bench, 2).0, None);
}

#[test]
fn a_change_of_the_credential_is_seen_in_the_same_instant() {
    let bench = Bench::active();
    let before = look(&bench, 1).1.unwrap();
    bench.suspend(None).unwrap();
    let after = look(&bench, 1).1.unwrap();
    let cause = SuspensionCause::Holder;
    assert_eq!(after.state, State::Suspended { until: None, cause, pin_locked: false });
    assert!(after.epoch > before.epoch);
}

#[test]
fn a_holder_who_is_blocked_is_seen_as_such() {
    let bench = Bench::active();
    block_on(bench.holders.transact(|_, tx| {
        let mut record = load(tx, HOLDER)?;
        record.status = HolderStatus::Blocked;
        save(tx, HOLDER, &record);
        Ok(())
    }))
    .unwrap();
    let standing = look(&bench, 1).1.unwrap();
    assert!(!standing.holder_active);
    assert_eq!(standing.state, State::Active);
}

#[test]
fn a_credential_that_does_not_exist_stands_nowhere() {
    let holders = holders();
    let seen = act(&holders, place(1, CredentialId::new([9; 16])), |_| Ok::<_, ()>(()));
    assert_eq!(seen, Ok((None, None)));
}

#[test]
fn a_refusal_writes_nothing() {
    let bench = Bench::active();
    keep(&bench, 1, 300);
    let (before, history) = (bench.store.contents(), bench.history());
    let id = bench.id;
    let refuse = move |entry: &mut AuthorisationEntry| {
        entry.kept = Some(kept(id, 999));
        let note = HistoryEntry::new(HistoryKind::SignatureMade, Actor::Holder(HOLDER));
        entry.notes.push((HOLDER, note));
        Err("no")
    };
    assert_eq!(act(&bench.holders, place(1, id), refuse), Err("no"));
    assert_eq!((bench.store.contents(), bench.history()), (before, history));
}

#[test]
fn a_store_that_fails_keeps_neither_authorisation_nor_history() {
    let bench = Bench::active();
    let (before, id) = (bench.store.contents(), bench.id);
    bench.store.fail_next(StoreError::Closed);
    let put = move |entry: &mut AuthorisationEntry| {
        entry.kept = Some(kept(id, 300));
        Ok::<_, ()>(())
    };
    let failed = block_on(bench.holders.at_authorisation(place(1, id), at(50), put));
    assert!(matches!(failed, Err(HolderError::Store(_))), "{failed:?}");
    assert_eq!(bench.store.contents(), before);
}

/// The history says which algorithm and which hash; the trail names the holder by number alone.
#[test]
fn notes_go_into_the_history_with_the_authorisation() {
    let bench = Bench::active();
    let id = bench.id;
    let put = move |entry: &mut AuthorisationEntry| {
        entry.kept = Some(kept(id, 300));
        let note = HistoryEntry::new(HistoryKind::SignatureMade, Actor::Holder(HOLDER));
        entry.notes.push((HOLDER, note.with("algorithm", "ecdsa-sha256").with("hash", "ab")));
        Ok::<_, ()>(())
    };
    act(&bench.holders, place(1, id), put).unwrap();
    let page = bench.holders.history(HOLDER, &HistoryQuery::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!((last.kind, last.at), (HistoryKind::SignatureMade, at(50)));
    let details = [("algorithm", "ecdsa-sha256"), ("hash", "ab")];
    assert_eq!(last.details, details.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// The holder of these tests wants a notice of each act of signing: one for all its hashes.
#[test]
fn a_notice_goes_out_with_the_signatures_of_an_act() {
    let bench = Bench::active();
    let sent = bench.messages().len();
    let id = bench.id;
    let sign = move |entry: &mut AuthorisationEntry| {
        for _ in 0..3 {
            let note = HistoryEntry::new(HistoryKind::SignatureMade, Actor::Holder(HOLDER));
            entry.notes.push((HOLDER, note));
        }
        let note = HistoryEntry::failure(HistoryKind::SignatureFailed, Actor::Holder(HOLDER));
        entry.notes.push((HOLDER, note));
        Ok::<_, ()>(())
    };
    act(&bench.holders, place(1, id), sign).unwrap();
    assert_eq!(bench.messages()[sent..], ["signature-made"]);
}

#[test]
fn what_has_ended_is_found_by_its_end_and_leaves_nothing_behind() {
    let bench = Bench::active();
    let empty = rows(&bench);
    for (hash, ends) in [(1, 300), (2, 100), (3, 200)] {
        keep(&bench, hash, ends);
    }
    // Another end replaces the one before.
    keep(&bench, 1, 150);
    let hashes = |seconds, limit| {
        let ended = bench.holders.ended_authorisations(at(seconds), limit).unwrap();
        assert!(ended.iter().all(|place| place.credential == bench.id));
        ended.iter().map(|place| place.hash[0]).collect::<Vec<u8>>()
    };
    assert_eq!(hashes(100, 9), [0; 0]);
    assert_eq!(hashes(101, 9), [2]);
    assert_eq!(hashes(1_000, 9), [2, 1, 3]);
    assert_eq!(hashes(1_000, 2), [2, 1]);
    for hash in [1, 2, 3] {
        let delete = |entry: &mut AuthorisationEntry| {
            entry.kept = None;
            Ok::<_, ()>(())
        };
        act(&bench.holders, place(hash, bench.id), delete).unwrap();
    }
    assert_eq!(rows(&bench), empty);
}

#[test]
fn a_holder_who_is_erased_leaves_no_authorisation() {
    let bench = Bench::active();
    for hash in 1..=5 {
        keep(&bench, hash, 300);
    }
    let erased = |limit| block_on(bench.holders.transact(move |_, tx| erase(tx, HOLDER, limit)));
    assert_eq!(erased(2).unwrap(), 2);
    assert_eq!(erased(500).unwrap(), 3);
    assert_eq!(rows(&bench), 0);
}

#[test]
fn it_is_there_after_a_restart() {
    let bench = Bench::active();
    bench.change(NEW_PIN, "16180339").unwrap();
    keep(&bench, 1, 300);
    let holders = bench.restarted();
    let seen = act(&holders, place(1, bench.id), |_| Ok::<_, ()>(())).unwrap();
    assert_eq!(seen.0, Some(kept(bench.id, 300)));
}

fn rows(bench: &Bench) -> usize {
    let contents = bench.store.contents();
    contents.keys().filter(|(table, _)| *table == AUTHORISATION.number()).count()
}
