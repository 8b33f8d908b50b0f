//! [`NamePatterns`]: names of namespaces with parameters, such as `/project-{id}`.
use crate::Handshake;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, Response, Uri};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use switchboard_core::socketio::check_namespace;
use tower::Service;

/// A router finds the pattern of a name: axum keeps the parameters of a path in an extension of a type of its own, where
/// guards and handlers read them, and only a router puts them there.
#[derive(Default)]
pub(super) struct NamePatterns {
    router: Router,
    count: usize,
}

/// The number of the pattern that a name has, in the extensions of the router's answer.
#[derive(Clone, Copy)]
struct Number(usize);

impl NamePatterns {
    /// Adds a pattern that [`parameters`] has accepted. Its number is that of the patterns before it. False if a router
    /// cannot tell it from those.
    pub(super) fn add(&mut self, pattern: &str) -> bool {
        let number = Number(self.count);
        let answer = move |request: Request<Body>| async move {
            let mut answer = Response::new(Body::empty());
            *answer.extensions_mut() = request.into_parts().0.extensions;
            answer.extensions_mut().insert(number);
            answer
        };
        let router = std::mem::take(&mut self.router).without_v07_checks();
        let before = router.clone();
        let added = catch_unwind(AssertUnwindSafe(|| router.route(&route(pattern), get(answer))));
        let is_added = added.is_ok();
        self.router = added.unwrap_or(before);
        self.count += usize::from(is_added);
        is_added
    }

    /// Returns the number of the pattern that this name has. The handshake gets the values of its parameters as
    /// parameters of the path, after those of a router around the application. `None` if no pattern fits: the handshake
    /// is unchanged then.
    pub(super) fn find(&self, name: &str, handshake: &mut Handshake) -> Option<usize> {
        if self.count == 0 || check_namespace(name).is_err() {
            return None;
        }
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::builder().path_and_query(encoded(name)).build().ok()?;
        *request.extensions_mut() = handshake.parts().extensions.clone();
        let found = pin!(self.router.clone().call(request));
        // Nothing in it waits.
        let Poll::Ready(Ok(mut answer)) = found.poll(&mut Context::from_waker(Waker::noop())) else { return None };
        let Number(number) = answer.extensions_mut().remove()?;
        let before = std::mem::replace(&mut handshake.parts_mut().extensions, std::mem::take(answer.extensions_mut()));
        if handshake.has_bad_parameter() {
            handshake.parts_mut().extensions = before;
            return None;
        }
        Some(number)
    }
}

/// Returns the names of the parameters of a pattern, in their order.
///
/// Errors: what is wrong with the pattern, and the fix, as the end of a sentence.
pub(super) fn parameters(pattern: &str) -> Result<Vec<&str>, String> {
    if !pattern.starts_with('/') {
        return Err(format!("does not begin with '/'; write {:?}", format!("/{pattern}")));
    }
    if pattern.contains(char::is_whitespace) || check_namespace(pattern).is_err() {
        return Err("can be no name of a namespace: it is too long, or has whitespace, a comma or a control character"
            .to_owned());
    }
    let mut names = Vec::new();
    for segment in pattern.split('/') {
        let Some((_, after)) = segment.split_once('{') else {
            if segment.contains('}') {
                return Err("has a '}' without a '{'; write {id}".to_owned());
            }
            continue;
        };
        let name = after.strip_suffix('}').filter(|name| !name.is_empty() && !name.contains(['{', '}', '*']));
        let Some(name) = name else {
            return Err("has a parameter that is not the end of a segment; write /project-{id}".to_owned());
        };
        if names.contains(&name) {
            return Err(format!("has the parameter {name:?} twice; rename one"));
        }
        names.push(name);
    }
    Ok(names)
}

/// Returns the pattern without the names of its parameters. Two patterns of the same shape have the same names of
/// namespaces.
pub(super) fn shape(pattern: &str) -> String {
    let blank =
        |segment: &str| segment.split_once('{').map_or(segment.to_owned(), |(before, _)| format!("{before}{{}}"));
    pattern.split('/').map(blank).collect::<Vec<_>>().join("/")
}

