//! Mistakes: one line that says what to do, and the exit code of its kind.

mod common;

use std::io::Read;
use std::process::Stdio;

use common::Scene;
use serde_json::Value;

#[test]
fn mistakes_exit_with_the_code_of_their_kind() {
    let scene = Scene::with_arrays();
    scene.npy("cells.npy", "3, ", &[0.0; 3]);
    std::fs::write(
        scene.path("bad.json"),
        r#"{"version": 1, "dtype": "float31", "dimensions": []}"#,
    )
    .unwrap();
    std::fs::write(scene.path("new.json"), r#"{"version": 99}"#).unwrap();
    std::fs::write(scene.path("text.npy"), "not an array").unwrap();
    let a = ["s", "weather", "dt=2023-01-03", "station=a"];
    let on = |verb: &[&'static str], rest: &[&'static str]| [verb, &a, rest].concat();
    for (code, words, hint) in [
        (3, vec!["ls", "nowhere"], "nowhere"),
        (3, vec!["ls", "s", "none"], "none"),
        (3, vec!["ls", "s", "../s/weather"], "../s/weather"),
        (3, vec!["read", "s", "w/x"], "w/x"),
        (3, vec!["rm", "s", "../s", "--collection"], "../s"),
        (
            3,
            vec!["rm", "s", ".hyperslab", "--collection"],
            ".hyperslab",
        ),
        (
            3,
            vec!["read", "s", "weather", "dt=2023-01-09", "station=a"],
            "station=a does not exist",
        ),
        (
            3,
            vec![
                "read",
                "s",
                "weather",
                "id=00000000-0000-0000-0000-000000000000",
            ],
            "0000",
        ),
        (
            3,
            vec!["create", "s", "w", "--schema", "no.json"],
            "no.json",
        ),
        (4, vec!["init", "s"], "s"),
        (
            4,
            vec!["create", "s", "weather", "--schema", "weather.json"],
            "weather",
        ),
        (4, on(&["new"], &[]), "2023-01-03"),
        (
            2,
            vec!["create", "s", "w", "--schema", "bad.json"],
            "float31",
        ),
        (
            2,
            vec!["create", "s", "w/x", "--schema", "weather.json"],
            "w/x",
        ),
        (
            2,
            vec![
                "create",
                "s",
                "w",
                "--schema",
                "weather.json",
                "--chunks",
                "1,x",
            ],
            "1,90,180",
        ),
        (
            2,
            vec![
                "create",
                "s",
                "w",
                "--schema",
                "weather.json",
                "--codec",
                "lzma",
            ],
            "zstd",
        ),
        (
            2,
            vec![
                "create",
                "s",
                "w",
                "--schema",
                "weather.json",
                "--adapter",
                "tape",
            ],
            "hdf5",
        ),
        (
            8,
            vec!["create", "s", "w", "--schema", "new.json"],
            "update",
        ),
        (
            8,
            vec![
                "create",
                "s",
                "w",
                "--schema",
                "weather.json",
                "--adapter",
                "memory",
            ],
            "memory",
        ),
        (2, vec!["new", "s", "weather", "dt=2023-01-05"], "station"),
        (
            2,
            vec!["new", "s", "weather", "dt=yesterday", "station=a"],
            "yesterday",
        ),
        (
            2,
            vec![
                "new",
                "s",
                "weather",
                "dt=2023-01-05",
                "station=a",
                "--set",
                "colour=red",
            ],
            "quality",
        ),
        (2, vec!["read", "s", "weather"], "several"),
        (2, vec!["read", "s", "weather", "id=7"], "UUID"),
        (2, vec!["ls", "s", "weather", "--where", "dt >"], "dt"),
        (
            2,
            vec!["ls", "s", "weather", "--sort", "quality"],
            "quality",
        ),
        (2, on(&["read"], &["--isel", "depth=0"]), "time, lat, site"),
        (2, on(&["read"], &["--isel", "lat=3"]), "lat"),
        (2, on(&["read"], &["--isel", "lat=::0"]), "step"),
        (2, on(&["read"], &["--sel", "lat=3.3"]), "lat"),
        (2, on(&["read"], &["--sel", "lat=nan"]), "lat"),
        (2, on(&["read"], &["--sel", "site=west"]), "west"),
        (
            2,
            on(&["read"], &["--sel", "lat=0", "--isel", "lat=0"]),
            "twice",
        ),
        (2, on(&["write"], &["--from", "cells.npy"]), "shape"),
        (2, on(&["write"], &["--from", "text.npy"]), "numpy.save"),
        (2, on(&["write"], &["--value", "warm"]), "warm"),
        (
            2,
            on(&["write"], &["--isel", "lat=0", "--set", "quality=1"]),
            "whole array",
        ),
        (9, on(&["read"], &["--memory-limit", "10"]), "96"),
        (
            3,
            vec!["import", "no.nc", "s", "c", "--variable", "x"],
            "no.nc",
        ),
    ] {
        let error = scene.fails(code, &words);
        assert!(error.contains(hint), "{words:?}: {error}");
    }
    if !cfg!(feature = "aws") {
        let error = scene.fails(8, &["ls", "s3://bucket/x"]);
        assert!(error.contains("'aws'"), "{error}");
    }
    assert_eq!(
        scene.ok(&["ls", "s", "weather", "--count"]),
        "2\n",
        "nothing was changed"
    );
    assert_eq!(
        scene.ok(&["ls", "s", "--count"]),
        "1\n",
        "nothing was changed"
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    let scene = Scene::empty();
    for (words, hint) in [
        (&["juggle"][..], "'juggle'; see `hyperslab --help`"),
        (&["init"], "<STORE>; see `hyperslab init --help`"),
        (&["rm", "s", "c"], "--all"),
        (&["write", "s", "c"], "--value"),
        (
            &["write", "s", "c", "--value", "1", "--from", "x.npy"],
            "cannot be used with",
        ),
        (
            &["check", "s", "--level", "5"],
            "a whole number from 1 to 4",
        ),
        (
            &["check", "s", "--level", "x"],
            "a whole number from 1 to 4",
        ),
        (&["read", "s", "c", "station"], "NAME=VALUE"),
        (&["ls", "s", "--where", "x = 1"], "<COLLECTION>"),
        (&["ls", "s", "--memory-limit", "lots"], "lots"),
        (&["ls", "s", "c", "--limit", "-1"], "a whole number"),
        (&["ls", "s", "--workers", "5000"], "from 1 to 1024"),
        (&["ls", "s", "--workers", "0"], "from 1 to 1024"),
        (&["ls", "s", "--lock-timeout", "-1"], "write seconds"),
        (&["copy", "s/c", "t/c", "--jobs", "0"], "at least 1"),
        (&["migrate", "s", "t", "--jobs", "x"], "at least 1"),
    ] {
        let error = scene.fails(2, words);
        assert!(error.contains(hint), "{words:?}: {error}");
        let run = scene.run(&[words, &["--json"]].concat());
        let told: Value = serde_json::from_str(&run.err).unwrap();
        assert_eq!(told["error"]["kind"], "invalid_input", "{words:?}");
    }
    // Nothing was asked for: that is no mistake to be told, but a question.
    let run = scene.run(&[]);
    assert!(run.code == 2 && run.err.contains("Usage:"), "{run:?}");
}

#[test]
fn a_folder_in_a_store_is_pointed_up_from() {
    let scene = Scene::with_collection();
    scene.ok(&["init", "d", "--adapter", "deker"]);
    for (store, folder) in [("s", "weather"), ("d", "collections"), ("d", "nothing")] {
        let error = scene.fails(3, &["ls", &format!("{store}/{folder}")]);
        assert!(
            error.ends_with(&format!("there is one in {store}\n")),
            "{error}"
        );
    }
}

#[test]
fn locks_of_a_collection_that_is_not_there_are_not_found() {
    let scene = Scene::with_collection();
    scene.ok(&["locks", "s", "weather"]);
    for words in [
        &["locks", "s", "rain"][..],
        &["locks", "s", "rain", "--clean"],
    ] {
        let error = scene.fails(3, words);
        assert!(error.contains("rain"), "{error}");
    }
}

#[test]
fn the_causes_are_shown_when_asked_for() {
    let scene = Scene::with_collection();
    let words = ["create", "s", "w", "--schema", "no.json"];
    let run = scene.run(&[&words[..], &["-v"]].concat());
    assert!(run.err.contains("\n  caused by: "), "{run:?}");
    let run = scene.run(&[&words[..], &["--json"]].concat());
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["kind"], "not_found");
    assert!(
        !error["error"]["causes"].as_array().unwrap().is_empty(),
        "{error}"
    );
    assert_eq!((run.code, run.out.as_str()), (3, ""));
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let scene = Scene::empty();
    let mut child = scene
        .command(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn a_held_lock_is_waited_for_and_its_holder_named() {
    use hyperslab::{Connect, LockKey, LockRequest, Store};

    let scene = Scene::with_arrays();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = scene.path("s").display().to_string();
    let store = runtime.block_on(Store::open(&url)).unwrap();
    let key = LockKey::array("weather", "dt=20230103T000000Z,station=a");
    let request = LockRequest::exclusive(key, std::time::Duration::from_secs(1));
    let guard = runtime.block_on(store.locks().acquire(request)).unwrap();

    let write = [
        "write",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a",
        "--value",
        "1",
    ];
    let error = scene.fails(5, &[&write[..], &["--lock-timeout", "0"]].concat());
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    let shown = scene.ok(&["locks", "s"]);
    assert!(
        shown.starts_with("weather/dt=20230103T000000Z,station=a  exclusive  held  "),
        "{shown}"
    );
    let locks = scene.json(&["locks", "s", "--clean"]);
    assert_eq!(locks["removed"], 0);
    assert_eq!(locks["locks"][0]["pid"], std::process::id());

    drop(guard);
    scene.ok(&write);
}
