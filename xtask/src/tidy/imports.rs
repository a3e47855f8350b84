//! Who may import whom.

use serde_json::Value;

use super::{Findings, list, members, text};

const CORE: &str = "hyperslab-core";
const CONVENTIONS: &str = "hyperslab-cf";
const ENGINE: &str = "hyperslab-engine";
const BLOBS: &str = "hyperslab-blobs";
const TESTKIT: &str = "hyperslab-testkit";
const CLIENT: &str = "hyperslab";
/// Nothing imports these.
const TOPS: [&str; 5] = [
    "hyperslab-cli",
    "hyperslab-python",
    "hyperslab-server",
    "hyperslab-benches",
    "xtask",
];
/// What core must not know of: formats and stores.
const FORMATS: [&str; 9] = [
    "hdf5-metno",
    "hdf5-metno-sys",
    "hdf5",
    "netcdf",
    "zarrs",
    "icechunk",
    "object_store",
    "arrow",
    "opendal",
];

pub(super) fn check(metadata: &Value, findings: &mut Findings) {
    for package in members(metadata) {
        let name = text(package, "name");
        for dependency in list(package, "dependencies") {
            let imported = text(dependency, "name");
            let only_tests = text(dependency, "kind") == "dev";
            if let Some(rule) = broken(name, imported, only_tests) {
                findings.error(format!("{name} imports {imported}: {rule}"));
            }
        }
    }
}

fn is_adapter(name: &str) -> bool {
    ["hdf5", "zarr", "icechunk"]
        .iter()
        .any(|format| name.strip_prefix("hyperslab-") == Some(format))
}

fn is_ours(name: &str) -> bool {
    name == CLIENT || name.starts_with("hyperslab-") || TOPS.contains(&name)
}

/// The rule that `importer` breaks by importing `imported`, if any.
fn broken(importer: &str, imported: &str, only_tests: bool) -> Option<&'static str> {
    if importer == CONVENTIONS && FORMATS.contains(&imported) {
        return Some("the conventions are the same for all formats and know none");
    }
    if importer == CORE && (is_ours(imported) || FORMATS.contains(&imported)) {
        // The conformance suite is written against core, and core runs it on its memory adapter.
        let suite = only_tests && imported == TESTKIT;
        return (!suite).then_some("core imports nothing of ours and no format library");
    }
    if !is_ours(imported) {
        return None;
    }
    if TOPS.contains(&imported) {
        return Some("nothing imports the command, the bindings, the server or the benchmarks");
    }
    if importer == "xtask" {
        return Some("xtask builds in seconds because it imports nothing of ours");
    }
    if imported == TESTKIT {
        return (!only_tests).then_some("the conformance suite is for tests");
    }
    if is_adapter(importer) {
        let versions_over_zarr = importer == "hyperslab-icechunk" && imported == "hyperslab-zarr";
        let allowed = [CORE, CONVENTIONS, ENGINE].contains(&imported) || versions_over_zarr;
        return (!allowed).then_some("an adapter imports core, cf and the engine only");
    }
    if is_adapter(imported) && importer != CLIENT {
        return Some("only the client names adapters");
    }
    if [CONVENTIONS, ENGINE, BLOBS, TESTKIT].contains(&importer) && imported != CORE {
        return Some(
            "the conventions, the engine, blobs and the conformance suite import core only",
        );
    }
    if TOPS.contains(&importer) && imported != CLIENT {
        return Some("thin crates on top use the client only");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn the_house_as_designed_breaks_no_rule() {
        for (importer, imported, only_tests) in [
            ("hyperslab-core", "serde", false),
            ("hyperslab-core", "hyperslab-testkit", true),
            ("hyperslab-hdf5", "hyperslab-core", false),
            ("hyperslab-hdf5", "hyperslab-cf", false),
            ("hyperslab-hdf5", "hdf5-metno", false),
            ("hyperslab-cf", "hyperslab-core", false),
            ("hyperslab-blobs", "hyperslab-core", false),
            ("hyperslab-hdf5", "hyperslab-testkit", true),
            ("hyperslab-icechunk", "hyperslab-zarr", false),
            ("hyperslab", "hyperslab-hdf5", false),
            ("hyperslab-cli", "hyperslab", false),
            ("hyperslab-testkit", "hyperslab-core", false),
        ] {
            assert_eq!(
                broken(importer, imported, only_tests),
                None,
                "{importer} {imported}"
            );
        }
    }

    #[test]
    fn every_rule_bites() {
        for (importer, imported, only_tests) in [
            ("hyperslab-core", "hyperslab-hdf5", false),
            ("hyperslab-core", "hdf5-metno", true),
            ("hyperslab-core", "hyperslab-testkit", false),
            ("hyperslab-core", "hyperslab-cf", false),
            ("hyperslab-cf", "hyperslab-hdf5", false),
            ("hyperslab-cf", "hyperslab-engine", false),
            ("hyperslab-blobs", "hyperslab-engine", false),
            ("hyperslab-cf", "zarrs", false),
            ("hyperslab-testkit", "hyperslab-cf", true),
            ("hyperslab-hdf5", "hyperslab-zarr", false),
            ("hyperslab-hdf5", "hyperslab", false),
            ("hyperslab-hdf5", "hyperslab-testkit", false),
            ("hyperslab-cli", "hyperslab-hdf5", true),
            ("hyperslab-cli", "hyperslab-core", false),
            ("hyperslab", "hyperslab-cli", true),
            ("hyperslab-testkit", "hyperslab-hdf5", false),
            ("xtask", "hyperslab", false),
        ] {
            assert!(
                broken(importer, imported, only_tests).is_some(),
                "{importer} {imported}"
            );
        }
    }
}
