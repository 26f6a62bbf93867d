//! The monitor as the service sees it: one face for both ways to know the time.

use crate::discipline::Discipline;
use crate::error::{SettingsError, Unavailable};
use crate::event::Event;
use crate::exchange::{PollOrder, Polled};
use crate::guard::Guard;
use crate::kernel::{Kernel, KernelStatus};
use crate::machine::{Clocks, NonceSource};
use crate::settings::Settings;
use crate::status::{State, Status};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The time, with the bound of its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted, cut down: what is cut
    /// off is not in the error.
    pub unix_ms: i64,
    /// The wall clock was no further from UTC, in microseconds. Zero where nothing is measured
    /// ([`State::MachineClock`]).
    pub error_us: u64,
}

/// Watches the wall clock. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Monitor {
    inner: Arc<Inner>,
}

struct Inner {
    mode: Mode,
    events: UnboundedSender<Event>,
    receiver: Mutex<Option<UnboundedReceiver<Event>>>,
}

enum Mode {
    Machine { guard: Guard, seen: Mutex<Seen> },
    Ntp(Box<Discipline>),
}

/// What the last tick of a machine's clock saw.
struct Seen {
    state: State,
    since: DateTime<Utc>,
    reason: Option<String>,
}

impl Monitor {
    /// Believes the wall clock as it is now, and from then on notices its jumps. Nothing is
    /// measured. For a demo, or where somebody has decided so.
    #[must_use]
    pub fn machine_clock(clocks: Arc<dyn Clocks>) -> Self {
        let guard = Guard::new(clocks);
        let since = date(guard.look().unwrap_or_else(|jump| jump.expected_us));
        let seen = Seen { state: State::MachineClock, since, reason: None };
        Self::new(Mode::Machine { guard, seen: Mutex::new(seen) })
    }

    /// Holds the wall clock against time servers. There is no time until a quorum has answered:
    /// [`Monitor::run`] asks.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub fn ntp(
        settings: Settings,
        clocks: Arc<dyn Clocks>,
        kernel: Arc<dyn Kernel>,
        nonce: Arc<dyn NonceSource>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self::new(Mode::Ntp(Box::new(Discipline::new(settings, clocks, kernel, nonce)))))
    }

    fn new(mode: Mode) -> Self {
        let (events, receiver) = unbounded_channel();
        Self { inner: Arc::new(Inner { mode, events, receiver: Mutex::new(Some(receiver)) }) }
    }

    /// What happens from the start on; the first who asks gets it. Events are rare: at most a few
    /// for one tick, and none while nothing changes.
    #[must_use]
    pub fn events(&self) -> Option<UnboundedReceiver<Event>> {
        self.inner.receiver.lock().take()
    }

    /// The time, for tokens and expiries. Locks nothing, and allocates nothing when there is one.
    ///
    /// # Errors
    /// [`Unavailable`]
    pub fn now(&self) -> Result<Time, Unavailable> {
        let (wall_us, error_us) = match &self.inner.mode {
            Mode::Machine { guard, .. } => (guard.look().map_err(|jump| jump.unavailable())?, 0),
            Mode::Ntp(discipline) => discipline.now()?,
        };
        Ok(Time { unix_ms: wall_us.div_euclid(1_000), error_us })
    }

    /// [`Monitor::now`] as a date.
    ///
    /// # Errors
    /// [`Unavailable`]
    pub fn trusted(&self) -> Result<DateTime<Utc>, Unavailable> {
        self.now().map(|time| DateTime::from_timestamp_millis(time.unix_ms).unwrap_or_default())
    }

    /// The time for everything else: the wall clock, and while that is not trusted, where it
    /// should be as far as anybody knows. So an administrator can go on, and no entry of an
    /// account lands in a wrong future.
    #[must_use]
    pub fn best(&self) -> DateTime<Utc> {
        date(match &self.inner.mode {
            Mode::Machine { guard, .. } => guard.look().unwrap_or_else(|jump| jump.expected_us),
            Mode::Ntp(discipline) => discipline.best_us(),
        })
    }

    /// Looks at the clocks, follows, and tells what has changed. To be called a few times a second
    /// by one task; [`Monitor::run`] does.
    pub fn tick(&self) {
        match &self.inner.mode {
            Mode::Machine { guard, seen } => {
                let event = seen.lock().take_in(guard);
                self.tell(event);
            }
            Mode::Ntp(discipline) => self.tell(discipline.tick()),
        }
    }

    /// Everything that is known.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.inner.mode {
            Mode::Machine { seen, .. } => seen.lock().status(),
            Mode::Ntp(discipline) => discipline.status(),
        }
    }

    /// The questions that are due now, if servers are asked; each counts as asked.
    pub(crate) fn due(&self) -> Vec<PollOrder> {
        match &self.inner.mode {
            Mode::Machine { .. } => Vec::new(),
            Mode::Ntp(discipline) => discipline.due(),
        }
    }

    /// Takes the answer to one of them in.
    pub(crate) fn take_in(&self, polled: Polled) {
        if let Mode::Ntp(discipline) = &self.inner.mode {
            self.tell(discipline.take_in(polled));
        }
    }

    /// What questions are asked with.
    pub(crate) fn asking(&self) -> Option<(Arc<dyn Clocks>, Arc<dyn NonceSource>)> {
        match &self.inner.mode {
            Mode::Machine { .. } => None,
            Mode::Ntp(discipline) => Some(discipline.asking()),
        }
    }

    fn tell(&self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            event.log();
            // Without a receiver, the log is all there is.
            drop(self.inner.events.send(event));
        }
    }
}

impl Seen {
    fn take_in(&mut self, guard: &Guard) -> Option<Event> {
        let (state, reason, at_us) = match guard.follow() {
            Ok(wall_us) => (State::MachineClock, None, wall_us),
            Err(jump) => (State::OutOfSync, Some(jump.unavailable().to_string()), jump.expected_us),
        };
        if state == self.state {
            return None;
        }
        let from = std::mem::replace(&mut self.state, state);
        (self.since, self.reason) = (date(at_us), reason.clone());
        let reason = reason.unwrap_or_else(|| "it is back where it should be".to_owned());
        Some(Event::StateChanged { from, to: state, reason })
    }

    fn status(&self) -> Status {
        Status {
            mode: "machine-clock",
            state: self.state,
            since: self.since,
            reason: self.reason.clone(),
            offset_us: None,
            error_us: None,
            limit_us: None,
            last_sync: None,
            agreeing: 0,
            needed: 0,
            observed_drift_ppm: None,
            leap_second_at: None,
            sources: Vec::new(),
            kernel: KernelStatus::Absent { reason: "not asked in this mode".to_owned() },
        }
    }
}

/// As a date; what is none (no clock shows it) is 1970.
pub(crate) fn date(unix_us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(unix_us).unwrap_or_default()
}
