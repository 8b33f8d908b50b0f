//! Builds the guide as a site, and checks the documentation: `cargo run -p docs`.
//!
//! The site is written to `target/guide`. Before that, every page of the repository is checked: relative links and their
//! anchors lead somewhere, each chapter is in `SUMMARY.md`, and the Rust of each chapter is tested.

mod chapters;
mod links;
mod pages;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mdbook_driver::MDBook;
use mdbook_driver::errors::Result;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match run(&root.canonicalize().unwrap_or(root)) {
        Ok(mistakes) if mistakes.is_empty() => ExitCode::SUCCESS,
        Ok(mistakes) => {
            for mistake in &mistakes {
                eprintln!("{mistake}");
            }
            eprintln!("{} to mend", mistakes.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the guide cannot be built: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the mistakes. The site is built only if there are none, so that a site that exists is whole.
fn run(root: &Path) -> Result<Vec<String>> {
    let mut book = MDBook::load(root.join("docs/guide"))?;
    let pages = pages::of_repository(root);
    let mut mistakes = chapters::mistakes(root, &book);
    let links = links::check(root, &pages, &mut mistakes);
    if !mistakes.is_empty() {
        return Ok(mistakes);
    }
    let site = target(root).join("guide");
    book.config.build.build_dir.clone_from(&site);
    book.build()?;
    println!("{} pages, {links} links; the guide is in {}", pages.len(), site.join("index.html").display());
    Ok(mistakes)
}

/// Cargo's target directory.
fn target(root: &Path) -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => env::current_dir().unwrap_or_default().join(dir),
        None => root.join("target"),
    }
}
