//! The load itself: threads, connections, the schedule, and how it ends.

use super::BenchError;
use super::connection::{Connection, Endpoint, Fault, Reply};
use super::reply::{Glance, Hint};
use super::tally::Tally;
use super::template::{Random, Template};
use super::verify::{self, Sample, Verified};
use openssl::x509::X509;
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::{Sleep, sleep, sleep_until};

/// How long one request may take: the slow are waited for.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// How long a connection rests after an error, so that a broken service is not hammered.
const REST: Duration = Duration::from_millis(10);
/// How often the one who waits looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// The grain of the runtime's timer: a request that leaves late by less is not late.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// What to do.
pub(super) struct Plan {
    /// Where to.
    pub(super) endpoint: Endpoint,
    /// The usual request.
    pub(super) plain: Template,
    /// The request whose reply is verified: it asks for the certificate.
    pub(super) sampled: Template,
    /// Connections, at least one.
    pub(super) connections: u16,
    /// Threads, at least one, not more than connections.
    pub(super) threads: u16,
    /// How long.
    pub(super) duration: Duration,
    /// Requests per second of all connections, or as many as the service takes.
    pub(super) rate: Option<f64>,
    /// Every how many requests one is verified; 0 for never.
    pub(super) verify_every: u32,
    /// Where imprints and nonces come from.
    pub(super) random: Random,
}

/// Why the load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// As planned.
    TimeUp,
    /// By the operator.
    Interrupted,
    /// HTTP 402.
    OutOfStamps,
    /// An HTTP status that every further request would get too.
    Refused(u16),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The counts of all threads.
    pub(super) tally: Tally,
    /// How long the load lasted: the planned time, or less when it was stopped.
    pub(super) elapsed: Duration,
    /// Why it ended.
    pub(super) stopped: Stopped,
    /// What the verified samples gave.
    pub(super) verified: Verified,
}

/// What all threads see.
struct Shared {
    plan: Plan,
    stop: AtomicBool,
    /// Why, and when, the load was stopped early; the first one counts.
    stopped: Mutex<Option<(Stopped, Instant)>>,
    tokens: AtomicU64,
    start: Barrier,
}

