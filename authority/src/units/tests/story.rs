//! The life of a generation from its key to its end, as an administrator leads it.

use super::support::*;
use crate::units::*;
use certs::KeyKind;
use chrono::TimeDelta;

#[tokio::test]
async fn a_unit_is_created_certified_activated_and_rolled_over_by_hand() {
    let bench = Bench::new();
    let registry = &bench.registry;
    let by = by();
    let made = registry.create(unit("main"), &by, noon()).await.unwrap();
    assert!(made.is_default);
    assert_eq!(made.generations[0].state, State::KeyMade);
    assert!(registry.plan(noon()).unwrap().active.is_empty());

    let certified = registry.certify("main", None, &by, noon()).await.unwrap();
    assert_eq!(certified.state, State::Certified);
    let facts = certified.certificate.unwrap();
    assert_eq!(facts.ca.as_deref(), Some("issuing"));
    assert_eq!(facts.key_use_until, day(365));
    assert!(facts.subject.contains("Prova S.p.A. TSU main"), "{}", facts.subject);
    assert_eq!(certs::pem::certificates(facts.chain_pem.as_bytes()).unwrap().len(), 2);
    assert!(registry.plan(noon()).unwrap().active.is_empty(), "nothing signs yet");

    let first = registry.activate("main", None, None, &by, noon()).await.unwrap();
    assert_eq!((first.state, first.activated_at), (State::Active, Some(noon())));
    let plan = registry.plan(noon()).unwrap();
    assert_eq!(plan.default_unit.as_deref(), Some("main"));
    assert_eq!(plan.active[0].generation, 1);
    let old = plan.active[0].certificate.der().to_vec();

    let second = registry.new_key("main", &by, day(10)).await.unwrap();
    assert_eq!((second.number, second.label.as_str()), (2, "tsu2-main"));
    registry.certify("main", None, &by, day(10)).await.unwrap();
    registry.activate("main", None, None, &by, day(11)).await.unwrap();
    assert_eq!(bench.state("main", 1), State::Retired);
    assert_eq!(bench.state("main", 2), State::Active);
    let plan = registry.plan(day(11)).unwrap();
    assert_eq!(plan.active.len(), 1);
    assert_eq!(plan.active[0].generation, 2);
    assert!(certs::display_name(plan.active[0].certificate.subject()).contains("TSU main 2"));
    assert_eq!(plan.retired.len(), 1);
    assert_eq!((&plan.retired[0].der, plan.retired[0].chain.len()), (&old, 1));
    assert_eq!(
        bench.told(),
        [
            "unit-created unit main",
            "key-made unit main generation 1",
            "unit-certified unit main generation 1",
            "unit-activated unit main generation 1",
            "key-made unit main generation 2",
            "unit-certified unit main generation 2",
            "unit-activated unit main generation 2",
            "unit-retired unit main generation 1",
        ]
    );
}

/// What a plan's key signs, its certificate verifies; whatever the kind and the place.
#[tokio::test]
async fn a_plan_is_ready_to_sign() {
    let bench = Bench::new();
    let units = [
        UnitSettings { key: KeyKind::P384, ..unit("a") },
        UnitSettings { key: KeyKind::Ed25519, ..unit("b") },
        UnitSettings { key: KeyKind::MlDsa65, ..unit("c") },
        in_device("d"),
    ];
    for settings in units {
        bench.registry.configure(settings, None, &by(), noon()).await.unwrap();
    }
    let bench = bench.restarted();
    let plan = bench.registry.plan(day(1)).unwrap();
    assert_eq!(plan.active.len(), 4);
    for unit in plan.active {
        let signature = unit.key.sign(b"message").unwrap();
        let scheme = unit.key.scheme();
        assert!(scheme.verify(unit.key.public_key(), b"message", &signature).unwrap());
        assert_eq!(unit.certificate.key_kind(), unit.settings.key);
    }
}

