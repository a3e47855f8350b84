//! A folder of its own for each test, and the built command run in it.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, of which each file uses some"
)]

pub mod copies;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// One real array and one collection of small ones, made by the command itself.
pub struct Scene {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the command came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/data/coads_climatology.nc"
);

/// How variables begin that change what the command does: no test depends on those of whoever runs it.
const OF_A_PERSON: [&str; 6] = ["AWS_", "AZURE_", "COLUMNS", "GOOGLE_", "HYPERSLAB_", "XDG_"];

/// Six hours by three latitudes by four sites.
pub const SCHEMA: &str = r#"{
  "version": 1,
  "dtype": "float32",
  "dimensions": [
    {"name": "time", "size": 4,
     "coordinates": {"kind": "time_scale", "start": "$dt", "step": "PT6H"}},
    {"name": "lat", "size": 3,
     "coordinates": {"kind": "scale", "start": -10, "step": 10, "unit": "degrees_north"}},
    {"name": "site", "size": 2, "coordinates": {"kind": "labels", "labels": ["north", "south"]}}
  ],
  "attributes": [
    {"name": "dt", "type": "datetime", "role": "key"},
    {"name": "station", "type": "text", "role": "key"},
    {"name": "quality", "type": "int", "role": "custom"}
  ],
  "metadata": {"long_name": "Air temperature", "units": "K"}
}"#;

impl Scene {
    /// An empty folder.
    pub fn empty() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            variables: Vec::new(),
        }
    }

    /// The same, with a variable in the environment of the command.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A store `s` with the collection `weather` and no array.
    pub fn with_collection() -> Self {
        let scene = Self::empty();
        std::fs::write(scene.path("weather.json"), SCHEMA).unwrap();
        scene.ok(&["init", "s"]);
        scene.ok(&["create", "s", "weather", "--schema", "weather.json"]);
        scene
    }

    /// The same with two arrays.
    pub fn with_arrays() -> Self {
        let scene = Self::with_collection();
        scene.ok(&[
            "new",
            "s",
            "weather",
            "dt=2023-01-03",
            "station=a",
            "--set",
            "quality=3",
        ]);
        scene.ok(&["new", "s", "weather", "dt=2023-01-04", "station=b"]);
        scene
    }

    /// The sea surface temperature of the sample in the collection `coads`.
    pub fn with_sample() -> Self {
        let scene = Self::empty();
        scene.ok(&["import", SAMPLE, "s", "coads", "--variable", "SST"]);
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hyperslab"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if OF_A_PERSON.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, words: &[&str]) -> Run {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(words).output().unwrap();
        Run {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    /// What a run prints that must succeed.
    pub fn ok(&self, words: &[&str]) -> String {
        let run = self.run(words);
        assert_eq!(run.code, 0, "{words:?}: {run:?}");
        run.out
    }

    /// The document that a run prints with `--json`.
    pub fn json(&self, words: &[&str]) -> Value {
        let text = self.ok(&[words, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}"))
    }

    /// A run that must fail with this code and one line of error, which is returned.
    pub fn fails(&self, code: i32, words: &[&str]) -> String {
        let run = self.run(words);
        assert_eq!(run.code, code, "{words:?}: {run:?}");
        assert_eq!(run.err.lines().count(), 1, "{words:?}: {run:?}");
        assert!(run.err.starts_with("error: "), "{words:?}: {run:?}");
        run.err
    }

    /// Writes a `.npy` file of `float32` cells.
    pub fn npy(&self, name: &str, shape: &str, cells: &[f32]) {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(cells.iter().flat_map(|cell| cell.to_le_bytes()));
        std::fs::write(self.path(name), file).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}
