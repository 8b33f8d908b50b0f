//! Paths of gateways.

/// `ws` → `/ws`; "" and `/` → `/ws`. Errors: why it cannot be a path, as the end of a sentence.
pub(super) fn normal(path: &str) -> Result<String, &'static str> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Ok("/ws".to_owned());
    }
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
    Ok(format!("/{trimmed}"))
}

/// What stands in front of every path: `api` → `/api`; "" and `/` → nothing.
pub(super) fn prefix(path: &str) -> Result<String, &'static str> {
    if path.trim_matches('/').is_empty() { Ok(String::new()) } else { normal(path) }
}

/// The path with its parameters' names taken out: two paths of one shape are one path.
pub(super) fn shape(path: &str) -> String {
    let blank = |segment| if str::starts_with(segment, '{') { "{}" } else { segment };
    path.split('/').map(blank).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{normal, shape};

    #[test]
    fn names_of_parameters_make_no_other_path() {
        assert_eq!(shape("/a/{id}/ws"), shape("/a/{name}/ws"));
        assert_ne!(shape("/a/{id}"), shape("/a/id"));
    }

    #[test]
    fn a2_the_default_path_and_its_spellings() {
        for (written, meant) in [("", "/ws"), ("/", "/ws"), ("x", "/x"), ("/x/", "/x"), ("/a/{id}/ws", "/a/{id}/ws")] {
            assert_eq!(normal(written).as_deref(), Ok(meant), "{written:?}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["/:id", "/{*rest}", "/a b", "/a?b", "/a//b", "/../a", "/a/{", "/a/x{id}", "/{}", "/*"] {
            assert!(normal(path).is_err(), "{path:?}");
        }
    }
}
