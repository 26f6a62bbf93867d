//! A few threads for password checks, with a bounded queue: a flood of logins fills the queue and
//! is turned away, and the threads that issue tokens never see it. Where threads are scheduled by
//! policies of their own (Linux), these give way: a core that has a token to make makes it first.

use super::error::CredentialError;
use super::scratch;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

type Task = Box<dyn FnOnce() + Send>;

/// How far the threads of a pool give way to all others of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// They run when nobody else wants the core, are taken off it at once (`SCHED_IDLE`,
    /// sched(7)), and rest when they had to wait for it: for what anybody may ask for. A niceness
    /// is not enough here, since a thread that was let in keeps the core for its slice, and a
    /// token passes through five threads.
    Last,
    /// They get a small share of a core that others want as well: for what only somebody can ask
    /// for who proved something before, and who shall not wait for as long as the others are busy.
    Behind,
}

/// How long a thread with nothing to do keeps the memory of its last check.
const MOMENT: Duration = Duration::from_secs(1);

/// A thread that runs last rests for so many times as long as its check took on a busy machine.
const REST: u32 = 4;
/// And never longer.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// The niceness of [`Turn::Behind`]: 0 gives no way, 19 the most.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// The threads. They end when the pool is dropped and the queue is empty.
pub(crate) struct Pool {
    /// Until the pool is dropped.
    queue: Option<SyncSender<Task>>,
    threads: Vec<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
}

impl Pool {
    /// Starts `threads` threads (at least one) with a queue of `queue` tasks.
    pub(crate) fn start(threads: usize, queue: usize, turn: Turn) -> Result<Self, CredentialError> {
        let (sender, receiver) = sync_channel::<Task>(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let ending = Arc::new(AtomicBool::new(false));
        let mut pool = Self { queue: Some(sender), threads: Vec::new(), ending };
        for number in 0..threads.max(1) {
            let (receiver, ending) = (Arc::clone(&receiver), Arc::clone(&pool.ending));
            let thread = std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&receiver, turn, &ending))
                .map_err(|error| CredentialError::NoThread(error.to_string()))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Queues a task, or says that the queue is full.
    pub(crate) fn submit(&self, task: Task) -> Result<(), Full> {
        self.queue.as_ref().ok_or(Full)?.try_send(task).map_err(|_| Full)
    }
}

impl Drop for Pool {
    /// Waits for its threads: what OpenSSL keeps for a thread is given back when the thread ends,
    /// and must not be while the process ends. What waits in the queue is not begun.
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        drop(self.queue.take());
        let this = std::thread::current().id();
        // A task may be the last that holds the pool.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != this) {
            drop(thread.join());
        }
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

fn work(receiver: &Mutex<Receiver<Task>>, turn: Turn, ending: &AtomicBool) {
    give_way(turn);
    scratch::keep();
    while let Some(task) = next(receiver) {
        if ending.load(Ordering::Relaxed) {
            continue;
        }
        let before = served();
        // A task that panics costs its asker an answer, and the pool nothing: what tasks share
        // is behind locks, or given up in a drop. The panic has been printed with its place.
        drop(catch_unwind(AssertUnwindSafe(task)));
        if turn == Turn::Last
            && let Some(rest) = rest(before, served())
        {
            std::thread::sleep(rest);
        }
    }
}

/// How long a thread was computing, and how long it was ready to and others had its core.
#[derive(Clone, Copy, Debug)]
struct Served {
    ran: Duration,
    waited: Duration,
}

/// What the scheduler says of this thread (`/proc/thread-self/schedstat`); nothing where it does
/// not keep it.
fn served() -> Option<Served> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut numbers = text.split_whitespace().map(|word| word.parse().map(Duration::from_nanos));
    let mut next = || numbers.next()?.ok();
    Some(Served { ran: next()?, waited: next()? })
}

/// How long a thread rests that waited for its core longer than it had it. The machine is busy
/// then, and a check takes more from others than the time that they leave: it empties their caches.
fn rest(before: Option<Served>, after: Option<Served>) -> Option<Duration> {
    let (before, after) = before.zip(after)?;
    let ran = after.ran.saturating_sub(before.ran);
    let waited = after.waited.saturating_sub(before.waited);
    (waited > ran).then(|| (REST * (ran + waited)).min(LONGEST_REST))
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
    use super::{LONGEST_REST, Pool, Served, Turn, rest};
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_knows_how_long_it_computed() {
        // Some kernels keep no such account, and then nobody rests.
        let Some(before) = super::served() else { return };
        let work: u64 = (0..10_000_000).map(std::hint::black_box).sum();
        assert!(work > 0 && super::served().unwrap().ran > before.ran);
    }

    #[test]
    fn whoever_waited_longer_than_it_ran_rests() {
        let of = |ran: u64, waited: u64| {
            let millis = Duration::from_millis;
            Some(Served { ran: millis(ran), waited: millis(waited) })
        };
        let rests = |ran: u64, waited: u64| rest(of(100, 100), of(100 + ran, 100 + waited));
        assert_eq!(rests(20, 20), None);
        assert_eq!(rests(10, 20), Some(Duration::from_millis(120)));
        assert_eq!(rests(20, 400), Some(LONGEST_REST));
        assert_eq!(rest(None, of(1, 2)), None);
    }

    #[test]
    fn a_pool_ends_with_its_threads() {
        let pool = Pool::start(2, 8, Turn::Last).unwrap();
        let ended = Arc::new(());
        for _ in 0..8 {
            let held = Arc::clone(&ended);
            pool.submit(Box::new(move || drop(held))).unwrap_or(());
        }
        drop(pool);
        assert_eq!(Arc::strong_count(&ended), 1, "a thread goes on");
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
