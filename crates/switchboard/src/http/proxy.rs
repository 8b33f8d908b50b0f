//! [`Proxies`]: the reverse proxies that are trusted to say who the client is.
use super::forwarded;
use crate::problem::BootError;
use http::HeaderMap;
use ipnet::{IpNet, Ipv4Net};
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The most hops that are read; a longer list is not believed.
const HOPS: usize = 32;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// The networks of the proxies that are trusted. Default: none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

/// A text that is neither an address nor a network in CIDR form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork(pub(crate) String);

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither an address nor a network such as \"10.0.0.0/8\"", self.0)
    }
}

impl std::error::Error for InvalidNetwork {}

impl From<InvalidNetwork> for BootError {
    fn from(error: InvalidNetwork) -> BootError {
        BootError::one(error.to_string())
    }
}

impl Proxies {
    pub(crate) fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Proxies, InvalidNetwork> {
        let parse = |text: &str| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).map(canonical).map_err(|_| InvalidNetwork(text.to_owned()))
        };
        networks.into_iter().map(parse).collect::<Result<_, _>>().map(Proxies)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The host that the browser asked for: what a trusted proxy says, else the Host header.
    pub(crate) fn host<'a>(&self, peer: Option<SocketAddr>, headers: &'a HeaderMap, host: &'a str) -> Cow<'a, str> {
        let host = Cow::Borrowed(host);
        if !peer.is_some_and(|peer| self.trusts(peer.ip())) {
            return host;
        }
        if speaks_forwarded(headers) {
            let nearest = forwarded::elements(headers).next();
            return nearest.and_then(|element| element.get("host")).unwrap_or(host);
        }
        let mut values = headers.get_all(FORWARDED_HOST).iter();
        match (values.next(), values.next()) {
            // The nearest proxy has written last.
            (Some(value), None) => {
                let mut hosts = value.as_bytes().rsplit(|&byte| byte == b',').map(<[u8]>::trim_ascii);
                match hosts.find(|host| !host.is_empty()).map(str::from_utf8) {
                    Some(Ok(said)) => Cow::Borrowed(said),
                    _ => host,
                }
            }
            _ => host,
        }
    }

    /// The address of the client. If the peer is a trusted proxy, it is the last address of X-Forwarded-For, or of Forwarded,
    /// that is not one of a trusted proxy, or the first address if all are trusted. Otherwise it is the peer's.
    pub(crate) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<SocketAddr> {
        let socket = peer?;
        if !self.trusts(socket.ip()) {
            return peer;
        }
        let found = if speaks_forwarded(headers) {
            let hops = forwarded::elements(headers).map(|element| element.get("for"));
            self.farthest(hops.map(|hop| hop.as_deref().and_then(address)))
        } else {
            // Read as bytes: what a client has written first, which may not be text, must not hide what proxies added.
            let values: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(|value| value.as_bytes()).collect();
            let hops = values.iter().rev().flat_map(|value| value.rsplit(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
            let hops = hops.filter(|hop| !hop.is_empty());
            self.farthest(hops.map(|hop| str::from_utf8(hop).ok().and_then(address)))
        };
        found.map_or(peer, |address| Some(SocketAddr::new(address, 0)))
    }

    /// Of these hops, of which the nearest comes first: the first one that is not trusted, or the last one if all are. `None`: a
    /// hop on the way cannot be read, or there are none, or too many.
    fn farthest(&self, hops: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut last = None;
        for (at, hop) in hops.enumerate() {
            let address = hop.filter(|_| at < HOPS)?;
            if !self.trusts(address) {
                return Some(address);
            }
            last = Some(address);
        }
        last
    }
}

/// Whether the proxies use `Forwarded`. They do not if one of the older headers is there: a proxy that knows only those passes on
/// `Forwarded` as the client sent it.
fn speaks_forwarded(headers: &HeaderMap) -> bool {
    forwarded::is_in(headers) && !headers.contains_key(FORWARDED_FOR) && !headers.contains_key(FORWARDED_HOST)
}

/// An address, with a port or without: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (IpAddr::V6(address.parse().ok()?), port)
        }
        None => {
            let (address, port) = text.split_at(text.find(':')?);
            (IpAddr::V4(address.parse().ok()?), port)
        }
    };
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(address)
}

/// A number, or a name that a proxy made up (RFC 7239 §6.3).
fn is_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

