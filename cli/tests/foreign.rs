//! Files and Zarr groups of other programs as stores that can only be read.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{SAMPLE, Scene};
use serde_json::json;

/// A store `s` of Zarr groups with the sample in it, and the path of the only array, which is a plain Zarr group.
fn with_zarr_group() -> (Scene, String) {
    let scene = Scene::empty();
    let import = ["import", SAMPLE, "s", "coads", "--variable", "SST"];
    scene.ok(&[&import[..], &["--adapter", "zarr", "--chunks", "1,90,180"]].concat());
    let mut entries = std::fs::read_dir(scene.path("s/coads")).unwrap();
    let folder = entries.find_map(|entry| {
        let entry = entry.unwrap();
        entry.path().is_dir().then(|| entry.file_name())
    });
    let group = format!("s/coads/{}", folder.unwrap().to_str().unwrap());
    (scene, group)
}

/// Every file below a folder, with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.display().to_string(), std::fs::read(path).unwrap());
        }
    }
    files
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if path.is_dir() {
            copy_tree(&path, &to.join(name));
        } else {
            std::fs::copy(path, to.join(name)).unwrap();
        }
    }
}

/// A Zarr group `g` with the variables `a/coads` and `b/coads`.
fn with_groups_in_a_group() -> Scene {
    let (scene, group) = with_zarr_group();
    for inner in ["a", "b"] {
        copy_tree(&scene.path(&group), &scene.path("g").join(inner));
    }
    let metadata = json!({"zarr_format": 3, "node_type": "group"});
    std::fs::write(scene.path("g/zarr.json"), metadata.to_string()).unwrap();
    scene
}

#[test]
fn a_netcdf_file_shows_its_variables_and_reads_as_what_is_imported_from_it() {
    let scene = Scene::with_sample();
    let listed = scene.ok(&["ls", SAMPLE]);
    let sizes = "float32  TIME 12 x COADSY 90 x COADSX 180  1 array";
    let rows = ["AIRT", "SLP ", "SST "].map(|name| format!("{name}  {sizes}\n"));
    assert_eq!(listed, rows.concat());
    let listed = scene.json(&["ls", SAMPLE]);
    assert_eq!(listed["collections"][2]["name"], "SST");
    assert_eq!(listed["collections"][2]["shape"], json!([12, 90, 180]));
    assert_eq!(listed["unreadable"], json!([]));
    assert_eq!(scene.ok(&["ls", SAMPLE, "SST"]), "variable=SST\n");
    assert_eq!(scene.json(&["show", SAMPLE])["store"]["adapter"], "foreign");
    let shown = |store, name| scene.json(&["show", store, name])["collection"]["schema"].clone();
    assert_eq!(shown(SAMPLE, "SST"), shown("s", "coads"));

    let part = ["--sel", "COADSY=-10..10", "--isel", "TIME=::3"];
    for (store, name, file) in [(SAMPLE, "SST", "f.npy"), ("s", "coads", "i.npy")] {
        scene.ok(&[&["read", store, name, "-o", file], &part[..]].concat());
    }
    assert_eq!(scene.read("f.npy"), scene.read("i.npy"));
    let key = ["read", SAMPLE, "SST", "variable=SST", "-o", "k.npy"];
    scene.ok(&[&key[..], &part[..]].concat());
    assert_eq!(scene.read("k.npy"), scene.read("i.npy"));
    scene.ok(&["export", SAMPLE, "SST", "-o", "sst.nc"]);
    let coordinate = scene.json(&["read", SAMPLE, "COADSX"]);
    assert_eq!(
        (&coordinate["min"], &coordinate["max"]),
        (&json!(21.0), &json!(379.0))
    );
    assert_eq!(scene.json(&["check", SAMPLE, "--level", "4"])["found"], 0);
    assert_eq!(scene.json(&["locks", SAMPLE])["locks"], json!([]));
}

