//! The crate `zarrs` by itself on its own file store: no collection, no schema, no key index.

use std::path::Path;
use std::sync::Arc;

use hyperslab::{ArrayBuf, byte_count};
use serde_json::{Map, Value, json};
use zarrs::array::{Array, ArrayBytes, ArrayMetadata, ArraySubset};
use zarrs::group::GroupBuilder;
use zarrs_filesystem::FilesystemStore;

use crate::cells::{load, new_cells, touched};
use crate::clock::{Clock, checksum};
use crate::request::{Failure, Outcome, Request, lengths};
use crate::small::{self, SIDE};

const NAME: &str = "/t";

type Stored = Array<FilesystemStore>;

/// Does what a request asks for.
pub(crate) fn answer(request: &Request) -> Outcome<Value> {
    match request.text("op")? {
        "versions" => Ok(json!({"versions": {"zarrs": zarrs::version::version_str()}})),
        "write" => write(request),
        "read" => read(request),
        "slabs" => slabs(request),
        "update" => update(request),
        "create" => create(request),
        "open" => open_many(request),
        other => Err(Failure::new(format!("no operation '{other}'"))),
    }
}

fn store(path: &Path) -> Outcome<Arc<FilesystemStore>> {
    FilesystemStore::new(path)
        .map(Arc::new)
        .map_err(Failure::new)
}

fn open(request: &Request) -> Outcome<Stored> {
    Array::open(store(request.path()?)?, NAME).map_err(Failure::new)
}

/// The `zarr.json` of an array.
fn metadata(
    dtype: &str,
    shape: &[u64],
    layout: &Value,
    attributes: &Value,
) -> Outcome<ArrayMetadata> {
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let mut codecs = vec![bytes.clone()];
    if layout["codec"] == "zstd" {
        let configuration = json!({"level": layout["level"], "checksum": false});
        codecs.push(json!({"name": "zstd", "configuration": configuration}));
    }
    if layout["inner"].is_array() {
        let configuration = json!({
            "chunk_shape": layout["inner"], "codecs": codecs,
            "index_codecs": [bytes, {"name": "crc32c"}], "index_location": "end"
        });
        codecs = vec![json!({"name": "sharding_indexed", "configuration": configuration})];
    }
    let metadata = json!({
        "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": layout["chunks"]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0, "codecs": codecs, "attributes": attributes
    });
    serde_json::from_value(metadata).map_err(Failure::new)
}

fn put(array: &Stored, region: &ArraySubset, cells: Vec<u8>) -> Outcome {
    let cells = ArrayBytes::new_flen(cells);
    array
        .store_array_subset(region, cells)
        .map_err(Failure::new)
}

fn get(array: &Stored, region: &ArraySubset) -> Outcome<Vec<u8>> {
    let cells: ArrayBytes<'static> = array.retrieve_array_subset(region).map_err(Failure::new)?;
    let cells = cells.into_fixed().map_err(Failure::new)?;
    Ok(cells.into_owned())
}

fn all(array: &Stored) -> ArraySubset {
    ArraySubset::new_with_shape(array.shape().to_vec())
}

fn region(start: &[u64], shape: &[u64]) -> Outcome<ArraySubset> {
    ArraySubset::new_with_start_shape(start.to_vec(), shape.to_vec()).map_err(Failure::new)
}

fn with_checksum(mut answer: Value, checksum: u32) -> Value {
    answer["checksum"] = checksum.into();
    answer
}

fn verified(request: &Request, answer: Value) -> Outcome<Value> {
    if !request.flag("check") {
        return Ok(answer);
    }
    let array = open(request)?;
    let cells = get(&array, &all(&array))?;
    Ok(with_checksum(answer, checksum([cells.as_slice()])))
}

fn write(request: &Request) -> Outcome<Value> {
    let cells = load(&request.source()?)?;
    let layout = request.get("layout");
    if layout.get("default").is_some() {
        return Err(Failure::Unsupported("chunks of its own choice".into()));
    }
    let metadata = metadata(
        &cells.dtype().to_string(),
        cells.shape(),
        layout,
        &json!({}),
    )?;
    let bytes = cells.bytes().to_vec();
    drop(cells);
    let clock = Clock::start();
    let store = store(request.path()?)?;
    let array = Array::new_with_metadata(store, NAME, metadata).map_err(Failure::new)?;
    array.store_metadata().map_err(Failure::new)?;
    put(&array, &all(&array), bytes)?;
    let answer = clock.stop();
    verified(request, answer)
}

