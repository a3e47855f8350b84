//! Variables of a file or a Zarr group as arrays.

use std::path::Path;

use hyperslab_core::{
    Array, ArrayBuf, Collection, Error, ErrorKind, MemoryLimit, Result, StorageOptions, Store, copy,
};
use hyperslab_engine::Engine;
use hyperslab_hdf5::netcdf::{
    self as format, ForeignArray, ForeignGroup, ImportPlan, VariableInfo,
};
use tokio::sync::mpsc;

use super::{blocking, merge};
use crate::foreign;
use crate::location::{Location, Place};

/// Cells are read in blocks of about this many bytes, so that progress can be told.
const BLOCK_BYTES: u64 = 16 << 20;

/// How variables are imported.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Which variables, by name or path; with none, the only one of two or more dimensions.
    pub variables: Vec<String>,
    /// Keep packed numbers as they are stored, instead of applying `scale_factor` and `add_offset`.
    pub packed: bool,
    /// Options for the adapter, when the collection is made.
    pub storage: StorageOptions,
}

/// What an import did.
#[derive(Debug)]
pub struct ImportReport {
    /// The arrays that were created, one per variable, with the key `variable`.
    pub arrays: Vec<Array>,
    /// What could not be kept as it was, in sentences for people.
    pub notes: Vec<String>,
}

/// The variables of a netCDF-4 or HDF5 file, or of a Zarr group, by path or URL.
///
/// # Errors
/// `NotFound`, `Denied`; `Unsupported` for what is not netCDF-4, HDF5 or Zarr; `Corrupt`.
pub async fn list_variables(path: impl AsRef<Path>) -> Result<Vec<VariableInfo>> {
    let path = path.as_ref().to_owned();
    blocking(move || foreign::open(&place_of(&path)?, &Engine::shared())?.variables()).await
}

/// Imports variables of a netCDF-4 or HDF5 file, or of a Zarr group, by path or URL, into a collection, which is made when it
/// is not there. `progress` is told the bytes done and the bytes in all.
///
/// Dimensions carry the file's coordinates and units; times of a real calendar become instants; packed numbers are unpacked;
/// a regular coordinate becomes a scale where that gives back every number bit for bit.
///
/// # Errors
/// `NotFound` for a variable that is not there; `InvalidInput` when variables do not fit one collection; `AlreadyExists` when
/// the collection holds the variable already; `TooLarge` when a variable does not fit the memory limit. Of a collection that
/// was made for a failed import nothing is left.
pub async fn import(
    store: &Store,
    collection: &str,
    path: impl AsRef<Path>,
    options: &ImportOptions,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<ImportReport> {
    let path = path.as_ref().to_owned();
    let (variables, packed) = (options.variables.clone(), options.packed);
    let found = blocking(move || {
        let group = foreign::open(&place_of(&path)?, &Engine::shared())?;
        plan(&*group, variables, packed)
    })
    .await?;
    let (arrays, plans): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let (target, is_new) = open_or_create(store, collection, &plans, options).await?;
    let mut notes: Vec<String> = Vec::new();
    for note in plans.iter().flat_map(|plan| &plan.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    match fill(&target, arrays, plans, &mut notes, progress).await {
        Ok(arrays) => Ok(ImportReport { arrays, notes }),
        Err(error) => {
            if is_new {
                store.delete_collection(collection).await?;
            }
            Err(error)
        }
    }
}

/// The place that a path or a URL names.
fn place_of(path: &Path) -> Result<Place> {
    match path.to_str().filter(|text| text.contains("://")) {
        Some(url) => Ok(Location::parse(url)?.place),
        None => Ok(Place::Disk(path.to_owned())),
    }
}

fn plan(
    group: &dyn ForeignGroup,
    variables: Vec<String>,
    packed: bool,
) -> Result<Vec<(ForeignArray, ImportPlan)>> {
    let names = if variables.is_empty() {
        vec![only_variable(group)?]
    } else {
        variables
    };
    let options = format::ImportOptions { packed };
    let planned = names.iter().map(|name| {
        let foreign = ForeignArray::open(group, name, options)?;
        let plan = format::plan_import(&foreign)?;
        Ok((foreign, plan))
    });
    planned.collect()
}

fn only_variable(group: &dyn ForeignGroup) -> Result<String> {
    let listed = group.variables()?.into_iter();
    let candidates: Vec<String> = listed
        .filter(|variable| {
            !variable.is_coordinate && variable.dtype.is_ok() && variable.dimensions.len() > 1
        })
        .map(|variable| variable.name)
        .collect();
    match candidates.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Error::not_found(format!(
            "{} has no variable of two or more dimensions; name one",
            group.location()
        ))),
        several => Err(Error::invalid(format!(
            "{} has several variables; name one or more of: {}",
            group.location(),
            several.join(", ")
        ))),
    }
}

/// The collection for these arrays, and whether it was made just now.
async fn open_or_create(
    store: &Store,
    name: &str,
    plans: &[ImportPlan],
    options: &ImportOptions,
) -> Result<(Collection, bool)> {
    let schema = merge::schema(plans)?;
    match store.collection(name).await {
        Ok(collection) => {
            merge::check_same(collection.schema(), &schema)
                .map_err(|error| error.context(format!("collection '{name}' exists")))?;
            Ok((collection, false))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((
            store
                .create_collection_with(name, schema, options.storage.clone())
                .await?,
            true,
        )),
        Err(error) => Err(error),
    }
}

async fn fill(
    collection: &Collection,
    foreign: Vec<ForeignArray>,
    plans: Vec<ImportPlan>,
    notes: &mut Vec<String>,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Vec<Array>> {
    let size =
        |foreign: &ForeignArray| hyperslab_core::byte_count(foreign.dtype(), foreign.shape());
    let total = foreign.iter().map(size).sum::<Result<usize>>()? as u64;
    let limit = collection.store().options().memory_limit;
    let mut done = 0;
    let mut arrays = Vec::new();
    for (foreign, plan) in foreign.into_iter().zip(plans) {
        let custom = merge::known(plan.custom, collection.schema(), notes);
        let data = load(foreign, limit, |bytes| {
            done += bytes;
            progress(done, total);
        })
        .await?;
        arrays.push(
            collection
                .create(plan.key)
                .custom(custom)
                .data(data)
                .await?,
        );
    }
    Ok(arrays)
}

/// Reads all cells, block by block.
async fn load(
    foreign: ForeignArray,
    limit: MemoryLimit,
    mut told: impl FnMut(u64),
) -> Result<ArrayBuf> {
    limit
        .admit(foreign.dtype(), foreign.shape())
        .map_err(|error| error.context(format!("variable '{}'", foreign.name())))?;
    let (sender, mut blocks_done) = mpsc::unbounded_channel();
    let reading = blocking(move || {
        let shape = foreign.shape().to_vec();
        let mut cells = ArrayBuf::zeroed(foreign.dtype(), &shape)?;
        for slab in foreign.blocks(BLOCK_BYTES).iter() {
            let block = foreign.read_block(&slab)?;
            copy::scatter(
                block.bytes(),
                cells.bytes_mut(),
                &shape,
                foreign.dtype().size(),
                &slab,
            )?;
            // Nobody listens any more when the import was cancelled.
            let _ = sender.send(block.bytes().len() as u64);
        }
        Ok(cells)
    });
    let telling = async {
        while let Some(bytes) = blocks_done.recv().await {
            told(bytes);
        }
    };
    futures::future::join(reading, telling).await.0
}
