//! The load itself: threads, connections, the schedule, and how it ends.

use super::BenchError;
use super::connection::{Endpoint, Fault};
use super::driver::{Driver, OneThread};
use super::tally::Tally;
use super::template::{Random, Template};
use super::verify::{self, Sample, Verified};
use openssl::x509::X509;
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// How long one request may take: the slow are waited for.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// How often the one who waits looks at the clock.
pub(super) const TICK: Duration = Duration::from_millis(100);

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
pub(super) struct Shared {
    /// What to do.
    pub(super) plan: Plan,
    stop: AtomicBool,
    /// Why, and when, the load was stopped early; the first one counts.
    stopped: Mutex<Option<(Stopped, Instant)>>,
    /// Tokens so far, for the progress.
    pub(super) tokens: AtomicU64,
    start: Barrier,
}

impl Shared {
    /// Ends the load early; the first reason counts.
    pub(super) fn stop(&self, why: Stopped) {
        self.stopped.lock().get_or_insert((why, Instant::now()));
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the load was ended early.
    pub(super) fn is_stopped(&self) -> bool {
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
