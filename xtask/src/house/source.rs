//! The modules of a crate as its files declare them: what each defines, imports, and names by a path.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::tokens::{self, Kind, Token, end_of};

/// One module: a file, or a `mod` with a body inside of one.
#[derive(Default)]
pub(super) struct Module {
    /// Of its file, relative to the crate's `src`.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    pub(super) children: BTreeMap<String, usize>,
    /// Names of what it defines, but for modules.
    pub(super) items: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Paths of two segments or more, outside of `use`.
    pub(super) paths: Vec<Named>,
    /// Each identifier that has no path, where it comes first: what may come from a glob.
    pub(super) words: BTreeMap<String, usize>,
    pub(super) impls: Vec<Impl>,
}

/// A path, and the line where it is written.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// One leaf of a `use`.
pub(super) struct Import {
    pub(super) named: Named,
    pub(super) binds: Binds,
}

pub(super) enum Binds {
    Name(String),
    /// `*`: all names of what the path is.
    Glob,
    /// `as _`.
    Nothing,
}

/// An `impl` block that is of no trait.
pub(super) struct Impl {
    pub(super) of: Named,
    /// Functions that take `self`.
    pub(super) methods: usize,
}

/// All modules that a build without tests has. The first is the crate's root.
pub(super) fn modules(sources: &Sources) -> Result<Vec<Module>, String> {
    let mut reader = Reader { sources, modules: vec![Module::default()] };
    reader.file(0, "lib.rs")?;
    Ok(reader.modules)
}

struct Reader<'a> {
    sources: &'a Sources,
    modules: Vec<Module>,
}

