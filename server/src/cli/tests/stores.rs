//! `marca store` on real data directories.

use super::fake::run;
use crate::random::SystemRandom;
use accounts::stamps::{Act, LedgerSettings, StampLedger};
use serde_json::Value;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DiskStore, Order, Settings, Store, StoreExt, Table};
use tempfile::TempDir;

const TABLE: Table = Table::new(200, "test");
/// The ledger's table of entries, by its number on disk.
const ENTRY: Table = Table::new(4, "stamp-entry");

/// A closed store with some transactions in it.
fn store_in(directory: &Path) {
    let (store, _) = DiskStore::open(directory, &Settings::default()).unwrap();
    for number in 0..20u8 {
        let write = store.transact(move |transaction| {
            transaction.put(TABLE, &[number], &[number; 100]);
            Ok(())
        });
        write.wait().unwrap();
    }
    store.close().unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The largest file of the journal.
fn segment_of(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("journal")).unwrap();
    entries.map(|entry| entry.unwrap().path()).min().unwrap()
}

#[test]
fn a_good_store_is_found_right_and_copied_and_brought_back() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    store_in(&path("data"));
    let (data, copy, new) = (path("data"), path("copy"), path("new"));

    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("transactions  20\n"), "{}", ended.out);
    assert!(ended.out.contains("index         right, "), "{}", ended.out);

    let ended = run(&["store", "backup", "--data", text(&data), "--to", text(&copy)], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let ended = run(&["store", "restore", "--data", text(&new), "--from", text(&copy)], "");
    assert_eq!(ended.code, 0, "{}", ended.err);

    let checked = |data: &Path| -> Value {
        let ended = run(&["store", "check", "--json", "--data", text(data)], "");
        assert_eq!(ended.code, 0, "{}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    };
    let (old, restored) = (checked(&data), checked(&new));
    assert_eq!(old["findings"], serde_json::json!([]));
    assert_eq!(old["accounting"]["accounts"], 0, "none of its tables is an account's");
    assert_eq!((&old["sequence"], &old["hash"]), (&restored["sequence"], &restored["hash"]));
    assert_eq!((&old["index"], &restored["index"]), (&"right".into(), &"not-trusted".into()));

    let ended = run(&["store", "rebuild", "--data", text(&new)], "");
    assert_eq!(ended.out, "index built again from 20 transactions\n", "{}", ended.err);
    assert_eq!(checked(&new)["index"], "right");
}

#[test]
fn damage_is_a_finding_with_code_1_and_what_to_do() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    store_in(&data);
    let segment = segment_of(&data);
    let mut octets = std::fs::read(&segment).unwrap();
    let place = octets.windows(100).position(|window| window == [3; 100]).unwrap();
    octets[place] ^= 1;
    std::fs::write(&segment, octets).unwrap();
    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("damage in"), "{}", ended.out);
    assert!(ended.out.contains("marca store restore"), "{}", ended.out);
    assert_eq!(ended.err, "marca: 1 fault was found\n");

    let ended = run(&["store", "check", "--json", "--data", text(&data)], "");
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, told["findings"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn a_running_service_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    store_in(&data);
    let (service, _) = DiskStore::open(&data, &Settings::default()).unwrap();
    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("a service has the store open"), "{}", ended.out);
    let ended = run(&["store", "rebuild", "--data", text(&data)], "");
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("in use"), "{}", ended.err);
    service.close().unwrap();
}

#[test]
fn what_is_not_there_is_named_and_what_is_there_is_not_overwritten() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let missing = path("missing");
    let ended = run(&["store", "check", "--data", text(&missing)], "");
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains(text(&missing)), "{}", ended.err);

    store_in(&path("data"));
    let (data, copy) = (path("data"), path("copy"));
    assert_eq!(run(&["store", "backup", "--data", text(&data), "--to", text(&copy)], "").code, 0);
    let ended = run(&["store", "backup", "--data", text(&data), "--to", text(&copy)], "");
    assert!(ended.code == 1 && ended.err.contains("not empty"), "{}", ended.err);
    let ended = run(&["store", "restore", "--data", text(&data), "--from", text(&copy)], "");
    assert!(ended.code == 1 && ended.err.contains("not empty"), "{}", ended.err);
}

