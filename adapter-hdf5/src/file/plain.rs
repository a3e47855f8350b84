//! A file without dimensions, read without the HDF5 library: a text, a number and at most one variable, as h5py and we write them.

use std::borrow::Cow;

use hyperslab_core::DType;

use super::datatype;
use super::fields::Fields;
use super::header::{DATASPACE, DATATYPE, FILL_VALUE, FILTERS, LAYOUT};
use super::index::ChunkLocation;
use super::library::BareNames;
use super::objects::{Message, Metadata, ReadAt};
use super::parse;
use super::reader::{StoredVariable, VariableCells};
use crate::chunk::{ChunkGrid, CodecChain, Filter, chain_of, part_shape};

/// An address of nothing.
const UNDEFINED: u64 = u64::MAX;

/// More chunks than this are left to the library.
const CHUNK_COUNT_MAX: u64 = 1 << 21;

/// What such a file holds. What it does not have is `None`.
#[derive(Debug, PartialEq)]
pub(crate) struct Plain {
    pub(super) text: Option<String>,
    pub(super) number: Option<i64>,
    /// The variable, and the cell that stands for those never written.
    pub(super) variable: Option<(StoredVariable, Vec<u8>)>,
}

/// Reads a file of this length; `None` when only the library can.
pub(crate) fn read(read_at: ReadAt<'_>, length: u64, names: BareNames) -> Option<Plain> {
    let metadata = Metadata::new(read_at, length)?;
    let members = metadata.members(metadata.root()?)?;
    let object = |name: &str| members.iter().find(|(known, _)| known == name);
    let messages = |name: &str| match object(name) {
        Some((_, address)) => metadata.messages(*address).map(Some),
        None => Some(None),
    };
    let text = match messages(names.text)? {
        Some(messages) => Some(text(&metadata, &messages)?),
        None => None,
    };
    let number = match messages(names.number)? {
        Some(messages) => Some(number(&metadata, &messages)?),
        None => None,
    };
    let variable = match messages(names.variable)? {
        Some(messages) => Some(variable(&metadata, &messages)?),
        None => None,
    };
    Some(Plain {
        text,
        number,
        variable,
    })
}

/// The same of a file that is in memory.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn parse(bytes: &[u8], names: BareNames) -> Option<Plain> {
    let read_at = |address, out: &mut [u8]| {
        let address = crate::index(address);
        out.copy_from_slice(bytes.get(address..address.checked_add(out.len())?)?);
        Some(())
    };
    read(&read_at, bytes.len() as u64, names)
}

fn find(messages: &[Message], kind: u8) -> Option<Fields<'_>> {
    let message = messages.iter().find(|message| message.kind == kind)?;
    Some(Fields(&message.body))
}

/// The bytes of an object of one cell.
fn scalar(metadata: &Metadata<'_>, messages: &[Message]) -> Option<Vec<u8>> {
    if !shape(find(messages, DATASPACE)?)?.is_empty() || find(messages, FILTERS).is_some() {
        return None;
    }
    let mut layout = find(messages, LAYOUT)?;
    match layout.take(2)? {
        [3 | 4, 0] => {
            let size = layout.size(2)?;
            Some(layout.take(size)?.to_vec())
        }
        [3 | 4, 1] => {
            let (address, size) = (layout.uint(8)?, layout.uint(8)?);
            metadata.bytes(address, size)
        }
        _ => None,
    }
}

