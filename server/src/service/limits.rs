//! What the service lets in at once, and the end of it all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Receipts that are set at once: each takes a thread and a second or two.
const RECEIPTS: usize = 2;

/// Bounds on requests for a timestamp and for receipts, and the signal that the service ends.
pub(crate) struct Limits {
    /// A body has this long to arrive.
    pub(crate) body_timeout: Duration,
    max_requests: usize,
    under_way: AtomicUsize,
    receipts: AtomicUsize,
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
        let (under_way, receipts) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { body_timeout, max_requests, under_way, receipts, ending }
    }

    /// Room for one more request, or `None`.
    pub(crate) fn enter(&self) -> Option<UnderWay<'_>> {
        enter(&self.under_way, self.max_requests)
    }

    /// Room for one more receipt, or `None`.
    pub(crate) fn receipt(&self) -> Option<UnderWay<'_>> {
        enter(&self.receipts, RECEIPTS)
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

fn enter(under_way: &AtomicUsize, most: usize) -> Option<UnderWay<'_>> {
    let before = under_way.fetch_add(1, Ordering::Relaxed);
    let entered = UnderWay(under_way);
    (before < most).then_some(entered)
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

    #[test]
    fn receipts_are_counted_for_themselves() {
        let limits = Limits::new(1, Duration::from_secs(1));
        let receipts = [limits.receipt(), limits.receipt()];
        assert!(receipts.iter().all(Option::is_some));
        assert!(limits.receipt().is_none());
        assert!(limits.enter().is_some());
        drop(receipts);
        assert!(limits.receipt().is_some());
    }
}
