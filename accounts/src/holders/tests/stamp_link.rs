//! The stamp account of a holder.

use super::support::*;
use crate::StampAccountId;
use crate::credentials::{
    ApiKey, Argon2Cost, CredentialSettings, Credentials, LoginProof, Password,
};
use crate::encoding::{decode, encode};
use crate::holders::sessions::{Access, AccessKind};
use crate::holders::stamp_link::StampLinkRecord;
use crate::holders::tables::STAMP_LINK;
use crate::holders::{Actor, DeviceId, HolderId};
use crate::stamps::{Act, LedgerSettings, StampLedger};
use crate::testing::{TestRandom, block_on};

/// The holders with the stamp accounts `sa-1` (named `acme`, with a password and a key) and on.
struct Desk {
    bench: Bench,
    credentials: Credentials,
    key: ApiKey,
}

impl Desk {
    fn new() -> Self {
        let bench = Bench::new();
        let settings = CredentialSettings {
            argon2: Argon2Cost::for_tests(1),
            ..CredentialSettings::default()
        };
        let store = bench.store.clone();
        let credentials = Credentials::open(store.clone(), settings, TestRandom::new(3)).unwrap();
        let ledger = StampLedger::open(store, LedgerSettings::default()).unwrap();
        for name in ["acme", "other"] {
            let id =
                block_on(ledger.create(name, &Act::new("operator", "test"), at(0))).unwrap().id;
            set_password(&credentials, id, name, 0);
        }
        let key = block_on(credentials.issue_api_key(ACME, "first", at(0))).unwrap();
        Self { bench, credentials, key }
    }

    fn by_password(&self, name: &str) -> LoginProof {
        self.credentials.proof_of_password(name).unwrap().unwrap()
    }

    fn by_key(&self) -> LoginProof {
        Credentials::proof_of_api_key(self.key.expose()).unwrap()
    }

    /// A holder who linked an account.
    fn linked(&self, email: &str, account: StampAccountId, proof: LoginProof) -> HolderId {
        let id = self.bench.holder(email);
        let access = self.bench.logged_in(email, 2);
        block_on(self.bench.holders.link_stamp_account(&access, account, proof, at(3))).unwrap();
        id
    }

    fn links(&self, account: StampAccountId) -> Vec<HolderId> {
        let links = self.bench.holders.stamp_links(account, None, 1_000).unwrap();
        links.into_iter().map(|link| link.holder).collect()
    }

    fn revoke_key(&self) {
        let revoke = self.credentials.revoke_api_key(ACME, self.key.prefix(), at(5));
        block_on(revoke).unwrap();
    }
}

const ACME: StampAccountId = StampAccountId::new(1);
const OTHER_ACCOUNT: StampAccountId = StampAccountId::new(2);

fn set_password(credentials: &Credentials, id: StampAccountId, name: &str, s: i64) {
    let password = Password::new("correct horse".to_owned()).unwrap();
    block_on(credentials.set_password(id, name, password, at(s))).unwrap();
}

/// A link as early versions made it, without a proof.
fn link(
    bench: &Bench,
    access: &Access,
    account: u64,
    s: i64,
) -> Result<(), super::super::HolderError> {
    let (account, key) = (StampAccountId::new(account), "marca_abcdefgh_".to_owned());
    let proof = Credentials::proof_of_api_key(&(key + &"0".repeat(32))).unwrap();
    block_on(bench.holders.link_stamp_account(access, account, proof, at(s)))?;
    let id = access.holder;
    let forget = bench.holders.transact(move |_, tx| {
        let bytes = tx.get(STAMP_LINK, &id.key())?.unwrap();
        let record: StampLinkRecord = decode(STAMP_LINK, &id.key(), &bytes)?;
        let record = StampLinkRecord { proof: None, ..record };
        tx.put(STAMP_LINK, &id.key(), &encode(&record, 16));
        Ok(())
    });
    block_on(forget)
}

fn linked(bench: &Bench, id: HolderId) -> Option<u64> {
    bench.holders.linked_stamp_account(id).unwrap().map(StampAccountId::number)
}