fn text(metadata: &Metadata<'_>, messages: &[Message]) -> Option<String> {
    let mut kind = find(messages, DATATYPE)?;
    // Version 1, text of a fixed size.
    if kind.u8()? != 0x13 {
        return None;
    }
    kind.take(3)?;
    let size = kind.size(4)?;
    let bytes = scalar(metadata, messages)?;
    let text = std::str::from_utf8(bytes.get(..size)?).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

fn number(metadata: &Metadata<'_>, messages: &[Message]) -> Option<i64> {
    if dtype(find(messages, DATATYPE)?)? != DType::Int64 {
        return None;
    }
    let bytes = scalar(metadata, messages)?;
    Some(i64::from_le_bytes(*bytes.first_chunk()?))
}

fn dtype(kind: Fields<'_>) -> Option<DType> {
    let bytes = kind.0;
    // Messages of the first version are filled up to a multiple of 8 bytes.
    let is_it = |dtype: &DType| {
        let known = datatype::number(*dtype);
        let rest = bytes.strip_prefix(known.as_slice());
        rest.is_some_and(|rest| rest.len() < 8 && rest.iter().all(|byte| *byte == 0))
    };
    let mut known = DType::ALL.into_iter().filter(|dtype| *dtype != DType::Bool);
    known.find(is_it)
}

fn shape(mut space: Fields<'_>) -> Option<Vec<u64>> {
    let (version, rank, flags) = (space.u8()?, space.u8()?, space.u8()?);
    match version {
        1 => {
            space.take(5)?;
        }
        2 if space.u8()? <= 1 => {}
        _ => return None,
    }
    if flags > 1 {
        return None;
    }
    (0..rank).map(|_| space.uint(8)).collect()
}

fn variable(metadata: &Metadata<'_>, messages: &[Message]) -> Option<(StoredVariable, Vec<u8>)> {
    let dtype = dtype(find(messages, DATATYPE)?)?;
    let shape = shape(find(messages, DATASPACE)?)?;
    let codecs = match find(messages, FILTERS) {
        Some(body) => chain_of(&filters(body)?)?,
        None => CodecChain::default(),
    };
    let mut layout = find(messages, LAYOUT)?;
    let cells = match layout.take(2)? {
        [3 | 4, 1] if codecs.codecs().is_empty() => contiguous(layout, &shape, dtype)?,
        [3, 2] => chunked(metadata, layout, &shape, dtype, codecs)?,
        [4, 2] => {
            let index = |address, most| metadata.bytes_up_to(address, most).map(Cow::Owned);
            parse::chunked(index, layout, &shape, dtype, codecs)?
        }
        _ => return None,
    };
    let fill = fill(find(messages, FILL_VALUE), dtype)?;
    let variable = StoredVariable {
        dtype,
        shape,
        attributes: Vec::new(),
        cells,
        swapped: 0,
    };
    Some((variable, fill))
}

fn contiguous(mut layout: Fields<'_>, shape: &[u64], dtype: DType) -> Option<VariableCells> {
    let (address, size) = (layout.uint(8)?, layout.uint(8)?);
    let bytes = hyperslab_core::box_bytes(shape, dtype.size());
    if address == UNDEFINED || size != bytes || size == 0 {
        return None;
    }
    Some(VariableCells::Contiguous {
        parts: ChunkGrid::new(shape, &part_shape(shape, dtype.size() as u64)),
        address,
    })
}

/// Chunks in a tree of version 1.
fn chunked(
    metadata: &Metadata<'_>,
    mut layout: Fields<'_>,
    shape: &[u64],
    dtype: DType,
    codecs: CodecChain,
) -> Option<VariableCells> {
    let rank = u64::from(layout.u8()?);
    let tree = layout.uint(8)?;
    let chunk_shape: Vec<u64> = (1..rank)
        .map(|_| layout.uint(4).filter(|&length| length > 0))
        .collect::<Option<_>>()?;
    if layout.size(4)? != dtype.size() || chunk_shape.len() != shape.len() {
        return None;
    }
    let grid = ChunkGrid::new(shape, &chunk_shape);
    if grid.chunk_count() > CHUNK_COUNT_MAX {
        return None;
    }
    let mut chunks = vec![ChunkLocation::ABSENT; crate::index(grid.chunk_count())];
    let leaves = match tree {
        UNDEFINED => Vec::new(),
        tree => metadata.leaves(tree, 1, 8 + 8 * rank)?,
    };
    for (key, address) in leaves {
        let mut key = Fields(&key);
        let (size, mask) = (key.uint(4)?, key.u32()?);
        let offset: Vec<u64> = (1..rank).map(|_| key.uint(8)).collect::<Option<_>>()?;
        let slot = chunks.get_mut(crate::index(grid.chunk_at(&offset)?))?;
        *slot = ChunkLocation {
            address,
            size,
            mask,
        };
    }
    Some(VariableCells::Chunked {
        grid,
        codecs,
        chunks,
    })
}

fn filters(mut body: Fields<'_>) -> Option<Vec<Filter>> {
    let version = body.u8()?;
    let count = body.u8()?;
    if version == 1 {
        body.take(6)?;
    }
    (0..count)
        .map(|_| {
            let id = u16::try_from(body.uint(2)?).ok()?;
            let name = if version == 1 || id >= 256 {
                body.size(2)?
            } else {
                0
            };
            let flags = u16::try_from(body.uint(2)?).ok()?;
            let values = body.size(2)?;
            let room = if version == 1 {
                name.next_multiple_of(8)
            } else {
                name
            };
            body.take(room)?;
            let list = (0..values).map(|_| body.u32()).collect::<Option<_>>()?;
            if version == 1 && values % 2 == 1 {
                body.take(4)?;
            }
            Some(Filter {
                id,
                flags,
                values: list,
            })
        })
        .collect()
}

/// The cell that stands for those never written.
fn fill(body: Option<Fields<'_>>, dtype: DType) -> Option<Vec<u8>> {
    let zeros = vec![0; dtype.size()];
    let Some(mut body) = body else {
        return Some(zeros);
    };
    let size = match body.u8()? {
        1 | 2 => {
            body.take(2)?;
            if body.u8()? == 0 { 0 } else { body.size(4)? }
        }
        3 => {
            if body.u8()? & 0x20 == 0 {
                0
            } else {
                body.size(4)?
            }
        }
        _ => return None,
    };
    match size {
        0 => Some(zeros),
        size if size == dtype.size() => Some(body.take(size)?.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
