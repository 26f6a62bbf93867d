//! Where a request comes from: the other end of the connection, or what trusted proxies say.
//!
//! One header is read, `X-Forwarded-For`: nginx, HAProxy, Caddy and Apache append to it the address
//! that they see. Of its entries only those count that a trusted proxy has written, so it is read
//! from the right: each entry was added by the proxy to its right, and the first address that is
//! no trusted proxy's is the caller's. What stands to the left of it anybody can write.
//! `Forwarded` (RFC 7239) is not read: two headers that may contradict each other are one too many.

use crate::config::TrustedProxies;
use crate::service::Service;
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};
use actix_web::web::Data;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a caller's tries are counted. There is one caller without an address: a request that
/// came over no connection, or that a trusted proxy passed on without saying for whom. Loopback
/// itself is nobody that can be counted apart, see `accounts`.
pub(crate) fn caller_address(request: &HttpRequest) -> IpAddr {
    let Some(peer) = connected(request) else { return UNKNOWN };
    let from = seen_through(request, peer);
    let (trusted, passed_on) = (is_trusted(request, peer), from != peer.to_canonical());
    if trusted && (!passed_on || is_loopback(from)) { UNKNOWN } else { from }
}

/// Where a request comes from, for the log and the trail.
pub(super) fn peer(request: &HttpRequest) -> Option<IpAddr> {
    let peer = connected(request)?;
    Some(seen_through(request, peer))
}

/// Whether the caller is on this machine, with no proxy between.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    connected(request).is_some_and(|peer| is_loopback(peer) && !is_trusted(request, peer))
}

const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address at the other end of the connection.
fn connected(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip())
}

fn seen_through(request: &HttpRequest, peer: IpAddr) -> IpAddr {
    match proxies(request) {
        Some(proxies) => origin(proxies, peer, request.headers()),
        None => peer,
    }
}

fn is_trusted(request: &HttpRequest, peer: IpAddr) -> bool {
    proxies(request).is_some_and(|proxies| proxies.contain(peer))
}

fn proxies(request: &HttpRequest) -> Option<&TrustedProxies> {
    let proxies = &request.app_data::<Data<Service>>()?.proxies;
    (!proxies.is_empty()).then_some(proxies)
}

/// The last address on the way here that no trusted proxy has. What is no address ends the way:
/// the proxy that passed it on is the caller then. When all are trusted, the farthest is.
fn origin(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut from = peer.to_canonical();
    // RFC 9110 §5.3: lines of one name are one list, in their order.
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let mut entries =
        lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|octet| *octet == b','));
    while proxies.contain(from) {
        match entries.next().and_then(address) {
            Some(next) => from = next,
            None => break,
        }
    }
    from
}

/// An entry: an address, which some proxies write with the port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse().map(|at: SocketAddr| at.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::{address, origin};
    use crate::config::TrustedProxies;
    use actix_web::http::header::{HeaderMap, HeaderValue, X_FORWARDED_FOR};
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[track_caller]
    fn comes_from(peer: &str, lines: &[&str]) -> String {
        let proxies = TrustedProxies::of(&["10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48"]);
        origin(&proxies, peer.parse().unwrap(), &headers(lines)).to_string()
    }

    #[test]
    fn the_last_address_that_is_not_trusted_is_the_caller() {
        assert_eq!(comes_from("127.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(comes_from("10.1.1.1", &["192.0.2.7, 10.2.2.2"]), "192.0.2.7");
        assert_eq!(comes_from("10.1.1.1", &["192.0.2.7 ,10.2.2.2", "10.3.3.3"]), "192.0.2.7");
        assert_eq!(comes_from("2001:db8:1::5", &["2001:db8:2::7"]), "2001:db8:2::7");
        assert_eq!(comes_from("::ffff:10.1.1.1", &["::ffff:192.0.2.7"]), "192.0.2.7");
    }

    /// What a caller writes itself stands to the left of what the first proxy appends.
    #[test]
    fn what_the_caller_writes_is_not_believed() {
        for forged in ["198.51.100.1", "10.9.9.9", "127.0.0.1", "garbage", "", ", ,"] {
            let line = format!("{forged}, 192.0.2.7");
            assert_eq!(comes_from("127.0.0.1", &[&line]), "192.0.2.7", "{forged}");
            assert_eq!(comes_from("10.1.1.1", &[forged, "192.0.2.7, 10.2.2.2"]), "192.0.2.7");
        }
    }

    /// Without a trusted proxy the header says nothing.
    #[test]
    fn nobody_else_is_believed() {
        for peer in ["192.0.2.7", "11.0.0.1", "::1", "127.0.0.2"] {
            assert_eq!(comes_from(peer, &["198.51.100.1"]), peer);
            assert_eq!(comes_from(peer, &["10.2.2.2", "198.51.100.1, 10.1.1.1"]), peer);
        }
        let none = TrustedProxies::default();
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(origin(&none, peer, &headers(&["198.51.100.1"])), peer);
    }

    /// The proxy itself is the caller when it does not say for whom it asks.
    #[test]
    fn what_is_no_address_ends_the_way_at_the_proxy() {
        assert_eq!(comes_from("10.1.1.1", &[]), "10.1.1.1");
        for broken in ["", "unknown", "192.0.2.7;x", "192.0.2", "[192.0.2.7", "\u{9}"] {
            assert_eq!(comes_from("10.1.1.1", &[broken]), "10.1.1.1", "{broken:?}");
            let line = format!("192.0.2.7, {broken}, 10.2.2.2");
            assert_eq!(comes_from("10.1.1.1", &[&line]), "10.2.2.2", "{broken:?}");
        }
        assert_eq!(comes_from("10.1.1.1", &["10.3.3.3, 10.2.2.2"]), "10.3.3.3");
    }

    #[test]
    fn an_entry_may_have_its_port() {
        for (entry, expected) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            (" 2001:db8::7\t", "2001:db8::7"),
        ] {
            assert_eq!(address(entry.as_bytes()).unwrap().to_string(), expected);
        }
    }

    proptest! {
        /// Whatever the caller sends, what the trusted proxy appended is what counts.
        #[test]
        fn no_header_moves_the_caller(forged in "[ -~]{0,60}", last in any::<[u8; 4]>()) {
            let last = IpAddr::from(last);
            let proxies = TrustedProxies::of(&["127.0.0.1"]);
            prop_assume!(!proxies.contain(last));
            let line = format!("{forged}, {last}");
            let from = origin(&proxies, "127.0.0.1".parse().unwrap(), &headers(&[&line]));
            prop_assert_eq!(from, last);
        }
    }
}
