//! `hyperslab copy`, also when it is killed.

mod common;

use common::copies::{entries, fingerprint, kill_when};
use common::{SAMPLE, Scene};
use serde_json::{Value, json};

fn sample() -> Scene {
    let scene = Scene::empty();
    let variables = ["--variable", "SST", "--variable", "AIRT"];
    scene.ok(&[&["import", SAMPLE, "h", "coads"], &variables[..]].concat());
    scene
}

#[test]
fn a_sample_goes_from_hdf5_to_zarr_and_back() {
    let scene = sample();
    let out = scene.ok(&[
        "copy",
        "h/coads",
        "z/coads",
        "--adapter",
        "zarr",
        "--chunks",
        "1,90,180",
    ]);
    assert_eq!(
        out,
        "copied 2 arrays (1.5 MiB) into collection coads; 2 verified\n"
    );
    assert_eq!(scene.json(&["show", "z"])["store"]["adapter"], "zarr");
    scene.ok(&["copy", "z/coads", "back/coads"]);
    assert_eq!(scene.json(&["show", "back"])["store"]["adapter"], "hdf5");
    let before = fingerprint(&scene, "h", "coads");
    assert_eq!(before.len(), 2);
    assert!(before == fingerprint(&scene, "z", "coads"));
    assert!(before == fingerprint(&scene, "back", "coads"));
    for store in ["z", "back"] {
        assert_eq!(scene.json(&["check", store, "--level", "4"])["found"], 0);
    }
    let again = scene.json(&["copy", "h/coads", "z/coads"]);
    assert_eq!(
        (&again["copied"], &again["present"]),
        (&json!(0), &json!(2))
    );
}

/// Where the target has no room for all that the schema says, a copy is found there nevertheless.
#[test]
fn a_copy_into_a_storage_of_deker_is_resumed() {
    let scene = sample();
    for copied in [2, 0] {
        let report = scene.json(&["copy", "h/coads", "d/coads", "--adapter", "deker"]);
        assert_eq!(report["copied"], copied);
        assert_eq!(report["verified"], 2);
    }
    let other = json!({"version": 1, "dtype": "int8", "dimensions": [{"name": "x", "size": 2}]});
    std::fs::write(scene.path("other.json"), other.to_string()).unwrap();
    scene.ok(&["create", "d", "other", "--schema", "other.json"]);
    scene.fails(2, &["copy", "h/coads", "d/other"]);
}

#[test]
fn what_differs_is_told_and_what_makes_no_sense_is_refused() {
    let scene = sample();
    scene.ok(&["copy", "h/coads", "z/coads", "--adapter", "zarr"]);
    let write = [
        "write",
        "z",
        "coads",
        "variable=SST",
        "--isel",
        "TIME=3",
        "--value",
        "0",
    ];
    scene.ok(&write);
    let run = scene.run(&["copy", "h/coads", "z/coads"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.err
            .contains("variable=SST was left alone: the cells differ, first at [3, ")
    );
    assert!(run.err.contains("; --overwrite replaces it"), "{run:?}");
    assert!(
        run.out
            .ends_with("1 there already; 1 verified, 1 differs\n"),
        "{run:?}"
    );
    let mended = scene.json(&["copy", "h/coads", "z/coads", "--overwrite"]);
    assert_eq!(
        (&mended["replaced"], &mended["verified"]),
        (&json!(1), &json!(2))
    );

    std::fs::write(scene.path("weather.json"), common::SCHEMA).unwrap();
    scene.ok(&["create", "z", "weather", "--schema", "weather.json"]);
    let error = scene.fails(2, &["copy", "h/coads", "z/weather"]);
    assert!(error.contains("another schema"), "{error}");
    let error = scene.fails(2, &["copy", "h/coads", "h/coads"]);
    assert!(error.contains("onto itself"), "{error}");
    scene.fails(3, &["copy", "h/none", "new/coads"]);
    assert!(!scene.path("new").exists());
    scene.fails(2, &["copy", "h", "z/x"]);
    scene.fails(8, &["copy", "h/coads", "z/x", "--adapter", "hdf5"]);
}

#[test]
fn a_copy_that_is_killed_between_arrays_goes_on() {
    let scene = Scene::with_collection();
    scene.npy("cells.npy", "4, 3, 2", &[1.5; 24]);
    for hour in 0..24 {
        let (dt, station) = (format!("dt=2023-01-03T{hour:02}:00"), "station=a");
        scene.ok(&["new", "s", "weather", &dt, station, "--from", "cells.npy"]);
    }
    let before = fingerprint(&scene, "s", "weather");
    for adapter in ["hdf5", "zarr"] {
        let (store, target) = (format!("{adapter}-copy"), format!("{adapter}-copy/weather"));
        let words = [
            "copy",
            "s/weather",
            &target,
            "--adapter",
            adapter,
            "--jobs",
            "1",
        ];
        let folder = scene.path(&target);
        let arrays = if adapter == "hdf5" {
            folder.join("arrays")
        } else {
            folder
        };
        kill_when(&scene, &words, || entries(&arrays) >= 3);
        let partial = scene.json(&["ls", &store, "weather", "--count"])["count"].clone();
        assert!((1..24).contains(&partial.as_u64().unwrap()), "{partial}");
        let resumed = scene.json(&words);
        assert_eq!(resumed["present"], partial);
        assert_eq!(resumed["copied"], json!(24 - partial.as_u64().unwrap()));
        assert_eq!(
            (&resumed["verified"], &resumed["differences"]),
            (&json!(24), &json!([]))
        );
        assert!(
            before == fingerprint(&scene, &store, "weather"),
            "{adapter}"
        );
    }
}

#[test]
fn a_copy_that_is_killed_within_an_array_copies_that_anew() {
    let scene = sample();
    let before = fingerprint(&scene, "h", "coads");
    for adapter in ["hdf5", "zarr"] {
        let (store, target) = (format!("{adapter}-copy"), format!("{adapter}-copy/coads"));
        let words = [
            "copy",
            "h/coads",
            &target,
            "--adapter",
            adapter,
            "--jobs",
            "1",
        ];
        let small = [&words[..], &["--memory-limit", "32K"]].concat();
        let marks = match adapter {
            "hdf5" => scene.path(&store).join("coads.copying/arrays"),
            _ => scene.path(&store).join("coads.copying"),
        };
        kill_when(&scene, &small, || entries(&marks) > 0);
        assert_eq!(scene.ok(&["ls", &store, "--count"]), "2\n");
        let resumed = scene.json(&[&words[..], &["--no-verify"]].concat());
        assert_eq!(
            (&resumed["copied"], &resumed["verified"]),
            (&json!(2), &Value::Null)
        );
        assert_eq!(scene.ok(&["ls", &store, "--count"]), "1\n");
        assert!(before == fingerprint(&scene, &store, "coads"), "{adapter}");
        // A write that was cut short may have left a temporary file, and nothing worse.
        let check = ["check", &store, "--level", "4"];
        let repair = scene.run(&[&check[..], &["--repair"]].concat());
        assert!(repair.code <= 1, "{repair:?}");
        assert_eq!(scene.json(&check)["found"], 0, "{repair:?}");
    }
}
