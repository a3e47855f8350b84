//! What a change that has not reached every object needs, kept where whoever finishes it finds it: the next state of an object of
//! which nothing stays, else the cells that it gets.

use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::{
    ArrayBuf, DType, Durability, Error, Hyperslab, Result, WriteData, byte_count,
};
use hyperslab_engine::Outgoing;
use hyperslab_engine::codec::{Codec, CodecChain, Encode};

use crate::compute::{compute, in_flight, some};
use crate::edit::{NewObject, ObjectCodec, ObjectEdit, OldObject};
use crate::objects::{Condition, Objects};

/// The level of Zstandard for cells: they are read again only after a crash.
const LEVEL: i32 = 1;

/// An object that was staged as it will be.
#[derive(Debug, Clone)]
pub(crate) enum StagedObject {
    /// All its cells are fill; an empty object says so.
    Fill,
    /// Also in memory.
    Bytes(Bytes),
    /// On the medium, under this key.
    There(String),
}

/// Where what is staged for an object lies.
pub(crate) fn key(staging: &str, object: u64) -> String {
    format!("{staging}/{object}")
}

/// Where the writer of a change prepares the next state of an object of which a part stays. Nobody else looks at it: what it was made
/// of may have changed.
pub(crate) fn next_key(staging: &str, object: u64) -> String {
    format!("{staging}/{object}.next")
}

/// Keeps what every edit needs, and gives what was staged as a whole object.
pub(crate) async fn put(
    objects: &dyn Objects,
    codec: &Arc<ObjectCodec>,
    staging: &str,
    edits: &[Arc<ObjectEdit>],
    durability: Durability,
) -> Result<Vec<Option<StagedObject>>> {
    let puts = edits.iter().map(|edit| async move {
        let key = key(staging, edit.object);
        let (bytes, staged) = if edit.is_whole {
            let bytes = whole(codec, edit).await?;
            let staged = match bytes.is_empty() {
                true => StagedObject::Fill,
                false if objects.files().is_some() => StagedObject::There(key.clone()),
                false => StagedObject::Bytes(bytes.clone()),
            };
            (bytes, Some(staged))
        } else {
            (cells(codec, edit).await?, None)
        };
        // The id of the change is in the key, so nobody else has it.
        let put = objects.put(&key, bytes, Condition::None, durability);
        put.await.map(|_| staged)
    });
    some(in_flight(objects, codec.object_bytes()), puts).await
}

async fn whole(codec: &Arc<ObjectCodec>, edit: &Arc<ObjectEdit>) -> Result<Bytes> {
    let size = codec.object_bytes();
    let (codec, edit) = (Arc::clone(codec), Arc::clone(edit));
    match compute(size, move || codec.apply(&edit, OldObject::Absent)).await? {
        NewObject::Nothing => Ok(Bytes::new()),
        NewObject::Bytes(bytes) => Ok(bytes),
        NewObject::Pieces(_) => Err(Error::internal("a whole object of parts of an old one")),
    }
}

async fn cells(codec: &Arc<ObjectCodec>, edit: &Arc<ObjectEdit>) -> Result<Bytes> {
    let size = codec.object_bytes();
    let (codec, edit) = (Arc::clone(codec), Arc::clone(edit));
    compute(size, move || {
        let cells = codec.cells_of(&edit)?;
        let mut all = Vec::new();
        for cells in &cells {
            match &cells.cells {
                WriteData::Cells(cells) => all.extend_from_slice(cells.bytes()),
                WriteData::Scalar(_) => return Err(Error::internal("one value was to be staged")),
            }
        }
        let mut out = Outgoing::new(0);
        packing().encode_onto(&all, &mut out)?;
        Ok(Bytes::from_owner(out))
    })
    .await
}

fn packing() -> CodecChain {
    CodecChain::new(vec![Codec::Zstd {
        level: LEVEL,
        checksum: true,
    }])
}

/// The cells of one object, those of each of these hyperslabs after another; `None` when they are there no longer, because the
/// change is finished.
pub(crate) async fn get(
    objects: &dyn Objects,
    staging: &str,
    object: u64,
    dtype: DType,
    slabs: &[Hyperslab],
) -> Result<Option<Vec<ArrayBuf>>> {
    let key = key(staging, object);
    let Some(stored) = objects.get(&key).await? else {
        return Ok(None);
    };
    let shapes: Vec<Vec<u64>> = slabs.iter().map(Hyperslab::shape).collect();
    let sizes = shapes.iter().map(|shape| byte_count(dtype, shape));
    let sizes: Vec<usize> = sizes.collect::<Result<_>>()?;
    let total = sizes
        .iter()
        .try_fold(0, |sum: usize, &size| sum.checked_add(size));
    let total = total.ok_or_else(|| damaged(objects, &key))?;
    let mut all = ArrayBuf::zeroed(DType::UInt8, &[total as u64])?;
    let decoded = packing().decode(&stored.bytes, 0, all.bytes_mut());
    decoded.map_err(|_| damaged(objects, &key))?;
    let mut rest = all.bytes();
    let mut cells = Vec::with_capacity(slabs.len());
    for (shape, size) in shapes.iter().zip(sizes) {
        let (own, after) = rest.split_at(size.min(rest.len()));
        cells.push(ArrayBuf::from_bytes(dtype, shape, own)?);
        rest = after;
    }
    Ok(Some(cells))
}

/// What to say of staged bytes that do not decode.
pub(crate) fn damaged(objects: &dyn Objects, key: &str) -> Error {
    Error::corrupt(format!(
        "{}/{key}: staged cells do not decode",
        objects.url()
    ))
}

/// Forgets what was staged. What cannot be deleted is found by a check.
pub(crate) async fn clear(objects: &dyn Objects, keys: Vec<String>) {
    let _ = objects.delete(keys, Durability::Relaxed).await;
}
