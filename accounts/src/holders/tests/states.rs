//! Every state machine as a table: each transition that there is, and each that there is not.

use crate::holders::registration::{RegistrationEvent, RegistrationState};
use crate::holders::{HolderError, HolderEvent, HolderStatus, LinkEvent, LinkState};
use std::fmt::Debug;

/// Compares a machine with its table: a row for each state, a column for each event.
fn compare<S: Copy + Debug + PartialEq, E: Copy + Debug>(
    states: &[S],
    events: &[E],
    apply: impl Fn(S, E) -> Result<S, HolderError>,
    table: &[&[Option<S>]],
    slug: &str,
) {
    assert_eq!(table.len(), states.len());
    for (state, row) in states.iter().zip(table) {
        assert_eq!(row.len(), events.len());
        for (event, expected) in events.iter().zip(*row) {
            match (apply(*state, *event), expected) {
                (Ok(next), Some(expected)) => assert_eq!(next, *expected, "{state:?} {event:?}"),
                (Err(error), None) => assert_eq!(error.slug(), slug, "{state:?} {event:?}"),
                (outcome, _) => panic!("{state:?} {event:?}: {outcome:?}"),
            }
        }
    }
}

const NO: Option<RegistrationState> = None;

#[test]
fn registration() {
    use RegistrationState::*;
    let to = Some::<RegistrationState>;
    // Approve, Reject, Invite, Complete, Expire
    let table: &[&[Option<RegistrationState>]] = &[
        /* Requested */ &[to(Approved), to(Rejected), NO, NO, to(Expired)],
        /* Approved  */ &[NO, to(Rejected), to(Invited), NO, NO],
        /* Invited   */ &[NO, to(Rejected), to(Invited), to(Active), to(Expired)],
        /* Active    */ &[NO, NO, NO, NO, NO],
        /* Rejected  */ &[NO, NO, NO, NO, NO],
        /* Expired   */ &[NO, NO, NO, NO, NO],
    ];
    let apply = RegistrationState::apply;
    compare(&RegistrationState::ALL, &RegistrationEvent::ALL, apply, table, "wrong-state");
}

#[test]
fn holder() {
    use HolderStatus::*;
    let (to, no) = (Some::<HolderStatus>, None);
    // SetPassword, Block, Unblock, Close, Erase
    let table: &[&[Option<HolderStatus>]] = &[
        /* Invited */ &[to(Active), no, no, to(Closed), no],
        /* Active  */ &[no, to(Blocked), no, to(Closed), no],
        /* Blocked */ &[no, no, to(Active), to(Closed), no],
        /* Closed  */ &[no, no, no, no, to(Erased)],
        /* Erased  */ &[no, no, no, no, no],
    ];
    compare(&HolderStatus::ALL, &HolderEvent::ALL, HolderStatus::apply, table, "wrong-state");
}

/// The answer is the same for every transition that there is not: nobody is told what became of a
/// link.
#[test]
fn link() {
    use LinkState::*;
    let (to, no) = (Some::<LinkState>, None);
    // Answer, Use, Replace, Spend, End
    let table: &[&[Option<LinkState>]] = &[
        /* Live     */ &[to(Answered), to(Used), to(Replaced), to(Spent), to(Ended)],
        /* Answered */ &[no, to(Used), to(Replaced), no, to(Ended)],
        /* Used     */ &[no, no, no, no, no],
        /* Replaced */ &[no, no, no, no, no],
        /* Spent    */ &[no, no, no, no, no],
        /* Ended    */ &[no, no, no, no, no],
    ];
    compare(&LinkState::ALL, &LinkEvent::ALL, LinkState::apply, table, "invalid-link");
}

#[test]
fn states_have_words_of_their_own() {
    let words: std::collections::BTreeSet<_> =
        RegistrationState::ALL.iter().map(|state| state.word()).collect();
    assert_eq!(words.len(), RegistrationState::ALL.len());
    let words: std::collections::BTreeSet<_> =
        HolderStatus::ALL.iter().map(|state| state.word()).collect();
    assert_eq!(words.len(), HolderStatus::ALL.len());
}
