//! The verbs on a store of Zarr groups: nobody but `init` and the first `import` says that it is one.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{SAMPLE, Scene};
use serde_json::json;

/// A store `s` of Zarr groups with the collection `weather` and two arrays.
fn scene() -> Scene {
    let scene = Scene::empty();
    std::fs::write(scene.path("weather.json"), common::SCHEMA).unwrap();
    let out = scene.ok(&["init", "s", "--adapter", "zarr"]);
    assert_eq!(out, "created store s (adapter zarr)\n");
    scene.ok(&[
        "create",
        "s",
        "weather",
        "--schema",
        "weather.json",
        "--chunks",
        "1,3,2",
        "--shards",
        "2,3,2",
        "--codec",
        "zstd:5",
        "--transpose",
        "2,0,1",
    ]);
    scene.ok(&[
        "new",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a",
        "--set",
        "quality=3",
    ]);
    scene.ok(&["new", "s", "weather", "dt=2023-01-04", "station=b"]);
    scene
}

#[test]
fn create_passes_the_options_on_and_show_gives_them_back() {
    let scene = scene();
    assert_eq!(scene.json(&["show", "s"])["store"]["adapter"], "zarr");
    let shown = scene.json(&["show", "s", "weather"]);
    assert_eq!(
        shown["collection"]["storage"],
        json!({"chunks": [1, 3, 2], "shards": [2, 3, 2], "transpose": [2, 0, 1], "codec": "zstd", "level": 5})
    );
    assert_eq!(shown["array_count"], 2);
    let create = ["create", "s", "other", "--schema", "weather.json"];
    scene.ok(&[
        &create[..],
        &["--access", "series", "--storage", "checksum=false"],
    ]
    .concat());
    let storage = &scene.json(&["show", "s", "other"])["collection"]["storage"];
    assert_eq!(storage, &json!({"access": "series", "checksum": false}));
}

