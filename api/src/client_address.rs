//! Whose request it is: the peer of its connection, or whom the proxies that are trusted name.
//!
//! A client can write into `X-Forwarded-For` and `Forwarded` (RFC 7239) whatever it likes; a proxy adds
//! whom it was called by at the end. So these are read from their end, only where the peer is a proxy
//! of `TRUSTED_PROXIES`, and up to the first address that is none. A proxy passes on the one it does
//! not know of: where the two do not agree, both are worth nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use axum::http::header::FORWARDED;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks of the proxies before this server, whose word about their clients is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Text that is not a network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a network: write it like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32")]
pub struct NotANetwork(String);

impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    /// Reads a comma-separated list of networks and addresses; empty means none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let networks = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let networks = networks.map(|part| {
            let address = part.parse::<IpAddr>().map(IpNet::from);
            let network = address.or_else(|_| part.parse::<IpNet>());
            network.map_err(|_| NotANetwork(part.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// Whether a request says that it was forwarded, by a peer whose word is not taken. Clients can say so,
    /// too.
    pub(crate) fn ignore_a_proxy(&self, parts: &Parts) -> bool {
        let was_forwarded = [X_FORWARDED_FOR, FORWARDED]
            .iter()
            .any(|name| parts.headers.contains_key(name));
        was_forwarded && !self.include(peer_of(parts))
    }

    fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What of an address one client has for itself: IPv4 addresses, and the /64 networks of IPv6, of which
/// each subscriber has one at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    pub(crate) fn of(parts: &Parts, proxies: &TrustedProxies) -> Self {
        Self::grouped(client_of(peer_of(parts), &parts.headers, proxies))
    }

    fn grouped(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        })
    }
}

fn peer_of(parts: &Parts) -> IpAddr {
    // Without a word of who calls, all are one client.
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Ipv6Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| {
        peer.ip().to_canonical()
    })
}

fn client_of(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    if !proxies.include(peer) {
        return peer;
    }
    let by = |name: HeaderName, address_of: fn(&str) -> Option<IpAddr>| {
        let named = headers.contains_key(&name);
        named.then(|| last_untrusted(headers, &name, address_of, proxies).unwrap_or(peer))
    };
    let legacy = by(X_FORWARDED_FOR, address_of_entry);
    let standard = by(FORWARDED, address_of_element);
    match (legacy, standard) {
        (Some(legacy), Some(standard)) if legacy != standard => peer,
        (legacy, standard) => legacy.or(standard).unwrap_or(peer),
    }
}

/// The last address of a header that is no proxy's; the first one where all are proxies'. None where
/// something else stands before it.
fn last_untrusted(
    headers: &HeaderMap,
    name: &HeaderName,
    address_of: fn(&str) -> Option<IpAddr>,
    proxies: &TrustedProxies,
) -> Option<IpAddr> {
    let mut last = None;
    // Several headers are one list (RFC 9110 §5.3).
    for line in headers.get_all(name).iter().rev() {
        for entry in line.to_str().ok()?.rsplit(',') {
            let address = address_of(entry.trim())?.to_canonical();
            last = Some(address);
            if !proxies.include(address) {
                return last;
            }
        }
    }
    last
}

/// An address, with or without a port; an IPv6 one with or without brackets.
fn address_of_entry(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(bare) = bare {
        return bare.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    }
    let address = entry.parse::<IpAddr>().ok();
    address.or_else(|| Some(entry.parse::<SocketAddr>().ok()?.ip()))
}

