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

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::{Job, StoreError, Transaction};
    use std::collections::VecDeque;
    use std::time::Duration;

    struct Nothing;

    impl Job for Nothing {
        fn run(&mut self, _: &mut dyn Transaction) -> Result<(), StoreError> {
            Ok(())
        }

        fn done(self: Box<Self>, _: Result<(), StoreError>) {}
    }

    const HOUR: Duration = Duration::from_secs(3600);

    fn submit(queue: &Queue, count: usize) {
        (0..count).for_each(|_| queue.submit(Box::new(Nothing)).unwrap());
    }

    #[test]
    fn more_than_the_limit_is_busy_until_some_are_taken() {
        let queue = Queue::new(2);
        submit(&queue, 2);
        assert!(matches!(queue.submit(Box::new(Nothing)), Err(StoreError::Busy)));
        let mut jobs = VecDeque::new();
        assert!(queue.take(&mut jobs, 1, 0, Duration::ZERO));
        assert_eq!((jobs.len(), queue.length()), (1, 1));
        submit(&queue, 1);
    }

    #[test]
    fn who_is_alone_does_not_wait() {
        let queue = Queue::new(9);
        submit(&queue, 1);
        let mut jobs = VecDeque::new();
        // Were the hour waited for, this test would not end.
        assert!(queue.take(&mut jobs, 9, 1, HOUR));
        assert_eq!(jobs.len(), 1);
    }

    #[test]
    fn waiting_ends_when_as_many_as_expected_have_come() {
        let queue = Queue::new(9);
        submit(&queue, 1);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| {
                let mut jobs = VecDeque::new();
                assert!(queue.take(&mut jobs, 9, 4, HOUR));
                jobs.len()
            });
            submit(&queue, 3);
            assert_eq!(taken.join().unwrap(), 4);
        });
    }

    #[test]
    fn waiting_ends_with_its_time_too() {
        let queue = Queue::new(9);
        submit(&queue, 1);
        let mut jobs = VecDeque::new();
        assert!(queue.take(&mut jobs, 9, 4, Duration::from_micros(1)));
        assert_eq!(jobs.len(), 1);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let queue = Queue::new(9);
        submit(&queue, 3);
        queue.close();
        assert!(queue.is_closed());
        assert!(matches!(queue.submit(Box::new(Nothing)), Err(StoreError::Closed)));
        let mut jobs = VecDeque::new();
        assert!(queue.take(&mut jobs, 2, 9, HOUR));
        assert!(queue.take(&mut jobs, 2, 9, HOUR));
        assert_eq!(jobs.len(), 3);
        assert!(!queue.take(&mut jobs, 2, 9, HOUR));
    }

    #[test]
    fn closing_wakes_who_waits() {
        let queue = Queue::new(9);
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| queue.take(&mut VecDeque::new(), 9, 0, HOUR));
            queue.close();
            assert!(!taken.join().unwrap());
        });
    }
}
