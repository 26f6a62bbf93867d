//! F07, F08, F09: every state, and every transition between two of them.

use super::world::{Answer, HOUR, MS, SECOND, START_US, World};
use crate::event::Event;
use crate::status::State;

#[test]
fn there_is_no_time_until_a_quorum_has_answered() {
    let mut world = World::new(4);
    world.all(|server| server.answer = Answer::Silence);
    world.pass(100 * SECOND);
    assert_eq!(world.state(), State::OutOfSync);
    assert!(world.refusal().contains("have not agreed yet"), "{}", world.refusal());
    // Two are not three.
    world.servers[0].answer = Answer::Time;
    world.servers[1].answer = Answer::Time;
    world.pass(20 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    world.servers[2].answer = Answer::Time;
    world.pass(20 * SECOND);
    assert_eq!(world.state(), State::InSync);
    assert_eq!(world.states(), [State::InSync]);
    // Half of the way there and back, the dispersion, rounding, and four polls of drift at most.
    let error_us = world.error_us().unwrap();
    assert!((1_500..1_500 + 6_400 * 4).contains(&error_us), "{error_us}");
}

/// F09: without answers there is time only while the error that grows is still small enough.
#[test]
fn without_servers_the_error_grows_until_it_is_too_large_and_they_bring_it_back() {
    let mut world = World::in_sync(4);
    world.all(|server| server.answer = Answer::Silence);
    world.pass(200 * SECOND);
    assert_eq!(world.state(), State::InSync, "three lost datagrams change nothing");
    world.pass(100 * SECOND);
    assert_eq!(world.state(), State::Holdover);
    let reason = world.status().reason.unwrap();
    assert!(reason.contains("no quorum of time servers for"), "{reason}");
    let before = world.error_us().unwrap();
    world.tick_over(HOUR);
    // 100 ppm of an hour.
    assert_eq!(world.error_us().unwrap() - before, 360_000);
    // 999 ms at 100 ppm: some 2 h 46 min.
    for _ in 0..16 {
        world.tick_over(HOUR / 10);
        assert_eq!(world.state(), State::Holdover);
        assert!(world.error_us().unwrap() < 999_000);
    }
    world.tick_over(HOUR / 5);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    world.all(|server| server.answer = Answer::Time);
    world.pass(70 * SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().unwrap() < 30_000);
    assert_eq!(world.states(), [State::Holdover, State::OutOfSync, State::InSync]);
}

#[test]
fn a_holdover_ends_in_time_too() {
    let mut world = World::in_sync(4);
    world.all(|server| server.answer = Answer::Silence);
    world.pass(300 * SECOND);
    world.all(|server| server.answer = Answer::Time);
    world.pass(70 * SECOND);
    assert_eq!(world.states(), [State::Holdover, State::InSync]);
}

/// However little the oscillator is said to drift.
#[test]
fn no_holdover_is_longer_than_a_day() {
    let mut world = World::with(4, |settings| settings.drift_ppm = 1);
    world.pass(SECOND);
    world.all(|server| server.answer = Answer::Silence);
    world.tick_over(23 * HOUR);
    assert_eq!(world.state(), State::Holdover);
    world.tick_over(2 * HOUR);
    assert_eq!(world.state(), State::OutOfSync);
    assert!(world.refusal().contains("for 24 hours"), "{}", world.refusal());
}

/// F07 back, F08 forward, by a second, an hour and ten years.
#[test]
fn a_jump_stops_at_once_and_a_quorum_after_the_repair_resumes() {
    for jump in [-SECOND, -HOUR, SECOND, HOUR, 87_660 * HOUR] {
        let mut world = World::in_sync(4);
        world.step_wall(jump);
        // Before anybody has looked.
        assert_eq!(world.error_us(), None, "{jump}");
        world.pass(HOUR / 6);
        assert_eq!(world.state(), State::OutOfSync, "{jump}");
        // Everything else goes on with the time that it is.
        let best_us = world.monitor.best().timestamp_micros();
        assert_eq!(best_us, START_US + SECOND + HOUR / 6);
        let events = world.events();
        assert!(events.contains(&Event::Stepped { by_us: jump }), "{events:?}");
        // Set right again; it is believed when the servers say so.
        world.step_wall(-jump);
        world.elapse(SECOND / 10);
        world.monitor.tick();
        assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
        world.pass(20 * SECOND);
        assert_eq!(world.state(), State::InSync, "{jump}");
        assert!(world.error_us().is_some());
        assert_eq!(world.states(), [State::InSync]);
    }
}

/// Also when no tick saw it: who asked for the time did.
#[test]
fn a_jump_that_only_a_request_saw_has_to_be_confirmed() {
    let mut world = World::in_sync(4);
    world.step_wall(HOUR);
    assert!(world.refusal().contains("may be off by"), "{}", world.refusal());
    world.step_wall(-HOUR);
    assert!(world.refusal().contains("no quorum of time servers has confirmed it"));
    world.pass(SECOND);
    assert_eq!(world.state(), State::OutOfSync);
    world.pass(20 * SECOND);
    assert_eq!(world.state(), State::InSync);
}

/// What the servers said before the jump does not confirm the repair, and one of them is no quorum.
#[test]
fn a_repair_is_confirmed_by_a_whole_quorum() {
    let mut world = World::in_sync(4);
    world.step_wall(HOUR);
    world.pass(SECOND);
    world.step_wall(-HOUR);
    world.servers[1..].iter_mut().for_each(|server| server.answer = Answer::Silence);
    world.pass(60 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    world.servers[1..3].iter_mut().for_each(|server| server.answer = Answer::Time);
    world.pass(20 * SECOND);
    assert_eq!(world.state(), State::InSync);
}

/// An answer to a question of before does not count either, whenever it comes.
#[test]
fn a_late_answer_confirms_nothing() {
    let mut world = World::in_sync(4);
    world.pass(40 * SECOND);
    world.step_wall(HOUR);
    world.monitor.tick();
    world.step_wall(-HOUR);
    // These answers come at once, and were a second and a half under way.
    world.all(|server| server.delay_us = 1_500_000);
    world.pass(14 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    world.pass(4 * SECOND);
    assert_eq!(world.state(), State::InSync);
}

/// A jump that is smaller than the widest accuracy is an error like any other: it shows, and the
/// units that promise more than it stop.
#[test]
fn a_small_jump_is_in_the_error_at_once() {
    let mut world = World::in_sync(4);
    let before = world.error_us().unwrap();
    world.step_wall(-300 * MS);
    assert_eq!(world.error_us().unwrap(), before + 300_000);
    world.pass(70 * SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().unwrap() >= 300_000);
    assert_eq!(world.status().offset_us, Some(-300_000));
    assert_eq!(world.events(), [Event::Stepped { by_us: -300_000 }]);
    world.step_wall(300 * MS);
    assert!(world.error_us().unwrap() < 10_000);
}

/// A wall clock that is wrong from the start is never believed.
#[test]
fn a_clock_that_is_wrong_at_the_start_gives_no_time_until_it_is_right() {
    let mut world = World::new(4);
    world.step_wall(-5 * SECOND);
    world.pass(60 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    let status = world.status();
    assert_eq!(status.offset_us, Some(-5 * SECOND));
    assert!(status.reason.unwrap().contains("may be off by"));
    world.step_wall(5 * SECOND);
    world.pass(20 * SECOND);
    assert_eq!(world.state(), State::InSync);
}

/// A daemon that steers the wrong way: the bare oscillator shows it without any answer.
#[test]
fn a_wrong_slew_shows_in_the_error() {
    let mut world = World::in_sync(4);
    world.all(|server| server.answer = Answer::Silence);
    world.truth.lock().wall_ppm = 500;
    let before = world.error_us().unwrap();
    world.pass(100 * SECOND);
    assert!(world.error_us().unwrap() >= before + 50_000);
    world.truth.lock().wall_ppm = 80_000;
    world.pass(12 * SECOND);
    assert_eq!(world.state(), State::OutOfSync);
}

/// The bare oscillator stops while the machine sleeps.
#[test]
fn after_a_sleep_the_servers_have_to_confirm() {
    let mut world = World::in_sync(4);
    {
        let mut truth = world.truth.lock();
        truth.utc_ns += HOUR * 1_000;
        truth.wall_ns += HOUR * 1_000;
    }
    assert_eq!(world.error_us(), None);
    world.pass(40 * SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().is_some());
}

/// A thread that was away while it read the clocks knows little, and accuses nobody.
#[test]
fn a_vague_reading_is_refused_and_leaves_no_trace() {
    let world = World::in_sync(4);
    world.truth.lock().width_us = 2 * SECOND;
    assert!(world.refusal().contains("may be off by"));
    world.truth.lock().width_us = 10;
    assert!(world.error_us().is_some());
}