/// The address of `for=…` among the pairs of one element of `Forwarded`.
fn address_of_element(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    let unquoted = node
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    address_of_entry(unquoted.unwrap_or(node))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROXIES: &str = "10.0.0.0/8, 192.0.2.7, 2001:db8:ffff::/48";

    /// Who the client is of a connection from `peer` with these headers.
    fn client(peer: &str, headers: &[(HeaderName, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = peer.parse::<IpAddr>().unwrap().to_canonical();
        client_of(peer, &map, &PROXIES.parse().unwrap()).to_string()
    }

    fn forwarded_for(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| (X_FORWARDED_FOR, *line)).collect();
        client(peer, &lines)
    }

    #[test]
    fn who_is_no_proxy_is_not_believed() {
        for peer in ["203.0.113.9", "192.0.2.8", "2001:db8:fffe::1"] {
            assert_eq!(forwarded_for(peer, &["198.51.100.1"]), peer);
            assert_eq!(client(peer, &[(FORWARDED, "for=198.51.100.1")]), peer);
        }
        let nobody = "".parse::<TrustedProxies>().unwrap();
        let peer = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
        assert_eq!(client_of(peer, &headers, &nobody), peer);
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_client() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&["198.51.100.1"], "198.51.100.1"),
            // What a client wrote itself stands before.
            (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            (
                &["1.1.1.1, 198.51.100.1, 10.9.9.9,192.0.2.7"],
                "198.51.100.1",
            ),
            (&["1.1.1.1, 198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            (&["garbage, 198.51.100.1"], "198.51.100.1"),
            // All of them proxies: the outermost asked for itself.
            (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["2001:db8::5"], "2001:db8::5"),
            (&["[2001:db8::5]"], "2001:db8::5"),
            (&["[2001:db8::5]:443, 2001:db8:ffff::1"], "2001:db8::5"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1, ::ffff:10.0.0.9"], "198.51.100.1"),
            // What cannot be read says nothing about who stands before it.
            (&["198.51.100.1, unknown"], "10.0.0.1"),
            (&["198.51.100.1,"], "10.0.0.1"),
            (&["198.51.100.1, [::1"], "10.0.0.1"),
            (&["198.51.100.1 198.51.100.2"], "10.0.0.1"),
            (&["198.51.100.1:99999"], "10.0.0.1"),
            (&["é"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
        ] {
            assert_eq!(forwarded_for("10.0.0.1", lines), expected, "{lines:?}");
            assert_eq!(forwarded_for("::ffff:10.0.0.1", lines), expected);
        }
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (line, expected) in [
            ("for=198.51.100.1", "198.51.100.1"),
            (
                "for=1.1.1.1;proto=https, By=10.0.0.1; For=\"198.51.100.1:80\"",
                "198.51.100.1",
            ),
            ("for=\"[2001:db8::5]:4711\", for=10.2.2.2", "2001:db8::5"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
            ("for=198.51.100.1, proto=https", "10.0.0.1"),
            ("nonsense", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[(FORWARDED, line)]), expected, "{line}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_worth_nothing() {
        let both = |legacy, standard| {
            client(
                "10.0.0.1",
                &[(X_FORWARDED_FOR, legacy), (FORWARDED, standard)],
            )
        };
        assert_eq!(both("198.51.100.1", "for=198.51.100.1"), "198.51.100.1");
        // One of them a client's own, passed on by a proxy that writes only the other.
        assert_eq!(both("198.51.100.1", "for=1.1.1.1"), "10.0.0.1");
        assert_eq!(both("1.1.1.1", "for=198.51.100.1"), "10.0.0.1");
    }

    #[test]
    fn a_subscribers_addresses_are_one_client() {
        let group = |address: &str| ClientAddress::grouped(address.parse().unwrap());
        assert_eq!(
            group("2001:db8:1:2::1"),
            group("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(group("2001:db8:1:2::1"), group("2001:db8:1:3::1"));
        assert_ne!(group("198.51.100.1"), group("198.51.100.2"));
    }

    #[test]
    fn what_is_no_network_is_refused_in_words() {
        for bad in [
            "10.0.0.0/33",
            "proxy.example",
            "10.0.0.1:80",
            "10.0.0.0/8 10.1.1.1",
        ] {
            let refused = bad.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(refused.contains(bad), "{refused}");
        }
        assert_eq!(
            " , ".parse::<TrustedProxies>().unwrap(),
            TrustedProxies::default()
        );
    }
}
