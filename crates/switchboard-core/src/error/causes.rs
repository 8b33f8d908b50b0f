//! The text of an error and of its causes, cut to a limit: both come from the application's code and may be endless.
use std::error::Error as StdError;
use std::fmt::{self, Write};

/// The most errors in a text, because an error may be its own cause.
const CAUSES: usize = 32;
/// The most bytes of the whole text.
const MOST: usize = 8 << 10;

/// `error: cause: cause`, of at most 32 errors and 8 KiB. It ends in "…" if it was cut.
pub fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = Cut::new(MOST);
    let mut next = Some(error);
    for nth in 0..CAUSES {
        let Some(error) = next else { return text.end() };
        let between = if nth == 0 { "" } else { ": " };
        if write!(text, "{between}{error}").is_err() && text.is_full {
            return text.end();
        }
        next = error.source();
    }
    if next.is_some() {
        // If it is full, `end` appends the "…".
        let _ = text.write_str(": …");
    }
    text.end()
}

/// A text up to a length. Writing more fails, so that a `Display` which never ends stops.
#[derive(Debug)]
pub struct Cut {
    text: String,
    most: usize,
    is_full: bool,
}

impl Cut {
    /// A text of at most this many bytes, and "…" if there were more.
    pub fn new(most: usize) -> Cut {
        Cut { text: String::new(), most, is_full: false }
    }

    /// The text.
    pub fn end(mut self) -> String {
        if self.is_full {
            self.text.push('…');
        }
        self.text
    }
}

impl Write for Cut {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.is_full {
            return Err(fmt::Error);
        }
        let room = self.most - self.text.len();
        let fits = part.floor_char_boundary(room);
        self.text.push_str(&part[..fits]);
        self.is_full |= fits < part.len();
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Chain(&'static str, Option<Box<Chain>>);

    impl fmt::Display for Chain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Chain {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            match &self.1 {
                _ if self.0 == "itself" => Some(self),
                cause => cause.as_ref().map(|cause| &**cause as _),
            }
        }
    }

    fn of(length: usize) -> Chain {
        (1..length).fold(Chain("a", None), |cause, _| Chain("a", Some(Box::new(cause))))
    }

    #[test]
    fn what_has_no_end_is_cut() {
        assert_eq!(causes(&of(1)), "a");
        assert_eq!(causes(&of(3)), "a: a: a");
        assert_eq!(causes(&of(32)), vec!["a"; 32].join(": "));
        assert_eq!(causes(&of(33)), vec!["a"; 32].join(": ") + ": …");
        assert_eq!(causes(&Chain("itself", None)), vec!["itself"; 32].join(": ") + ": …");
        assert_eq!(causes(&Chain("", Some(Box::new(of(2))))), ": a: a", "as it is");
    }

    /// The limit also holds for a `Display` that ignores the error and goes on.
    #[test]
    fn what_is_long_is_cut_where_a_character_ends() {
        let mut text = Cut::new(5);
        assert!(text.write_str("ab").is_ok() && text.write_str("éé").is_err() && text.write_str("c").is_err());
        assert_eq!(text.end(), "abé…");
        let mut text = Cut::new(4);
        assert!(text.write_str("abcd").is_ok() && text.write_str("").is_ok());
        assert_eq!(text.end(), "abcd");
    }
}
