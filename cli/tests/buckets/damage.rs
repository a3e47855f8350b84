//! Objects that are not as we wrote them, and servers that die in the middle.

use std::path::PathBuf;

use hyperslab_testkit::objects::{BUCKET, Direction, Proxy, Wire};
use serde_json::{Value, json};

use crate::common::copies::{entries, fingerprint, start};
use crate::journey::{Journey, SAMPLES};
use crate::refused::{AT_ONCE, ends_with, refused};

/// A journey with one sample in the bucket already.
fn arrived() -> Journey {
    let journey = Journey::begin();
    journey.import(SAMPLES[0]);
    let there = journey.in_bucket("coads");
    journey.scene.ok(&["copy", "h/coads", &there]);
    journey
}

/// The files below a folder whose path has a word in it.
fn files(folder: PathBuf, word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.display().to_string().contains(word) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{word}");
    found.sort();
    found
}

/// A document with one more field, or with another value of one.
fn edited(bytes: &[u8], field: &str, value: Value) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(bytes).unwrap();
    document[field] = value;
    serde_json::to_vec(&document).unwrap()
}

#[test]
fn documents_of_others_are_refused_between_processes() {
    let journey = arrived();
    let bucket = journey.bucket();
    let machinery = journey.objects(".hyperslab");
    let root = journey.objects("hyperslab.json");
    let collection = machinery.join("collections/coads.json");
    let head = files(machinery.join("arrays"), "SST").remove(0);
    let read = ["read", &bucket, "coads", "variable=SST"];
    for (file, words) in [
        (root, &["ls", &bucket][..]),
        (collection, &["ls", &bucket, "coads"]),
        (head, &read),
    ] {
        let whole = std::fs::read(&file).unwrap();
        for (bytes, code, hint) in [
            (edited(&whole, "surprise", json!(1)), 7, "surprise"),
            (edited(&whole, "version", json!(99)), 8, "99"),
            (edited(&whole, "version", json!("one")), 7, ""),
            (b"<html>Welcome</html>".to_vec(), 7, ""),
            (whole[..whole.len() / 2].to_vec(), 7, ""),
            (vec![0xff; 1000], 7, ""),
        ] {
            std::fs::write(&file, &bytes).unwrap();
            let line = refused(code, &journey.scene, words);
            assert!(line.contains(hint), "{line}");
            let name = file.file_stem().unwrap().to_str().unwrap();
            assert!(line.contains(name), "{name}: {line}");
        }
        std::fs::write(&file, &whole).unwrap();
        journey.scene.ok(words);
    }
}

#[test]
fn a_damaged_chunk_is_named_between_processes() {
    let journey = arrived();
    let bucket = journey.bucket();
    let chunks = files(journey.objects("coads"), "/c/");
    let chunk = chunks
        .iter()
        .max_by_key(|path| path.metadata().unwrap().len());
    let chunk = chunk.unwrap();
    let whole = std::fs::read(chunk).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    let variable = ["SST", "AIRT", "SLP"].into_iter().find(|name| {
        chunk
            .display()
            .to_string()
            .contains(&format!("variable={name}"))
    });
    let variable = format!("variable={}", variable.unwrap());
    for bytes in [flipped, whole[..middle].to_vec(), Vec::new()] {
        std::fs::write(chunk, &bytes).unwrap();
        let line = refused(7, &journey.scene, &["read", &bucket, "coads", &variable]);
        assert!(line.contains(&variable), "{line}");
        let check = ends_with(1, &journey.scene, &["check", &bucket, "--level", "4"]);
        assert!(check.out.contains(&variable), "{check:?}");
    }
    std::fs::write(chunk, &whole).unwrap();
    journey.scene.ok(&["check", &bucket, "--level", "4"]);
}

/// A Zarr v3 array of two cells, as others write it.
fn foreign_array() -> Value {
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [2, 1],
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 1]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "fill_value": 0.0,
        "dimension_names": ["y", "x"],
    })
}

