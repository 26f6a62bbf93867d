//! The engine: the threads of an open store and what they share, on any disk and any index.
//!
//! [`writer`] runs jobs and adds to the journal, [`indexer`] follows it with the index, readers of
//! any thread look through [`view`]. [`open`] brings all of them up, [`Engine::close`] down.

pub(crate) mod condition;
mod group;
pub(crate) mod indexer;
pub(crate) mod marker;
pub(crate) mod open;
mod queue;
mod space;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use crate::disk::{self, Access, Disk};
use crate::index::{key_of, range_of};
use crate::journal::append::Appender;
use crate::journal::spare::{Spare, SpareSettings};
use crate::journal::values::Values;
use crate::journal::{Position, salt};
use crate::lock::DirectoryLock;
use crate::overlay::Overlay;
use crate::settings::Settings;
use crate::{Job, Order, Row, Store, StoreError, Table};
use condition::{Counters, Health, Statistics};
use marker::{Marker, State};
use open::{IndexHome, OpenReport, Opened};
use parking_lot::{Mutex, RwLock};
use queue::Queue;
use space::Space;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle, ThreadId};
use view::View;
use writer::{Limits, Marked, Writer};

/// The file that is given up when a full store has to be closed.
const RESERVE: &str = "reserve";

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) view: View,
    pub(crate) health: Arc<Health>,
    pub(crate) counters: Counters,
    /// The end of the journal.
    pub(crate) durable: Mutex<Position>,
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Engine {
    core: Arc<Core>,
    /// The thread that runs jobs. It cannot wait for its own end.
    writer: Option<ThreadId>,
}

/// What has to be closed.
#[derive(Debug)]
struct Core {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    spare: Arc<Spare>,
    /// True until the store is closed; reads hold it.
    open: RwLock<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Let go of when everything is closed.
    lock: Mutex<Option<DirectoryLock>>,
}

impl Engine {
    /// Opens the store and starts its threads. `boot` names this boot of the machine; empty when
    /// that is not known.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        home: &dyn IndexHome,
        settings: &Settings,
        boot: &str,
    ) -> Result<(Self, OpenReport), StoreError> {
        let Opened { recovered, index, report } = open::open(&*disk, home, settings, boot)?;
        keep_reserve(&*disk, settings.reserve_bytes);
        let spare_settings = SpareSettings {
            segment_bytes: settings.segment_length(),
            keep_free_bytes: settings.keep_free_bytes,
            retry: settings.full_retry,
        };
        let spare = Spare::start(Arc::clone(&disk), spare_settings).map_err(no_thread)?;
        let spare = Arc::new(spare);
        let position = recovered.tail.position();
        let overlay = Overlay::new(settings.index_batch_keys, settings.index_delay);
        let values = Values::new(Arc::clone(&disk));
        let floor = settings.keep_free_bytes / 2;
        let space = Space::new(Arc::clone(&disk), floor, settings.space_check);
        let health = Arc::new(Health::new(Arc::clone(&spare), space));
        let view = View {
            overlay: Arc::new(overlay),
            index,
            values: Arc::new(values),
            health: Arc::clone(&health),
        };
        let counters = Counters::default();
        counters.durable_sequence.store(position.sequence, Ordering::Release);
        let shared = Arc::new(Shared {
            queue: Queue::new(settings.queue),
            view,
            health,
            counters,
            durable: Mutex::new(position),
        });
        let appender = Appender::new(recovered.tail, Arc::clone(&spare), salt::from_system);
        let limits = Limits {
            gather: settings.gather,
            group_bytes: settings.group_bytes(),
            transaction_bytes: settings.transaction_bytes(),
            overlay_keys: settings.overlay_keys.max(1),
        };
        let marked = Marked::new(Arc::clone(&disk), boot, position.segment);
        let threads = start(&shared, appender, limits, marked)?;
        let writer = threads.first().map(|writer| writer.thread().id());
        let (open, threads) = (RwLock::new(true), Mutex::new(threads));
        let core = Core { disk, shared, spare, open, threads, lock: Mutex::default() };
        Ok((Self { core: Arc::new(core), writer }, report))
    }

    /// Keeps the lock of the data directory until the store is closed.
    pub(crate) fn hold(&self, lock: DirectoryLock) {
        *self.core.lock.lock() = Some(lock);
    }

    /// The last durable transaction.
    pub(crate) fn durable_sequence(&self) -> u64 {
        self.core.shared.counters.durable_sequence.load(Ordering::Acquire)
    }

    /// What the store did.
    pub(crate) fn statistics(&self) -> Statistics {
        let shared = &self.core.shared;
        shared.counters.statistics(shared.queue.length(), shared.view.overlay.keys())
    }

    fn read<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.core.open.read();
        if *open { work() } else { Err(StoreError::Closed) }
    }

    /// Closes the store from inside one of its own jobs: another thread waits for the writer.
    fn close_behind_the_writer(&self) -> Result<(), StoreError> {
        self.core.shared.queue.close();
        let core = Arc::clone(&self.core);
        let closing = move || {
            if let Err(error) = core.close() {
                tracing::error!(%error, "the store was not closed cleanly");
            }
        };
        let closer = Builder::new().name("store-closer".to_owned()).spawn(closing);
        closer.map(drop).map_err(no_thread)
    }
}

