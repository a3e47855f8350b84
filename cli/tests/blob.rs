//! Byte objects, and files that are attached.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod common;

use common::Scene;
use serde_json::{Value, json};

/// Makes a file, and says its key.
fn put(scene: &Scene, repository: &str, name: &str, content: &str) -> String {
    std::fs::write(scene.path(name), content).unwrap();
    let put = scene.json(&["blob", "put", repository, name]);
    put["objects"][0]["key"].as_str().unwrap().to_owned()
}

fn with_repository() -> Scene {
    let scene = Scene::empty();
    scene.ok(&["blob", "init", "r"]);
    scene
}

#[test]
fn objects_are_put_listed_got_and_deleted() {
    let scene = with_repository();
    let key = put(&scene, "r", "a.txt", "an object\n");
    assert_eq!(scene.ok(&["blob", "get", "r", &key]), "an object\n");
    assert_eq!(
        scene.ok(&["blob", "get", "r", &key, "--range", "3..9"]),
        "object"
    );
    assert_eq!(
        scene.ok(&["blob", "get", "r", &key, "--range", "..2"]),
        "an"
    );
    assert_eq!(
        scene.ok(&["blob", "get", "r", &key, "--range", "9.."]),
        "\n"
    );
    scene.ok(&["blob", "get", "r", &key, "-o", "b.txt"]);
    assert_eq!(
        std::fs::read_to_string(scene.path("b.txt")).unwrap(),
        "an object\n"
    );
    assert_eq!(scene.ok(&["blob", "ls", "r"]), format!("{key}\n"));
    assert_eq!(scene.ok(&["blob", "ls", "r", "--count"]), "1\n");
    let long = scene.json(&["blob", "ls", "r", "--long"]);
    assert_eq!(
        long["objects"],
        json!([{"key": key, "size": 10, "placement": "loose"}])
    );
    // Again, with others: it is there.
    std::fs::write(scene.path("c.txt"), "other").unwrap();
    let put = scene.json(&["blob", "put", "r", "a.txt", "c.txt", "b.txt"]);
    let existed: Vec<&Value> = put["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| &o["existed"])
        .collect();
    assert_eq!(existed, [&json!(true), &json!(false), &json!(true)]);
    let other = put["objects"][1]["key"].as_str().unwrap();
    let absent = "0".repeat(64);
    for words in [
        &["blob", "get", "r", &absent][..],
        &["blob", "stat", "r", &key, &absent],
        &["blob", "rm", "r", other, &absent],
        &["blob", "export", "r", "x", &absent],
    ] {
        let told = scene.fails(3, words);
        assert!(told.contains(&absent), "{told}");
    }
    assert!(!scene.path("x").exists());
    assert_eq!(
        scene.json(&["blob", "rm", "r", other, &absent, "--ignore-missing"]),
        json!({"deleted": 1})
    );
    assert_eq!(scene.ok(&["blob", "ls", "r"]), format!("{key}\n"));
}

#[test]
fn what_is_no_key_or_piece_is_refused_and_nothing_is_read() {
    let scene = with_repository();
    let key = put(&scene, "r", "a.txt", "12345");
    for bad in [
        "",
        "x",
        "../config.json",
        "/etc/passwd",
        &key.to_uppercase(),
        &key[1..],
    ] {
        for verb in ["get", "stat", "rm"] {
            let told = scene.fails(2, &["blob", verb, "r", bad]);
            assert!(
                told.contains("is no key") && told.lines().count() == 1,
                "{told}"
            );
        }
    }
    for piece in ["x", "3", "4..2", "-1..2", "1-2", "0..6", "7.."] {
        scene.fails(2, &["blob", "get", "r", &key, "--range", piece]);
    }
    assert_eq!(scene.ok(&["blob", "get", "r", &key, "--range", "2..2"]), "");
    assert_eq!(scene.run(&["blob", "get", "r", &key, "--json"]).code, 2);
    scene.fails(2, &["blob", "put", "r", "."]);
    scene.fails(3, &["blob", "put", "r", "nothing.txt"]);
    scene.fails(4, &["blob", "init", "r"]);
    scene.fails(3, &["blob", "ls", "nowhere"]);
    scene.fails(2, &["blob", "init", "n", "--compression", "zlib:0"]);
    scene.fails(2, &["blob", "init", "n", "--prefix", "64"]);
    assert!(!scene.path("n").exists());
}

#[test]
fn a_container_is_packed_maintained_verified_and_backed_up() {
    let scene = with_repository();
    let keys: Vec<String> = (0..5)
        .map(|number| {
            put(
                &scene,
                "r",
                &format!("f{number}"),
                &"text ".repeat(100 * number + 1),
            )
        })
        .collect();
    let dry = scene.json(&["blob", "pack", "r", "--dry-run"]);
    assert_eq!(dry["packed"]["packed"], json!(5));
    assert_eq!(
        scene.json(&["blob", "ls", "r", "-l"])["objects"][0]["placement"],
        json!("loose")
    );
    let packed = scene.json(&["blob", "pack", "r", "--compress", "auto"]);
    assert_eq!(packed["packed"]["packed"], json!(5));
    assert!(packed["packed"]["stored_bytes"].as_u64() < packed["packed"]["content_bytes"].as_u64());
    scene.ok(&["blob", "rm", "r", &keys[4]]);
    let verified = scene.json(&["blob", "verify", "r"]);
    assert_eq!(
        (&verified["verified"]["read"], &verified["findings"]),
        (&json!(4), &json!([]))
    );
    assert!(verified["verified"]["unused_bytes"].as_u64().unwrap() > 0);
    let maintained = scene.json(&["blob", "maintain", "r", "--offline"]);
    assert_eq!(maintained["maintained"]["repacked"]["copied"], json!(4));
    assert_eq!(maintained["maintained"]["cleaned"]["packs"], json!([0]));
    assert_eq!(
        scene.json(&["blob", "verify", "r"])["verified"]["unused_bytes"],
        json!(0)
    );
    assert_eq!(
        scene.json(&["blob", "pack", "r", "--loosen", &keys[0]])["loosened"],
        json!(1)
    );
    let backup = scene.json(&["blob", "backup", "r", "copies", "--verify"]);
    assert_eq!(backup["findings"], json!([]));
    let copy = backup["backup"]["path"].as_str().unwrap();
    assert_eq!(scene.ok(&["blob", "ls", copy, "--count"]), "4\n");
    // Damage is found, and healed from what is put again.
    let pack = scene.path("r/packs/1");
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
    std::fs::write(&pack, bytes).unwrap();
    let run = scene.run(&["blob", "verify", "r"]);
    assert!(
        run.code == 1 && run.out.contains("4 faults found"),
        "{run:?}"
    );
    scene.fails(7, &["blob", "get", "r", &keys[1], "-o", "out"]);
    assert!(!scene.path("out").exists());
    for number in 0..4 {
        scene.ok(&["blob", "put", "r", &format!("f{number}")]);
    }
    let healed = scene.json(&["blob", "maintain", "r"]);
    assert_eq!(
        healed["maintained"]["cleaned"]["healed"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    scene.ok(&["blob", "verify", "r"]);
}

#[test]
fn objects_go_to_archives_and_other_repositories_and_back() {
    let scene = with_repository();
    let keys: Vec<String> = (0..3)
        .map(|n| put(&scene, "r", &format!("f{n}"), &n.to_string()))
        .collect();
    let copied = scene.json(&["blob", "export", "r", "a.aiida"]);
    assert_eq!(
        copied["copied"],
        json!({"copied": 3, "copied_bytes": 3, "existed": 0})
    );
    scene.fails(4, &["blob", "export", "r", "a.aiida"]);
    assert_eq!(scene.ok(&["blob", "get", "a.aiida", &keys[2]]), "2");
    scene.fails(10, &["blob", "put", "a.aiida", "f0"]);
    scene.fails(8, &["blob", "pack", "a.aiida"]);
    scene.ok(&["blob", "export", "r", "other", &keys[0]]);
    assert_eq!(
        scene.json(&["blob", "import", "other", "a.aiida"])["copied"]["existed"],
        json!(1)
    );
    assert_eq!(scene.ok(&["blob", "ls", "other", "--count"]), "3\n");
    // Other keys are told.
    scene.ok(&["blob", "init", "old", "--hash", "sha1"]);
    let renamed = scene.json(&["blob", "import", "old", "a.aiida"]);
    assert_eq!(renamed["renamed"].as_array().unwrap().len(), 3);
    let own = &[
        "blob",
        "init",
        "own",
        "--hash",
        "blake3",
        "--compression",
        "zstd:3",
    ];
    scene.ok(own);
    scene.ok(&["blob", "import", "own", "old"]);
    assert_eq!(
        scene.json(&["blob", "stat", "own"])["repository"]["key_format"],
        json!("blake3")
    );
    scene.ok(&["blob", "verify", "own"]);
}

#[test]
fn files_are_attached_to_whom_they_belong() {
    for adapter in ["hdf5", "zarr", "deker"] {
        let scene = Scene::empty();
        let schema = json!({
            "version": 1, "dtype": "float32", "dimensions": [{"name": "x", "size": 2}],
            "attributes": [{"name": "k", "type": "text", "role": "key"}],
        });
        std::fs::write(scene.path("schema.json"), schema.to_string()).unwrap();
        scene.ok(&["init", "s", "--adapter", adapter]);
        scene.ok(&["create", "s", "weather", "--schema", "schema.json"]);
        for key in ["k=a", "k=b"] {
            scene.ok(&["new", "s", "weather", key]);
        }
        std::fs::write(scene.path("run.log"), "it went well").unwrap();
        std::fs::write(scene.path("raw.bin"), "raw").unwrap();
        let of_a = ["--to", "weather", "--key", "k=a"];
        let with = |verb: &[&'static str], more: &[&'static str]| {
            let words = [&["attach"][..], verb, &["s"], more].concat();
            scene.json(&words)
        };
        with(&["put"], &["run.log", "--media-type", "text/plain"]);
        with(
            &["put"],
            &[&["run.log", "raw.bin", "--as", "in/"][..], &of_a].concat(),
        );
        with(&["inputs"], &["--to", "weather", "--set", "raw.bin"]);
        let listed = with(&["ls"], &["--all"]);
        let kinds: Vec<&Value> = listed["attachments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| &a["owner"]["kind"])
            .collect();
        assert_eq!(kinds, ["store", "collection", "array"], "{adapter}");
        assert_eq!(listed["attachments"][2]["collection"], "weather");
        let measured = scene.json(&["du", "s"]);
        assert_eq!(measured["attached"]["objects"], 2, "{adapter}");
        let tree = with(&["ls"], &[&["--aiida"][..], &of_a].concat());
        assert!(tree["o"]["in"]["o"]["raw.bin"]["k"].is_string(), "{tree}");
        let words = [&["attach", "get", "s", "in/run.log"][..], &of_a].concat();
        assert_eq!(scene.ok(&words), "it went well");
        assert_eq!(
            scene.ok(&["check", "s", "--level", "4"]),
            "nothing found at level 4\n",
            "{adapter}"
        );
        // Each content is there once, and stays while anything names it.
        assert_eq!(scene.ok(&["blob", "ls", "s", "--count"]), "2\n");
        scene.ok(&["attach", "rm", "s", "run.log"]);
        scene.fails(3, &["attach", "rm", "s", "run.log"]);
        let collected = with(&["collect"], &["--age", "0"]);
        assert_eq!(
            (
                &collected["collected"]["live"],
                &collected["collected"]["deleted"]
            ),
            (&json!(2), &json!(0))
        );
        // What is deleted takes its attachments with it, and one made anew has none.
        scene.ok(&["rm", "s", "weather", "k=a"]);
        scene.ok(&["new", "s", "weather", "k=a"]);
        assert_eq!(
            scene.ok(&["check", "s"]),
            "nothing found at level 3
"
        );
        let collected = with(&["collect"], &["--age", "0"]);
        assert_eq!(collected["collected"]["deleted"], json!(1), "{adapter}");
        let words = [&["attach", "get", "s", "in/run.log"][..], &of_a].concat();
        scene.fails(3, &words);
        scene.ok(&["check", "s", "--level", "4"]);
        // A lost object is told.
        scene.ok(&["attach", "put", "s", "run.log"]);
        let key = put(&scene, "s", "run.log", "it went well");
        scene.ok(&["blob", "rm", "s", &key]);
        let found = scene.run(&["check", "s"]);
        assert!(
            found.code == 1 && found.out.contains("attachment lost"),
            "{found:?}"
        );
        scene.fails(7, &["attach", "get", "s", "run.log"]);
        let first = scene.run(&["check", "s", "--stop-on-error"]);
        assert!(
            first.code == 1 && first.out.contains("attachment lost"),
            "{first:?}"
        );
        // Of a collection what belongs to it is checked.
        scene.ok(&["check", "s", "weather", "--level", "4"]);
        with(&["put"], &["raw.bin", "--to", "weather"]);
        let raw = put(&scene, "s", "raw.bin", "raw");
        scene.ok(&["blob", "rm", "s", &raw]);
        let found = scene.run(&["check", "s", "weather", "--level", "4"]);
        assert!(
            found.code == 1 && found.out.contains("attachment lost"),
            "{found:?}"
        );
    }
}

#[test]
fn a_damaged_list_of_what_is_attached_hides_no_other() {
    let scene = Scene::with_arrays();
    std::fs::write(scene.path("run.log"), "it went well").unwrap();
    scene.ok(&["attach", "put", "s", "run.log"]);
    scene.ok(&["attach", "put", "s", "run.log", "--to", "weather"]);
    let listed = scene.ok(&["attach", "ls", "s", "--all"]);
    assert!(listed.contains("collection weather\n"), "{listed}");
    let exact = scene.ok(&["du", "s", "--bytes"]);
    assert!(exact.contains("1 object  12 B stored"), "{exact}");

    let manifest = scene.path("s/.attachments/manifests/store.json");
    std::fs::write(manifest, "{").unwrap();
    let run = scene.run(&["attach", "ls", "s", "--all"]);
    assert!(
        run.code == 0 && run.err.contains("left out: ") && run.err.contains("store.json"),
        "{run:?}"
    );
    assert!(run.out.starts_with("collection weather\n"), "{run:?}");
    let listed = scene.json(&["attach", "ls", "s", "--all"]);
    assert_eq!(listed["unreadable"][0]["kind"], "corrupt");
    scene.fails(7, &["attach", "ls", "s"]);
    scene.fails(7, &["attach", "collect", "s", "--age", "0"]);
}

#[test]
fn what_is_attached_is_copied_with_the_arrays() {
    let scene = Scene::with_arrays();
    let of_array = [
        "--to",
        "weather",
        "--key",
        "dt=2023-01-03",
        "--key",
        "station=a",
    ];
    std::fs::write(scene.path("run.log"), "it went well").unwrap();
    std::fs::write(scene.path("raw.bin"), "raw").unwrap();
    let attach = |store: &str, words: &[&str]| {
        scene.ok(&[&["attach", words[0], store], &words[1..]].concat());
    };
    attach("s", &["put", "run.log"]);
    attach(
        "s",
        &[
            "put",
            "run.log",
            "--to",
            "weather",
            "--media-type",
            "text/plain",
        ],
    );
    attach(
        "s",
        &[&["put", "run.log", "raw.bin", "--as", "in/"][..], &of_array].concat(),
    );
    attach("s", &["inputs", "--to", "weather", "--set", "raw.bin"]);
    for target in ["h", "z"] {
        let name = format!("{target}/rain");
        let adapter = if target == "h" { "hdf5" } else { "zarr" };
        let copy = |code: i32, more: &[&str]| {
            let words = [
                &["copy", "s/weather", &name, "--adapter", adapter, "--json"],
                more,
            ]
            .concat();
            let run = scene.run(&words);
            assert_eq!(run.code, code, "{run:?}");
            serde_json::from_str::<Value>(&run.out).unwrap()["attached"].clone()
        };
        let copied = copy(0, &[]);
        assert_eq!(
            (&copied["copied"], &copied["copied_bytes"]),
            (&json!(3), &json!(15))
        );
        // Of the store itself nothing is copied.
        scene.fails(3, &["attach", "get", target, "run.log"]);
        let of_copy = [
            "--to",
            "rain",
            "--key",
            "dt=2023-01-03",
            "--key",
            "station=a",
        ];
        let words = [&["attach", "get", target, "in/run.log"][..], &of_copy].concat();
        assert_eq!(scene.ok(&words), "it went well");
        let listed = scene.json(&["attach", "ls", target, "--to", "rain"]);
        assert_eq!(
            listed["attachments"][0]["files"][0]["media_type"],
            "text/plain"
        );
        let raw = put(&scene, target, "raw.bin", "raw");
        assert_eq!(listed["attachments"][0]["inputs"], json!([raw]));
        // Again: all is there, and what was lost is put again.
        scene.ok(&["blob", "rm", target, &raw]);
        let copied = copy(0, &[]);
        assert_eq!(
            (&copied["present"], &copied["copied_bytes"]),
            (&json!(3), &json!(3))
        );
        assert_eq!(
            scene.ok(&["check", target, "--level", "4"]),
            "nothing found at level 4\n"
        );
        // What differs stays, or is replaced.
        std::fs::write(scene.path("other"), "other").unwrap();
        attach(
            target,
            &[&["put", "other", "--as", "in/raw.bin"][..], &of_copy].concat(),
        );
        attach(target, &["inputs", "--to", "rain", "--set", "other"]);
        let copied = copy(1, &[]);
        let paths: Vec<&Value> = copied["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["path"])
            .collect();
        assert!(
            paths.contains(&&json!("in/raw.bin")) && paths.contains(&&Value::Null),
            "{copied}"
        );
        let copied = copy(0, &["--overwrite"]);
        assert_eq!(
            (&copied["replaced"], &copied["present"]),
            (&json!(1), &json!(2))
        );
    }
    // What is damaged in the target is put again.
    let pack = scene.path("h/.attachments/blobs/packs/0");
    let sound = std::fs::read(&pack).unwrap();
    std::fs::write(&pack, vec![7; sound.len()]).unwrap();
    let again = scene.json(&["copy", "s/weather", "h/rain"]);
    assert!(again["attached"]["mended"].as_u64() > Some(0), "{again}");
    assert_eq!(scene.run(&["check", "h", "--level", "4"]).code, 1);
    scene.ok(&["blob", "maintain", "h"]);
    assert_eq!(
        scene.ok(&["check", "h", "--level", "4"]),
        "nothing found at level 4\n"
    );
}

/// A fault of the source ends a copy behind the arrays, or is told, and then the rest is copied.
#[test]
fn what_is_attached_and_cannot_be_read_is_told_by_a_copy() {
    let scene = Scene::with_arrays();
    for (name, content) in [("run.log", "it went well"), ("raw.bin", "raw")] {
        std::fs::write(scene.path(name), content).unwrap();
        scene.ok(&["attach", "put", "s", name, "--to", "weather"]);
    }
    let copy = |code: i32, target: &str, more: &[&str]| {
        let run = scene.run(&[&["copy", "s/weather", target], more].concat());
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.out.contains("copied 2 arrays"), "{run:?}");
        run
    };
    // An object is lost.
    let raw = put(&scene, "s", "raw.bin", "raw");
    scene.ok(&["blob", "rm", "s", &raw]);
    let run = copy(7, "a/rain", &[]);
    assert!(run.err.contains("'raw.bin' is attached"), "{run:?}");
    let run = copy(1, "b/rain", &["--keep-going"]);
    assert!(
        run.err.contains("left out: 'raw.bin' is attached"),
        "{run:?}"
    );
    assert_eq!(
        scene.ok(&["attach", "get", "b", "run.log", "--to", "rain"]),
        "it went well"
    );
    // The whole repository is.
    let blobs = scene.path("s/.attachments/blobs");
    std::fs::rename(blobs.join("packs.idx"), scene.path("packs.idx")).unwrap();
    copy(7, "c/rain", &[]);
    let run = copy(1, "d/rain", &["--keep-going"]);
    assert!(run.err.contains("lost its index"), "{run:?}");
    assert!(scene.run(&["du", "s"]).err.contains("lost its index"));
    assert_eq!(
        scene.json(&["du", "s"])["unreadable"][0]["name"],
        Value::Null
    );
    std::fs::remove_dir_all(&blobs).unwrap();
    copy(7, "e/rain", &[]);
    let collected = scene.run(&["attach", "collect", "s"]);
    assert!(collected.code == 1 && collected.out.contains("is named and not there"));
    // A list is damaged, or no file.
    let manifests = scene.path("s/.attachments/manifests/collections");
    let manifest = std::fs::read_dir(manifests).unwrap().next().unwrap();
    let manifest = manifest.unwrap().path();
    for damage in ["cut off", "a folder", "a link that leads nowhere"] {
        match damage {
            "cut off" => std::fs::write(&manifest, "{").unwrap(),
            "a folder" => {
                std::fs::remove_file(&manifest).unwrap();
                std::fs::create_dir(&manifest).unwrap();
            }
            _ => {
                std::fs::remove_dir(&manifest).unwrap();
                std::os::unix::fs::symlink("nowhere", &manifest).unwrap();
            }
        }
        copy(7, &format!("{damage}/rain"), &[]);
        let run = copy(1, &format!("{damage}/snow"), &["--keep-going"]);
        assert!(
            run.err.contains("left out: the attachments in"),
            "{damage}: {run:?}"
        );
        let listed = scene.run(&["attach", "ls", "s", "--all"]);
        assert!(listed.err.contains("left out"), "{damage}: {listed:?}");
        assert_eq!(scene.run(&["check", "s"]).code, 1, "{damage}");
        scene.fails(7, &["attach", "collect", "s", "--age", "0"]);
    }
}

#[test]
fn what_cannot_be_attached_is_refused() {
    let scene = Scene::with_sample();
    std::fs::write(scene.path("a"), "x").unwrap();
    for path in ["../a", "/a", "a//b", "", "a/..", "."] {
        scene.fails(2, &["attach", "put", "s", "a", "--as", path]);
    }
    assert!(!scene.path("s/.attachments/manifests").exists());
    scene.fails(3, &["attach", "put", "s", "a", "--to", "nothing"]);
    scene.fails(3, &["attach", "put", "s", "missing"]);
    scene.fails(2, &["attach", "put", "s", "-"]);
    scene.fails(2, &["attach", "put", "s", "a", "--key", "k=a"]);
    scene.ok(&["attach", "put", "s", "a", "--as", "a"]);
    scene.fails(2, &["attach", "put", "s", "a", "--as", "a/b"]);
    // A file of another program has none, and is checked without.
    let foreign = common::SAMPLE;
    scene.fails(8, &["attach", "put", foreign, "a"]);
    scene.ok(&["check", foreign]);
}

#[test]
fn many_attach_at_once_to_a_store_that_has_nothing_yet() {
    let scene = Scene::empty();
    scene.ok(&["init", "s"]);
    let names: Vec<String> = (0..8).map(|number| format!("f{number}")).collect();
    for name in &names {
        std::fs::write(scene.path(name), name).unwrap();
    }
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            scene
                .command(&["attach", "put", "s", name])
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    for name in &names {
        assert_eq!(scene.ok(&["attach", "get", "s", name]), *name);
    }
    assert_eq!(
        scene.ok(&["check", "s", "--level", "4"]),
        "nothing found at level 4\n"
    );
}

#[test]
fn a_store_that_is_moved_or_has_lost_something_keeps_what_is_attached() {
    for (adapter, document) in [
        ("hdf5", "weather/collection.json"),
        ("deker", "collections/weather/weather.json"),
    ] {
        let scene = Scene::empty();
        let schema =
            json!({"version": 1, "dtype": "float32", "dimensions": [{"name": "x", "size": 2}]});
        std::fs::write(scene.path("schema.json"), schema.to_string()).unwrap();
        std::fs::write(scene.path("f"), "kept").unwrap();
        scene.ok(&["init", "s", "--adapter", adapter]);
        scene.ok(&["create", "s", "weather", "--schema", "schema.json"]);
        scene.ok(&["attach", "put", "s", "f", "--to", "weather"]);
        std::fs::rename(scene.path("s"), scene.path("t")).unwrap();
        assert_eq!(
            scene.ok(&["attach", "get", "t", "f", "--to", "weather"]),
            "kept",
            "{adapter}"
        );
        let hidden = scene.path("hidden");
        std::fs::rename(scene.path("t").join(document), &hidden).unwrap();
        let run = scene.run(&["attach", "collect", "t", "--age", "0"]);
        assert_eq!(run.code, 7, "{adapter}: {run:?}");
        std::fs::rename(&hidden, scene.path("t").join(document)).unwrap();
        scene.ok(&["attach", "collect", "t", "--age", "0"]);
        assert_eq!(
            scene.ok(&["attach", "get", "t", "f", "--to", "weather"]),
            "kept",
            "{adapter}"
        );
    }
}

#[test]
fn of_two_files_of_one_name_none_is_attached_in_silence() {
    let scene = Scene::empty();
    scene.ok(&["init", "s"]);
    for folder in ["a", "b"] {
        std::fs::create_dir(scene.path(folder)).unwrap();
        std::fs::write(scene.path(folder).join("log"), folder).unwrap();
    }
    let told = scene.fails(2, &["attach", "put", "s", "a/log", "b/log"]);
    assert!(
        told.contains("two files would be attached as 'log'"),
        "{told}"
    );
    scene.fails(3, &["attach", "put", "s", "a/log", "nothing"]);
    assert_eq!(scene.ok(&["attach", "ls", "s"]), "");
    // A lock that others hold is waited for as long as was asked.
    scene.ok(&["attach", "put", "s", "a/log"]);
    let lock = std::fs::File::open(scene.path("s/.attachments/lock")).unwrap();
    lock.lock().unwrap();
    scene.fails(5, &["attach", "rm", "s", "log", "--lock-timeout", "200ms"]);
}