#[test]
fn groups_of_others_with_fields_nobody_knows_are_refused_between_processes() {
    let journey = Journey::begin();
    let folder = journey.objects("foreign");
    std::fs::create_dir_all(folder.join("t/c/0")).unwrap();
    std::fs::write(folder.join("t/c/0/0"), [0; 8]).unwrap();
    let group = json!({"zarr_format": 3, "node_type": "group"});
    std::fs::write(folder.join("zarr.json"), group.to_string()).unwrap();
    let write = |array: &Value| {
        std::fs::write(folder.join("t/zarr.json"), array.to_string()).unwrap();
    };
    let url = journey.in_bucket("foreign");
    let import = ["import", &url, "s", "c", "--variable", "t"];
    for (field, value, code, hint) in [
        ("mystery", json!({"name": "x"}), 8, "mystery"),
        (
            "mystery",
            json!({"name": "x", "must_understand": true}),
            8,
            "mystery",
        ),
        ("mystery", json!("TOPSECRET"), 8, "mystery"),
        (
            "codecs",
            json!([{"name": "bytes"}, {"name": "enigma"}]),
            8,
            "enigma",
        ),
        ("data_type", json!("float99"), 8, "float99"),
        ("zarr_format", json!(4), 8, "4"),
        ("shape", json!([-1, 1]), 7, ""),
    ] {
        let mut array = foreign_array();
        array[field] = value;
        write(&array);
        let line = refused(code, &journey.scene, &import);
        assert!(line.contains(hint), "{field}: {line}");
    }
    let mut array = foreign_array();
    array["mystery"] = json!({"name": "x", "must_understand": false});
    write(&array);
    journey.scene.ok(&import);
}

#[test]
fn connections_that_break_for_good_end_a_read_and_a_write_between_processes() {
    let journey = arrived();
    let scene = &journey.scene;
    let proxy = Proxy::start(journey.server.address());
    let through = |rest: &str| {
        let endpoint = proxy.endpoint();
        format!("s3://{BUCKET}/{rest}?{AT_ONCE}&endpoint={endpoint}")
    };
    let (z, other) = (through("z"), through("other/coads"));
    let export = ["export", &z, "coads", "variable=SST", "-o", "out.nc"];
    let copy = ["copy", "h/coads", &other];
    let broken = |reset_after, close_after| Direction {
        reset_after,
        close_after,
        ..Direction::default()
    };
    for (to_server, to_client) in [
        (Direction::default(), broken(Some(5_000), None)),
        (Direction::default(), broken(None, Some(5_000))),
        (broken(Some(20_000), None), Direction::default()),
    ] {
        proxy.set(Wire {
            refuse: false,
            to_server,
            to_client,
        });
        if to_server == Direction::default() {
            ends_with(11, scene, &[&export[..], &["-vvv"]].concat());
            assert!(!scene.path("out.nc").exists());
        } else {
            ends_with(11, scene, &[&copy[..], &["-vvv"]].concat());
        }
    }
    proxy.set(Wire::default());
    scene.ok(&export);
    scene.ok(&copy);
    let before = fingerprint(scene, "h", "coads");
    assert!(before == fingerprint(scene, &through("other"), "coads"));
}

#[test]
fn a_server_that_dies_for_good_ends_a_copy_after_its_crash() {
    let mut journey = Journey::begin();
    let before = journey.import(SAMPLES[0]);
    let there = format!("{}&{AT_ONCE}", journey.in_bucket("coads"));
    let begun = [
        journey.objects("coads"),
        journey.scene.path("back/coads/arrays"),
    ];
    for (from, to, begun) in [
        ("h/coads", there.as_str(), &begun[0]),
        (&there, "back/coads", &begun[1]),
    ] {
        let words = ["copy", from, to, "--jobs", "1", "--memory-limit", "64K"];
        let child = start(&journey.scene, &words, || entries(begun) >= 1);
        let died = std::time::Instant::now();
        journey.server.kill();
        let ended = child.wait_with_output().unwrap();
        let taken = died.elapsed();
        assert!(taken.as_secs() < 20, "{taken:?}: {ended:?}");
        assert_eq!(ended.status.code(), Some(11), "{ended:?}");
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.contains(&journey.server.endpoint()), "{told}");
        journey.server.restart();
        journey.scene.ok(&["copy", from, to]);
    }
    assert!(before == fingerprint(&journey.scene, "back", "coads"));
}
