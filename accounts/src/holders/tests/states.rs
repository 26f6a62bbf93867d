//! Every state machine as a table: each transition that there is, and each that there is not.

use crate::holders::phone::{PhoneEvent, PhoneState};
use crate::holders::qr::{QrEvent, QrStatus};
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

/// The answer is the same for every transition that there is not, as with links.
#[test]
fn qr_login() {
    use QrStatus::*;
    let (to, no) = (Some::<QrStatus>, None);
    // Look, Approve, Mismatch, Deny, Collect, Disown, Expire
    let table: &[&[Option<QrStatus>]] = &[
        /* Waiting   */ &[to(Seen), no, no, no, no, no, to(Expired)],
        /* Seen      */ &[no, to(Approved), to(Failed), to(Denied), no, no, to(Expired)],
        /* Approved  */ &[no, no, no, no, to(Collected), to(Disowned), to(Expired)],
        /* Collected */ &[no, no, no, no, no, to(Disowned), no],
        /* Denied    */ &[no, no, no, no, no, no, no],
        /* Failed    */ &[no, no, no, no, no, no, no],
        /* Disowned  */ &[no, no, no, no, no, no, no],
        /* Expired   */ &[no, no, no, no, no, no, no],
    ];
    compare(&QrStatus::ALL, &QrEvent::ALL, QrStatus::apply, table, "invalid-qr-login");
}

#[test]
fn phone_change() {
    use PhoneState::*;
    let (to, no) = (Some::<PhoneState>, None);
    // Prove, Count, Replace, End, Cancel
    let table: &[&[Option<PhoneState>]] = &[
        /* Agreed    */ &[to(Counted), no, to(Replaced), to(Ended), to(Cancelled)],
        /* Vouched   */ &[to(Waiting), no, to(Replaced), to(Ended), to(Cancelled)],
        /* Waiting   */ &[no, to(Counted), no, no, to(Cancelled)],
        /* Counted   */ &[no, no, no, no, no],
        /* Replaced  */ &[no, no, no, no, no],
        /* Ended     */ &[no, no, no, no, no],
        /* Cancelled */ &[no, no, no, no, no],
    ];
    compare(&PhoneState::ALL, &PhoneEvent::ALL, PhoneState::apply, table, "wrong-state");
}

#[test]
fn states_have_words_of_their_own() {
    let words: std::collections::BTreeSet<_> =
        RegistrationState::ALL.iter().map(|state| state.word()).collect();
    assert_eq!(words.len(), RegistrationState::ALL.len());
    let words: std::collections::BTreeSet<_> =
        HolderStatus::ALL.iter().map(|state| state.word()).collect();
    assert_eq!(words.len(), HolderStatus::ALL.len());
    let words: std::collections::BTreeSet<_> =
        PhoneState::ALL.iter().map(|state| state.word()).collect();
    assert_eq!(words.len(), PhoneState::ALL.len());
}
