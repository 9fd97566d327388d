//! Links within the project: the file is there, and so is the heading.

use std::collections::BTreeSet;
use std::fs;

use super::Page;
use super::page::root;

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    let mut seen = 0;
    for page in Page::all() {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        for link in links(&page.text) {
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let file = if path.is_empty() { root().join(&page.name) } else { folder.join(path) };
            let is_there = match heading {
                "" => file.exists(),
                heading => {
                    fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(heading))
                }
            };
            if !is_there {
                dead.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(seen > 30, "only {seen} links were found");
}

#[test]
fn every_page_of_docs_is_in_the_table_of_contents() {
    let contents: BTreeSet<String> = links(&Page::named("README.md").text).collect();
    for page in Page::all().iter().filter(|page| page.name.starts_with("docs/")) {
        assert!(contents.contains(&page.name), "README.md has no link to {}", page.name);
    }
}

/// The targets of `[text](target)` that are no address of the web.
fn links(text: &str) -> impl Iterator<Item = String> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split_once(')')?.0;
        let is_ours =
            !target.contains("://") && !target.contains([' ', '\n']) && !target.is_empty();
        is_ours.then(|| target.to_owned())
    })
}

/// What headings are called in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = |letter: char| match letter {
        ' ' => Some('-'),
        letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[test]
fn headings_are_named_as_hosts_of_markdown_name_them() {
    assert_eq!(anchor("A `URL`, and more: TLS"), "a-url-and-more-tls");
    assert_eq!(
        links("[a](b.md) [c](https://d) ![e](f.png#g)").collect::<Vec<_>>(),
        ["b.md", "f.png#g"]
    );
}
