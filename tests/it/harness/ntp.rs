//! NTP servers on loopback: one of our own that does what a test wants, and the real chronyd.

use super::program;
use super::service::temporary;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Seconds from 1900-01-01 to 1970-01-01 (RFC 5905 §6).
const EPOCH: i64 = 2_208_988_800;

/// A server of NTP version 4 (RFC 5905 §7.3) whose time a test sets.
pub(crate) struct NtpServer {
    address: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    offset_us: AtomicI64,
    leap: AtomicU8,
    silent: AtomicBool,
    kiss: AtomicBool,
    asked: AtomicI64,
    end: AtomicBool,
}

impl NtpServer {
    /// Starts one that tells the time of this machine.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || serve(&socket, &served));
        Self { address, shared, thread: Some(thread) }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// From now on it is wrong by so many microseconds.
    pub(crate) fn lie(&self, offset_us: i64) {
        self.shared.offset_us.store(offset_us, Ordering::Relaxed);
    }

    /// Whether it answers.
    pub(crate) fn silence(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }

    /// The leap indicator of its answers (RFC 5905 §7.3).
    pub(crate) fn leap(&self, indicator: u8) {
        self.shared.leap.store(indicator, Ordering::Relaxed);
    }

    /// From now on it says DENY (RFC 5905 §7.4).
    pub(crate) fn deny(&self) {
        self.shared.kiss.store(true, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> i64 {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NtpServer {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(socket: &UdpSocket, shared: &Shared) {
    let mut query = [0; 512];
    while !shared.end.load(Ordering::Relaxed) {
        let Ok((length, peer)) = socket.recv_from(&mut query) else { continue };
        shared.asked.fetch_add(1, Ordering::Relaxed);
        if length < 48 || shared.silent.load(Ordering::Relaxed) {
            continue;
        }
        let offset = shared.offset_us.load(Ordering::Relaxed);
        let kiss = shared.kiss.load(Ordering::Relaxed);
        let mut answer = [0; 48];
        // Leap indicator, version 4, mode 4 (server).
        answer[0] = shared.leap.load(Ordering::Relaxed) << 6 | 4 << 3 | 4;
        answer[1] = u8::from(!kiss);
        answer[2] = query[2];
        // Precision: 2^-20 s.
        answer[3] = (-20_i8) as u8;
        answer[12..16].copy_from_slice(if kiss { b"DENY" } else { b"TEST" });
        answer[16..24].copy_from_slice(&stamp(offset));
        // The origin is the sender's transmit timestamp.
        answer[24..32].copy_from_slice(&query[40..48]);
        answer[32..40].copy_from_slice(&stamp(offset));
        answer[40..48].copy_from_slice(&stamp(offset));
        socket.send_to(&answer, peer).ok();
    }
}

/// The time now, moved, as a timestamp of NTP: seconds since 1900 and a binary fraction.
fn stamp(offset_us: i64) -> [u8; 8] {
    #[expect(clippy::disallowed_methods, reason = "a time server reads the clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let moved = now + offset_us;
    let seconds = (moved.div_euclid(1_000_000) + EPOCH) as u64;
    let fraction = ((moved.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

/// The real chronyd as a server of this machine's time. It does not touch the clock.
pub(crate) struct Chrony {
    child: Child,
    address: String,
    _directory: TempDir,
}

impl Chrony {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let directory = temporary();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = directory.path();
        let text = format!(
            "local stratum 1\nallow 127.0.0.1\nbindaddress 127.0.0.1\nport {port}\ncmdport 0\n\
             bindcmdaddress /\npidfile {}\n",
            path.join("pid").display()
        );
        std::fs::write(path.join("chrony.conf"), text).unwrap();
        let file = path.join("chrony.conf");
        // -x: leave the clock alone; -d: stay in the foreground; -U: as the user that started it.
        let child = Command::new("chronyd")
            .args(["-x", "-d", "-U", "-u", "root", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chronyd cannot be run ({error}); ./test installs what the tests need")
            });
        Self { child, address: format!("127.0.0.1:{port}"), _directory: directory }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Chrony {
    fn drop(&mut self) {
        self.child.kill().ok();
        program::wait(&mut self.child, Duration::from_secs(5));
    }
}
