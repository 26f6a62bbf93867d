//! The writer: the one thread that runs jobs, and the only one that adds to the journal.
//!
//! 1. It takes all jobs that wait (and, when several callers were seen at the same time, waits a
//!    moment for the others),
//! 2. runs them one after another, each on top of the changes of those before it,
//! 3. writes what they wrote as one frame, and syncs it,
//! 4. publishes the changes, and only then
//! 5. tells each job its end, in order. When the group began a new segment of the journal,
//! 6. it writes down that the journal has come so far.

use super::Shared;
use super::condition::add;
use super::group::{Group, message_of};
use super::marker::{Marker, State};
use crate::disk::{Disk, is_full, is_out_of_files};
use crate::journal::Position;
use crate::journal::append::{Appender, NotAppended};
use crate::{Job, StoreError};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The most jobs of a group.
const GROUP_JOBS: usize = 512;

/// A job that was run, and how it ended so far.
type Ended = (Box<dyn Job>, Result<(), StoreError>);

/// The writer.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    appender: Appender,
    limits: Limits,
    marked: Marked,
    /// How many jobs were under way or waiting when the last group ended.
    expected: usize,
    /// The last frame's buffer, to be used again.
    buffer: Vec<u8>,
}

/// The writer's part of the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) gather: Duration,
    pub(crate) group_bytes: usize,
    pub(crate) transaction_bytes: usize,
    pub(crate) overlay_keys: usize,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        appender: Appender,
        limits: Limits,
        marked: Marked,
    ) -> Self {
        Self { shared, appender, limits, marked, expected: 0, buffer: Vec::new() }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut jobs = VecDeque::new();
        let work = AssertUnwindSafe(|| {
            while !jobs.is_empty()
                || shared.queue.take(&mut jobs, GROUP_JOBS, self.expected, self.limits.gather)
            {
                self.group(&mut jobs);
            }
        });
        // A panic of a job is caught where it is run. One here is an error of the store itself:
        // what it left behind is not known, so nothing more is written.
        if let Err(panic) = catch_unwind(work) {
            let error = shared.health.poison(format!("the writer: {}", message_of(&*panic)));
            shared.queue.close();
            while !jobs.is_empty() || shared.queue.take(&mut jobs, GROUP_JOBS, 0, Duration::ZERO) {
                jobs.drain(..).for_each(|job| tell(job, Err(error.clone())));
            }
        }
    }

    /// One group: as many of the jobs as fit.
    fn group(&mut self, jobs: &mut VecDeque<Box<dyn Job>>) {
        let shared = Arc::clone(&self.shared);
        let stopped = || shared.health.stopped();
        shared.view.overlay.wait_for_room(self.limits.overlay_keys, || stopped().is_some());
        if let Some(error) = stopped() {
            jobs.drain(..).for_each(|job| tell(job, Err(error.clone())));
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let sequence = self.appender.next_sequence();
        let mut group = Group::new(buffer, sequence, self.limits.transaction_bytes);
        let mut ended: Vec<Ended> = Vec::with_capacity(jobs.len());
        let mut before_first_write = 0;
        while group.buffer.len() < self.limits.group_bytes
            && let Some(mut job) = jobs.pop_front()
        {
            let outcome = group.run(&mut *job, &shared.view);
            ended.push((job, outcome));
            if group.count == 0 {
                before_first_write = ended.len();
            }
        }
        add(&shared.counters.jobs, ended.len() as u64);
        let committed = self.commit(group);
        self.expected = ended.len() + jobs.len() + shared.queue.length();
        for (place, (job, outcome)) in ended.into_iter().enumerate() {
            // What a job has read is durable unless it comes after a write that failed.
            let refused = committed.as_ref().err().filter(|_| place >= before_first_write);
            tell(job, refused.map_or(outcome, |error| Err(error.clone())));
        }
        if let Err(error) = self.marked.follow(self.appender.position()) {
            drop(shared.health.poison(error.to_string()));
        }
    }

    /// Makes the group durable and visible.
    fn commit(&mut self, mut group: Group) -> Result<(), StoreError> {
        if group.count == 0 {
            self.buffer = group.buffer;
            return Ok(());
        }
        let shared = &self.shared;
        // A small frame might still fit into the last segment. But then a full store would take
        // some writes and refuse others, and its health would come and go.
        if let Err(error) = shared.health.check() {
            if matches!(error, StoreError::Full { .. }) {
                shared.health.full(&error);
            }
            self.buffer = group.buffer;
            return Err(error);
        }
        let begun = Instant::now();
        let appended = match self.appender.append(&mut group.buffer, group.count) {
            Ok(appended) => appended,
            Err(NotAppended::Full(error)) => {
                shared.health.full(&error);
                return Err(error);
            }
            Err(NotAppended::Unknown(reason)) => return Err(shared.health.poison(reason)),
        };
        let counters = &shared.counters;
        add(&counters.sync_micros, u64::try_from(begun.elapsed().as_micros()).unwrap_or(0));
        add(&counters.groups, 1);
        add(&counters.transactions, u64::from(group.count));
        add(&counters.journal_bytes, appended.bytes);
        let (buffer, changes) = group.into_changes(appended);
        let position = self.appender.position();
        shared.view.overlay.publish(changes, position);
        counters.durable_sequence.store(position.sequence, Ordering::Release);
        *shared.durable.lock() = position;
        if shared.health.is_full() {
            shared.health.working();
        }
        self.buffer = buffer;
        Ok(())
    }
}

/// The marker, kept no more than a segment behind the journal: acknowledged transactions that are
/// lost with more than the newest segment are not taken for a torn tail.
#[derive(Debug)]
pub(crate) struct Marked {
    disk: Arc<dyn Disk>,
    boot: String,
    segment: u32,
}

impl Marked {
    /// The marker of this boot says where in `segment` the journal ends, as the opening wrote it.
    pub(crate) fn new(disk: Arc<dyn Disk>, boot: &str, segment: u32) -> Self {
        Self { disk, boot: boot.to_owned(), segment }
    }

    /// Writes the marker when the journal has gone on to another segment.
    fn follow(&mut self, position: Position) -> io::Result<()> {
        if position.segment == self.segment {
            return Ok(());
        }
        let state = State::Open(self.boot.clone());
        match (Marker { state, reached: Some(position.into()) }).try_write(&*self.disk) {
            // The old marker is as true as before, and the next group tries again.
            Err(error) if is_full(&error) || is_out_of_files(&error) => {
                tracing::warn!(%error, "cannot write down how far the journal has come");
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.segment = position.segment;
                Ok(())
            }
        }
    }
}

/// Tells a job its end. A panic there is the job's own affair.
fn tell(job: Box<dyn Job>, outcome: Result<(), StoreError>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job.done(outcome))) {
        let message = message_of(&*panic);
        tracing::error!(message, "a job panicked when it was told its end");
    }
}
