//! The domain of hyperslab: typed collections of labelled N-d arrays, with no format and no store in sight.
//!
//! - What an array is: [`Schema`], [`Dimension`], [`Coordinates`], [`DType`], [`AttributeSchema`].
//! - What is selected: a [`selection`] becomes a [`Hyperslab`] before any byte is read.
//! - What an adapter promises: [`StorageAdapter`], [`ArrayHandle`], [`LockManager`].
//!
//! Applications use the `hyperslab` crate, which adds the adapters to this one.

mod adapter;
mod array;
mod attribute;
mod blocking;
mod buffer;
mod check;
pub mod chunk;
mod clock;
mod collection;
mod coordinates;
pub mod copy;
mod dtype;
mod element;
mod error;
mod explanation;
mod filter;
mod hyperslab;
mod lock;
mod memory;
mod memory_limit;
pub mod name;
mod overlap;
mod pace;
mod scalar;
mod schema;
pub mod selection;
mod stem;
mod store;
mod subset;
mod time;

pub use adapter::{
    ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CollectionMeta, Durability,
    ReadPlan, ReadStats, StorageAdapter, StorageOptions, StoreInfo, Usage, WriteData, WriteOptions,
    WriterScope,
};
pub use array::Array;
pub use attribute::{AttributeSchema, AttributeType, AttributeValue, Attributes, Role};
pub use blocking::{Begun, blocking};
pub use buffer::{ArrayBuf, are_all, byte_count, fill_cells, use_huge_pages};
pub use check::{CheckLevel, CheckRequest, Finding, FindingKind, FindingSink};
pub use clock::{Clock, CountingIds, IdSource, RandomIds, SystemClock};
pub use collection::{Collection, CollectionDocument, NewArray, Query};
pub use coordinates::{CoordinateValue, CoordinateValues, Coordinates, TimeStart};
pub use dtype::DType;
pub use element::Element;
pub use error::{Error, ErrorKind, Result, without_secrets};
pub use explanation::{StorageExplanation, box_bytes};
pub use filter::{Comparison, Filter, ID_ATTRIBUTE, IntoFilter};
pub use hyperslab::{AxisSlab, Hyperslab};
pub use lock::{
    LeasedLocks, LocalLockManager, LockCapabilities, LockGuard, LockInfo, LockKey, LockManager,
    LockMode, LockQueues, LockRequest, LockSeat, ProcessLockManager,
};
pub use memory::MemoryAdapter;
pub use memory_limit::{MemoryCheck, MemoryLimit, memory_of_machine};
pub use pace::Pace;
pub use scalar::Scalar;
pub use schema::{DIMENSION_COUNT_MAX, Dimension, Metadata, SCHEMA_VERSION, Schema, SchemaBuilder};
pub use selection::{
    AxisPick, AxisView, Index, LabelSelector, LabelValue, Matching, Selection, Selector, narrow,
};
pub use stem::{ParsedStem, parse_stem, stem};
pub use store::{Store, StoreOptions};
pub use subset::{Description, DimensionDescription, Subset, SubsetWindows};
pub use time::{TimeStep, Timestamp};
