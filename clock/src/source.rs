//! One time server as it is followed: its last answers, how often it may be asked, its standing.

use crate::event::Event;
use crate::exchange::PollFailure;
use crate::sample::{Leap, Sample};
use crate::select::Interval;
use crate::settings::{SLOWEST_POLL, Settings, micros};
use crate::status::{SourceStatus, Standing};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// NSTAGE of RFC 5905, appendix A.1.1: the stages of the clock filter.
const STAGES: usize = 8;
/// MAXDIST of RFC 5905 §7.2, the distance threshold: who may be more than a second off is not used.
const MAX_DISTANCE_US: u64 = 1_000_000;
/// Addresses are looked up again when so many polls in a row have had no answer.
const LOST_POLLS: u32 = 8;

/// A server.
pub(crate) struct Source {
    server: String,
    address: Option<SocketAddr>,
    samples: VecDeque<Sample>,
    /// p.reach of RFC 5905 §13: a bit for each of the last eight polls, set if it was answered. The
    /// youngest is the lowest.
    reach: u8,
    /// Polls without any answer since the last one.
    unanswered: u32,
    /// How far the poll is slowed down by RATE: doublings.
    slowed: u32,
    last_poll_us: Option<i64>,
    last_answer: Option<DateTime<Utc>>,
    kiss_of_death: Option<&'static str>,
    denied: bool,
    problem: Option<String>,
    pub(crate) standing: Standing,
    /// The standing that was last told, so that nobody hears of what is only being looked into.
    told: Standing,
}

impl Source {
    pub(crate) fn new(server: String) -> Self {
        Self {
            server,
            address: None,
            samples: VecDeque::with_capacity(STAGES),
            reach: 0,
            unanswered: 0,
            slowed: 0,
            last_poll_us: None,
            last_answer: None,
            kiss_of_death: None,
            denied: false,
            problem: None,
            standing: Standing::Undecided,
            told: Standing::Undecided,
        }
    }

    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether to ask it now; if so, it counts as asked. One datagram for one poll: what is lost
    /// is not sent again before the next.
    pub(crate) fn take_poll(&mut self, now_us: i64, hurry: bool, settings: &Settings) -> bool {
        // RFC 5905 §7.4: "For kiss codes DENY and RSTR, the client MUST demobilize any associations
        // to that server and stop sending packets to that server".
        if self.denied {
            return false;
        }
        let interval_us = micros(self.interval(hurry, settings));
        if self.last_poll_us.is_some_and(|last| now_us.saturating_sub(last) < interval_us) {
            return false;
        }
        self.last_poll_us = Some(now_us);
        true
    }

    /// RFC 5905 §7.4: "For kiss code RATE, the client MUST immediately reduce its polling interval
    /// to that server and continue to reduce it each time it receives a RATE kiss code." To reduce
    /// is to ask less often. So there is no hurry with a server that has said so.
    fn interval(&self, hurry: bool, settings: &Settings) -> std::time::Duration {
        match self.slowed {
            0 if hurry => settings.fastest_poll,
            slowed => settings.poll.saturating_mul(1 << slowed.min(16)).min(SLOWEST_POLL),
        }
    }

