//! The discipline of time servers: what is asked, what is believed, and which state follows.
//!
//! There is a quick side and a slow one. The quick side is [`Discipline::now`]: it reads the anchor
//! and the clocks and locks nothing. The slow side keeps the servers and the state behind a lock,
//! and is moved on by [`Discipline::tick`] and by the answers.

use crate::anchor::{Anchor, Limits};
use crate::error::Unavailable;
use crate::event::Event;
use crate::exchange::{PollOrder, Polled};
use crate::kernel::{Kernel, KernelStatus};
use crate::machine::{Clocks, NonceSource, Reading};
use crate::monitor::date;
use crate::sample::Leap;
use crate::select::{Agreement, Interval, select};
use crate::settings::Settings;
use crate::source::Source;
use crate::status::{Standing, State, Status};
use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A reading that took longer is taken again, a few times.
const QUICK_READING_US: i64 = 1_000;
const READINGS: usize = 3;
/// A change of the wall clock between two ticks above which it was set. A fifth of a second of the
/// fastest slew there is (chrony's 8.3 %) is 17 ms.
const STEP_US: i64 = 100_000;

/// The kernel's words in events.
pub(crate) const KERNEL_SYNCHRONISED: &str = "synchronised";
const KERNEL_UNSYNCHRONISED: &str = "not synchronised";
const KERNEL_ABSENT: &str = "not readable";

/// The wall clock, held against time servers.
pub(crate) struct Discipline {
    settings: Settings,
    limits: Limits,
    clocks: Arc<dyn Clocks>,
    kernel: Arc<dyn Kernel>,
    nonce: Arc<dyn NonceSource>,
    anchor: ArcSwapOption<Anchor>,
    /// The kernel is required, and does not vouch.
    kernel_refuses: AtomicBool,
    slow: Mutex<Slow>,
}

struct Slow {
    sources: Vec<Source>,
    state: State,
    since: DateTime<Utc>,
    reason: Option<String>,
    kernel: KernelStatus,
    /// Wall clock less steady clock at the last tick.
    gap_us: Option<i64>,
    agreeing: usize,
    last_sync: Option<DateTime<Utc>>,
    /// What was said before this instant of the steady clock does not count any more.
    void_before_us: i64,
    drift: Drift,
}

impl Discipline {
    pub(crate) fn new(
        settings: Settings,
        clocks: Arc<dyn Clocks>,
        kernel: Arc<dyn Kernel>,
        nonce: Arc<dyn NonceSource>,
    ) -> Self {
        let state = kernel.read();
        let slow = Slow {
            sources: settings.servers.iter().cloned().map(Source::new).collect(),
            state: State::OutOfSync,
            since: date(clocks.read().wall_us),
            reason: Some(Unavailable::NoQuorum.to_string()),
            kernel: state.clone(),
            gap_us: None,
            agreeing: 0,
            last_sync: None,
            void_before_us: i64::MIN,
            drift: Drift::default(),
        };
        Self {
            limits: Limits::of(&settings),
            kernel_refuses: AtomicBool::new(settings.require_kernel && !state.is_synchronised()),
            settings,
            clocks,
            kernel,
            nonce,
            anchor: ArcSwapOption::empty(),
            slow: Mutex::new(slow),
        }
    }

    /// The wall clock and the bound of its error, both in microseconds.
    pub(crate) fn now(&self) -> Result<(i64, u64), Unavailable> {
        // The anchor before the clocks, so that it is never younger than the reading.
        let anchor = self.anchor.load();
        let Some(anchor) = anchor.as_ref() else { return Err(Unavailable::NoQuorum) };
        let reading = self.read();
        let verdict = anchor.judge(&reading, &self.limits);
        match verdict.refusal {
            Some(refusal) => Err(refusal),
            None if self.kernel_refuses.load(Ordering::Relaxed) => Err(Unavailable::Kernel),
            None => Ok((reading.wall_us, verdict.error_us)),
        }
    }

    /// The wall clock while it is good, and else where it should be; without any quorum, nobody
    /// knows better than the wall clock.
    pub(crate) fn best_us(&self) -> i64 {
        let anchor = self.anchor.load();
        let reading = self.read();
        let Some(anchor) = anchor.as_ref() else { return reading.wall_us };
        let verdict = anchor.judge(&reading, &self.limits);
        if verdict.refusal.is_none() { reading.wall_us } else { verdict.expected_us }
    }

