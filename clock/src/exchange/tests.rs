//! The exchange with a server on loopback that answers as a test wants.

use super::*;
use crate::machine::SystemClocks;
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, channel};
use std::time::SystemTime;

/// Seconds from 1900 to 1970. RFC 5905 §6, figure 4.
const ERA_S: u64 = 2_208_988_800;

/// A server's packet, RFC 5905 §7.3, figure 8.
type Packet = [u8; 48];

/// A server that lets `answer` make the reply to each request, or none.
fn responder(
    answer: impl Fn(&Packet, Packet) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, Receiver<(Packet, SocketAddr)>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        let mut request = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut request) {
            for reply in answer(&request, good_reply(&request, 0)) {
                socket.send_to(&reply, from).unwrap();
            }
            if seen.send((request, from)).is_err() {
                return;
            }
        }
    });
    (address, requests)
}

/// What an honest server answers whose clock is so far ahead.
fn good_reply(request: &Packet, ahead_us: i64) -> Packet {
    #[expect(clippy::disallowed_methods, reason = "this is the time of the server in the test")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now_us = now.as_micros() as i64 + ahead_us;
    let seconds = (now_us / 1_000_000) as u64 + ERA_S;
    let fraction = ((now_us % 1_000_000) as u64 * (1 << 32)) / 1_000_000;
    let timestamp = ((seconds & 0xffff_ffff) << 32 | fraction).to_be_bytes();
    let mut reply = [0; 48];
    reply[0] = 0b00_100_100;
    reply[1] = 2;
    reply[3] = 0xec;
    reply[4..8].copy_from_slice(&0x0000_0800_u32.to_be_bytes());
    reply[8..12].copy_from_slice(&0x0000_0400_u32.to_be_bytes());
    reply[16..24].copy_from_slice(&timestamp);
    reply[24..32].copy_from_slice(&request[40..48]);
    reply[32..40].copy_from_slice(&timestamp);
    reply[40..48].copy_from_slice(&timestamp);
    reply
}

fn asked(server: &str, nonce: u64) -> Polled {
    asked_within(server, nonce, Duration::from_secs(20))
}

fn asked_within(server: &str, nonce: u64, timeout: Duration) -> Polled {
    let order = PollOrder { source: 3, server: server.to_owned(), address: None, timeout };
    let clocks = Arc::new(SystemClocks::raw());
    let question = poll(order, clocks, Arc::new(move || nonce));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(question)
}

/// The answer of a server, or why there is none, to one request.
fn outcome(
    answer: impl Fn(&Packet, Packet) -> Vec<Vec<u8>> + Send + 'static,
) -> Result<Sample, PollFailure> {
    let (address, _requests) = responder(answer);
    asked(&address.to_string(), 0x0123_4567_89ab_cdef).outcome
}

/// What the wall clock is ahead of the steady one, and how much of it a test may err.
fn wall_ahead_us() -> i64 {
    let reading = SystemClocks::raw().read();
    reading.wall_us - reading.after_us
}

#[test]
fn an_honest_server_tells_the_time_and_everything_about_it() {
    let (address, _requests) = responder(|_, reply| vec![reply.to_vec()]);
    for nonce in [0, 1, u64::MAX, 0x5555_5555_5555_5555] {
        let polled = asked(&address.to_string(), nonce);
        assert_eq!((polled.source, polled.address), (3, Some(address)));
        let sample = polled.outcome.unwrap();
        // 0x0800 and 0x0400 of 2^-16 s, rounded up.
        assert_eq!((sample.root_delay_us, sample.root_dispersion_us), (31_250, 15_625));
        assert_eq!((sample.stratum, sample.precision, sample.leap), (2, -20, Leap::None));
        let off_us = sample.ahead_us.abs_diff(wall_ahead_us());
        assert!(off_us <= sample.delay_us + 1_000_000, "{off_us} us off: {sample:?}");
    }
}

#[test]
fn the_offset_of_the_server_is_measured_and_its_leap_seconds_are_heard() {
    for (bits, leap) in [(0b01, Leap::Insert), (0b10, Leap::Delete)] {
        for ahead_us in [-86_400_000_000, -5_000_000, 5_000_000, 315_360_000_000_000] {
            let sample = outcome(move |request, _| {
                let mut reply = good_reply(request, ahead_us);
                reply[0] |= bits << 6;
                vec![reply.to_vec()]
            });
            let sample = sample.unwrap();
            assert_eq!(sample.leap, leap);
            let off_us = (sample.ahead_us - wall_ahead_us()).abs_diff(ahead_us);
            assert!(off_us <= sample.delay_us + 1_000_000, "{off_us} us: {sample:?}");
        }
    }
}