impl Shared {
    fn stop(&self, why: Stopped) {
        self.stopped.lock().get_or_insert((why, Instant::now()));
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Opens one connection and closes it: is there anybody?
pub(super) fn try_connection(plan: &Plan) -> Result<(), Fault> {
    let Ok(runtime) = runtime() else { return Err(Fault::System) };
    runtime.block_on(async {
        tokio::time::timeout(REQUEST_LIMIT, plan.endpoint.connect())
            .await
            .unwrap_or(Err(Fault::TimedOut))
            .map(drop)
    })
}

/// Loads the service as planned. `progress` is told tokens and time, ten times a second.
pub(super) fn run(
    plan: Plan,
    roots: Vec<X509>,
    progress: impl FnMut(u64, Duration),
) -> Result<Outcome, BenchError> {
    let threads = usize::from(plan.threads);
    let shared = Arc::new(Shared {
        plan,
        stop: AtomicBool::new(false),
        stopped: Mutex::new(None),
        tokens: AtomicU64::new(0),
        start: Barrier::new(threads + 1),
    });
    let (samples, sampled) = channel();
    let verifier = spawn(move || verify::check_all(&sampled, &roots))?;
    let runtimes: Vec<Runtime> =
        (0..threads).map(|_| runtime()).collect::<Result<_, BenchError>>()?;
    let mut running = Vec::new();
    for (number, runtime) in runtimes.into_iter().enumerate() {
        let (shared, samples) = (Arc::clone(&shared), samples.clone());
        running.push(spawn(move || one_thread(&shared, number, &runtime, samples))?);
    }
    drop(samples);
    shared.start.wait();
    let start = Instant::now();
    runtime()?.block_on(watch(&shared, &running, start, progress))?;

    let mut tally = Tally::new();
    for thread in running {
        tally.add(&thread.join().map_err(|_| lost_thread())?);
    }
    let (stopped, end) =
        shared.stopped.lock().unwrap_or((Stopped::TimeUp, start + shared.plan.duration));
    let elapsed = (end - start).min(shared.plan.duration);
    let verified = verifier.join().map_err(|_| lost_thread())?;
    Ok(Outcome { tally, elapsed, stopped, verified })
}

/// Waits for the threads, tells the progress, and listens for an interrupt.
async fn watch(
    shared: &Shared,
    running: &[JoinHandle<Tally>],
    start: Instant,
    mut progress: impl FnMut(u64, Duration),
) -> Result<(), BenchError> {
    let mut interrupts = 0;
    let mut interrupt = pin!(tokio::signal::ctrl_c());
    while !running.iter().all(JoinHandle::is_finished) {
        tokio::select! {
            _ = &mut interrupt => {
                interrupts += 1;
                if interrupts > 1 {
                    return Err(BenchError::Abandoned);
                }
                shared.stop(Stopped::Interrupted);
                interrupt.set(tokio::signal::ctrl_c());
            }
            () = sleep(TICK) => progress(shared.tokens.load(Ordering::Relaxed), start.elapsed()),
        }
    }
    Ok(())
}

/// One thread with its share of the connections.
fn one_thread(
    shared: &Arc<Shared>,
    number: usize,
    runtime: &Runtime,
    samples: Sender<Sample>,
) -> Tally {
    let threads = usize::from(shared.plan.threads);
    let connections = share(usize::from(shared.plan.connections), threads, number);
    let tally = Arc::new(Mutex::new(Tally::new()));
    let mut cpu = Duration::ZERO;
    runtime.block_on(async {
        let open = (0..connections).map(|_| shared.plan.endpoint.connect());
        let opened = futures_util::future::join_all(open).await;
        shared.start.wait();
        let cpu_before = thread_cpu();
        let thread = Arc::new(OneThread {
            shared: Arc::clone(shared),
            tally: Arc::clone(&tally),
            samples,
            start: Instant::now(),
            turns: AtomicU64::new(0),
            interval: shared.plan.rate.map(|rate| threads as f64 / rate),
        });
        let running: Vec<_> = opened
            .into_iter()
            .enumerate()
            .map(|(slot, connection)| {
                let random = shared.plan.random.fork((slot * threads + number) as u64);
                let driver = Driver::new(Arc::clone(&thread), connection.ok(), random);
                tokio::spawn(driver.drive())
            })
            .collect();
        for task in running {
            // A task that panicked has counted what it did.
            task.await.ok();
        }
        cpu = thread_cpu().saturating_sub(cpu_before);
    });
    let mut tally = tally.lock().clone();
    tally.cpu = cpu;
    if let (Some(rate), false) = (shared.plan.rate, shared.is_stopped()) {
        let scheduled = shared.plan.duration.as_secs_f64() * rate / threads as f64;
        tally.unsent = (scheduled.ceil() as u64).saturating_sub(tally.requests);
    }
    tally
}

/// What the connections of one thread share.
struct OneThread {
    shared: Arc<Shared>,
    tally: Arc<Mutex<Tally>>,
    samples: Sender<Sample>,
    start: Instant,
    /// How many requests were begun.
    turns: AtomicU64,
    /// Seconds between two requests of this thread, in an open loop.
    interval: Option<f64>,
}

impl OneThread {
    /// Waits for the turn of the next request, which has a number and a moment when it is due;
    /// none when the load is over.
    async fn turn(&self) -> Option<(u64, Instant)> {
        let end = self.start + self.shared.plan.duration;
        let number = self.turns.fetch_add(1, Ordering::Relaxed);
        let Some(interval) = self.interval else {
            let now = Instant::now();
            return (now < end && !self.shared.is_stopped()).then_some((number, now));
        };
        let due = self.start + Duration::from_secs_f64(interval * number as f64);
        loop {
            let now = Instant::now();
            if due >= end || now >= end || self.shared.is_stopped() {
                return None;
            }
            if now >= due {
                let late = now - due;
                return Some((number, if late < TIMER_GRAIN { now } else { due }));
            }
            // In slices, so that a stop is noticed between two requests of a slow schedule.
            sleep_until(due.min(now + TICK).into()).await;
        }
    }
}

/// One connection, driven until the load is over.
struct Driver {
    thread: Arc<OneThread>,
    connection: Option<Connection>,
    plain: Template,
    sampled: Template,
    random: Random,
    limit: Limit,
    hint: Hint,
    sampled_hint: Hint,
}

impl Driver {
    fn new(thread: Arc<OneThread>, connection: Option<Connection>, random: Random) -> Self {
        let plan = &thread.shared.plan;
        Self {
            plain: plan.plain.clone(),
            sampled: plan.sampled.clone(),
            connection,
            random,
            limit: Limit::new(),
            hint: Hint::default(),
            sampled_hint: Hint::default(),
            thread,
        }
    }

    async fn drive(mut self) {
        while let Some((number, due)) = self.thread.turn().await {
            if self.round(number, due).await.is_err() {
                sleep(REST).await;
            }
        }
    }

    /// One request and its reply, counted. An error means: rest before the next.
    async fn round(&mut self, number: u64, due: Instant) -> Result<(), ()> {
        let every = u64::from(self.thread.shared.plan.verify_every);
        let sampled = every > 0 && number.is_multiple_of(every);
        let template = if sampled { &mut self.sampled } else { &mut self.plain };
        template.refresh(&mut self.random);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.limit.of(due, self.thread.shared.plan.endpoint.connect()).await {
                Ok(connection) => connection,
                Err(fault) => return self.failed(fault),
            },
        };
        let exchange = connection.exchange(template.message());
        match self.limit.of(Instant::now(), exchange).await {
            Ok(reply) => self.answered(connection, &reply, due, sampled),
            Err(fault) => self.failed(fault),
        }
    }

    /// A request without a reply; its connection is gone.
    fn failed(&self, fault: Fault) -> Result<(), ()> {
        let mut tally = self.thread.tally.lock();
        tally.requests += 1;
        *tally.transport.entry(fault.label()).or_default() += 1;
        Err(())
    }

    /// A request with a reply.
    fn answered(
        &mut self,
        connection: Connection,
        reply: &Reply,
        due: Instant,
        sampled: bool,
    ) -> Result<(), ()> {
        let (template, hint) = match sampled {
            true => (&self.sampled, &mut self.sampled_hint),
            false => (&self.plain, &mut self.hint),
        };
        let now = Instant::now();
        let body = connection.body(reply);
        let mut tally = self.thread.tally.lock();
        tally.requests += 1;
        tally.sent += template.message().len() as u64;
        tally.received += reply.octets() as u64;
        let mut result = Err(());
        if reply.status == 200 {
            match Glance::at(body, template, hint) {
                Glance::Token => {
                    let in_time = now < self.thread.start + self.thread.shared.plan.duration;
                    tally.token(now - due, in_time);
                    self.thread.shared.tokens.fetch_add(1, Ordering::Relaxed);
                    result = Ok(());
                }
                Glance::Failure(name) => *tally.pki.entry(name).or_default() += 1,
                Glance::Wrong(what) => *tally.wrong.entry(what).or_default() += 1,
            }
        } else {
            *tally.http.entry(reply.status).or_default() += 1;
            self.thread.refused(reply.status);
        }
        drop(tally);
        if sampled && result.is_ok() {
            let request = template.request_der().to_vec();
            // The verifier lives until all senders are gone.
            self.thread.samples.send(Sample { request, reply: body.to_vec() }).ok();
        }
        if !reply.close {
            self.connection = Some(connection);
        }
        result
    }
}

impl OneThread {
    /// Stops the load when every further request would be refused as well.
    fn refused(&self, status: u16) {
        match status {
            402 => self.shared.stop(Stopped::OutOfStamps),
            301..=308 | 400 | 401 | 403 | 404 | 405 | 415 => {
                self.shared.stop(Stopped::Refused(status));
            }
            _ => {}
        }
    }
}

/// The time limit of a request. One timer lives as long as the connection and is moved only when
/// it fires, because setting a timer for every request costs more than reading the clock.
struct Limit(Pin<Box<Sleep>>);

impl Limit {
    fn new() -> Self {
        Self(Box::pin(sleep(REQUEST_LIMIT)))
    }

    /// Waits for `work`, which began at `begun`, but not longer than the limit.
    async fn of<T>(
        &mut self,
        begun: Instant,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let mut work = pin!(work);
        let timer = &mut self.0;
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            while timer.as_mut().poll(cx).is_ready() {
                let due = begun + REQUEST_LIMIT;
                if Instant::now() >= due {
                    timer.as_mut().reset((Instant::now() + REQUEST_LIMIT).into());
                    return Poll::Ready(Err(Fault::TimedOut));
                }
                timer.as_mut().reset(due.into());
            }
            Poll::Pending
        })
        .await
    }
}

/// How many of `all` are the share of one of `parts`.
pub(super) fn share(all: usize, parts: usize, number: usize) -> usize {
    all / parts + usize::from(number < all % parts)
}

fn runtime() -> Result<Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| BenchError::Machine { what: "event loop", reason: error.to_string() })
}

fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, BenchError> {
    thread::Builder::new()
        .spawn(work)
        .map_err(|error| BenchError::Machine { what: "thread", reason: error.to_string() })
}

fn lost_thread() -> BenchError {
    BenchError::Machine { what: "result of a thread", reason: "it panicked".to_owned() }
}

/// The processor time that this thread has used.
fn thread_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
