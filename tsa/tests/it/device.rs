//! A unit whose key is in a device that is pulled out, and comes back: no token and no debit
//! meanwhile, and no restart afterwards (F11).

use crate::support::keys::remote_settings;
use crate::support::request::{self, usual};
use crate::support::{Bench, softhsm};
use certs::{KeyBackend, KeyKind, Pkcs11Backend};
use marca_tsa::{NotReady, Outcome, RejectReason};
use std::time::Duration;

#[test]
fn a_lost_device_costs_nothing_and_comes_back() {
    softhsm::test("device::a_lost_device_costs_nothing_and_comes_back", |token| {
        let plugged = token.serve();
        let device = Pkcs11Backend::open(remote_settings(token)).unwrap();
        let key = device.generate("tsu-main", KeyKind::P256).unwrap();
        let bench = Bench::with_key(10, key);
        let issue = |nonce: i64| bench.issue(&request::with_nonce(nonce)).outcome;
        assert!(matches!(issue(1), Outcome::Granted { .. }));
        assert!(bench.issuer.readiness().is_ok());

        drop(plugged);
        for nonce in 2..5 {
            let outcome = issue(nonce);
            let Outcome::Rejected { reason, .. } = outcome else { panic!("{outcome:?}") };
            assert_eq!(reason, RejectReason::Signing);
            assert!(matches!(bench.issuer.readiness(), Err(NotReady::Key { .. })));
        }
        assert_eq!(bench.issuer.ledger().state().remaining, 9);

        let _plugged = token.serve();
        let back = (5..).find(|nonce| {
            std::thread::sleep(Duration::from_millis(5));
            matches!(issue(*nonce), Outcome::Granted { .. })
        });
        assert!(back.is_some());
        assert!(bench.issuer.readiness().is_ok());
        assert_eq!(bench.issuer.ledger().state().remaining, 8);
        bench.issuer.ledger().assert_balanced(10);
        assert!(matches!(bench.issue(&request::encode(&usual())).outcome, Outcome::Granted { .. }));
    });
}
