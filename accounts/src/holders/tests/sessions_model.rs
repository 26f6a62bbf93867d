//! Sessions against a model, whatever the order of what happens to them.

use super::sessions::step_up;
use super::support::*;
use crate::holders::{Actor, LoggedIn, SecretToken, SessionId, TypedTwice};
use crate::testing::block_on;
use proptest::prelude::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// What can happen to the sessions of one holder.
#[derive(Clone, Debug)]
enum Act {
    Open,
    Use(usize),
    Raise(usize),
    End(usize),
    EndOthers(usize),
    ChangePassword(usize),
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Open),
        6 => (0..8_usize).prop_map(Act::Use),
        2 => (0..8_usize).prop_map(Act::Raise),
        2 => (0..8_usize).prop_map(Act::End),
        1 => (0..8_usize).prop_map(Act::EndOthers),
        1 => (0..8_usize).prop_map(Act::ChangePassword),
        4 => (1..1_200_i64).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..40)
}

/// A session as the model has it.
struct Modelled {
    id: SessionId,
    token: SecretToken,
    opened: i64,
    used: i64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Against a model: tokens open what they should, and no token that was replaced, ended or
    /// is over ever opens anything again.
    #[test]
    fn only_living_tokens_open(acts in acts()) {
        let bench = Bench::new();
        let id = bench.holder(EMAIL);
        let login = bench.login(EMAIL, RIGHT, 2).unwrap();
        let (mut generation, mut now) = (login.password_generation, 10);
        let (mut living, mut dead) = (Vec::<Modelled>::new(), Vec::<SecretToken>::new());
        let mut words = (RIGHT, OTHER);
        for act in acts {
            let over = |m: &Modelled| now - m.used >= 15 * MINUTE || now - m.opened >= 8 * HOUR;
            dead.extend(living.extract_if(.., |m| over(m)).map(|m| m.token));
            let pick = |n: usize| (!living.is_empty()).then(|| n % living.len().max(1));
            match act {
                Act::Open => {
                    let login = LoggedIn { password_generation: generation, ..login };
                    let opened = bench.open(&login, now).unwrap();
                    if living.len() == 5 {
                        dead.push(living.remove(0).token);
                    }
                    let (id, token) = (opened.view.id, opened.token);
                    living.push(Modelled { id, token, opened: now, used: now });
                    // Of those opened in the same second the smaller identifier is the older.
                    living.sort_by_key(|m| (m.opened, m.id));
                }
                Act::Use(n) => if let Some(n) = pick(n) {
                    bench.access(&living[n].token, now).unwrap();
                    if now - living[n].used >= MINUTE {
                        living[n].used = now;
                    }
                },
                Act::Raise(n) => if let Some(n) = pick(n) {
                    let access = bench.access(&living[n].token, now).unwrap();
                    let raised = step_up(&bench, &access, now).unwrap();
                    dead.push(std::mem::replace(&mut living[n].token, raised.token));
                    living[n].used = now;
                },
                Act::End(n) => if let Some(n) = pick(n) {
                    let ended = living.remove(n);
                    let end = bench.holders.end_session(id, ended.id, Actor::Holder(id), at(now));
                    block_on(end).unwrap();
                    dead.push(ended.token);
                },
                Act::EndOthers(n) => if let Some(n) = pick(n) {
                    let access = bench.access(&living[n].token, now).unwrap();
                    block_on(bench.holders.end_other_sessions(&access, at(now))).unwrap();
                    if now - living[n].used >= MINUTE {
                        living[n].used = now;
                    }
                    let kept = living.remove(n);
                    dead.extend(living.drain(..).map(|m| m.token));
                    living.push(kept);
                },
                Act::ChangePassword(n) => if let Some(n) = pick(n) {
                    let access = bench.access(&living[n].token, now).unwrap();
                    let typed = TypedTwice { new: words.1, repeat: words.1 };
                    let change =
                        bench.holders.change_own_password(&access, words.0, &typed, HOME, at(now));
                    block_on(change).unwrap();
                    words = (words.1, words.0);
                    generation += 1;
                    if now - living[n].used >= MINUTE {
                        living[n].used = now;
                    }
                    let kept = living.remove(n);
                    dead.extend(living.drain(..).map(|m| m.token));
                    living.push(kept);
                },
                Act::Wait(seconds) => now += seconds,
            }
            for token in &dead {
                prop_assert_eq!(slug(bench.access(token, now)), "unauthorized-holder");
            }
        }
    }
}
