//! What a measuring gave, for a reader and as JSON.

use super::load::{Outcome, Stopped};
use super::raw::Raw;
use crate::cli::table::count;
use serde_json::{Value, json};
use std::fmt::{Display, Write};

/// A measuring and its result.
pub(super) struct Report<'a> {
    /// Where the requests went.
    pub(super) url: String,
    /// How many connections there were.
    pub(super) connections: u16,
    /// How many threads drove them.
    pub(super) threads: u16,
    /// The hash of the imprints.
    pub(super) hash: &'static str,
    /// Requests per second, in an open loop.
    pub(super) rate: Option<f64>,
    /// What came of it.
    pub(super) result: &'a Outcome,
    /// The raw signing rate, where it was measured.
    pub(super) raw: Option<Raw>,
}

impl Report<'_> {
    /// Tokens per second, of those that came in time.
    fn tokens_per_second(&self) -> f64 {
        let seconds = self.result.elapsed.as_secs_f64();
        if seconds > 0.0 { self.result.tally.in_time as f64 / seconds } else { 0.0 }
    }

    /// Processor time of this program per request, in microseconds.
    fn cpu_per_request(&self) -> f64 {
        let tally = &self.result.tally;
        tally.cpu.as_secs_f64() * 1e6 / tally.requests.max(1) as f64
    }

    fn stopped(&self) -> String {
        match self.result.stopped {
            Stopped::TimeUp => "time".to_owned(),
            Stopped::Interrupted => "interrupted".to_owned(),
            Stopped::OutOfStamps => "out-of-stamps".to_owned(),
            Stopped::Refused(status) => format!("refused-{status}"),
        }
    }

    /// For a reader.
    pub(super) fn text(&self) -> String {
        let tally = &self.result.tally;
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            // Writing into a String cannot fail.
            writeln!(text, "{name:<10} {value}").ok();
        };
        line("service", format!("{} ({} imprints)", self.url, self.hash));
        line("load", self.load());
        match self.result.stopped {
            Stopped::TimeUp => {}
            Stopped::Interrupted => line("stopped", "early, interrupted".to_owned()),
            Stopped::OutOfStamps => line(
                "stopped",
                "early: the account is out of stamps (`marca stamps grant NAME N`)".to_owned(),
            ),
            Stopped::Refused(status) => line("stopped", format!("early, by status {status}")),
        }
        let rate = self.tokens_per_second();
        line("tokens", format!("{}, {rate:.1} per second", count(tally.tokens)));
        line("latency", self.latency());
        if tally.unsent > 0 {
            let unsent = count(tally.unsent);
            line("unsent", format!("{unsent} scheduled requests: all connections were busy"));
        }
        line("bytes", format!("{} sent, {} received", count(tally.sent), count(tally.received)));
        line("verified", self.verified());
        line("errors", self.errors());
        line("own cost", format!("{:.1} us CPU per request", self.cpu_per_request()));
        if let Some(raw) = &self.raw {
            let (signatures, ratio) = (raw.per_second, rate / raw.per_second);
            line(
                "raw",
                format!(
                    "{signatures:.1} {} signatures per second on {} threads; tokens/raw {ratio:.3}",
                    raw.kind, raw.threads
                ),
            );
        }
        text
    }

    fn load(&self) -> String {
        let schedule = match self.rate {
            Some(rate) => format!("open loop at {rate} requests/s"),
            None => "closed loop".to_owned(),
        };
        let (connections, threads) = (self.connections, self.threads);
        let seconds = self.result.elapsed.as_secs_f64();
        format!("{connections} connections, {threads} threads, {schedule}, {seconds:.1} s")
    }

    fn latency(&self) -> String {
        let latency = &self.result.tally.latency;
        let at = |quantile: f64| millis(latency.value_at_quantile(quantile));
        let (p50, p99, p99_9, max) = (at(0.5), at(0.99), at(0.999), millis(latency.max()));
        format!("p50 {p50}, p99 {p99}, p99.9 {p99_9}, max {max} ms")
    }

    fn verified(&self) -> String {
        let verified = &self.result.verified;
        match (verified.good, verified.bad, &verified.first_fault) {
            (0, 0, _) => "none".to_owned(),
            (good, 0, _) => format!("{} tokens, all good", count(good)),
            (good, bad, fault) => format!(
                "{} tokens good, {} BAD: {}",
                count(good),
                count(bad),
                fault.as_deref().unwrap_or_default()
            ),
        }
    }

    /// Errors by kind, or that there were none.
    fn errors(&self) -> String {
        let tally = &self.result.tally;
        let mut kinds: Vec<String> = Vec::new();
        let mut tell = |kind: &dyn Display, number: &u64| {
            kinds.push(format!("{kind}: {}", count(*number)));
        };
        for (status, number) in &tally.http {
            tell(&format_args!("HTTP {status}"), number);
        }
        for (name, number) in tally.pki.iter().chain(&tally.transport).chain(&tally.wrong) {
            tell(name, number);
        }
        if kinds.is_empty() { "none".to_owned() } else { kinds.join("; ") }
    }

    /// For a program. Latencies in microseconds.
    pub(super) fn json(&self) -> Value {
        let (tally, verified) = (&self.result.tally, &self.result.verified);
        let latency = &tally.latency;
        let http: serde_json::Map<String, Value> =
            tally.http.iter().map(|(status, number)| (status.to_string(), json!(number))).collect();
        json!({
            "url": self.url,
            "connections": self.connections,
            "threads": self.threads,
            "hash": self.hash,
            "rate": self.rate,
            "seconds": self.result.elapsed.as_secs_f64(),
            "stopped": self.stopped(),
            "requests": tally.requests,
            "unsent": tally.unsent,
            "tokens": tally.tokens,
            "tokens_per_second": self.tokens_per_second(),
            "latency_us": {
                "mean": latency.mean(),
                "p50": latency.value_at_quantile(0.5),
                "p99": latency.value_at_quantile(0.99),
                "p99_9": latency.value_at_quantile(0.999),
                "max": latency.max(),
            },
            "bytes": { "sent": tally.sent, "received": tally.received },
            "verified": {
                "good": verified.good, "bad": verified.bad, "first_fault": verified.first_fault,
            },
            "errors": {
                "http": http, "pki": tally.pki, "transport": tally.transport,
                "reply": tally.wrong,
            },
            "own_cpu_us_per_request": self.cpu_per_request(),
            "raw": self.raw.as_ref().map(|raw| json!({
                "kind": raw.kind.to_string(),
                "threads": raw.threads,
                "per_second": raw.per_second,
                "tokens_per_signature": self.tokens_per_second() / raw.per_second,
            })),
        })
    }
}

/// Microseconds as milliseconds, with as many digits as are measured.
fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1000.0)
}
