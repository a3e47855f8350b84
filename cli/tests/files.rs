//! The files that `read -o` writes.

mod common;

use common::Scene;
use serde_json::{Value, json};

/// The array `a`: 0.5 in the north of the first latitude at the first hour, all else missing.
fn scene() -> Scene {
    let scene = Scene::with_arrays();
    let words = [
        "write",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a",
        "--value",
        "0.5",
    ];
    let place = ["--isel", "time=0", "--isel", "lat=0", "--sel", "site=north"];
    scene.ok(&[&words[..], &place].concat());
    scene
}

fn read(scene: &Scene, rest: &[&str]) -> String {
    scene.ok(&[
        &["read", "s", "weather", "dt=2023-01-03", "station=a"],
        rest,
    ]
    .concat())
}

#[test]
fn npy_holds_the_cells_in_c_order() {
    let scene = scene();
    let out = read(&scene, &["--isel", "time=0", "-o", "a.npy"]);
    assert_eq!(out, "wrote a.npy (float32 of 3 x 2)\n");
    let file = scene.read("a.npy");
    assert!(file.starts_with(b"\x93NUMPY\x02\x00"));
    let header = String::from_utf8_lossy(&file[12..128]);
    assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"));
    assert_eq!(file.len(), 128 + 6 * 4);
    assert_eq!(file[128..132], 0.5_f32.to_le_bytes());
    scene.ok(&[
        "write",
        "s",
        "weather",
        "dt=2023-01-04",
        "station=b",
        "--isel",
        "time=1",
        "--from",
        "a.npy",
    ]);
}

#[test]
fn csv_has_a_row_per_cell_with_its_coordinates() {
    let scene = scene();
    read(
        &scene,
        &["--isel", "time=0", "--isel", "lat=:2", "-o", "a.csv"],
    );
    assert_eq!(
        scene.text("a.csv"),
        "\
time,lat,site,weather
2023-01-03T00:00:00Z,-10,north,0.5
2023-01-03T00:00:00Z,-10,south,
2023-01-03T00:00:00Z,0,north,
2023-01-03T00:00:00Z,0,south,
"
    );
}

#[test]
fn json_has_dimensions_coordinates_and_values() {
    let scene = scene();
    read(
        &scene,
        &[
            "--sel",
            "time=2023-01-03",
            "--isel",
            "lat=:2",
            "-o",
            "a.json",
        ],
    );
    let file: Value = serde_json::from_str(&scene.text("a.json")).unwrap();
    assert_eq!(
        file,
        json!({
            "name": "weather",
            "long_name": "Air temperature",
            "unit": "K",
            "dtype": "float32",
            "dims": ["lat", "site"],
            "shape": [2, 2],
            "coords": {"lat": [-10.0, 0.0], "site": ["north", "south"]},
            "at": {"time": "2023-01-03T00:00:00Z"},
            "coord_units": {"lat": "degrees_north"},
            "values": [[0.5, null], [null, null]],
        })
    );
}

#[test]
fn pictures_are_drawn_of_one_and_two_dimensions() {
    let scene = scene();
    for rest in [
        &["--isel", "time=0"][..],
        &["--isel", "time=0", "--isel", "lat=0"],
    ] {
        read(&scene, &[rest, &["-o", "a.png"]].concat());
        assert!(scene.read("a.png").starts_with(b"\x89PNG"), "{rest:?}");
    }
}

#[test]
fn netcdf_is_written_by_the_library() {
    let scene = scene();
    read(&scene, &["-o", "a.nc"]);
    assert!(scene.read("a.nc").starts_with(b"\x89HDF"));
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let scene = scene();
    let words = ["read", "s", "weather", "dt=2023-01-03", "station=a", "-o"];
    let error = scene.fails(2, &[&words[..], &["a.png"]].concat());
    assert!(error.contains("--isel time=0"), "{error}");
    let error = scene.fails(2, &[&words[..], &["a.xls"]].concat());
    assert!(error.contains(".npy, .csv, .json, .png or .nc"), "{error}");
    scene.fails(3, &[&words[..], &["no/such/folder/a.npy"]].concat());
    for name in ["a.png", "a.xls", "no"] {
        assert!(!scene.path(name).exists(), "{name}");
    }
}

#[test]
fn only_a_declared_fill_value_is_missing() {
    let scene = Scene::empty();
    for (name, fill, cells, missing) in [
        ("plain", json!(null), "255", 0),
        ("filled", json!(255), "", 2),
    ] {
        let schema = json!({
            "version": 1, "dtype": "uint8", "fill_value": fill,
            "dimensions": [{"name": "x", "size": 3}],
        });
        std::fs::write(scene.path("schema.json"), schema.to_string()).unwrap();
        if name == "plain" {
            scene.ok(&["init", "s"]);
        }
        scene.ok(&["create", "s", name, "--schema", "schema.json"]);
        scene.ok(&["new", "s", name]);
        scene.ok(&["write", "s", name, "--isel", "x=1", "--value", "7"]);
        let summary = scene.json(&["read", "s", name]);
        assert_eq!(summary["missing"], missing);
        assert_eq!(summary["max"], if missing == 0 { 255.0 } else { 7.0 });
        scene.ok(&["read", "s", name, "-o", "a.csv"]);
        let rows = format!("x,{name}\n0,{cells}\n1,7\n2,{cells}\n");
        assert_eq!(scene.text("a.csv"), rows);
        scene.ok(&["read", "s", name, "-o", "a.json"]);
        let file: Value = serde_json::from_str(&scene.text("a.json")).unwrap();
        let cell = if missing == 0 {
            json!(255)
        } else {
            Value::Null
        };
        assert_eq!(file["values"], json!([cell, 7, cell]));
    }
}

#[test]
fn a_url_is_no_file_to_be_written() {
    let scene = scene();
    let array = ["s", "weather", "dt=2023-01-03", "station=a"];
    for words in [
        &[&["export"], &array[..], &["-o", "s3://secret/a.nc"]].concat()[..],
        &[&["read"], &array[..], &["-o", "s3://secret/a.csv"]].concat(),
        &["demo", "s3://secret"],
    ] {
        let error = scene.fails(2, words);
        assert!(error.contains("'s3://...' is a URL"), "{error}");
    }
    assert!(!scene.path("s3:").exists());
}