fn read(request: &Request) -> Outcome<Value> {
    if request.text("into")? != "fresh" {
        return Err(Failure::Unsupported("a given buffer without unsafe".into()));
    }
    let array = open(request)?;
    let clock = Clock::start();
    let cells = get(&array, &all(&array))?;
    let answer = clock.stop();
    Ok(with_checksum(answer, checksum([cells.as_slice()])))
}

fn slabs(request: &Request) -> Outcome<Value> {
    let array = open(request)?;
    let (starts, shape) = (request.starts("starts")?, request.shape()?);
    let slab_size = byte_count(request.dtype()?, &shape)?;
    let count = starts.len() as u64;
    let mut stash = touched(hyperslab::DType::UInt8, &[count, slab_size as u64])?;
    let mut passes = Vec::new();
    for _ in 0..request.number("passes")? {
        let clock = Clock::start();
        let places = stash.bytes_mut().chunks_exact_mut(slab_size);
        for (start, place) in starts.iter().zip(places) {
            place.copy_from_slice(&get(&array, &region(start, &shape)?)?);
        }
        let answer = clock.stop();
        passes.push(with_checksum(answer, checksum([stash.bytes()])));
    }
    Ok(json!({"passes": passes}))
}

fn update(request: &Request) -> Outcome<Value> {
    let (shape, values) = (request.shape()?, new_cells(request)?);
    let array = open(request)?;
    let starts = request.starts("starts")?;
    let clock = Clock::start();
    for (start, value) in starts.iter().zip(&values) {
        put(&array, &region(start, &shape)?, value.bytes().to_vec())?;
    }
    let answer = clock.stop();
    verified(request, answer)
}

fn create(request: &Request) -> Outcome<Value> {
    let arrays = small::all(request)?;
    let layout = json!({"chunks": [SIDE, SIDE], "inner": null, "codec": "none"});
    let shape = lengths(&layout["chunks"]).unwrap_or_default();
    let clock = Clock::start();
    let store = store(request.path()?)?;
    let group = GroupBuilder::new()
        .build(Arc::clone(&store), "/")
        .map_err(Failure::new)?;
    group.store_metadata().map_err(Failure::new)?;
    for array in &arrays {
        let attributes = Map::from_iter([
            ("number".to_owned(), json!(array.number)),
            ("station".to_owned(), json!(array.station)),
            ("note".to_owned(), json!(array.note)),
            ("height".to_owned(), json!(array.height)),
            ("quality".to_owned(), json!(array.quality)),
            ("latitude".to_owned(), json!(array.latitude)),
        ]);
        let metadata = metadata("float32", &shape, &layout, &Value::Object(attributes))?;
        let path = format!("/{}", array.name);
        let stored =
            Array::new_with_metadata(Arc::clone(&store), &path, metadata).map_err(Failure::new)?;
        stored.store_metadata().map_err(Failure::new)?;
        let cells = ArrayBuf::from_slice(&shape, &array.cells)?;
        put(&stored, &all(&stored), cells.bytes().to_vec())?;
    }
    Ok(clock.stop())
}

fn open_many(request: &Request) -> Outcome<Value> {
    let names: Vec<String> = small::all(request)?
        .into_iter()
        .map(|array| array.name)
        .collect();
    let mut found = Vec::with_capacity(names.len());
    let clock = Clock::start();
    let store = store(request.path()?)?;
    for name in &names {
        let array: Stored =
            Array::open(Arc::clone(&store), &format!("/{name}")).map_err(Failure::new)?;
        let number = array.attributes().get("number").and_then(Value::as_u64);
        let cells = get(&array, &all(&array))?;
        found.push((cells, number.unwrap_or(u64::MAX).to_le_bytes()));
    }
    let answer = clock.stop();
    let parts = found
        .iter()
        .flat_map(|(cells, number)| [cells.as_slice(), number.as_slice()]);
    Ok(with_checksum(answer, checksum(parts)))
}