#[test]
fn a_variable_is_copied_with_its_identity_and_resumed() {
    let (scene, group) = with_zarr_group();
    copy_tree(&scene.path(&group), &scene.path("lone.zarr"));
    for (from, to) in [
        (format!("{SAMPLE}/SST"), "c/n"),
        ("lone.zarr/coads".to_owned(), "c/z"),
    ] {
        let copied = scene.json(&["copy", &from, to]);
        assert_eq!(
            (&copied["copied"], &copied["verified"]),
            (&json!(1), &json!(1))
        );
        let again = scene.json(&["copy", &from, to]);
        assert_eq!(
            (&again["copied"], &again["present"]),
            (&json!(0), &json!(1))
        );
        let (store, name) = from.rsplit_once('/').unwrap();
        let id = |store, name| scene.json(&["ls", store, name])["arrays"][0].clone();
        assert_eq!(id(store, name)["key"], id("c", &to[2..])["key"]);
        scene.ok(&["read", store, name, "-o", "from.npy"]);
        scene.ok(&["read", "c", &to[2..], "-o", "to.npy"]);
        assert_eq!(scene.read("from.npy"), scene.read("to.npy"));
    }
}

#[test]
fn an_array_of_a_store_is_a_plain_zarr_group() {
    let (scene, group) = with_zarr_group();
    let url = format!("file://{}", scene.path(&group).display());
    for place in [&group, &url] {
        let listed = scene.ok(&["ls", place]);
        assert_eq!(
            listed,
            "coads  float32  TIME 12 x COADSY 90 x COADSX 180  1 array\n"
        );
    }
    // The array in it alone is one too, without coordinates beside it.
    let alone = scene.ok(&["ls", &format!("{group}/coads")]);
    assert_eq!(
        alone,
        "coads  float32  TIME 12 x COADSY 90 x COADSX 180  1 array\n"
    );
    for (store, file) in [("s/coads", "all.npy"), (group.as_str(), "one.npy")] {
        let folder = group.trim_start_matches("s/coads/");
        let name = if store == "s/coads" {
            format!("{folder}/coads")
        } else {
            "coads".to_owned()
        };
        scene.ok(&["read", store, &name, "--sel", "COADSX=21..61", "-o", file]);
    }
    scene.ok(&[
        "read",
        "s",
        "coads",
        "--sel",
        "COADSX=21..61",
        "-o",
        "own.npy",
    ]);
    assert_eq!(scene.read("all.npy"), scene.read("own.npy"));
    assert_eq!(scene.read("one.npy"), scene.read("own.npy"));
    // A store stays a store.
    assert_eq!(scene.json(&["show", "s"])["store"]["adapter"], "zarr");
}

#[test]
fn variables_of_groups_in_groups_are_called_by_their_path() {
    let scene = with_groups_in_a_group();
    assert_eq!(scene.ok(&["ls", "g", "--count"]), "2\n");
    scene.ok(&["read", "g", "a/coads", "--isel", "TIME=0", "-o", "g.npy"]);
    scene.ok(&["read", "s", "coads", "--isel", "TIME=0", "-o", "s.npy"]);
    assert_eq!(scene.read("g.npy"), scene.read("s.npy"));
    scene.ok(&["copy", "g/a/coads", "c/inner"]);
    assert_eq!(scene.json(&["show", "c", "inner"])["array_count"], 1);
    // Where the inner group cannot be opened by itself, the outer one has the variable.
    std::fs::remove_file(scene.path("g/b/zarr.json")).unwrap();
    scene.fails(3, &["ls", "g/b"]);
    for from in ["g/a/none", "g/none/coads", "none/a/coads"] {
        scene.fails(3, &["copy", from, "c/none"]);
    }
    for name in ["../g/a/coads", "a", "a/../a/coads", "/", ".", ""] {
        scene.fails(3, &["read", "g", name]);
        scene.fails(3, &["read", SAMPLE, name]);
    }
}

