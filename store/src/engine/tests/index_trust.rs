//! When the index of the last run is trusted, and what becomes of it when it is not.

use super::{T, run, state_after, state_of, tiny};
use crate::disk::{Disk, MemoryDisk};
use crate::engine::Engine;
use crate::engine::marker::{Marker, State};
use crate::engine::open::{IndexHome, OpenReport};
use crate::index::{Index, IndexFault, Key, KeyRange, MemoryIndex, Slot};
use crate::journal::Position;
use crate::{MemoryStore, Order, Settings, Store, StoreError, StoreExt};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A home whose index outlives the store, as on a disk.
#[derive(Debug, Default)]
struct Home(Mutex<Option<Arc<dyn Index>>>);

/// A home that looks at the marker when its index is deleted.
#[derive(Debug)]
struct Watching {
    home: Home,
    disk: MemoryDisk,
    seen: Mutex<Vec<State>>,
}

impl IndexHome for Watching {
    fn open(&self) -> Result<Arc<dyn Index>, IndexFault> {
        self.home.open()
    }

    fn discard(&self) -> Result<bool, StoreError> {
        self.seen.lock().push(Marker::read(&self.disk)?.state);
        self.home.discard()
    }
}

impl IndexHome for Home {
    fn open(&self) -> Result<Arc<dyn Index>, IndexFault> {
        let mut index = self.0.lock();
        Ok(Arc::clone(index.get_or_insert_with(|| Arc::new(MemoryIndex::default()))))
    }

    fn discard(&self) -> Result<bool, StoreError> {
        Ok(self.0.lock().take().is_some())
    }
}

/// A store that was written by `count` transactions and then left without a close.
fn killed(count: u64) -> MemoryDisk {
    let (store, _) = MemoryStore::open(&MemoryDisk::new(), &tiny()).unwrap();
    run(&store, count);
    store.disk().after_power_cut(crate::disk::Loss::Nothing)
}

fn open(disk: &MemoryDisk, home: &Home, boot: &str) -> Result<(Engine, OpenReport), StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Engine::open(disk, home, &tiny(), boot)
}

fn add(store: &dyn Store, key: &'static [u8]) {
    let write = store.transact(move |transaction| {
        transaction.put(T, key, b"added");
        Ok(())
    });
    write.wait().unwrap();
}

#[test]
fn after_a_close_nothing_is_replayed() {
    let (disk, home) = (killed(20), Home::default());
    let (engine, report) = open(&disk, &home, "boot 1").unwrap();
    assert_eq!((report.sequence, report.replayed), (20, 20));
    engine.close().unwrap();
    let (engine, report) = open(&disk, &home, "boot 2").unwrap();
    assert_eq!((report.replayed, report.index_rebuilt), (0, None));
    assert_eq!(state_of(&engine).unwrap(), state_after(20));
}

#[test]
fn after_a_kill_in_the_same_boot_the_rest_is_replayed() {
    let (disk, home) = (killed(20), Home::default());
    let settings = Settings { index_delay: std::time::Duration::from_secs(9999), ..tiny() };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (engine, _) = Engine::open(shared, &home, &settings, "boot 1").unwrap();
    add(&engine, b"not in the index yet");
    let killed = disk.after_power_cut(crate::disk::Loss::Nothing);
    let (after, report) = open(&killed, &home, "boot 1").unwrap();
    assert_eq!((report.sequence, report.replayed), (21, 1));
    assert_eq!(report.index_rebuilt, None);
    assert_eq!(after.get(T, b"not in the index yet").unwrap().unwrap(), b"added");
    drop(engine);
}

#[test]
fn after_a_power_cut_the_index_is_built_again() {
    let (disk, home) = (killed(20), Home::default());
    let (engine, _) = open(&disk, &home, "boot 1").unwrap();
    let cut = disk.after_power_cut(crate::disk::Loss::All);
    drop(engine);
    // What is left of an index after a power cut: anything.
    let rows = BTreeMap::from([(Key::from(*b"\x01junk"), Slot::Inline((*b"junk").into()))]);
    let position = Position { segment: 1, offset: 512, sequence: 0, hash: [0; 32] };
    home.open().unwrap().apply(&rows, &position).unwrap();
    let (engine, report) = open(&cut, &home, "boot 2").unwrap();
    assert!(report.index_rebuilt.is_some(), "{report:?}");
    assert_eq!(report.replayed, 20);
    assert_eq!(state_of(&engine).unwrap(), state_after(20));
}

