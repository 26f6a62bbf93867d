//! The bound is a bound: whatever happens, the true time is within the wall clock ± the error.

use super::world::{Answer, SECOND, World};
use proptest::prelude::*;

/// What may happen in one round.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// Nothing but time, in microseconds.
    Time(i64),
    /// Somebody sets the wall clock.
    Step(i64),
    /// Somebody steers it, in parts per million.
    Slew(i64),
    /// The oscillator changes its rate, within the limit.
    Drift(i64),
    /// A server falls silent or speaks again.
    Toggle(usize),
    /// The liar lies otherwise.
    Lie(i64, u64),
    /// An honest server errs otherwise: where in its own bounds it is, its way and its asymmetry.
    Err { server: usize, dispersion_us: u64, within: f64, delay_us: u64, asymmetry: f64 },
}

fn happens() -> impl Strategy<Value = Happens> {
    let error = (0..3_usize, 0..50_000_u64, -1.0..=1.0_f64, 0..200_000_u64, -1.0..=1.0_f64);
    prop_oneof![
        6 => (1..600 * SECOND).prop_map(Happens::Time),
        1 => (-3 * SECOND..3 * SECOND).prop_map(Happens::Step),
        1 => (-500..=500_i64).prop_map(Happens::Slew),
        1 => (-100..=100_i64).prop_map(Happens::Drift),
        1 => (0..4_usize).prop_map(Happens::Toggle),
        2 => (-2 * SECOND..2 * SECOND, 0..500_000_u64).prop_map(|(by, us)| Happens::Lie(by, us)),
        3 => error.prop_map(|(server, dispersion_us, within, delay_us, asymmetry)| {
            Happens::Err { server, dispersion_us, within, delay_us, asymmetry }
        }),
    ]
}

/// The last of the four is the liar.
fn happen(world: &mut World, what: Happens) {
    match what {
        // In pieces, so that the polls of a long while are all made.
        Happens::Time(micros) => (0..20).for_each(|_| world.tick_over(micros / 20)),
        Happens::Step(by_us) => world.step_wall(by_us),
        Happens::Slew(ppm) => world.truth.lock().wall_ppm = ppm,
        Happens::Drift(ppm) => world.truth.lock().steady_ppm = ppm,
        Happens::Toggle(index) => {
            let server = &mut world.servers[index];
            server.answer = match server.answer {
                Answer::Time => Answer::Silence,
                _ => Answer::Time,
            };
        }
        Happens::Lie(by_us, dispersion_us) => {
            world.servers[3].offset_us = by_us;
            world.servers[3].root_dispersion_us = dispersion_us;
        }
        Happens::Err { server, dispersion_us, within, delay_us, asymmetry } => {
            let server = &mut world.servers[server];
            server.root_dispersion_us = dispersion_us;
            server.offset_us = (dispersion_us as f64 * within) as i64;
            server.delay_us = delay_us;
            server.asymmetry_us = (delay_us as f64 * asymmetry) as i64;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any drift up to the limit, any errors within what honest servers say of themselves, one
    /// liar, any steps and slews of the wall clock, any silence. [`World::error_us`] asserts.
    #[test]
    fn the_true_time_is_always_within_the_error(all in prop::collection::vec(happens(), 1..40)) {
        let mut world = World::new(4);
        for what in all {
            happen(&mut world, what);
            world.error_us();
        }
    }
}

/// The generator reaches worlds with time: a property that is never tried holds always.
#[test]
fn most_worlds_have_time() {
    let mut world = World::new(4);
    let ordinary = [Happens::Drift(90), Happens::Lie(SECOND, 9_000), Happens::Time(500 * SECOND)];
    for what in ordinary {
        happen(&mut world, what);
    }
    assert!(world.error_us().is_some());
}