impl Reader<'_> {
    fn file(&mut self, module: usize, file: &str) -> Result<(), String> {
        let text = self.sources.get(file).ok_or_else(|| format!("{file}: it is declared, and does not exist"))?;
        let tokens = tokens::without_tests(tokens::tokens(text));
        self.modules[module].file = file.to_owned();
        let (dir, name) = file.rsplit_once('/').map_or((String::new(), file), |(dir, name)| (format!("{dir}/"), name));
        let below = match name {
            "lib.rs" | "mod.rs" => dir,
            name => format!("{dir}{}/", name.trim_end_matches(".rs")),
        };
        self.items(module, &tokens, &below)
    }

    /// The items of a module. `below` is the directory of its children, with a `/` at the end.
    fn items(&mut self, module: usize, tokens: &[Token], below: &str) -> Result<(), String> {
        let mut at = 0;
        while at < tokens.len() {
            let start = at;
            let mut path_attribute = None;
            while tokens[at].is_punct('#') {
                let open = at + 1 + usize::from(tokens[at + 1].is_punct('!'));
                let end = end_of(tokens, open);
                path_attribute = path_attribute.or_else(|| path_in(&tokens[open + 1..end]));
                at = end + 1;
                if at >= tokens.len() {
                    break;
                }
            }
            let item = Item::at(tokens, at);
            at = item.end;
            let written = &tokens[start..item.end.min(tokens.len())];
            match item.keyword {
                Some("mod") => {
                    self.child(module, item.name.unwrap_or_default(), item.body, below, path_attribute)?;
                    continue;
                }
                Some("impl") => {
                    if let Some(found) =
                        item.body.and_then(|body| inherent(&tokens[item.start + 1..item.body_start], body))
                    {
                        self.modules[module].impls.push(found);
                    }
                }
                Some("use" | "extern") => {}
                // Items that its body names literally, such as `struct Limits` in `limits!`.
                Some("macro_rules") => {
                    self.modules[module].items.extend(item.name.map(str::to_owned));
                    self.modules[module].items.extend(named_items(item.body.unwrap_or_default()));
                }
                Some(_) => self.modules[module].items.extend(item.name.map(str::to_owned)),
                // A macro that is given items, as `pin_project!` is.
                None => self.modules[module].items.extend(named_items(item.body.unwrap_or_default())),
            }
            self.names(module, written);
        }
        Ok(())
    }

    fn child(
        &mut self,
        parent: usize,
        name: &str,
        body: Option<&[Token]>,
        below: &str,
        path: Option<String>,
    ) -> Result<(), String> {
        let child = self.modules.len();
        self.modules.push(Module { parent: Some(parent), ..Module::default() });
        self.modules[parent].children.insert(name.to_owned(), child);
        if let Some(body) = body {
            self.modules[child].file = self.modules[parent].file.clone();
            return self.items(child, body, &format!("{below}{name}/"));
        }
        let own_dir = self.modules[parent].file.rsplit_once('/').map_or(String::new(), |(dir, _)| format!("{dir}/"));
        let file = match path {
            Some(path) => format!("{own_dir}{path}"),
            None => {
                let (file, dir) = (format!("{below}{name}.rs"), format!("{below}{name}/mod.rs"));
                if self.sources.contains_key(&dir) { dir } else { file }
            }
        };
        self.file(child, &file)
    }

    /// Everything that these tokens name.
    fn names(&mut self, module: usize, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let Some(word) = tokens[at].ident() else {
                at += 1;
                continue;
            };
            let after = at.checked_sub(1).map(|before| &tokens[before]);
            if word == "use" && tokens.get(at + 1).is_some_and(|next| !next.is_punct('<')) {
                at = self.import(module, tokens, at + 1, Vec::new());
                continue;
            }
            let follows = after.is_some_and(|before| before.is_punct('.') || before.kind == Kind::PathSep);
            let (path, end) = path_at(tokens, at);
            if !follows {
                let line = tokens[at].line;
                if path.len() > 1 {
                    self.modules[module].paths.push(Named { path, line });
                } else {
                    self.modules[module].words.entry(word.to_owned()).or_insert(line);
                }
            }
            at = end;
        }
    }

    /// One tree of a `use`, from `at`. Returns where it ends.
    fn import(&mut self, module: usize, tokens: &[Token], mut at: usize, mut path: Vec<String>) -> usize {
        if path.is_empty() && tokens.get(at).is_some_and(|token| token.kind == Kind::PathSep) {
            // `::name` is another crate.
            path.push("{extern}".to_owned());
            at += 1;
        }
        let line = tokens.get(at).map_or(0, |token| token.line);
        while let Some(token) = tokens.get(at) {
            match &token.kind {
                Kind::Ident(word) if word == "as" => {
                    let name = tokens.get(at + 1).and_then(Token::ident).unwrap_or("_");
                    let binds = if name == "_" { Binds::Nothing } else { Binds::Name(name.to_owned()) };
                    self.bind(module, path, line, Some(binds));
                    return at + 2;
                }
                // `a::{self}` is `a`; `self::a` begins with it.
                Kind::Ident(word) if word == "self" && !path.is_empty() => {}
                Kind::Ident(word) => path.push(word.clone()),
                Kind::PathSep => {}
                Kind::Punct('*') => {
                    self.bind(module, path, line, Some(Binds::Glob));
                    return at + 1;
                }
                Kind::Open('{') => {
                    let end = end_of(tokens, at);
                    let mut inner = at + 1;
                    while inner < end {
                        inner = self.import(module, &tokens[..end], inner, path.clone()) + 1;
                    }
                    return end + 1;
                }
                _ => break,
            }
            at += 1;
        }
        self.bind(module, path, line, None);
        at
    }

    fn bind(&mut self, module: usize, path: Vec<String>, line: usize, binds: Option<Binds>) {
        let Some(last) = path.last() else { return };
        let binds = binds.unwrap_or_else(|| Binds::Name(last.clone()));
        self.modules[module].imports.push(Import { named: Named { path, line }, binds });
    }
}

/// An item from its first token after its attributes.
struct Item<'a> {
    start: usize,
    /// `None`: a macro's call.
    keyword: Option<&'a str>,
    name: Option<&'a str>,
    /// Between its braces (or a macro's brackets).
    body: Option<&'a [Token]>,
    /// Where the body opens.
    body_start: usize,
    end: usize,
}

const KEYWORDS: [&str; 12] =
    ["mod", "use", "struct", "enum", "union", "trait", "type", "fn", "impl", "static", "macro_rules", "extern"];

