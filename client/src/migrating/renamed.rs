//! A collection seen under names that our formats can carry.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, Attributes,
    Capabilities, CheckRequest, Collection, CollectionMeta, Coordinates, Dimension, Error,
    FindingSink, Hyperslab, LockManager, ReadPlan, ReadStats, Result, Schema, StorageAdapter,
    StorageExplanation, Store, StoreInfo, TimeStart, Usage, WriteData, WriteOptions,
};

use super::Renamed;
use super::names::Names;

/// Where the schema of a collection that was renamed has the name that it has in its storage.
const ORIGIN: &str = "deker_collection";

/// The same collection with dimensions and attributes called so that our formats can carry them, and what was renamed. Where
/// nothing has to be, it is the collection itself. One that is renamed says so in its schema, by the name it had.
pub(super) async fn with_our_names(
    from: &Collection,
    origin: Option<&str>,
) -> Result<(Collection, Vec<Renamed>)> {
    if from.schema().check_names().is_ok() && origin.is_none() {
        return Ok((from.clone(), Vec::new()));
    }
    let (schema, attributes, renamed) = rename(from.schema(), origin)?;
    let name = from.name();
    let adapter = Arc::new(RenamedAdapter {
        inner: Arc::clone(from.store().adapter()),
        from: Arc::new(from.meta().clone()),
        to: CollectionMeta {
            schema,
            ..from.meta().clone()
        },
        attributes: Arc::new(attributes),
    });
    let store = Store::new(adapter, from.store().options().clone());
    Ok((store.collection(name).await?, renamed))
}

/// The schema that a collection gets in the target.
pub(super) fn schema(from: &Schema) -> Result<Schema> {
    if from.check_names().is_ok() {
        return Ok(from.clone());
    }
    rename(from, None).map(|(schema, ..)| schema)
}

/// The name that a collection had in the storage it was migrated from, if that is another one.
pub(super) fn origin(schema: &Schema) -> Option<&str> {
    schema.metadata().get(ORIGIN)?.as_str()
}

/// The names of attributes: in the source, in the target.
type Pairs = Vec<(String, String)>;