#[test]
fn an_index_of_another_journal_is_built_again() {
    let (disk, home) = (killed(20), Home::default());
    let (engine, _) = open(&disk, &home, "boot").unwrap();
    engine.close().unwrap();
    let position = Position { segment: 1, offset: 1024, sequence: 3, hash: [1; 32] };
    home.open().unwrap().apply(&BTreeMap::new(), &position).unwrap();
    let (engine, report) = open(&disk, &home, "boot").unwrap();
    assert!(report.index_rebuilt.is_some());
    assert_eq!(state_of(&engine).unwrap(), state_after(20));
}

#[test]
fn a_journal_that_lost_what_the_index_has_is_damage() {
    let (disk, home) = (killed(20), Home::default());
    let (engine, _) = open(&disk, &home, "boot").unwrap();
    let older = disk.after_power_cut(crate::disk::Loss::Nothing);
    add(&engine, b"k");
    engine.close().unwrap();
    let error = open(&older, &home, "boot").unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn the_index_does_not_hear_of_a_frame_that_may_not_be_durable() {
    let disk = MemoryDisk::new();
    let settings = Settings { segment_bytes: 8 << 20, ..tiny() };
    let (store, _) = MemoryStore::open(&disk, &settings).unwrap();
    // More keys than are carried at once.
    let write = store.transact(|transaction| {
        (0..70_000_u32).for_each(|key| transaction.put(T, &key.to_be_bytes(), b""));
        Ok(())
    });
    write.wait().unwrap();
    let mut failed = 0;
    for n in 1.. {
        let (disk, home) = (disk.after_kill(), Home::default());
        disk.fail_write(n);
        let shared: Arc<dyn Disk> = Arc::new(disk);
        match Engine::open(shared, &home, &settings, "boot") {
            Ok(_) => break,
            Err(_) => failed += 1,
        }
        // The last write of an opening is the marker's, with what was reached.
        let told = home.open().unwrap().position().unwrap().is_some();
        assert_eq!(told, n > 4, "write {n}");
    }
    assert_eq!(failed, 5);
}

/// An index that panics when it is read or written.
#[derive(Debug, Default)]
struct Broken {
    closed: AtomicBool,
}

impl Index for Broken {
    fn get(&self, _: &[u8]) -> Result<Option<Slot>, IndexFault> {
        Err(IndexFault("broken".to_owned()))
    }

    fn scan(
        &self,
        _: &KeyRange,
        _: Order,
        _: &mut dyn FnMut(&[u8], Slot) -> ControlFlow<()>,
    ) -> Result<(), IndexFault> {
        Err(IndexFault("broken".to_owned()))
    }

    fn apply(&self, _: &BTreeMap<Key, Slot>, _: &Position) -> Result<(), IndexFault> {
        panic!("meant to happen in this test");
    }

    fn position(&self) -> Result<Option<Position>, IndexFault> {
        Ok(None)
    }

    fn close(&self) -> Result<(), IndexFault> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}

#[test]
fn an_index_that_panics_at_the_opening_is_built_again() {
    let (disk, home) = (killed(20), Home::default());
    let (engine, _) = open(&disk, &home, "boot").unwrap();
    engine.close().unwrap();
    *home.0.lock() = Some(Arc::new(Broken::default()));
    let (engine, report) = open(&disk, &home, "boot").unwrap();
    assert_eq!(report.index_rebuilt.as_deref(), Some("panic: meant to happen in this test"));
    assert_eq!(state_of(&engine).unwrap(), state_after(20));
}

/// An index that panics when it is read.
#[derive(Debug)]
struct PanicsAtReads;

impl Index for PanicsAtReads {
    fn get(&self, _: &[u8]) -> Result<Option<Slot>, IndexFault> {
        panic!("meant to happen in this test");
    }

    fn scan(
        &self,
        _: &KeyRange,
        _: Order,
        _: &mut dyn FnMut(&[u8], Slot) -> ControlFlow<()>,
    ) -> Result<(), IndexFault> {
        panic!("meant to happen in this test");
    }

    fn apply(&self, _: &BTreeMap<Key, Slot>, _: &Position) -> Result<(), IndexFault> {
        Ok(())
    }

    fn position(&self) -> Result<Option<Position>, IndexFault> {
        Ok(None)
    }

    fn close(&self) -> Result<(), IndexFault> {
        Ok(())
    }
}

#[test]
fn an_index_that_panics_at_a_read_poisons_and_kills_no_reader() {
    type Read = fn(&Engine) -> Result<(), StoreError>;
    let reads: [Read; 4] = [
        |engine| engine.get(T, b"k").map(drop),
        |engine| state_of(engine).map(drop),
        |engine| engine.transact(|transaction| transaction.get(T, b"k")).wait().map(drop),
        |engine| {
            let (from, to) = (Bound::Unbounded, Bound::Unbounded);
            let read = engine
                .transact(move |transaction| transaction.scan(T, from, to, Order::Ascending, 1));
            read.wait().map(drop)
        },
    ];
    for read in reads {
        let (disk, home) = (MemoryDisk::new(), Home::default());
        drop(open(&disk, &home, "boot").unwrap());
        *home.0.lock() = Some(Arc::new(PanicsAtReads));
        let (engine, _) = open(&disk, &home, "boot").unwrap();
        let error = read(&engine).unwrap_err();
        assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
        assert!(error.to_string().contains("meant to happen in this test"), "{error}");
        assert!(matches!(engine.health(), Err(StoreError::Poisoned { .. })));
        assert!(matches!(engine.close(), Err(StoreError::Poisoned { .. })));
    }
}

#[test]
fn while_an_index_is_deleted_the_marker_trusts_none() {
    let (disk, home) = (killed(20), Home::default());
    open(&disk, &home, "boot").unwrap().0.close().unwrap();
    *home.0.lock() = Some(Arc::new(Broken::default()));
    let home = Watching { home, disk: disk.clone(), seen: Mutex::default() };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    // Broken comes from a clean close, and is trusted until it panics.
    Marker { state: State::Clean, reached: None }.write(&disk).unwrap();
    let (engine, report) = Engine::open(shared, &home, &tiny(), "boot").unwrap();
    assert!(report.index_rebuilt.is_some());
    assert_eq!(*home.seen.lock(), [State::Unknown]);
    assert_eq!(Marker::read(&disk).unwrap().state, State::Open("boot".to_owned()));
    drop(engine);
}

#[test]
fn a_torn_tail_is_reported_though_the_first_index_was_refused() {
    let (disk, home) = (killed(20), Home::default());
    open(&disk, &home, "boot").unwrap().0.close().unwrap();
    let names = disk.list("journal").unwrap();
    let name = format!("journal/{}", names.iter().rfind(|name| name.ends_with(".seg")).unwrap());
    let mut bytes = disk.content(&name).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap().next_multiple_of(512);
    bytes[end..end + 10].fill(7);
    disk.set_content(&name, &bytes);
    *home.0.lock() = Some(Arc::new(Broken::default()));
    let (engine, report) = open(&disk, &home, "boot").unwrap();
    assert!(report.index_rebuilt.is_some());
    assert_eq!(report.torn_tail.map(|tail| tail.bytes), Some(10));
    drop(engine);
}

#[test]
fn an_index_that_fails_at_work_poisons_and_is_not_closed() {
    let (disk, home) = (MemoryDisk::new(), Home::default());
    let broken = Arc::new(Broken::default());
    // A new store trusts no index; this one comes back after it was discarded.
    drop(open(&disk, &home, "boot").unwrap());
    *home.0.lock() = Some(Arc::clone(&broken) as Arc<dyn Index>);
    let (engine, _) = open(&disk, &home, "boot").unwrap();
    add(&engine, b"k");
    while engine.health().is_ok() {
        std::thread::yield_now();
    }
    assert!(matches!(engine.health(), Err(StoreError::Poisoned { .. })));
    assert_eq!(engine.get(T, b"k").unwrap().unwrap(), b"added");
    assert!(engine.close().is_err());
    assert!(!broken.closed.load(Ordering::Acquire), "a poisoned store writes nothing more");
    let (store, report) = MemoryStore::open(&disk, &tiny()).unwrap();
    assert_eq!(report.sequence, 1);
    assert_eq!(store.get(T, b"k").unwrap().unwrap(), b"added");
}
