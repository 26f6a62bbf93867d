//! A small NTP server on loopback, whose behaviour a test turns while it runs.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Seconds from 1900 to 1970. RFC 5905 §6, figure 4.
const ERA_S: u64 = 2_208_988_800;

/// What it does, and what it has seen.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// Its clock less this machine's, in microseconds.
    pub(crate) offset_us: AtomicI64,
    /// RFC 5905 §7.3, the two bits of the leap indicator.
    pub(crate) leap: AtomicU8,
    /// 0 is one; with a kiss code it is not used.
    pub(crate) stratum: AtomicU8,
    /// Its refusal, or nothing; `Some("")` is silence.
    pub(crate) refusal: Mutex<Option<&'static str>>,
    /// How often it was asked.
    pub(crate) asked: AtomicUsize,
}

/// A server that runs until the process ends.
pub(crate) struct Responder {
    pub(crate) address: SocketAddr,
    pub(crate) behaviour: Arc<Behaviour>,
}

impl Responder {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let behaviour = Arc::new(Behaviour::default());
        let shared = Arc::clone(&behaviour);
        std::thread::spawn(move || serve(&socket, &shared));
        Self { address, behaviour }
    }

    pub(crate) fn offset(&self, offset_us: i64) {
        self.behaviour.offset_us.store(offset_us, Ordering::SeqCst);
    }

    pub(crate) fn refuse(&self, refusal: Option<&'static str>) {
        *self.behaviour.refusal.lock().unwrap() = refusal;
    }

    pub(crate) fn asked(&self) -> usize {
        self.behaviour.asked.load(Ordering::SeqCst)
    }
}

fn serve(socket: &UdpSocket, behaviour: &Behaviour) {
    let mut request = [0; 48];
    while let Ok((_, from)) = socket.recv_from(&mut request) {
        behaviour.asked.fetch_add(1, Ordering::SeqCst);
        let refusal = *behaviour.refusal.lock().unwrap();
        if refusal != Some("") {
            socket.send_to(&reply(&request, behaviour, refusal), from).unwrap();
        }
    }
}

/// RFC 5905 §7.3, figure 8.
fn reply(request: &[u8; 48], behaviour: &Behaviour, refusal: Option<&str>) -> [u8; 48] {
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the server in the test")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now_us = now.as_micros() as i64 + behaviour.offset_us.load(Ordering::SeqCst);
    let fraction = ((now_us % 1_000_000) as u64 * (1 << 32)) / 1_000_000;
    let seconds = ((now_us / 1_000_000) as u64 + ERA_S) & 0xffff_ffff;
    let timestamp = (seconds << 32 | fraction).to_be_bytes();
    let mut reply = [0; 48];
    reply[0] = behaviour.leap.load(Ordering::SeqCst) << 6 | 0b100_100;
    reply[1] = behaviour.stratum.load(Ordering::SeqCst) + 1;
    reply[3] = 0xec;
    if let Some(code) = refusal {
        (reply[0], reply[1]) = (0b11_100_100, 0);
        reply[12..16].copy_from_slice(code.as_bytes());
    }
    reply[24..32].copy_from_slice(&request[40..48]);
    reply[32..40].copy_from_slice(&timestamp);
    reply[40..48].copy_from_slice(&timestamp);
    reply
}