/// Returns the path of a pattern in the router.
fn route(pattern: &str) -> String {
    let segment = |segment: &str| match segment.split_once('{') {
        Some((before, parameter)) => format!("{}{{{parameter}", encoded(before)),
        None => encoded(segment),
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Percent-encodes what a path cannot have (RFC 3986 §3.3), and `%` itself, so that each name is another path.
fn encoded(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(HEX[usize::from(byte >> 4)]));
            path.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{NamePatterns, parameters, shape};
    use crate::Handshake;
    use http::Request;
    use serde::Deserialize;

    fn handshake() -> Handshake {
        Handshake::new(Request::builder().uri("/socket.io/?EIO=4").body(()).unwrap().into_parts().0)
    }

    fn patterns(all: &[&str]) -> NamePatterns {
        let mut patterns = NamePatterns::default();
        for pattern in all {
            assert!(parameters(pattern).is_ok() && patterns.add(pattern), "{pattern}");
        }
        patterns
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Project {
        tenant: String,
        id: u64,
    }

    #[test]
    fn the_parameters_of_a_name_are_those_of_the_path() {
        let patterns = patterns(&["/project-{id}", "/{tenant}/project-{id}", "/lobby", "/größe-{id}", "/:{id}"]);
        for (name, number, id) in [
            ("/project-42", 0, "42"),
            ("/project-a b%2F{c}", 0, "a b%2F{c}"),
            ("/project-é?x#y", 0, "é?x#y"),
            ("/größe-7", 3, "7"),
            ("/:7", 4, "7"),
        ] {
            let mut handshake = handshake();
            assert_eq!(patterns.find(name, &mut handshake), Some(number), "{name}");
            assert_eq!(handshake.path_params::<String>().unwrap(), id, "{name}");
            assert_eq!(handshake.uri(), "/socket.io/?EIO=4", "only its parameters change");
        }
        let mut handshake = handshake();
        assert_eq!(patterns.find("/acme/project-42", &mut handshake), Some(1));
        assert_eq!(handshake.path_params::<Project>().unwrap(), Project { tenant: "acme".to_owned(), id: 42 });
        assert_eq!(handshake.path_params::<(String, u64)>().unwrap(), ("acme".to_owned(), 42));
        assert_eq!(patterns.find("/lobby", &mut self::handshake()), Some(2));
    }

    #[test]
    fn a_parameter_that_does_not_fit_is_found_by_who_reads_it() {
        let mut handshake = handshake();
        assert_eq!(patterns(&["/project-{id}"]).find("/project-x", &mut handshake), Some(0));
        assert_eq!(handshake.path_params::<u64>().unwrap_err().code().as_str(), "bad_request");
    }

    #[test]
    fn other_names_fit_nothing_and_change_nothing() {
        let patterns = patterns(&["/project-{id}", "/{tenant}/project-{id}"]);
        let long = format!("/project-{}", "x".repeat(250));
        for name in
            ["", "/", "project-1", "/project-", "/project-1/", "/project-1/2", "/a/b/project-1", "//project-1", &long]
        {
            let mut handshake = handshake();
            assert_eq!(patterns.find(name, &mut handshake), None, "{name:?}");
            assert!(handshake.parts().extensions.is_empty(), "{name:?}");
        }
        for name in ["/../project-1", "/project-..", "/project-\u{85}", "/project-\n"] {
            let mut handshake = handshake();
            handshake.insert(7_u8);
            assert_eq!(patterns.find(name, &mut handshake), None, "{name:?}");
            assert!(handshake.path_params::<String>().is_err(), "{name:?}");
            assert_eq!(handshake.extension(), Some(&7_u8), "{name:?}");
        }
        assert_eq!(NamePatterns::default().find("/project-1", &mut handshake()), None);
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (pattern, part) in [
            ("project-{id}", "begin with '/'"),
            ("/a b", "no name"),
            ("/a,b", "no name"),
            ("/{id", "end of a segment"),
            ("/{id}x", "end of a segment"),
            ("/{a}{b}", "end of a segment"),
            ("/{}", "end of a segment"),
            ("/{*rest}", "end of a segment"),
            ("/a}", "without"),
            ("/{id}/{id}", "twice"),
        ] {
            let why = parameters(pattern).unwrap_err();
            assert!(why.contains(part), "{pattern}: {why}");
        }
        assert_eq!(parameters("/{tenant}/project-{id}").unwrap(), ["tenant", "id"]);
        assert_eq!(shape("/{a}/x-{b}"), shape("/{c}/x-{d}"));
        assert_ne!(shape("/{a}"), shape("/a"));
    }
}
