//! Zarr groups as variables. Those of other programs are read in `tests/python`; here ours are, and damaged ones.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_cf::foreign::{CoordinateValues, ForeignArray, ForeignGroup, ImportOptions};
use hyperslab_core::{
    ArrayBuf, Attributes, AxisSlab, DType, Dimension, ErrorKind, Hyperslab, RandomIds, Result,
    Schema, Store, StoreOptions,
};
use hyperslab_engine::Engine;
use hyperslab_zarr::{Medium, ZarrAdapter, ZarrGroup};
use serde_json::{Value, json};

const SHAPE: [u64; 3] = [5, 2, 7];

fn cells() -> ArrayBuf {
    let mut random = fastrand::Rng::with_seed(7);
    let numbers: Vec<i32> = (0..70).map(|_| random.i32(..)).collect();
    ArrayBuf::from_slice(&SHAPE, &numbers).unwrap()
}

/// Makes a store with one array, and gives back its Zarr group.
async fn group(folder: &Path, storage: Value) -> PathBuf {
    let adapter = ZarrAdapter::create(&Medium::folder(folder).unwrap(), &RandomIds).await;
    let store = Store::new(Arc::new(adapter.unwrap()), StoreOptions::default());
    let schema = Schema::builder(DType::Int32)
        .dimension(Dimension::scale("lat", 5, 10.0, -2.5, "degrees_north"))
        .dimension(Dimension::labels("side", ["left", "right"]))
        .dimension(Dimension::new("x", 7))
        .build()
        .unwrap();
    let storage = storage.as_object().unwrap().clone();
    let collection = store.create_collection_with("c", schema, storage);
    let new = collection.await.unwrap().create(Attributes::new());
    new.data(cells()).await.unwrap();
    let mut groups = std::fs::read_dir(folder.join("c")).unwrap();
    groups
        .find_map(|entry| Some(entry.unwrap().path()).filter(|path| path.is_dir()))
        .unwrap()
}

