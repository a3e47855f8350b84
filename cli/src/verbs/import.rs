//! `hyperslab import`: variables of a netCDF or HDF5 file, or of a Zarr group.

use std::path::PathBuf;

use clap::Args;
use hyperslab::netcdf::{self, ImportOptions};
use hyperslab::{Array, Store};
use serde_json::json;

use super::show::array_json;
use super::storage::StorageArgs;
use crate::args::{AdapterArgs, CollectionArgs};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab import coads_climatology.nc ./climate coads --variable SST
  hyperslab import era5.nc ./climate era5 --variable t --variable z --codec zstd:3
  hyperslab import s3://weather/era5.zarr ./climate era5 --variable t

The dimensions of the collection carry the file's coordinates, units and CF times. Variables of one \
shape and type share a collection, each an array with the key `variable=NAME`.";

/// Make a collection from variables of a netCDF or HDF5 file, or of a Zarr group. A store that is not there yet is made.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Import {
    /// The netCDF-4 or HDF5 file, or the Zarr group (version 2 or 3), by path or URL
    file: PathBuf,
    #[command(flatten)]
    target: CollectionArgs,
    /// A variable; repeatable. May be left out when the file has only one of two or more dimensions
    #[arg(long, value_name = "NAME")]
    variable: Vec<String>,
    /// Keep packed integers as they are instead of applying scale_factor and add_offset
    #[arg(long)]
    packed: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    storage: StorageArgs,
}

impl Import {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let options = ImportOptions {
            variables: self.variable.clone(),
            packed: self.packed,
            storage: self.storage.options()?,
        };
        // The first import is often the first command: it may make the store, but not for a file that cannot be read.
        let check = async |_: &Store| netcdf::list_variables(&self.file).await.map(drop);
        let store = &self.target.store;
        let store = self.adapter.open_or_create(store, session, check).await?;
        let name = &self.target.collection;
        let progress = console.progress("importing");
        let report = netcdf::import(&store, name, &self.file, &options, &|done, total| {
            progress.bytes(done, total);
        })
        .await?;
        drop(progress);
        for note in &report.notes {
            console.remark(format_args!("{note}"))?;
        }
        let arrays: Vec<_> = report.arrays.iter().map(array_json).collect();
        let names: Vec<_> = report.arrays.iter().map(Array::name).collect();
        console.report(
            &json!({ "arrays": arrays, "notes": report.notes }),
            format_args!("imported {} into collection {name}", names.join(", ")),
        )?;
        Ok(Status::Done)
    }
}
