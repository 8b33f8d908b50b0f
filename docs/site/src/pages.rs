//! The pages of the repository, and what a page has: headings and links.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// One Markdown file.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) anchors: Vec<String>,
    pub(crate) links: Vec<Link>,
}

/// A link or an image, as it is written.
#[derive(Debug, PartialEq)]
pub(crate) struct Link {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) to: String,
}

/// Every page that people read: those at the root, and those of `docs`, `examples` and `bench`.
pub(crate) fn of_repository(root: &Path) -> Vec<Page> {
    let mut files = markdown_in(root, false);
    for folder in ["docs", "examples", "bench"] {
        files.extend(markdown_in(&root.join(folder), true));
    }
    files.sort();
    files.into_iter().filter_map(|path| Some(Page::parse(path.clone(), &fs::read_to_string(path).ok()?))).collect()
}

/// The Markdown files of a folder, and of those in it if `deep`.
pub(crate) fn markdown_in(dir: &Path, deep: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = path.file_name().is_some_and(|name| name != "target" && name != "node_modules");
        if path.is_dir() && deep && is_ours {
            found.extend(markdown_in(&path, true));
        } else if path.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

impl Page {
    pub(crate) fn parse(path: PathBuf, text: &str) -> Page {
        let mut page = Page { path, anchors: Vec::new(), links: Vec::new() };
        let mut heading: Option<String> = None;
        let mut used: HashMap<String, usize> = HashMap::new();
        for (event, range) in new_cmark_parser(text, &MarkdownOptions::default()).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let id = anchor(&heading.take().unwrap_or_default());
                    let before = used.entry(id.clone()).or_default();
                    page.anchors.push(if *before == 0 { id } else { format!("{id}-{before}") });
                    *before += 1;
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text[..range.start].matches('\n').count() + 1;
                    page.links.push(Link { line, to: dest_url.into_string() });
                }
                _ => {}
            }
        }
        page
    }
}

/// The anchor of a heading, as mdBook and GitHub make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || matches!(c, '_' | '-'));
    kept.map(|c| if c.is_whitespace() { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Link, Page};

    #[test]
    fn anchors_are_those_of_the_site() {
        let text = "# Who gets it?\n## `join`, and *leave*\n## Limits\n## Limits\n```md\n# not a heading\n```\n";
        let page = Page::parse("a.md".into(), text);
        assert_eq!(page.anchors, ["who-gets-it", "join-and-leave", "limits", "limits-1"]);
    }

    #[test]
    fn links_and_images_have_their_lines() {
        let text = "[a](b.md#c), not `[d](e)`\n\n```text\n[f](g)\n```\n![h](i.svg)\n";
        let link = |line, to: &str| Link { line, to: to.into() };
        assert_eq!(Page::parse("a.md".into(), text).links, [link(1, "b.md#c"), link(6, "i.svg")]);
    }
}
