//! Random lives of a unit, with restarts, against the plainest model of the state machine.

use super::support::*;
use crate::units::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Deed {
    NewKey,
    Certify(u32),
    Activate(u32),
    Schedule(u32, i64),
    Retire(u32, bool),
    Tick,
    Wait(i64),
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    let number = 1..5u32;
    prop_oneof![
        3 => Just(Deed::NewKey),
        4 => number.clone().prop_map(Deed::Certify),
        4 => number.clone().prop_map(Deed::Activate),
        2 => (number.clone(), 1..20i64).prop_map(|(number, days)| Deed::Schedule(number, days)),
        3 => (number, any::<bool>()).prop_map(|(number, destroy)| Deed::Retire(number, destroy)),
        3 => Just(Deed::Tick),
        3 => (1..20i64).prop_map(Deed::Wait),
        1 => Just(Deed::Restart),
    ]
}

/// What the registry should say: states by number, and the scheduled times in days.
#[derive(Clone, Debug, Default)]
struct Model {
    states: Vec<State>,
    scheduled: Vec<Option<i64>>,
}

impl Model {
    fn waits(&self) -> bool {
        self.states.iter().any(|state| state.is_waiting())
    }

    fn take(&mut self, number: u32, step: Step) -> bool {
        let Some(index) = (number as usize).checked_sub(1).filter(|i| *i < self.states.len())
        else {
            return false;
        };
        match self.states[index].after(step) {
            Ok(after) => {
                self.states[index] = after;
                self.scheduled[index] = None;
                true
            }
            Err(_) => false,
        }
    }

    fn activate(&mut self, number: u32) -> bool {
        let before = self.states.iter().position(|state| *state == State::Active);
        let done = self.take(number, Step::Activate);
        if let (true, Some(before)) = (done, before) {
            self.states[before] = State::Retired;
        }
        done
    }

    fn retire(&mut self, number: u32, destroy: bool) -> bool {
        let known = self.states.get(number as usize - 1).copied();
        match (known, destroy) {
            (Some(State::Retired), true) => self.take(number, Step::Destroy),
            (_, false) => self.take(number, Step::Retire),
            (_, true) => self.take(number, Step::Retire) && self.take(number, Step::Destroy),
        }
    }
}

async fn live(deeds: &[Deed]) {
    let mut bench = Bench::new();
    let settings = UnitSettings { rollover: None, ..unit("main") };
    bench.registry.create(settings, &by(), noon()).await.unwrap();
    let mut model = Model { states: vec![State::KeyMade], scheduled: vec![None] };
    let mut today = 0;
    for deed in deeds {
        let (by, now) = (by(), day(today));
        let registry = &bench.registry;
        let (done, expected) = match *deed {
            Deed::NewKey => {
                let free = !model.waits();
                let again = !free && model.states.contains(&State::KeyMade);
                if free {
                    model.states.push(State::KeyMade);
                    model.scheduled.push(None);
                }
                // One that only lacks its certificate is given again.
                (registry.new_key("main", &by, now).await.is_ok(), free || again)
            }
            Deed::Certify(number) => {
                let done = registry.certify("main", Some(number), &by, now).await.is_ok();
                (done, model.take(number, Step::Certify))
            }
            Deed::Activate(number) => {
                let done = registry.activate("main", Some(number), None, &by, now).await.is_ok();
                (done, model.activate(number))
            }
            Deed::Schedule(number, days) => {
                let at = Some(day(today + days));
                let done = registry.activate("main", Some(number), at, &by, now).await.is_ok();
                let index = number as usize - 1;
                let allowed = model.states.get(index) == Some(&State::Certified);
                if allowed {
                    model.scheduled[index] = Some(today + days);
                }
                (done, allowed)
            }
            Deed::Retire(number, destroy_key) => {
                let generation = Some(number);
                let how = Retirement { generation, destroy_key, force: true, revoke: None };
                let done = registry.retire("main", how, &by, now).await.is_ok();
                (done, model.retire(number, destroy_key))
            }
            Deed::Tick => {
                let is_due = |at: &Option<i64>| at.is_some_and(|at| at <= today);
                let due = model.scheduled.iter().position(is_due);
                let done = !registry.tick(now).await.unwrap().is_empty();
                let expected = due.is_some_and(|index| model.activate(index as u32 + 1));
                (done, expected)
            }
            Deed::Wait(days) => {
                today += days;
                continue;
            }
            Deed::Restart => {
                bench = bench.restarted();
                continue;
            }
        };
        assert_eq!(done, expected, "{deed:?} on day {today}: {model:?}");
        check(&bench, &model, today);
    }
}

fn check(bench: &Bench, model: &Model, today: i64) {
    let unit = bench.registry.show("main").unwrap();
    let states: Vec<State> = unit.generations.iter().map(|one| one.state).collect();
    assert_eq!(states, model.states);
    let numbers: Vec<u32> = unit.generations.iter().map(|one| one.number).collect();
    assert_eq!(numbers, (1..=states.len() as u32).collect::<Vec<_>>());
    // One key signs, or none; and every certificate that ever signed can be found.
    let active = states.iter().filter(|state| **state == State::Active).count();
    let plan = bench.registry.plan(day(today)).unwrap();
    assert!(active <= 1 && plan.active.len() == active);
    let signed = unit.generations.iter().filter(|one| one.activated_at.is_some()).count();
    assert_eq!(plan.retired.len() + plan.active.len(), signed);
    assert!(plan.faults.is_empty(), "{:?}", plan.faults);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_life_of_a_unit_is_that_of_the_model(
        deeds in prop::collection::vec(deed(), 1..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(&deeds));
    }
}
