//! The monitor runs: it asks, follows, refuses and recovers, over real sockets.

use crate::responder::Responder;
use marca_clock::{
    Clocks, Event, Monitor, Reading, Settings, Standing, State, SystemClocks, SystemKernel,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// The clocks of the machine, with a wall clock that a test sets.
pub(crate) struct Settable {
    machine: SystemClocks,
    ahead_us: AtomicI64,
}

impl Settable {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { machine: SystemClocks::raw(), ahead_us: AtomicI64::new(0) })
    }

    pub(crate) fn set(&self, ahead_us: i64) {
        self.ahead_us.store(ahead_us, Ordering::SeqCst);
    }
}

impl Clocks for Settable {
    fn read(&self) -> Reading {
        let reading = self.machine.read();
        let ahead_us = self.ahead_us.load(Ordering::SeqCst);
        Reading { wall_us: reading.wall_us + ahead_us, ..reading }
    }
}

/// Polls as quick as a test wants them, and an accuracy that a busy machine keeps.
pub(crate) fn settings(servers: Vec<String>) -> Settings {
    let mut settings = Settings::new(servers);
    settings.poll = Duration::from_millis(1_000);
    settings.fastest_poll = Duration::from_millis(300);
    settings.timeout = Duration::from_millis(300);
    settings.accuracy = Duration::from_secs(1);
    settings
}

pub(crate) fn monitor(settings: Settings, clocks: Arc<dyn Clocks>) -> Monitor {
    let counter = AtomicU64::new(0x9e37_79b9);
    let nonce = move || counter.fetch_add(0x1234_5678_9abc_def1, Ordering::Relaxed);
    Monitor::ntp(settings, clocks, Arc::new(SystemKernel), Arc::new(nonce)).unwrap()
}

/// Lets `test` talk to a monitor that runs.
pub(crate) fn run<F: Future<Output = ()>>(
    monitor: &Monitor,
    test: impl FnOnce(UnboundedReceiver<Event>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let events = monitor.events().unwrap();
    runtime.block_on(async {
        let running = tokio::spawn(monitor.clone().run());
        test(events).await;
        running.abort();
    });
}

/// Waits for an event; a test that waits for what never comes is ended by the clock of the wall.
pub(crate) async fn wait_for(
    events: &mut UnboundedReceiver<Event>,
    wanted: impl Fn(&Event) -> bool,
) {
    let waited = tokio::time::timeout(Duration::from_secs(120), async {
        while !wanted(&events.recv().await.unwrap()) {}
    });
    waited.await.expect("what the test waits for has to come");
}

pub(crate) fn enters(state: State) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::StateChanged { to, .. } if *to == state)
}

fn becomes(name: String, standing: Standing) -> impl Fn(&Event) -> bool {
    move |event| {
        matches!(event, Event::SourceChanged { server, to, .. }
            if *server == name && *to == standing)
    }
}

fn responders() -> (Vec<Responder>, Vec<String>) {
    let responders: Vec<_> = (0..4).map(|_| Responder::start()).collect();
    let names = responders.iter().map(|responder| responder.address.to_string()).collect();
    (responders, names)
}

#[test]
fn four_servers_one_of_which_lies() {
    let (responders, names) = responders();
    let monitor = monitor(settings(names.clone()), Settable::new());
    assert!(monitor.now().is_err());
    run(&monitor, async |mut events| {
        wait_for(&mut events, enters(State::InSync)).await;
        let time = monitor.now().unwrap();
        assert!(0 < time.error_us && time.error_us < 999_000);
        responders[1].offset(10_000_000);
        wait_for(&mut events, becomes(names[1].clone(), Standing::Falseticker)).await;
        assert_eq!(monitor.status().state, State::InSync);
        let status = monitor.status();
        let liar = &status.sources[1];
        assert_eq!((liar.address, liar.stratum), (Some(responders[1].address), Some(1)));
        assert!(liar.offset_us.unwrap() < -8_000_000, "{liar:?}");
        assert_eq!(status.agreeing, 3);
    });
}

#[test]
fn a_jump_stops_and_a_repair_is_confirmed() {
    let (_responders, names) = responders();
    let clocks = Settable::new();
    let monitor = monitor(settings(names), clocks.clone());
    run(&monitor, async |mut events| {
        wait_for(&mut events, enters(State::InSync)).await;
        clocks.set(-3_600_000_000);
        assert!(monitor.now().is_err());
        wait_for(&mut events, enters(State::OutOfSync)).await;
        clocks.set(0);
        wait_for(&mut events, enters(State::InSync)).await;
        assert!(monitor.now().is_ok());
    });
}

#[test]
fn silence_is_a_holdover_and_answers_end_it() {
    let (responders, names) = responders();
    let monitor = monitor(settings(names), Settable::new());
    run(&monitor, async |mut events| {
        wait_for(&mut events, enters(State::InSync)).await;
        responders.iter().for_each(|responder| responder.refuse(Some("")));
        wait_for(&mut events, enters(State::Holdover)).await;
        assert!(monitor.now().is_ok());
        responders.iter().for_each(|responder| responder.refuse(None));
        wait_for(&mut events, enters(State::InSync)).await;
    });
}

/// RFC 5905 §7.4: after DENY, no datagram more; the leap second of the others is heard.
#[test]
fn a_server_that_denies_is_left_alone() {
    let (responders, names) = responders();
    for responder in &responders {
        responder.behaviour.leap.store(1, Ordering::SeqCst);
    }
    responders[2].refuse(Some("DENY"));
    let monitor = monitor(settings(names.clone()), Settable::new());
    run(&monitor, async |mut events| {
        wait_for(&mut events, becomes(names[2].clone(), Standing::Denied)).await;
        let others = responders[0].asked();
        while responders[0].asked() < others + 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(responders[2].asked(), 1);
        let status = monitor.status();
        assert_eq!(status.sources[2].kiss_of_death.as_deref(), Some("DENY"));
        assert!(status.leap_second_at.is_some());
    });
}
