//! The licences of all dependencies against the list in deny.toml, which `cargo deny check
//! licenses` reads too. Here so that the rule is tested where that tool is not installed.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use super::{read, root};

/// Whether an SPDX expression can be met with the allowed licences: any side of `OR`, both of
/// `AND`. `A/B` is the old spelling of `A OR B`.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let result = any(&words, &mut at, allowed);
    result && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all(words, at, allowed);
    }
    result
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed);
    }
    result
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let result = any(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return result && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).unwrap_or(&"");
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    // `MPL-2.0+` is met by the version that it names.
    allowed.contains(word.trim_end_matches('+'))
}

/// `licenses.allow`, and the exceptions as (crate, licences).
fn policy() -> (BTreeSet<String>, Vec<(String, BTreeSet<String>)>) {
    let deny: toml::Table = read("deny.toml").parse().expect("deny.toml is TOML");
    let list = |value: &toml::Value| -> BTreeSet<String> {
        let texts = value.as_array().expect("a list").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let licences = &deny["licenses"];
    let exceptions = licences.get("exceptions").and_then(toml::Value::as_array);
    let exceptions = exceptions
        .into_iter()
        .flatten()
        .map(|entry| (entry["crate"].as_str().expect("a crate").to_owned(), list(&entry["allow"])));
    (list(&licences["allow"]), exceptions.collect())
}

fn tree(flags: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--target", "all", "--all-features"])
        .args(["--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}\t{l}"])
        .args(flags)
        .current_dir(root())
        .output()
        .expect("cargo runs")
}

/// Name and licence of everything that is built into keybook or its tests on some platform.
/// `cargo metadata` would also give what optional features, that nobody turned on, would need.
fn packages() -> BTreeSet<(String, String)> {
    // A build fetches only what its own platform needs; the rest is fetched here, once.
    let output = Some(tree(&["--offline"]))
        .filter(|output| output.status.success())
        .unwrap_or_else(|| tree(&[]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .filter_map(|line| {
            let (package, licence) = line.split_once('\t')?;
            let name = package.split(' ').next()?;
            Some((name.to_owned(), licence.trim_end_matches(" (*)").to_owned()))
        })
        .collect()
}

#[test]
fn every_dependency_is_under_an_allowed_licence() {
    let (allowed, exceptions) = policy();
    let packages = packages();
    assert!(packages.len() > 200, "{}", packages.len());
    let mut needed = BTreeSet::new();
    for (name, licence) in packages {
        let exempt = exceptions.iter().find(|(of, _)| *of == name);
        let mut here = allowed.clone();
        if let Some((of, more)) = exempt {
            here.extend(more.iter().cloned());
            needed.insert(of.clone());
        }
        assert!(met(&licence, &here), "{name}: licence {licence:?} is not in deny.toml");
    }
    let named: BTreeSet<String> = exceptions.into_iter().map(|(name, _)| name).collect();
    assert_eq!(named, needed, "an exception in deny.toml is for a crate that is not there");
}

#[test]
fn every_dependency_is_from_the_public_registry() {
    let lock: toml::Table = read("Cargo.lock").parse().expect("Cargo.lock is TOML");
    for package in lock["package"].as_array().expect("packages") {
        if let Some(source) = package.get("source") {
            let source = source.as_str().expect("a text");
            assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index");
        }
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> =
        ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "ISC+",
        "MIT AND ISC",
        "(GPL-3.0 OR MIT) AND ISC",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC", "Apache-2.0", "MIT ISC"] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}
