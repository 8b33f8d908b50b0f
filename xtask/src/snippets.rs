//! Every Rust block in the prose compiles: its file is part of some crate's doc tests.
//!
//! A crate takes a file in with `#[cfg(doctest)] #[doc = include_str!("…")] struct Readme;`, and `cargo test` does the
//! rest. What is checked here is that no file was left out, that no block is marked `ignore`, and that relative links lead
//! somewhere: those of the guide to its own chapters, as a book has nothing else, and each chapter is in its summary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Job, Outcome, Stop};

/// The `snippets` part.
pub(crate) fn check(job: &mut Job<'_>) -> Outcome {
    let root = &job.options().root;
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(Some(root.join("README.md")).filter(|page| page.is_file()));
    let sources: Vec<PathBuf> = ["crates", "examples"].iter().flat_map(|dir| files(&root.join(dir), "rs")).collect();
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
    let links = check_links(root, &mut mistakes);
    for mistake in &mistakes {
        job.say(mistake);
    }
    if !mistakes.is_empty() {
        return Err(Stop::Failed(format!("{} to mend", mistakes.len())));
    }
    job.say(&format!("{blocks} Rust blocks in {} pages, all in some crate's doc tests; {links} links", pages.len()));
    Ok(())
}

/// Relative links that lead nowhere, or out of the guide; chapters that its summary does not have. Returns how many links
/// there are.
fn check_links(root: &Path, mistakes: &mut Vec<String>) -> usize {
    let guide = root.join("docs/guide/src");
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(files(&root.join("examples"), "md"));
    pages.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut links = 0;
    for page in &pages {
        let Ok(text) = fs::read_to_string(page) else { continue };
        let name = page.strip_prefix(root).unwrap_or(page).display();
        let dir = page.parent().unwrap_or(root);
        for (line, link) in relative_links(&text) {
            links += 1;
            let leads_to = dir.join(&link);
            if !leads_to.exists() {
                mistakes.push(format!("{name}:{line}: there is no {link}"));
            } else if page.starts_with(&guide) && !canonical(&leads_to).starts_with(canonical(&guide)) {
                mistakes.push(format!("{name}:{line}: {link} is not in the book; name it without a link"));
            }
        }
    }
    let summary = fs::read_to_string(guide.join("SUMMARY.md")).unwrap_or_default();
    let listed: BTreeSet<PathBuf> =
        relative_links(&summary).iter().map(|(_, link)| canonical(&guide.join(link))).collect();
    for chapter in files(&guide, "md") {
        if !chapter.ends_with("SUMMARY.md") && !listed.contains(&canonical(&chapter)) {
            let name = chapter.strip_prefix(root).unwrap_or(&chapter).display();
            mistakes.push(format!("{name}: docs/guide/src/SUMMARY.md does not list it, so the book is without it"));
        }
    }
    links
}

#[derive(Debug, PartialEq)]
struct Block {
    /// Counted from 1.
    line: usize,
    ignored: bool,
}

/// What a line of a page is.
enum Line<'a> {
    Prose(&'a str),
    /// The first line of a fenced block, behind the fence.
    Opens(&'a str),
    Inside,
}

/// The lines of a page, counted from 1. A fence inside a longer one is that block's text.
fn lines(text: &str) -> impl Iterator<Item = (usize, Line<'_>)> {
    let mut open: Option<&str> = None;
    text.lines().enumerate().map(move |(index, whole)| {
        let line = whole.trim_start().trim_start_matches("> ");
        let line = match open {
            Some(fence) => {
                if line.starts_with(fence) && line.trim_end().chars().all(|c| fence.contains(c)) {
                    open = None;
                }
                Line::Inside
            }
            None if line.starts_with("```") || line.starts_with("~~~") => {
                let (fence, info) = line.split_at(line.len() - line.trim_start_matches(&line[..1]).len());
                open = Some(fence);
                Line::Opens(info)
            }
            None => Line::Prose(whole),
        };
        (index + 1, line)
    })
}

/// The fenced blocks that say `rust`.
fn rust_blocks(text: &str) -> Vec<Block> {
    let block = |(line, what)| {
        let Line::Opens(info) = what else { return None };
        let mut words = info.split([',', ' ', '{', '}']).map(str::trim);
        let is_rust = words.clone().any(|word| word == "rust" || word == "rs");
        is_rust.then(|| Block { line, ignored: words.any(|word| word.starts_with("ignore")) })
    };
    lines(text).filter_map(block).collect()
}

/// The links to files of the repository, each with its line: `[text](FILE)`, without what is behind a `#`.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in lines(text) {
        let Line::Prose(line) = line else { continue };
        // What stands between backticks is no link.
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let Some((link, _)) = rest.split_once(')') else { continue };
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            if !file.is_empty() && !file.contains("://") {
                links.push((number, file.to_owned()));
            }
        }
    }
    links
}

/// The files that a source takes into its documentation.
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
    use super::{Block, included_names, relative_links, rust_blocks};

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
    fn finds_the_links_to_files() {
        let text =
            "[a](b.md) and [`c`](../d.rs#L1), not [e](https://f), [g](#h), `[i](j)`\n```text\n[k](l)\n```\n[m](n)";
        assert_eq!(relative_links(text), [(1, "b.md"), (1, "../d.rs"), (5, "n")].map(|(n, file)| (n, file.to_owned())));
    }

    #[test]
    fn finds_the_files_that_a_crate_includes() {
        let text = "#[doc = include_str!(\"../README.md\")]\n// #[doc = include_str!(\"no.md\")]\n\
                    #![cfg_attr(doctest, doc = include_str!(\n    \"../docs/a.md\"\n))]\nlet x = include_str!(\"b\");";
        assert_eq!(included_names(text), ["../README.md", "../docs/a.md"]);
    }
}
