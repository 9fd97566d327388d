//! A page of the documentation: its text, and the fenced blocks in it.

use std::fs;
use std::path::{Path, PathBuf};

/// One fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// such as `sh`; empty where none is given
    pub(super) language: String,
    pub(super) text: String,
    /// the comment in the line before, without its marks
    pub(super) comment: String,
    /// where it begins, from 1
    pub(super) line: usize,
}

pub(super) struct Page {
    /// from the root of the project, such as `docs/faq.md`
    pub(super) name: String,
    pub(super) text: String,
}

impl Page {
    /// All pages for users and for those who work on the project.
    pub(super) fn all() -> Vec<Self> {
        let mut names = Vec::new();
        for dir in ["", "docs", "helm", ".github", "packaging"] {
            names.extend(pages_in(Path::new(dir)));
        }
        names.sort();
        assert!(names.len() > 10, "too few pages: {names:?}");
        names.into_iter().map(|name| Self::named(&name.to_string_lossy())).collect()
    }

    pub(super) fn named(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name: name.to_owned(), text }
    }

    /// The fenced blocks, in order.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut before = "";
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (Some(block), None) => block.text.extend([line, "\n"]),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(language)) => {
                    let comment = before.strip_prefix("<!-- ").and_then(|c| c.strip_suffix(" -->"));
                    open = Some(Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                        comment: comment.unwrap_or_default().to_owned(),
                        line: number + 1,
                    });
                }
                (None, None) => {}
            }
            before = line.trim();
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.name);
        blocks
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages in `dir` and below, from the root of the project.
fn pages_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(dir)) else { return Vec::new() };
    let mut pages = Vec::new();
    for entry in entries {
        let path = dir.join(entry.unwrap().file_name());
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        } else if dir != Path::new("") && root().join(&path).is_dir() {
            pages.extend(pages_in(&path));
        }
    }
    pages
}