#[test]
fn a_link_is_the_holders() {
    let bench = Bench::new();
    let (id, other) = (bench.holder(EMAIL), bench.holder("other@example.org"));
    let access = bench.logged_in(EMAIL, 2);
    assert_eq!(linked(&bench, id), None);
    link(&bench, &access, 17, 3).unwrap();
    assert_eq!((linked(&bench, id), linked(&bench, other)), (Some(17), None));
    assert_eq!(linked(&bench.reopened(), id), Some(17));
    // Another one takes its place; and a company's is everybody's.
    link(&bench, &access, 18, 4).unwrap();
    link(&bench, &bench.logged_in("other@example.org", 5), 18, 5).unwrap();
    assert_eq!((linked(&bench, id), linked(&bench, other)), (Some(18), Some(18)));
    let unlink = |s| block_on(bench.holders.unlink_stamp_account(&access, at(s))).unwrap();
    unlink(6);
    assert_eq!((linked(&bench, id), linked(&bench, other)), (None, Some(18)));
    let events = bench.history(id).len();
    unlink(7);
    assert_eq!(bench.history(id).len(), events);
    let page = bench.holders.history(id, &Default::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!(last.kind.word(), "stamp-account-unlinked");
    assert_eq!(last.details, [("account".to_owned(), "sa-18".to_owned())]);
}

#[test]
fn a_machine_and_a_limited_session_link_nothing() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let full = bench.logged_in(EMAIL, 2);
    let limited = Access { limited: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &limited, 17, 3)), "step-up-needed");
    let first = Access { must_change_password: true, ..full.clone() };
    assert_eq!(slug(link(&bench, &first, 17, 3)), "password-change-needed");
    let machine = Access { what: AccessKind::System(DeviceId::new([1; 16])), ..full.clone() };
    assert_eq!(slug(link(&bench, &machine, 17, 3)), "session-needed");
    let phone = Access { what: AccessKind::Device(DeviceId::new([1; 16])), ..full };
    link(&bench, &phone, 17, 3).unwrap();
    for access in [limited, first, machine] {
        assert!(block_on(bench.holders.unlink_stamp_account(&access, at(4))).is_err());
    }
    assert_eq!(linked(&bench, id), Some(17));
}

#[test]
fn a_closed_account_has_no_link() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let access = bench.logged_in(EMAIL, 2);
    link(&bench, &access, 17, 3).unwrap();
    let export = bench.holders.export_personal_data(id, Actor::Holder(id), at(4));
    assert_eq!(document(block_on(export).unwrap())["stamp_account"], "sa-17");
    block_on(bench.holders.close(id, "asked for", operator(), at(5))).unwrap();
    assert_eq!(linked(&bench, id), None);
    let rows = bench.store.contents();
    assert!(!rows.keys().any(|(table, _)| *table == STAMP_LINK.number()));
    assert_eq!(slug(link(&bench, &access, 17, 6)), "unauthorized-holder");
}

/// Whoever lost the login of a company's account stamps from it no more, however it was lost.
#[test]
fn a_link_ends_with_the_login_that_was_shown() {
    let ends: [fn(&Desk) -> LoginProof; 2] =
        [|desk| desk.by_key(), |desk| desk.by_password("acme")];
    for (which, proof) in ends.into_iter().enumerate() {
        let desk = Desk::new();
        let id = desk.linked(EMAIL, ACME, proof(&desk));
        let stays = desk.linked("stays@example.org", OTHER_ACCOUNT, desk.by_password("other"));
        assert_eq!((linked(&desk.bench, id), linked(&desk.bench, stays)), (Some(1), Some(2)));
        assert_eq!(desk.links(ACME), [id]);
        // Another key, or the same password set anew, is another login.
        block_on(desk.credentials.issue_api_key(ACME, "second", at(4))).unwrap();
        match which {
            0 => desk.revoke_key(),
            _ => set_password(&desk.credentials, ACME, "acme", 5),
        }
        // At once, before anybody has ended it.
        assert_eq!((linked(&desk.bench, id), linked(&desk.bench, stays)), (None, Some(2)));
        assert_eq!(desk.links(ACME), []);
        let end = |s| block_on(desk.bench.holders.end_stamp_links(ACME, at(s))).unwrap();
        assert_eq!((end(6), end(7)), (1, 0));
        assert_eq!(desk.bench.history(id).last(), Some(&"stamp-account-unlinked"));
        assert_eq!(desk.bench.mails_to(EMAIL).last(), Some(&"stamp-account-unlinked"));
        assert!(!desk.bench.mails_to("stays@example.org").contains(&"stamp-account-unlinked"));
        assert_eq!(linked(&desk.bench, stays), Some(2));
    }
}

/// Generations begin anew when a password was taken away: the old link does not come back.
#[test]
fn a_password_that_is_set_again_revives_no_link() {
    let desk = Desk::new();
    let id = desk.linked(EMAIL, ACME, desk.by_password("ACME"));
    block_on(desk.credentials.remove_password(ACME, "acme")).unwrap();
    assert_eq!(linked(&desk.bench, id), None);
    set_password(&desk.credentials, ACME, "acme", 5);
    assert_eq!(linked(&desk.bench, id), None);
}

