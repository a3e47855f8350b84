//! What a copy must not change, and copies that are cut off.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Scene;

/// How long a copy may take until it can be seen at work.
const LIMIT: Duration = Duration::from_secs(60);

/// What a copy must not change: the documents of all arrays, and a file with all cells and coordinates of each.
pub fn fingerprint(scene: &Scene, store: &str, collection: &str) -> Vec<(Value, Vec<u8>)> {
    let listed = scene.json(&["ls", store, collection]);
    let arrays = listed["arrays"].as_array().unwrap().iter();
    arrays
        .map(|array| {
            let words: Vec<String> = array["key"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let shown = scene.json(&[&["show", store, collection], &words[..]].concat());
            let export = ["export", store, collection, "-o", "fingerprint.nc"];
            scene.ok(&[&export[..], &words].concat());
            (shown, scene.read("fingerprint.nc"))
        })
        .collect()
}

/// Starts a command, and waits until there is what `seen` looks for.
pub fn start(scene: &Scene, words: &[&str], seen: impl Fn() -> bool) -> Child {
    let mut child = scene
        .command(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !seen() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the copy ended before it was seen at work"
        );
        assert!(began.elapsed() < LIMIT, "nothing was copied");
        std::thread::yield_now();
    }
    child
}

/// Starts a copy and kills it as soon as there is what `seen` looks for.
pub fn kill_when(scene: &Scene, words: &[&str], seen: impl Fn() -> bool) {
    let mut child = start(scene, words, seen);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(
        status.code(),
        None,
        "the copy was not killed but ended with {status}"
    );
}

/// How many entries a folder has; none when it is not there.
pub fn entries(folder: &Path) -> usize {
    folder.read_dir().map_or(0, Iterator::count)
}
