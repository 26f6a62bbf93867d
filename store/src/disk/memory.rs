//! A disk in memory with a page cache in front of it, for tests of this and of other crates.
//!
//! What was written is read back at once, but survives a power cut only after a sync. At the cut
//! any subset of the un-synced 512-byte sectors survives, and any first part of the un-synced
//! changes of names. After a failed sync the bytes are, as on Linux, no longer waiting to be
//! written: a second sync succeeds and does not save them.

use super::{Access, Disk, DiskFile, SECTOR};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What a power cut takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Everything that was not synced.
    All,
    /// Nothing (a process was killed, the machine went on).
    Nothing,
    /// A subset of the un-synced sectors and names, chosen by this seed.
    Torn(u64),
}

/// The disk. Clones share the same content; [`MemoryDisk::after_power_cut`] makes another disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    renames: Vec<NameChange>,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    capacity: Option<u64>,
    fail_write: Option<u64>,
    fail_sync: Option<u64>,
    no_files: bool,
    operations: u64,
    history: Option<Vec<Self>>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(String, u64),
    Gone(String),
}

#[derive(Clone, Debug, Default)]
struct Content {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that wait to be written back.
    dirty: BTreeSet<usize>,
    /// Sectors whose write-back failed: no sync will try them again.
    forgotten: BTreeSet<usize>,
}

const SECTOR_BYTES: usize = SECTOR as usize;

impl MemoryDisk {
    /// An empty disk without limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the sum of all file lengths may not exceed this. `None`: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().used()
    }

    /// The `n`th write from now on (1 is the next) writes a part of its bytes and fails with EIO.
    pub fn fail_write(&self, n: u64) {
        self.state.lock().fail_write = Some(n);
    }

    /// The `n`th sync from now on (1 is the next) fails with EIO and forgets its bytes.
    pub fn fail_sync(&self, n: u64) {
        self.state.lock().fail_sync = Some(n);
    }

    /// While this is true no file can be created or opened (EMFILE).
    pub fn run_out_of_files(&self, out: bool) {
        self.state.lock().no_files = out;
    }

    /// How many operations have changed or synced something so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Starts to keep a copy of everything after each operation; see
    /// [`MemoryDisk::crash_points`].
    pub fn record(&self) {
        self.state.lock().history = Some(Vec::new());
    }

    /// The disk as it was after each operation since [`MemoryDisk::record`].
    #[must_use]
    pub fn crash_points(&self) -> Vec<Self> {
        let state = self.state.lock();
        let history = state.history.iter().flatten();
        history.map(|state| Self { state: Arc::new(Mutex::new(state.clone())) }).collect()
    }

    /// The disk that the machine finds after a power cut at this instant.
    #[must_use]
    pub fn after_power_cut(&self, loss: Loss) -> Self {
        let state = self.state.lock().after_power_cut(loss);
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The disk that the next process finds when this one is killed and the machine goes on: what
    /// was written is read back, and is no more durable than it was.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let state = self.state.lock();
        let (fail_write, fail_sync, no_files, history) = (None, None, false, None);
        let state = State { fail_write, fail_sync, no_files, history, ..state.clone() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Clean pages leave the cache: what a failed sync has forgotten is read as it is on the disk.
    pub fn drop_caches(&self) {
        self.state.lock().files.values_mut().for_each(Content::drop_caches);
    }

    /// The content of a file, or `None`.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let number = state.names.get(name)?;
        state.files.get(number).map(|file| file.current.clone())
    }

    /// Replaces the content of a file, durably and past all counters: damage, for tests.
    pub fn set_content(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state.lock();
        let Some(number) = state.names.get(name).copied() else { return };
        let content =
            Content { current: bytes.to_vec(), durable: bytes.to_vec(), ..Content::default() };
        state.files.insert(number, content);
    }
}

impl State {
    fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|number| self.files.get(number))
            .map(|file| file.current.len() as u64)
            .sum()
    }

    fn must_have_files(&self) -> io::Result<()> {
        if self.no_files { Err(rustix::io::Errno::MFILE.into()) } else { Ok(()) }
    }

    fn happened(&mut self) {
        self.operations += 1;
        if let Some(mut history) = self.history.take() {
            history.push(self.clone());
            self.history = Some(history);
        }
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.renames.push(change);
        self.happened();
    }

    fn after_power_cut(&self, loss: Loss) -> Self {
        let mut chance = Chance::new(loss);
        let mut names = self.durable_names.clone();
        let kept = chance.up_to(self.renames.len());
        for change in &self.renames[..kept] {
            change.apply(&mut names);
        }
        let files = names
            .values()
            .filter_map(|number| Some((*number, self.files.get(number)?.torn(&mut chance))))
            .collect();
        Self {
            durable_names: names.clone(),
            names,
            files,
            next_file: self.next_file,
            capacity: self.capacity,
            ..Self::default()
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Set(name, number) => {
                names.retain(|_, other| other != number);
                names.insert(name.clone(), *number);
            }
            Self::Gone(name) => {
                names.remove(name);
            }
        }
    }
}

