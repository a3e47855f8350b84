//! Each verb, end to end, as a person types it.

mod common;

use common::{SAMPLE, Scene};
use serde_json::json;

#[test]
fn init_makes_a_store() {
    let scene = Scene::empty();
    let out = scene.ok(&["init", "s"]);
    assert_eq!(out, "created store s (adapter hdf5)\n");
    assert_eq!(scene.json(&["show", "s"])["collections"], json!([]));
    assert_eq!(scene.ok(&["init", "quiet", "-q"]), "");
}

#[test]
fn create_makes_a_collection_and_show_gives_its_schema_back() {
    let scene = Scene::with_collection();
    let schema = scene.ok(&["show", "s", "weather", "--schema"]);
    std::fs::write(scene.path("again.json"), &schema).unwrap();
    let out = scene.ok(&[
        "create",
        "s",
        "again",
        "--schema",
        "again.json",
        "--adapter",
        "hdf5",
        "--chunks",
        "1,3,2",
        "--codec",
        "zstd:5",
    ]);
    assert_eq!(out, "created collection again: float32 of 4 x 3 x 2\n");
    assert_eq!(scene.ok(&["show", "s", "again", "--schema"]), schema);
    let storage = &scene.json(&["show", "s", "again"])["collection"]["storage"];
    assert_eq!(
        storage,
        &json!({"chunks": [1, 3, 2], "codec": "zstd", "level": 5})
    );
}

#[test]
fn new_makes_an_array_with_attributes_and_cells() {
    let scene = Scene::with_collection();
    scene.npy("cells.npy", "4, 3, 2", &[1.5; 24]);
    let out = scene.ok(&[
        "new",
        "s",
        "weather",
        "dt=2023-01-03",
        "station=a b",
        "--set",
        "quality=3",
        "--from",
        "cells.npy",
    ]);
    assert_eq!(
        out,
        "created array dt=2023-01-03T00:00:00Z, station=a b in weather\n"
    );
    let shown =
        &scene.json(&["show", "s", "weather", "dt=2023-01-03T00:00", "station=a b"])["array"];
    assert_eq!(shown["custom"], json!({"quality": 3}));
    assert_eq!(scene.json(&["read", "s", "weather"])["mean"], 1.5);
}

#[test]
fn ls_lists_collections() {
    let scene = Scene::with_arrays();
    assert_eq!(
        scene.ok(&["ls", "s"]),
        "weather  float32  time 4 x lat 3 x site 2  2 arrays\n"
    );
    assert_eq!(scene.ok(&["ls", "s", "--count"]), "1\n");
}

#[test]
fn ls_finds_sorts_pages_and_counts_arrays() {
    let scene = Scene::with_arrays();
    scene.ok(&["new", "s", "weather", "dt=2023-01-03", "station=it's"]);
    let first = "dt=2023-01-03T00:00:00Z  station=a";
    let quoted = r"dt=2023-01-03T00:00:00Z  'station=it'\''s'";
    let last = "dt=2023-01-04T00:00:00Z  station=b";
    for (words, lines) in [
        (&[][..], &[first, quoted, last][..]),
        (&["--where", "dt >= 2023-01-04"], &[last]),
        (
            &["--where", "dt = 2023-01-03 and station in (a, b)"],
            &[first],
        ),
        (&["--where", "quality = 3"], &[first]),
        (&["--sort", "station"], &[first, last, quoted]),
        (&["--sort", "station", "--reverse"], &[quoted, last, first]),
        (&["--offset", "1", "--limit", "1"], &[quoted]),
        (&["--count", "--where", "station != a"], &["2"]),
    ] {
        let out = scene.ok(&[&["ls", "s", "weather"], words].concat());
        let unpadded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let found: Vec<_> = out.lines().map(unpadded).collect();
        let expected: Vec<_> = lines.iter().map(|line| unpadded(line)).collect();
        assert_eq!(found, expected, "{words:?}");
    }
}

#[test]
fn show_says_what_a_collection_and_an_array_are() {
    let scene = Scene::with_arrays();
    let collection = scene.ok(&["show", "s", "weather"]);
    let lines: Vec<_> = collection
        .lines()
        .filter(|line| !line.starts_with("id "))
        .collect();
    assert_eq!(
        lines,
        [
            "collection  weather",
            "cells       float32 of 4 x 3 x 2, fill value \"NaN\"",
            "dimension   time 4: from $dt in steps of PT6H",
            "dimension   lat 3: from -10 in steps of 10 degrees_north",
            "dimension   site 2: labels north, south",
            "key         dt (datetime)",
            "key         station (text)",
            "custom      quality (int)",
            "metadata    long_name = \"Air temperature\"",
            "metadata    units = \"K\"",
            "holds       2 arrays",
        ]
    );
    let array = scene.ok(&["show", "s", "weather", "dt=2023-01-03", "station=a"]);
    assert!(
        array.contains(
            "dimension   time 4: 2023-01-03, 2023-01-03T06:00Z, 2023-01-03T12:00Z, 2023-01-03T18:00Z\n"
        ),
        "{array}"
    );
    assert!(array.contains("custom      quality = 3\n"), "{array}");
}

