//! What servers may do: lie, refuse, disagree, answer twice, move together.

use super::world::{Answer, HOUR, MS, SECOND, World};
use crate::event::Event;
use crate::exchange::{PollFailure, Polled};
use crate::status::{Standing, State};

use Standing::{Denied, Falseticker, Truechimer, Undecided, Unreachable, Unusable};

/// F09: three agree, so it does not matter what the fourth says.
#[test]
fn one_liar_of_four_is_outvoted_and_named_and_may_come_back() {
    for lie in [-HOUR, -50 * MS, 50 * MS, 10 * SECOND, 1_000 * HOUR] {
        let mut world = World::in_sync(4);
        world.servers[2].offset_us = lie;
        world.pass(400 * SECOND);
        assert_eq!(world.state(), State::InSync, "{lie}");
        assert!(world.error_us().unwrap() < 30_000);
        assert_eq!(world.standings(), [Truechimer, Truechimer, Falseticker, Truechimer]);
        let named =
            Event::SourceChanged { server: "s2".to_owned(), from: Truechimer, to: Falseticker };
        assert_eq!(world.events(), [named]);
        world.servers[2].offset_us = 0;
        world.pass(600 * SECOND);
        assert_eq!(world.standings(), [Truechimer; 4]);
    }
}

#[test]
fn a_liar_of_three_takes_the_quorum_and_not_the_truth() {
    let mut world = World::in_sync(3);
    world.servers[0].offset_us = 200 * MS;
    world.pass(600 * SECOND);
    assert_eq!(world.state(), State::Holdover);
    assert!(world.error_us().is_some());
}

#[test]
fn two_against_two_is_a_holdover() {
    let mut world = World::in_sync(4);
    world.servers[0].offset_us = 200 * MS;
    world.servers[1].offset_us = 200 * MS;
    world.pass(600 * SECOND);
    assert_eq!((world.state(), world.status().agreeing), (State::Holdover, 0));
    assert_eq!(world.standings(), [Undecided; 4]);
    assert!(world.error_us().is_some());
}

/// All servers move together: they are believed, since there is nobody else, and it is told.
#[test]
fn a_quorum_that_moves_is_told() {
    let mut world = World::in_sync(4);
    world.all(|server| server.offset_us = 5 * SECOND);
    world.pass(400 * SECOND);
    assert_eq!(world.state(), State::OutOfSync);
    let events = world.events();
    let moved =
        |event: &Event| matches!(event, Event::QuorumMoved { by_us } if *by_us > 4 * SECOND);
    assert_eq!(events.iter().filter(|event| moved(event)).count(), 1, "{events:?}");
}

#[test]
fn polls_are_as_often_as_they_may_be() {
    let mut world = World::in_sync(4);
    let asked = world.servers[0].asked;
    world.pass(640 * SECOND);
    assert_eq!(world.servers[0].asked - asked, 10);
    // Without time: every 16 s, never sooner.
    world.step_wall(HOUR);
    let asked = world.servers[0].asked;
    world.pass(160 * SECOND);
    assert!((10..=11).contains(&(world.servers[0].asked - asked)));
}

/// RFC 5905 §7.4: "For kiss code RATE, the client MUST immediately reduce its polling interval to
/// that server and continue to reduce it each time it receives a RATE kiss code."
#[test]
fn rate_slows_the_polls_down_again_and_again() {
    let mut world = World::in_sync(4);
    world.servers[3].answer = Answer::Kiss("RATE");
    // The first of these polls is the one that is refused first.
    for interval in [64, 128, 256, 512, 1024, 1024] {
        let before_us = world.servers[3].asked_at_us;
        while world.servers[3].asked_at_us == before_us {
            world.pass(SECOND);
        }
        let waited_us = world.servers[3].asked_at_us - before_us;
        assert!((0..=SECOND).contains(&(waited_us - interval * SECOND)), "{waited_us} {interval}");
    }
    let status = world.status();
    assert_eq!(status.sources[3].kiss_of_death.as_deref(), Some("RATE"));
    assert_eq!(status.sources[3].standing, Unusable);
    assert_eq!((status.state, status.agreeing), (State::InSync, 3));
}

