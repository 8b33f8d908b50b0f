//! Rust source as a flat list of tokens, each with its line. Comments are dropped, literals have no content but a string's.
//!
//! xtask has no dependencies, and so no `syn`. Tokens are enough here, and show more than a syntax tree: paths inside the
//! bodies of macros, which a parser of the source leaves as they are.

/// What a token is. A keyword is an [`Ident`](Kind::Ident).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Ident(String),
    /// A string's text, without its quotes and with its escapes as they are written.
    Text(String),
    /// A number, a character or a lifetime.
    Other,
    /// `::`.
    PathSep,
    /// Any other punctuation, one character at a time.
    Punct(char),
    Open(char),
    Close(char),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn ident(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.ident() == Some(word)
    }

    pub(super) fn is_punct(&self, punct: char) -> bool {
        self.kind == Kind::Punct(punct)
    }

    pub(super) fn opens(&self, bracket: char) -> bool {
        self.kind == Kind::Open(bracket)
    }
}

/// The tokens of a file. The text is one that rustc accepts; of any other, the result means nothing.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    if text.starts_with("#!") && !text.starts_with("#![") {
        lexer.skip_line();
    }
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn bump(&mut self) -> char {
        let next = self.peek(0);
        self.at += 1;
        self.line += usize::from(next == '\n');
        next
    }

    fn push(&mut self, kind: Kind, line: usize) {
        self.tokens.push(Token { kind, line });
    }

    fn step(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            (space, _) if space.is_whitespace() => {
                self.bump();
            }
            ('/', '/') => self.skip_line(),
            ('/', '*') => self.skip_block_comment(),
            ('"', _) => self.string(line),
            ('\'', _) => self.quote(line),
            (digit, _) if digit.is_ascii_digit() => self.number(line),
            (start, _) if start == '_' || start.is_alphabetic() => self.word(line),
            (':', ':') => {
                self.at += 2;
                self.push(Kind::PathSep, line);
            }
            _ => {
                let kind = match self.bump() {
                    open @ ('(' | '[' | '{') => Kind::Open(open),
                    ')' => Kind::Close('('),
                    ']' => Kind::Close('['),
                    '}' => Kind::Close('{'),
                    punct => Kind::Punct(punct),
                };
                self.push(kind, line);
            }
        }
    }

    fn skip_line(&mut self) {
        while self.at < self.chars.len() && self.peek(0) != '\n' {
            self.at += 1;
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ if self.at >= self.chars.len() => return,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self, line: usize) {
        self.bump();
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.bump() {
                '"' => break,
                '\\' => text.extend(['\\', self.bump()]),
                other => text.push(other),
            }
        }
        self.push(Kind::Text(text), line);
    }

    /// `"…"` between as many `#` as there are at its start. Nothing is escaped in it.
    fn raw_string(&mut self, line: usize) {
        let mut hashes = 0;
        while self.peek(0) == '#' {
            self.bump();
            hashes += 1;
        }
        self.bump();
        let mut text = String::new();
        while self.at < self.chars.len() {
            let next = self.bump();
            if next == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += hashes;
                break;
            }
            text.push(next);
        }
        self.push(Kind::Text(text), line);
    }

    /// A character (`'a'`, `'\''`) or a lifetime (`'a`).
    fn quote(&mut self, line: usize) {
        self.bump();
        if self.peek(0) == '\\' {
            self.at += 2;
            while self.at < self.chars.len() && self.bump() != '\'' {}
        } else if self.peek(1) == '\'' {
            self.bump();
            self.bump();
        } else {
            while self.peek(0) == '_' || self.peek(0).is_alphanumeric() {
                self.bump();
            }
        }
        self.push(Kind::Other, line);
    }

    /// A point belongs to a number only before a digit: `1..2` and `1.max(2)` have none.
    fn number(&mut self, line: usize) {
        while self.peek(0) == '_'
            || self.peek(0).is_alphanumeric()
            || self.peek(0) == '.' && self.peek(1).is_ascii_digit()
        {
            self.bump();
        }
        self.push(Kind::Other, line);
    }

    fn word(&mut self, line: usize) {
        let mut word = String::new();
        while self.peek(0) == '_' || self.peek(0).is_alphanumeric() {
            word.push(self.bump());
        }
        match (word.as_str(), self.peek(0), self.peek(1)) {
            ("r" | "br" | "cr", '"', _) | ("r" | "br" | "cr", '#', '"' | '#') => self.raw_string(line),
            ("b" | "c", '"', _) => self.string(line),
            ("b", '\'', _) => self.quote(line),
            ("r", '#', _) => {
                self.bump();
                self.word(line);
            }
            _ => self.push(Kind::Ident(word), line),
        }
    }
}