#[test]
fn explain_says_what_would_be_and_makes_nothing() {
    let scene = scene();
    let explain = ["create", "s", "x", "--schema", "weather.json", "--explain"];
    let text = scene.ok(&[&explain[..], &["--chunks", "2,3,2"]].concat());
    assert!(
        text.starts_with("chunk    2 x 3 x 2 (48 B)\nobjects  2 for"),
        "{text}"
    );
    let shards = ["--chunks", "1,3,2", "--shards", "2,3,2"];
    let explained = &scene.json(&[&explain[..], &shards].concat())["storage"];
    assert_eq!(explained["objects_per_array"], 2);
    assert_eq!(explained["object_bytes"], 48);
    assert_eq!(explained["codecs"], json!(["bytes", "zstd 1", "crc32c"]));
    assert_eq!(
        scene.json(&["ls", "s"])["collections"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let error = scene.fails(2, &[&explain[..], &["--codec", "deflate"]].concat());
    assert!(error.contains("deflate"), "{error}");
}

#[test]
fn options_of_another_adapter_are_refused_by_the_one_there_is() {
    let scene = scene();
    scene.ok(&["init", "h"]);
    let create = |store| ["create", store, "x", "--schema", "weather.json"];
    let error = scene.fails(2, &[&create("h")[..], &["--shards", "auto"]].concat());
    assert!(
        error.contains("'shards'") && error.contains("chunks"),
        "{error}"
    );
    scene.fails(2, &[&create("s")[..], &["--codec", "deflate:4"]].concat());
    let error = scene.fails(8, &[&create("s")[..], &["--adapter", "hdf5"]].concat());
    assert!(error.contains("'zarr'"), "{error}");
    scene.fails(4, &["init", "s", "--adapter", "hdf5"]);
}

#[test]
fn cells_are_written_read_cleared_and_deleted() {
    let scene = scene();
    let a = ["s", "weather", "dt=2023-01-03", "station=a"];
    let on = |verb: &[&'static str], rest: &[&'static str]| [verb, &a, rest].concat();
    let written = scene.json(&on(&["write"], &["--isel", "time=1:3", "--value", "271.5"]));
    assert_eq!(written["written_cells"], 12);
    let read = scene.json(&on(&["read"], &[]));
    assert_eq!(
        (&read["mean"], &read["missing"]),
        (&json!(271.5), &json!(12))
    );
    let plan = scene.json(&on(&["read"], &["--isel", "time=1", "--explain"]));
    assert_eq!(
        (&plan["chunk_count"], &plan["absent_chunk_count"]),
        (&json!(1), &json!(0))
    );
    scene.ok(&on(&["clear"], &["--isel", "time=1"]));
    assert_eq!(scene.json(&on(&["read"], &[]))["missing"], 18);
    let found = scene.json(&["ls", "s", "weather", "--where", "quality = 3"]);
    assert_eq!(found["arrays"].as_array().unwrap().len(), 1);
    scene.ok(&on(&["rm"], &[]));
    assert_eq!(scene.ok(&["ls", "s", "weather", "--count"]), "1\n");
    scene.ok(&["rm", "s", "weather", "--all"]);
    scene.ok(&["rm", "s", "weather", "--collection"]);
    // What took a lock has let go of it.
    assert_eq!(scene.json(&["locks", "s"])["locks"], json!([]));
    assert_eq!(scene.json(&["check", "s", "--level", "4"])["found"], 0);
}

#[test]
fn a_sample_goes_in_and_comes_out_with_its_coordinates() {
    let scene = Scene::empty();
    let import = |store, rest: &[&'static str]| {
        let words = ["import", SAMPLE, store, "coads", "--variable", "SST"];
        scene.ok(&[&words[..], rest].concat());
    };
    import(
        "z",
        &[
            "--adapter",
            "zarr",
            "--chunks",
            "1,90,180",
            "--codec",
            "gzip:4",
        ],
    );
    import("h", &[]);
    assert_eq!(scene.json(&["show", "z"])["store"]["adapter"], "zarr");
    for store in ["z", "h"] {
        let file = format!("{store}.nc");
        scene.ok(&[
            "export",
            store,
            "coads",
            "--sel",
            "COADSY=-10..10",
            "-o",
            &file,
        ]);
    }
    assert!(scene.read("z.nc") == scene.read("h.nc"));
    assert_eq!(scene.json(&["check", "z", "--level", "4"])["found"], 0);
    let usage = &scene.json(&["du", "z"])["collections"][0];
    assert!(usage["stored_bytes"].as_u64().unwrap() < usage["memory_bytes"].as_u64().unwrap());
}

#[test]
fn a_chunk_that_was_damaged_is_found() {
    let scene = scene();
    scene.ok(&[
        "write",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a",
        "--value",
        "1",
    ]);
    let plan = scene.json(&[
        "read",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a",
        "--explain",
    ]);
    let object = format!("s/{}", plan["objects"][0]["name"].as_str().unwrap());
    let mut bytes = scene.read(&object);
    bytes[2] ^= 0x40;
    std::fs::write(scene.path(&object), bytes).unwrap();
    let run = scene.run(&["check", "s", "--level", "4"]);
    assert_eq!(run.code, 1, "{run:?}");
    scene.fails(7, &["read", "s", "weather", "dt=2023-01-03", "station=a"]);
}

/// A check with repair looks around for a while, and others come and go meanwhile: what was acknowledged stays.
#[test]
fn concurrent_repairs_take_nothing_away() {
    let scene = scene();
    scene.npy("cells.npy", "4, 3, 2", &[1.5; 24]);
    for hour in 0..24 {
        let dt = format!("dt=2022-01-01T{hour:02}:00");
        scene.ok(&[
            "new",
            "s",
            "weather",
            &dt,
            "station=a",
            "--from",
            "cells.npy",
        ]);
    }
    let mut made = Vec::new();
    for round in 0..4 {
        let repair = ["check", "s", "--level", "4", "--repair", "--json"];
        let mut check = scene
            .command(&repair)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut minute = 0;
        while check.try_wait().unwrap().is_none() {
            let dt = format!("dt=2022-02-0{}T00:{minute:02}", round + 1);
            let words = [
                "new",
                "s",
                "weather",
                &dt,
                "station=a",
                "--from",
                "cells.npy",
            ];
            let new = scene.json(&words);
            made.push((dt, new["array"]["id"].as_str().unwrap().to_owned()));
            minute += 1;
        }
        // One that is changed and one that goes meanwhile are no faults either.
        let (dt, _) = made.pop().unwrap();
        scene.ok(&["rm", "s", "weather", &dt, "station=a"]);
    }
    for (dt, id) in &made {
        let read = scene.json(&["read", "s", "weather", dt, "station=a"]);
        assert_eq!(
            (&read["mean"], &read["missing"]),
            (&json!(1.5), &json!(0)),
            "{dt}"
        );
        scene.ok(&["show", "s", "weather", &format!("id={id}")]);
    }
    assert_eq!(scene.json(&["check", "s", "--level", "4"])["found"], 0);
}
