//! What is measured beside Deker: small arrays by key, tiles, the first cell of an empty array, changes of attributes.

use std::path::Path;

use hyperslab::prelude::*;
use hyperslab::{
    Array, ArrayBuf, AttributeSchema, AttributeType, Collection, StorageOptions, StoreOptions,
};
use serde_json::{Value, json};

use crate::cells::{load, touched};
use crate::clock::{Clock, Peak, checksum};
use crate::ours::{
    NAME, find, integer, open, options, read_fresh, schema, storage, stored_number, subset, url,
    wait, with_checksum,
};
use crate::request::{Failure, Outcome, Request, lengths};

/// Cells along each of the two axes of a small array.
const SIDE: u64 = 10;

/// Does what a request asks for.
pub(crate) fn answer(request: &Request) -> Outcome<Value> {
    match request.text("op")? {
        "create-keyed" => create(request),
        "find-keyed" => find_each(request),
        "read-keyed" => read_each(request),
        "tiles" => tiles(request),
        "first-cell" => first_cell(request),
        "attributes" => attributes(request),
        other => Err(Failure::new(format!("no operation '{other}'"))),
    }
}

/// Small arrays with a key, and with a note where notes are changed.
fn small_schema(noted: bool) -> Outcome<Schema> {
    let mut schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .dimension(Dimension::new("y", SIDE))
        .dimension(Dimension::new("x", SIDE));
    if noted {
        schema = schema.attribute(AttributeSchema::custom("note", AttributeType::Text));
    }
    Ok(schema.build()?)
}

fn small_cells(number: usize) -> Outcome<ArrayBuf> {
    let cells = (0..SIDE * SIDE).map(|cell| cell as f32 / 4.0 + number as f32);
    let cells: Vec<f32> = cells.collect();
    Ok(ArrayBuf::from_slice(&[SIDE, SIDE], &cells)?)
}

/// Nobody encodes cells here.
fn unencoded() -> StorageOptions {
    StorageOptions::from_iter([("codec".to_owned(), "none".into())])
}

/// A new collection.
async fn collection(
    store: &Store,
    schema: Schema,
    storage: StorageOptions,
) -> hyperslab::Result<Collection> {
    store.create_collection_with(NAME, schema, storage).await
}

fn create(request: &Request) -> Outcome<Value> {
    let cells: Outcome<Vec<_>> = (0..request.number("count")?).map(small_cells).collect();
    let (cells, url, schema) = (cells?, url(request)?, small_schema(false)?);
    let clock = Clock::start();
    wait::<_, hyperslab::Error>(async {
        let store = Store::create_with(&url, options(request)).await?;
        let collection = collection(&store, schema, unencoded()).await?;
        for (number, cells) in cells.into_iter().enumerate() {
            let key = key! { number: integer(number) };
            collection.create(key).data(cells).await?;
        }
        Ok(())
    })?;
    Ok(clock.stop())
}

fn find_each(request: &Request) -> Outcome<Value> {
    let (url, count) = (url(request)?, request.number("count")?);
    let clock = Clock::start();
    let found = wait::<_, hyperslab::Error>(async {
        let store = Store::open_with(&url, StoreOptions::default()).await?;
        let collection = store.collection(NAME).await?;
        let mut found = Vec::with_capacity(count);
        for number in 0..count {
            found.push(collection.get(key! { number: integer(number) }).await?);
        }
        Ok(found)
    })?;
    let answer = clock.stop();
    let numbers: Vec<_> = found.iter().map(stored_number).collect();
    let sum = checksum(numbers.iter().map(<[u8; 8]>::as_slice));
    Ok(with_checksum(answer, sum))
}

fn read_each(request: &Request) -> Outcome<Value> {
    let (url, count) = (url(request)?, request.number("count")?);
    let clock = Clock::start();
    let found = wait::<_, hyperslab::Error>(async {
        let store = Store::open_with(&url, StoreOptions::default()).await?;
        let collection = store.collection(NAME).await?;
        let mut found = Vec::with_capacity(count);
        for number in 0..count {
            found.push(find(&collection, number).await?);
        }
        Ok(found)
    })?;
    let answer = clock.stop();
    let parts = found
        .iter()
        .flat_map(|(cells, number)| [cells.bytes(), number.as_slice()]);
    Ok(with_checksum(answer, checksum(parts)))
}

