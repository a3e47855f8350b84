//! `hyperslab migrate` and `copy`: storages of Deker in and out, and what is not to be left behind.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{SAMPLE, Scene};
use serde_json::json;

const SCHEMA: &str = r#"{
  "version": 1,
  "dtype": "int32",
  "dimensions": [{"name": "x", "size": 4}],
  "attributes": [{"name": "name", "type": "text", "role": "key"}]
}"#;

/// A storage of Deker `d` with two arrays, and a store `s` of ours.
fn scene() -> Scene {
    let scene = Scene::empty();
    std::fs::write(scene.path("c.json"), SCHEMA).unwrap();
    scene.ok(&["init", "d", "--adapter", "deker"]);
    scene.ok(&["create", "d", "c", "--schema", "c.json"]);
    for (name, value) in [("name=a", "1"), ("name=b", "2")] {
        scene.ok(&["new", "d", "c", name]);
        scene.ok(&["write", "d", "c", name, "--value", value]);
    }
    scene.ok(&["init", "s"]);
    scene.ok(&["create", "s", "c", "--schema", "c.json"]);
    scene
}

#[test]
fn no_store_is_made_for_what_is_refused() {
    let scene = scene();
    for (code, words, hint) in [
        (2, &["migrate", "s", "new"][..], "no storage of Deker"),
        (2, &["migrate", "d", "d"], "into itself"),
        (3, &["migrate", "d", "new", "--collection", "nope"], "nope"),
        (2, &["migrate", "d", "new", "--codec", "foo"], "foo"),
        (
            2,
            &["migrate", "d", "new", "--adapter", "zarr", "--codec", "foo"],
            "foo",
        ),
        (2, &["migrate", "d", "s", "--codec", "foo"], "foo"),
        (2, &["migrate", "d", "new", "--adapter", "tape"], "tape"),
        (2, &["copy", "s/c", "new/c", "--codec", "foo"], "foo"),
        (
            2,
            &["copy", "s/c", "new/c", "--adapter", "zarr", "--shards", "7"],
            "shard",
        ),
        (3, &["copy", "s/nope", "new/c"], "nope"),
        (3, &["import", "no.nc", "new", "c"], "no.nc"),
    ] {
        let error = scene.fails(code, words);
        assert!(error.contains(hint), "{words:?}: {error}");
        assert!(!scene.path("new").exists(), "{words:?}");
    }
}

#[test]
fn a_storage_of_deker_is_copied_from_and_into() {
    let scene = scene();
    for (store, adapter) in [("h", "hdf5"), ("z", "zarr"), ("k", "deker")] {
        let out = scene.ok(&["migrate", "d", store, "--adapter", adapter]);
        assert_eq!(
            out,
            "c: copied 2 arrays (32 B), 0 there already, 2 verified\n"
        );
        // And back into a new one of Deker.
        let back = format!("{store}-back");
        let words = ["copy", &format!("{store}/c"), &format!("{back}/c")];
        scene.ok(&[&words[..], &["--adapter", "deker"]].concat());
        assert_eq!(scene.json(&["show", &back])["store"]["adapter"], "deker");
        for store in [store, &back] {
            let read = scene.json(&["read", store, "c", "name=b"]);
            assert_eq!((&read["min"], &read["max"]), (&json!(2.0), &json!(2.0)));
            assert_eq!(scene.json(&["check", store, "--level", "4"])["found"], 0);
        }
    }
}

#[test]
fn a_file_is_imported_into_a_storage_of_deker() {
    let scene = Scene::empty();
    scene.ok(&["init", "d", "--adapter", "deker"]);
    scene.ok(&["import", SAMPLE, "d", "coads", "--variable", "SST"]);
    scene.ok(&["import", SAMPLE, "h", "coads", "--variable", "SST"]);
    let read = |store| scene.json(&["read", store, "coads"]);
    assert_eq!(read("d"), read("h"));
    assert_eq!(scene.json(&["check", "d", "--level", "4"])["found"], 0);
    scene.ok(&["migrate", "d", "m"]);
    assert_eq!(read("m"), read("h"));
}
