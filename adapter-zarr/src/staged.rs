//! Cells of a change that has not reached every object, kept where whoever finishes it finds them.

use bytes::Bytes;
use hyperslab_core::{ArrayBuf, DType, Durability, Error, Result, WriteData};

use crate::compute::all;
use crate::edit::ObjectEdit;
use crate::objects::{Condition, Objects};

/// The level of Zstandard: the cells are read again only after a crash.
const LEVEL: i32 = 1;

fn key(staging: &str, object: u64) -> String {
    format!("{staging}/{object}")
}

/// Keeps the cells of every edit.
pub(crate) async fn put(
    objects: &dyn Objects,
    staging: &str,
    edits: &[ObjectEdit],
    durability: Durability,
) -> Result<()> {
    let puts = edits.iter().map(|edit| async move {
        let WriteData::Cells(cells) = &edit.cells else {
            return Ok(());
        };
        let key = key(staging, edit.object);
        // The id of the change is in the key, so nobody else has it.
        let put = objects.put(&key, pack(cells.bytes())?, Condition::None, durability);
        put.await.map(drop)
    });
    all(puts).await.map(drop)
}

/// The cells of one object; `None` when they are there no longer, because the change is finished.
pub(crate) async fn get(
    objects: &dyn Objects,
    staging: &str,
    object: u64,
    dtype: DType,
    shape: &[u64],
) -> Result<Option<ArrayBuf>> {
    let key = key(staging, object);
    let Some(stored) = objects.get(&key).await? else {
        return Ok(None);
    };
    let mut cells = ArrayBuf::zeroed(dtype, shape)?;
    let length = zstd::bulk::decompress_to_buffer(&stored.bytes, cells.bytes_mut());
    if length.ok() != Some(cells.bytes().len()) {
        return Err(Error::corrupt(format!(
            "{}/{key}: staged cells do not decode",
            objects.url()
        )));
    }
    Ok(Some(cells))
}

/// Forgets the cells of a change. What cannot be deleted is found by a check.
pub(crate) async fn clear(objects: &dyn Objects, staging: &str, edits: &[ObjectEdit]) {
    let keys = edits.iter().map(|edit| key(staging, edit.object)).collect();
    let _ = objects.delete(keys, Durability::Relaxed).await;
}

fn pack(cells: &[u8]) -> Result<Bytes> {
    let fail = |error: std::io::Error| Error::internal(format!("zstd: {error}")).with_source(error);
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(fail)?;
    compressor.include_checksum(true).map_err(fail)?;
    compressor.compress(cells).map(Bytes::from).map_err(fail)
}
