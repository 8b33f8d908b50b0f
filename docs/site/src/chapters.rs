//! The chapters: which files there are, which of them `SUMMARY.md` lists, and which have their Rust tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;

use crate::pages::markdown_in;

/// The file that includes the chapters, so that their Rust is tested.
const TESTED_BY: &str = "docs/guide/lib.rs";

/// Chapters that are missing in one of the three places.
pub(crate) fn mistakes(root: &Path, book: &MDBook) -> Vec<String> {
    let listed: Vec<String> = book.iter().filter_map(path_of).collect();
    let tested = tested(&fs::read_to_string(root.join(TESTED_BY)).unwrap_or_default());
    let files = markdown_in(&root.join("docs/guide/src"), false);
    let files = files.iter().filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()));
    let files = files.filter(|name| name != "SUMMARY.md").collect();
    compare(&listed, &files, &tested)
}

fn path_of(item: &BookItem) -> Option<String> {
    let BookItem::Chapter(chapter) = item else { return None };
    Some(chapter.path.as_ref()?.to_str()?.to_owned())
}

/// A chapter that is listed and has no file keeps mdBook from loading the book, so it is no case here.
fn compare(listed: &[String], files: &BTreeSet<String>, tested: &[String]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for file in files.iter().filter(|file| !listed.contains(file)) {
        mistakes.push(format!("docs/guide/src/{file}: SUMMARY.md does not list it, so the site is without it"));
    }
    let differ = (0..listed.len().max(tested.len())).find(|&at| listed.get(at) != tested.get(at));
    if let Some(at) = differ {
        let name = |list: &[String]| list.get(at).map_or("no further chapter".into(), |name| format!("`{name}`"));
        let (listed, tested) = (name(listed), name(tested));
        mistakes.push(format!(
            "{TESTED_BY} must include the chapters of SUMMARY.md in their order; it has {tested} in place of {listed}"
        ));
    }
    mistakes
}

/// The chapters that a source includes, in order.
fn tested(source: &str) -> Vec<String> {
    let included = source.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next());
    included.filter_map(|path| Some(path.strip_prefix("src/")?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{compare, tested};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_chapters_that_a_source_includes() {
        let source = "#[doc = include_str!(\"src/a.md\")]\nmod a {}\n#[doc = include_str!(\"../../README.md\")]\n";
        assert_eq!(tested(source), ["a.md"]);
    }

    #[test]
    fn three_lists_that_agree() {
        let chapters = names(&["b.md", "a.md"]);
        assert_eq!(compare(&chapters, &chapters.iter().cloned().collect(), &chapters), names(&[]));
    }

    #[test]
    fn a_file_that_is_not_listed() {
        let files = names(&["a.md", "b.md"]).into_iter().collect();
        let mistakes = compare(&names(&["a.md"]), &files, &names(&["a.md"]));
        assert_eq!(mistakes, ["docs/guide/src/b.md: SUMMARY.md does not list it, so the site is without it"]);
    }

    #[test]
    fn a_chapter_that_is_not_tested_and_one_out_of_order() {
        let listed = names(&["a.md", "b.md"]);
        let files = listed.iter().cloned().collect();
        let missing = compare(&listed, &files, &names(&["a.md"]));
        assert!(missing[0].ends_with("it has no further chapter in place of `b.md`"), "{missing:?}");
        let swapped = compare(&listed, &files, &names(&["b.md", "a.md"]));
        assert!(swapped[0].ends_with("it has `b.md` in place of `a.md`"), "{swapped:?}");
    }
}
