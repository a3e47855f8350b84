//! Where the cells of a variable lie, as the library tells it.
#![expect(
    unsafe_code,
    reason = "some calls of the HDF5 library have no safe form"
)]

use hdf5::dataset::Layout;
use hdf5::{Dataset, Datatype};
use hdf5_sys::{h5d, h5p, h5z};
use hyperslab_core::DType;
use hyperslab_engine::codec::{Codec, CodecChain};

use super::order::{ByteOrder, byte_order};
use crate::chunk::{ChunkGrid, Filter, chain_of, part_shape};
use crate::file::index::ChunkLocation;
use crate::file::reader::VariableCells;
use crate::index;

/// More chunks than this are read through the library, without an index in memory.
const CHUNK_COUNT_MAX: u64 = 1 << 21;

/// What a file says of cells that are not there.
const ADDRESS_UNDEFINED: u64 = u64::MAX;

/// Where the cells of a variable are, and how those are that lie as they are.
#[derive(Debug)]
pub(super) struct Layouted {
    pub(super) cells: VariableCells,
    /// Bytes of the numbers that are stored in the other order and turned by no codec; 0 for none.
    pub(super) swapped: u32,
}

impl Layouted {
    /// Only the library reads them.
    pub(super) const LIBRARY: Self = Self {
        cells: VariableCells::Library,
        swapped: 0,
    };

    /// They are in other files.
    pub(super) const ELSEWHERE: Self = Self {
        cells: VariableCells::Elsewhere,
        swapped: 0,
    };
}

/// Finds out where the cells of a variable are. Its file begins at its first byte.
pub(super) fn layout(
    dataset: &Dataset,
    kind: &Datatype,
    shape: &[u64],
    dtype: DType,
) -> hdf5::Result<Layouted> {
    let Some(order) = byte_order(kind, dtype) else {
        return Ok(Layouted::LIBRARY);
    };
    match dataset.layout() {
        Layout::Contiguous => contiguous(dataset, shape, dtype, order),
        Layout::Chunked => chunked(dataset, shape, order),
        _ => Ok(Layouted::LIBRARY),
    }
}

fn contiguous(
    dataset: &Dataset,
    shape: &[u64],
    dtype: DType,
    order: ByteOrder,
) -> hdf5::Result<Layouted> {
    let (address, stored) = hdf5::sync::sync(|| {
        // SAFETY: the handle is alive, and the calls only look at it.
        unsafe {
            (
                h5d::H5Dget_offset(dataset.id()),
                h5d::H5Dget_storage_size(dataset.id()),
            )
        }
    });
    let count = shape
        .iter()
        .try_fold(dtype.size() as u64, |bytes, &length| {
            bytes.checked_mul(length)
        });
    let is_here = dataset.create_plist()?.get_external()?.is_empty();
    if !is_here || address == ADDRESS_UNDEFINED || count != Some(stored) || stored == 0 {
        return Ok(Layouted::LIBRARY);
    }
    Ok(Layouted {
        cells: VariableCells::Contiguous {
            parts: ChunkGrid::new(shape, &part_shape(shape, dtype.size() as u64)),
            address,
        },
        swapped: match order {
            ByteOrder::Native => 0,
            ByteOrder::Swapped(number_size) => number_size,
        },
    })
}

fn chunked(dataset: &Dataset, shape: &[u64], order: ByteOrder) -> hdf5::Result<Layouted> {
    let chunk_shape = dataset.chunk().unwrap_or_default();
    let chunk_shape: Vec<u64> = chunk_shape.iter().map(|&length| length as u64).collect();
    let grid = ChunkGrid::new(shape, &chunk_shape);
    let readable = chunk_shape.len() == shape.len()
        && !chunk_shape.contains(&0)
        && grid.chunk_count() <= CHUNK_COUNT_MAX
        && !has_bare_edges(dataset)?;
    let (Some(codecs), true) = (chain_of(&filters(dataset)?), readable) else {
        return Ok(Layouted::LIBRARY);
    };
    let Some(chunks) = chunks(dataset, &grid)? else {
        return Ok(Layouted::LIBRARY);
    };
    let (codecs, swapped) = in_order(codecs, order);
    let shifted = u32::from(swapped == 0 && order != ByteOrder::Native);
    let cells = VariableCells::Chunked {
        grid,
        codecs,
        chunks: chunks
            .into_iter()
            .map(|chunk| ChunkLocation {
                mask: chunk.mask << shifted,
                ..chunk
            })
            .collect(),
    };
    Ok(Layouted { cells, swapped })
}