/// Each illegal step is refused, by name, and leaves everything as it was.
#[tokio::test]
async fn steps_out_of_order_are_refused_and_change_nothing() {
    let bench = Bench::new();
    let registry = &bench.registry;
    let by = by();
    registry.create(unit("main"), &by, noon()).await.unwrap();
    let told = bench.told();
    let illegal = |error: UnitError| assert!(matches!(error, UnitError::Illegal { .. }), "{error}");

    illegal(registry.activate("main", None, None, &by, noon()).await.unwrap_err());
    illegal(registry.activate("main", None, Some(day(1)), &by, noon()).await.unwrap_err());
    let exists = registry.create(unit("main"), &by, noon()).await.unwrap_err();
    assert!(matches!(exists, UnitError::UnitExists { .. }));
    assert_eq!(bench.told(), told);

    registry.certify("main", None, &by, noon()).await.unwrap();
    let waiting = registry.new_key("main", &by, noon()).await.unwrap_err();
    assert!(matches!(waiting, UnitError::Waiting { generation: 1, .. }));
    registry.activate("main", None, None, &by, noon()).await.unwrap();
    let told = bench.told();
    illegal(registry.certify("main", Some(1), &by, noon()).await.unwrap_err());
    illegal(registry.activate("main", Some(1), None, &by, noon()).await.unwrap_err());
    // K3: what an active key signs are tokens, and no request for a certificate.
    illegal(registry.csr("main", Some(1)).unwrap_err());
    for error in [
        registry.certify("main", None, &by, noon()).await.unwrap_err(),
        registry.csr("main", None).unwrap_err(),
    ] {
        assert!(matches!(error, UnitError::NoGeneration { .. }), "{error}");
    }
    for error in [
        registry.show("other").unwrap_err(),
        registry.new_key("other", &by, noon()).await.unwrap_err(),
        registry.set_default("other", &by, noon()).await.unwrap_err(),
    ] {
        assert!(matches!(error, UnitError::UnknownUnit { .. }), "{error}");
    }
    let unknown = registry.activate("main", Some(7), None, &by, noon()).await.unwrap_err();
    assert!(matches!(unknown, UnitError::UnknownGeneration { generation: 7, .. }));
    assert_eq!(bench.told(), told);
}

#[tokio::test]
async fn an_activation_comes_at_its_time() {
    let bench = Bench::new();
    bench.active("main").await;
    let registry = &bench.registry;
    registry.new_key("main", &by(), day(1)).await.unwrap();
    registry.certify("main", None, &by(), day(1)).await.unwrap();
    let at = day(5);
    let next = registry.activate("main", None, Some(at), &by(), day(1)).await.unwrap();
    assert_eq!((next.state, next.activate_at), (State::Certified, Some(at)));
    let bench = bench.restarted();
    let registry = &bench.registry;
    assert_eq!(registry.tick(at - TimeDelta::milliseconds(1)).await.unwrap(), []);
    assert_eq!(registry.plan(at).unwrap().active[0].generation, 1);
    let changes = registry.tick(at).await.unwrap();
    let expected = Change { unit: "main".to_owned(), generation: 2, what: ChangeKind::Activated };
    assert_eq!(changes, [expected]);
    let unit = registry.show("main").unwrap();
    assert_eq!(unit.generations[0].retired_at, Some(at));
    assert_eq!(unit.generations[1].activated_at, Some(at));
    assert_eq!(registry.tick(at).await.unwrap(), []);
}