/// The same: "For kiss codes DENY and RSTR, the client MUST demobilize any associations to that
/// server and stop sending packets to that server".
#[test]
fn deny_and_rstr_end_the_use_of_a_server() {
    for code in ["DENY", "RSTR"] {
        let mut world = World::in_sync(4);
        world.servers[1].answer = Answer::Kiss(code);
        world.pass(64 * SECOND);
        let asked = world.servers[1].asked;
        world.servers[1].answer = Answer::Time;
        world.tick_over(HOUR);
        world.pass(HOUR);
        assert_eq!(world.servers[1].asked, asked, "{code}");
        assert_eq!(world.standings(), [Truechimer, Denied, Truechimer, Truechimer]);
        let status = world.status();
        assert_eq!(status.sources[1].kiss_of_death.as_deref(), Some(code));
        assert_eq!((status.state, status.agreeing), (State::InSync, 3));
    }
}

#[test]
fn a_server_that_is_not_synchronised_has_no_vote() {
    let mut world = World::in_sync(4);
    world.servers[0].answer = Answer::Unsynchronised;
    world.pass(64 * SECOND);
    assert_eq!(world.standings(), [Unusable, Truechimer, Truechimer, Truechimer]);
    let problem = world.status().sources[0].problem.clone().unwrap();
    assert!(problem.contains("not synchronised"), "{problem}");
}

#[test]
fn a_silent_server_is_unreachable_and_comes_back() {
    let mut world = World::in_sync(4);
    world.servers[0].answer = Answer::Silence;
    world.pass(1_000 * SECOND);
    assert_eq!(world.standings(), [Unreachable, Truechimer, Truechimer, Truechimer]);
    assert!(!world.status().sources[0].reachable);
    world.servers[0].answer = Answer::Time;
    world.pass(70 * SECOND);
    assert_eq!(world.standings(), [Truechimer; 4]);
    let changes = world.events().into_iter().map(|event| event.to_string()).collect::<Vec<_>>();
    assert_eq!(
        changes,
        [
            "the time server s0 is unreachable (was truechimer)",
            "the time server s0 is truechimer (was unreachable)"
        ]
    );
}

/// Two names of one server are one witness.
#[test]
fn the_same_server_under_two_names_has_one_vote() {
    let mut world = World::new(3);
    world.servers[2].address = world.servers[0].address;
    world.pass(100 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    let problem = world.status().sources[2].problem.clone().unwrap();
    assert!(problem.contains("the same server as s0"), "{problem}");
}

/// Servers whose addresses are looked up anew are not one server.
#[test]
fn servers_without_an_address_are_not_the_same() {
    let world = World::in_sync(3);
    for source in 0..3 {
        let outcome = Err(PollFailure::NoAnswer);
        world.monitor.take_in(Polled { source, address: None, outcome });
    }
    assert_eq!(world.status().agreeing, 3);
    assert_eq!(world.standings(), [Truechimer; 3]);
}

/// RFC 5905 §7.2, MAXDIST: who is more than a second off at worst has nothing to say.
#[test]
fn a_server_that_knows_too_little_has_no_vote() {
    let mut world = World::new(4);
    world.servers[0].root_dispersion_us = 1_000_000;
    world.pass(100 * SECOND);
    assert_eq!((world.state(), world.status().agreeing), (State::InSync, 3));
    let problem = world.status().sources[0].problem.clone().unwrap();
    assert!(problem.contains("root distance"), "{problem}");
}

/// What the oscillator does is measured, for who wants to set the drift.
#[test]
fn the_drift_is_observed() {
    let mut world = World::in_sync(4);
    world.truth.lock().steady_ppm = 40;
    assert_eq!(world.status().observed_drift_ppm, None);
    world.pass(HOUR);
    let observed = world.status().observed_drift_ppm.unwrap();
    assert!((observed - 40.0).abs() < 10.0, "{observed}");
    assert_eq!(world.state(), State::InSync);
}