/// Puts the other order of bytes in front of codecs; cells that go through none are turned where they are wanted.
fn in_order(codecs: CodecChain, order: ByteOrder) -> (CodecChain, u32) {
    match order {
        ByteOrder::Native => (codecs, 0),
        ByteOrder::Swapped(number_size) if codecs.is_raw() => (codecs, number_size),
        ByteOrder::Swapped(number_size) => {
            let mut swapped = vec![Codec::Swap { number_size }];
            swapped.extend_from_slice(codecs.codecs());
            (CodecChain::new(swapped), 0)
        }
    }
}

/// The chunk index; `None` when it names a chunk that cannot be.
fn chunks(dataset: &Dataset, grid: &ChunkGrid) -> hdf5::Result<Option<Vec<ChunkLocation>>> {
    let mut chunks = vec![ChunkLocation::ABSENT; index(grid.chunk_count())];
    let mut strange = false;
    dataset.chunks_visit(|chunk| {
        let slot = grid
            .chunk_at(chunk.offset)
            .and_then(|number| chunks.get_mut(index(number)));
        match slot {
            Some(slot) => {
                *slot = ChunkLocation {
                    address: chunk.addr,
                    size: chunk.size,
                    mask: chunk.filter_mask,
                };
            }
            None => strange = true,
        }
        0
    })?;
    Ok((!strange).then_some(chunks))
}

/// Whether chunks that reach over the edge are left unfiltered, which their masks do not say.
fn has_bare_edges(dataset: &Dataset) -> hdf5::Result<bool> {
    let plist = dataset.create_plist()?;
    let mut options = 0;
    // SAFETY: the handle is alive, and the call writes one number.
    let status =
        hdf5::sync::sync(|| unsafe { h5p::H5Pget_chunk_opts(plist.id(), &raw mut options) });
    Ok(status < 0 || options != 0)
}

/// The cell that stands for those never written, in the order of memory; zeros when the file does not say.
pub(super) fn fill(dataset: &Dataset, kind: &Datatype, dtype: DType) -> hdf5::Result<Vec<u8>> {
    let zeros = vec![0; dtype.size()];
    let (Some(order), true) = (byte_order(kind, dtype), kind.size() == dtype.size()) else {
        return Ok(zeros);
    };
    let plist = dataset.create_plist()?;
    let mut cell = zeros.clone();
    let mut defined = h5d::H5D_fill_value_t::H5D_FILL_VALUE_UNDEFINED;
    let mut time = h5d::H5D_fill_time_t::H5D_FILL_TIME_NEVER;
    // SAFETY: the handles are alive, each call writes one value, and `cell` has the size of the type, as was just checked.
    let status = hdf5::sync::sync(|| unsafe {
        h5p::H5Pfill_value_defined(plist.id(), &raw mut defined)
            | h5p::H5Pget_fill_time(plist.id(), &raw mut time)
            | h5p::H5Pget_fill_value(plist.id(), kind.id(), cell.as_mut_ptr().cast())
    });
    if status < 0
        || defined == h5d::H5D_fill_value_t::H5D_FILL_VALUE_UNDEFINED
        || time == h5d::H5D_fill_time_t::H5D_FILL_TIME_NEVER
    {
        return Ok(zeros);
    }
    if let ByteOrder::Swapped(number_size) = order {
        cell.chunks_exact_mut(number_size as usize)
            .for_each(<[u8]>::reverse);
    }
    Ok(cell)
}

pub(super) fn filters(dataset: &Dataset) -> hdf5::Result<Vec<Filter>> {
    let plist = dataset.create_plist()?;
    hdf5::sync::sync(|| {
        // SAFETY: the handle is alive; each call writes at most as many values as `count` says there is room for.
        unsafe {
            let number = h5p::H5Pget_nfilters(plist.id());
            (0..u32::try_from(number).map_err(|_| "the filters cannot be read")?)
                .map(|index| {
                    let mut values = [0_u32; 64];
                    let (mut count, mut flags, mut config) = (values.len(), 0, 0);
                    let id = h5p::H5Pget_filter2(
                        plist.id(),
                        index,
                        &raw mut flags,
                        &raw mut count,
                        values.as_mut_ptr(),
                        0,
                        std::ptr::null_mut(),
                        &raw mut config,
                    );
                    Ok(Filter {
                        id: u16::try_from(id).map_err(|_| "a filter cannot be read")?,
                        flags: u16::try_from(flags).unwrap_or(0),
                        values: values[..count.min(values.len())].to_vec(),
                    })
                })
                .collect()
        }
    })
}

/// The first filter that the library does not have.
pub(super) fn missing_filter(dataset: &Dataset) -> hdf5::Result<Option<u16>> {
    let available = |filter: &Filter| {
        // SAFETY: the call looks up a number.
        hdf5::sync::sync(|| unsafe { h5z::H5Zfilter_avail(i32::from(filter.id)) }) > 0
    };
    let filters = filters(dataset)?;
    let missing = filters.iter().find(|filter| !available(filter));
    Ok(missing.map(|filter| filter.id))
}
