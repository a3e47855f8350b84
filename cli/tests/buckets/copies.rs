//! The sample collections from HDF5 files into a bucket and back, also when a process is killed meanwhile.

use serde_json::Value;

use crate::common::copies::{entries, fingerprint, kill_when, start};
use crate::journey::{Journey, SAMPLES};

/// Less than any of their arrays.
const SMALL: [&str; 4] = ["--jobs", "1", "--memory-limit", "64K"];

#[test]
fn samples_go_to_a_bucket_and_back_between_processes() {
    let journey = Journey::begin();
    let (scene, bucket) = (&journey.scene, journey.bucket());
    for sample in SAMPLES {
        let (_, collection, variables) = sample;
        let before = journey.import(sample);
        let (from, there) = (format!("h/{collection}"), journey.in_bucket(collection));
        let back = format!("back/{collection}");
        journey.resume(&["copy", &from, &there], variables.len(), variables.len());
        journey.resume(&["copy", &there, &back], variables.len(), variables.len());
        assert!(before == fingerprint(scene, &bucket, collection));
        assert!(before == fingerprint(scene, "back", collection));
        journey.resume(&["copy", &from, &there], 0, variables.len());
    }
    assert_eq!(scene.json(&["show", &bucket])["store"]["adapter"], "zarr");
    assert_eq!(scene.json(&["show", "back"])["store"]["adapter"], "hdf5");
    for store in [bucket.as_str(), "back"] {
        assert_eq!(scene.json(&["check", store, "--level", "4"])["found"], 0);
    }
}

#[test]
fn a_copy_to_a_bucket_and_back_goes_on_after_crashes_within_an_array() {
    let journey = Journey::begin();
    for sample in SAMPLES {
        let (_, collection, variables) = sample;
        let before = journey.import(sample);
        let (from, there) = (format!("h/{collection}"), journey.in_bucket(collection));
        let back = format!("back/{collection}");
        let marks = format!("{collection}.copying");
        for (from, to, store, begun) in [
            // Beside the array stands the group of its collection.
            (&from, &there, journey.bucket(), journey.objects(collection)),
            (
                &there,
                &back,
                "back".to_owned(),
                journey.scene.path(&format!("{back}/arrays")),
            ),
        ] {
            let words = ["copy", from, to];
            let least = if store == "back" { 1 } else { 2 };
            kill_when(&journey.scene, &[&words[..], &SMALL].concat(), || {
                entries(&begun) >= least
            });
            let listed = journey.scene.json(&["ls", &store]);
            assert!(listed.to_string().contains(&marks), "{listed}");
            // The first array was not whole yet, so all are copied.
            journey.resume(&words, variables.len(), variables.len());
            let listed = journey.scene.json(&["ls", &store]);
            assert!(!listed.to_string().contains(&marks), "{listed}");
            assert!(before == fingerprint(&journey.scene, &store, collection));
        }
    }
    journey.check(&journey.bucket());
    journey.check("back");
}

#[test]
fn a_copy_to_a_bucket_and_back_goes_on_after_crashes_between_arrays() {
    const COUNT: usize = 24;
    let journey = Journey::begin();
    let scene = &journey.scene;
    std::fs::write(scene.path("weather.json"), crate::common::SCHEMA).unwrap();
    scene.ok(&["init", "h"]);
    scene.ok(&["create", "h", "weather", "--schema", "weather.json"]);
    scene.npy("cells.npy", "4, 3, 2", &[1.5; 24]);
    for hour in 0..COUNT {
        let (dt, station) = (format!("dt=2023-01-03T{hour:02}:00"), "station=a");
        scene.ok(&["new", "h", "weather", &dt, station, "--from", "cells.npy"]);
    }
    let before = fingerprint(scene, "h", "weather");
    let there = journey.in_bucket("weather");
    for (from, to, store, begun) in [
        (
            "h/weather",
            there.as_str(),
            journey.bucket(),
            journey.objects("weather"),
        ),
        (
            &there,
            "back/weather",
            "back".to_owned(),
            scene.path("back/weather/arrays"),
        ),
    ] {
        let words = ["copy", from, to, "--jobs", "1"];
        // Three times, each a little further.
        for step in 1..=3 {
            kill_when(scene, &words, || entries(&begun) > 4 * step);
            let count = scene.json(&["ls", &store, "weather", "--count"])["count"].clone();
            assert!(
                (1..COUNT as u64).contains(&count.as_u64().unwrap()),
                "{count}"
            );
        }
        let there = scene.json(&["ls", &store, "weather", "--count"])["count"].clone();
        let there = usize::try_from(there.as_u64().unwrap()).unwrap();
        journey.resume(&words, COUNT - there, COUNT);
        assert!(before == fingerprint(scene, &store, "weather"));
        journey.check(&store);
    }
}

#[test]
fn a_copy_to_a_bucket_and_back_outlives_crashes_of_the_server() {
    let mut journey = Journey::begin();
    let sample = SAMPLES[0];
    let (_, collection, variables) = sample;
    let before = journey.import(sample);
    let there = journey.in_bucket(collection);
    let begun = [
        journey.objects(collection),
        journey.scene.path("back/coads/arrays"),
    ];
    for (from, to, begun) in [
        ("h/coads", there.as_str(), &begun[0]),
        (&there, "back/coads", &begun[1]),
    ] {
        let words = [&["copy", from, to, "--json"][..], &SMALL].concat();
        let mut child = start(&journey.scene, &words, || entries(begun) >= 1);
        journey.server.kill();
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        journey.server.restart();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(report["copied"], variables.len(), "{report}");
        assert_eq!(report["verified"], variables.len(), "{report}");
    }
    for store in [journey.bucket().as_str(), "back"] {
        assert!(before == fingerprint(&journey.scene, store, collection));
        journey.check(store);
    }
}