/// RFC 5905 §8: the origin timestamp is the only proof that a packet answers this request. A
/// forged one before the true one changes nothing.
#[test]
fn a_forged_answer_is_dropped_and_the_true_one_is_waited_for() {
    let sample = outcome(|request, reply| {
        let mut forged = good_reply(request, 3_600_000_000);
        forged[31] ^= 1;
        let mut kiss = forged;
        kiss[1] = 0;
        kiss[12..16].copy_from_slice(b"DENY");
        vec![forged.to_vec(), kiss.to_vec(), vec![0; 12], reply.to_vec()]
    });
    assert!(sample.unwrap().ahead_us.abs_diff(wall_ahead_us()) < 3_000_000_000);
}

/// RFC 5905 §7.4.
#[test]
fn a_kiss_of_death_is_told_by_its_code() {
    for code in ["RATE", "DENY", "RSTR", "INIT", "STEP"] {
        let failure = outcome(move |_, mut reply| {
            // A kiss has leap indicator 3 and stratum 0.
            (reply[0], reply[1]) = (0b11_100_100, 0);
            reply[12..16].copy_from_slice(code.as_bytes());
            vec![reply.to_vec()]
        });
        let Err(PollFailure::KissOfDeath(told)) = failure else { panic!("{failure:?}") };
        assert_eq!(told, code);
    }
    let failure = outcome(|_, mut reply| {
        reply[1] = 0;
        reply[12..16].copy_from_slice(b"X\xff\0\n");
        vec![reply.to_vec()]
    });
    assert!(matches!(failure, Err(PollFailure::KissOfDeath("other"))), "{failure:?}");
}

#[test]
fn answers_that_cannot_be_used_are_named() {
    type Change = fn(&mut Packet);
    let cases: [(Change, &str); 7] = [
        (|reply| reply[0] = 0b11_100_100, "its own clock is not synchronised"),
        (|reply| reply[0] = 0b00_100_101, "not in server mode"),
        (|reply| reply[0] = 0b00_000_100, "version"),
        (|reply| reply[1] = 16, "stratum"),
        (|reply| reply[40..48].fill(0), "no transmit timestamp"),
        (|reply| reply[9] = 0x10, "root distance"),
        (|reply| reply[16] = reply[16].wrapping_add(0x10), "set in its future"),
    ];
    for (change, text) in cases {
        let failure = outcome(move |_, mut reply| {
            change(&mut reply);
            vec![reply.to_vec()]
        });
        let told = failure.unwrap_err().to_string();
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn silence_ends_with_the_timeout() {
    let (address, requests) = responder(|_, _| Vec::new());
    let polled = asked_within(&address.to_string(), 1, Duration::from_millis(30));
    assert!(matches!(polled.outcome, Err(PollFailure::NoAnswer)), "{polled:?}");
    assert_eq!(polled.address, Some(address));
    // One datagram for one question.
    assert!(requests.recv().is_ok());
    assert!(requests.try_recv().is_err());
}

#[test]
fn nobody_there_is_no_answer_and_a_name_that_is_none_is_said() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let polled = asked(&nobody.to_string(), 1);
    assert!(matches!(polled.outcome, Err(PollFailure::NoAnswer)), "{polled:?}");
    let polled = asked("no such name.invalid", 1);
    assert!(matches!(polled.outcome, Err(PollFailure::Resolve(_))), "{polled:?}");
    assert_eq!(polled.address, None);
}

/// What a request shows: client mode, version 4, another source port and another number every
/// time, and not our time.
#[test]
fn a_request_tells_nothing() {
    let (address, requests) = responder(|_, reply| vec![reply.to_vec()]);
    for nonce in [7 << 40, 9 << 41] {
        asked(&address.to_string(), nonce).outcome.unwrap();
    }
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());
    for (request, _) in [first, second] {
        assert_eq!(request[0], 0b00_100_011);
        assert_eq!(request[1..40], [0; 39]);
        let seconds = u32::from_be_bytes(request[40..44].try_into().unwrap());
        let now = (wall_ahead_us() + SystemClocks::raw().read().after_us) / 1_000_000;
        let now = (now as u64 + ERA_S) as u32;
        assert!(seconds.wrapping_sub(now).cast_signed().unsigned_abs() > 86_400);
    }
    assert_ne!(first.0[40..48], second.0[40..48]);
    assert_ne!(first.1.port(), second.1.port());
}

#[test]
fn names_and_addresses_with_and_without_a_port() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (server, address) in [
        ("192.0.2.1", "192.0.2.1:123"),
        ("192.0.2.1:1123", "192.0.2.1:1123"),
        ("2001:db8::1", "[2001:db8::1]:123"),
        ("[2001:db8::1]:99", "[2001:db8::1]:99"),
    ] {
        let resolved = runtime.block_on(resolve(server)).unwrap();
        assert_eq!(resolved, address.parse().unwrap());
    }
    let local = runtime.block_on(resolve("localhost:1234")).unwrap();
    assert!(local.ip().is_loopback() && local.port() == 1234);
}
