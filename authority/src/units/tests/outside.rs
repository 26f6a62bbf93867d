//! Units that another CA certifies: a request goes out, a chain comes in, and is looked at.

use super::support::*;
use crate::units::*;
use certs::{KeyKind, RevocationReason, TsuFault, TsuProfile};
use openssl::pkey::{PKey, Public};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The certificate that another CA makes over the key of a request.
fn certified(hierarchy: &Hierarchy, key: &PKey<Public>) -> Vec<u8> {
    let policy = rasn::types::ObjectIdentifier::new(vec![1, 3, 6, 1, 4, 1, 99_999, 1]).unwrap();
    let profile = TsuProfile::new(name("Altra TSU"), vec![policy]);
    let mut random = StdRng::seed_from_u64(99);
    hierarchy.issuing.issue_tsu(&profile, key, noon(), &mut random).unwrap()
}

fn bundle(parts: &[&[u8]]) -> Vec<u8> {
    certs::pem::bundle(parts.iter().copied()).into_bytes()
}

async fn requested(bench: &Bench) -> PKey<Public> {
    bench.registry.create(outside("main"), &by(), noon()).await.unwrap();
    let request = bench.registry.csr("main", None).unwrap();
    let request = certs::csr::from_pem(request.as_bytes()).unwrap();
    assert!(certs::display_name(request.subject()).contains("Prova S.p.A. TSU main"));
    request.public_key().clone()
}

#[tokio::test]
async fn a_chain_from_outside_is_taken_in_any_order() {
    let bench = Bench::new();
    let key = requested(&bench).await;
    let leaf = certified(&bench.outside, &key);
    let (issuing, root) = (bench.outside.issuing.clone(), bench.outside.root.clone());
    let chain = bundle(&[root.certificate_der(), issuing.certificate_der(), &leaf]);
    let imported = bench.registry.import("main", None, &chain, &by(), noon()).await.unwrap();
    assert_eq!(imported.state, State::Certified);
    assert_eq!(imported.certificate.unwrap().ca, None);
    bench.registry.activate("main", None, None, &by(), noon()).await.unwrap();
    // The root is trusted for this generation, after a restart too.
    let bench = bench.restarted();
    let plan = bench.registry.plan(noon()).unwrap();
    assert_eq!(plan.active[0].certificate.der(), leaf);
    assert_eq!(plan.active[0].certificate.root(), root.certificate_der());
    let events = bench.events();
    let event = events.iter().find(|event| event.action == "certificate-imported").unwrap();
    let root = hex::encode(openssl::sha::sha256(root.certificate_der()));
    assert!(event.details.contains(&("root_sha256".to_owned(), root)));
    // It is not ours to revoke.
    let revoke = Some(RevocationReason::Superseded);
    let retirement = Retirement { revoke, force: true, ..Retirement::default() };
    let refused = bench.registry.retire("main", retirement, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::NotOurs { .. })));
    assert_eq!(bench.state("main", 1), State::Active, "refused before anything was done");
}

/// Everything that is wrong is named, and nothing is changed.
#[tokio::test]
async fn a_chain_that_is_not_good_is_refused_with_its_faults() {
    let bench = Bench::new();
    let key = requested(&bench).await;
    let leaf = certified(&bench.outside, &key);
    let other = certified(&bench.outside, software_key(KeyKind::P256).public_key());
    let (issuing, root) = (bench.outside.issuing.clone(), bench.outside.root.clone());
    let (issuing, root) = (issuing.certificate_der(), root.certificate_der());
    let told = bench.told();
    let import = async |chain: &[u8], at| {
        let refused = bench.registry.import("main", None, chain, &by(), at).await;
        match refused.unwrap_err() {
            UnitError::Certificate { faults, .. } => faults,
            error => panic!("{error}"),
        }
    };
    // The root is not there, and not known.
    assert!(!import(&bundle(&[&leaf, issuing]), noon()).await.is_empty());
    // The issuer is missing.
    assert!(!import(&bundle(&[&leaf, root]), noon()).await.is_empty());
    // It is of another key.
    assert!(!import(&bundle(&[&other, issuing, root]), noon()).await.is_empty());
    // It has expired.
    let expired = import(&bundle(&[&leaf, issuing, root]), day(5 * 365)).await;
    assert!(expired.iter().any(|fault| matches!(fault, TsuFault::Expired { .. })), "{expired:?}");
    for text in [&b""[..], b"-----BEGIN CERTIFICATE-----\n", b"hello"] {
        let refused = bench.registry.import("main", None, text, &by(), noon()).await;
        assert!(matches!(refused, Err(UnitError::Pem { .. })), "{refused:?}");
    }
    assert_eq!(bench.state("main", 1), State::KeyMade);
    assert_eq!(bench.told(), told);
}

/// A unit that is certified outside is not certified in here, and does not roll over by itself.
#[tokio::test]
async fn the_ca_in_here_leaves_it_alone() {
    let bench = Bench::new();
    let key = requested(&bench).await;
    let refused = bench.registry.certify("main", None, &by(), noon()).await;
    assert!(matches!(refused, Err(UnitError::NotBuiltIn { .. })));
    let (issuing, root) = (bench.outside.issuing.clone(), bench.outside.root.clone());
    let leaf = certified(&bench.outside, &key);
    let chain = bundle(&[&leaf, issuing.certificate_der(), root.certificate_der()]);
    bench.registry.import("main", None, &chain, &by(), noon()).await.unwrap();
    bench.registry.activate("main", None, None, &by(), noon()).await.unwrap();
    assert_eq!(bench.registry.tick(day(364)).await.unwrap(), []);
    assert_eq!(bench.registry.show("main").unwrap().generations.len(), 1);
}

/// Configured, it waits for its certificate: at each start again, with the same key.
#[tokio::test]
async fn a_configured_unit_waits_for_its_certificate() {
    let bench = Bench::new();
    let first = bench.registry.configure(outside("main"), None, &by(), noon()).await.unwrap();
    assert_eq!(first.generations[0].state, State::KeyMade);
    let bench = bench.restarted();
    let again = bench.registry.configure(outside("main"), None, &by(), day(1)).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(bench.registry.plan(noon()).unwrap().default_unit, None);
}
