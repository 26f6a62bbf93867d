//! The kernel as the second witness.

use super::world::{SECOND, World};
use crate::event::Event;
use crate::kernel::KernelStatus;
use crate::sample::Leap;
use crate::status::State;

fn kernel(synchronised: bool) -> KernelStatus {
    KernelStatus::Present {
        synchronised,
        max_error_us: 16_000_000,
        estimated_error_us: 16_000_000,
        frequency_ppm: -12.5,
        leap: Leap::None,
        tai_offset_s: 0,
    }
}

#[test]
fn a_kernel_that_is_not_required_is_only_told() {
    let mut world = World::in_sync(4);
    for (synchronised, to) in [(true, "synchronised"), (false, "not synchronised")] {
        world.truth.lock().kernel = kernel(synchronised);
        world.pass(SECOND);
        assert_eq!(world.state(), State::InSync);
        let events = world.events();
        assert!(matches!(&events[..], [Event::KernelChanged { to: is, .. }] if *is == to));
        assert_eq!(events[0].is_failure(), !synchronised);
    }
    assert_eq!(world.status().kernel, kernel(false));
}

#[test]
fn a_kernel_that_is_required_has_to_vouch() {
    let mut world = World::with(4, |settings| settings.require_kernel = true);
    world.pass(100 * SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
    assert!(world.refusal().contains("the kernel does not call"), "{}", world.refusal());
    world.truth.lock().kernel = kernel(true);
    world.pass(SECOND);
    assert_eq!(world.state(), State::InSync);
    assert!(world.error_us().is_some());
    world.truth.lock().kernel = kernel(false);
    world.pass(SECOND);
    assert_eq!((world.state(), world.error_us()), (State::OutOfSync, None));
}
