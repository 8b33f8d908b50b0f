//! Paths of gateways.
use http::Uri;
use switchboard_core::ws::handshake::is_gateway_path;

/// Normalizes a path: `ws` → `/ws`, "" → `/ws`, `/` → `/`. Errors: why it is not a valid path, as the end of a
/// sentence.
pub(super) fn normal(path: &str) -> Result<String, &'static str> {
    match path {
        "" => return Ok("/ws".to_owned()),
        "/" => return Ok("/".to_owned()),
        _ => {}
    }
    let trimmed = path.trim_matches('/');
    if trimmed.split('/').any(|segment| segment.starts_with(':')) {
        return Err("has a segment that begins with ':'; write {id}");
    }
    if trimmed.contains("{*") {
        return Err("has a catch-all parameter, which a gateway cannot have; name its segments");
    }
    if trimmed.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\' | '*')) {
        return Err("has a character that no path has; use letters, digits, '-', '_', '.' and {parameters}");
    }
    if trimmed.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("has an empty, '.' or '..' segment; remove it");
    }
    let well_formed = |segment: &str| match (segment.find('{'), segment.find('}')) {
        (None, None) => true,
        (Some(0), Some(end)) => end + 1 == segment.len() && end > 1 && !segment[1..].contains('{'),
        _ => false,
    };
    if !trimmed.split('/').all(well_formed) {
        return Err("has a parameter that is not a whole segment; write /projects/{id}/ws");
    }
    let path = format!("/{trimmed}");
    if !can_be_asked_for(&path) {
        return Err(
            "has a segment that no request can have, so that nobody would reach it; percent-encode what is not ASCII, as in \
             /caf%C3%A9",
        );
    }
    Ok(path)
}

/// True if a request can have this path, whatever the values of its parameters: each segment has only characters of RFC
/// 3986 §3.3, and none for which a request is refused. Names of parameters are never on the wire, so any are allowed.
fn can_be_asked_for(path: &str) -> bool {
    let segment = |segment: &str| segment.starts_with('{') || is_segment(segment.as_bytes());
    let example = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
    let example: Option<Uri> = example.collect::<Vec<_>>().join("/").parse().ok();
    path.split('/').all(segment) && example.is_some_and(|uri| is_gateway_path(&uri))
}

/// True if the segment has only letters, digits, `-._~!$&'()*+,;=:@` and percent-encoded bytes.
fn is_segment(segment: &[u8]) -> bool {
    let mut rest = segment;
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            _ if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte) => after,
            _ => return false,
        };
    }
    true
}

/// Normalizes the prefix of all paths: `api` → `/api`; "" and `/` → no prefix.
pub(super) fn prefix(path: &str) -> Result<String, &'static str> {
    if path.trim_matches('/').is_empty() { Ok(String::new()) } else { normal(path) }
}

/// Returns the path without the names of its parameters. Two paths of the same shape match the same requests.
pub(super) fn shape(path: &str) -> String {
    let blank = |segment| if str::starts_with(segment, '{') { "{}" } else { segment };
    path.split('/').map(blank).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{normal, prefix, shape};

    #[test]
    fn names_of_parameters_make_no_other_path() {
        assert_eq!(shape("/a/{id}/ws"), shape("/a/{name}/ws"));
        assert_ne!(shape("/a/{id}"), shape("/a/id"));
    }

    #[test]
    fn a2_the_default_path_and_its_spellings() {
        for (written, meant) in [("", "/ws"), ("/", "/"), ("x", "/x"), ("/x/", "/x"), ("/a/{id}/ws", "/a/{id}/ws")] {
            assert_eq!(normal(written).as_deref(), Ok(meant), "{written:?}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["/:id", "/{*rest}", "/a b", "/a?b", "/a//b", "/../a", "/a/{", "/a/x{id}", "/{}", "/*", "//", "///"]
        {
            assert!(normal(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_path_that_no_request_can_have_is_refused() {
        for path in [
            "/café",
            "/a/ü/ws",
            "/日本",
            "/a\u{200b}b",
            "/a<b",
            "/a>b",
            "/a\"b",
            "/a^b",
            "/a`b",
            "/a|b",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%00",
            "/a%0a",
            "/%2e%2e/ws",
            "/.%2E",
            "/a%7F",
            "/a%c2%85",
        ] {
            assert!(normal(path).is_err_and(|why| why.contains("no request can have")), "{path:?}");
            assert!(prefix(path).is_err(), "{path:?}");
        }
        for path in ["/caf%C3%A9", "/a-b_c.d~e", "/$a", "/@me", "/a:b", "/a;v=1", "/{größe}/ws", "/%20"] {
            assert_eq!(normal(path).as_deref(), Ok(path));
        }
    }
}