/// The innermost group would do, but the coordinates lie in the outer one.
#[test]
fn a_variable_is_copied_with_the_coordinates_of_the_groups_around_it() {
    let scene = with_groups_in_a_group();
    for name in ["TIME", "COADSY", "COADSX"] {
        std::fs::rename(
            scene.path(&format!("g/a/{name}")),
            scene.path(&format!("g/{name}")),
        )
        .unwrap();
    }
    let inner = scene.path("g/a/zarr.json");
    let metadata = json!({"zarr_format": 3, "node_type": "group"});
    std::fs::write(&inner, metadata.to_string()).unwrap();
    scene.ok(&["copy", "g/a/coads", "c/inner"]);
    let dimensions = |store, name| {
        scene.json(&["show", store, name])["collection"]["schema"]["dimensions"].clone()
    };
    assert_eq!(dimensions("c", "inner"), dimensions("g", "a/coads"));
    assert!(dimensions("c", "inner")[1]["coordinates"].is_object());
    assert_eq!(scene.ok(&["ls", "c", "inner"]), "variable=a/coads\n");
}

#[test]
fn copying_a_store_without_a_collection_says_what_to_write() {
    let scene = with_groups_in_a_group();
    for (from, hint) in [
        ("g", "write g/a/coads or g/b/coads"),
        ("g/a", "write g/a/coads"),
        ("./g/a/", "write ./g/a/coads"),
        ("s", "write s/coads"),
    ] {
        let error = scene.fails(2, &["copy", from, "c/x"]);
        assert!(error.contains("is a store"), "{error}");
        assert!(error.contains(hint), "{error}");
    }
    scene.ok(&["init", "empty"]);
    let error = scene.fails(2, &["copy", "./empty", "c/x"]);
    assert!(error.contains("has no collection"), "{error}");
    assert!(!scene.path("c").exists());
}

