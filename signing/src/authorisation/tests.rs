//! The rules of the rows without a store, and the bytes of the record.

use super::*;
use crate::DigestAlgorithm;
use chrono::TimeDelta;
use proptest::prelude::*;

const ACCESS: AccessFacts = AccessFacts { holder: HolderRef(12), access: AccessRef([2; 32]) };
const ES256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
const STANDING: Standing = Standing { state: CredentialState::Active, epoch: 3 };

fn terms() -> Terms {
    let issued_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Terms {
        access: ACCESS,
        credential: CredentialRef([1; 16]),
        algorithm: ES256,
        epoch: 3,
        issued_at,
        expires_at: issued_at + TimeDelta::seconds(300),
    }
}

fn what(fill: &[u8]) -> HashesToSign {
    let hashes = fill.iter().map(|byte| vec![*byte; 32]).collect();
    HashesToSign::new(CredentialRef([1; 16]), ES256, hashes).unwrap()
}

fn reserve(kept: &mut Authorisation, fill: &[u8]) -> Result<Reserved, SignError> {
    kept.reserve(&ACCESS, &what(fill), STANDING, terms().issued_at)
}

#[test]
fn the_record_of_two_factors_keeps_its_bytes() {
    let mut kept = Authorisation::of_hashes(terms(), what(b"a").hashes());
    drop(reserve(&mut kept, b"a").unwrap());
    let bytes = minicbor::to_vec(&kept).unwrap();
    let golden = [
        "880c50",
        &"01".repeat(16),
        "5820",
        &"02".repeat(32),
        "6c65636473612d736861323536031b000001a3185c50001b000001a31860e3e0",
        "8183005820",
        &"61".repeat(32),
        "01",
    ];
    let golden = golden.concat();
    assert_eq!(hex::encode(&bytes), golden);
    assert_eq!(minicbor::decode::<Authorisation>(&bytes).unwrap(), kept);
}

#[test]
fn the_record_of_a_window_keeps_its_bytes() {
    let kept = Authorisation::of_window(terms(), 500);
    let bytes = minicbor::to_vec(&kept).unwrap();
    assert!(hex::encode(&bytes).ends_with("80821901f400"), "{}", hex::encode(&bytes));
    assert_eq!(minicbor::decode::<Authorisation>(&bytes).unwrap(), kept);
}

#[test]
fn an_algorithm_that_is_not_known_makes_a_record_unreadable() {
    let kept = Authorisation::of_window(terms(), 1);
    let mut bytes = minicbor::to_vec(&kept).unwrap();
    let place = bytes.windows(5).position(|text| text == b"ecdsa").unwrap();
    bytes[place] = b'x';
    assert!(minicbor::decode::<Authorisation>(&bytes).is_err());
}

#[test]
fn rows_that_lapsed_cannot_be_settled() {
    let mut kept = Authorisation::of_hashes(terms(), what(b"ab").hashes());
    let reserved = reserve(&mut kept, b"a").unwrap();
    assert_eq!(kept.lapse(), [vec![b'a'; 32]]);
    assert_eq!(kept.settle(&reserved, &[End::Used]), Err(SignError::Unclear));
    assert!(!kept.is_spent());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(u8, u8),
    Settle(bool),
    Lapse,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..4, 0_u8..4).prop_map(|(one, two)| Step::Reserve(one, two)),
        3 => any::<bool>().prop_map(Step::Settle),
        1 => Just(Step::Lapse),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    /// Whatever the order of acts, a row only goes forward, and a hash is signed at most as often
    /// as it was authorised.
    #[test]
    fn rows_only_go_forward(
        authorised in proptest::collection::vec(0_u8..4, 1..8),
        steps in steps(),
    ) {
        let mut kept = Authorisation::of_hashes(terms(), what(&authorised).hashes());
        let mut held = Vec::new();
        let mut used = 0;
        for step in steps {
            let before: Vec<RowState> = kept.rows().iter().map(|row| row.state).collect();
            match step {
                Step::Reserve(one, two) => held.extend(reserve(&mut kept, &[one, two])),
                Step::Settle(good) => if let Some(reserved) = held.pop() {
                    let end = if good { End::Used } else { End::Burned };
                    if kept.settle(&reserved, &[end; 2]).is_ok() && good {
                        used += 2;
                    }
                },
                Step::Lapse => drop(kept.lapse()),
            }
            for (before, row) in before.into_iter().zip(kept.rows()) {
                let forward = match before {
                    RowState::Open => matches!(row.state, RowState::Open | RowState::Reserved),
                    RowState::Reserved => row.state != RowState::Open,
                    ended => row.state == ended,
                };
                prop_assert!(forward, "{before:?} became {:?}", row.state);
            }
        }
        let signed = kept.rows().iter().filter(|row| row.state == RowState::Used).count();
        prop_assert_eq!(signed, used);
    }
}