    /// Takes the outcome of a poll in.
    pub(crate) fn polled(
        &mut self,
        address: Option<SocketAddr>,
        outcome: Result<Sample, PollFailure>,
        now: DateTime<Utc>,
    ) {
        self.reach <<= 1;
        self.address = address;
        match outcome {
            Ok(sample) => {
                self.reach |= 1;
                self.unanswered = 0;
                self.last_answer = Some(now);
                (self.problem, self.kiss_of_death) = (None, None);
                if self.samples.len() == STAGES {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
            Err(failure) => self.failed(&failure),
        }
    }

    fn failed(&mut self, failure: &PollFailure) {
        self.problem = Some(failure.to_string());
        self.kiss_of_death = None;
        if let PollFailure::KissOfDeath(code) = failure {
            (self.kiss_of_death, self.unanswered) = (Some(*code), 0);
        }
        match failure {
            PollFailure::KissOfDeath("RATE") => self.slowed += 1,
            PollFailure::KissOfDeath(code) => {
                self.denied |= matches!(*code, "DENY" | "RSTR");
                self.samples.clear();
            }
            // It says itself that it does not know the time: what it said before is void too.
            PollFailure::Unsynchronised => {
                self.unanswered = 0;
                self.samples.clear();
            }
            PollFailure::Bad(_) => self.unanswered = 0,
            PollFailure::NoAnswer | PollFailure::Resolve(_) | PollFailure::Socket(_) => {
                self.unanswered += 1;
                if self.unanswered.is_multiple_of(LOST_POLLS) {
                    self.address = None;
                }
            }
        }
    }

    /// Forgets what it has said: the clock has to be confirmed anew.
    pub(crate) fn forget(&mut self) {
        self.samples.clear();
    }

    /// What is known of the time by this server, as an interval of "UTC less the steady clock", or
    /// why it has no vote.
    pub(crate) fn interval_at(
        &self,
        now_us: i64,
        settings: &Settings,
    ) -> Result<Interval, Option<String>> {
        if self.denied {
            return Err(None);
        }
        let Some(sample) = self.best(now_us, settings) else { return Err(None) };
        let distance_us = sample.root_distance_us(now_us, settings.drift_ppm);
        if distance_us > MAX_DISTANCE_US {
            return Err(Some(format!("its root distance of {distance_us} us is above a second")));
        }
        Ok(Interval { middle: sample.ahead_us, radius: distance_us })
    }

    /// RFC 5905 §10, the clock filter: of the last samples, the one with the least distance now;
    /// the older, the more the oscillator has added to it.
    fn best(&self, now_us: i64, settings: &Settings) -> Option<&Sample> {
        let fresh = |sample: &&Sample| now_us.saturating_sub(sample.at_us) <= settings.fresh_us();
        let distance = |sample: &&Sample| sample.root_distance_us(now_us, settings.drift_ppm);
        self.samples.iter().filter(fresh).min_by_key(distance)
    }

    /// The leap second that its last answer announces.
    pub(crate) fn leap(&self) -> Leap {
        self.samples.back().map_or(Leap::None, |sample| sample.leap)
    }

    /// What it is when it has no vote.
    pub(crate) fn standing_without_vote(&mut self, why: Option<String>) -> Standing {
        if why.is_some() {
            self.problem = why;
        }
        match self {
            Self { denied: true, .. } => Standing::Denied,
            Self { unanswered: 1.., .. } => Standing::Unreachable,
            Self { problem: Some(_), .. } => Standing::Unusable,
            _ => Standing::Undecided,
        }
    }

    /// The change of its standing that nobody has been told of. To be looked into again is none.
    pub(crate) fn news(&mut self) -> Option<Event> {
        let to = self.standing;
        if to == self.told || to == Standing::Undecided {
            return None;
        }
        let from = std::mem::replace(&mut self.told, to);
        Some(Event::SourceChanged { server: self.server.clone(), from, to })
    }

    pub(crate) fn status(&self, now_us: i64, wall_us: i64, settings: &Settings) -> SourceStatus {
        let sample = self.best(now_us, settings).or(self.samples.back());
        SourceStatus {
            server: self.server.clone(),
            address: self.address,
            authenticated: false,
            standing: self.standing,
            reachable: self.reach != 0,
            stratum: sample.map(|sample| sample.stratum),
            offset_us: sample
                .map(|sample| wall_us.saturating_sub(sample.ahead_us.saturating_add(now_us))),
            delay_us: sample.map(|sample| sample.delay_us),
            root_distance_us: sample
                .map(|sample| sample.root_distance_us(now_us, settings.drift_ppm)),
            leap: sample.map(|_| self.leap()),
            kiss_of_death: self.kiss_of_death.map(str::to_owned),
            last: self.last_answer,
            poll_s: self.interval(false, settings).as_secs_f64(),
            problem: self.problem.clone(),
        }
    }
}
