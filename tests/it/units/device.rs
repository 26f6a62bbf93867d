//! A unit whose key is in a device: it signs, it survives the loss of the device without a
//! restart, and nothing is debited meanwhile.

use super::show;
use crate::harness::{Account, Config, Device, Reply, Service, eventually, request};

/// A service with one unit whose key is made in the device.
fn service(device: &Device, key: &str) -> Service {
    let unit = format!(
        "[[tsu]]\nid = \"main\"\nkey = \"{key}\"\nkey_store = \"hsm\"\n\
         policies = [\"0.4.0.2023.1.1\"]\naccuracy_ms = 1000\n"
    );
    let (name, value) = device.variable();
    let config = Config::new().section(device.section()).unit_text(unit);
    config.write().with_variable(name, &value).started()
}

fn stamp(service: &Service, account: &Account) -> Reply {
    Reply::read(&account.client(service).stamp(&request::fresh()).status(200).body)
}

/// EC and RSA keys of the device sign tokens that verify, and no key is in a file.
#[test]
fn keys_in_a_device_sign() {
    let device = Device::start();
    for key in ["p256", "rsa2048"] {
        let service = service(&device, key);
        let account = Account::open(&service, "acme", 10);
        let reply = stamp(&service, &account);
        reply.token().verify(&std::fs::read(service.ca_file()).unwrap());
        assert!(!service.data().join("keys/tsu-main.key").exists());
        let shown = show(&service, "main");
        assert_eq!(shown["generations"][0]["key_store"], "hsm", "{shown}");
        let gone = serde_json::json!({ "destroy_key": true, "force": true });
        super::act(&service, "main", "retire", &gone);
    }
}

/// F11: the device goes away: systemFailure (25), not ready, no debit; it comes back: tokens
/// again, without a restart.
#[test]
fn a_lost_device_costs_nothing_and_comes_back() {
    let mut device = Device::start();
    let service = service(&device, "p256");
    let account = Account::open(&service, "acme", 10);
    assert!(stamp(&service, &account).is_granted());
    let ready = || service.client().get("/readyz").status;
    assert_eq!(ready(), 200);

    device.take_away();
    let refused = stamp(&service, &account);
    assert_eq!(refused.rejection().0, 25, "systemFailure");
    eventually("it is not ready", || ready() == 503);
    assert_eq!(account.balance(&service), (9, 1));

    device.bring_back();
    eventually("it is ready again", || ready() == 200);
    assert!(stamp(&service, &account).is_granted());
    assert_eq!(account.balance(&service), (8, 2));
    account.check_statement(&service);
}

/// A device that is away when the service starts: the service runs, is not ready, and recovers.
#[test]
fn a_start_without_the_device_recovers() {
    let mut device = Device::start();
    let mut service = service(&device, "p256");
    let account = Account::open(&service, "acme", 10);
    service.stop();
    device.take_away();
    service.start();
    assert_eq!(service.client().get("/readyz").status, 503);
    assert_eq!(stamp(&service, &account).rejection().0, 25);
    device.bring_back();
    eventually("it is ready", || service.client().get("/readyz").status == 200);
    assert!(stamp(&service, &account).is_granted());
}
