//! Samples on their way from HDF5 files into a bucket and back.

use std::path::PathBuf;

use hyperslab_testkit::objects::{BUCKET, S3Process};
use serde_json::{Value, json};

use crate::common::Scene;
use crate::common::copies::fingerprint;
use crate::refused::with_the_key;

/// A file, the collection that is made of it, and of which variables.
pub(crate) type Sample = (&'static str, &'static str, &'static [&'static str]);

pub(crate) const SAMPLES: [Sample; 3] = [
    ("coads_climatology.nc", "coads", &["SST", "AIRT", "SLP"]),
    ("navy_winds.nc", "navy", &["UWND"]),
    ("era5-levels-members.nc", "era5", &["z", "t"]),
];

/// The full file if `HYPERSLAB_DATA` names a folder that has it, else the sample.
fn data_file(name: &str) -> String {
    let full = std::env::var_os("HYPERSLAB_DATA").map(|folder| PathBuf::from(folder).join(name));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data");
    let path = full.filter(|path| path.is_file());
    path.unwrap_or_else(|| PathBuf::from(sample).join(name))
        .display()
        .to_string()
}

/// A server, a scene whose command has its key, and stores: `h` of HDF5 files here, and one in its bucket.
pub(crate) struct Journey {
    pub(crate) server: S3Process,
    pub(crate) scene: Scene,
}

impl Journey {
    pub(crate) fn begin() -> Self {
        let scene = with_the_key();
        let server = S3Process::start(&scene.path("server"));
        Self { server, scene }
    }

    /// Imports a sample, and returns what a copy of it must be like.
    pub(crate) fn import(&self, (file, collection, variables): Sample) -> Vec<(Value, Vec<u8>)> {
        let file = data_file(file);
        let mut words = vec!["import", &file, "h", collection];
        for variable in variables {
            words.extend(["--variable", variable]);
        }
        self.scene.ok(&words);
        let fingerprint = fingerprint(&self.scene, "h", collection);
        assert_eq!(fingerprint.len(), variables.len());
        fingerprint
    }

    /// The store in the bucket.
    pub(crate) fn bucket(&self) -> String {
        format!("s3://{BUCKET}/z?endpoint={}", self.server.endpoint())
    }

    /// The collection in the bucket.
    pub(crate) fn in_bucket(&self, collection: &str) -> String {
        format!(
            "s3://{BUCKET}/z/{collection}?endpoint={}",
            self.server.endpoint()
        )
    }

    /// Where the server keeps the objects of the store.
    pub(crate) fn objects(&self, below: &str) -> PathBuf {
        self.scene.path("server").join(BUCKET).join("z").join(below)
    }

    /// Runs a copy that goes on after one was cut off: it copies so many arrays anew, and all are equal.
    pub(crate) fn resume(&self, words: &[&str], copied: usize, all: usize) {
        let resumed = self.scene.json(words);
        assert_eq!(resumed["copied"], copied, "{resumed}");
        assert_eq!(resumed["present"], all - copied, "{resumed}");
        assert_eq!(resumed["verified"], all, "{resumed}");
        assert_eq!(resumed["differences"], json!([]));
    }

    pub(crate) fn check(&self, store: &str) {
        let check = ["check", store, "--level", "4"];
        // A write that was cut short may have left a temporary file, and nothing worse.
        let repair = self.scene.run(&[&check[..], &["--repair"]].concat());
        assert!(repair.code <= 1, "{repair:?}");
        assert_eq!(self.scene.json(&check)["found"], 0, "{repair:?}");
    }
}
