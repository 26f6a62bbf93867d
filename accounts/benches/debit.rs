//! What one debit costs, in an empty store and in one with many accounts and entries.
//!
//! `cargo bench -p marca-accounts --bench debit [-- ACCOUNTS ENTRIES [DIRECTORY]]`; without
//! numbers 100,000 accounts and 1,000,000 entries. 64 debits are under way at a time, on one
//! thread, each with a token of 450 octets. A debit is reserve and commit, durable on the disk.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, or fails"
)]

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};
use marca_accounts::StampAccountId;
use marca_accounts::stamps::{
    Act, Category, LedgerSettings, NewLot, NewToken, Reserved, StampLedger,
};
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{DiskStore, Settings, Store};

const UNDER_WAY: usize = 64;
const DEBITS: u64 = 100_000;
/// Accounts that most of the load comes from, in the second measurement.
const BUSY: u64 = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (accounts, entries) = (number(100_000), number(1_000_000));
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());
    let home = tempfile::tempdir_in(directory).unwrap();
    println!("store                                     debits/s  µs of CPU per debit");
    let empty = Bench::open(&home.path().join("empty"));
    empty.accounts(BUSY);
    let base = empty.debits("empty, 1,000 accounts", BUSY);
    empty.store.close().unwrap();

    let full = Bench::open(&home.path().join("full"));
    let begun = Instant::now();
    full.accounts(accounts);
    full.spend(entries.saturating_sub(2 * accounts), accounts);
    println!("({accounts} accounts, {entries} entries filled in {:?})", begun.elapsed());
    let busy = full.debits("full, 1,000 of the accounts", BUSY);
    let any = full.debits("full, any of the accounts", accounts);
    full.store.close().unwrap();
    println!(
        "ratio to the empty store: {:.2} (1,000 of them), {:.2} (any)",
        busy / base,
        any / base
    );
}

struct Bench {
    store: Arc<DiskStore>,
    ledger: StampLedger,
    runtime: tokio::runtime::Runtime,
    random: RefCell<u64>,
}

impl Bench {
    fn open(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let (store, _report) = DiskStore::open(directory, &Settings::default()).unwrap();
        let store = Arc::new(store);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let ledger = StampLedger::open(shared, LedgerSettings::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { store, ledger, runtime, random: RefCell::new(0x9e37_79b9_7f4a_7c15) }
    }

    /// Opens accounts, each with a lot that does not run out: two entries each.
    fn accounts(&self, count: u64) {
        let by = Act::new("bench", "bench");
        self.runtime.block_on(stream::iter(0..count).for_each_concurrent(512, |number| {
            let by = &by;
            async move {
                let view = self.ledger.create(&format!("a{number}"), by, start()).await.unwrap();
                let lot = NewLot::plain(1_000_000_000, Category::Test, start());
                self.ledger.grant(view.id, lot, by, start()).await.unwrap();
            }
        }));
    }

    /// Debits without a clock running.
    fn spend(&self, count: u64, accounts: u64) {
        self.runtime.block_on(
            stream::iter(0..count)
                .for_each_concurrent(UNDER_WAY, |number| self.debit(number, accounts)),
        );
    }

    async fn debit(&self, number: u64, accounts: u64) {
        let account = StampAccountId::new(1 + self.draw() % accounts);
        let now = start() + TimeDelta::milliseconds((number / 30).cast_signed());
        let Reserved::Fresh(held) = self.ledger.reserve(account, None, now).await.unwrap() else {
            panic!("a request without a key was found again");
        };
        let mut serial = [0; 16];
        serial[..6].copy_from_slice(&now.timestamp_millis().to_be_bytes()[2..]);
        serial[6..14].copy_from_slice(&self.draw().to_be_bytes());
        let token = NewToken {
            serial,
            gen_time_ms: now.timestamp_millis(),
            tsu: "tsu1".to_owned(),
            token: vec![0x5a; 450],
            retry_key: None,
            companion: None,
        };
        self.ledger.commit(held, token).await.unwrap();
    }

    /// Measures; the answer is the CPU of the whole process for one debit, in seconds.
    fn debits(&self, what: &str, accounts: u64) -> f64 {
        // What an earlier phase left to the indexer is not this one's cost.
        std::thread::sleep(Duration::from_secs(1));
        self.spend(DEBITS / 10, accounts);
        let (begun, cpu) = (Instant::now(), cpu());
        self.spend(DEBITS, accounts);
        std::thread::sleep(Duration::from_secs(1));
        let (wall, cpu) = (begun.elapsed().as_secs_f64() - 1.0, self::cpu() - cpu);
        let (rate, each) = (DEBITS as f64 / wall, cpu / DEBITS as f64);
        println!("{what:<40} {rate:>9.0}  {:>8.1}", each * 1e6);
        each
    }

    /// Xorshift: the same draws in every run.
    fn draw(&self) -> u64 {
        let mut state = self.random.borrow_mut();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).unwrap()
}

/// User and system time of this process, in seconds.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields 14 and 15, counted from the state behind the name in parentheses; 100 ticks a second.
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}
