//! hyperslab, by its public API: stores of ours, and what others wrote, opened in place.

use std::sync::OnceLock;

use hyperslab::prelude::*;
use hyperslab::{
    Array, ArrayBuf, AttributeSchema, AttributeType, Collection, Durability, Index, SchemaBuilder,
    Selection, Selector, StorageOptions, StoreOptions, Subset,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cells::{load, new_cells, touched};
use crate::clock::{Clock, checksum};
use crate::request::{Failure, Outcome, Request};
use crate::small::{self, SIDE};
use crate::{objects, storages};

/// The variable of foreign files and the collection of our stores.
pub(crate) const NAME: &str = "t";

/// Decoded chunks that an open store keeps.
const CACHE_BYTES: u64 = 256 << 20;

/// Does what a request asks for.
pub(crate) fn answer(request: &Request) -> Outcome<Value> {
    match request.text("op")? {
        "versions" => Ok(json!({"versions": {"hyperslab": env!("CARGO_PKG_VERSION")}})),
        "write" => write(request),
        "read" => read(request),
        "slabs" => slabs(request),
        "update" => update(request),
        "create" => create(request),
        "open" => open_many(request),
        op if op.starts_with("objects") => objects::answer(request),
        _ => storages::answer(request),
    }
}

/// Waits as a program does that calls the async API from its main thread.
pub(crate) fn wait<T, E: Into<Failure>>(future: impl Future<Output = Result<T, E>>) -> Outcome<T> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    match RUNTIME.get_or_init(Runtime::new) {
        Ok(runtime) => runtime.block_on(future).map_err(Into::into),
        Err(error) => Err(Failure::new(error)),
    }
}

/// No sync, as for all peers, unless it is asked for; the adapter that the request names for a new store.
pub(crate) fn options(request: &Request) -> StoreOptions {
    let mut options = StoreOptions::default();
    if !request.flag("synced") {
        options.write.durability = Durability::Relaxed;
    }
    options.adapter = request.get("adapter").as_str().map(str::to_owned);
    options
}

pub(crate) fn url(request: &Request) -> Outcome<String> {
    Ok(request.path()?.to_string_lossy().into_owned())
}

/// What the adapter is told of a layout. Nothing for a layout of our own choice.
pub(crate) fn storage(request: &Request) -> Outcome<StorageOptions> {
    let layout = request.get("layout");
    let mut storage = StorageOptions::new();
    if layout.get("default").is_some() {
        return Ok(storage);
    }
    if layout.get("plain").is_some() {
        storage.insert("codec".into(), "none".into());
        return Ok(storage);
    }
    if layout.get("contiguous").is_some() {
        return Err(Failure::Unsupported("contiguous files of ours".into()));
    }
    let field = |name: &str| layout.get(name).unwrap_or(&Value::Null).clone();
    let inner = field("inner");
    if request.text("adapter")? == "zarr" {
        let shards = match &inner {
            Value::Null => json!("none"),
            _ => field("chunks"),
        };
        storage.insert("shards".into(), shards);
        storage.insert("checksum".into(), json!(false));
    }
    let chunks = if inner.is_null() {
        field("chunks")
    } else {
        inner
    };
    storage.insert("chunks".into(), chunks);
    storage.insert("codec".into(), field("codec"));
    if field("codec") != "none" {
        storage.insert("level".into(), field("level"));
    }
    Ok(storage)
}

pub(crate) async fn open(request: &Request) -> Outcome<Array> {
    let mut options = options(request);
    options.adapter = None;
    // A cache of its own is empty, whatever this process has read before, and as large as those of the peers.
    options.cache_bytes = Some(CACHE_BYTES);
    // Small writes wait in memory for the flush, as in HDF5's cache of chunks.
    options.write.durability = Durability::Buffered;
    let store = Store::open_with(&url(request)?, options).await?;
    Ok(store.collection(NAME).await?.only().await?)
}

/// Reads into memory that the library allocates, as a program that wants numbers does.
pub(crate) async fn read_fresh(subset: &Subset) -> Outcome<(u32, Value)> {
    macro_rules! read {
        ($cell:ty) => {{
            let clock = Clock::start();
            let cells = subset.read::<$cell>().await?;
            let answer = clock.stop();
            let cells = ArrayBuf::from_ndarray(&cells.view());
            Ok((checksum([cells.bytes()]), answer))
        }};
    }
    match subset.array().dtype() {
        DType::Float64 => read!(f64),
        DType::Int16 => read!(i16),
        _ => read!(f32),
    }
}

/// The checksum of what is stored, through a handle of its own.
async fn verify(request: &Request) -> Outcome<u32> {
    let array = open(request).await?;
    let cells = array.all().read_buf().await?;
    Ok(checksum([cells.bytes()]))
}

pub(crate) fn with_checksum(mut answer: Value, checksum: u32) -> Value {
    answer["checksum"] = checksum.into();
    answer
}

/// The schema of the large arrays.
pub(crate) fn schema(dtype: DType, shape: &[u64]) -> SchemaBuilder {
    let names = ["time", "y", "x"].into_iter().zip(shape);
    names.fold(Schema::builder(dtype), |schema, (name, &size)| {
        schema.dimension(Dimension::new(name, size))
    })
}

