//! Byte objects, and files that are attached, in a bucket.

use hyperslab_testkit::objects::{BUCKET, S3Server, SECRET_KEY};
use serde_json::json;

use crate::refused::{AT_ONCE, refused, with_the_key};

#[test]
fn objects_go_to_a_bucket_and_back() {
    let scene = with_the_key();
    let server = S3Server::start(&scene.path("server"));
    let url = format!("s3://{BUCKET}/objects?endpoint={}", server.endpoint());
    let line = refused(3, &scene, &["blob", "ls", &url]);
    assert!(line.contains("no repository"), "{line}");
    scene.ok(&["blob", "init", &url]);
    refused(4, &scene, &["blob", "init", &url]);
    std::fs::write(scene.path("a"), "small").unwrap();
    std::fs::write(scene.path("b"), vec![7; 20 << 20]).unwrap();
    let put = scene.json(&["blob", "put", &url, "a", "b"]);
    let keys: Vec<&str> = (0..2)
        .map(|at| put["objects"][at]["key"].as_str().unwrap())
        .collect();
    assert_eq!(scene.ok(&["blob", "get", &url, keys[0]]), "small");
    scene.ok(&["blob", "get", &url, keys[1], "-o", "c"]);
    assert!(std::fs::read(scene.path("c")).unwrap() == vec![7; 20 << 20]);
    let usage = scene.json(&["blob", "stat", &url]);
    assert_eq!(usage["repository"]["content_bytes"], json!(5 + (20 << 20)));
    scene.ok(&["blob", "verify", &url]);
    refused(8, &scene, &["blob", "pack", &url]);
    scene.ok(&["blob", "export", &url, "r"]);
    scene.ok(&["blob", "rm", &url, keys[0]]);
    assert_eq!(
        scene.json(&["blob", "import", &url, "r"])["copied"]["copied"],
        json!(1)
    );
    assert_eq!(scene.ok(&["blob", "ls", &url, "--count"]), "2\n");
    // What lies there is changed by somebody else.
    let path = scene.path(&format!(
        "server/{BUCKET}/objects/sha256/{}/{}",
        &keys[0][..2],
        keys[0]
    ));
    std::fs::write(path, "spoilt").unwrap();
    refused(7, &scene, &["blob", "get", &url, keys[0], "-o", "d"]);
    assert_eq!(scene.run(&["blob", "verify", &url]).code, 1);
}

#[test]
fn files_are_attached_to_a_store_in_a_bucket() {
    let scene = with_the_key();
    let server = S3Server::start(&scene.path("server"));
    let url = format!("s3://{BUCKET}/store?endpoint={}", server.endpoint());
    scene.ok(&["init", &url]);
    std::fs::write(scene.path("run.log"), "it went well").unwrap();
    scene.ok(&["attach", "put", &url, "run.log"]);
    assert_eq!(
        scene.ok(&["attach", "get", &url, "run.log"]),
        "it went well"
    );
    scene.ok(&["check", &url, "--level", "4"]);
    assert_eq!(scene.ok(&["blob", "ls", &url, "--count"]), "1\n");
    scene.ok(&["attach", "rm", &url, "run.log"]);
    let dry = scene.json(&["attach", "collect", &url, "--age", "0", "--dry-run"]);
    assert_eq!(dry["collected"]["deleted"], json!(1));
    // Of what was put a moment ago nobody knows whether it is about to be named.
    refused(2, &scene, &["attach", "collect", &url, "--age", "0"]);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let collected = scene.json(&["attach", "collect", &url, "--age", "1"]);
    assert_eq!(collected["collected"]["deleted"], json!(1));
    assert_eq!(scene.ok(&["blob", "ls", &url, "--count"]), "0\n");
}

#[test]
fn what_is_attached_is_copied_to_a_bucket_and_back() {
    let scene = with_the_key();
    let server = S3Server::start(&scene.path("server"));
    let at = |name: &str| format!("s3://{BUCKET}/{name}?endpoint={}", server.endpoint());
    let schema = json!({"version": 1, "dtype": "int8", "dimensions": [{"name": "x", "size": 2}]});
    std::fs::write(scene.path("schema.json"), schema.to_string()).unwrap();
    std::fs::write(scene.path("run.log"), "it went well").unwrap();
    scene.ok(&["init", "s"]);
    scene.ok(&["create", "s", "series", "--schema", "schema.json"]);
    scene.ok(&["attach", "put", "s", "run.log", "--to", "series"]);
    for (from, to) in [
        ("s/series", at("store/series")),
        (&at("store/series"), "back/series".to_owned()),
    ] {
        for copied in [json!(1), json!(0)] {
            let run = scene.json(&["copy", from, &to]);
            assert_eq!(run["attached"]["copied"], copied, "{to}");
        }
    }
    for store in [&at("store"), "back"] {
        let words = ["attach", "get", store, "run.log", "--to", "series"];
        assert_eq!(scene.ok(&words), "it went well");
        scene.ok(&["check", store, "--level", "4"]);
    }
}

#[test]
fn nothing_that_is_told_is_a_secret() {
    let scene = with_the_key();
    let url = format!("s3://{BUCKET}/x?endpoint=http://127.0.0.1:1&{AT_ONCE}");
    for words in [
        &["blob", "ls", &url][..],
        &["blob", "init", &url],
        &["attach", "ls", &url],
    ] {
        let run = scene.run(&[words, &["-v"]].concat());
        assert_eq!(run.code, 11, "{run:?}");
        assert!(
            !run.err.contains(SECRET_KEY) && run.out.is_empty(),
            "{run:?}"
        );
    }
}
