//! The file with options of buckets, as the command finds and obeys it.

use hyperslab_testkit::objects::{BUCKET, S3Server};

use crate::refused::{AT_ONCE, refused, with_the_key};

#[test]
fn the_file_says_what_the_url_and_not_what_the_environment_says() {
    let scene = with_the_key().with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let server = S3Server::start(&scene.path("server"));
    let folder = scene.path(".config/hyperslab");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config.toml");
    let section = |url: &str, lines: &str| std::fs::write(&file, format!("[\"{url}\"]\n{lines}"));
    let right = format!("endpoint = \"{}\"", server.endpoint());
    section(&format!("s3://{BUCKET}"), &right).unwrap();
    let url = format!("s3://{BUCKET}/a");
    scene.ok(&["init", &url]);
    scene.ok(&["ls", &url]);
    // Another section, so the environment counts, where nobody listens.
    section(&format!("s3://{BUCKET}/b"), &right).unwrap();
    let line = refused(11, &scene, &["ls", &format!("{url}?{AT_ONCE}")]);
    assert!(line.contains("http://127.0.0.1:1"), "{line}");
    let both = format!("{url}?endpoint={}", server.endpoint());
    section(
        &format!("s3://{BUCKET}"),
        "endpoint = \"http://127.0.0.1:2\"",
    )
    .unwrap();
    scene.ok(&["ls", &both]);
    // An import asks the same file.
    let import = ["import", &format!("{url}?{AT_ONCE}"), "s", "c"];
    let line = refused(11, &scene, &import);
    assert!(line.contains("http://127.0.0.1:2"), "{line}");
}

#[test]
fn a_wrong_file_is_named_and_stores_here_do_not_ask_it() {
    let scene = with_the_key();
    let path = scene.path("my.toml").display().to_string();
    let scene = scene.with("HYPERSLAB_CONFIG", &path);
    let missing = refused(3, &scene, &["ls", "s3://b/a"]);
    assert!(missing.contains("HYPERSLAB_CONFIG names"), "{missing}");
    for (text, hint) in [
        ("[\"s3://b\"]\nregion", "line 2"),
        (
            "[\"s3://b\"]\nspeed = 3",
            "section [\"s3://b\"]: s3:// knows no parameter 'speed'",
        ),
        (
            "[\"s3://b\"]\ntimeout = \"TOPSECRET\"",
            "the parameter 'timeout' is a number",
        ),
        (
            "[\"s3://b\"]\nendpoint = \"TOPSECRET\"",
            "the endpoint is not a URL",
        ),
        (
            "[\"s3://b\"]\nendpoint = \"https://x:TOPSECRET@h\"",
            "without credentials",
        ),
        (
            "[\"s3://b\"]\nsecret_access_key = \"TOPSECRET\"",
            "environment",
        ),
        ("[\"s3://TOPSECRET@b\"]", "line 1"),
    ] {
        std::fs::write(&path, text).unwrap();
        let line = refused(2, &scene, &["ls", "s3://b/a"]);
        assert!(line.contains("my.toml"), "{line}");
        assert!(line.contains(hint), "{line}");
    }
    for store in [
        "s",
        "memory://",
        &format!("file://{}", scene.path("t").display()),
    ] {
        scene.ok(&["init", store]);
    }
}
