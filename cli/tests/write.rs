//! `hyperslab write` of cells and attributes together: all is checked before anything is changed.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::Scene;
use serde_json::json;

const SCHEMA: &str = r#"{
  "version": 1,
  "dtype": "int32",
  "dimensions": [{"name": "x", "size": 4}],
  "attributes": [
    {"name": "name", "type": "text", "role": "key"},
    {"name": "note", "type": "text", "role": "custom"},
    {"name": "when", "type": "datetime", "role": "custom"}
  ]
}"#;

const ARRAY: [&str; 3] = ["s", "c", "name=a"];

fn scene(adapter: &str) -> Scene {
    let scene = Scene::empty();
    std::fs::write(scene.path("c.json"), SCHEMA).unwrap();
    scene.npy("two.npy", "2, ", &[1.0, 2.0]);
    scene.ok(&["init", "s", "--adapter", adapter]);
    scene.ok(&["create", "s", "c", "--schema", "c.json"]);
    scene.ok(&[&["new"], &ARRAY[..], &["--set", "note=old"]].concat());
    scene.ok(&[&["write"], &ARRAY[..], &["--value", "1"]].concat());
    scene
}

#[test]
fn what_is_refused_in_part_changes_nothing() {
    // Deker's times end with the microsecond.
    let finer = [
        "--value",
        "9",
        "--set",
        "when=2023-01-01T00:00:00.000000001Z",
    ];
    for (adapter, more) in [("hdf5", None), ("zarr", None), ("deker", Some(finer))] {
        let scene = scene(adapter);
        let cells = ["--from", "two.npy", "--cast", "--set", "note=new"];
        for words in [
            &["--value", "9", "--set", "nope=1"][..],
            &["--value", "9", "--unset", "nope"],
            &["--value", "9", "--set", "note=new", "--unset", "nope"],
            &["--value", "9", "--set", "note=new", "--unset", "note"],
            &["--value", "9", "--set", "when=soon"],
            &["--value", "9", "--set", "name=b"],
            &["--value", "x", "--set", "note=new"],
            &cells,
        ]
        .into_iter()
        .chain(more.as_ref().map(|words| &words[..]))
        {
            scene.fails(2, &[&["write"], &ARRAY[..], words].concat());
            let read = scene.json(&[&["read"], &ARRAY[..]].concat());
            assert_eq!(
                (&read["min"], &read["max"]),
                (&json!(1.0), &json!(1.0)),
                "{adapter} {words:?}"
            );
            let shown = scene.json(&[&["show"], &ARRAY[..]].concat());
            assert_eq!(
                shown["array"]["custom"],
                json!({"note": "old"}),
                "{adapter} {words:?}"
            );
        }
    }
}

#[test]
fn cells_and_attributes_are_set_and_removed_by_one_command() {
    for adapter in ["hdf5", "zarr", "deker"] {
        let scene = scene(adapter);
        let change = [
            "--value",
            "7",
            "--set",
            "when=2023-01-01",
            "--unset",
            "note",
        ];
        let out = scene.ok(&[&["write"], &ARRAY[..], &change].concat());
        assert_eq!(out, "wrote 4 cells and 2 attributes of name=a\n");
        assert_eq!(scene.json(&[&["read"], &ARRAY[..]].concat())["min"], 7.0);
        let shown = scene.json(&[&["show"], &ARRAY[..]].concat());
        assert_eq!(
            shown["array"]["custom"],
            json!({"when": "2023-01-01T00:00:00Z"}),
            "{adapter}"
        );
    }
}