impl Core {
    /// Ends the threads, closes the index, and lets go of the directory. Who comes second waits for
    /// the first.
    fn close(&self) -> Result<(), StoreError> {
        self.shared.queue.close();
        let mut threads = self.threads.lock();
        if threads.is_empty() {
            return Ok(());
        }
        let mut threads = std::mem::take(&mut *threads).into_iter();
        let mut sound = true;
        if let Some(writer) = threads.next() {
            sound &= writer.join().is_ok();
        }
        self.spare.stop();
        if self.shared.health.is_full() {
            give_up_reserve(&*self.disk);
        }
        self.shared.view.overlay.stop();
        for thread in threads {
            sound &= thread.join().is_ok();
        }
        *self.open.write() = false;
        if !sound {
            drop(self.shared.health.poison("a thread of the store panicked".to_owned()));
        }
        let closed = self.close_index();
        self.shared.health.stop(StoreError::Closed);
        self.lock.lock().take();
        closed
    }

    /// Carries everything into the index, syncs it, and says so in the marker.
    fn close_index(&self) -> Result<(), StoreError> {
        // A poisoned store writes nothing more, and its index may be what has failed.
        if let Some(error) = self.shared.health.stopped() {
            return Err(error);
        }
        let index = &self.shared.view.index;
        indexer::guarded(|| index.close())?;
        let durable = *self.shared.durable.lock();
        let reached = (durable.sequence > 0).then(|| durable.into());
        Marker { state: State::Clean, reached }.write(&*self.disk)
    }
}

impl Store for Engine {
    fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.core.shared.queue.submit(job)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|| self.core.shared.view.get(&key_of(table.number(), key)))
    }

    fn scan(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let range = range_of(table, from, to);
        self.read(|| self.core.shared.view.scan_durable(&range, order, limit))
    }

    fn health(&self) -> Result<(), StoreError> {
        let shared = &self.core.shared;
        if shared.queue.is_closed() && shared.health.stopped().is_none() {
            return Err(StoreError::Closed);
        }
        shared.health.check()
    }

    /// Inside a job this only begins: it ends when the job has.
    fn close(&self) -> Result<(), StoreError> {
        if self.writer == Some(std::thread::current().id()) {
            return self.close_behind_the_writer();
        }
        self.core.close()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

/// The writer's thread first.
fn start(
    shared: &Arc<Shared>,
    appender: Appender,
    limits: Limits,
    marked: Marked,
) -> Result<Vec<JoinHandle<()>>, StoreError> {
    let writer = Writer::new(Arc::clone(shared), appender, limits, marked);
    let writer = Builder::new().name("store-writer".to_owned()).spawn(move || writer.run());
    let follower = Arc::clone(shared);
    let indexer =
        Builder::new().name("store-indexer".to_owned()).spawn(move || indexer::run(&follower));
    Ok(vec![writer.map_err(no_thread)?, indexer.map_err(no_thread)?])
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
fn no_thread(error: io::Error) -> StoreError {
    StoreError::Io {
        action: "cannot start a thread for",
        path: "store".into(),
        reason: error.to_string(),
    }
}

/// Makes the reserve file, or completes it. A disk that is already full has none, which is no
/// reason not to start.
fn keep_reserve(disk: &dyn Disk, bytes: u64) {
    if bytes == 0 {
        return;
    }
    let made = match disk.create(RESERVE) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.open(RESERVE, Access::Write)
        }
        made => made,
    };
    let filled = made.and_then(|file| match file.length()? {
        length if length < bytes => {
            disk::fill_with_zeros(&*file, length, bytes)?;
            file.sync_data()
        }
        _ => Ok(()),
    });
    if let Err(error) = filled {
        tracing::warn!(%error, "no reserve of space for a clean shutdown");
        give_up_reserve(disk);
    }
}

fn give_up_reserve(disk: &dyn Disk) {
    match disk.remove(RESERVE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "cannot remove the reserve file");
        }
        _ => {}
    }
}
