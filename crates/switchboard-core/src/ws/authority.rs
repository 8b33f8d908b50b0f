//! `host[:port]`, as in a Host header and in an Origin.

/// A host and its port, if one is written. Syntax only: no IDNA, no percent-encoding, no user information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses a Host header. Its port may be empty (`localhost:`, RFC 9110 §7.2), which counts as no port.
    pub(super) fn of_host(text: &'a str) -> Option<Authority<'a>> {
        match text.strip_suffix(':') {
            Some(host) => Authority::parse(host).filter(|found| found.port.is_none()),
            None => Authority::parse(text),
        }
    }

    pub(super) fn parse(text: &'a str) -> Option<Authority<'a>> {
        let bytes = text.as_bytes();
        // In "[::1]:80" the colon of the port is the one after the bracket.
        let host = match bytes.first()? {
            b'[' => bytes.iter().position(|byte| *byte == b']')? + 1,
            _ => bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()),
        };
        let (host, port) = text.split_at(host);
        let port = match port.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if port.is_empty() => None,
            None => return None,
        };
        is_host(host).then_some(Authority { host, port })
    }

    /// The explicit port, or the default of the scheme.
    pub(super) fn port_or(&self, default: u16) -> u16 {
        self.port.unwrap_or(default)
    }
}

/// Decimal digits without a leading zero, so that one port has one spelling.
fn parse_port(port: &str) -> Option<u16> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    if digits { port.parse().ok() } else { None }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    // One trailing dot marks an absolute name; that is another host name, so the dot is kept.
    let mut label_is_empty = true;
    let valid = host.bytes().all(|byte| match byte {
        b'.' => !std::mem::replace(&mut label_is_empty, true),
        _ => {
            label_is_empty = false;
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
        }
    });
    valid && (1..=255).contains(&host.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let parse = |text| Authority::parse(text).map(|found| (found.host, found.port));
        assert_eq!(parse("a.example"), Some(("a.example", None)));
        assert_eq!(parse("a.example:8080"), Some(("a.example", Some(8080))));
        assert_eq!(parse("[::1]:80"), Some(("[::1]", Some(80))));
        assert_eq!(parse("[::1]"), Some(("[::1]", None)));
        assert_eq!(parse("127.0.0.1:1"), Some(("127.0.0.1", Some(1))));
        assert_eq!(parse("a.example."), Some(("a.example.", None)));
    }

    #[test]
    fn a_host_header_may_have_an_empty_port() {
        let parse = |text| Authority::of_host(text).map(|found| (found.host, found.port));
        assert_eq!(parse("localhost:"), Some(("localhost", None)));
        assert_eq!(parse("[::1]:"), Some(("[::1]", None)));
        assert_eq!(parse("localhost:80"), Some(("localhost", Some(80))));
        for text in [":", "::", "a::", "a:80:", "[::1", ""] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_a_host() {
        for text in [
            "",
            ":80",
            "a:",
            "a:+80",
            "a:080",
            "a:0",
            "a:65536",
            "a:8 0",
            "a b",
            "u@a",
            "a/",
            "a..b",
            ".a",
            ".",
            "..",
            "a..",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[::1]x:80",
            "x[::1]",
            "a%00",
            "é.example",
            "a\\b",
            "a,b",
            "a:80:80",
            "*.a",
            "[1.2.3.4]",
        ] {
            assert_eq!(Authority::parse(text), None, "{text:?}");
        }
    }
}