#[test]
fn read_shows_what_was_selected_by_label() {
    let scene = Scene::with_arrays();
    let name = ["s", "weather", "dt=2023-01-03", "station=a"];
    let north = ["--sel", "time=2023-01-03T06:00", "--sel", "site=north"];
    scene.npy("two.npy", "2, ", &[270.0, 279.0]);
    scene.ok(&[
        &["write"],
        &name[..],
        &north,
        &["--isel", "lat=:2", "--from", "two.npy"],
    ]
    .concat());
    assert_eq!(
        scene.ok(&[&["read"], &name[..], &north].concat()),
        "\
weather: Air temperature, float32 of 3
  time     2023-01-03T06:00Z
  site     north
  lat   3  -10, 0, 10 degrees_north
min 270, mean 274.5, max 279 K, 1 missing
279 │    ****
    │
    │
    │
    │
    │
    │
    │
    │
270 │****
    └────────────
     -10       10
"
    );
    let one = scene.ok(&[&["read"], &name[..], &north, &["--isel", "lat=0"]].concat());
    assert!(one.ends_with("\nvalue 270 K\n"), "{one}");
}

#[test]
fn read_draws_the_map_of_the_sample_with_north_up() {
    let scene = Scene::with_sample();
    let out = scene.ok(&[
        "read",
        "s",
        "coads",
        "--isel",
        "TIME=0",
        "--sel",
        "COADSY=-10..10",
    ]);
    let mut lines = out.lines();
    assert_eq!(
        lines.next(),
        Some("SST: SEA SURFACE TEMPERATURE, float32 of 10 x 180")
    );
    assert!(out.contains("COADSY  10   -9 … 9 degrees_north"), "{out}");
    assert!(out.contains(" °C, "), "{out}");
    assert!(out.lines().any(|line| line.starts_with(" 9 │")), "{out}");
    assert!(!out.contains('\u{1b}'), "no escape codes when piped");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn read_explains_what_it_would_touch() {
    let scene = Scene::with_arrays();
    let name = ["s", "weather", "dt=2023-01-03", "station=a"];
    scene.ok(&[&["write"], &name[..], &["--value", "1"]].concat());
    let out = scene.ok(&[&["read"], &name[..], &["--isel", "time=0", "--explain"]].concat());
    assert!(
        out.starts_with("reads   float32 of 3 x 2 (24 B)\nchunks  1 to decode; each "),
        "{out}"
    );
    assert!(out.contains("\nfrom    1 file, "), "{out}");
}

#[test]
fn write_takes_files_values_and_attributes() {
    let scene = Scene::with_arrays();
    let name = ["s", "weather", "dt=2023-01-03", "station=a"];
    scene.npy("two.npy", "2, ", &[1.0, 2.0]);
    let place = ["--isel", "time=0", "--isel", "lat=-1"];
    let out = scene.ok(&[&["write"], &name[..], &place, &["--from", "two.npy"]].concat());
    assert_eq!(out, "wrote 2 cells of dt=2023-01-03T00:00:00Z, station=a\n");
    let read = scene.json(&[&["read"], &name[..], &place].concat());
    assert_eq!(
        (&read["min"], &read["max"], &read["missing"]),
        (&json!(1.0), &json!(2.0), &json!(0))
    );

    scene.ok(&[
        &["write"],
        &name[..],
        &["--value", "-4.5", "--set", "quality=9"],
    ]
    .concat());
    assert_eq!(scene.json(&[&["read"], &name[..]].concat())["min"], -4.5);
    assert_eq!(
        scene.json(&[&["show"], &name[..]].concat())["array"]["custom"]["quality"],
        9
    );
    scene.ok(&[&["write"], &name[..], &["--unset", "quality"]].concat());
    assert_eq!(
        scene.json(&[&["show"], &name[..]].concat())["array"]["custom"],
        json!({})
    );
}

#[test]
fn clear_brings_the_fill_value_back() {
    let scene = Scene::with_arrays();
    let name = ["s", "weather", "dt=2023-01-03", "station=a"];
    scene.ok(&[&["write"], &name[..], &["--value", "1"]].concat());
    let out = scene.ok(&[&["clear"], &name[..], &["--sel", "lat=0..10"]].concat());
    assert_eq!(
        out,
        "cleared 16 cells of dt=2023-01-03T00:00:00Z, station=a\n"
    );
    assert_eq!(scene.json(&[&["read"], &name[..]].concat())["missing"], 16);
}

#[test]
fn rm_deletes_an_array_all_arrays_and_a_collection() {
    let scene = Scene::with_arrays();
    let count = || scene.ok(&["ls", "s", "weather", "--count"]);
    scene.ok(&["rm", "s", "weather", "dt=2023-01-03", "station=a"]);
    assert_eq!(count(), "1\n");
    let id =
        scene.json(&["show", "s", "weather", "dt=2023-01-04", "station=b"])["array"]["id"].clone();
    scene.ok(&[
        "rm",
        "s",
        "weather",
        &format!("id={}", id.as_str().unwrap()),
    ]);
    assert_eq!(count(), "0\n");
    scene.ok(&["new", "s", "weather", "dt=2023-01-05", "station=c"]);
    assert_eq!(
        scene.ok(&["rm", "s", "weather", "--all"]),
        "deleted 1 array of weather\n"
    );
    scene.ok(&["rm", "s", "weather", "--collection"]);
    assert_eq!(scene.ok(&["ls", "s", "--count"]), "0\n");
}

#[test]
fn import_and_export_carry_a_real_file_through() {
    let scene = Scene::with_sample();
    let coads = &scene.json(&["read", "s", "coads"]);
    assert_eq!(coads["shape"], json!([12, 90, 180]));
    assert_eq!(coads["unit"], "Deg C");
    assert_eq!(coads["coords"]["COADSX"][179], 379.0);
    assert_eq!(coads["coords"]["TIME"].as_array().unwrap().len(), 12);

    scene.ok(&[
        "export",
        "s",
        "coads",
        "--sel",
        "COADSY=-10..10",
        "-o",
        "tropics.nc",
    ]);
    scene.ok(&["import", "tropics.nc", "s", "tropics", "--variable", "SST"]);
    let tropics = scene.json(&["read", "s", "tropics"]);
    let cut = scene.json(&["read", "s", "coads", "--sel", "COADSY=-10..10"]);
    assert_eq!(tropics, cut);
}

#[test]
fn check_finds_nothing_in_a_sound_store_and_a_flipped_bit_in_a_damaged_one() {
    let scene = Scene::with_sample();
    assert_eq!(
        scene.ok(&["check", "s", "--level", "4"]),
        "nothing found at level 4\n"
    );
    assert_eq!(scene.json(&["check", "s"])["findings"], json!([]));

    let folder = scene.path("s/coads/arrays");
    let file = folder.read_dir().unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let run = scene.run(&[
        "check",
        "s",
        "coads",
        "--level",
        "4",
        "--report",
        "report.txt",
    ]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out.contains("found at level 4") && run.out.contains("report.txt"),
        "{run:?}"
    );
    assert!(scene.text("report.txt").contains("coads: "));
    let run = scene.run(&["check", "s", "--level", "4", "--json"]);
    assert_eq!(run.code, 1);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert!(report["found"].as_u64().unwrap() >= 1, "{report}");
}

#[test]
fn du_tells_what_is_stored() {
    let scene = Scene::with_sample();
    let usage = &scene.json(&["du", "s"])["collections"][0];
    assert_eq!(usage["array_count"], 1);
    assert_eq!(usage["memory_bytes"], 12 * 90 * 180 * 4);
    let stored = usage["stored_bytes"].as_u64().unwrap();
    assert!((10_000..900_000).contains(&stored), "{stored}");
    assert!(scene.ok(&["du", "s", "coads"]).contains("1 array"));
}

#[test]
fn locks_are_shown() {
    let scene = Scene::with_arrays();
    assert_eq!(scene.json(&["locks", "s"])["locks"], json!([]));
    assert_eq!(
        scene.run(&["locks", "s"]).err,
        "note: nobody holds a lock\n"
    );
}

#[test]
fn the_demo_runs_and_leaves_a_picture() {
    let scene = Scene::empty();
    let out = scene.ok(&["demo", "d"]);
    assert!(
        out.contains("$ hyperslab check d/store --level 4\nnothing found at level 4\n"),
        "{out}"
    );
    let picture = scene.read("d/sst.png");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000);
    assert!(scene.read("d/tropics.nc").starts_with(b"\x89HDF"));
    scene.fails(4, &["demo", "d"]);
    scene.ok(&["demo", "other", "--sample", SAMPLE]);
}

#[test]
fn completions_are_printed_for_every_shell() {
    let scene = Scene::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            scene.ok(&["completions", shell]).contains("hyperslab"),
            "{shell}"
        );
    }
}