    /// The clocks, as quickly as the machine lets us.
    fn read(&self) -> Reading {
        let mut best = self.clocks.read();
        for _ in 1..READINGS {
            if best.width_us() <= QUICK_READING_US {
                break;
            }
            let again = self.clocks.read();
            if again.width_us() < best.width_us() {
                best = again;
            }
        }
        best
    }

    /// What questions are asked with.
    pub(crate) fn asking(&self) -> (Arc<dyn Clocks>, Arc<dyn NonceSource>) {
        (Arc::clone(&self.clocks), Arc::clone(&self.nonce))
    }

    /// The questions that are due. Without time there is a hurry: the sooner a quorum answers, the
    /// sooner there are tokens again.
    pub(crate) fn due(&self) -> Vec<PollOrder> {
        let now_us = self.read().after_us;
        let mut slow = self.slow.lock();
        let mut due = Vec::new();
        // Nobody's answer counts within a leap second; right after it, all are asked.
        if slow.state == State::LeapWindow {
            return due;
        }
        let hurry = !slow.state.has_time();
        for (index, source) in slow.sources.iter_mut().enumerate() {
            if source.take_poll(now_us, hurry, &self.settings) {
                due.push(PollOrder {
                    source: index,
                    server: source.server().to_owned(),
                    address: source.address(),
                    timeout: self.settings.timeout,
                });
            }
        }
        due
    }

    /// Takes an answer in, or that there was none, and moves the anchor if a quorum agrees.
    pub(crate) fn take_in(&self, polled: Polled) -> Vec<Event> {
        let now = date(self.best_us());
        let reading = self.read();
        let now_us = reading.after_us;
        let mut slow = self.slow.lock();
        // A process that was held up may see an answer before its next tick: what has become void
        // since is so already.
        if let Some(anchor) = self.anchor.load().as_deref() {
            anchor.judge(&reading, &self.limits);
            self.void_old_evidence(&mut slow, anchor, &reading);
        }
        let Polled { source, address, outcome } = polled;
        let void_before_us = slow.void_before_us;
        let Some(source) = slow.sources.get_mut(source) else { return Vec::new() };
        // The server looked at its clock after it was asked.
        let is_void = |asked_us: i64| asked_us < void_before_us;
        let counts = outcome
            .as_ref()
            .is_ok_and(|sample| !is_void(sample.at_us.saturating_sub_unsigned(sample.delay_us)));
        let answered = outcome.is_ok();
        source.polled(address, outcome, now);
        if answered && !counts {
            source.forget();
        }
        let mut events = Vec::new();
        let agreement = slow.weigh(now_us, &self.settings, &mut events);
        if let (true, Some(agreement)) = (counts, agreement) {
            self.move_anchor(&mut slow, &agreement, now_us, &mut events);
        }
        events
    }

    fn move_anchor(
        &self,
        slow: &mut Slow,
        agreement: &Agreement,
        now_us: i64,
        events: &mut Vec<Event>,
    ) {
        let true_us = now_us.saturating_add(agreement.middle);
        let leap = slow.leap();
        let anchor = Anchor::new(now_us, true_us, agreement.radius, leap);
        if let Some(old) = self.anchor.load().as_ref() {
            let expected_us = old.expected_us(now_us);
            if old.is_within_leap(expected_us) {
                // Who has stepped already, and who not? In three seconds all have.
                return;
            }
            let known_us = old.uncertainty_at(now_us, self.settings.drift_ppm);
            let may_differ_us = known_us.saturating_add(anchor.uncertainty_us);
            let moved_us = true_us.saturating_sub(expected_us);
            let beyond_us = moved_us.unsigned_abs().saturating_sub(may_differ_us);
            if beyond_us > 0 && !old.is_past_leap(expected_us) {
                let by_us = moved_us.signum().saturating_mul(beyond_us.cast_signed());
                events.push(Event::QuorumMoved { by_us });
            }
        }
        slow.drift.observe(&anchor);
        slow.last_sync = Some(date(true_us));
        self.anchor.store(Some(Arc::new(anchor)));
    }

