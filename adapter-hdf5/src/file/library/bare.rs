//! A file without dimensions: a text, a number and at most one variable.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Dataset, H5Type};
use hyperslab_core::{Error, Result};

use super::{damaged, guard, holds_its_cells, open};
use crate::cache::FileIdentity;
use crate::file::plain;
use crate::file::reader::{ArrayFile, changed};
use crate::worker;

/// The longest text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// How the parts of such a file are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BareNames {
    pub(crate) text: &'static str,
    pub(crate) number: &'static str,
    pub(crate) variable: &'static str,
}

/// What such a file holds. What it does not have is `None`.
#[derive(Debug)]
pub(crate) struct BareFile {
    pub(crate) text: Option<String>,
    pub(crate) number: Option<i64>,
    pub(crate) cells: Option<ArrayFile>,
}

impl BareFile {
    /// Opens a file that was of this identity before.
    ///
    /// # Errors
    /// `Conflict` when it is another one by now; `Corrupt`; `Unsupported` for a variable whose cells are no numbers, or in
    /// other files.
    pub(crate) fn open(path: &Path, identity: FileIdentity, names: BareNames) -> Result<Self> {
        match Self::open_plain(path, identity, names)? {
            Some(opened) => Ok(opened),
            None => Self::open_by_library(path, identity, names),
        }
    }

    /// The same without the library; `None` when only that can read the file.
    ///
    /// # Errors
    /// `Conflict` when it is another one by now; `NotFound`, `Denied`; `Corrupt`.
    pub(crate) fn open_plain(
        path: &Path,
        identity: FileIdentity,
        names: BareNames,
    ) -> Result<Option<Self>> {
        let fail = |source| Error::io("open", path.display(), source);
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if FileIdentity::of(&metadata) != identity {
            return Err(changed(path));
        }
        let read_at = |address, bytes: &mut [u8]| file.read_exact_at(bytes, address).ok();
        let Some(found) = plain::read(&read_at, metadata.len(), names) else {
            return Ok(None);
        };
        let cells = found.variable.map(|found| {
            let name = names.variable.to_owned();
            ArrayFile::of_file(path, (file, identity), name, found)
        });
        Ok(Some(Self {
            text: found.text,
            number: found.number,
            cells: cells.transpose()?,
        }))
    }

    pub(crate) fn open_by_library(
        path: &Path,
        identity: FileIdentity,
        names: BareNames,
    ) -> Result<Self> {
        let path = path.to_owned();
        worker::run(move || {
            let file = open(&path)?;
            let fail = |error| damaged(&path, error);
            let names_in = file.member_names().map_err(fail)?;
            let dataset = |name: &str| match names_in.iter().any(|known| known == name) {
                true => file.dataset(name).map(Some).map_err(fail),
                false => Ok(None),
            };
            let text = match dataset(names.text)? {
                Some(found) => {
                    if is_in_heap(&found).map_err(fail)? {
                        guard::check_heaps(&path)?;
                    }
                    Some(text_of(&found).map_err(fail)?)
                }
                None => None,
            };
            let number = dataset(names.number)?.map(|found| found.read_scalar::<i64>());
            let cells = match dataset(names.variable)? {
                Some(found) if !holds_its_cells(&found).map_err(fail)? => {
                    return Err(Error::unsupported(format!(
                        "{}: variable '{}' takes its cells from other files, which nobody vouches for; put them into this one",
                        path.display(),
                        names.variable
                    )));
                }
                Some(found) => Some(ArrayFile::of_dataset(&path, identity, &found)?),
                None => None,
            };
            Ok(Self {
                text,
                number: number.transpose().map_err(fail)?,
                cells,
            })
        })
    }
}

/// Whether a text lies in a heap, which a damaged file makes endless.
fn is_in_heap(dataset: &Dataset) -> hdf5::Result<bool> {
    let kind = dataset.dtype()?.to_descriptor()?;
    Ok(matches!(
        kind,
        TypeDescriptor::VarLenAscii | TypeDescriptor::VarLenUnicode
    ))
}

/// The one text that a variable holds.
fn text_of(dataset: &Dataset) -> hdf5::Result<String> {
    match dataset.dtype()?.to_descriptor()? {
        TypeDescriptor::VarLenAscii => {
            scalar::<VarLenAscii>(dataset, |text| match text.as_ptr().is_null() {
                true => Vec::new(),
                false => text.as_bytes().to_vec(),
            })
        }
        TypeDescriptor::VarLenUnicode => {
            scalar::<VarLenUnicode>(dataset, |text| match text.as_ptr().is_null() {
                true => Vec::new(),
                false => text.as_bytes().to_vec(),
            })
        }
        TypeDescriptor::FixedAscii(length) => match length {
            0..=256 => scalar::<FixedAscii<256>>(dataset, |text| text.as_bytes().to_vec()),
            257..=4096 => scalar::<FixedAscii<4096>>(dataset, |text| text.as_bytes().to_vec()),
            4097..=65_536 => scalar::<FixedAscii<65_536>>(dataset, |text| text.as_bytes().to_vec()),
            65_537..=TEXT_BYTES_MAX => {
                scalar::<FixedAscii<TEXT_BYTES_MAX>>(dataset, |text| text.as_bytes().to_vec())
            }
            _ => Err("the text is longer than 1 MiB".into()),
        },
        TypeDescriptor::FixedUnicode(length) => match length {
            0..=4096 => scalar::<FixedUnicode<4096>>(dataset, |text| text.as_bytes().to_vec()),
            4097..=TEXT_BYTES_MAX => {
                scalar::<FixedUnicode<TEXT_BYTES_MAX>>(dataset, |text| text.as_bytes().to_vec())
            }
            _ => Err("the text is longer than 1 MiB".into()),
        },
        _ => Err("it is no text".into()),
    }
}

/// Reads one value; it is large, so it does not lie on the stack.
fn scalar<T: H5Type>(dataset: &Dataset, bytes: impl Fn(&T) -> Vec<u8>) -> hdf5::Result<String> {
    let values = dataset.read_raw::<T>()?;
    let only = values.first().ok_or("there is no text")?;
    let text = String::from_utf8(bytes(only)).map_err(|_| "the text is not UTF-8")?;
    Ok(text.trim_end_matches('\0').to_owned())
}
