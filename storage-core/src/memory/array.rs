//! An open array of a store in memory.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::Shared;
use super::state::Stored;
use crate::copy::{gather, scatter, scatter_scalar};
use crate::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, CollectionMeta, Error, Hyperslab, ReadPlan,
    Result, WriteData, WriteOptions,
};

#[derive(Debug)]
pub(super) struct MemoryArray {
    pub(super) shared: Arc<Shared>,
    pub(super) collection: Arc<CollectionMeta>,
    pub(super) id: Uuid,
}

impl MemoryArray {
    fn with_stored<T>(&self, work: impl FnOnce(&mut Stored) -> T) -> Result<T> {
        let state = &self.shared.state;
        state.with_arrays(&self.collection, |arrays| Ok(work(arrays.get(self.id)?)))
    }

    fn cells(&self) -> Result<Arc<ArrayBuf>> {
        self.with_stored(|stored| Arc::clone(&stored.cells))
    }
}

#[async_trait]
impl ArrayHandle for MemoryArray {
    async fn meta(&self) -> Result<ArrayMeta> {
        self.with_stored(|stored| stored.meta.clone())
    }

    async fn read_into(&self, slab: &Hyperslab, mut out: ArrayBuf) -> Result<ArrayBuf> {
        let cells = self.cells()?;
        check_cells(&out, &cells, slab)?;
        let item_size = cells.dtype().size();
        gather(
            cells.bytes(),
            cells.shape(),
            item_size,
            slab,
            out.bytes_mut(),
        )?;
        Ok(out)
    }

    async fn write(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()> {
        let _guard = self
            .shared
            .lock_array(&self.collection, self.id, options)
            .await?;
        let mut cells = ArrayBuf::clone(&*self.cells()?);
        let shape = cells.shape().to_vec();
        match &data {
            WriteData::Scalar(value) if value.dtype() == cells.dtype() => {
                scatter_scalar(&value.to_bytes(), cells.bytes_mut(), &shape, slab)?;
            }
            WriteData::Scalar(value) => {
                return Err(Error::invalid(format!(
                    "a value of {} given for cells of {}",
                    value.dtype(),
                    cells.dtype()
                )));
            }
            WriteData::Cells(given) => {
                check_cells(given, &cells, slab)?;
                let item_size = given.dtype().size();
                scatter(given.bytes(), cells.bytes_mut(), &shape, item_size, slab)?;
            }
        }
        self.with_stored(|stored| stored.cells = Arc::new(cells))
    }

    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let _guard = self
            .shared
            .lock_array(&self.collection, self.id, options)
            .await?;
        self.with_stored(|stored| {
            let before = &stored.meta.custom;
            stored.meta.custom = self
                .collection
                .schema
                .custom_attributes()
                .map(|attribute| attribute.name.as_str())
                .filter(|name| removed.iter().all(|gone| gone != name))
                .filter_map(|name| {
                    let value = changed.get(name).or_else(|| before.get(name));
                    Some((name, value?.clone()))
                })
                .collect();
            stored.meta.clone()
        })
    }

    async fn plan(&self, _slab: &Hyperslab) -> Result<ReadPlan> {
        // Nothing is touched but memory: no object, no chunk.
        self.cells().map(|_| ReadPlan::default())
    }

    async fn flush(&self) -> Result<()> {
        // Every write is published at once.
        Ok(())
    }
}

fn check_cells(given: &ArrayBuf, stored: &ArrayBuf, slab: &Hyperslab) -> Result<()> {
    if given.dtype() == stored.dtype() && given.shape() == slab.shape() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "cells of {} {:?} given for {} {slab}",
        given.dtype(),
        given.shape(),
        stored.dtype()
    )))
}
