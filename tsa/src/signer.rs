//! Threads for signatures that take long or block: RSA keys, large curves and keys in a device.
//!
//! The queue is bounded. What does not fit is refused at once rather than answered too late, and
//! work whose client has gone is not done.

use crate::token::{PreparedToken, SignFailure, SignedToken};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<SignedToken, SignFailure>>;

/// The threads end when the pool is dropped and the queue is empty.
pub(crate) struct SignerPool {
    queue: SyncSender<(PreparedToken, Answer)>,
}

impl SignerPool {
    /// Starts `threads` threads that share a queue of `queue` places.
    pub(crate) fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("signer-{number}"))
                .spawn(move || work(&receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Queues a token for one of the threads: it is being signed from now on.
    pub(crate) fn begin(&self, token: PreparedToken) -> Signing {
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send((token, answer)) {
            Ok(()) => Signing::UnderWay(answered),
            Err(TrySendError::Full(_)) => Signing::Done(Err(SignFailure::Busy)),
            Err(TrySendError::Disconnected(_)) => Signing::Done(Err(SignFailure::PoolEnded)),
        }
    }
}

/// A signature that was begun.
pub(crate) enum Signing {
    /// Made, or refused, at once.
    Done(Result<SignedToken, SignFailure>),
    /// On one of the pool's threads.
    UnderWay(oneshot::Receiver<Result<SignedToken, SignFailure>>),
}

impl Signing {
    /// Waits for its end.
    pub(crate) async fn end(self) -> Result<SignedToken, SignFailure> {
        match self {
            Self::Done(signed) => signed,
            Self::UnderWay(answered) => answered.await.unwrap_or(Err(SignFailure::PoolEnded)),
        }
    }
}

fn work(queue: &Mutex<Receiver<(PreparedToken, Answer)>>) {
    loop {
        // The lock is held while waiting, by one thread; the others wait for the lock instead.
        let next = queue.lock().recv();
        let Ok((token, answer)) = next else { return };
        if !answer.is_closed() {
            // Nobody listens any more if this fails: the stamp has been given back.
            drop(answer.send(token.sign()));
        }
    }
}