/// A generation is not scheduled for a time at which its key may not sign.
#[tokio::test]
async fn a_time_after_the_end_is_refused() {
    let bench = Bench::new();
    bench.registry.create(unit("main"), &by(), noon()).await.unwrap();
    bench.registry.certify("main", None, &by(), noon()).await.unwrap();
    let refused = bench.registry.activate("main", None, Some(day(366)), &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::Certificate { .. })), "{refused:?}");
    let refused = bench.registry.activate("main", None, None, &by(), day(366)).await;
    assert!(matches!(refused, Err(UnitError::Certificate { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_default_unit_is_the_first_until_another_is_chosen() {
    let bench = Bench::new();
    bench.active("b").await;
    bench.active("a").await;
    bench.registry.create(unit("c"), &by(), noon()).await.unwrap();
    assert_eq!(bench.registry.default_unit().unwrap().as_deref(), Some("b"));
    bench.registry.set_default("a", &by(), noon()).await.unwrap();
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!(plan.default_unit.as_deref(), Some("a"));
    let inactive = bench.registry.set_default("c", &by(), noon()).await.unwrap_err();
    assert!(matches!(inactive, UnitError::NoGeneration { .. }));
    assert_eq!(bench.told().last().unwrap(), "default-unit-changed unit a");
}

/// A pair whose companion offers less would fail at each request: it is named, and left out.
#[tokio::test]
async fn a_pair_that_does_not_fit_is_a_fault_of_the_plan() {
    let bench = Bench::new();
    let policies = vec![POLICY.to_owned(), "1.3.6.1.4.1.99999.2".to_owned()];
    let main = UnitSettings { policies, companion: Some("pq".to_owned()), ..unit("main") };
    bench.registry.configure(main.clone(), None, &by(), noon()).await.unwrap();
    // Its companion is not there: the issuer is to say so.
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!((plan.active.len(), plan.faults.len()), (1, 0));
    bench.active("pq").await;
    let plan = bench.registry.plan(noon()).unwrap();
    assert!(matches!(plan.faults[..], [(_, UnitError::CompanionOffersLess { .. })]));
    assert_eq!(plan.active.len(), 1);
    assert_eq!(plan.default_unit, None);
    let pq = UnitSettings { policies: main.policies, ..unit("pq") };
    bench.registry.configure(pq, None, &by(), noon()).await.unwrap();
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!((plan.active.len(), plan.faults.len()), (2, 0));
}

/// A change and its event are one transaction: where the generations change, the trail does too.
#[tokio::test]
async fn no_change_without_its_event() {
    let bench = Bench::new();
    bench.active("main").await;
    bench.registry.tick(day(340)).await.unwrap();
    bench.registry.tick(day(360)).await.unwrap();
    let retirement = Retirement { generation: Some(1), destroy_key: true, ..Retirement::default() };
    bench.registry.retire("main", retirement, &by(), day(361)).await.unwrap();
    let of_units = [tables::UNIT.number(), tables::GENERATION.number()];
    let mut changes = 0;
    for transaction in bench.journal() {
        let changed = transaction.iter().any(|table| of_units.contains(table));
        let told = transaction.iter().any(|table| (40..44).contains(table));
        assert!(!changed || told, "{transaction:?}");
        changes += usize::from(changed);
    }
    assert_eq!(changes, 9);
}

/// A new key whose certificate did not come is not in the way of the next try.
#[tokio::test]
async fn a_key_that_waits_for_the_ca_in_here_is_taken_up_again() {
    let bench = Bench::new();
    bench.active("main").await;
    let made = bench.registry.new_key("main", &by(), day(1)).await.unwrap();
    let told = bench.told();
    let bench = bench.restarted();
    assert_eq!(bench.registry.new_key("main", &by(), day(2)).await.unwrap(), made);
    assert_eq!(bench.told(), told, "nothing was made");
    bench.registry.certify("main", Some(2), &by(), day(2)).await.unwrap();
    bench.registry.activate("main", None, None, &by(), day(2)).await.unwrap();

    // Another kind of key was chosen meanwhile: the one that waits is not that.
    bench.registry.new_key("main", &by(), day(3)).await.unwrap();
    let settings = UnitSettings { key: KeyKind::P384, ..unit("main") };
    bench.registry.configure(settings, None, &by(), day(3)).await.unwrap();
    let waiting = bench.registry.new_key("main", &by(), day(3)).await;
    assert!(matches!(waiting, Err(UnitError::Waiting { generation: 3, .. })), "{waiting:?}");
    // And one that is certified outside has its request to be answered.
    bench.registry.create(outside("other"), &by(), day(3)).await.unwrap();
    let waiting = bench.registry.new_key("other", &by(), day(3)).await;
    assert!(matches!(waiting, Err(UnitError::Waiting { generation: 1, .. })), "{waiting:?}");
}
