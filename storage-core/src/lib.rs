//! The domain of hyperslab: typed collections of labelled N-d arrays, with no format and no store in sight.
//!
//! - What an array is: [`Schema`], [`Dimension`], [`Coordinates`], [`DType`], [`AttributeSchema`].
//! - What is selected: a [`selection`] becomes a [`Hyperslab`] before any byte is read.
//! - What an adapter promises: [`StorageAdapter`], [`ArrayHandle`], [`LockManager`].
//!
//! Applications use the `hyperslab` crate, which adds the adapters to this one.

mod adapter;
mod attribute;
mod buffer;
mod check;
mod clock;
mod coordinates;
pub mod copy;
mod dtype;
mod element;
mod error;
mod hyperslab;
mod lock;
pub mod name;
mod scalar;
mod schema;
pub mod selection;
mod time;

pub use adapter::{
    ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CollectionMeta, Durability,
    ReadPlan, StorageAdapter, StorageOptions, StoreInfo, Usage, WriteData, WriteOptions,
    WriterScope,
};
pub use attribute::{AttributeSchema, AttributeType, AttributeValue, Attributes, Role};
pub use buffer::{ArrayBuf, byte_count};
pub use check::{CheckLevel, CheckRequest, Finding, FindingKind, FindingSink};
pub use clock::{Clock, CountingIds, IdSource, RandomIds, SystemClock};
pub use coordinates::{CoordinateValue, CoordinateValues, Coordinates, TimeStart};
pub use dtype::DType;
pub use element::Element;
pub use error::{Error, ErrorKind, Result};
pub use hyperslab::{AxisSlab, Hyperslab};
pub use lock::{
    LocalLockManager, LockCapabilities, LockGuard, LockInfo, LockKey, LockManager, LockMode,
    LockRequest, ProcessLockManager,
};
pub use scalar::Scalar;
pub use schema::{DIMENSION_COUNT_MAX, Dimension, Metadata, SCHEMA_VERSION, Schema, SchemaBuilder};
pub use selection::{
    AxisPick, AxisView, Index, LabelSelector, LabelValue, Matching, Selection, Selector, narrow,
};
pub use time::{TimeStep, Timestamp};
