//! One question to one time server: a datagram there, and a datagram back or silence.
//!
//! The packet and its checks are `sntpc`'s: RFC 5905's header, the origin timestamp, mode, version,
//! stratum, leap indicator and the kiss codes. What is ours is the clock that it runs on, which is
//! the steady one, shifted by a random amount for every question: the transmit timestamp is then a
//! number that nobody but the server sees, so nobody else can answer, and it tells the server
//! nothing about our clock.

use crate::machine::{Clocks, NonceSource};
use crate::sample::{Leap, Sample};
use sntpc::{KissOfDeathCode, NtpContext, NtpResult, NtpTimestampGenerator, NtpUdpSocket};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

/// A question that is due.
#[derive(Clone, Debug)]
pub(crate) struct PollOrder {
    /// Which of the sources.
    pub(crate) source: usize,
    /// As it is configured.
    pub(crate) server: String,
    /// Its address, if it is known.
    pub(crate) address: Option<SocketAddr>,
    /// How long an answer is waited for.
    pub(crate) timeout: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) source: usize,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) outcome: Result<Sample, PollFailure>,
}

/// Why there is no time from a server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PollFailure {
    /// The name has no address.
    #[error("its name cannot be resolved: {0}")]
    Resolve(std::io::Error),
    /// The machine could not ask.
    #[error("cannot send to it: {0}")]
    Socket(std::io::Error),
    /// Nothing came, or nothing that answered this question.
    #[error("it does not answer")]
    NoAnswer,
    /// RFC 5905 §7.4, with the code.
    #[error("it refuses to answer (kiss of death {0})")]
    KissOfDeath(&'static str),
    /// RFC 5905 §7.3: LI 3, "unknown (clock unsynchronized)".
    #[error("it says that its own clock is not synchronised")]
    Unsynchronised,
    /// An answer to this question that cannot be used.
    #[error("its answer cannot be used: {0}")]
    Bad(&'static str),
}

/// Asks.
pub(crate) async fn poll(
    order: PollOrder,
    clocks: Arc<dyn Clocks>,
    nonce: Arc<dyn NonceSource>,
) -> Polled {
    let mut address = order.address;
    let asked = async {
        let at = match address {
            Some(at) => at,
            None => *address.insert(resolve(&order.server).await?),
        };
        ask(at, &*clocks, &*nonce).await
    };
    let outcome = match tokio::time::timeout(order.timeout, asked).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(PollFailure::NoAnswer),
    };
    Polled { source: order.source, address, outcome }
}

/// The first address of a name; the port is 123 unless it is given.
async fn resolve(server: &str) -> Result<SocketAddr, PollFailure> {
    const NTP_PORT: u16 = 123;
    if let Ok(address) = server.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(address) = server.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, NTP_PORT));
    }
    let named = match server.rsplit_once(':') {
        Some(_) => tokio::net::lookup_host(server).await.map(|mut found| found.next()),
        None => tokio::net::lookup_host((server, NTP_PORT)).await.map(|mut found| found.next()),
    };
    let none = || std::io::Error::from(std::io::ErrorKind::NotFound);
    named.and_then(|found| found.ok_or_else(none)).map_err(PollFailure::Resolve)
}

async fn ask(
    address: SocketAddr,
    clocks: &dyn Clocks,
    nonce: &dyn NonceSource,
) -> Result<Sample, PollFailure> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // A new socket for every question: the system picks another source port, and a late answer to
    // an earlier question finds nobody. Connected, it takes datagrams of this server alone.
    let socket = UdpSocket::bind(any).await.map_err(PollFailure::Socket)?;
    socket.connect(address).await.map_err(PollFailure::Socket)?;
    let socket = Connected(socket);
    let context = NtpContext::new(Shifted::new(clocks, nonce.nonce()));
    let shift_us = context.timestamp_gen.shift_us;
    let sent = sntpc::sntp_send_request(address, &socket, context).await.map_err(failure)?;
    loop {
        match sntpc::sntp_process_response(address, &socket, context, sent).await {
            Ok(result) => return Ok(sample(&result, clocks.read().after_us, shift_us)),
            // Not an answer to this question (RFC 5905 §8 calls it bogus, and drops it): the true
            // one may still come.
            Err(sntpc::Error::IncorrectOriginTimestamp | sntpc::Error::IncorrectPayload) => {}
            Err(error) => return Err(failure(error)),
        }
    }
}

