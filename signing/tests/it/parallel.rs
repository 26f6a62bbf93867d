//! Uses side by side: whatever the timing, each row is signed at most once.

use crate::support::*;
use marca_signing::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::thread;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Threads ask for random parts of one authorisation. The answers that were given add up to
    /// no more than what was authorised, by hash, and so do the uses of the key.
    #[test]
    fn parallel_uses_of_one_sad_sign_each_row_once(
        authorised in proptest::collection::vec(0_u8..4, 1..6),
        asked in proptest::collection::vec(proptest::collection::vec(0_u8..4, 1..4), 2..8),
    ) {
        let bench = Bench::new();
        let granted = bench.authorize(&hashes(&authorised));
        let mut signed: HashMap<u8, usize> = HashMap::new();
        thread::scope(|scope| {
            let tries: Vec<_> = asked.iter().map(|part| {
                let (bench, granted) = (&bench, &granted);
                scope.spawn(move || (part, bench.sign(granted, &hashes(part), 1)))
            }).collect();
            for (part, answer) in tries.into_iter().map(|one| one.join().unwrap()) {
                match answer {
                    Ok(values) => {
                        assert_eq!(values.len(), part.len());
                        part.iter().for_each(|byte| *signed.entry(*byte).or_default() += 1);
                    }
                    // The last row may be gone, and the key locked, between look-up and answer.
                    Err(SignError::HashUsed { .. } | SignError::HashNotAuthorised { .. }) => (),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
        for (byte, count) in &signed {
            let allowed = authorised.iter().filter(|one| *one == byte).count();
            prop_assert!(*count <= allowed, "{byte} was signed {count} times, not {allowed}");
        }
        prop_assert_eq!(bench.uses(), signed.values().sum::<usize>());
    }
}

#[test]
fn one_hash_asked_for_by_many_is_signed_for_one() {
    let bench = Bench::new();
    let what = hashes(b"a");
    let granted = bench.authorize(&what);
    let answers = thread::scope(|scope| {
        let tries: Vec<_> =
            (0..16).map(|_| scope.spawn(|| bench.sign(&granted, &what, 1))).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(refused, SignError::HashUsed { index: 0 });
    }
    assert_eq!(bench.uses(), 1);
}