/// An IPv4 network that is written as IPv6 (`::ffff:10.0.0.0/104`) becomes that IPv4 network, as addresses do.
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
        // The client before a hop that cannot be read is not known.
        assert_eq!(client(&[b"1.2.3.4, \xFF"]), address("10.0.0.1:80"));
        assert_eq!(client(&[b"6.6.6.6, \xFF, 10.1.1.1"]), address("10.0.0.1:80"));
    }

    #[test]
    fn where_every_hop_is_trusted_the_client_is_the_first() {
        let proxies = Proxies::parse(["10.0.0.0/8", "fd00::/8"]).unwrap();
        for (name, value, client) in [
            ("x-forwarded-for", "10.2.2.2", "10.2.2.2:0"),
            ("x-forwarded-for", "10.3.3.3, 10.2.2.2, 10.1.1.1", "10.3.3.3:0"),
            ("x-forwarded-for", ",10.3.3.3,,10.2.2.2, ", "10.3.3.3:0"),
            ("x-forwarded-for", "[fd00::7]", "[fd00::7]:0"),
            ("x-forwarded-for", "", "10.0.0.1:80"),
            ("x-forwarded-for", "unknown, 10.2.2.2", "10.0.0.1:80"),
            ("forwarded", "for=10.3.3.3, for=10.2.2.2", "10.3.3.3:0"),
            ("forwarded", "for=unknown, for=10.2.2.2", "10.0.0.1:80"),
        ] {
            let headers = headers(&[(name, value)]);
            assert_eq!(proxies.client(address("10.0.0.1:80"), &headers), address(client), "{value}");
        }
        assert_eq!(proxies.client(address("10.0.0.1:80"), &headers(&[])), address("10.0.0.1:80"));
    }

    #[test]
    fn an_address_with_brackets_and_port_or_without() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        for (value, client) in [
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:4711", "[2001:db8::1]:0"),
            ("1.2.3.4:4711", "1.2.3.4:0"),
            ("[2001:db8::1", "10.0.0.1:80"),
            ("[2001:db8::1]x", "10.0.0.1:80"),
            ("[2001:db8::1]:x", "10.0.0.1:80"),
            ("[1.2.3.4]", "10.0.0.1:80"),
            ("1.2.3.4:99999", "10.0.0.1:80"),
            ("1.2.3.4:", "10.0.0.1:80"),
        ] {
            let headers = headers(&[("x-forwarded-for", value)]);
            assert_eq!(proxies.client(address("10.0.0.1:80"), &headers), address(client), "{value}");
        }
    }

    #[test]
    fn forwarded_is_read_where_the_older_headers_are_not() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        for (value, client, host) in [
            ("for=1.2.3.4;host=good.example;proto=https", "1.2.3.4:0", "good.example"),
            (
                "for=6.6.6.6;host=evil.example, for=\"1.2.3.4:80\", For=10.1.1.1;Host=\"good.example:8443\"",
                "1.2.3.4:0",
                "good.example:8443",
            ),
            ("for=6.6.6.6, for=\"[2001:db8:cafe::17]\"", "[2001:db8:cafe::17]:0", "here"),
            ("for=\"[2001:db8:cafe::17]:_port\"", "[2001:db8:cafe::17]:0", "here"),
            ("for=_hidden", "10.0.0.1:80", "here"),
            ("for=unknown;host=good.example", "10.0.0.1:80", "good.example"),
            ("for=1.2.3.4, proto=https", "10.0.0.1:80", "here"),
            ("for=1.2.3.4;for=6.6.6.6", "10.0.0.1:80", "here"),
            ("nonsense", "10.0.0.1:80", "here"),
        ] {
            let headers = headers(&[("forwarded", value)]);
            assert_eq!(proxies.client(address("10.0.0.1:80"), &headers), address(client), "{value}");
            assert_eq!(proxies.host(address("10.0.0.1:80"), &headers, "here"), host, "{value}");
            assert_eq!(proxies.client(address("9.9.9.9:80"), &headers), address("9.9.9.9:80"), "an untrusted peer");
            assert_eq!(proxies.host(address("9.9.9.9:80"), &headers, "here"), "here", "an untrusted peer");
        }
        let many = headers(&[("forwarded", &vec!["for=10.0.0.2"; 1000].join(","))]);
        assert_eq!(proxies.client(address("10.0.0.1:80"), &many), address("10.0.0.1:80"));
    }

    #[test]
    fn forwarded_of_a_client_behind_a_proxy_that_does_not_know_it_is_not_believed() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        let forged = ("forwarded", "for=6.6.6.6;host=evil.example");
        let both = headers(&[forged, ("x-forwarded-for", "1.2.3.4")]);
        assert_eq!(proxies.client(address("10.0.0.1:80"), &both), address("1.2.3.4:0"));
        assert_eq!(proxies.host(address("10.0.0.1:80"), &both, "here"), "here");
        let host = headers(&[forged, ("x-forwarded-host", "good.example")]);
        assert_eq!(proxies.client(address("10.0.0.1:80"), &host), address("10.0.0.1:80"));
        assert_eq!(proxies.host(address("10.0.0.1:80"), &host, "here"), "good.example");
    }

    #[test]
    fn the_nearest_proxys_host_counts_whatever_stands_before_it() {
        let proxies = Proxies::parse(["10.0.0.0/8"]).unwrap();
        for value in [&b"caf\xE9.example, good.example"[..], b"evil.example,good.example,", b"good.example , ,"] {
            let value = http::HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-forwarded-host"), value)]);
            assert_eq!(proxies.host(address("10.0.0.1:80"), &headers, "here"), "good.example");
        }
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
