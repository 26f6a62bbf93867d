//! Transactions per second of a store on disk, with what they cost.
//!
//! `cargo bench -p marca-store [-- SECONDS [DIRECTORY]]`. Each transaction writes three keys: a
//! value of 600 bytes, one of 30, and one of 60 under a key that repeats. One, 16 and 64 of them
//! are under way at a time, submitted from at most two threads.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, or fails")]

use marca_store::{DiskStore, Job, Settings, Store, StoreError, Table, Transaction};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const TOKENS: Table = Table::new(1, "tokens");
const ENTRIES: Table = Table::new(2, "entries");
const ACCOUNTS: Table = Table::new(3, "accounts");

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let seconds = arguments.next().map_or(5, |text| text.parse().unwrap());
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());
    println!(
        "under way  transactions/s  syncs/s  per sync  p50 µs  p99 µs  CPU µs per transaction"
    );
    for under_way in [1, 16, 64] {
        round(Path::new(&directory), under_way, Duration::from_secs(seconds));
    }
}

struct Work {
    number: u64,
    begun: Instant,
    answer: Sender<Duration>,
}

impl Job for Work {
    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        let account = (self.number % 50).to_be_bytes();
        let balance = transaction.get(ACCOUNTS, &account)?;
        // Spread like the serials of tokens, which begin with the time and end at random.
        let spread = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let mut serial = self.number.to_be_bytes().to_vec();
        serial.extend_from_slice(&spread);
        let mut token = [0x5a; 600];
        token[..8].copy_from_slice(&spread);
        transaction.put(TOKENS, &serial, &token);
        let mut entry = account.to_vec();
        entry.extend_from_slice(&transaction.sequence().to_be_bytes());
        transaction.put(ENTRIES, &entry, &[1; 30]);
        let mut balance = balance.unwrap_or_else(|| vec![0; 60]);
        balance[0] = balance[0].wrapping_add(1);
        transaction.put(ACCOUNTS, &account, &balance);
        Ok(())
    }

    fn done(self: Box<Self>, outcome: Result<(), StoreError>) {
        outcome.unwrap();
        // The submitter has gone when its time is over.
        self.answer.send(self.begun.elapsed()).ok();
    }
}

fn round(directory: &Path, under_way: usize, time: Duration) {
    let directory = tempfile::tempdir_in(directory).unwrap();
    let (store, _) = DiskStore::open(directory.path(), &Settings::default()).unwrap();
    let store = Arc::new(store);
    let numbers = Arc::new(AtomicU64::new(0));
    let before = store.statistics();
    let begun = Instant::now();
    let threads = under_way.min(2);
    let submitters: Vec<_> = (0..threads)
        .map(|_| {
            let (store, numbers) = (Arc::clone(&store), Arc::clone(&numbers));
            std::thread::spawn(move || submit(&store, &numbers, under_way / threads, begun + time))
        })
        .collect();
    let mut waits: Vec<u64> = Vec::new();
    for submitter in submitters {
        waits.extend(submitter.join().unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = store.statistics();
    let cpu = cpu_of_threads();
    waits.sort_unstable();
    let transactions = (after.transactions - before.transactions) as f64;
    let groups = (after.groups - before.groups) as f64;
    let cost = |name: &str| cpu.get(name).copied().unwrap_or(0.0) * 1e6 / transactions;
    println!(
        "{under_way:>9}  {:>14.0}  {:>7.0}  {:>8.1}  {:>6}  {:>6}  writer {:.1}, indexer \
         {:.1}, spare {:.1}",
        transactions / seconds,
        groups / seconds,
        transactions / groups,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        cost("store-writer"),
        cost("store-indexer"),
        cost("store-spare"),
    );
    store.close().unwrap();
    drop(store);
    reopen(directory.path(), under_way);
}

/// How long opening takes after a clean close, and when the index has to be built again.
fn reopen(directory: &Path, under_way: usize) {
    // Few callers leave little to open.
    if under_way < 64 {
        return;
    }
    let settings = Settings::default();
    for what in ["after a clean close", "after a power cut"] {
        let begun = Instant::now();
        let (store, report) = DiskStore::open(directory, &settings).unwrap();
        println!(
            "opened {what} in {} ms: {} transactions, {} MB verified, {} replayed",
            begun.elapsed().as_millis(),
            report.sequence,
            report.verified_bytes >> 20,
            report.replayed,
        );
        store.close().unwrap();
        // Without this file nothing is known about how the store was left.
        std::fs::remove_file(directory.join("state")).unwrap();
    }
}

/// Keeps `under_way` transactions under way; returns how long each took, in microseconds.
fn submit(store: &DiskStore, numbers: &AtomicU64, under_way: usize, until: Instant) -> Vec<u64> {
    let (answer, answers): (Sender<Duration>, Receiver<Duration>) = channel();
    let mut waits = Vec::new();
    let mut open = 0;
    loop {
        while open < under_way && Instant::now() < until {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let work = Work { number, begun: Instant::now(), answer: answer.clone() };
            store.submit(Box::new(work)).unwrap();
            open += 1;
        }
        if open == 0 {
            return waits;
        }
        waits.push(answers.recv().unwrap().as_micros() as u64);
        open -= 1;
        while let Ok(wait) = answers.try_recv() {
            waits.push(wait.as_micros() as u64);
            open -= 1;
        }
    }
}

/// Seconds of CPU that each named thread of this process has used.
fn cpu_of_threads() -> BTreeMap<String, f64> {
    let mut cpu = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        // Nanoseconds on a CPU are the first number of schedstat.
        let Ok(schedule) = std::fs::read_to_string(path.join("schedstat")) else { continue };
        let Ok(name) = std::fs::read_to_string(path.join("comm")) else { continue };
        let nanos: f64 = schedule.split(' ').next().unwrap().parse().unwrap();
        *cpu.entry(name.trim().to_owned()).or_insert(0.0) += nanos / 1e9;
    }
    cpu
}
