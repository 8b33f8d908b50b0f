//! The text of a message: room for a tag, and filler.

use std::fmt::Write as _;

use crate::tag::PLACEHOLDER;

const WORDS: &[&str] = &[
    "amber", "basket", "candle", "delivery", "engine", "forest", "garden", "harbour", "invoice", "journey", "kettle",
    "lantern", "market", "needle", "order", "pocket", "quarter", "river", "station", "ticket", "umbrella", "village",
    "window", "yellow",
];
const STATES: &[&str] = &["open", "paid", "packed", "sent", "returned"];

/// The same words, repeated.
pub(crate) fn hello(length: usize) -> String {
    fill(length, " hello world")
}

/// Records as in an application's JSON, the same ones every time. Their quotes are single ones: nothing has to be
/// escaped in a text of JSON.
pub(crate) fn records(length: usize) -> String {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for id in 40_000 + random.below(1000).. {
        let _ = write!(
            text,
            "{{'id':{id},'user':'u-{:06x}','at':'2026-03-14T{:02}:{:02}:{:02}Z','state':'{}','total':{}.{:02},\
             'items':['{}','{}'],'note':'{} {} {}'}},",
            random.below(1 << 24),
            random.below(24),
            random.below(60),
            random.below(60),
            random.of(STATES),
            random.below(2000),
            random.below(100),
            random.of(WORDS),
            random.of(WORDS),
            random.of(WORDS),
            random.of(WORDS),
            random.of(WORDS),
        );
        if text.len() >= length {
            break;
        }
    }
    fill(length, &text)
}

fn fill(length: usize, with: &str) -> String {
    PLACEHOLDER.chars().chain(with.chars().cycle()).take(length.max(PLACEHOLDER.len())).collect()
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{hello, records};
    use crate::tag::PLACEHOLDER;

    #[test]
    fn a_text_has_its_length_and_a_place_for_a_tag() {
        for text in [hello(4096), records(4096)] {
            assert_eq!((text.len(), text.find(PLACEHOLDER)), (4096, Some(0)));
            assert!(!text.contains(['"', '\\']), "nothing is escaped");
        }
        assert_eq!((hello(0).as_str(), hello(14).as_str()), (PLACEHOLDER, "@TAGTAG@ hello"));
    }
}
