//! Publishers that are right or wrong, to test the tests.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::{Value, json};

use super::cuts::cut_power;
use super::disk::Disk;
use super::image::Luck;
use super::log::Event;
use super::trace::{record, wait_to_be_recorded};
use crate::campaign::{WORKER, tell, worker_command};

const VERSIONS: u8 = 8;
const LENGTH: usize = 3000;

/// Publishes versions of one file, each by a new file that is renamed. Does nothing unless started as a worker.
#[test]
fn publisher() {
    let Ok(work) = std::env::var(WORKER) else {
        return;
    };
    wait_to_be_recorded();
    let work: Value = serde_json::from_str(&work).unwrap();
    let folder = PathBuf::from(work["folder"].as_str().unwrap());
    for version in 1..=VERSIONS {
        let new = folder.join(format!("{version}.tmp"));
        let mut file = File::create(&new).unwrap();
        // More than one call.
        for half in vec![version; LENGTH].chunks(LENGTH / 2) {
            file.write_all(half).unwrap();
        }
        if work["sync_file"] == true {
            file.sync_all().unwrap();
        }
        std::fs::rename(&new, folder.join("file")).unwrap();
        if work["sync_folder"] == true {
            File::open(&folder).unwrap().sync_all().unwrap();
        }
        tell(&format!("published {version}"));
    }
}

/// How many of 200 images hold neither the last acknowledged version nor a later one, whole.
fn losses(sync_file: bool, sync_folder: bool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let work = json!({"folder": path, "sync_file": sync_file, "sync_folder": sync_folder});
    let command = worker_command(concat!(module_path!(), "::publisher"), &work);
    let log = record(command, &path);
    let mut losses = 0;
    cut_power(&log, 200, &mut Rng::with_seed(1), |told, image| {
        let last = told.last().and_then(|told| told.strip_prefix("published "));
        let acknowledged: u8 = last.map_or(0, |version| version.parse().unwrap());
        let found = std::fs::read(image.join("file")).ok();
        let whole = match found {
            None => acknowledged == 0,
            Some(bytes) => {
                let version = bytes.first().copied().unwrap_or(0);
                bytes == vec![version; LENGTH] && version >= acknowledged.max(1)
            }
        };
        losses += usize::from(!whole);
    });
    losses
}

#[test]
fn a_right_publisher_loses_nothing() {
    assert_eq!(losses(true, true), 0);
}

#[test]
fn a_publisher_that_does_not_sync_its_files_is_caught() {
    assert!(losses(false, true) > 20);
}

#[test]
fn a_publisher_that_does_not_sync_its_folder_is_caught() {
    assert!(losses(true, false) > 20);
}

#[test]
#[should_panic(expected = "the recorded process has failed")]
fn a_process_that_fails_is_seen() {
    let command = worker_command(concat!(module_path!(), "::publisher"), &json!({}));
    record(command, Path::new("/"));
}

/// Every image of a log that the seeds up to a hundred make, as the names in it.
fn images(log: &[Event]) -> Vec<Vec<String>> {
    let mut disk = Disk::default();
    log.iter().for_each(|event| disk.apply(event));
    let lucks = (0..100).map(Luck::Some).chain([Luck::None, Luck::All]);
    lucks
        .map(|luck| {
            let folder = tempfile::tempdir().unwrap();
            disk.write_image(luck, folder.path());
            let mut names = Vec::new();
            collect(folder.path(), folder.path(), &mut names);
            names.sort();
            names
        })
        .collect()
}

fn collect(base: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(base, &path, names);
        } else {
            let name = path.strip_prefix(base).unwrap();
            names.push(name.to_str().unwrap().to_owned());
        }
    }
}

fn path(path: &str) -> PathBuf {
    path.into()
}

/// Folders `a` and `b`, and a file in each, all safe.
fn two_folders() -> Vec<Event> {
    let mut log = Vec::new();
    for folder in ["a", "b"] {
        log.push(Event::MakeFolder(path(folder)));
        log.push(Event::Create(path(folder).join(folder)));
        log.push(Event::Sync(path(folder)));
    }
    log.push(Event::Sync(path("")));
    log
}

#[test]
fn a_name_that_was_safe_is_not_lost_between_two_folders() {
    let mut log = two_folders();
    log.push(Event::Rename(path("a/a"), path("b/new")));
    let found = images(&log);
    for expected in [
        &["a/a", "b/b"][..],
        &["a/a", "b/b", "b/new"],
        &["b/b", "b/new"],
    ] {
        assert!(found.iter().any(|names| names == expected), "{expected:?}");
    }
    assert!(found.iter().all(|names| names.len() > 1));
    // The old folder is synced, not the new one.
    log.push(Event::Sync(path("a")));
    let found = images(&log);
    assert!(found.iter().all(|names| names == &["b/b", "b/new"]));
}

#[test]
fn an_exchange_happens_at_both_ends() {
    let mut log = two_folders();
    log.push(Event::MakeFolder(path("c")));
    log.push(Event::MakeFolder(path("c/empty")));
    log.push(Event::Sync(path("c")));
    log.push(Event::Sync(path("")));
    log.push(Event::Exchange(path("a"), path("c/empty")));
    let found = images(&log);
    assert!(found.iter().any(|names| names == &["a/a", "b/b"]));
    assert!(found.iter().any(|names| names == &["b/b", "c/empty/a"]));
    assert!(found.iter().all(|names| names.len() == 2));
}

#[test]
fn what_was_not_synced_may_be_there_or_not() {
    let mut log = two_folders();
    log.push(Event::MakeFolder(path("a/new")));
    log.push(Event::Create(path("a/new/file")));
    log.push(Event::Remove(path("b/b")));
    let found = images(&log);
    for expected in [&["a/a", "b/b"][..], &["a/a"], &["a/a", "a/new/file"]] {
        assert!(found.iter().any(|names| names == expected), "{expected:?}");
    }
    // The file is safe in its folder, but the folder is not.
    log.push(Event::Sync(path("a/new")));
    assert!(images(&log).iter().any(|names| names == &["a/a"]));
}
