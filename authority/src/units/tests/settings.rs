//! What an operator may decide, and what is refused by name.

use super::support::*;
use crate::units::*;
use certs::KeyKind;

#[track_caller]
fn refused(settings: &UnitSettings, field: &str) {
    let error = settings.check().unwrap_err();
    assert!(error.to_string().starts_with(&format!("unit {}, {field}: ", settings.id)), "{error}");
}

#[test]
fn usual_settings_are_good() {
    for settings in [unit("main"), outside("a"), in_device(&"x".repeat(32))] {
        settings.check().unwrap();
    }
    let rsa = UnitSettings { key: KeyKind::Rsa3072, padding: Padding::Pss, ..unit("rsa") };
    rsa.check().unwrap();
}

#[test]
fn what_is_not_possible_is_refused_by_name() {
    for id in ["", "A", "a_b", "-a", "key", "a/b", &"x".repeat(33)] {
        refused(&unit(id), "id");
    }
    let with = |change: fn(&mut UnitSettings)| {
        let mut settings = unit("main");
        change(&mut settings);
        settings
    };
    refused(&with(|unit| unit.policies.clear()), "policies");
    for policy in ["", "1", "1.2.x", "1..2", "+1.2", "9.9", "1.2.4294967296"] {
        refused(&UnitSettings { policies: vec![policy.to_owned()], ..unit("main") }, "policies");
    }
    for policies in [vec!["1.2.3".to_owned(); 2], vec!["2.5.29.32.0".to_owned()]] {
        refused(&UnitSettings { policies, ..unit("main") }, "policies");
    }
    let policies = |count: u32| (0..count).map(|number| format!("1.2.{number}")).collect();
    UnitSettings { policies: policies(32), ..unit("main") }.check().unwrap();
    refused(&UnitSettings { policies: policies(33), ..unit("main") }, "policies");
    refused(&with(|unit| unit.accuracy_ms = 0), "accuracy_ms");
    refused(&with(|unit| unit.accuracy_ms = 1001), "accuracy_ms");
    refused(&with(|unit| unit.padding = Padding::Pss), "padding");
    refused(&with(|unit| unit.companion = Some("main".to_owned())), "companion");
    refused(&with(|unit| unit.certified_by = CertifiedBy::Outside), "rollover");
    for (prepare_days, activate_days) in [(7, 7), (7, 8), (7, 0), (301, 7)] {
        let rollover = Some(Rollover { prepare_days, activate_days });
        refused(&UnitSettings { rollover, ..unit("main") }, "rollover");
    }
}

#[test]
fn words_are_read_and_shown() {
    assert_eq!("hsm".parse(), Ok(KeyStore::Hsm));
    assert_eq!("pss".parse(), Ok(Padding::Pss));
    assert_eq!("full".parse(), Ok(TokenCertificates::Full));
    assert_eq!("outside".parse(), Ok(CertifiedBy::Outside));
    assert_eq!(CertifiedBy::BuiltIn.to_string(), "built-in");
    let error = "tape".parse::<KeyStore>().unwrap_err();
    assert_eq!(error.to_string(), "\"tape\" is not known: use file or hsm");
}

/// RSA keys sign as the setting says, in the plan too.
#[tokio::test]
async fn the_padding_is_that_of_the_key() {
    let bench = Bench::new();
    let settings = UnitSettings { key: KeyKind::Rsa2048, padding: Padding::Pss, ..unit("main") };
    bench.registry.configure(settings, None, &by(), noon()).await.unwrap();
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!(plan.active[0].key.scheme(), certs::SignatureScheme::RsaPssSha256);
}

#[tokio::test]
async fn a_unit_for_a_device_needs_one() {
    let bench = Bench::new();
    let keys = KeyStores { file: bench.files.clone(), hsm: None };
    let settings = RegistrySettings { ca: None, subject: name(""), roots: Vec::new() };
    let registry = UnitRegistry::open(bench.store.clone(), keys, None, settings).unwrap();
    let refused = registry.create(in_device("main"), &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::NoHsm { .. })));
    assert!(registry.list().unwrap().is_empty());
    // Without a CA in here a unit can only be certified outside.
    registry.create(unit("main"), &by(), noon()).await.unwrap();
    let refused = registry.certify("main", None, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::NotBuiltIn { .. })));
}