/// What the answer says about the steady clock.
fn sample(result: &NtpResult, at_us: i64, shift_us: i64) -> Sample {
    Sample {
        at_us,
        // "offset" is UTC less the shifted clock, which is ahead of the steady one by the shift.
        ahead_us: result.offset().saturating_add(shift_us),
        delay_us: result.roundtrip(),
        root_delay_us: short_format_us(result.root_delay()),
        root_dispersion_us: short_format_us(result.root_dispersion()),
        precision: result.precision(),
        stratum: result.stratum(),
        leap: match result.leap_indicator() {
            1 => Leap::Insert,
            2 => Leap::Delete,
            _ => Leap::None,
        },
    }
}

/// RFC 5905 §6, the short format: "includes a 16-bit unsigned seconds field and a 16-bit fraction
/// field". In microseconds, rounded up.
fn short_format_us(short: u32) -> u64 {
    (u64::from(short) * 1_000_000).div_ceil(1 << 16)
}

fn failure(error: sntpc::Error) -> PollFailure {
    use sntpc::Error;
    match error {
        Error::KissOfDeath(code) => PollFailure::KissOfDeath(kiss_code(code)),
        Error::UnsynchronizedClock => PollFailure::Unsynchronised,
        Error::IncorrectMode => PollFailure::Bad("it is not in server mode"),
        Error::IncorrectResponseVersion => PollFailure::Bad("the version of the protocol"),
        Error::IncorrectStratumHeaders => PollFailure::Bad("the stratum is above 15"),
        Error::InvalidTimestamp => PollFailure::Bad("it has no transmit timestamp"),
        Error::ExcessiveRootDistance => PollFailure::Bad("the root distance is above 16 seconds"),
        Error::BackwardReferenceTimestamp => PollFailure::Bad("its clock was set in its future"),
        // Refused by the machine there, or lost on the way: RFC 5905 knows no difference.
        _ => PollFailure::NoAnswer,
    }
}

/// The code as the four letters of RFC 5905 §7.4, figure 13; unknown ones are not repeated, since
/// they are the server's own text.
fn kiss_code(code: KissOfDeathCode) -> &'static str {
    match code {
        KissOfDeathCode::Deny => "DENY",
        KissOfDeathCode::Rstr => "RSTR",
        KissOfDeathCode::Rate => "RATE",
        KissOfDeathCode::Init => "INIT",
        KissOfDeathCode::Step => "STEP",
        KissOfDeathCode::Auth => "AUTH",
        _ => "other",
    }
}

/// The steady clock, moved to another time by a secret.
#[derive(Clone, Copy)]
struct Shifted<'a> {
    clocks: &'a dyn Clocks,
    shift_us: i64,
    now_us: i64,
}

impl<'a> Shifted<'a> {
    /// 35 years of microseconds: half of them to each side of the wall clock, so that with a wall
    /// clock wrong by 30 years the differences still fit into the 68 years of RFC 5905 §6.
    const SPAN_US: i64 = 1 << 50;

    fn new(clocks: &'a dyn Clocks, nonce: u64) -> Self {
        let reading = clocks.read();
        // Never before 1970, which the library could not write.
        let middle_us = reading.wall_us.max(Self::SPAN_US);
        let shown_us = middle_us - Self::SPAN_US / 2 + (nonce % Self::SPAN_US as u64) as i64;
        Self { clocks, shift_us: shown_us - reading.after_us, now_us: 0 }
    }
}

impl NtpTimestampGenerator for Shifted<'_> {
    fn init(&mut self) {
        self.now_us = self.clocks.read().after_us.saturating_add(self.shift_us).max(0);
    }

    fn timestamp_sec(&self) -> u64 {
        self.now_us.unsigned_abs() / 1_000_000
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        (self.now_us.unsigned_abs() % 1_000_000) as u32
    }
}

/// A socket that is connected to the one server.
struct Connected(UdpSocket);

impl NtpUdpSocket for Connected {
    async fn send_to(&self, octets: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        self.0.send(octets).await.map_err(|_| sntpc::Error::Network)
    }

    async fn recv_from(&self, octets: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        let received = self.0.recv(octets).await.map_err(|_| sntpc::Error::Network)?;
        let from = self.0.peer_addr().map_err(|_| sntpc::Error::Network)?;
        Ok((received, from))
    }
}

#[cfg(test)]
mod tests;
