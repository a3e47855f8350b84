//! Stores for the cross-checks with other programs: collections of every dtype, layout and codec, with the cells and
//! attributes they were given beside them.
//!
//! - `zarr_samples FOLDER` makes the store `FOLDER/store`, and `FOLDER/cells` with what was put in; with `--labelled` only the
//!   few collections that have coordinates;
//! - `zarr_samples FOLDER --read OUT` reads every array into `OUT`, as `FOLDER/cells` has them, and says in
//!   `OUT/findings.json` what a check of all levels finds;
//! - `zarr_samples FOLDER --repair` mends what a check can mend, and prints what is wrong afterwards.
#![expect(clippy::print_stdout, reason = "an example talks")]

mod labelled;
mod plain;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    Array, ArrayBuf, Attributes, CheckLevel, CheckRequest, Collection, Durability, Error, Finding,
    RandomIds, Result, Schema, StorageOptions, Store, StoreOptions, WriteOptions,
};
use hyperslab_zarr::{Medium, ZarrAdapter};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            let folder = std::env::temp_dir().join(format!("zarr_samples.{}", std::process::id()));
            let made = make(&folder, false).await;
            std::fs::remove_dir_all(&folder)
                .map_err(|error| Error::io("remove", folder.display(), error))?;
            made
        }
        [folder] => make(Path::new(folder), false).await,
        [folder, "--labelled"] => make(Path::new(folder), true).await,
        [folder, "--read", out] => read(Path::new(folder), Path::new(out)).await,
        [folder, "--repair"] => repair(Path::new(folder)).await,
        _ => Err(Error::invalid(
            "use: zarr_samples [FOLDER [--labelled | --read OUT | --repair]]",
        )),
    }
}

/// The store that is filled, and the folder that says with what.
pub(crate) struct Samples {
    store: Store,
    cells: PathBuf,
    count: usize,
}

impl Samples {
    /// A collection, and its arrays with their cells.
    pub(crate) async fn add(
        &mut self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
        arrays: Vec<(Attributes, Attributes, Option<ArrayBuf>)>,
    ) -> Result<()> {
        let schema_or = |error: Error| error.context(name);
        let store = &self.store;
        let collection = store
            .create_collection_with(name, schema, storage)
            .await
            .map_err(schema_or)?;
        for (key, custom, data) in arrays {
            let new = collection.create(key).custom(custom);
            let array = match data {
                Some(data) => new.data(data).await?,
                None => new.await?,
            };
            save(&self.cells, &collection, &array).await?;
            self.count += 1;
        }
        Ok(())
    }
}

/// Relaxed: nobody waits for the disk of a sample.
fn options() -> StoreOptions {
    StoreOptions {
        write: WriteOptions {
            durability: Durability::Relaxed,
            ..WriteOptions::default()
        },
        ..StoreOptions::default()
    }
}

async fn make(folder: &Path, only_labelled: bool) -> Result<()> {
    let medium = Medium::new_folder(&folder.join("store"))?;
    let adapter = ZarrAdapter::create(&medium, &RandomIds).await?;
    let mut samples = Samples {
        store: Store::new(Arc::new(adapter), options()),
        cells: folder.join("cells"),
        count: 0,
    };
    make_folder(&samples.cells)?;
    if !only_labelled {
        plain::add(&mut samples).await?;
    }
    labelled::add(&mut samples).await?;
    println!("{} arrays", samples.count);
    Ok(())
}

async fn open(folder: &Path) -> Result<Store> {
    let medium = Medium::folder(&folder.join("store"))?;
    let adapter = ZarrAdapter::open(&medium).await?;
    Ok(Store::new(Arc::new(adapter), options()))
}

async fn read(folder: &Path, out: &Path) -> Result<()> {
    make_folder(out)?;
    let store = open(folder).await?;
    for name in store.collections().await? {
        let collection = store.collection(&name).await?;
        let mut arrays = collection.find("").stream();
        while let Some(array) = arrays.try_next().await? {
            save(out, &collection, &array).await?;
        }
    }
    let findings = json!(check(&store, false).await?);
    put(&out.join("findings.json"), findings.to_string().as_bytes())
}

async fn repair(folder: &Path) -> Result<()> {
    let store = open(folder).await?;
    check(&store, true).await?;
    for finding in check(&store, false).await? {
        println!("{}: {}", finding.subject, finding.message);
    }
    Ok(())
}

async fn check(store: &Store, repair: bool) -> Result<Vec<Finding>> {
    let request = CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair,
    };
    let mut findings = Vec::new();
    store.check(&request, &mut findings).await?;
    Ok(findings)
}

/// The cells of an array as they lie in memory, and what is known of it.
async fn save(folder: &Path, collection: &Collection, array: &Array) -> Result<()> {
    let cells = array.all().read_buf().await?;
    let schema = collection.schema();
    let dimensions = schema.dimensions().iter();
    let names: Vec<&str> = dimensions
        .map(|dimension| dimension.name.as_str())
        .collect();
    let known = json!({
        "collection": collection.name(),
        "id": array.id().to_string(),
        "dtype": array.dtype().name(),
        "shape": array.shape(),
        "dimensions": names,
        "fill_value": schema.declared_fill_value().map(hyperslab_core::Scalar::to_json),
        "storage": Value::Object(collection.meta().storage.clone()),
        "key": array.key().to_json(),
        "custom": array.custom().to_json(),
    });
    let path = folder.join(array.id().to_string());
    put(&path.with_extension("json"), known.to_string().as_bytes())?;
    put(&path.with_extension("bin"), cells.bytes())
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| Error::io("create", path.display(), error))
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| Error::io("write", path.display(), error))
}
