//! Blobs: opaque, immutable byte objects, kept beside the arrays of a store and never instead of their chunks.
//!
//! A blob has no name, only a key that its repository gives it; names, media types and provenance are the business of whoever
//! keeps the key. The calls block, as files and hashes do; whoever is asynchronous moves them to a thread that may wait.
//!
//! - [`BlobRepository`] is the contract of every repository, [`Blobs`] what is convenient on top of it.
//! - [`BlobKey`] is a key that was checked: no path can be made of anything else.
//! - [`MemoryBlobs`] is the model that all others are held to; [`SandboxBlobs`] is a temporary folder; [`ContainerBlobs`] is a
//!   container of AiiDA, [`BucketBlobs`] lies in any object store, [`ArchiveBlobs`] what AiiDA exports, [`LayeredBlobs`] two of any as one.

mod archive;
mod bucket;
mod care;
mod collecting;
mod container;
mod convenience;
mod extent;
mod files;
mod hashing;
mod key;
mod layered;
mod memory;
mod reader;
mod repository;
mod sandbox;
mod transfer;
mod verified;
mod visiting;

pub use archive::ArchiveBlobs;
pub use bucket::{BucketBlobs, bucket_error};
pub use care::{
    BlobFault, BlobFinding, MaintainPlan, MaintainReport, UNWATCHED, VerifyReport, Watch,
};
pub use collecting::{CollectPlan, CollectReport, Named};
pub use container::{
    BackupReport, CleanOptions, CleanReport, Compress, Compression, ContainerBlobs,
    ContainerOptions, PackOptions, PackReport, RepackOptions, RepackReport,
};
pub use convenience::Blobs;
pub use hashing::Sha256Digest;
pub use key::{BlobKey, KeyFormat, KeyText};
pub use layered::LayeredBlobs;
pub use memory::MemoryBlobs;
pub use reader::BlobReader;
pub use repository::{
    BlobInfo, BlobKeys, BlobRepository, BlobStat, BlobUsage, Missing, Order, Placement, Put,
    Sources, Visit,
};
pub use sandbox::SandboxBlobs;
pub use transfer::{TransferReport, transfer};
pub use verified::Verification;
