//! What the service lets in at once, and the end of it all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Bounds on requests for a timestamp, and the signal that the service ends.
pub(crate) struct Limits {
    /// A body has this long to arrive.
    pub(crate) body_timeout: Duration,
    max_requests: usize,
    under_way: AtomicUsize,
    ending: watch::Sender<bool>,
}

/// A request under way; dropping it makes room.
pub(crate) struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    /// Lets `max_requests` in at once.
    pub(crate) fn new(max_requests: usize, body_timeout: Duration) -> Self {
        let ending = watch::Sender::new(false);
        Self { body_timeout, max_requests, under_way: AtomicUsize::new(0), ending }
    }

    /// Room for one more request, or `None`.
    pub(crate) fn enter(&self) -> Option<UnderWay<'_>> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let entered = UnderWay(&self.under_way);
        (before < self.max_requests).then_some(entered)
    }

    /// Requests under way now.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Becomes true when the service ends: long answers are cut off then.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Says that the service ends.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use std::time::Duration;

    #[test]
    fn no_more_than_the_limit_are_under_way() {
        let limits = Limits::new(2, Duration::from_secs(1));
        let first = limits.enter().unwrap();
        let _second = limits.enter().unwrap();
        assert!(limits.enter().is_none());
        assert_eq!(limits.under_way(), 2, "a refused request is not counted");
        drop(first);
        assert!(limits.enter().is_some());
    }
}