    /// Looks at the clocks and at the kernel, and finds the state.
    pub(crate) fn tick(&self) -> Vec<Event> {
        let kernel = self.kernel.read();
        let reading = self.read();
        let mut slow = self.slow.lock();
        let mut events = Vec::new();
        slow.note_step(&reading, &mut events);
        slow.note_kernel(kernel, &mut events);
        let refuses = self.settings.require_kernel && !slow.kernel.is_synchronised();
        self.kernel_refuses.store(refuses, Ordering::Relaxed);
        let anchor = self.anchor.load();
        let anchor = anchor.as_deref();
        let (state, reason) = self.state(anchor, &reading, refuses);
        if let Some(anchor) = anchor {
            self.void_old_evidence(&mut slow, anchor, &reading);
        }
        let at_us = anchor.map_or(reading.wall_us, |anchor| anchor.expected_us(reading.after_us));
        slow.enter(state, reason, date(at_us), &mut events);
        events
    }

    fn state(
        &self,
        anchor: Option<&Anchor>,
        reading: &Reading,
        kernel_refuses: bool,
    ) -> (State, Option<String>) {
        let Some(anchor) = anchor else {
            return (State::OutOfSync, Some(Unavailable::NoQuorum.to_string()));
        };
        let verdict = anchor.judge(reading, &self.limits);
        match verdict.refusal {
            Some(refusal @ Unavailable::LeapSecond { .. }) => {
                (State::LeapWindow, Some(refusal.to_string()))
            }
            Some(refusal) => (State::OutOfSync, Some(refusal.to_string())),
            None if kernel_refuses => (State::OutOfSync, Some(Unavailable::Kernel.to_string())),
            None if verdict.age_us <= self.limits.fresh_us => (State::InSync, None),
            None => {
                let (age_s, error_us) = (verdict.age_us / 1_000_000, verdict.error_us);
                let reason = format!(
                    "no quorum of time servers for {age_s} s; the error is at most {error_us} us"
                );
                (State::Holdover, Some(reason))
            }
        }
    }

    /// After a clock that was out of sync, and after a leap second, only what is said from now on
    /// counts: once for each such anchor.
    fn void_old_evidence(&self, slow: &mut Slow, anchor: &Anchor, reading: &Reading) {
        let is_over =
            anchor.is_spent() || anchor.is_past_leap(anchor.expected_us(reading.after_us));
        if is_over && slow.void_before_us < anchor.steady_us {
            slow.void_before_us = reading.after_us;
            slow.sources.iter_mut().for_each(Source::forget);
        }
    }

    pub(crate) fn status(&self) -> Status {
        let anchor = self.anchor.load();
        let anchor = anchor.as_deref();
        let reading = self.read();
        let verdict = anchor.map(|anchor| anchor.judge(&reading, &self.limits));
        let slow = self.slow.lock();
        let of_source =
            |source: &Source| source.status(reading.after_us, reading.wall_us, &self.settings);
        Status {
            mode: "ntp",
            state: slow.state,
            since: slow.since,
            reason: slow.reason.clone(),
            offset_us: verdict.as_ref().map(|verdict| verdict.ahead_us),
            error_us: verdict.as_ref().map(|verdict| verdict.error_us),
            limit_us: Some(self.limits.error_us),
            last_sync: slow.last_sync,
            agreeing: slow.agreeing,
            needed: self.settings.min_agree,
            observed_drift_ppm: slow.drift.observed_ppm,
            leap_second_at: anchor.and_then(|anchor| anchor.leap).map(|(at_us, _)| date(at_us)),
            sources: slow.sources.iter().map(of_source).collect(),
            kernel: slow.kernel.clone(),
        }
    }
}

