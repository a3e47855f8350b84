//! The dependency tree: one version of what must be one, licences, sources, the oldest Rust. `cargo deny` reads the same
//! `deny.toml` and knows more, but is not on every machine; this runs everywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tree::TextFile;
use super::{Findings, licence, list, members, text};
use crate::Outcome;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Only tests are made with it.
const TESTKIT: &str = "hyperslab-testkit";

pub(super) fn check(metadata: &Value, files: &[TextFile], findings: &mut Findings) -> Outcome {
    let deny = files
        .iter()
        .find(|file| file.path == "deny.toml")
        .ok_or("deny.toml is missing: it holds the licences that are allowed")?;
    let rules = Rules::read(&deny.text);
    if rules.licences.is_empty() {
        return Err("deny.toml has no line `allow = [` with licences".into());
    }
    check_single_versions(metadata, &rules.single, findings);
    check_licences(metadata, &rules, findings);
    check_rust_version(metadata, files, findings);
    Ok(())
}

/// The lines of `deny.toml` that are read here.
struct Rules<'a> {
    licences: Vec<&'a str>,
    clarified: Vec<&'a str>,
    single: Vec<&'a str>,
    banned: Vec<&'a str>,
}

impl<'a> Rules<'a> {
    fn read(deny: &'a str) -> Self {
        let mut rules = Self {
            licences: Vec::new(),
            clarified: Vec::new(),
            single: Vec::new(),
            banned: Vec::new(),
        };
        let mut allowing = false;
        for line in deny.lines().map(str::trim) {
            let first = line.split('"').nth(1);
            match first {
                _ if line == "allow = [" => allowing = true,
                _ if line == "]" => allowing = false,
                Some(name) if allowing => rules.licences.push(name),
                Some(name) if line.starts_with("crate =") => rules.clarified.push(name),
                Some(name) if line.contains("deny-multiple-versions = true") => {
                    rules.single.push(name);
                }
                Some(name) if line.starts_with("{ crate =") => rules.banned.push(name),
                _ => {}
            }
        }
        rules
    }
}

fn check_single_versions(metadata: &Value, single: &[&str], findings: &mut Findings) {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        if single.contains(&name) {
            versions
                .entry(name)
                .or_default()
                .push(text(package, "version"));
        }
    }
    for (name, versions) in versions {
        if versions.len() > 1 {
            let versions = versions.join(" and ");
            findings.error(format!(
                "{name} is there twice, {versions}: cargo tree -i {name}"
            ));
        }
    }
}

fn check_licences(metadata: &Value, rules: &Rules<'_>, findings: &mut Findings) {
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        if rules.banned.contains(&name) {
            findings.error(format!("{name} is banned by deny.toml"));
        }
        let expression = text(package, "license");
        let allowed = |licence: &str| rules.licences.contains(&licence);
        if !rules.clarified.contains(&name) && !licence::is_allowed(expression, &allowed) {
            findings.error(format!(
                "{name} is under '{expression}', which deny.toml does not allow"
            ));
        }
        match package["source"].as_str() {
            None | Some(REGISTRY) => {}
            Some(source) => {
                findings.error(format!("{name} comes from {source}, not from crates.io"))
            }
        }
    }
}

/// One `rust-version`, stated for every crate and in the README, that nothing exceeds which ships. What only tests are
/// made of may ask for more.
fn check_rust_version(metadata: &Value, files: &[TextFile], findings: &mut Findings) {
    let mut stated: Vec<&str> = members(metadata).map(|m| text(m, "rust_version")).collect();
    stated.sort_unstable();
    stated.dedup();
    let &[ours] = stated.as_slice() else {
        findings.error(format!("crates state different rust-versions: {stated:?}"));
        return;
    };
    let readme = files.iter().find(|file| file.path == "README.md");
    if ours.is_empty() || !readme.is_some_and(|file| file.text.contains(&format!("Rust {ours}"))) {
        findings.error(format!(
            "README.md does not say 'Rust {ours}', the rust-version of the workspace"
        ));
    }
    let shipped = shipped(metadata);
    for package in list(metadata, "packages") {
        let (name, needs) = (text(package, "name"), text(package, "rust_version"));
        if shipped.contains(text(package, "id")) && numbers(needs) > numbers(ours) {
            findings.error(format!(
                "{name} needs Rust {needs}, the workspace promises {ours}"
            ));
        }
    }
}

/// The ids of the packages that some crate of ours needs to be built, its tests and the test kit aside.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let mut open: Vec<&str> = members(metadata)
        .filter(|package| text(package, "name") != TESTKIT)
        .map(|package| text(package, "id"))
        .collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"], "nodes")
        .map(|node| (text(node, "id"), node))
        .collect();
    let mut shipped = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !shipped.insert(id) {
            continue;
        }
        let needed = nodes
            .get(id)
            .into_iter()
            .flat_map(|node| list(node, "deps"));
        let needed = needed
            .filter(|needed| list(needed, "dep_kinds").any(|kind| text(kind, "kind") != "dev"));
        open.extend(needed.map(|needed| text(needed, "pkg")));
    }
    shipped
}

fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Rules, numbers, shipped};

    #[test]
    fn the_rules_are_read_from_deny_toml() {
        let rules = Rules::read(include_str!("../../../deny.toml"));
        assert!(rules.licences.contains(&"MIT") && rules.licences.contains(&"Apache-2.0"));
        assert!(rules.single.contains(&"ndarray") && rules.single.contains(&"hdf5-metno"));
        let clarified = [
            "hdf5-metno-src",
            "libbz2-rs-sys",
            "clipboard-win",
            "error-code",
            "webpki-root-certs",
        ];
        assert_eq!(rules.clarified, clarified);
        assert!(rules.banned.contains(&"hdf5"));
    }

    #[test]
    fn what_only_tests_need_does_not_ship() {
        let depends =
            |on: &str, kind: Option<&str>| json!({"pkg": on, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [
                {"id": "1", "name": "adapter"},
                {"id": "2", "name": "hyperslab-testkit"},
                {"id": "3", "name": "server", "source": "crates.io"},
                {"id": "4", "name": "codec", "source": "crates.io"},
                {"id": "5", "name": "compiler", "source": "crates.io"},
            ],
            "resolve": {"nodes": [
                {"id": "1", "deps": [depends("2", Some("dev")), depends("4", None)]},
                {"id": "2", "deps": [depends("3", None), depends("4", None)]},
                {"id": "3", "deps": []},
                {"id": "4", "deps": [depends("5", Some("build"))]},
                {"id": "5", "deps": []},
            ]},
        });
        assert_eq!(Vec::from_iter(shipped(&metadata)), ["1", "4", "5"]);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("1.100") > numbers("1.89"));
        assert_eq!(numbers("1.89"), numbers("1.89.0"));
        assert!(numbers("") < numbers("1.0"));
    }
}
