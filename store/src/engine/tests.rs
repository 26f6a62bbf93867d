//! The engine on a disk in memory: what must survive, what must be refused.

use crate::{MemoryStore, Order, Settings, Store, StoreExt, Table};
use std::ops::Bound::Unbounded;

const T: Table = Table::new(1, "t");

#[test]
fn smoke() {
    let store = MemoryStore::new().unwrap();
    store
        .transact(|t| {
            t.put(T, b"a", b"small");
            t.put(T, b"b", &[7; 600]);
            Ok(())
        })
        .wait()
        .unwrap();
    assert_eq!(store.get(T, b"a").unwrap().unwrap(), b"small");
    assert_eq!(store.get(T, b"b").unwrap().unwrap(), vec![7; 600]);
    assert_eq!(store.scan(T, Unbounded, Unbounded, Order::Descending, 10).unwrap().len(), 2);
    store.close().unwrap();
    let (store, report) = MemoryStore::open(store.disk(), &Settings::small()).unwrap();
    assert_eq!((report.sequence, report.torn_tail), (1, None));
    assert_eq!(store.get(T, b"b").unwrap().unwrap(), vec![7; 600]);
}
