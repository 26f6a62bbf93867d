//! What happened, counted: one tally per thread, added together at the end.

use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest latency that is told apart, in microseconds: longer than any time-out.
const LONGEST: u64 = 120_000_000;

/// Counts of one thread, or of all.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Requests sent, or tried.
    pub(super) requests: u64,
    /// Requests of an open loop whose moment passed unsent, because all connections were busy.
    pub(super) unsent: u64,
    /// Replies with a token that holds what was asked.
    pub(super) tokens: u64,
    /// Those of them that came before the time was up: the rate counts only these.
    pub(super) in_time: u64,
    /// Latencies of tokens, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Replies with another HTTP status than 200.
    pub(super) http: BTreeMap<u16, u64>,
    /// Rejections by their failInfo.
    pub(super) pki: BTreeMap<&'static str, u64>,
    /// Requests without a reply.
    pub(super) transport: BTreeMap<&'static str, u64>,
    /// Replies that are not what was asked for.
    pub(super) wrong: BTreeMap<&'static str, u64>,
    /// Octets of requests.
    pub(super) sent: u64,
    /// Octets of replies.
    pub(super) received: u64,
    /// Processor time of the threads that made the load.
    pub(super) cpu: Duration,
}

impl Tally {
    /// Nothing happened yet.
    #[expect(clippy::unwrap_used, reason = "constant bounds")]
    pub(super) fn new() -> Self {
        Self {
            requests: 0,
            unsent: 0,
            tokens: 0,
            in_time: 0,
            // Refused only when the low bound is 0 or the digits are more than 5.
            latency: Histogram::new_with_bounds(1, LONGEST, 3).unwrap(),
            http: BTreeMap::new(),
            pki: BTreeMap::new(),
            transport: BTreeMap::new(),
            wrong: BTreeMap::new(),
            sent: 0,
            received: 0,
            cpu: Duration::ZERO,
        }
    }

    /// A token came, `latency` after its request was due.
    pub(super) fn token(&mut self, latency: Duration, in_time: bool) {
        self.tokens += 1;
        self.in_time += u64::from(in_time);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
        self.latency.saturating_record(micros.max(1));
    }

    /// Adds another thread's counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.unsent += other.unsent;
        self.tokens += other.tokens;
        self.in_time += other.in_time;
        // Refused only when the other's range is larger; all have the same.
        self.latency.add(&other.latency).ok();
        merge(&mut self.http, &other.http);
        merge(&mut self.pki, &other.pki);
        merge(&mut self.transport, &other.transport);
        merge(&mut self.wrong, &other.wrong);
        self.sent += other.sent;
        self.received += other.received;
        self.cpu += other.cpu;
    }

    /// All errors, but not the replies that say that the stamps are used up.
    pub(super) fn errors_besides_402(&self) -> u64 {
        let http: u64 =
            self.http.iter().filter(|(status, _)| **status != 402).map(|(_, count)| count).sum();
        http + self.pki.values().sum::<u64>()
            + self.transport.values().sum::<u64>()
            + self.wrong.values().sum::<u64>()
    }
}

fn merge<K: Ord + Copy>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (kind, count) in from {
        *into.entry(*kind).or_default() += count;
    }
}