impl<'a> Item<'a> {
    fn at(tokens: &'a [Token], start: usize) -> Item<'a> {
        let word = |at: usize| tokens.get(at).and_then(Token::ident);
        let mut at = start;
        // Up to the word that says what it is.
        let keyword = loop {
            match word(at) {
                Some("pub") if tokens.get(at + 1).is_some_and(|token| token.opens('(')) => at = end_of(tokens, at + 1),
                Some("pub" | "unsafe" | "async" | "default") => {}
                Some("const") if matches!(word(at + 1), Some("fn" | "async" | "unsafe" | "extern")) => {}
                Some("const") => break Some("const"),
                Some("extern") if word(at + 1) != Some("crate") => {
                    // `extern "C" fn`, or a block of it.
                    at += usize::from(matches!(tokens.get(at + 1).map(|token| &token.kind), Some(Kind::Text(_))));
                    if tokens.get(at + 1).is_some_and(|token| token.opens('{')) {
                        break Some("extern");
                    }
                }
                Some(found) => break KEYWORDS.into_iter().find(|keyword| *keyword == found),
                None => break None,
            }
            at += 1;
        };
        let start = at;
        let named = match keyword {
            Some("macro_rules") => at + 2,
            Some("static") if word(at + 1) == Some("mut") => at + 2,
            _ => at + 1,
        };
        let name = if keyword.is_some() { word(named) } else { None };
        let to_semicolon = matches!(keyword, Some("const" | "static" | "type" | "use"));
        let (mut body, mut body_start) = (None, at);
        while let Some(token) = tokens.get(at) {
            match token.kind {
                Kind::Punct(';') => break,
                Kind::Open(bracket) => {
                    let end = end_of(tokens, at);
                    let is_body = bracket == '{' && !to_semicolon;
                    if is_body || keyword.is_none() {
                        (body, body_start) = (tokens.get(at + 1..end), at);
                    }
                    at = end;
                    if is_body {
                        break;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Item { start, keyword, name, body, body_start, end: (at + 1).min(tokens.len()) }
    }
}

/// The file that `#[path = "…"]` says.
fn path_in(attribute: &[Token]) -> Option<String> {
    match attribute {
        [name, equals, Token { kind: Kind::Text(path), .. }] if name.is_word("path") && equals.is_punct('=') => {
            Some(path.clone())
        }
        _ => None,
    }
}

/// `a::b::c` from its first identifier, and where it ends.
fn path_at(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(word) = tokens.get(at).and_then(Token::ident) {
        path.push(word.to_owned());
        at += 1;
        let goes_on = tokens.get(at).is_some_and(|token| token.kind == Kind::PathSep)
            && tokens.get(at + 1).is_some_and(|token| token.ident().is_some());
        if !goes_on {
            break;
        }
        at += 1;
    }
    (path, at)
}

/// The names of items among the tokens that a macro is given.
fn named_items(tokens: &[Token]) -> Vec<String> {
    let pairs = tokens.windows(2);
    let named = pairs.filter(|pair| {
        pair[0].ident().is_some_and(|word| ["struct", "enum", "union", "trait", "fn", "type"].contains(&word))
    });
    named.filter_map(|pair| pair[1].ident().map(str::to_owned)).collect()
}

/// An `impl` of no trait, from what is between `impl` and its body.
fn inherent(header: &[Token], body: &[Token]) -> Option<Impl> {
    let mut angles = 0;
    let mut of = None;
    let mut before = None;
    for (at, token) in header.iter().enumerate() {
        match &token.kind {
            Kind::Punct('<') => angles += 1,
            // Not of an arrow.
            Kind::Punct('>') if before != Some('-') => angles -= 1,
            Kind::Ident(word) if angles == 0 && word == "for" => return None,
            Kind::Ident(word) if angles == 0 && word == "where" => break,
            Kind::Ident(_) if angles == 0 && of.is_none() => {
                of = Some(Named { path: path_at(header, at).0, line: token.line });
            }
            _ => {}
        }
        before = match token.kind {
            Kind::Punct(punct) => Some(punct),
            _ => None,
        };
    }
    Some(Impl { of: of?, methods: methods(body) })
}

fn methods(body: &[Token]) -> usize {
    let mut found = 0;
    let mut at = 0;
    while at < body.len() {
        match &body[at].kind {
            Kind::Open('{') => at = end_of(body, at),
            Kind::Ident(word) if word == "fn" => {
                let open = (at..body.len()).find(|open| body[*open].opens('(')).unwrap_or(body.len());
                let mut first = body.iter().skip(open + 1);
                let receiver =
                    first.find(|token| !(token.is_punct('&') || token.kind == Kind::Other || token.is_word("mut")));
                found += usize::from(receiver.is_some_and(|token| token.is_word("self")));
                at = open;
            }
            _ => {}
        }
        at += 1;
    }
    found
}
