//! Every state against every event, as one table: what is not in it is refused.

use crate::holders::HolderError;
use crate::holders::credential::{Event, Life, RevocationCause, State, SuspensionCause};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

const END: i64 = 1_900_000_000_000;
const HOLD: i64 = 1_800_000_100_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

const ACTIVATE: Event = Event::Activate { not_after: END };
const RENEW: Event = Event::Renew { not_after: END };
const SUSPEND: Event = Event::Suspend { until: Some(HOLD), cause: SuspensionCause::Holder };
const EMERGENCY: Event = Event::Suspend { until: None, cause: SuspensionCause::EmergencyCode };
const REVOKE: Event = Event::Revoke { cause: RevocationCause::KeyCompromise };

/// The events in the order of the columns of the table.
const EVENTS: [Event; 8] =
    [ACTIVATE, RENEW, SUSPEND, EMERGENCY, Event::Reactivate, Event::LockPin, Event::SetPin, REVOKE];

/// What led to each state of the rows.
const PATHS: [(&str, &[Event]); 7] = [
    ("awaiting", &[]),
    ("active", &[ACTIVATE]),
    ("held", &[ACTIVATE, SUSPEND]),
    ("suspended", &[ACTIVATE, EMERGENCY]),
    ("locked", &[ACTIVATE, Event::LockPin]),
    ("held-locked", &[ACTIVATE, Event::LockPin, SUSPEND]),
    ("revoked", &[ACTIVATE, REVOKE]),
];

/// The state after the event; `-` is refused.
const MATRIX: &str = "
              activate renew  suspend     emergency        reactivate lock   set-pin revoke
awaiting      active   -      -           -                -          -      -       revoked
active        -        active held        suspended        -          locked active  revoked
held          -        -      held        suspended        active     -      -       revoked
suspended     -        -      suspended   suspended        active     -      -       revoked
locked        -        -      held-locked suspended-locked -          -      active  revoked
held-locked   -        -      held-locked suspended-locked locked     -      -       revoked
revoked       -        -      -           -                -          -      -       -
";

fn walk(path: &[Event]) -> Life {
    path.iter().fold(Life::new(), |life, event| life.apply(*event, now()).unwrap())
}

fn name(state: State) -> &'static str {
    match state {
        State::AwaitingActivation => "awaiting",
        State::Active => "active",
        State::Suspended { until: Some(_), pin_locked: false, .. } => "held",
        State::Suspended { until: None, pin_locked: false, .. } => "suspended",
        State::Suspended { until: Some(_), pin_locked: true, .. } => "held-locked",
        State::Suspended { until: None, pin_locked: true, .. } => "suspended-locked",
        State::PinLocked => "locked",
        State::Revoked { .. } => "revoked",
        State::Expired => "expired",
    }
}

#[test]
fn the_matrix_is_what_the_machine_does() {
    let rows = MATRIX.lines().filter(|line| !line.is_empty()).skip(1);
    let mut cells = 0;
    for ((row, path), line) in PATHS.into_iter().zip(rows) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(row));
        let before = walk(path);
        assert_eq!(name(before.at(now())), row);
        for (event, expected) in EVENTS.into_iter().zip(words) {
            cells += 1;
            match before.apply(event, now()) {
                Ok(after) => {
                    assert_eq!(name(after.at(now())), expected, "{row} {event:?}");
                    assert_eq!(after.epoch(), before.epoch() + 1, "{row} {event:?}");
                }
                Err(HolderError::IllegalTransition { state, .. }) => {
                    assert_eq!(expected, "-", "{row} {event:?}");
                    assert_eq!(state, before.at(now()).word());
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(cells, 56, "a row or a column is missing");
}

#[test]
fn a_hold_ends_at_its_date_and_not_before() {
    let held = walk(&[ACTIVATE, SUSPEND]);
    let ends = now() + TimeDelta::seconds(100);
    assert!(held.apply(Event::HoldEnds, ends - TimeDelta::milliseconds(1)).is_err());
    assert_eq!(held.apply(Event::HoldEnds, ends).unwrap().at(ends), State::Active);
    let locked = walk(&[ACTIVATE, Event::LockPin, SUSPEND]);
    assert_eq!(locked.apply(Event::HoldEnds, ends).unwrap().at(ends), State::PinLocked);
    for path in [&[ACTIVATE, EMERGENCY][..], &[ACTIVATE], &[]] {
        assert!(walk(path).apply(Event::HoldEnds, ends).is_err(), "{path:?}");
    }
}

#[test]
fn a_second_suspension_only_makes_it_longer() {
    let cause = SuspensionCause::Holder;
    let until = |until| Event::Suspend { until, cause };
    let held = walk(&[ACTIVATE, until(Some(HOLD))]);
    for (asked, expected) in
        [(Some(HOLD - 1), Some(HOLD)), (Some(HOLD + 1), Some(HOLD + 1)), (None, None)]
    {
        match held.apply(until(asked), now()).unwrap().at(now()) {
            State::Suspended { until, .. } => assert_eq!(until, expected),
            other => panic!("{other:?}"),
        }
    }
    // And who asked for the longer one is the one who is named.
    let emergency = walk(&[ACTIVATE, EMERGENCY, SUSPEND]).at(now());
    let cause = SuspensionCause::EmergencyCode;
    assert_eq!(emergency, State::Suspended { until: None, cause, pin_locked: false });
}

#[test]
fn time_makes_all_but_revoked_ones_expire() {
    let after = DateTime::from_timestamp_millis(END + 1).unwrap();
    for (row, path) in PATHS {
        let life = walk(path);
        let expected = match row {
            "awaiting" => State::AwaitingActivation,
            "revoked" => life.at(now()),
            _ => State::Expired,
        };
        assert_eq!(life.at(after), expected, "{row}");
        if expected == State::Expired {
            for event in EVENTS {
                assert!(life.apply(event, after).is_err(), "{row} {event:?}");
            }
        }
    }
}

#[test]
fn the_record_keeps_its_bytes() {
    for (path, golden) in [
        (&[][..], "83820080f600"),
        (&[ACTIVATE], "838201801b000001ba60d3380001"),
        (&[ACTIVATE, SUSPEND], "838202831b000001a3185dd6a000f41b000001ba60d3380002"),
        (&[ACTIVATE, REVOKE], "83820481011b000001ba60d3380002"),
    ] {
        let life = walk(path);
        let bytes = minicbor::to_vec(life).unwrap();
        assert_eq!(hex::encode(&bytes), golden, "{path:?}");
        assert_eq!(minicbor::decode::<Life>(&bytes).unwrap(), life);
    }
}

proptest! {
    /// Whatever happens: nothing leads out of `revoked`, and nothing signs again without an act
    /// that says so; and the epoch grows with every change.
    #[test]
    fn no_sequence_of_events_revives_a_revoked_credential(
        events in proptest::collection::vec(0..EVENTS.len(), 1..30),
    ) {
        let mut life = Life::new();
        for event in events.into_iter().map(|index| EVENTS[index]) {
            let before = life;
            if let Ok(after) = life.apply(event, now()) {
                let over = matches!(before.at(now()), State::Revoked { .. });
                prop_assert!(!over);
                prop_assert!(after.epoch() > before.epoch());
                let revives = before.at(now()) != State::Active && after.at(now()) == State::Active;
                let wanted = [ACTIVATE, Event::Reactivate, Event::SetPin];
                prop_assert!(!revives || wanted.contains(&event));
                life = after;
            }
        }
    }
}
