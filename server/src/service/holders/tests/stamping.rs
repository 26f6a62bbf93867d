//! A signature and its stamp leave together or not at all, and the books say so.

use super::support::{House, block_on};
use crate::service::SignatureStamper;
use crate::service::stamp_port::StampPort;
use accounts::StampAccountId;
use accounts::holders::SigningKeyKind;
use accounts::holders::credential::{CredentialKind, Event, RevocationCause};
use accounts::holders::history::HistoryKind;
use accounts::stamps::Act;
use chrono::{DateTime, Utc};
use openssl::sha::sha256;
use signing::{
    By, CredentialState, DigestAlgorithm, SignError, SignatureAlgorithm, Stamp, StampFault, Stamper,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tsa::HeldStamp;

const ECDSA: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

fn stamper(house: &House) -> SignatureStamper<'_> {
    SignatureStamper { issuer: &house.service.issuer, metrics: &house.service.metrics }
}

/// Signs and stamps with whatever stamper.
async fn act<S>(
    house: &House,
    stamper: &S,
    account: StampAccountId,
    texts: &[&str],
) -> Result<Vec<Result<signing::StampedSignature, SignError>>, SignError>
where
    S: Stamper<Account = StampAccountId>,
{
    let what = house.what(ECDSA, texts);
    let granted = house.authorise(&what).await;
    let (by, with) = (By::Access(&house.access), (stamper, &account));
    house.service.signing.sign_and_stamp(by, &granted.sad, &what, with, house.now()).await
}

/// The stored reply to a token is the token that was handed out, for the value that it is over.
async fn fetchable(house: &House, account: StampAccountId, signed: &signing::StampedSignature) {
    let stored = house.service.ledger.token(account, signed.stamp.serial).await.unwrap().unwrap();
    let reply = house.service.issuer.token_reply(&stored.token, &stored.tsu, true).unwrap();
    assert_eq!(reply, tsa::response::granted(&signed.stamp.token));
    let digest = sha256(&signed.signature);
    let token = &signed.stamp.token;
    assert!(token.windows(32).any(|part| part == digest), "the token is over something else");
}

#[test]
fn each_signature_takes_one_stamp_and_its_token_can_be_fetched() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(3).await;
        let signed = act(&house, &stamper(&house), account, &["a contract", "its annex"]).await;
        let signed = signed.unwrap();
        let left: Vec<u64> = signed.iter().flatten().map(|one| one.stamp.remaining).collect();
        assert_eq!(left, [2, 1]);
        for one in signed.iter().flatten() {
            fetchable(&house, account, one).await;
        }
        assert_eq!(house.balance(account).await, (1, 2));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 2);
    });
}

#[test]
fn without_enough_stamps_nothing_is_signed_and_none_is_taken() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(1).await;
        let refused = act(&house, &stamper(&house), account, &["a contract", "its annex"]).await;
        assert_eq!(refused, Err(SignError::Stamp(StampFault::NoStamps)));
        assert_eq!(house.balance(account).await, (1, 0));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 0);
        assert_eq!(house.happened(HistoryKind::SignatureFailed), 0, "the key was not used");
        // The one stamp is for the one signature.
        act(&house, &stamper(&house), account, &["a contract"]).await.unwrap();
        assert_eq!(house.balance(account).await, (0, 1));
    });
}

#[test]
fn an_account_that_is_not_active_stops_the_signature() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(5).await;
        let by = Act::new("test", "a test");
        house.service.ledger.suspend(account, &by, house.service.clock.now()).await.unwrap();
        let refused = act(&house, &stamper(&house), account, &["a contract"]).await;
        assert_eq!(refused, Err(SignError::Stamp(StampFault::AccountNotActive)));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 0);
    });
}

/// Holds stamps like the real one; what happens when one is to be used is the test's choice.
struct Breaking<'a> {
    own: SignatureStamper<'a>,
    house: &'a House,
    /// The token of this number, from 0, cannot be had; or the future never ends.
    at: usize,
    how: Break,
    count: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    Fails,
    Hangs,
    Revokes,
}

impl<'a> Breaking<'a> {
    fn new(house: &'a House, at: usize, how: Break) -> Self {
        Self { own: stamper(house), house, at, how, count: AtomicUsize::new(0) }
    }
}

