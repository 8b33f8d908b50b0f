//! Relative links: the file exists, and so does the heading.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::pages::{Link, Page};

/// Adds a mistake for each relative link that leads nowhere. Returns how many relative links there are.
pub(crate) fn check(root: &Path, pages: &[Page], mistakes: &mut Vec<String>) -> usize {
    let anchors: HashMap<PathBuf, &[String]> =
        pages.iter().map(|page| (canonical(&page.path), &*page.anchors)).collect();
    let guide = canonical(&root.join("docs/guide/src"));
    let mut links = 0;
    for page in pages {
        let in_guide = canonical(&page.path).starts_with(&guide);
        for link in page.links.iter().filter(|link| is_relative(&link.to)) {
            links += 1;
            if let Some(mistake) = mistake(page, link, in_guide.then_some(&*guide), &anchors) {
                let name = page.path.strip_prefix(root).unwrap_or(&page.path).display();
                mistakes.push(format!("{name}:{}: {mistake}", link.line));
            }
        }
    }
    links
}

/// What is wrong with a relative link. `within` is the folder that it must not leave.
fn mistake(page: &Page, link: &Link, within: Option<&Path>, anchors: &HashMap<PathBuf, &[String]>) -> Option<String> {
    let (file, anchor) = link.to.split_once('#').unwrap_or((&link.to, ""));
    let target = match file {
        "" => page.path.clone(),
        _ => page.path.parent()?.join(file),
    };
    if !file.is_empty() && !target.exists() {
        return Some(format!("there is no {file}"));
    }
    let target = canonical(&target);
    if within.is_some_and(|folder| !target.starts_with(folder)) {
        return Some(format!("{file} is outside of the guide, which is a site of its own: name it without a link"));
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    if anchor.is_empty() || !is_page || anchors.get(&target).is_some_and(|known| known.iter().any(|id| id == anchor)) {
        return None;
    }
    Some(format!("{} has no heading #{anchor}", if file.is_empty() { "this page" } else { file }))
}

fn is_relative(to: &str) -> bool {
    !to.contains("://") && !to.starts_with("mailto:") && !to.is_empty()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::check;
    use crate::pages::Page;

    /// Mistakes of this crate's own page, if it had this text.
    fn mistakes(text: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut mistakes = Vec::new();
        check(root, &[Page::parse(root.join("a.md"), text)], &mut mistakes);
        mistakes
    }

    #[test]
    fn a_link_that_leads_somewhere_is_fine() {
        let text = "# Here\n[a](Cargo.toml), [b](src/main.rs#L3), [c](https://example.com/x#y), [d](#here)";
        assert!(mistakes(text).is_empty());
    }

    #[test]
    fn files_and_headings_that_do_not_exist() {
        assert_eq!(mistakes("\n[a](nowhere.md)"), ["a.md:2: there is no nowhere.md"]);
        assert_eq!(mistakes("[a](#there)"), ["a.md:1: this page has no heading #there"]);
    }

    #[test]
    fn the_guide_links_to_itself_alone() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let chapter: PathBuf = root.join("docs/guide/src/rooms.md");
        let mut mistakes = Vec::new();
        check(&root, &[Page::parse(chapter, "[a](../../limits.md)")], &mut mistakes);
        assert!(mistakes[0].ends_with("name it without a link"), "{mistakes:?}");
    }
}
