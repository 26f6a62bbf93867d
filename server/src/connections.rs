//! Deadlines of connections where the HTTP library has none.
//!
//! actix-http bounds the first head of a connection, and the silence between two requests. It
//! does not bound what comes after an answer to a request whose chunked body nobody reads, a
//! second head that trickles in, or an answer that the client does not read. This room does: each
//! connection tells where it stands, and one sweep, twice a second, shuts down those that are
//! past their deadline. Nothing here knows HTTP; `http::access` tells when a request begins and
//! when its answer does.
//!
//! A request costs four stores and loads of one atomic that only its own thread writes. A
//! connection costs a second descriptor of its socket and less than 100 bytes.

#[cfg(test)]
mod tests;

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Between two sweeps: no deadline is missed by more.
const SWEEP: Duration = Duration::from_millis(500);

/// How long a client gets to take in an answer after which the connection ends.
const CLOSING: Duration = Duration::from_secs(1);

/// How long the client may leave octets of an answer without acknowledging them, or refuse to
/// take any, before the kernel gives the connection up (`TCP_USER_TIMEOUT`, RFC 5482).
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How long a request may take once its body is there, before its connection is given up.
const ANSWER: Duration = Duration::from_secs(30);

/// What a connection may take for each of its phases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    waiting: Duration,
    serving: Duration,
}

impl Deadlines {
    /// From the limits of the configuration. Whoever uses all of the silence that is allowed
    /// between two requests still has the whole time for the head of the next.
    pub(crate) fn new(keep_alive: Duration, head: Duration, body: Duration) -> Self {
        Self { waiting: keep_alive + head, serving: body + ANSWER }
    }

    fn of(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Waiting => Some(self.waiting),
            Phase::Serving | Phase::Receiving => Some(self.serving),
            Phase::Streaming => None,
            Phase::Closing => Some(CLOSING),
        }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// For the next request, or for the client to read the last answer.
    Waiting,
    /// A request is served, and there is nothing more of it to read.
    Serving,
    /// A request is served whose body is not read to its end.
    Receiving,
    /// An answer without an end in sight. The kernel alone watches whether the client reads.
    Streaming,
    /// The last answer is sent. Nothing leads out of here.
    Closing,
}

impl Phase {
    const ALL: [Self; 5] =
        [Self::Waiting, Self::Serving, Self::Receiving, Self::Streaming, Self::Closing];
    /// Bits that hold a phase.
    const BITS: u32 = 3;
}

/// What an answer means for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another request may follow.
    Request,
    /// The answer has to tell the client that it is the last (RFC 9112 §9.6).
    Close,
}

/// One connection, known to its own thread and to the sweep.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    opened: Instant,
    /// Milliseconds from `opened` to the start of the phase, and the phase in the lowest bits:
    /// one word, so that the sweep never sees one without the other.
    state: AtomicU64,
    tls: bool,
}

impl Connection {
    /// Whether what is sent on it is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// The head of a request is there; `with_body` when more of it follows.
    pub(crate) fn begun(&self, with_body: bool, now: Instant) {
        if self.phase() != Phase::Closing {
            self.enter(if with_body { Phase::Receiving } else { Phase::Serving }, now);
        }
    }

    /// The body of the request is read to its end. The deadline of the request stays.
    pub(crate) fn body_read(&self) {
        let state = self.state.load(Ordering::Relaxed);
        let (phase, since) = unpack(state);
        if phase == Phase::Receiving {
            self.state.store(pack(Phase::Serving, since), Ordering::Relaxed);
        }
    }

    /// The answer begins; `endless` when it is a stream of events.
    ///
    /// Whatever is left of a body that was not read would have to be read to its end before the
    /// next request, and it may have none.
    pub(crate) fn answered(&self, endless: bool, now: Instant) -> Next {
        let (phase, next) = match self.phase() {
            Phase::Closing => return Next::Close,
            Phase::Receiving => (Phase::Closing, Next::Close),
            _ if endless => (Phase::Streaming, Next::Close),
            _ => (Phase::Waiting, Next::Request),
        };
        self.enter(phase, now);
        next
    }

