//! Units of the configuration at a start: new ones, known ones, and those of a data directory that
//! is older than the registry.

use super::support::*;
use crate::CertificateQuery;
use crate::units::*;
use certs::{KeyBackend, KeyKind, SigningKey, TsuProfile};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A key and a certificate as they were made before there was a registry.
fn old_unit(bench: &Bench, id: &str) -> Vec<u8> {
    let key = bench.files.generate(&format!("tsu-{id}"), KeyKind::P256).unwrap();
    let leaf = old_certificate(bench, &*key);
    let issuer = bench.hierarchy.issuing.certificate_der();
    certs::pem::bundle([leaf.as_slice(), issuer]).into_bytes()
}

fn old_certificate(bench: &Bench, key: &dyn SigningKey) -> Vec<u8> {
    let policy = rasn::types::ObjectIdentifier::new(vec![0, 4, 0, 2023, 1, 1]).unwrap();
    let profile = TsuProfile::new(name("Prova TSU old"), vec![policy]);
    let mut random = StdRng::seed_from_u64(1234);
    let issuing = &bench.hierarchy.issuing;
    issuing.issue_tsu(&profile, key.public_key(), noon(), &mut random).unwrap()
}

#[tokio::test]
async fn an_old_unit_is_adopted_as_it_is() {
    let bench = Bench::new();
    let chain = old_unit(&bench, "main");
    let leaf = certs::pem::certificates(&chain).unwrap().remove(0);
    let adopted =
        bench.registry.configure(unit("main"), Some(&chain), &by(), day(9)).await.unwrap();
    let [generation] = &adopted.generations[..] else { panic!("{adopted:?}") };
    assert_eq!((generation.number, generation.state), (1, State::Active));
    let plan = bench.registry.plan(day(9)).unwrap();
    assert_eq!(plan.active[0].certificate.der(), leaf);
    plan.active[0].key.sign(b"message").unwrap();
    // The CA knows it from now on: OCSP and revocation lists can speak of it.
    let query = CertificateQuery { limit: 10, ..CertificateQuery::default() };
    let page = bench.authority.list(&query, day(9)).unwrap();
    assert_eq!(page.certificates.len(), 1);
    assert_eq!(
        bench.told(),
        [
            "unit-created unit main",
            "key-adopted unit main generation 1",
            "unit-adopted unit main generation 1"
        ]
    );
}

/// A start that changes nothing writes nothing.
#[tokio::test]
async fn the_next_start_finds_everything_as_it_was() {
    let bench = Bench::new();
    let chain = old_unit(&bench, "main");
    let first = bench.registry.configure(unit("main"), Some(&chain), &by(), noon()).await;
    let first = first.unwrap();
    let bench = bench.restarted();
    let sequence = bench.store.durable_sequence();
    let again = bench.registry.configure(unit("main"), Some(&chain), &by(), day(3)).await;
    assert_eq!(again.unwrap(), first);
    assert_eq!(bench.store.durable_sequence(), sequence);
}

/// An old certificate that is not good is named, and the unit is not adopted.
#[tokio::test]
async fn an_old_certificate_that_is_not_good_is_named() {
    let bench = Bench::new();
    old_unit(&bench, "main");
    let other = old_certificate(&bench, &*software_key(KeyKind::P256));
    let chain = certs::pem::bundle([other.as_slice(), bench.hierarchy.issuing.certificate_der()]);
    let refused =
        bench.registry.configure(unit("main"), Some(chain.as_bytes()), &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::Certificate { .. })), "{refused:?}");
    assert!(bench.registry.list().unwrap().is_empty());
}

/// A key alone, which a start left that was cut off, is used.
#[tokio::test]
async fn a_key_that_was_left_alone_is_used() {
    let bench = Bench::new();
    bench.registry.0.mark_making(&unit("main"), 1, noon()).await.unwrap();
    let key = bench.files.generate("tsu-main", KeyKind::P256).unwrap();
    let bench = bench.restarted();
    bench.active("main").await;
    let plan = bench.registry.plan(noon()).unwrap();
    assert!(plan.active[0].key.public_key().public_eq(key.public_key()));
    assert_eq!(bench.told()[1], "key-adopted unit main generation 1");
}

/// A key that somebody put under the label is nobody's whom a certificate should vouch for.
#[tokio::test]
async fn a_key_that_was_not_made_here_is_not_taken() {
    let bench = Bench::new();
    let key = bench.files.generate("tsu-main", KeyKind::P256).unwrap();
    for _ in 0..2 {
        let refused = bench.registry.configure(unit("main"), None, &by(), noon()).await;
        assert!(matches!(refused, Err(UnitError::StrangeKey { .. })), "{refused:?}");
    }
    assert!(bench.registry.list().unwrap().is_empty());
    let there = bench.files.open("tsu-main").unwrap();
    assert!(there.public_key().public_eq(key.public_key()), "it is left as it was");

    bench.active("other").await;
    bench.files.generate("tsu2-other", KeyKind::P256).unwrap();
    let refused = bench.registry.new_key("other", &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::StrangeKey { .. })), "{refused:?}");
    // The mark of the first key went with its making.
    bench.files.destroy("tsu2-other").unwrap();
    bench.registry.new_key("other", &by(), noon()).await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_kind_is_never_replaced() {
    let bench = Bench::new();
    bench.registry.0.mark_making(&unit("main"), 1, noon()).await.unwrap();
    bench.files.generate("tsu-main", KeyKind::P384).unwrap();
    let refused = bench.registry.configure(unit("main"), None, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::WrongKey { found: KeyKind::P384, .. })));
}

/// A start that was cut off between key, certificate and activation is taken up.
#[tokio::test]
async fn a_first_start_that_was_cut_off_goes_on() {
    for certify in [false, true] {
        let bench = Bench::new();
        bench.registry.create(unit("main"), &by(), noon()).await.unwrap();
        if certify {
            bench.registry.certify("main", None, &by(), noon()).await.unwrap();
        }
        let bench = bench.restarted();
        let unit = bench.active("main").await;
        assert_eq!(unit.active().map(|active| active.number), Some(1));
    }
}

/// What an administrator ended is not begun again by the next start.
#[tokio::test]
async fn a_unit_that_was_retired_stays_retired() {
    let bench = Bench::new();
    bench.active("main").await;
    let retirement = Retirement { force: true, ..Retirement::default() };
    bench.registry.retire("main", retirement, &by(), noon()).await.unwrap();
    bench.registry.new_key("main", &by(), noon()).await.unwrap();
    let bench = bench.restarted();
    let unit = bench.active("main").await;
    assert!(unit.active().is_none());
}

#[tokio::test]
async fn settings_are_brought_up_to_date_and_the_change_is_told() {
    let bench = Bench::new();
    bench.active("main").await;
    let settings = UnitSettings { accuracy_ms: 250, key: KeyKind::P384, ..unit("main") };
    let changed = bench.registry.configure(settings, None, &by(), day(1)).await.unwrap();
    assert_eq!(changed.settings.accuracy_ms, 250);
    let events = bench.events();
    let event = events.last().unwrap();
    assert_eq!(event.action, "unit-changed");
    let details: Vec<_> =
        event.details.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(details, [("reason", "test"), ("key", "p384"), ("accuracy_ms", "250")]);
    // The kind holds for the next key; the one at work is what it is.
    let plan = bench.registry.plan(day(1)).unwrap();
    assert_eq!(plan.active[0].key.kind(), KeyKind::P256);
    let next = bench.registry.new_key("main", &by(), day(2)).await.unwrap();
    assert_eq!(next.kind, KeyKind::P384);
}