impl Content {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.current.len() < end {
            self.current.resize(end, 0);
        }
        self.current[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            self.dirty.insert(sector);
            self.forgotten.remove(&sector);
        }
    }

    fn sync(&mut self) {
        if self.durable.len() < self.current.len() {
            self.durable.resize(self.current.len(), 0);
        }
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.current, &mut self.durable, sector);
        }
    }

    fn drop_caches(&mut self) {
        let mut on_disk = self.durable.clone();
        on_disk.resize(self.current.len().max(on_disk.len()), 0);
        for sector in std::mem::take(&mut self.forgotten) {
            copy_sector(&on_disk, &mut self.current, sector);
        }
    }

    fn torn(&self, chance: &mut Chance) -> Self {
        let mut survived = self.durable.clone();
        if survived.len() < self.current.len() && chance.happens() {
            survived.resize(self.current.len(), 0);
        }
        for sector in self.dirty.union(&self.forgotten) {
            if chance.happens() {
                copy_sector(&self.current, &mut survived, *sector);
            }
        }
        Self { current: survived.clone(), durable: survived, ..Self::default() }
    }
}

/// Copies a sector as far as both reach.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR_BYTES;
    let end = (start + SECTOR_BYTES).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

/// What survives: decided for all, or by a small generator (splitmix64) for each.
enum Chance {
    Always(bool),
    Seeded(u64),
}

impl Chance {
    fn new(loss: Loss) -> Self {
        match loss {
            Loss::All => Self::Always(false),
            Loss::Nothing => Self::Always(true),
            Loss::Torn(seed) => Self::Seeded(seed),
        }
    }

    fn happens(&mut self) -> bool {
        match self {
            Self::Always(answer) => *answer,
            Self::Seeded(state) => next(state) & 1 == 1,
        }
    }

    fn up_to(&mut self, most: usize) -> usize {
        match self {
            Self::Always(true) => most,
            Self::Always(false) => 0,
            Self::Seeded(state) => usize::try_from(next(state) % (most as u64 + 1)).unwrap_or(most),
        }
    }
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn input_output() -> io::Error {
    rustix::io::Errno::IO.into()
}

fn no_space() -> io::Error {
    rustix::io::Errno::NOSPC.into()
}

fn not_found() -> io::Error {
    rustix::io::Errno::NOENT.into()
}

/// Counts an armed fault down; true when it is due.
fn due(counter: &mut Option<u64>) -> bool {
    match counter {
        Some(1) => {
            *counter = None;
            true
        }
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}

impl Disk for MemoryDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.must_have_files()?;
        if state.names.contains_key(name) {
            return Err(rustix::io::Errno::EXIST.into());
        }
        let number = state.next_file;
        state.next_file += 1;
        state.files.insert(number, Content::default());
        state.change(NameChange::Set(name.to_owned(), number));
        Ok(Arc::new(MemoryFile { disk: self.clone(), number }))
    }

    fn open(&self, name: &str, _: Access) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state.lock();
        state.must_have_files()?;
        let number = state.names.get(name).copied().ok_or_else(not_found)?;
        Ok(Arc::new(MemoryFile { disk: self.clone(), number }))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let state = self.state.lock();
        let names = state.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        Ok(names.filter(|rest| !rest.contains('/')).map(str::to_owned).collect())
    }

    fn create_directory(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let number = state.names.get(from).copied().ok_or_else(not_found)?;
        state.change(NameChange::Set(to.to_owned(), number));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        if !state.names.contains_key(name) {
            return Err(not_found());
        }
        state.change(NameChange::Gone(name.to_owned()));
        Ok(())
    }

    fn sync_directory(&self, _: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        if due(&mut state.fail_sync) {
            return Err(input_output());
        }
        state.durable_names = state.names.clone();
        state.renames.clear();
        state.happened();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state.lock();
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }

    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    number: u64,
}

impl DiskFile for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        let state = self.disk.state.lock();
        Ok(state.files.get(&self.number).map_or(0, |file| file.current.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state.lock();
        let bytes = state.files.get(&self.number).map_or(&[][..], |file| &file.current);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let length = buffer.len().min(bytes.len() - start);
        buffer[..length].copy_from_slice(&bytes[start..start + length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let failing = due(&mut state.fail_write);
        let used = state.used();
        let room = state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used));
        let Some(file) = state.files.get_mut(&self.number) else { return Err(not_found()) };
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let growth = (offset + bytes.len()).saturating_sub(file.current.len()) as u64;
        let lacking = usize::try_from(growth.saturating_sub(room)).map_err(io::Error::other)?;
        let written = if failing { bytes.len() / 2 } else { bytes.len().saturating_sub(lacking) };
        file.write(&bytes[..written], offset);
        state.happened();
        match (failing, lacking > 0) {
            (true, _) => Err(input_output()),
            (false, true) => Err(no_space()),
            (false, false) => Ok(()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let failing = due(&mut state.fail_sync);
        let Some(file) = state.files.get_mut(&self.number) else { return Err(not_found()) };
        if failing {
            let mut lost = std::mem::take(&mut file.dirty);
            file.forgotten.append(&mut lost);
        } else {
            file.sync();
        }
        state.happened();
        if failing { Err(input_output()) } else { Ok(()) }
    }
}
