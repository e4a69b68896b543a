//! What the documents say of other files.

use super::{files, read, root};

/// The targets of `[text](target)`, without anchors, that are no URLs.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut documents = files("docs", &[".md"]);
    documents
        .extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned));
    let mut wrong = Vec::new();
    for document in documents {
        let folder = root().join(&document);
        let folder = folder.parent().expect("a folder");
        for link in links(&read(&document)) {
            if !folder.join(link).exists() {
                wrong.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(links("[a](b.md#c) [d](https://x.example) [e](#f)"), ["b.md"]);
}

#[test]
fn the_readme_shows_the_list_as_it_is() {
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let screen = read("docs/screens/list-80x24.txt");
    assert!(
        trimmed(&read("README.md")).contains(trimmed(&screen).trim_end()),
        "copy docs/screens/list-80x24.txt into README.md"
    );
}
