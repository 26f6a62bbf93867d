//! A world with a true time, a machine whose clocks err, and servers that answer or lie.

use crate::event::Event;
use crate::exchange::{PollFailure, Polled};
use crate::kernel::{Kernel, KernelStatus};
use crate::machine::{Clocks, Reading};
use crate::monitor::{Monitor, Time};
use crate::sample::{Leap, Sample};
use crate::settings::Settings;
use crate::status::{Standing, State, Status};
use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

pub(super) const MS: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const HOUR: i64 = 3_600 * SECOND;
/// 2026-06-15T12:00:00Z.
pub(super) const START_US: i64 = 1_781_524_800 * SECOND;

/// What really is. Nanoseconds, so that rates of parts per million survive small steps.
pub(super) struct Truth {
    pub(super) utc_ns: i64,
    pub(super) steady_ns: i64,
    pub(super) wall_ns: i64,
    /// How much too fast they run, in parts per million.
    pub(super) steady_ppm: i64,
    pub(super) wall_ppm: i64,
    /// A reading of the clocks takes so long.
    pub(super) width_us: i64,
    pub(super) kernel: KernelStatus,
}

/// How a server behaves.
#[derive(Clone)]
pub(super) struct Server {
    /// Its clock less UTC.
    pub(super) offset_us: i64,
    /// The way there and back, and how much longer the way there is than the one back.
    pub(super) delay_us: u64,
    pub(super) asymmetry_us: i64,
    pub(super) root_dispersion_us: u64,
    pub(super) leap: Leap,
    pub(super) answer: Answer,
    pub(super) address: SocketAddr,
    /// How often it was asked, and when last.
    pub(super) asked: usize,
    pub(super) asked_at_us: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Time,
    Silence,
    Kiss(&'static str),
    Unsynchronised,
}

impl Server {
    fn new(index: u8) -> Self {
        Self {
            offset_us: 0,
            delay_us: 2_000,
            asymmetry_us: 0,
            root_dispersion_us: 500,
            leap: Leap::None,
            answer: Answer::Time,
            address: (Ipv4Addr::new(192, 0, 2, index + 1), 123).into(),
            asked: 0,
            asked_at_us: 0,
        }
    }

    fn sample(&self, truth: &Truth) -> Result<Sample, PollFailure> {
        match self.answer {
            Answer::Silence => Err(PollFailure::NoAnswer),
            Answer::Kiss(code) => Err(PollFailure::KissOfDeath(code)),
            Answer::Unsynchronised => Err(PollFailure::Unsynchronised),
            Answer::Time => Ok(Sample {
                at_us: truth.steady_ns / 1_000,
                ahead_us: (truth.utc_ns - truth.steady_ns) / 1_000
                    + self.offset_us
                    + self.asymmetry_us / 2,
                delay_us: self.delay_us,
                root_delay_us: 0,
                root_dispersion_us: self.root_dispersion_us,
                precision: -20,
                stratum: 1,
                leap: self.leap,
            }),
        }
    }
}

struct Machine(Arc<Mutex<Truth>>);

impl Clocks for Machine {
    fn read(&self) -> Reading {
        let truth = self.0.lock();
        let (steady_us, wall_us) = (truth.steady_ns / 1_000, truth.wall_ns / 1_000);
        Reading { before_us: steady_us - truth.width_us, wall_us, after_us: steady_us }
    }
}

impl Kernel for Machine {
    fn read(&self) -> KernelStatus {
        self.0.lock().kernel.clone()
    }
}

/// The world, and the monitor in it.
pub(super) struct World {
    pub(super) truth: Arc<Mutex<Truth>>,
    pub(super) servers: Vec<Server>,
    pub(super) monitor: Monitor,
    events: UnboundedReceiver<Event>,
}

impl World {
    pub(super) fn new(servers: u8) -> Self {
        Self::with(servers, |_| {})
    }

