//! A few threads for password checks, with a bounded queue: a flood of logins fills the queue and
//! is turned away, and the threads that issue tokens never see it. Where threads have priorities
//! of their own (Linux), these give way: a core that has a token to make makes it first.

use super::error::CredentialError;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

type Task = Box<dyn FnOnce() + Send>;

/// How far the threads give way to others: 0 is not at all, 19 the most.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// The threads. They end when the pool is dropped and the queue is empty.
pub(crate) struct Pool {
    queue: SyncSender<Task>,
}

impl Pool {
    /// Starts `threads` threads (at least one) with a queue of `queue` tasks.
    pub(crate) fn start(threads: usize, queue: usize) -> Result<Self, CredentialError> {
        let (sender, receiver) = sync_channel::<Task>(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&receiver))
                .map_err(|error| CredentialError::NoThread(error.to_string()))?;
        }
        Ok(Self { queue: sender })
    }

    /// Queues a task, or says that the queue is full.
    pub(crate) fn submit(&self, task: Task) -> Result<(), Full> {
        self.queue.try_send(task).map_err(|_| Full)
    }
}

/// The queue is full.
#[derive(Debug)]
pub(crate) struct Full;

/// Linux keeps a priority for each thread: process 0 is the calling thread (setpriority(2)). A
/// refusal leaves the usual priority, which is slower for others and not wrong.
#[cfg(target_os = "linux")]
fn give_way() {
    let _refused = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

fn work(receiver: &Mutex<Receiver<Task>>) {
    give_way();
    loop {
        // The lock is held while waiting, so one thread waits for a task and the others for it;
        // it is free again while the task runs.
        let task = receiver.lock().recv();
        match task {
            // A task that panics costs its asker an answer, and the pool nothing: what tasks share
            // is behind locks, or given up in a drop. The panic has been printed with its place.
            Ok(task) => drop(catch_unwind(AssertUnwindSafe(task))),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use std::sync::mpsc::channel;

    #[cfg(target_os = "linux")]
    #[test]
    fn its_threads_give_way() {
        let pool = Pool::start(1, 8).unwrap();
        let (told, wait) = channel();
        let ask = move || told.send(rustix::process::getpriority_process(None)).unwrap();
        pool.submit(Box::new(ask)).unwrap();
        let theirs = wait.recv().unwrap().unwrap();
        assert!(theirs >= super::NICENESS, "{theirs}");
    }

    #[test]
    fn a_task_that_panics_costs_no_thread() {
        let pool = Pool::start(1, 8).unwrap();
        for _ in 0..3 {
            pool.submit(Box::new(|| panic!("as a test wants it"))).unwrap();
        }
        let (done, wait) = channel();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        wait.recv().unwrap();
    }
}