/// Runs where a thread may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn open(path: &Path) -> Result<ZarrGroup> {
    let medium = Medium::folder(path).unwrap();
    blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        ZarrGroup::open(&medium, runtime, Engine::shared())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_are_read_as_those_of_others() {
    for storage in [
        json!({}),
        json!({"chunks": [2, 1, 3], "codec": "blosc"}),
        json!({"chunks": [2, 1, 3], "shards": [4, 2, 6], "codec": "gzip", "transpose": [2, 0, 1]}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = group(folder.path(), storage).await;
        // From the array's own metadata too, and not only from those of its group.
        for consolidated in [true, false] {
            if !consolidated {
                edit(&path.join("zarr.json"), |metadata| {
                    metadata.remove("consolidated_metadata");
                });
            }
            let group = open(&path).await.unwrap();
            blocking(move || check_ours(&group)).await;
        }
    }
}

fn check_ours(group: &ZarrGroup) {
    let variables = group.variables().unwrap();
    let mut names: Vec<(&str, bool)> = (variables.iter())
        .map(|variable| (variable.name.as_str(), variable.is_coordinate))
        .collect();
    names.sort_unstable();
    assert_eq!(names, [("c", false), ("lat", true), ("side", true)]);
    let array = ForeignArray::open(group, "c", ImportOptions::default()).unwrap();
    assert_eq!((array.dtype(), array.shape()), (DType::Int32, &SHAPE[..]));
    let coordinates = array.dimensions().iter().map(|dimension| {
        let coordinate = dimension.coordinate.as_ref();
        (
            dimension.name.as_str(),
            coordinate.map(|found| found.values.clone()),
        )
    });
    let labels = ["left", "right"].map(str::to_owned).to_vec();
    assert_eq!(
        coordinates.collect::<Vec<_>>(),
        [
            (
                "lat",
                Some(CoordinateValues::Floats(vec![10.0, 7.5, 5.0, 2.5, 0.0]))
            ),
            ("side", Some(CoordinateValues::Labels(labels))),
            ("x", None),
        ]
    );
    let whole = Hyperslab::full(&SHAPE);
    assert_eq!(array.read_block(&whole).unwrap(), cells());
    let axis = |start, count, stride| AxisSlab {
        start,
        count,
        stride,
    };
    let part = Hyperslab::new(vec![axis(1, 2, 3), axis(1, 1, 1), axis(0, 3, 2)], &SHAPE).unwrap();
    let read = array.read_block(&part).unwrap();
    let wanted: Vec<i32> = [1_usize, 4]
        .iter()
        .flat_map(|row| {
            [0, 2, 4].map(|column| cells().as_slice::<i32>().unwrap()[row * 14 + 7 + column])
        })
        .collect();
    assert_eq!(read.as_slice::<i32>().unwrap(), wanted);
}

fn edit(path: &Path, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let mut metadata: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(metadata.as_object_mut().unwrap());
    std::fs::write(path, metadata.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = group(folder.path(), json!({})).await;
    let original = std::fs::read(path.join("c/zarr.json")).unwrap();
    edit(&path.join("zarr.json"), |metadata| {
        metadata.remove("consolidated_metadata");
    });
    let cases: [(&str, Value, ErrorKind, &str); 9] = [
        (
            "codecs",
            json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "squish"}]),
            ErrorKind::Unsupported,
            "squish",
        ),
        ("data_type", json!("int33"), ErrorKind::Unsupported, "int33"),
        (
            "chunk_grid",
            json!({"name": "hexagonal", "configuration": {}}),
            ErrorKind::Unsupported,
            "hexagonal",
        ),
        (
            "colour",
            json!({"name": "red"}),
            ErrorKind::Unsupported,
            "colour",
        ),
        (
            "storage_transformers",
            json!([{"name": "fog"}]),
            ErrorKind::Unsupported,
            "fog",
        ),
        ("shape", json!([5, 2]), ErrorKind::Unsupported, ""),
        (
            "shape",
            json!([u64::MAX, u64::MAX, 7]),
            ErrorKind::Corrupt,
            "shape",
        ),
        (
            "chunk_grid",
            json!({"name": "regular", "configuration": {"chunk_shape": [1_u64 << 20, 1_u64 << 20, 7]}}),
            ErrorKind::TooLarge,
            "chunk",
        ),
        ("zarr_format", json!(4), ErrorKind::Unsupported, "4"),
    ];
    for (field, value, kind, word) in cases {
        std::fs::write(path.join("c/zarr.json"), &original).unwrap();
        edit(&path.join("c/zarr.json"), |metadata| {
            metadata.insert(field.to_owned(), value);
        });
        let group = open(&path).await.unwrap();
        let opened =
            blocking(move || ForeignArray::open(&group, "c", ImportOptions::default())).await;
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), kind, "{field}: {error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let error = open(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// Makes a group of version 2 with the array `v` of three cells, of which the first two are stored.
fn group_of_version_2(folder: &Path, dtype: Value, fill: Value, chunk: &[u8]) {
    std::fs::create_dir_all(folder.join("v")).unwrap();
    let group = json!({"zarr_format": 2});
    let array = json!({
        "zarr_format": 2, "shape": [3], "chunks": [2], "dtype": dtype, "fill_value": fill,
        "order": "C", "compressor": null, "filters": null,
    });
    std::fs::write(folder.join(".zgroup"), group.to_string()).unwrap();
    std::fs::write(folder.join("v/.zarray"), array.to_string()).unwrap();
    std::fs::write(folder.join("v/0"), chunk).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn complex_numbers_need_no_fill_value() {
    let bytes: Vec<u8> = (1..=4_i16)
        .flat_map(|part| f32::from(part).to_le_bytes())
        .collect();
    for (fill, last, missing) in [
        (json!(null), [0.0, 0.0], None),
        (json!([-1.0, 2.0]), [-1.0, 2.0], Some(json!([-1.0, 2.0]))),
    ] {
        let folder = tempfile::tempdir().unwrap();
        group_of_version_2(folder.path(), json!("<c8"), fill, &bytes);
        let group = open(folder.path()).await.unwrap();
        let (read, fill) = blocking(move || {
            let array = ForeignArray::open(&group, "v", ImportOptions::default()).unwrap();
            let read = array.read_block(&Hyperslab::full(array.shape())).unwrap();
            (read, array.fill_value())
        })
        .await;
        assert_eq!(read.dtype(), DType::Complex64);
        let parts = [&[1.0, 2.0, 3.0, 4.0], &last[..]].concat();
        let wanted: Vec<u8> = (parts.iter())
            .flat_map(|part: &f32| part.to_ne_bytes())
            .collect();
        assert_eq!(read.bytes(), wanted);
        assert_eq!(fill.map(|fill| fill.to_json()), missing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let dtype = json!([["time", "<i4"], ["value", "<f4"]]);
    group_of_version_2(folder.path(), dtype, json!("AAAAAAAAAAA="), &[0; 16]);
    let group = open(folder.path()).await.unwrap();
    let opened = blocking(move || ForeignArray::open(&group, "v", ImportOptions::default()));
    let error = opened.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("records"), "{error}");
}

/// Makes a group with the array `v` of 16 numbers in one shard, whose index no checksum covers. Its chunks are the first two.
fn group_with_a_bare_index(folder: &Path, index: [(u64, u64); 4]) {
    std::fs::create_dir_all(folder.join("v/c")).unwrap();
    let bytes = json!([{"name": "bytes", "configuration": {"endian": "little"}}]);
    let sharding = json!({"chunk_shape": [4], "codecs": bytes, "index_codecs": bytes, "index_location": "end"});
    let array = json!({
        "zarr_format": 3, "node_type": "array", "shape": [16], "data_type": "int32", "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [16]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}], "attributes": {},
    });
    let group = json!({"zarr_format": 3, "node_type": "group", "attributes": {}});
    std::fs::write(folder.join("zarr.json"), group.to_string()).unwrap();
    std::fs::write(folder.join("v/zarr.json"), array.to_string()).unwrap();
    let cells = (1..=8_i32).flat_map(i32::to_le_bytes);
    let index = index
        .into_iter()
        .flat_map(|(offset, size)| [offset.to_le_bytes(), size.to_le_bytes()].concat());
    let shard: Vec<u8> = cells.chain(index).collect();
    std::fs::write(folder.join("v/c/0"), shard).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_no_checksum_covers_is_not_believed() {
    let absent = (u64::MAX, u64::MAX);
    let sound = [(0, 16), (16, 16), absent, absent];
    let mut indexes = vec![sound];
    for entry in [
        (u64::MAX, u64::MAX - 1),
        (u64::MAX - 9, 20),
        (8, u64::MAX),
        (96, 16),
        (0, 1 << 40),
    ] {
        indexes.push([entry, (16, 16), absent, absent]);
        indexes.push([(0, 16), (16, 16), absent, entry]);
    }
    for index in indexes {
        let folder = tempfile::tempdir().unwrap();
        group_with_a_bare_index(folder.path(), index);
        let group = open(folder.path()).await.unwrap();
        let read = blocking(move || {
            let array = ForeignArray::open(&group, "v", ImportOptions::default()).unwrap();
            array.read_block(&Hyperslab::full(array.shape()))
        });
        match read.await {
            Ok(cells) => {
                let wanted: Vec<i32> = (1..=8).chain([0; 8]).collect();
                assert_eq!(index, sound);
                assert_eq!(cells, ArrayBuf::from_slice(&[16], &wanted).unwrap());
            }
            Err(error) => {
                assert_ne!(index, sound, "{error}");
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{index:?}: {error}");
            }
        }
    }
}

/// Metadata that are damaged do not hide those beside them.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_array_is_listed_as_such_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = group(folder.path(), json!({})).await;
    edit(&path.join("zarr.json"), |metadata| {
        metadata.remove("consolidated_metadata");
    });
    let side = path.join("side/zarr.json");
    // The last is a file that cannot be opened.
    for damage in [Some("{}"), Some(r#"{"zarr_format": 4}"#), Some("{"), None] {
        std::fs::remove_file(&side).unwrap();
        match damage {
            Some(damage) => std::fs::write(&side, damage).unwrap(),
            None => std::os::unix::fs::symlink("zarr.json", &side).unwrap(),
        }
        let group = open(&path).await.unwrap();
        let listed = blocking(move || group.variables()).await.unwrap();
        let mut found: Vec<(&str, bool)> = (listed.iter())
            .map(|variable| (variable.name.as_str(), variable.dtype.is_ok()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, [("c", true), ("lat", true), ("side", false)]);
    }
}

/// Any flipped bit of any object of a group: the cells as they were, or an error of ours, and never a panic.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_an_error() {
    for storage in [
        json!({"chunks": [2, 1, 3], "codec": "none"}),
        json!({"chunks": [2, 1, 3], "transpose": [1, 2, 0]}),
        json!({"chunks": [2, 1, 3], "codec": "blosc"}),
        json!({"chunks": [2, 1, 3], "shards": [4, 2, 6], "codec": "gzip"}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = group(folder.path(), storage.clone()).await;
        let mut files = Vec::new();
        list(&path, &mut files);
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..300 {
            let file = &files[random.usize(..files.len())];
            let original = std::fs::read(file).unwrap();
            let mut damaged = original.clone();
            let at = random.usize(..damaged.len());
            if random.u8(..8) == 0 {
                damaged.truncate(at);
            } else {
                damaged[at] ^= 1 << random.u8(..8);
            }
            std::fs::write(file, damaged).unwrap();
            let is_chunk = !file.ends_with("zarr.json");
            if let Ok(group) = open(&path).await {
                let read = blocking(move || {
                    let array = ForeignArray::open(&group, "c", ImportOptions::default())?;
                    array.read_block(&Hyperslab::full(array.shape()))
                });
                if let Ok(read) = read.await
                    && is_chunk
                {
                    assert_eq!(read, cells(), "{} of {storage}", file.display());
                }
            }
            std::fs::write(file, original).unwrap();
        }
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            list(&entry, files);
        } else {
            files.push(entry);
        }
    }
}
