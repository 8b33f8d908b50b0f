//! Every Rust block in the prose compiles: its file is part of some crate's doc tests.
//!
//! A crate takes a file in with `#[cfg(doctest)] #[doc = include_str!("…")] struct Readme;`, and `cargo test` does the
//! rest. What is checked here is that no file was left out, and that no block is marked `ignore`. Links and chapters are
//! checked by `docs/site`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Job, Outcome, Stop};

/// The `snippets` part.
pub(crate) fn check(job: &mut Job<'_>) -> Outcome {
    let root = &job.options().root;
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(Some(root.join("README.md")).filter(|page| page.is_file()));
    let sources: Vec<PathBuf> =
        ["crates", "docs", "examples"].iter().flat_map(|dir| files(&root.join(dir), "rs")).collect();
    let included: BTreeSet<PathBuf> = sources.iter().flat_map(|source| includes(source)).collect();

    let mut mistakes = Vec::new();
    let mut blocks = 0;
    for page in &pages {
        let Ok(text) = fs::read_to_string(page) else { continue };
        let found = rust_blocks(&text);
        let name = page.strip_prefix(root).unwrap_or(page).display();
        for block in found.iter().filter(|block| block.ignored) {
            mistakes.push(format!("{name}:{}: marked `ignore`, so nothing compiles it (use `no_run`)", block.line));
        }
        if let Some(first) = found.first()
            && !included.contains(&canonical(page))
        {
            mistakes.push(format!(
                "{name}:{}: a Rust block, and no crate has `#[doc = include_str!(\"…/{name}\")]`",
                first.line
            ));
        }
        blocks += found.len();
    }
    for mistake in &mistakes {
        job.say(mistake);
    }
    if !mistakes.is_empty() {
        return Err(Stop::Failed(format!("{} to mend", mistakes.len())));
    }
    job.say(&format!("{blocks} Rust blocks in {} pages, all in some crate's doc tests", pages.len()));
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Block {
    /// Counted from 1.
    line: usize,
    ignored: bool,
}

/// The lines that open a fenced block: their number, counted from 1, and the text after the fence. A fence inside a longer
/// one is that block's text.
fn openings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut open: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_start().trim_start_matches("> ");
        match open {
            Some(fence) => {
                if line.starts_with(fence) && line.trim_end().chars().all(|c| fence.contains(c)) {
                    open = None;
                }
                None
            }
            None if line.starts_with("```") || line.starts_with("~~~") => {
                let (fence, info) = line.split_at(line.len() - line.trim_start_matches(&line[..1]).len());
                open = Some(fence);
                Some((index + 1, info))
            }
            None => None,
        }
    })
}

/// The fenced blocks that say `rust`.
fn rust_blocks(text: &str) -> Vec<Block> {
    let block = |(line, info): (usize, &str)| {
        let mut words = info.split([',', ' ', '{', '}']).map(str::trim);
        let is_rust = words.clone().any(|word| word == "rust" || word == "rs");
        is_rust.then(|| Block { line, ignored: words.any(|word| word.starts_with("ignore")) })
    };
    openings(text).filter_map(block).collect()
}

/// The files that a source includes in its documentation.
fn includes(source: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(source).unwrap_or_default();
    let dir = source.parent().unwrap_or(source);
    included_names(&text).iter().map(|name| canonical(&dir.join(name))).collect()
}

/// The names in `doc = include_str!("NAME")`.
fn included_names(text: &str) -> Vec<String> {
    let uncommented = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let squeezed: String = uncommented.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let found = squeezed.split("doc=include_str!(\"").skip(1);
    found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The files under a directory with an extension, in order.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|ext| ext == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::{Block, included_names, rust_blocks};

    #[test]
    fn finds_the_blocks_that_say_rust() {
        let text = "```rust\nlet a = 1;\n```\n```json\n{}\n```\n```rust,no_run\n```\n  ```rust,ignore\n  ```\n";
        let expected = [(1, false), (7, false), (9, true)].map(|(line, ignored)| Block { line, ignored });
        assert_eq!(rust_blocks(text), expected);
    }

    #[test]
    fn a_block_inside_a_longer_fence_is_text() {
        assert_eq!(rust_blocks("````md\n```rust\n```\n````\n"), []);
    }

    #[test]
    fn finds_the_files_that_a_crate_includes() {
        let text = "#[doc = include_str!(\"../README.md\")]\n// #[doc = include_str!(\"no.md\")]\n\
                    #![cfg_attr(doctest, doc = include_str!(\n    \"../docs/a.md\"\n))]\nlet x = include_str!(\"b\");";
        assert_eq!(included_names(text), ["../README.md", "../docs/a.md"]);
    }
}
