//! The next segment, prepared ahead of need by a thread of its own, so that the writer never waits
//! for zeros to be written.

use super::segment::{self, DIRECTORY};
use crate::StoreError;
use crate::disk::{Disk, DiskFile, fill_with_zeros, is_full};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The name of the spare until it becomes a segment. Whatever has this name at a start is thrown
/// away, since nobody knows how far it was written.
const NAME: &str = "journal/next";

/// What a spare segment needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpareSettings {
    pub(crate) segment_bytes: u64,
    /// What has to stay free on the disk beside it, for the index.
    pub(crate) keep_free_bytes: u64,
    /// How long to wait after a failure.
    pub(crate) retry: Duration,
}

#[derive(Debug)]
enum State {
    Wanted,
    Ready(Arc<dyn DiskFile>),
    /// It could not be prepared; it will be tried again.
    Later(StoreError),
    /// It could not be given its name for certain: no more attempts.
    Failed(String),
    Stopped,
}

/// Why there is no spare segment.
#[derive(Debug)]
pub(crate) enum NoSpare {
    /// It could not be prepared, for lack of space in most cases, and nothing hangs on it yet: try
    /// again later.
    Later(StoreError),
    /// What name it has on the disk is unknown, or the store is stopping.
    Failed(String),
}

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    settings: SpareSettings,
    state: Mutex<State>,
    changed: Condvar,
}

/// The spare segment and the thread that prepares it.
#[derive(Debug)]
pub(crate) struct Spare {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Spare {
    /// Starts the thread, which begins with the first spare at once.
    pub(crate) fn start(disk: Arc<dyn Disk>, settings: SpareSettings) -> io::Result<Self> {
        let state = Mutex::new(State::Wanted);
        let shared = Arc::new(Shared { disk, settings, state, changed: Condvar::new() });
        let worker = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("store-spare".to_owned()).spawn(move || {
                worker.run();
            })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Waits for the spare, gives it the name of segment `number`, and makes the name durable.
    pub(crate) fn take(&self, number: u32) -> Result<Arc<dyn DiskFile>, NoSpare> {
        let mut state = self.shared.state.lock();
        while matches!(*state, State::Wanted) {
            self.shared.changed.wait(&mut state);
        }
        match &*state {
            State::Later(error) => return Err(NoSpare::Later(error.clone())),
            State::Failed(reason) => return Err(NoSpare::Failed(reason.clone())),
            State::Stopped | State::Wanted => {
                return Err(NoSpare::Failed("the store is stopping".to_owned()));
            }
            State::Ready(_) => {}
        }
        let disk = &self.shared.disk;
        let renamed =
            disk.rename(NAME, &segment::name(number)).and_then(|()| disk.sync_directory(DIRECTORY));
        if let Err(error) = renamed {
            let reason = error.to_string();
            *state = State::Failed(reason.clone());
            return Err(NoSpare::Failed(reason));
        }
        let taken = std::mem::replace(&mut *state, State::Wanted);
        self.shared.changed.notify_all();
        match taken {
            State::Ready(file) => Ok(file),
            _ => Err(NoSpare::Failed("the spare segment went away".to_owned())),
        }
    }

    /// Whether a segment is ready to be taken.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.shared.state.lock(), State::Ready(_))
    }

    /// Ends the thread and removes the spare that nobody took.
    pub(crate) fn stop(&self) {
        *self.shared.state.lock() = State::Stopped;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that prepares journal segments panicked");
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        loop {
            {
                let mut state = self.state.lock();
                while matches!(*state, State::Ready(_) | State::Failed(_)) {
                    self.changed.wait(&mut state);
                }
                if matches!(*state, State::Later(_)) {
                    self.changed.wait_for(&mut state, self.settings.retry);
                }
                if matches!(*state, State::Stopped) {
                    break;
                }
            }
            let prepared = self.next_state(prepare(&*self.disk, &self.settings));
            let mut state = self.state.lock();
            if !matches!(*state, State::Stopped) {
                *state = prepared;
                self.changed.notify_all();
            }
        }
        // The bytes are worth more to others than to a store that is closed.
        if let Err(error) = remove(&*self.disk) {
            tracing::warn!(%error, "cannot remove the spare journal segment");
        }
    }

    fn next_state(&self, prepared: io::Result<Arc<dyn DiskFile>>) -> State {
        match prepared {
            Ok(file) => State::Ready(file),
            // The file has no part in the journal yet, and the next attempt makes another one: no
            // failed sync is tried again.
            Err(error) => {
                if !is_full(&error) {
                    tracing::warn!(%error, "cannot prepare a journal segment, will try again");
                }
                State::Later(StoreError::Full {
                    directory: self.disk.place(DIRECTORY),
                    reason: error.to_string(),
                })
            }
        }
    }
}

/// Makes a file of zeros of the right length, durable but for its name.
fn prepare(disk: &dyn Disk, settings: &SpareSettings) -> io::Result<Arc<dyn DiskFile>> {
    remove(disk)?;
    if disk.free_bytes()? < settings.segment_bytes.saturating_add(settings.keep_free_bytes) {
        return Err(rustix::io::Errno::NOSPC.into());
    }
    let file = disk.create(NAME)?;
    let filled = fill(&*file, settings.segment_bytes);
    match filled {
        Ok(()) => Ok(file),
        Err(error) => {
            // Half a segment must not keep the last bytes of the disk.
            remove(disk)?;
            Err(error)
        }
    }
}

/// Writes zeros in steps, each synced: the writer's syncs must not wait behind a whole segment.
fn fill(file: &dyn DiskFile, length: u64) -> io::Result<()> {
    const STEP: u64 = 1 << 20;
    let mut at = 0;
    while at < length {
        let to = length.min(at + STEP);
        fill_with_zeros(file, at, to)?;
        file.sync_data()?;
        at = to;
    }
    Ok(())
}

fn remove(disk: &dyn Disk) -> io::Result<()> {
    match disk.remove(NAME) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