/// A ledger writes, and a check beside it re-adds what it wrote. Then a hand that is not the
/// ledger's writes into its table.
#[test]
fn stamps_are_added_again_and_a_forged_entry_is_found() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let (service, _) = DiskStore::open(&data, &Settings::default()).unwrap();
    let service: Arc<dyn Store> = Arc::new(service);
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let settings = LedgerSettings::default();
    let ledger = StampLedger::open(Arc::clone(&service), settings).unwrap();
    let by = Act { actor: "admin".to_owned(), reason: "test".to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(ledger.create("acme", &by, now)).unwrap();

    let ended = run(&["store", "check", "--json", "--data", text(&data)], "");
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&told["index"], &told["accounting"]["accounts"]), (&"in-use".into(), &1.into()));

    let rows =
        service.scan(ENTRY, Bound::Unbounded, Bound::Unbounded, Order::Ascending, 1).unwrap();
    let key = rows[0].0.clone();
    let forged = service.transact(move |transaction| {
        transaction.delete(ENTRY, &key);
        Ok(())
    });
    forged.wait().unwrap();
    service.close().unwrap();
    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("accounting: "), "{}", ended.out);
    assert!(ended.out.contains("last good backup"), "{}", ended.out);
}

/// Events are recorded, and a check beside the service follows their chain. Then a hand that is
/// not the trail's makes an event undone.
#[test]
fn the_chain_of_the_audit_trail_is_followed_and_a_lost_event_is_found() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let (service, _) = DiskStore::open(&data, &Settings::default()).unwrap();
    let service: Arc<dyn Store> = Arc::new(service);
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let log = trail::Trail::open(Arc::clone(&service)).unwrap();
    for subject in ["unit main", "unit spare"] {
        let event = trail::Event::success(trail::Category::Key, "key-made", "service", subject);
        log.submit(event, now).wait().unwrap();
    }

    let ended = run(&["store", "check", "--json", "--data", text(&data)], "");
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let head = hex::encode(log.head().unwrap().hash);
    assert_eq!(told["trail"], serde_json::json!({ "events": 2, "head": head }));

    let undone = service.transact(|transaction| {
        transaction.delete(trail::tables::EVENT, &1_u64.to_be_bytes());
        Ok(())
    });
    undone.wait().unwrap();
    service.close().unwrap();
    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 1, "{}", ended.out);
    let said = "audit trail: transaction 3: a row of trail-event was removed";
    assert!(ended.out.contains(said), "{}", ended.out);
    assert!(ended.out.contains("last good backup"), "{}", ended.out);
}

/// A certificate whose suspension was made undone by a hand that is not the registry's.
#[test]
fn the_history_of_certificates_is_followed_and_a_forged_status_is_found() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let (service, _) = DiskStore::open(&data, &Settings::default()).unwrap();
    let service: Arc<dyn Store> = Arc::new(service);
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let key = || -> Arc<dyn certs::SigningKey> {
        Arc::new(certs::SoftwareKey::generate("test", certs::KeyKind::P256).unwrap())
    };
    let name = certs::DistinguishedName::organization("IT", "Example", "Root");
    let (profile, mut random) = (certs::CaProfile::root(name), SystemRandom.seeded());
    let url = "http://ca.example";
    let root = certs::CertificateAuthority::create_root(&profile, key(), url, now, &mut random);
    let responder = authority::ResponderKey::Direct;
    let cas = vec![authority::AuthorityCa { ca: root.unwrap(), responder }];
    let settings = authority::Settings::default();
    let ca = authority::Authority::open(Arc::clone(&service), cas, settings, random, now).unwrap();
    let by = authority::Act::new("admin", "test");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let serial = runtime.block_on(async {
        let profile = certs::EndProfile::new(certs::EndKind::TlsClient, Vec::new());
        let key = key();
        let name = certs::DistinguishedName::organization("IT", "Example", "pump-7");
        let issued = ca.issue("root", &profile, &name, key.public_key(), &by, now).await.unwrap();
        ca.suspend(&issued.serial, None, &by, now).await.unwrap();
        issued.serial
    });

    let ended = run(&["store", "check", "--json", "--data", text(&data)], "");
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let expected = serde_json::json!({ "issued": 1, "suspended": 1, "revoked": 0, "crls": 1 });
    assert_eq!(told["certificates"], expected);

    let standing = authority::tables::STANDING;
    let rows = service.scan(standing, Bound::Unbounded, Bound::Unbounded, Order::Ascending, 1);
    let (key, mut record) = rows.unwrap().remove(0);
    // The number of the state in the record: held becomes good, and its date stays behind.
    record[4] = 0;
    let forged = service.transact(move |transaction| {
        transaction.put(standing, &key, &record);
        Ok(())
    });
    forged.wait().unwrap();
    service.close().unwrap();
    let ended = run(&["store", "check", "--data", text(&data)], "");
    assert_eq!(ended.code, 1, "{}", ended.out);
    assert!(ended.out.contains("certificates: "), "{}", ended.out);
    assert!(ended.out.contains(&serial.to_string()), "{}", ended.out);
}