/// The timer finds what a process that was lost did not end, and links of early versions.
#[test]
fn the_timer_ends_dead_links_and_lists_old_ones() {
    let desk = Desk::new();
    let dead = desk.linked(EMAIL, ACME, desk.by_key());
    let lives = desk.linked("b@example.org", ACME, desk.by_password("acme"));
    let old = desk.bench.holder("c@example.org");
    link(&desk.bench, &desk.bench.logged_in("c@example.org", 4), 1, 4).unwrap();
    let unlisted = desk.bench.holders.transact(move |_, tx| {
        tx.delete(STAMP_LINK, &[b"a", &1_u64.to_be_bytes()[..], &old.key()].concat());
        Ok(())
    });
    block_on(unlisted).unwrap();
    desk.revoke_key();
    assert_eq!(desk.links(ACME), [lives]);
    let tick = |s| block_on(desk.bench.holders.stamp_links_tick(at(s))).unwrap();
    assert_eq!((tick(6), tick(7)), (1, 0));
    assert_eq!(desk.links(ACME), [lives, old]);
    assert_eq!(desk.bench.mails_to(EMAIL).last(), Some(&"stamp-account-unlinked"));
    assert_eq!(linked(&desk.bench, dead), None);
    let journal = desk.bench.store.journal().len();
    tick(8);
    assert_eq!(desk.bench.store.journal().len(), journal);
}

#[test]
fn the_owner_of_an_account_sees_and_cuts_its_links() {
    let desk = Desk::new();
    let (one, two) = (
        desk.linked(EMAIL, ACME, desk.by_key()),
        desk.linked("b@example.org", ACME, desk.by_password("acme")),
    );
    let other = desk.linked("c@example.org", OTHER_ACCOUNT, desk.by_password("other"));
    let holders = &desk.bench.holders;
    let page = holders.stamp_links(ACME, None, 1).unwrap();
    assert_eq!((page.len(), page[0].holder, page[0].linked_at), (1, one, at(3)));
    assert_eq!(
        (page[0].user_id.as_str(), page[0].by.clone()),
        ("a…@example.org", Some(desk.by_key()))
    );
    assert_eq!(holders.stamp_links(ACME, Some(one), 5).unwrap()[0].holder, two);
    // Of its own links: not those of another account.
    let owner = Actor::StampAccount(ACME);
    let cut =
        |holder| block_on(holders.cut_stamp_link(ACME, holder, owner.clone(), at(9))).unwrap();
    assert_eq!(
        (cut(one), cut(one), cut(other), cut(HolderId::new(99))),
        (true, false, false, false)
    );
    assert_eq!((linked(&desk.bench, one), linked(&desk.bench, other)), (None, Some(2)));
    assert_eq!((desk.links(ACME), desk.links(OTHER_ACCOUNT)), (vec![two], vec![other]));
    let page = holders.history(one, &Default::default()).unwrap();
    let last = page.entries.last().unwrap();
    assert_eq!((last.kind.word(), last.actor.as_str()), ("stamp-account-unlinked", "account sa-1"));
    assert_eq!(desk.bench.mails_to(EMAIL).last(), Some(&"stamp-account-unlinked"));
    let trail = desk.bench.trail();
    let told = ("stamp-account-unlinked".to_owned(), format!("holder {one}"));
    assert_eq!(trail.last(), Some(&told));
}

/// Another account in its place leaves nothing of the first, and neither does the end of a holder.
#[test]
fn an_index_has_what_is_linked_and_nothing_else() {
    let desk = Desk::new();
    let id = desk.linked(EMAIL, ACME, desk.by_key());
    let access = desk.bench.logged_in(EMAIL, 4);
    let proof = desk.by_password("other");
    let again = desk.bench.holders.link_stamp_account(&access, OTHER_ACCOUNT, proof, at(5));
    block_on(again).unwrap();
    // No one-time code is asked for it, so every address is told.
    assert_eq!(desk.bench.mails_to(EMAIL).last(), Some(&"stamp-account-linked"));
    assert_eq!((desk.links(ACME), desk.links(OTHER_ACCOUNT)), (vec![], vec![id]));
    block_on(desk.bench.holders.close(id, "asked for", operator(), at(6))).unwrap();
    let rows = desk.bench.store.contents();
    assert!(!rows.keys().any(|(table, _)| *table == STAMP_LINK.number()));
}