    pub(super) fn with(servers: u8, change: impl FnOnce(&mut Settings)) -> Self {
        let truth = Arc::new(Mutex::new(Truth {
            utc_ns: START_US * 1_000,
            steady_ns: 77 * SECOND * 1_000,
            wall_ns: START_US * 1_000,
            steady_ppm: 0,
            wall_ppm: 0,
            width_us: 0,
            kernel: KernelStatus::Absent { reason: "not in this test".to_owned() },
        }));
        let mut settings = Settings::new((0..servers).map(|n| format!("s{n}")).collect());
        change(&mut settings);
        let machine = Arc::new(Machine(Arc::clone(&truth)));
        let nonce = Arc::new(|| 4_u64);
        let monitor = Monitor::ntp(settings, machine.clone(), machine, nonce).unwrap();
        let events = monitor.events().unwrap();
        let servers = (0..servers).map(Server::new).collect();
        Self { truth, servers, monitor, events }
    }

    /// A world in which the servers have agreed.
    pub(super) fn in_sync(servers: u8) -> Self {
        let mut world = Self::new(servers);
        world.pass(SECOND);
        assert_eq!(world.state(), State::InSync);
        world.events();
        world
    }

    /// Lets so much of true time pass, in ticks, with the questions and answers that fall into it.
    pub(super) fn pass(&mut self, micros: i64) {
        const TICK: i64 = SECOND / 5;
        let mut left = micros;
        while left > 0 {
            let step = left.min(TICK);
            self.tick_over(step);
            left -= step;
        }
    }

    /// One tick, of any length.
    pub(super) fn tick_over(&mut self, micros: i64) {
        self.elapse(micros);
        self.monitor.tick();
        self.exchange();
        self.monitor.tick();
    }

    /// Time passes and nobody looks.
    pub(super) fn elapse(&self, micros: i64) {
        let mut truth = self.truth.lock();
        truth.utc_ns += micros * 1_000;
        truth.steady_ns += micros * 1_000 + micros * truth.steady_ppm / 1_000;
        truth.wall_ns += micros * 1_000 + micros * truth.wall_ppm / 1_000;
    }

    fn exchange(&mut self) {
        for order in self.monitor.due() {
            let asked_at_us = self.truth.lock().steady_ns / 1_000;
            let server = &mut self.servers[order.source];
            server.asked += 1;
            server.asked_at_us = asked_at_us;
            self.monitor.take_in(self.answer(order.source));
        }
    }

    /// What a server answers now; it may be taken in later.
    pub(super) fn answer(&self, source: usize) -> Polled {
        let server = &self.servers[source];
        let outcome = server.sample(&self.truth.lock());
        Polled { source, address: Some(server.address), outcome }
    }

    pub(super) fn all(&mut self, change: impl FnMut(&mut Server)) {
        self.servers.iter_mut().for_each(change);
    }

    /// Somebody sets the wall clock.
    pub(super) fn step_wall(&self, by_us: i64) {
        self.truth.lock().wall_ns += by_us * 1_000;
    }

    pub(super) fn state(&self) -> State {
        self.status().state
    }

    pub(super) fn status(&self) -> Status {
        self.monitor.status()
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        self.status().sources.into_iter().map(|source| source.standing).collect()
    }

    /// The bound of the error, if there is time; it must hold.
    pub(super) fn error_us(&self) -> Option<u64> {
        let Time { unix_ms, error_us } = self.monitor.now().ok()?;
        let truth = self.truth.lock();
        assert_eq!(unix_ms, truth.wall_ns.div_euclid(1_000_000));
        let off_us = truth.wall_ns.abs_diff(truth.utc_ns) / 1_000;
        assert!(off_us <= error_us, "off by {off_us} us, said to be at most {error_us} us");
        Some(error_us)
    }

    pub(super) fn refusal(&self) -> String {
        self.monitor.now().unwrap_err().to_string()
    }

    /// What has happened since it was last asked.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// The states entered since then.
    pub(super) fn states(&mut self) -> Vec<State> {
        let entered = |event| match event {
            Event::StateChanged { to, .. } => Some(to),
            _ => None,
        };
        self.events().into_iter().filter_map(entered).collect()
    }
}
