//! One connection of the load: whose turn it is, one request, and what its reply counts as.

use super::connection::{Connection, Fault, Reply};
use super::load::{REQUEST_LIMIT, Shared, Stopped, TICK};
use super::reply::{Glance, Hint};
use super::tally::Tally;
use super::template::{Random, Template};
use super::verify::Sample;
use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep, sleep_until};

/// How long a connection rests after an error, so that a broken service is not hammered.
const REST: Duration = Duration::from_millis(10);
/// The grain of the runtime's timer: a request that leaves late by less is not late.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// What the connections of one thread share.
pub(super) struct OneThread {
    /// What all threads share.
    pub(super) shared: Arc<Shared>,
    /// The thread's counts.
    pub(super) tally: Arc<Mutex<Tally>>,
    /// Where replies go to be verified.
    pub(super) samples: Sender<Sample>,
    /// When the load began.
    pub(super) start: Instant,
    /// How many requests were begun.
    pub(super) turns: AtomicU64,
    /// Seconds between two requests of this thread, in an open loop.
    pub(super) interval: Option<f64>,
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
pub(super) struct Driver {
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
    /// A driver with a connection that is open already, or one that will have to be opened.
    pub(super) fn new(
        thread: Arc<OneThread>,
        connection: Option<Connection>,
        random: Random,
    ) -> Self {
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

    /// Sends request after request until the load is over.
    pub(super) async fn drive(mut self) {
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