#[test]
fn what_cannot_be_imported_is_called_by_what_it_is() {
    let scene = Scene::with_sample();
    std::fs::create_dir(scene.path("folder")).unwrap();
    scene.ok(&["init", "z", "--adapter", "zarr"]);
    for (source, hint) in [
        ("folder", "folder is a folder and no Zarr group"),
        ("s", "s is a hyperslab store; use `hyperslab copy`"),
        ("z", "z is a hyperslab store; use `hyperslab copy`"),
    ] {
        let error = scene.fails(2, &["import", source, "s", "new"]);
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn what_does_not_open_is_named_and_hides_nothing() {
    let scene = with_groups_in_a_group();
    let chunk = scene.path("g/b/COADSY/c/0");
    let mut bytes = std::fs::read(&chunk).unwrap();
    bytes[3] ^= 0x10;
    std::fs::write(&chunk, bytes).unwrap();
    let run = scene.run(&["ls", "g"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 1), "{run:?}");
    assert!(run.out.starts_with("a/coads  float32"), "{run:?}");
    assert!(
        run.err
            .starts_with("note: left out: collection 'b/coads': "),
        "{run:?}"
    );
    let listed = scene.json(&["ls", "g"]);
    assert_eq!(listed["collections"][0]["name"], "a/coads");
    assert_eq!(listed["unreadable"][0]["name"], "b/coads");
    assert_eq!(listed["unreadable"][0]["kind"], "corrupt");

    // A chunk of the other: found by the deepest check only, which names it.
    let chunk = scene.path("g/a/coads/c/3/0/0");
    let mut bytes = std::fs::read(&chunk).unwrap();
    bytes[9] ^= 0x10;
    std::fs::write(&chunk, bytes).unwrap();
    for (level, count) in [("1", 1), ("4", 2)] {
        let run = scene.run(&["check", "g", "--level", level, "--json"]);
        let found: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!((run.code, &found["found"]), (1, &json!(count)), "{run:?}");
    }
    scene.fails(7, &["read", "g", "a/coads"]);
    scene.ok(&["read", "g", "a/coads", "--isel", "TIME=2"]);
}

#[test]
fn every_change_is_refused_and_changes_nothing() {
    let (scene, group) = with_zarr_group();
    std::fs::copy(SAMPLE, scene.path("x.nc")).unwrap();
    std::fs::write(scene.path("weather.json"), common::SCHEMA).unwrap();
    let before = tree(&scene.path("."));
    for (store, name) in [("x.nc", "SST"), (group.as_str(), "coads")] {
        for words in [
            &["create", store, "new", "--schema", "weather.json"][..],
            &[
                "create",
                store,
                "new",
                "--schema",
                "weather.json",
                "--explain",
            ],
            &["new", store, name, "variable=other"],
            &["write", store, name, "--value", "1"],
            &["write", store, name, "--set", "units=K"],
            &["clear", store, name],
            &["rm", store, name, &format!("variable={name}")],
            &["rm", store, name, "--all"],
            &["rm", store, name, "--collection"],
            &["rm", store, "a/b", "--collection"],
            &["import", SAMPLE, store, "new", "--variable", "SST"],
            &["copy", "s/coads", &format!("{store}/new")],
        ] {
            let error = scene.fails(8, words);
            assert!(error.contains("is read-only"), "{words:?}: {error}");
        }
        scene.fails(4, &["init", store]);
        scene.fails(8, &["du", store]);
        scene.fails(8, &["read", store, name, "--explain"]);
    }
    assert!(tree(&scene.path(".")) == before);
}

#[test]
fn what_is_no_store_and_no_group_is_said_to_be_neither() {
    let scene = Scene::empty();
    std::fs::write(scene.path("text.nc"), "no numbers").unwrap();
    let error = scene.fails(2, &["ls", "text.nc"]);
    assert!(error.contains("text.nc cannot be opened"), "{error}");
    std::fs::create_dir(scene.path("empty")).unwrap();
    for place in ["empty", "nowhere", "text.nc/inner"] {
        let error = scene.fails(3, &["ls", place]);
        assert!(error.contains("there is no store in"), "{error}");
    }
    std::fs::create_dir(scene.path("future")).unwrap();
    std::fs::write(scene.path("future/zarr.json"), r#"{"zarr_format": 4}"#).unwrap();
    let error = scene.fails(8, &["ls", "future"]);
    assert!(error.contains("version 4"), "{error}");
}

#[cfg(feature = "aws")]
mod bucket {
    use hyperslab_testkit::objects::{BUCKET, S3Server};

    use super::*;

    /// The output of a command that reaches the server.
    fn run(scene: &Scene, server: &S3Server, words: &[&str]) -> common::Run {
        let mut command = scene.command(words);
        let out = command
            .env("AWS_ACCESS_KEY_ID", server.access_key())
            .env("AWS_SECRET_ACCESS_KEY", server.secret_key())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", server.endpoint())
            .env("AWS_ALLOW_HTTP", "true")
            .output()
            .unwrap();
        common::Run {
            code: out.status.code().unwrap(),
            out: String::from_utf8(out.stdout).unwrap(),
            err: String::from_utf8(out.stderr).unwrap(),
        }
    }

    #[test]
    fn a_group_in_a_bucket_is_listed_read_and_copied() {
        let scene = with_groups_in_a_group();
        let served = tempfile::tempdir().unwrap();
        let server = S3Server::start(served.path());
        copy_tree(
            &scene.path("g"),
            &served.path().join(BUCKET).join("p/g.zarr"),
        );
        let before = tree(served.path());
        let url = format!("s3://{BUCKET}/p/g.zarr");
        let listed = run(&scene, &server, &["ls", &url]);
        assert_eq!(listed.out, scene.ok(&["ls", "g"]), "{listed:?}");
        let read = ["read", &url, "a/coads", "--isel", "TIME=3:7", "-o", "b.npy"];
        let read = run(&scene, &server, &read);
        assert_eq!(read.code, 0, "{read:?}");
        scene.ok(&["read", "s", "coads", "--isel", "TIME=3:7", "-o", "s.npy"]);
        assert_eq!(scene.read("b.npy"), scene.read("s.npy"));
        let copied = run(&scene, &server, &["copy", &format!("{url}/b/coads"), "c/b"]);
        assert_eq!(copied.code, 0, "{copied:?}");
        let refused = run(&scene, &server, &["clear", &url, "a/coads"]);
        assert_eq!(refused.code, 8, "{refused:?}");
        let nothing = run(&scene, &server, &["ls", &format!("s3://{BUCKET}/p/none")]);
        assert_eq!(nothing.code, 3, "{nothing:?}");
        assert!(nothing.err.contains("no store"), "{nothing:?}");
        assert!(tree(served.path()) == before);
    }
}
