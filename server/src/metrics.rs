//! Metrics for Prometheus, with fixed label sets: no client can make a new series.

use crate::http::access::outcome_label;
use crate::http::auth::Proof;
use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tsa::Outcome;

/// `Content-Type` of the exposition (OpenMetrics 1.0).
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requests {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timestamps {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Authentications {
    proof: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Messages {
    way: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answers {
    kind: &'static str,
}

/// A unit: a client cannot make one, only an operator can.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabel {
    unit: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// Every metric of the service.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Requests, Counter>,
    timestamps: Family<Timestamps, Counter>,
    authentications: Family<Authentications, Counter>,
    messages: Family<Messages, Counter>,
    ocsp: Family<Answers, Counter>,
    lists: Counter,
    ends: Family<UnitLabel, Gauge>,
    clock_state: Family<StateLabel, Gauge>,
    duration: Histogram,
    gauges: Gauges,
}

/// What is looked up when the metrics are asked for.
#[derive(Default)]
pub(crate) struct Gauges {
    /// 1 when the service may issue.
    pub(crate) ready: Gauge,
    /// Requests for a timestamp under way.
    pub(crate) under_way: Gauge,
    /// Number of the last durable transaction.
    pub(crate) sequence: Gauge,
    /// Groups of transactions written to the journal since the start.
    pub(crate) groups: Gauge,
    /// Bytes written to the journal since the start.
    pub(crate) journal_bytes: Gauge,
    /// Free bytes on the disk of the data directory.
    pub(crate) free_bytes: Gauge,
    /// End of the earliest unit: certificate or private key usage, Unix time.
    pub(crate) unit_end: Gauge,
    /// Events in the audit trail.
    pub(crate) trail: Gauge,
    /// The machine's clock less the best estimate of UTC, in seconds.
    clock_offset: Gauge<f64, AtomicU64>,
    /// The bound of the clock's error, in seconds; NaN while there is none.
    clock_error: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// All metrics, at zero.
    pub(crate) fn new() -> Self {
        // From 100 µs to 10 s.
        let buckets = [
            0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0,
        ];
        let mut metrics = Self {
            registry: Registry::with_prefix("marca"),
            requests: Family::default(),
            timestamps: Family::default(),
            authentications: Family::default(),
            messages: Family::default(),
            ocsp: Family::default(),
            lists: Counter::default(),
            ends: Family::default(),
            clock_state: Family::default(),
            duration: Histogram::new(buckets),
            gauges: Gauges::default(),
        };
        metrics.register();
        metrics.register_trust();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, requests, timestamps, authentications, duration, gauges, .. } = self;
        registry.register("http_requests", "HTTP requests by route and status", requests.clone());
        registry.register(
            "timestamps",
            "Answers to requests for a timestamp, by outcome",
            timestamps.clone(),
        );
        registry.register(
            "authentications",
            "Authentications by proof and outcome",
            authentications.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register("ready", "1 when the service may issue", gauges.ready.clone());
        registry.register(
            "requests_under_way",
            "Requests for a timestamp under way",
            gauges.under_way.clone(),
        );
        registry.register(
            "store_sequence",
            "Number of the last durable transaction",
            gauges.sequence.clone(),
        );
        registry.register(
            "store_groups",
            "Groups of transactions written since the start",
            gauges.groups.clone(),
        );
        registry.register_with_unit(
            "store_journal_written",
            "Bytes written to the journal since the start",
            Unit::Bytes,
            gauges.journal_bytes.clone(),
        );
        registry.register_with_unit(
            "store_disk_free",
            "Free space on the disk of the data directory",
            Unit::Bytes,
            gauges.free_bytes.clone(),
        );
        registry.register_with_unit(
            "unit_end_timestamp",
            "When the first time-stamping unit ends (certificate or key usage), Unix time",
            Unit::Seconds,
            gauges.unit_end.clone(),
        );
    }

    /// Time, certificates and the trail.
    fn register_trust(&mut self) {
        let Self { registry, messages, ocsp, lists, ends, clock_state, gauges, .. } = self;
        for way in ["mail", "sms"] {
            for outcome in ["accepted", "refused", "unclear"] {
                drop(messages.get_or_create(&Messages { way, outcome }));
            }
        }
        let text = "Tries to send a mail or a short message, by outcome";
        registry.register("messages", text, messages.clone());
        registry.register("ocsp_answers", "OCSP answers by kind", ocsp.clone());
        registry.register("crl_downloads", "Requests for a revocation list", lists.clone());
        registry.register_with_unit(
            "unit_end_by_unit_timestamp",
            "When a time-stamping unit ends (certificate or key usage), Unix time",
            Unit::Seconds,
            ends.clone(),
        );
        registry.register(
            "clock_state",
            "1 for the state that the clock is in",
            clock_state.clone(),
        );
        registry.register_with_unit(
            "clock_offset",
            "The machine's clock less the best estimate of UTC; NaN while nobody measures it",
            Unit::Seconds,
            gauges.clock_offset.clone(),
        );
        registry.register_with_unit(
            "clock_error",
            "Bound of the clock's error; NaN while nobody measures it",
            Unit::Seconds,
            gauges.clock_error.clone(),
        );
        registry.register("trail_events", "Events in the audit trail", gauges.trail.clone());
    }

    /// A try to send a mail or a short message has ended.
    pub(crate) fn message_tried(&self, way: &'static str, outcome: &'static str) {
        self.messages.get_or_create(&Messages { way, outcome }).inc();
    }

    /// An OCSP request was answered.
    pub(crate) fn status_asked(&self, kind: &'static str) {
        self.ocsp.get_or_create(&Answers { kind }).inc();
    }

    /// A revocation list was asked for.
    pub(crate) fn list_asked(&self) {
        self.lists.inc();
    }

    /// When each unit ends. A unit that is gone is told no more.
    pub(crate) fn unit_ends(&self, ends: &[(String, DateTime<Utc>)]) {
        self.ends.clear();
        for (unit, end) in ends {
            let label = UnitLabel { unit: unit.clone() };
            self.ends.get_or_create(&label).set(end.timestamp());
        }
    }

    /// The clock as it is.
    pub(crate) fn clock(&self, status: &clock::Status) {
        for state in clock::State::ALL {
            let label = StateLabel { state: state.as_str() };
            self.clock_state.get_or_create(&label).set(i64::from(state == status.state));
        }
        // Microseconds of any clock are far below the 2^53 that a float counts exactly.
        let offset = status.offset_us.map_or(f64::NAN, |us| us as f64 / 1e6);
        self.gauges.clock_offset.set(offset);
        self.gauges.clock_error.set(status.error_us.map_or(f64::NAN, |us| us as f64 / 1e6));
    }

    /// An HTTP request was answered.
    pub(crate) fn served(&self, route: &str, status: u16, elapsed: Duration) {
        let labels = Requests { route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.duration.observe(elapsed.as_secs_f64());
    }

    /// A request for a timestamp was answered.
    pub(crate) fn answered(&self, outcome: &Outcome) {
        let labels = Timestamps { outcome: outcome_label(outcome) };
        self.timestamps.get_or_create(&labels).inc();
    }

    /// Somebody authenticated, or failed to.
    pub(crate) fn authenticated(&self, proof: Proof, accepted: bool) {
        let outcome = if accepted { "accepted" } else { "refused" };
        let labels = Authentications { proof: proof.label(), outcome };
        self.authentications.get_or_create(&labels).inc();
    }

    /// The gauges, to be set before [`Metrics::text`].
    pub(crate) fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// The exposition.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(8 * 1024);
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}