    fn phase(&self) -> Phase {
        unpack(self.state.load(Ordering::Relaxed)).0
    }

    fn enter(&self, phase: Phase, now: Instant) {
        let since = now.saturating_duration_since(self.opened).as_millis();
        self.state.store(pack(phase, u64::try_from(since).unwrap_or(0)), Ordering::Relaxed);
    }

    fn is_overdue(&self, deadlines: &Deadlines, now: Instant) -> bool {
        let (phase, since) = unpack(self.state.load(Ordering::Relaxed));
        let began = self.opened + Duration::from_millis(since);
        deadlines.of(phase).is_some_and(|deadline| now.saturating_duration_since(began) >= deadline)
    }
}

fn pack(phase: Phase, since: u64) -> u64 {
    (since << Phase::BITS) | phase as u64
}

fn unpack(state: u64) -> (Phase, u64) {
    let number = state & ((1 << Phase::BITS) - 1);
    let phase = Phase::ALL.into_iter().find(|&phase| phase as u64 == number);
    // `pack` writes no other number; were there one, the strictest deadline would be right.
    (phase.unwrap_or(Phase::Closing), state >> Phase::BITS)
}

/// All connections that are open.
#[derive(Debug)]
pub(crate) struct Connections {
    deadlines: Deadlines,
    /// Weak: the descriptor here must not keep a socket open that the server has closed.
    open: Mutex<Vec<Weak<Connection>>>,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(deadlines: Deadlines) -> Self {
        Self { deadlines, open: Mutex::new(Vec::new()) }
    }

    /// Watches over a new connection for as long as the value lives.
    ///
    /// # Errors
    /// There is no descriptor left. The connection is shut down: without a deadline it is not
    /// served.
    pub(crate) fn watch(
        &self,
        socket: BorrowedFd<'_>,
        tls: bool,
        now: Instant,
    ) -> io::Result<Arc<Connection>> {
        let own = match socket.try_clone_to_owned() {
            Ok(own) => own,
            Err(error) => {
                // The peer may have gone already; either way it is not served.
                shutdown(socket, Shutdown::Both).ok();
                return Err(error);
            }
        };
        let state = AtomicU64::new(pack(Phase::Waiting, 0));
        let connection = Arc::new(Connection { socket: own, opened: now, state, tls });
        self.open.lock().push(Arc::downgrade(&connection));
        Ok(connection)
    }

    /// Shuts down every connection that is past its deadline; the server then finds it ended and
    /// closes it. Returns how many.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let mut overdue = Vec::new();
        self.open.lock().retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let stays = !connection.is_overdue(&self.deadlines, now);
            if !stays {
                overdue.push(connection);
            }
            stays
        });
        for connection in &overdue {
            // It fails only when the peer has closed the connection itself.
            shutdown(connection.socket.as_fd(), Shutdown::Both).ok();
        }
        overdue.len()
    }

    /// Sweeps until the future is dropped.
    pub(crate) async fn keep_sweeping(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            let count = self.sweep(now.into_std());
            if count > 0 {
                tracing::debug!(count, "connections past their deadline were ended");
            }
        }
    }
}

/// Lets the kernel give up a connection whose client takes in nothing. Connections inherit it.
pub(crate) fn limit_unacknowledged(listener: &TcpListener) -> io::Result<()> {
    let millis = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(listener, millis)?)
}

/// Asks for the descriptors that `connections` need, two for each and some for everything else,
/// as far as the hard limit of the process allows.
pub(crate) fn provide_descriptors(connections: usize) {
    let wanted = (connections as u64).saturating_mul(2).saturating_add(256);
    let limit = getrlimit(Resource::Nofile);
    let (Some(current), maximum) = (limit.current, limit.maximum) else { return };
    if current >= wanted {
        return;
    }
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if raised > current {
        let new = Rlimit { current: Some(raised), maximum };
        if let Err(error) = setrlimit(Resource::Nofile, new) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
    if raised < wanted {
        tracing::warn!(
            limit = raised.max(current),
            wanted,
            "too few open files for max_connections; raise the limit (ulimit -n, LimitNOFILE)"
        );
    }
}
