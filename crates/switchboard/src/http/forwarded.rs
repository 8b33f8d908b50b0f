//! The header `Forwarded` (RFC 7239): one element for each proxy on the way, that of the nearest proxy last.
use http::HeaderMap;
use http::header::FORWARDED;
use std::borrow::Cow;

/// True if a request has the header.
pub(super) fn is_in(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED)
}

/// The elements of all lines, from the last to the first; empty ones are skipped.
pub(super) fn elements(headers: &HeaderMap) -> impl Iterator<Item = Element<'_>> {
    let mut lines: Vec<&[u8]> = headers.get_all(FORWARDED).iter().map(|value| value.as_bytes()).collect();
    let mut rest = None;
    let elements = std::iter::from_fn(move || {
        let line: &[u8] = match rest.take() {
            Some(line) => line,
            None => lines.pop()?,
        };
        let (before, element) = last_of(line);
        rest = before;
        Some(Element(element.trim_ascii()))
    });
    elements.filter(|element| !element.0.is_empty())
}

/// What is before the last comma that is not quoted, and the element after it.
///
/// The search begins at the end, where the trusted proxies have written: a quote that the client left open cannot hide what they
/// added.
fn last_of(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(&line[..at]) => quoted = !quoted,
            b',' if !quoted => return (Some(&line[..at]), &line[at + 1..]),
            _ => {}
        }
    }
    (None, line)
}

/// True if there is an odd number of backslashes at the end.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// One element, which says what one proxy knows: `for=192.0.2.43;proto=https;host="a.example:8443"`.
pub(super) struct Element<'a>(&'a [u8]);

impl<'a> Element<'a> {
    /// The value of a parameter, without its quotes. `None`: it is missing or there are two of it, or the element cannot be read.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let (mut rest, mut found) = (str::from_utf8(self.0).ok()?, None);
        loop {
            let (key, value) = rest.trim_start().split_once('=')?;
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => unquoted(quoted)?,
                None => {
                    let end = value.find(';').unwrap_or(value.len());
                    (Cow::Borrowed(value[..end].trim_end()), &value[end..])
                }
            };
            if key.eq_ignore_ascii_case(name) && found.replace(value).is_some() {
                return None;
            }
            rest = after.trim_start().trim_start_matches(';').trim_start();
            if after.trim_start().is_empty() || rest.is_empty() {
                return found;
            }
            // After a quoted value there is a semicolon.
            if !after.trim_start().starts_with(';') {
                return None;
            }
        }
    }
}

/// The value of a quoted string, and what is after it. `text` begins after the first quote. `None`: the string does not end.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if let Some(after) = text[end..].strip_prefix('"') {
        return Some((Cow::Borrowed(&text[..end]), after));
    }
    let mut value = text[..end].to_owned();
    let mut chars = text[end..].chars();
    loop {
        match chars.next()? {
            '"' => return Some((Cow::Owned(value), chars.as_str())),
            '\\' => value.push(chars.next()?),
            char => value.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn all(values: &[&[u8]], name: &str) -> Vec<Option<String>> {
        let value = |bytes: &&[u8]| (FORWARDED, HeaderValue::from_bytes(bytes).unwrap());
        let headers: HeaderMap = values.iter().map(value).collect();
        elements(&headers).map(|element| element.get(name).map(Cow::into_owned)).collect()
    }

    fn one(value: &str, name: &str) -> Option<String> {
        all(&[value.as_bytes()], name).pop()?
    }

    #[test]
    fn parameters_as_the_rfc_has_them() {
        for (value, found) in [
            ("for=192.0.2.60", Some("192.0.2.60")),
            ("For=\"[2001:db8:cafe::17]:4711\"", Some("[2001:db8:cafe::17]:4711")),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
            ("proto=http; FOR = x", None),
            ("proto=http; FOR=x ; by=y", Some("x")),
            ("host=\"a,b;for=1.1.1.1\";for=\"_gazonk\"", Some("_gazonk")),
            ("host=\"a\\\"b\\\\\";for=unknown", Some("unknown")),
            ("for=x;", Some("x")),
            (";for=x", None),
            ("for", None),
            ("for=x;y", None),
            ("for=\"x", None),
            ("for=\"x\"y", None),
            ("for=a;for=b", None),
            ("host=a", None),
        ] {
            assert_eq!(one(value, "for").as_deref(), found, "{value}");
        }
        assert_eq!(one("host=\"a\\\"b\\\\\";for=unknown", "host").as_deref(), Some("a\"b\\"));
    }

    #[test]
    fn elements_come_from_the_last_to_the_first() {
        let found = all(&[b"for=a, for=\"b,c\" ,, ", b",for=d;host=\"x\\\",y\""], "for");
        let texts: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(texts, [Some("d"), Some("b,c"), Some("a")]);
    }

    #[test]
    fn what_a_client_writes_first_hides_nothing_of_what_proxies_added() {
        for client in [&b"for=\""[..], b"for=\"a,b", b"\xFF", b"\"\\", b"for=x\\", b",,,\""] {
            let line = [client, b", for=1.2.3.4, for=10.1.1.1"].concat();
            let found = all(&[&line], "for");
            assert_eq!(found[0].as_deref(), Some("10.1.1.1"), "{}", line.escape_ascii());
            assert_eq!(found[1].as_deref(), Some("1.2.3.4"), "{}", line.escape_ascii());
        }
    }
}
