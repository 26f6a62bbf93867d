//! A few threads for password checks, with a bounded queue: a flood of logins fills the queue and
//! is turned away, and the threads that issue tokens never see it. Where threads are scheduled by
//! policies of their own (Linux), these give way: a core that has a token to make makes it first.

use super::error::CredentialError;
use super::scratch;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

type Task = Box<dyn FnOnce() + Send>;

/// How far the threads of a pool give way to all others of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// They run when nobody else wants the core, and are taken off it at once (`SCHED_IDLE`,
    /// sched(7)): for what anybody may ask for. A niceness is not enough here, since a thread that
    /// was let in keeps the core for its slice, and a token passes through five threads.
    Last,
    /// They get a small share of a core that others want as well: for what only somebody can ask
    /// for who proved something before, and who shall not wait for as long as the others are busy.
    Behind,
}

/// How long a thread with nothing to do keeps the memory of its last check.
const MOMENT: Duration = Duration::from_secs(1);

/// The niceness of [`Turn::Behind`]: 0 gives no way, 19 the most.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// The threads. They end when the pool is dropped and the queue is empty.
pub(crate) struct Pool {
    queue: SyncSender<Task>,
}

impl Pool {
    /// Starts `threads` threads (at least one) with a queue of `queue` tasks.
    pub(crate) fn start(threads: usize, queue: usize, turn: Turn) -> Result<Self, CredentialError> {
        let (sender, receiver) = sync_channel::<Task>(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&receiver, turn))
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

/// Linux schedules each thread by itself: process 0 is the calling thread (setpriority(2)). A
/// refusal leaves the usual policy, which is slower for others and not wrong.
#[cfg(target_os = "linux")]
fn give_way(turn: Turn) {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    match turn {
        Turn::Last => {
            let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            let (this, least) = (thread_native_id(), ThreadPriority::Min);
            let _refused = set_thread_priority_and_policy(this, least, policy);
        }
        Turn::Behind => {
            let _refused = rustix::process::setpriority_process(None, NICENESS);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: Turn) {}

fn work(receiver: &Mutex<Receiver<Task>>, turn: Turn) {
    give_way(turn);
    scratch::keep();
    while let Some(task) = next(receiver) {
        // A task that panics costs its asker an answer, and the pool nothing: what tasks share
        // is behind locks, or given up in a drop. The panic has been printed with its place.
        drop(catch_unwind(AssertUnwindSafe(task)));
    }
}

/// The next task; a thread that waits longer than a moment gives back the memory of the last one.
/// The lock is held while waiting, so one thread waits for a task and the others for it; it is
/// free again while the task runs.
fn next(receiver: &Mutex<Receiver<Task>>) -> Option<Task> {
    if let Some(receiver) = receiver.try_lock_for(MOMENT) {
        match receiver.recv_timeout(MOMENT) {
            Ok(task) => return Some(task),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    scratch::give_back();
    receiver.lock().recv().ok()
}

#[cfg(test)]
mod tests {
    use super::{Pool, Turn};
    use std::sync::mpsc::channel;

    /// What a thread of a pool says of itself.
    #[cfg(target_os = "linux")]
    fn ask<T: Send + 'static>(turn: Turn, question: fn() -> T) -> T {
        let pool = Pool::start(1, 8, turn).unwrap();
        let (told, wait) = channel();
        pool.submit(Box::new(move || told.send(question()).unwrap())).unwrap();
        wait.recv().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_last_threads_run_when_nobody_else_does() {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy};
        let theirs = ask(Turn::Last, thread_priority::thread_schedule_policy).unwrap();
        assert_eq!(theirs, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn those_behind_have_a_smaller_share() {
        let theirs = ask(Turn::Behind, || rustix::process::getpriority_process(None)).unwrap();
        assert!(theirs >= super::NICENESS, "{theirs}");
    }

    #[test]
    fn a_task_that_panics_costs_no_thread() {
        let pool = Pool::start(1, 8, Turn::Last).unwrap();
        for _ in 0..3 {
            pool.submit(Box::new(|| panic!("as a test wants it"))).unwrap();
        }
        let (done, wait) = channel();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        wait.recv().unwrap();
    }
}
