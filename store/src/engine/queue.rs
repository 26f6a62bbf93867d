//! The bounded queue in front of the writer.

use crate::{Job, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// Jobs that wait for the writer.
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    limit: usize,
}

struct State {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
    /// The length at which the writer wants to be woken; not while it is at work.
    wake_at: usize,
}

const NOT_WAITING: usize = usize::MAX;

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        let jobs = VecDeque::new();
        let state = Mutex::new(State { jobs, closed: false, wake_at: NOT_WAITING });
        Self { state, ready: Condvar::new(), limit: limit.max(1) }
    }

    /// Adds a job.
    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        if state.jobs.len() >= self.limit {
            return Err(StoreError::Busy);
        }
        state.jobs.push_back(job);
        let wake = state.jobs.len() >= state.wake_at;
        if wake {
            state.wake_at = NOT_WAITING;
        }
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for a job, then up to `gather` longer for `expected` of them, and takes at most
    /// `most`. False when the queue is closed and empty.
    pub(crate) fn take(
        &self,
        into: &mut VecDeque<Box<dyn Job>>,
        most: usize,
        expected: usize,
        gather: Duration,
    ) -> bool {
        let mut state = self.state.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state.wake_at = 1;
            self.ready.wait(&mut state);
        }
        if state.jobs.len() < expected.min(most) && !gather.is_zero() && !state.closed {
            let deadline = Instant::now() + gather;
            while state.jobs.len() < expected.min(most) && !state.closed {
                state.wake_at = expected.min(most);
                if self.ready.wait_until(&mut state, deadline).timed_out() {
                    break;
                }
            }
        }
        state.wake_at = NOT_WAITING;
        let count = state.jobs.len().min(most);
        into.extend(state.jobs.drain(..count));
        true
    }

    /// How many jobs wait.
    pub(crate) fn length(&self) -> usize {
        self.state.lock().jobs.len()
    }

    /// Refuses further jobs. Those that wait are still taken.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }

    /// Whether [`Queue::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("length", &self.length()).finish_non_exhaustive()
    }
}
