//! Storages of Deker, opened in place: a second layout of HDF5 files.
//!
//! A collection is a folder with a JSON document; each array is an HDF5 file that its id leads to, with a link that its key leads
//! to; an array of tiles is a JSON document, and its tiles are arrays. Deker reads and changes what is written here, at the same
//! time if it wants to.
//!
//! - `schema`, `types`, `attributes`, `text`, `json`, `storage`: what Deker says of a collection and an array, in its spelling.
//! - `fit`: what fits into an attribute.
//! - `folders`: where files and links are.
//! - `file`, `content`, `empty`: an array file, read and written.
//! - `guard`: how Deker and we keep out of each other's way.
//! - `store`, `adapter`, `array`: the contracts of the core on top of that.

mod adapter;
mod array;
mod attributes;
mod check;
mod content;
mod empty;
mod file;
mod fit;
mod folders;
mod guard;
mod json;
mod locks;
mod schema;
mod storage;
mod store;
mod text;
mod types;

pub use adapter::DekerAdapter;