impl Slow {
    /// Weighs what the servers say now: gives each its standing, and finds the majority.
    fn weigh(
        &mut self,
        now_us: i64,
        settings: &Settings,
        events: &mut Vec<Event>,
    ) -> Option<Agreement> {
        let mut voters: Vec<(usize, Interval)> = Vec::with_capacity(self.sources.len());
        for index in 0..self.sources.len() {
            let address = self.sources[index].address();
            // Where nobody has answered from is no address that two could share.
            let is_twin = |(other, _): &&(usize, Interval)| {
                address.is_some() && self.sources[*other].address() == address
            };
            let twin = voters.iter().find(is_twin);
            let vote = match twin {
                // Two names of one server are one witness.
                Some(&(twin, _)) => {
                    Err(Some(format!("it is the same server as {}", self.sources[twin].server())))
                }
                None => self.sources[index].interval_at(now_us, settings),
            };
            match vote {
                Ok(interval) => voters.push((index, interval)),
                Err(why) => {
                    let source = &mut self.sources[index];
                    source.standing = source.standing_without_vote(why);
                }
            }
        }
        let intervals: Vec<Interval> = voters.iter().map(|(_, interval)| *interval).collect();
        let agreement = select(&intervals, settings.min_agree);
        self.agreeing = agreement.as_ref().map_or(0, Agreement::count);
        for (vote, (index, _)) in voters.iter().enumerate() {
            self.sources[*index].standing = match &agreement {
                None => Standing::Undecided,
                Some(agreement) if agreement.truechimers[vote] => Standing::Truechimer,
                Some(_) => Standing::Falseticker,
            };
        }
        events.extend(self.sources.iter_mut().filter_map(Source::news));
        agreement
    }

    /// A leap second that any truechimer or the kernel announces. One that does not come costs
    /// three seconds of the month; one that nobody was warned of costs a second of truth.
    fn leap(&self) -> Leap {
        let truechimers = self.sources.iter().filter(|s| s.standing == Standing::Truechimer);
        let mut announced = truechimers.map(Source::leap).chain([self.kernel.leap()]);
        announced.find(|leap| *leap != Leap::None).unwrap_or_default()
    }

    fn note_step(&mut self, reading: &Reading, events: &mut Vec<Event>) {
        if reading.width_us() > STEP_US / 2 {
            return;
        }
        let gap_us = reading.wall_us.saturating_sub(reading.after_us);
        let before_us = self.gap_us.replace(gap_us).unwrap_or(gap_us);
        let by_us = gap_us.saturating_sub(before_us);
        if by_us.saturating_abs() > STEP_US {
            events.push(Event::Stepped { by_us });
        }
    }

    fn note_kernel(&mut self, kernel: KernelStatus, events: &mut Vec<Event>) {
        let (from, to) = (word(&self.kernel), word(&kernel));
        self.kernel = kernel;
        if from != to {
            events.push(Event::KernelChanged { from, to });
        }
    }

    fn enter(
        &mut self,
        state: State,
        reason: Option<String>,
        at: DateTime<Utc>,
        events: &mut Vec<Event>,
    ) {
        self.reason = reason;
        let from = std::mem::replace(&mut self.state, state);
        if from == state {
            return;
        }
        self.since = at;
        let agreed = || format!("{} time servers agree", self.agreeing);
        let reason = self.reason.clone().unwrap_or_else(agreed);
        events.push(Event::StateChanged { from, to: state, reason });
    }
}

fn word(kernel: &KernelStatus) -> &'static str {
    match kernel {
        KernelStatus::Absent { .. } => KERNEL_ABSENT,
        KernelStatus::Present { synchronised: true, .. } => KERNEL_SYNCHRONISED,
        KernelStatus::Present { synchronised: false, .. } => KERNEL_UNSYNCHRONISED,
    }
}

/// How fast the bare oscillator is, told from two quorums that are far enough apart.
#[derive(Default)]
struct Drift {
    /// Steady clock, UTC and its uncertainty at the first of them.
    from: Option<(i64, i64, u64)>,
    observed_ppm: Option<f64>,
}

impl Drift {
    /// The two uncertainties may make so much of the result.
    const RESOLUTION_PPM: f64 = 20.0;
    /// After so long it is measured anew: the temperature changes.
    const LONGEST_US: f64 = 7_200e6;

    fn observe(&mut self, anchor: &Anchor) {
        let to = (anchor.steady_us, anchor.true_us, anchor.uncertainty_us);
        let Some((steady_us, true_us, uncertainty_us)) = self.from else {
            self.from = Some(to);
            return;
        };
        let passed_us = to.1.saturating_sub(true_us) as f64;
        let counted_us = to.0.saturating_sub(steady_us) as f64;
        let unsure_us = uncertainty_us.saturating_add(to.2) as f64;
        if passed_us <= 0.0 || unsure_us / passed_us * 1e6 > Self::RESOLUTION_PPM {
            return;
        }
        self.observed_ppm = Some((counted_us - passed_us) / passed_us * 1e6);
        if passed_us > Self::LONGEST_US {
            self.from = Some(to);
        }
    }
}

#[cfg(test)]
mod tests;
