//! Load over a bounded number of connections, each with its own thread.

use super::raw::{Raw, RawAnswer};
use super::request;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// Sends all `requests` over `connections`, and returns the answers in their order.
pub(crate) fn send_all(
    address: &str,
    authorization: &str,
    connections: usize,
    requests: &[Vec<u8>],
) -> Vec<RawAnswer> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(vec![None; requests.len()]);
    thread::scope(|scope| {
        for _ in 0..connections.min(requests.len()) {
            scope.spawn(|| {
                let mut connection = Raw::connect(address);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(index) else { return };
                    let answer = connection.stamp_again(authorization, request);
                    answers.lock().unwrap()[index] = Some(answer);
                }
            });
        }
    });
    answers.into_inner().unwrap().into_iter().map(Option::unwrap).collect()
}

/// Load that goes on until it is stopped, or until nobody answers.
pub(crate) struct Load {
    stop: std::sync::Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<RawAnswer>>>,
    answered: std::sync::Arc<AtomicUsize>,
}

impl Load {
    /// Begins, with fresh nonces, over `connections`.
    pub(crate) fn begin(address: &str, authorization: &str, connections: usize) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let answered = std::sync::Arc::new(AtomicUsize::new(0));
        let threads = (0..connections)
            .map(|_| {
                let (stop, answered) = (stop.clone(), answered.clone());
                let (address, authorization) = (address.to_owned(), authorization.to_owned());
                thread::spawn(move || run(&address, &authorization, &stop, &answered))
            })
            .collect();
        Self { stop, threads, answered }
    }

    /// Answers that came so far.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it, and returns every answer that came whole.
    pub(crate) fn end(self) -> Vec<RawAnswer> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

fn run(
    address: &str,
    authorization: &str,
    stop: &AtomicBool,
    answered: &AtomicUsize,
) -> Vec<RawAnswer> {
    let mut answers = Vec::new();
    let Ok(mut connection) = Raw::try_connect(address) else { return answers };
    while !stop.load(Ordering::Relaxed) {
        let Ok(answer) = connection.stamp(authorization, &request::fresh()) else { break };
        answered.fetch_add(1, Ordering::Relaxed);
        let closes = answer.header("connection") == Some("close");
        answers.push(answer);
        if closes {
            match Raw::try_connect(address) {
                Ok(again) => connection = again,
                Err(_) => break,
            }
        }
    }
    answers
}