/// Removes everything that only a test build has: `#[cfg(test)]` and `#[cfg(all(test, …))]`, with the item after them.
pub(super) fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let inner = tokens[at].is_punct('#') && tokens.get(at + 1).is_some_and(|token| token.is_punct('!'));
        let open = at + 1 + usize::from(inner);
        let is_attribute = tokens[at].is_punct('#') && tokens.get(open).is_some_and(|token| token.opens('['));
        if !is_attribute || !is_only_for_tests(&tokens[open + 1..end_of(&tokens, open)]) {
            kept.push(tokens[at].clone());
            at += 1;
        } else if inner {
            // Of the whole file.
            return Vec::new();
        } else {
            // The attributes before it are on the same item.
            while let Some(start) = attribute_at_end(&kept) {
                kept.truncate(start);
            }
            at = end_of_item(&tokens, end_of(&tokens, open) + 1);
        }
    }
    kept
}

/// The index of the bracket that closes the one at `open`.
pub(super) fn end_of(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Where the attribute starts that these tokens end with.
fn attribute_at_end(tokens: &[Token]) -> Option<usize> {
    if tokens.last()?.kind != Kind::Close('[') {
        return None;
    }
    let mut depth = 0;
    for at in (0..tokens.len()).rev() {
        match tokens[at].kind {
            Kind::Close(_) => depth += 1,
            Kind::Open(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at.checked_sub(1).filter(|hash| tokens[*hash].is_punct('#'));
        }
    }
    None
}

/// After the item, field, variant, arm or statement that starts here, with its further attributes.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.is_punct('#')) {
        at = end_of(tokens, at + 1) + 1;
    }
    let mut to_semicolon = false;
    let mut is_item = false;
    let mut first = true;
    while let Some(token) = tokens.get(at) {
        match &token.kind {
            Kind::Close(_) => return at,
            Kind::Open('{') if !to_semicolon => return end_of(tokens, at) + 1,
            Kind::Open(_) => at = end_of(tokens, at),
            Kind::Punct(';') => return at + 1,
            Kind::Punct(',') if !is_item => return at + 1,
            Kind::Ident(word) if first => match word.as_str() {
                "pub" if tokens.get(at + 1).is_some_and(|token| token.opens('(')) => at = end_of(tokens, at + 1),
                "pub" | "unsafe" | "async" | "extern" => {}
                "const" if tokens.get(at + 1).is_some_and(|token| token.is_word("fn")) => {}
                "const" | "static" | "type" | "use" | "let" => (to_semicolon, is_item, first) = (true, true, false),
                "fn" | "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "macro_rules" => {
                    (is_item, first) = (true, false);
                }
                _ => first = false,
            },
            _ => {}
        }
        at += 1;
    }
    at
}

fn is_only_for_tests(attribute: &[Token]) -> bool {
    attribute.first().is_some_and(|token| token.is_word("cfg")) && attribute.len() > 3 && {
        let predicate = &attribute[2..attribute.len() - 1];
        !outcomes(predicate).0
    }
}

/// Whether a `cfg` predicate can be true, and whether it can be false, in a build without tests.
fn outcomes(predicate: &[Token]) -> (bool, bool) {
    let inside = || {
        let all = predicate.get(2..predicate.len().saturating_sub(1)).unwrap_or_default();
        let mut parts: Vec<Vec<Token>> = vec![Vec::new()];
        let mut depth = 0;
        for token in all {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close(_) => depth -= 1,
                Kind::Punct(',') if depth == 0 => {
                    parts.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            parts.last_mut().expect("one at least").push(token.clone());
        }
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| outcomes(&part)).collect::<Vec<_>>()
    };
    match predicate.first().and_then(Token::ident) {
        Some("test" | "doctest") if predicate.len() == 1 => (false, true),
        Some("not") => inside().first().map_or((true, true), |(yes, no)| (*no, *yes)),
        Some("all") => {
            let parts = inside();
            (parts.iter().all(|part| part.0), parts.iter().any(|part| part.1))
        }
        Some("any") => {
            let parts = inside();
            (parts.iter().any(|part| part.0), parts.iter().all(|part| part.1))
        }
        _ => (true, true),
    }
}