impl Stamper for Breaking<'_> {
    type Account = StampAccountId;
    type Reservation = HeldStamp<StampPort>;

    async fn reserve(
        &self,
        account: &StampAccountId,
        now: DateTime<Utc>,
    ) -> Result<HeldStamp<StampPort>, StampFault> {
        self.own.reserve(account, now).await
    }

    async fn stamp(
        &self,
        reservation: HeldStamp<StampPort>,
        imprint: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Stamp, StampFault> {
        if self.count.fetch_add(1, Ordering::SeqCst) == self.at {
            match self.how {
                Break::Fails => return Err(StampFault::Unavailable),
                Break::Hangs => std::future::pending().await,
                Break::Revokes => {
                    let cause = RevocationCause::KeyCompromise;
                    let (place, by) = (self.house.place(), "operator".to_owned());
                    let (holders, ca) =
                        (&self.house.service.holders, &self.house.service.holder_ca);
                    let event = Event::Revoke { cause };
                    holders.change_by_operator(place, event, by, ca, now).await.unwrap();
                }
            }
        }
        self.own.stamp(reservation, imprint, now).await
    }
}

/// A token that cannot be had throws its signature away, and no other one.
#[test]
fn a_token_that_fails_takes_its_signature_with_it() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(5).await;
        let broken = Breaking::new(&house, 1, Break::Fails);
        let signed = act(&house, &broken, account, &["one", "two", "three"]).await.unwrap();
        let [Ok(first), Err(second), Ok(third)] = &signed[..] else { panic!("{signed:?}") };
        assert_eq!(*second, SignError::Stamp(StampFault::Unavailable));
        fetchable(&house, account, first).await;
        fetchable(&house, account, third).await;
        assert_eq!(house.balance(account).await, (3, 2));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 2);
        assert_eq!(house.happened(HistoryKind::SignatureFailed), 1);
    });
}

/// Whoever asked goes away, or the process ends, between the key and the token: the stamp comes
/// back, the hash is burned, and the history says so.
#[test]
fn what_is_cut_off_takes_no_stamp_and_is_never_signed_again() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(5).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        let broken = Breaking::new(&house, 0, Break::Hangs);
        let signing = &house.service.signing;
        let with = (&broken, &account);
        let cut_off = signing.sign_and_stamp(
            By::Access(&house.access),
            &granted.sad,
            &what,
            with,
            house.now(),
        );
        let long = std::time::Duration::from_millis(500);
        assert!(tokio::time::timeout(long, cut_off).await.is_err());
        assert_eq!(house.balance(account).await, (5, 0));
        let by = By::Access(&house.access);
        let again = signing.sign(by, &granted.sad, &what, house.now()).await;
        assert_eq!(again, Err(SignError::HashUsed { index: 0 }));
        house.wait(10);
        signing.tick(house.now()).await.unwrap();
        assert_eq!(house.happened(HistoryKind::SignatureFailed), 1);
        assert_eq!(house.happened(HistoryKind::SignatureMade), 0);
    });
}

/// Revoked while the second stamp is taken: that is the last one. What has a stamp is given, and
/// for the rest none is taken.
#[test]
fn a_revocation_in_the_middle_takes_no_stamp_for_what_is_not_given() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let account = house.stamps(5).await;
        let broken = Breaking::new(&house, 1, Break::Revokes);
        let signed = act(&house, &broken, account, &["one", "two", "three", "four"]).await;
        let signed = signed.unwrap();
        let [Ok(first), Ok(second), Err(third), Err(fourth)] = &signed[..] else {
            panic!("{signed:?}")
        };
        fetchable(&house, account, first).await;
        fetchable(&house, account, second).await;
        let revoked = SignError::CredentialNotActive(CredentialState::Revoked);
        assert_eq!([third, fourth], [&revoked; 2]);
        assert_eq!(house.happened(HistoryKind::SignatureMade), 2);
        assert_eq!(house.happened(HistoryKind::SignatureFailed), 2);
        assert_eq!(house.balance(account).await, (3, 2));
        assert_eq!(house.service.signing.unlocked_keys(), 0);
    });
}