fn write(request: &Request) -> Outcome<Value> {
    let cells = load(&request.source()?)?;
    let schema = schema(cells.dtype(), cells.shape()).build()?;
    let (url, storage) = (url(request)?, storage(request)?);
    let clock = Clock::start();
    wait(async {
        let store = Store::create_with(&url, options(request)).await?;
        let collection = store.create_collection_with(NAME, schema, storage).await?;
        collection.create(key! {}).data(cells).await
    })?;
    let answer = clock.stop();
    if !request.flag("check") {
        return Ok(answer);
    }
    Ok(with_checksum(answer, wait(verify(request))?))
}

fn read(request: &Request) -> Outcome<Value> {
    let array = wait(open(request))?;
    if request.text("into")? == "fresh" {
        let (checksum, answer) = wait(read_fresh(&array.all()))?;
        return Ok(with_checksum(answer, checksum));
    }
    let buffer = touched(array.dtype(), &array.shape())?;
    let clock = Clock::start();
    let buffer = wait(array.all().read_into(buffer))?;
    let answer = clock.stop();
    Ok(with_checksum(answer, checksum([buffer.bytes()])))
}

/// A box of an array.
pub(crate) fn subset(array: &Array, start: &[u64], shape: &[u64]) -> Outcome<Subset> {
    let range = |(&start, &count): (&u64, &u64)| -> Outcome<Selector> {
        let start = i64::try_from(start).map_err(Failure::new)?;
        let stop = start + i64::try_from(count).map_err(Failure::new)?;
        Ok(Selector::Index(Index::range(start..stop)))
    };
    let selectors: Outcome<Vec<_>> = start.iter().zip(shape).map(range).collect();
    Ok(array.select(&Selection::new(selectors?))?)
}

fn slabs(request: &Request) -> Outcome<Value> {
    let array = wait(open(request))?;
    let (starts, shape) = (request.starts("starts")?, request.shape()?);
    let places: Outcome<Vec<_>> = starts
        .iter()
        .map(|_| touched(array.dtype(), &shape))
        .collect();
    let mut places = places?;
    let mut passes = Vec::new();
    for _ in 0..request.number("passes")? {
        let mut filled = Vec::with_capacity(places.len());
        let clock = Clock::start();
        for (start, place) in starts.iter().zip(places) {
            let subset = subset(&array, start, &shape)?;
            filled.push(wait(subset.read_into(place))?);
        }
        let answer = clock.stop();
        let sum = checksum(filled.iter().map(ArrayBuf::bytes));
        passes.push(with_checksum(answer, sum));
        places = filled;
    }
    Ok(json!({"passes": passes}))
}

fn update(request: &Request) -> Outcome<Value> {
    let (shape, values) = (request.shape()?, new_cells(request)?);
    let array = wait(open(request))?;
    let starts = request.starts("starts")?;
    let clock = Clock::start();
    for (start, value) in starts.iter().zip(values) {
        wait(subset(&array, start, &shape)?.write_buf(value))?;
    }
    wait(array.flush())?;
    let answer = clock.stop();
    drop(array);
    if !request.flag("check") {
        return Ok(answer);
    }
    Ok(with_checksum(answer, wait(verify(request))?))
}

fn small_schema() -> Outcome<Schema> {
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .attribute(AttributeSchema::custom("station", AttributeType::Text))
        .attribute(AttributeSchema::custom("note", AttributeType::Text))
        .attribute(AttributeSchema::custom("height", AttributeType::Float))
        .attribute(AttributeSchema::custom("quality", AttributeType::Int))
        .attribute(AttributeSchema::custom("latitude", AttributeType::Float))
        .dimension(Dimension::new("y", SIDE))
        .dimension(Dimension::new("x", SIDE));
    Ok(schema.build()?)
}

pub(crate) fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn create(request: &Request) -> Outcome<Value> {
    let arrays = small::all(request)?;
    let mut cells = Vec::with_capacity(arrays.len());
    for array in &arrays {
        cells.push(ArrayBuf::from_slice(&[SIDE, SIDE], &array.cells)?);
    }
    let (url, schema) = (url(request)?, small_schema()?);
    let clock = Clock::start();
    wait::<_, hyperslab::Error>(async {
        let store = Store::create_with(&url, options(request)).await?;
        let none = StorageOptions::from_iter([("codec".to_owned(), "none".into())]);
        let collection = store.create_collection_with(NAME, schema, none).await?;
        for (array, cells) in arrays.iter().zip(cells) {
            let custom = key! {
                station: array.station.as_str(), note: array.note, height: array.height,
                quality: integer(array.quality), latitude: array.latitude
            };
            let key = key! { number: integer(array.number) };
            collection.create(key).custom(custom).data(cells).await?;
        }
        Ok(())
    })?;
    Ok(clock.stop())
}

fn open_many(request: &Request) -> Outcome<Value> {
    let count = request.number("count")?;
    let (url, options) = (url(request)?, StoreOptions::default());
    let clock = Clock::start();
    let found = wait::<_, hyperslab::Error>(async {
        let collection = Store::open_with(&url, options).await?;
        let collection = collection.collection(NAME).await?;
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

/// The cells of one array, and its number as stored.
pub(crate) async fn find(
    collection: &Collection,
    number: usize,
) -> hyperslab::Result<(ArrayBuf, [u8; 8])> {
    let array = collection.get(key! { number: integer(number) }).await?;
    let cells = array.all().read_buf().await?;
    Ok((cells, stored_number(&array)))
}

/// The number of an array, as bytes for the checksum.
pub(crate) fn stored_number(array: &Array) -> [u8; 8] {
    match array.key().get("number") {
        Some(hyperslab::AttributeValue::Int(number)) => number.to_le_bytes(),
        _ => [0xFF; 8],
    }
}
