//! F10: leap seconds, inserted and deleted, announced by servers or by the kernel.

use super::world::{SECOND, START_US, World};
use crate::kernel::KernelStatus;
use crate::sample::Leap;
use crate::status::State;

/// 2026-07-01T00:00:00Z.
const END_US: i64 = 1_782_864_000 * SECOND;

/// A world a minute before the end of June, with the leap second announced.
fn last_minute(leap: Leap) -> World {
    let mut world = World::new(4);
    world.elapse(END_US - START_US - 60 * SECOND);
    world.all(|server| server.leap = leap);
    world.pass(SECOND);
    assert_eq!(world.state(), State::InSync);
    assert_eq!(world.status().leap_second_at.unwrap().timestamp_micros(), END_US);
    world.events();
    world
}

/// UTC, and a wall clock that follows the kernel's leap, show a second again or leave one out.
fn leap(world: &World, by_us: i64) {
    let mut truth = world.truth.lock();
    truth.utc_ns += by_us * 1_000;
    truth.wall_ns += by_us * 1_000;
}

#[test]
fn nothing_is_issued_within_a_second_of_an_inserted_leap_second() {
    let mut world = last_minute(Leap::Insert);
    let open = |world: &mut World, until_us: i64| {
        // In steps of 100 ms up to an instant of UTC.
        while world.truth.lock().utc_ns / 1_000 < until_us {
            world.tick_over(SECOND / 10);
        }
        world.error_us().is_some()
    };
    assert!(open(&mut world, END_US - SECOND - SECOND / 10));
    assert!(!open(&mut world, END_US - SECOND));
    assert_eq!(world.state(), State::LeapWindow);
    assert!(
        world.refusal().contains("a leap second at 2026-07-01 00:00:00"),
        "{}",
        world.refusal()
    );
    assert!(!open(&mut world, END_US));
    // 23:59:60 is shown as 23:59:59 again.
    leap(&world, -SECOND);
    assert!(!open(&mut world, END_US));
    assert!(!open(&mut world, END_US + SECOND));
    assert_eq!(world.state(), State::LeapWindow);
    // Over, but who knows whether this clock has stepped: the servers do.
    world.all(|server| server.leap = Leap::None);
    world.pass(SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().unwrap() < 10_000);
    assert_eq!(world.status().leap_second_at, None);
    assert_eq!(world.states(), [State::LeapWindow, State::OutOfSync, State::InSync]);
}

#[test]
fn nothing_is_issued_within_a_second_of_a_deleted_leap_second() {
    let mut world = last_minute(Leap::Delete);
    world.pass(56 * SECOND + SECOND / 2);
    assert!(world.error_us().is_some());
    // Up to 23:59:58, and a second of margin before.
    world.pass(SECOND);
    assert_eq!((world.state(), world.error_us()), (State::LeapWindow, None));
    world.pass(SECOND / 2);
    leap(&world, SECOND);
    world.pass(SECOND);
    assert_eq!((world.state(), world.error_us()), (State::LeapWindow, None));
    world.all(|server| server.leap = Leap::None);
    world.pass(30 * SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().is_some());
}

/// A clock that missed the leap second is a second off, and the servers say so.
#[test]
fn a_clock_that_missed_the_leap_second_gives_no_time() {
    let mut world = last_minute(Leap::Insert);
    world.pass(59 * SECOND);
    world.truth.lock().utc_ns -= SECOND * 1_000;
    world.all(|server| server.leap = Leap::None);
    world.pass(60 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    assert_eq!(world.status().offset_us, Some(SECOND));
}

/// The kernel announces what the servers do not.
#[test]
fn the_kernel_may_announce_it() {
    let mut world = World::new(4);
    world.truth.lock().kernel = KernelStatus::Present {
        synchronised: true,
        max_error_us: 1,
        estimated_error_us: 1,
        frequency_ppm: 0.0,
        leap: Leap::Insert,
        tai_offset_s: 37,
    };
    world.pass(SECOND);
    assert_eq!(world.status().leap_second_at.unwrap().timestamp_micros(), END_US);
}

/// One truechimer is enough to be careful; a liar is not.
#[test]
fn a_liar_cannot_announce_it() {
    let mut world = World::new(4);
    world.servers[0].leap = Leap::Insert;
    world.servers[0].offset_us = 10 * SECOND;
    world.pass(100 * SECOND);
    assert_eq!(world.status().leap_second_at, None);
    world.servers[1].leap = Leap::Insert;
    world.pass(100 * SECOND);
    assert!(world.status().leap_second_at.is_some());
}

/// Servers that smear the leap second and servers that step disagree by up to half a second: there
/// is no quorum, and the holdover bridges it or not. Never a mixture of both.
#[test]
fn smeared_and_stepped_servers_do_not_agree() {
    let mut world = World::in_sync(4);
    world.servers[0].offset_us = SECOND / 4;
    world.servers[1].offset_us = SECOND / 4;
    world.pass(600 * SECOND);
    assert_eq!(world.state(), State::Holdover);
    assert!(world.error_us().is_some());
}

/// A process that was held up over the leap second, and sees an answer from before it first: what
/// was said before does not count, whoever looks first.
#[test]
fn a_pause_over_the_leap_second_does_not_believe_what_was_said_before() {
    let mut world = last_minute(Leap::Insert);
    world.elapse(56 * SECOND);
    let from_before = world.answer(0);
    world.elapse(3 * SECOND);
    // This wall clock misses it.
    world.truth.lock().utc_ns -= SECOND * 1_000;
    world.elapse(5 * SECOND);
    world.monitor.take_in(from_before);
    assert_eq!(world.error_us(), None);
    world.all(|server| server.leap = Leap::None);
    world.pass(60 * SECOND);
    assert_eq!((world.state(), world.status().offset_us), (State::OutOfSync, Some(SECOND)));
}
