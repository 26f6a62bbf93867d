//! `server.trusted_proxies`: whose word about the address of a caller is taken.
//!
//! Networks and their arithmetic only; what a proxy says, and in which header, is for
//! `http::caller`.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The proxies that are believed; by default none is.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct TrustedProxies(Vec<Network>);

/// An address, or a network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Network(IpNet);

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no address and no network: write the proxy's address as in \"127.0.0.1\", or its \
     network as in \"10.0.0.0/8\", with no bit set behind the length"
)]
pub(crate) struct BadNetwork(String);

impl TrustedProxies {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is one of theirs.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// A network that holds every address there is: whoever trusts it lets every caller say where
    /// it comes from.
    pub(crate) fn everybody(&self) -> Option<String> {
        self.0.iter().find(|network| network.0.prefix_len() == 0).map(ToString::to_string)
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| bad())?,
        };
        // What is left of "10.1.2.3/8" is another network than was written.
        if network == network.trunc() { Ok(Self(canonical(network))) } else { Err(bad()) }
    }
}

/// A network of IPv4 addresses that is written as one of IPv6 (RFC 4291 §2.5.5.2), as addresses are
/// compared.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let (address, length) = (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96));
    let v4 = address.zip(length).and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    v4.map_or(network, IpNet::V4)
}

impl TryFrom<String> for Network {
    type Error = BadNetwork;

    fn try_from(text: String) -> Result<Self, BadNetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
impl TrustedProxies {
    /// Those of a test.
    pub(crate) fn of(networks: &[&str]) -> Self {
        Self(networks.iter().map(|text| text.parse().unwrap()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, TrustedProxies};

    #[test]
    fn addresses_and_networks_are_read() {
        let proxies = TrustedProxies::of(&["10.0.0.0/8", "127.0.0.1", "2001:db8::/32"]);
        for inside in ["10.0.0.0", "10.255.255.255", "127.0.0.1", "2001:db8:ffff::1"] {
            assert!(proxies.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.0", "9.255.255.255", "127.0.0.2", "2001:db9::1", "::1"] {
            assert!(!proxies.contain(outside.parse().unwrap()), "{outside}");
        }
        // An IPv6 listener names IPv4 peers so (RFC 4291 §2.5.5.2).
        assert!(proxies.contain("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!proxies.contain("::ffff:11.1.2.3".parse().unwrap()));
        let mapped = TrustedProxies::of(&["::ffff:10.0.0.0/104", "::ffff:127.0.0.1"]);
        assert!(mapped.contain("10.255.1.1".parse().unwrap()));
        assert!(mapped.contain("127.0.0.1".parse().unwrap()));
        assert!(!mapped.contain("11.0.0.0".parse().unwrap()));
        assert!(!TrustedProxies::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "proxy", "10.0.0.0/33", "10.1.2.3/8", "10.0.0/8", "10.0.0.0/", "::/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn trust_in_everybody_is_found() {
        assert_eq!(TrustedProxies::of(&["10.0.0.0/8"]).everybody(), None);
        for all in ["0.0.0.0/0", "::/0"] {
            let everybody = TrustedProxies::of(&["10.0.0.0/8", all]).everybody();
            assert_eq!(everybody.as_deref(), Some(all));
        }
    }
}
