//! Stores as a whole: documents of collections, sizes, faults, locks, and options that count everywhere.

mod common;

use common::Scene;
use serde_json::{Value, json};

#[test]
fn what_show_prints_of_a_collection_makes_another() {
    let scene = Scene::with_collection();
    scene.ok(&[
        "create",
        "s",
        "chunked",
        "--schema",
        "weather.json",
        "--chunks",
        "1,3,2",
    ]);
    let shown = scene.json(&["show", "s", "chunked"]);
    std::fs::write(scene.path("shown.json"), shown.to_string()).unwrap();
    scene.ok(&["init", "t"]);
    scene.ok(&["create", "t", "--from", "shown.json"]);
    let again = scene.json(&["show", "t", "chunked"]);
    for field in ["name", "schema", "storage"] {
        assert_eq!(
            again["collection"][field], shown["collection"][field],
            "{field}"
        );
    }
    assert_ne!(again["collection"]["id"], shown["collection"]["id"]);
    // The command line comes first.
    scene.ok(&[
        "create",
        "t",
        "other",
        "--from",
        "shown.json",
        "--chunks",
        "4,3,2",
        "--codec",
        "zstd:3",
    ]);
    let other = scene.json(&["show", "t", "other"]);
    assert_eq!(
        other["collection"]["storage"],
        json!({"chunks": [4, 3, 2], "codec": "zstd", "level": 3})
    );
    scene.fails(4, &["create", "t", "--from", "shown.json"]);
    scene.fails(3, &["create", "t", "--from", "nothing.json"]);
    std::fs::write(scene.path("bad.json"), r#"{"name": "x", "schema": 3}"#).unwrap();
    let told = scene.fails(2, &["create", "t", "--from", "bad.json"]);
    assert!(told.contains("bad.json: schema"), "{told}");
    for words in [
        &["create", "t"][..],
        &["create", "t", "x"],
        &["create", "t", "--schema", "weather.json"],
        &[
            "create",
            "t",
            "--schema",
            "weather.json",
            "--from",
            "shown.json",
        ],
    ] {
        assert_eq!(scene.run(words).code, 2, "{words:?}");
    }
}

#[test]
fn arrays_that_are_too_large_are_told_refused_or_passed_over() {
    let scene = Scene::with_collection();
    let create = |name, more: &[&str]| {
        let words = [
            "create",
            "s",
            name,
            "--schema",
            "weather.json",
            "--memory-limit",
            "95",
        ];
        scene.run(&[&words[..], more].concat())
    };
    let told = create("a", &[]);
    assert!(
        told.code == 0
            && told
                .err
                .contains("takes 96 bytes, the memory limit is 95 bytes"),
        "{told:?}"
    );
    let refused = create("b", &["--memory-check", "refuse"]);
    assert!(
        refused.code == 9 && refused.err.contains("96 bytes"),
        "{refused:?}"
    );
    let silent = create("c", &["--memory-check", "off"]);
    assert!(silent.code == 0 && silent.err.is_empty(), "{silent:?}");
    let names = &scene.json(&["show", "s"])["collections"];
    assert_eq!(*names, json!(["a", "c", "weather"]));
}

#[test]
fn du_adds_up_and_passes_over_what_does_not_open() {
    let scene = Scene::with_arrays();
    scene.ok(&["create", "s", "rain", "--schema", "weather.json"]);
    let measured = scene.json(&["du", "s"]);
    let of = |field: &str| {
        let each = measured["collections"].as_array().unwrap().iter();
        each.map(|one| one[field].as_u64().unwrap()).sum::<u64>()
    };
    for field in [
        "array_count",
        "stored_bytes",
        "overhead_bytes",
        "memory_bytes",
    ] {
        assert_eq!(measured["total"][field], of(field), "{field}");
    }
    assert_eq!(measured["total"]["memory_bytes"], 2 * 96);
    let exact = scene.ok(&["du", "s", "--bytes"]);
    let stored = measured["total"]["stored_bytes"].as_u64().unwrap();
    let last = exact.lines().last().unwrap();
    assert!(
        last.starts_with("total") && last.contains(&format!("{stored} B stored")),
        "{exact}"
    );
    assert!(!scene.ok(&["du", "s", "rain"]).contains("total"));

    let schema = scene.path("s").join("rain").join("collection.json");
    assert!(schema.exists());
    std::fs::write(schema, "{").unwrap();
    let run = scene.run(&["du", "s"]);
    assert!(
        run.code == 0 && run.err.contains("left out: collection 'rain'"),
        "{run:?}"
    );
    let measured = scene.json(&["du", "s"]);
    assert_eq!(measured["unreadable"][0]["name"], "rain");
    assert_eq!(measured["total"]["array_count"], 2);
    scene.fails(7, &["du", "s", "rain"]);
    scene.fails(3, &["du", "s", "snow"]);
}

#[test]
fn a_check_ends_with_the_first_fault_if_asked_and_reports_to_a_file() {
    let scene = Scene::with_arrays();
    for name in ["one", "two", "three"] {
        std::fs::write(
            scene.path("s").join("weather").join("arrays").join(name),
            "x",
        )
        .unwrap();
    }
    let all = scene.run(&["check", "s", "--json"]);
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(all["found"], 3);
    let run = scene.run(&["check", "s", "weather", "--stop-on-error"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out
            .contains("1 fault found at level 3, and the check ended there"),
        "{run:?}"
    );
    assert_eq!(run.out.lines().count(), 2, "{run:?}");

    let run = scene.run(&["check", "s", "--report", "report.JSON"]);
    assert!(
        run.code == 1 && run.out.contains("see report.JSON"),
        "{run:?}"
    );
    let report: Value = serde_json::from_str(&scene.text("report.JSON")).unwrap();
    assert_eq!(report, all);
    assert_eq!(
        scene
            .run(&["check", "s", "--report", "report.txt", "-q"])
            .out,
        ""
    );
    assert_eq!(scene.text("report.txt").lines().count(), 4);
    assert_eq!(
        scene.run(&["check", "s", "--report", "no/folder/x"]).code,
        3
    );
    assert_eq!(scene.run(&["check", "s", "--report", "s3://a/b"]).code, 2);
    assert_eq!(
        scene
            .run(&["check", "s", "--stop-on-error", "--repair"])
            .code,
        2
    );

    scene.ok(&["create", "s", "rain", "--schema", "weather.json"]);
    assert_eq!(
        scene.run(&["check", "s", "rain", "--stop-on-error"]).code,
        0
    );
}

#[test]
fn stale_locks_are_shown_and_removed_of_one_collection_or_all() {
    let scene = Scene::with_collection();
    scene.ok(&["create", "s", "rain", "--schema", "weather.json"]);
    let left = |collection: &str| {
        let folder = scene
            .path("s")
            .join(collection)
            .join(".hyperslab")
            .join("locks");
        std::fs::create_dir_all(&folder).unwrap();
        // What a process that was killed in the middle of it leaves behind.
        std::fs::write(folder.join("collection.lock"), "{\"key\"").unwrap();
    };
    left("rain");
    left("weather");
    assert_eq!(
        scene.json(&["locks", "s"])["locks"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let shown = scene.json(&["locks", "s", "rain"]);
    assert_eq!(shown["locks"][0]["key"]["collection"], "rain");
    assert_eq!(shown["locks"][0]["stale"], true);
    let cleaned = scene.json(&["locks", "s", "rain", "--clean"]);
    assert_eq!(cleaned["removed"], 1);
    assert_eq!(
        scene.json(&["locks", "s"])["locks"][0]["key"]["collection"],
        "weather"
    );
    let text = scene.ok(&["locks", "s", "--clean"]);
    assert!(
        text.starts_with("weather") && text.contains("stale, removed"),
        "{text}"
    );
    assert_eq!(scene.json(&["locks", "s"])["locks"], json!([]));
    assert_eq!(scene.json(&["check", "s"])["found"], 0);
}

#[test]
fn arrays_are_found_by_id_and_custom_attributes_and_shown_as_json() {
    let scene = Scene::with_arrays();
    let shown = scene.json(&["show", "s", "weather", "dt=2023-01-03", "station=a"]);
    let id = shown["array"]["id"].as_str().unwrap();
    let count =
        |condition: &str| scene.ok(&["ls", "s", "weather", "--where", condition, "--count"]);
    assert_eq!(count(&format!("id = {id}")), "1\n");
    assert_eq!(count(&format!("id in ({id}) and quality = 4")), "0\n");
    assert_eq!(count("quality >= 3 and station = a"), "1\n");
    let run = scene.run(&["ls", "s", "weather", "--where", "quality = 3"]);
    assert!(run.err.contains("opened one by one"), "{run:?}");
    let run = scene.run(&["ls", "s", "weather", "--where", &format!("id = {id}")]);
    assert!(run.err.is_empty(), "{run:?}");
    assert_eq!(
        shown["array"]["dimensions"][0]["coordinates"]["start"],
        "2023-01-03T00:00:00Z"
    );
    assert_eq!(
        shown["array"]["named_shape"],
        json!({"time": 4, "lat": 3, "site": 2})
    );
    assert_eq!(shown["array"]["schema"]["dtype"], "float32");
}

#[test]
fn times_are_selected_as_seconds_and_as_distances() {
    let scene = Scene::with_arrays();
    let times = |said: &str| {
        let words = [
            "read",
            "s",
            "weather",
            "dt=2023-01-03",
            "station=a",
            "--sel",
        ];
        let document = scene.json(&[&words[..], &[said]].concat());
        match &document["at"]["time"] {
            Value::Null => document["coords"]["time"].clone(),
            at => at.clone(),
        }
    };
    // 2023-01-03 is 1672704000 seconds after 1970.
    assert_eq!(times("time=@1672725600"), "2023-01-03T06:00:00Z");
    assert_eq!(times("time=+12h"), "2023-01-03T12:00:00Z");
    assert_eq!(
        times("time=+6h..+12h"),
        json!(["2023-01-03T06:00:00Z", "2023-01-03T12:00:00Z"])
    );
    assert_eq!(times("time=~@1672725599"), "2023-01-03T06:00:00Z");
    let told = scene.fails(
        2,
        &[
            "read",
            "s",
            "weather",
            "dt=2023-01-03",
            "station=a",
            "--sel",
            "time=+7h",
        ],
    );
    assert!(
        told.contains("the nearest are 2023-01-03T06:00:00Z"),
        "{told}"
    );
    let told = scene.fails(
        2,
        &[
            "read",
            "s",
            "weather",
            "dt=2023-01-03",
            "station=a",
            "--sel",
            "time=1672725600",
        ],
    );
    assert!(told.contains("`@1672725600`"), "{told}");
}

#[test]
fn options_that_count_everywhere_are_taken() {
    let scene = Scene::with_sample();
    let read = ["read", "s", "coads", "--isel", "TIME=0", "--json"];
    let expected = scene.ok(&read);
    for options in [
        &["--workers", "1"][..],
        &[
            "--workers",
            "3",
            "--lock-interval",
            "5ms",
            "--lock-timeout",
            "1m",
        ],
        &["--lock-timeout", "0.5", "--lock-interval", "0.01"],
    ] {
        assert_eq!(
            scene.ok(&[&read[..], options].concat()),
            expected,
            "{options:?}"
        );
    }
    let log = |level: &str| scene.run(&[&read[..], &["--log-level", level]].concat());
    let told = log("debug").err;
    assert!(
        told.contains("DEBUG") && told.contains("read{array="),
        "{told}"
    );
    assert_eq!(log("error").err, "");
    for wrong in [
        &["--workers", "0"][..],
        &["--workers", "many"],
        &["--log-level", "loud"],
        &["--lock-interval", "soon"],
        &["--lock-timeout=-1"],
    ] {
        assert_eq!(scene.run(&[&read[..], wrong].concat()).code, 2, "{wrong:?}");
    }
    let create = [
        "create",
        "s",
        "large",
        "--schema",
        "large.json",
        "--memory-limit",
        "1K",
    ];
    let schema = r#"{"version": 1, "dtype": "int8", "dimensions": [{"name": "x", "size": 1025}]}"#;
    std::fs::write(scene.path("large.json"), schema).unwrap();
    let run = scene.run(&[&create[..], &["--log-level", "warn", "-q"]].concat());
    assert!(
        run.err.contains("WARN") && run.err.contains("1024 bytes"),
        "{run:?}"
    );
}