/// A store with one array without cells.
async fn empty(request: &Request, schema: Schema, storage: StorageOptions) -> Outcome<Array> {
    let store = Store::create_with(&url(request)?, options(request)).await?;
    let collection = collection(&store, schema, storage).await?;
    Ok(collection.create(key! {}).await?)
}

/// Writes all tiles twice, then reads all, a plane and single cells, each through an array that was opened for it.
fn tiles(request: &Request) -> Outcome<Value> {
    let first = load(&request.source()?)?;
    let second = backwards(&first)?;
    let counts = lengths(request.get("counts"))
        .ok_or_else(|| Failure::new("the request has no usable field 'counts'"))?;
    let schema = schema(first.dtype(), first.shape());
    let schema = schema.tile_counts(counts).build()?;
    let array = wait(empty(request, schema, unencoded()))?;
    let mut passes = Vec::new();
    for cells in [first, second] {
        let clock = Clock::start();
        wait(array.all().write_buf(cells))?;
        passes.push(clock.stop());
    }
    drop(array);
    let array = wait(open(request))?;
    let (sum, answer) = wait(read_fresh(&array.all()))?;
    passes.push(with_checksum(answer, sum));
    for boxes in [request.inner("plane"), request.inner("cells")] {
        let array = wait(open(request))?;
        let (starts, shape) = (boxes.starts("starts")?, boxes.shape()?);
        let mut found = Vec::with_capacity(starts.len());
        let clock = Clock::start();
        for start in &starts {
            found.push(wait(subset(&array, start, &shape)?.read_buf())?);
        }
        let answer = clock.stop();
        let sum = checksum(found.iter().map(ArrayBuf::bytes));
        passes.push(with_checksum(answer, sum));
    }
    Ok(json!({"passes": passes}))
}

/// The same cells, the last step first.
fn backwards(cells: &ArrayBuf) -> Outcome<ArrayBuf> {
    let mut other = ArrayBuf::zeroed(cells.dtype(), cells.shape())?;
    let steps = usize::try_from(cells.shape().first().copied().unwrap_or(1).max(1));
    let size = (cells.bytes().len() / steps.map_err(Failure::new)?).max(1);
    let to = other.bytes_mut().chunks_exact_mut(size);
    for (to, from) in to.zip(cells.bytes().chunks_exact(size).rev()) {
        to.copy_from_slice(from);
    }
    Ok(other)
}

/// Writes one cell where none was, and says what memory that took.
fn first_cell(request: &Request) -> Outcome<Value> {
    let schema = schema(request.dtype()?, &request.shape()?).build()?;
    let array = wait(empty(request, schema, storage(request)?))?;
    let start = lengths(request.get("start"))
        .ok_or_else(|| Failure::new("the request has no usable field 'start'"))?;
    let cell = [1, 1, 1];
    let value = touched(array.dtype(), &cell)?;
    let peak = Peak::start();
    let clock = Clock::start();
    wait(subset(&array, &start, &cell)?.write_buf(value))?;
    let mut answer = clock.stop();
    answer["bytes"] = json!(peak.growth());
    drop(array);
    let array = wait(open(request))?;
    let cell = wait(subset(&array, &start, &cell)?.read_buf())?;
    Ok(with_checksum(answer, checksum([cell.bytes()])))
}

/// Changes the note of a small array again and again, and says by how much all files grew.
fn attributes(request: &Request) -> Outcome<Value> {
    let (schema, count) = (small_schema(true)?, request.number("count")?);
    let mut array = wait::<_, Failure>(async {
        let store = Store::create_with(&url(request)?, options(request)).await?;
        let collection = collection(&store, schema, unencoded()).await?;
        let array = collection.create(key! { number: 0 });
        let array = array.custom(key! { note: "as it was made" });
        Ok(array.data(small_cells(0)?).await?)
    })?;
    let before = file_bytes(request.path()?)?;
    let clock = Clock::start();
    for number in 0..count {
        let note = format!("changed {number} times");
        wait(array.update(key! { note: note.as_str() }))?;
    }
    let mut answer = clock.stop();
    let after = file_bytes(request.path()?)?;
    answer["bytes"] = json!(after as f64 - before as f64);
    Ok(answer)
}

/// Bytes of all files at and below a path.
fn file_bytes(path: &Path) -> Outcome<u64> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Ok(if found.is_file() { found.len() } else { 0 });
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += file_bytes(&entry?.path())?;
    }
    Ok(sum)
}
