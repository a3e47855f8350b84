//! The only array of a variable, opened.

use std::sync::Arc;

use async_trait::async_trait;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, Error, Hyperslab, ReadPlan, Result, WriteData,
    WriteOptions,
};

use super::Shared;
use super::variable::Variable;

#[derive(Debug)]
pub(super) struct VariableHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) variable: Arc<Variable>,
}

#[async_trait]
impl ArrayHandle for VariableHandle {
    async fn meta(&self) -> Result<ArrayMeta> {
        Ok(self.variable.meta.clone())
    }

    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let dtype = self.variable.array.dtype();
        if out.dtype() != dtype || out.shape() != slab.shape() {
            return Err(Error::invalid(format!(
                "cells of {} {:?} given for {dtype} {slab}",
                out.dtype(),
                out.shape()
            )));
        }
        let (variable, slab) = (Arc::clone(&self.variable), slab.clone());
        let begin = move || variable.array.begin_block(&slab, out);
        self.shared.pace.run(begin).await
    }

    async fn write(
        &self,
        _slab: &Hyperslab,
        _data: WriteData,
        _options: &WriteOptions,
    ) -> Result<()> {
        Err(self.shared.refused())
    }

    async fn update_attributes(
        &self,
        _changed: &Attributes,
        _removed: &[String],
        _options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        Err(self.shared.refused())
    }

    async fn plan(&self, _slab: &Hyperslab) -> Result<ReadPlan> {
        Err(self.shared.unknown("what reading touches"))
    }

    async fn flush(&self) -> Result<()> {
        // Nothing is ever written.
        Ok(())
    }
}
