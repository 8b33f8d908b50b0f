//! Proxies in front of the server, whose word is taken for who the client is.
use http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Hops that are looked at; a longer list is not believed.
const HOPS: usize = 32;

/// The networks of the proxies that are trusted. Default: none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

/// Not an address, nor a network in CIDR form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork(pub(crate) String);

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither an address nor a network such as \"10.0.0.0/8\"", self.0)
    }
}

impl std::error::Error for InvalidNetwork {}

impl Proxies {
    pub(crate) fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Proxies, InvalidNetwork> {
        let parse = |text: &str| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).map(canonical).map_err(|_| InvalidNetwork(text.to_owned()))
        };
        networks.into_iter().map(parse).collect::<Result<_, _>>().map(Proxies)
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The host that the browser asked for: what a trusted proxy says, else the Host header.
    pub(crate) fn host<'a>(&self, peer: Option<SocketAddr>, headers: &'a HeaderMap, host: &'a str) -> &'a str {
        if !peer.is_some_and(|peer| self.trusts(peer.ip())) {
            return host;
        }
        let mut forwarded = headers.get_all("x-forwarded-host").iter();
        match (forwarded.next().and_then(|value| value.to_str().ok()), forwarded.next()) {
            // The proxy next to us has the last word.
            (Some(value), None) => value.rsplit(',').next().map_or(host, str::trim),
            _ => host,
        }
    }

    /// The client: the last address in X-Forwarded-For that is not a trusted proxy, if the peer is one.
    pub(crate) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<SocketAddr> {
        let socket = peer?;
        if !self.trusts(socket.ip()) {
            return peer;
        }
        // Bytes: what a client wrote in front, in whatever letters, hides nothing of what proxies added.
        let values: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(|value| value.as_bytes()).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(|&byte| byte == b','));
        for (at, hop) in hops.enumerate() {
            let hop = std::str::from_utf8(hop).unwrap_or_default().trim();
            let address = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
            match address {
                Ok(address) if at < HOPS && self.trusts(address) => {}
                Ok(address) if at < HOPS => return Some(SocketAddr::new(address, 0)),
                _ => return peer,
            }
        }
        peer
    }
}

/// An IPv4 network that is written as IPv6 (`::ffff:10.0.0.0/104`) is that IPv4 network, as addresses are.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let Some(length) = six.prefix_len().checked_sub(96) else { return network };
    let four = six.addr().to_ipv4_mapped().and_then(|four| Ipv4Net::new(four, length).ok());
    four.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn address(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_untrusted_peer_is_not_believed() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        let headers = headers(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-host", "good.example")]);
        assert_eq!(proxies.client(address("9.9.9.9:80"), &headers), address("9.9.9.9:80"));
        assert_eq!(proxies.host(address("9.9.9.9:80"), &headers, "here"), "here");
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_client() {
        let proxies = Proxies::parse(["10.0.0.0/8", "::1"]).unwrap();
        let headers =
            headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.1.1.1"), ("x-forwarded-host", "good.example")]);
        assert_eq!(proxies.client(address("10.0.0.1:80"), &headers), address("1.2.3.4:0"));
        assert_eq!(proxies.host(address("10.0.0.1:80"), &headers, "here"), "good.example");
        assert_eq!(proxies.client(address("[::1]:80"), &headers), address("1.2.3.4:0"));
    }

    #[test]
    fn a24_a_thousand_entries_or_bad_syntax_are_not_believed() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        let many = vec!["10.0.0.2"; 1000].join(",");
        for value in [many.as_str(), "not-an-address", "1.2.3.4, ;"] {
            let headers = headers(&[("x-forwarded-for", value)]);
            assert_eq!(proxies.client(address("10.0.0.1:80"), &headers), address("10.0.0.1:80"), "{value:.20}");
        }
    }

    #[test]
    fn what_a_client_writes_in_front_hides_nothing_of_what_proxies_added() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        let client = |values: &[&[u8]]| {
            let value = |bytes: &&[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
            let name = http::HeaderName::from_static("x-forwarded-for");
            let headers = values.iter().map(|bytes| (name.clone(), value(bytes))).collect();
            proxies.client(address("10.0.0.1:80"), &headers)
        };
        assert_eq!(client(&[b"\xFF, 1.2.3.4"]), address("1.2.3.4:0"));
        assert_eq!(client(&[b"\xFF\xC3, 1.2.3.4, 10.1.1.1"]), address("1.2.3.4:0"));
        assert_eq!(client(&[b"\xFF", b"1.2.3.4"]), address("1.2.3.4:0"));
        // It is not known who stands behind what cannot be read.
        assert_eq!(client(&[b"1.2.3.4, \xFF"]), address("10.0.0.1:80"));
        assert_eq!(client(&[b"6.6.6.6, \xFF, 10.1.1.1"]), address("10.0.0.1:80"));
    }

    #[test]
    fn ipv4_networks_may_be_written_as_ipv6() {
        for (network, inside, outside) in [
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"),
            ("::ffff:10.0.0.0/104", "::ffff:10.9.9.9", "::ffff:11.0.0.1"),
            ("::ffff:0.0.0.0/96", "1.2.3.4", "2001:db8::1"),
            ("2001:db8::/112", "2001:db8::1", "10.0.0.1"),
        ] {
            let proxies = Proxies::parse([network]).unwrap();
            assert!(proxies.trusts(inside.parse().unwrap()), "{network} {inside}");
            assert!(!proxies.trusts(outside.parse().unwrap()), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert_eq!(Proxies::parse(["10.0.0.0/99"]).unwrap_err(), InvalidNetwork("10.0.0.0/99".into()));
    }
}