fn rename(schema: &Schema, origin: Option<&str>) -> Result<(Schema, Pairs, Vec<Renamed>)> {
    let mut names = Names::default();
    let mut renamed = Vec::new();
    let mut pairs = Pairs::new();
    let mut metadata = schema.metadata().clone();
    if let Some(origin) = origin {
        metadata.insert(ORIGIN.to_owned(), origin.into());
    }
    let mut builder = Schema::builder(schema.dtype()).metadata(metadata);
    if let Some(fill) = schema.declared_fill_value() {
        builder = builder.fill_value(fill);
    }
    let mut note = |what, from: &str, to: &str| {
        if from != to {
            renamed.push(Renamed {
                what,
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
    };
    let mut dimensions: Vec<Dimension> = Vec::new();
    for dimension in schema.dimensions() {
        let name = names.identifier(&dimension.name, |_| true);
        note("dimension", &dimension.name, &name);
        dimensions.push(Dimension {
            name,
            ..dimension.clone()
        });
    }
    for attribute in schema.attributes() {
        let is_allowed = |name: &str| {
            let alone = AttributeSchema {
                name: name.to_owned(),
                ..attribute.clone()
            };
            Schema::builder(schema.dtype())
                .attribute(alone)
                .build()
                .is_ok()
        };
        let name = names.identifier(&attribute.name, is_allowed);
        note("attribute", &attribute.name, &name);
        pairs.push((attribute.name.clone(), name.clone()));
        builder = builder.attribute(AttributeSchema {
            name,
            ..attribute.clone()
        });
    }
    for mut dimension in dimensions {
        if let Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(start),
            ..
        }) = &mut dimension.coordinates
            && let Some((_, name)) = pairs.iter().find(|(from, _)| from == start)
        {
            start.clone_from(name);
        }
        builder = builder.dimension(dimension);
    }
    if let Some(tiles) = schema.tile_shape() {
        builder = builder.tile_shape(tiles);
    }
    Ok((builder.build()?, pairs, renamed))
}

/// One collection of another adapter, to be read.
#[derive(Debug)]
struct RenamedAdapter {
    inner: Arc<dyn StorageAdapter>,
    from: Arc<CollectionMeta>,
    to: CollectionMeta,
    attributes: Arc<Pairs>,
}

/// An array of it.
#[derive(Debug)]
struct RenamedArray {
    inner: Arc<dyn ArrayHandle>,
    attributes: Arc<Pairs>,
}

/// Attributes under their names in the target.
fn to_target(pairs: &Pairs, attributes: &Attributes) -> Attributes {
    let name = |from: &str| pairs.iter().find(|(known, _)| known == from);
    (attributes.iter())
        .filter_map(|(from, value)| Some((name(from)?.1.clone(), value.clone())))
        .collect()
}

/// Attributes under their names in the source.
fn to_source(pairs: &Pairs, attributes: &Attributes) -> Attributes {
    let name = |to: &str| pairs.iter().find(|(_, known)| known == to);
    (attributes.iter())
        .filter_map(|(to, value)| Some((name(to)?.0.clone(), value.clone())))
        .collect()
}

fn read_only<T>() -> Result<T> {
    Err(Error::unsupported(
        "a collection that is seen under other names can only be read",
    ))
}

#[async_trait]
impl StorageAdapter for RenamedAdapter {
    fn info(&self) -> StoreInfo {
        self.inner.info()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            read_only: true,
            ..self.inner.capabilities()
        }
    }

    fn read_stats(&self) -> ReadStats {
        self.inner.read_stats()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        self.inner.locks()
    }

    async fn create_collection(&self, _collection: &CollectionMeta) -> Result<CollectionMeta> {
        read_only()
    }

    async fn explain(&self, _collection: &CollectionMeta) -> Result<StorageExplanation> {
        self.inner.explain(&self.from).await
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        match name == self.to.name {
            true => Ok(self.to.clone()),
            false => Err(Error::not_found(format!("there is no collection '{name}'"))),
        }
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        Ok(vec![self.to.name.clone()])
    }

    async fn delete_collection(&self, _name: &str, _options: &WriteOptions) -> Result<()> {
        read_only()
    }

    async fn clear_collection(
        &self,
        _collection: &CollectionMeta,
        _options: &WriteOptions,
    ) -> Result<()> {
        read_only()
    }

    async fn create_array(
        &self,
        _collection: &CollectionMeta,
        _array: &ArrayMeta,
        _data: Option<ArrayBuf>,
        _options: &WriteOptions,
    ) -> Result<()> {
        read_only()
    }

    fn list_arrays<'a>(
        &'a self,
        _collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let renamed = |entry: Result<ArrayEntry>| {
            entry.map(|entry| ArrayEntry {
                key: to_target(&self.attributes, &entry.key),
                ..entry
            })
        };
        self.inner.list_arrays(&self.from).map(renamed).boxed()
    }

    async fn open_array(
        &self,
        _collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        let locator = match locator {
            ArrayLocator::Key(key) => ArrayLocator::Key(to_source(&self.attributes, key)),
            ArrayLocator::Id(id) => ArrayLocator::Id(*id),
        };
        Ok(Arc::new(RenamedArray {
            inner: self.inner.open_array(&self.from, &locator).await?,
            attributes: Arc::clone(&self.attributes),
        }))
    }

    async fn delete_array(
        &self,
        _collection: &CollectionMeta,
        _locator: &ArrayLocator,
        _options: &WriteOptions,
    ) -> Result<()> {
        read_only()
    }

    async fn usage(&self, _collection: &CollectionMeta) -> Result<Usage> {
        self.inner.usage(&self.from).await
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        self.inner.check(request, sink).await
    }
}

#[async_trait]
impl ArrayHandle for RenamedArray {
    async fn meta(&self) -> Result<ArrayMeta> {
        let meta = self.inner.meta().await?;
        Ok(ArrayMeta {
            id: meta.id,
            key: to_target(&self.attributes, &meta.key),
            custom: to_target(&self.attributes, &meta.custom),
        })
    }

    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        self.inner.read_into(slab, out).await
    }

    async fn write(
        &self,
        _slab: &Hyperslab,
        _data: WriteData,
        _options: &WriteOptions,
    ) -> Result<()> {
        read_only()
    }

    async fn update_attributes(
        &self,
        _changed: &Attributes,
        _removed: &[String],
        _options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        read_only()
    }

    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan> {
        self.inner.plan(slab).await
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}
