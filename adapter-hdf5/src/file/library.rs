//! Reads what other programs have written, through the HDF5 library on its worker thread.
#![expect(
    unsafe_code,
    reason = "some calls of the HDF5 library have no safe form"
)]

mod attributes;
mod bare;
mod guard;
mod layout;
mod order;

use std::path::{Path, PathBuf};

use hdf5::dataset::Layout;
use hdf5::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataset, Datatype};
use hdf5_sys::{h5d, h5p, h5s, h5t};
use hyperslab_core::{DType, Error, Hyperslab, Result};

pub(crate) use self::bare::{BareFile, BareNames};
pub(crate) use self::order::holds_all;
use super::reader::{FileHeader, StoredVariable};
use crate::{index, worker};

/// An error of the library about a file.
pub(crate) fn damaged(path: &Path, error: hdf5::Error) -> Error {
    Error::corrupt(format!(
        "{} cannot be read as HDF5: {error}; run `check`, or restore the file from a copy",
        path.display()
    ))
    .with_source(error)
}

/// Opens a file for reading, without locks: nobody changes a published file.
pub(crate) fn open(path: &Path) -> Result<hdf5::File> {
    hdf5::FileBuilder::new()
        .with_fapl(|access| access.file_locking(false))
        .open(path)
        .map_err(|error| damaged(path, error))
}

/// What is said of a variable whose cells are in files that it only names.
pub(super) fn names_others(path: &Path, variable: &str) -> Error {
    Error::unsupported(format!(
        "{}: variable '{variable}' takes its cells from other files, which nobody vouches for; put them into this one",
        path.display()
    ))
}

/// Reads the attributes of the file and of one variable, and where its cells are.
pub(super) fn read_header(path: &Path, variable: &str) -> Result<FileHeader> {
    guard::check_heaps(path)?;
    let (path, variable) = (path.to_owned(), variable.to_owned());
    worker::run(move || {
        let fail = |error| damaged(&path, error);
        let file = open(&path)?;
        let dataset = file.dataset(&variable).map_err(|error| {
            Error::corrupt(format!(
                "{} has no variable '{variable}'; restore the file from a copy",
                path.display()
            ))
            .with_source(error)
        })?;
        // Whether tiles are what it names is known to those who ask for them.
        let is_virtual = dataset.layout() == Layout::Virtual;
        if !is_virtual && !holds_its_cells(&dataset).map_err(fail)? {
            return Err(names_others(&path, &variable));
        }
        let kind = dataset.dtype().map_err(fail)?;
        let dtype = dtype_of(&kind).ok_or_else(|| {
            Error::unsupported(format!(
                "{}: the type of variable '{variable}' is not one of a cell",
                path.display()
            ))
        })?;
        let shape: Vec<u64> = (dataset.get_shape().map_err(fail)?.iter())
            .map(|&length| length as u64)
            .collect();
        let found = if is_virtual {
            layout::Layouted::ELSEWHERE
        } else if file.userblock() == 0 {
            layout::layout(&dataset, &kind, &shape, dtype).map_err(fail)?
        } else {
            layout::Layouted::LIBRARY
        };
        Ok(FileHeader {
            attributes: attributes::of(&file).map_err(fail)?,
            variable: StoredVariable {
                dtype,
                attributes: attributes::of(&dataset).map_err(fail)?,
                cells: found.cells,
                swapped: found.swapped,
                shape,
            },
        })
    })
}

/// Where the cells of a variable of another program's file are, and the cell that stands for those never written; `None` for what
/// is not made of numbers. The file begins at its first byte.
pub(super) fn cells_of(dataset: &Dataset) -> hdf5::Result<Option<(StoredVariable, Vec<u8>)>> {
    let kind = dataset.dtype()?;
    let Some(dtype) = dtype_of(&kind) else {
        return Ok(None);
    };
    let shape: Vec<u64> = dataset.get_shape()?.iter().map(|&n| n as u64).collect();
    let found = layout::layout(dataset, &kind, &shape, dtype)?;
    let variable = StoredVariable {
        dtype,
        shape,
        attributes: Vec::new(),
        cells: found.cells,
        swapped: found.swapped,
    };
    Ok(Some((variable, layout::fill(dataset, &kind, dtype)?)))
}

/// Whether the cells are in the file itself, and not in files that it only names.
fn holds_its_cells(dataset: &Dataset) -> hdf5::Result<bool> {
    let created = dataset.create_plist()?;
    Ok(dataset.layout() != Layout::Virtual && created.get_external()?.is_empty())
}

/// Reads the cells of a hyperslab as native bytes in C order.
pub(super) fn read_cells(
    path: PathBuf,
    variable: String,
    slab: Hyperslab,
    dtype: DType,
) -> Result<Vec<u8>> {
    worker::run(move || {
        let fail = |error| damaged(&path, error);
        let file = open(&path)?;
        let dataset = file.dataset(&variable).map_err(fail)?;
        let kind = dataset.dtype().map_err(fail)?;
        let memory = native(&kind, dtype).map_err(fail)?;
        let missing = layout::missing_filter(&dataset).map_err(fail)?;
        if let Some(id) = missing {
            return Err(Error::unsupported(format!(
                "{} is compressed with filter {id}, which this program does not have; write it again with gzip",
                path.display()
            )));
        }
        let size = hyperslab_core::byte_count(dtype, &slab.shape())?;
        let mut bytes = vec![0; size];
        hdf5::sync::sync(|| select_and_read(&dataset, &memory, &slab, &mut bytes)).map_err(fail)?;
        Ok(bytes)
    })
}

fn select_and_read(
    dataset: &Dataset,
    memory: &Datatype,
    slab: &Hyperslab,
    bytes: &mut [u8],
) -> hdf5::Result<()> {
    let space = dataset.space()?;
    let axes = slab.axes();
    let start: Vec<u64> = axes.iter().map(|axis| axis.start).collect();
    let stride: Vec<u64> = axes.iter().map(|axis| axis.stride).collect();
    let count = slab.shape();
    if space.ndim() != axes.len() || memory.size() * index(slab.cell_count()) != bytes.len() {
        return Err("the variable has changed its shape".into());
    }
    // SAFETY: the handles are alive, each array has one item per axis, and `bytes` has room for the selected cells of
    // type `memory`, as was just checked.
    let status = unsafe {
        if axes.is_empty() {
            h5d::H5Dread(
                dataset.id(),
                memory.id(),
                h5s::H5S_ALL,
                h5s::H5S_ALL,
                h5p::H5P_DEFAULT,
                bytes.as_mut_ptr().cast(),
            )
        } else {
            let selected = h5s::H5Sselect_hyperslab(
                space.id(),
                h5s::H5S_seloper_t::H5S_SELECT_SET,
                start.as_ptr(),
                stride.as_ptr(),
                count.as_ptr(),
                std::ptr::null(),
            );
            let rank = i32::try_from(axes.len()).unwrap_or(0);
            let target = h5s::H5Screate_simple(rank, count.as_ptr(), std::ptr::null());
            if selected < 0 || target < 0 {
                return Err(hdf5::Error::query().unwrap_or_else(|_| "selection failed".into()));
            }
            let status = h5d::H5Dread(
                dataset.id(),
                memory.id(),
                target,
                space.id(),
                h5p::H5P_DEFAULT,
                bytes.as_mut_ptr().cast(),
            );
            h5s::H5Sclose(target);
            status
        }
    };
    if status < 0 {
        return Err(hdf5::Error::query().unwrap_or_else(|_| "the cells cannot be read".into()));
    }
    Ok(())
}

/// The element type that a datatype of the file is; `bool` is `uint8`.
pub(crate) fn dtype_of(kind: &Datatype) -> Option<DType> {
    if is_half(kind) {
        return Some(DType::Float16);
    }
    Some(match kind.to_descriptor().ok()? {
        TypeDescriptor::Integer(size) => match size {
            IntSize::U1 => DType::Int8,
            IntSize::U2 => DType::Int16,
            IntSize::U4 => DType::Int32,
            IntSize::U8 => DType::Int64,
        },
        TypeDescriptor::Unsigned(size) => match size {
            IntSize::U1 => DType::UInt8,
            IntSize::U2 => DType::UInt16,
            IntSize::U4 => DType::UInt32,
            IntSize::U8 => DType::UInt64,
        },
        TypeDescriptor::Float(FloatSize::U4) => DType::Float32,
        TypeDescriptor::Float(FloatSize::U8) => DType::Float64,
        // The enumeration h5py makes of a bool.
        TypeDescriptor::Boolean => DType::UInt8,
        TypeDescriptor::Compound(compound) => match compound.fields.as_slice() {
            [re, im] if re.ty == im.ty => match re.ty {
                TypeDescriptor::Float(FloatSize::U4) => DType::Complex64,
                TypeDescriptor::Float(FloatSize::U8) => DType::Complex128,
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    })
}

fn is_half(kind: &Datatype) -> bool {
    // SAFETY: the handle is alive and the calls only look at it.
    hdf5::sync::sync(|| unsafe {
        h5t::H5Tget_class(kind.id()) == h5t::H5T_class_t::H5T_FLOAT
            && h5t::H5Tget_size(kind.id()) == 2
            && h5t::H5Tget_ebias(kind.id()) == 15
    })
}

fn is_little_endian(kind: &Datatype) -> bool {
    // A compound type has the order of its members, or none when they differ.
    let order = hdf5::sync::sync(|| {
        // SAFETY: the handle is alive and the call only looks at it.
        unsafe { h5t::H5Tget_order(kind.id()) }
    });
    matches!(
        order,
        h5t::H5T_order_t::H5T_ORDER_LE | h5t::H5T_order_t::H5T_ORDER_NONE
    )
}

/// The datatype of cells in memory.
fn native(kind: &Datatype, dtype: DType) -> hdf5::Result<Datatype> {
    if is_little_endian(kind) && kind.size() == dtype.size() {
        return Ok(kind.clone());
    }
    if dtype == DType::Float16 {
        return Err("half floats in big-endian order cannot be read".into());
    }
    Datatype::from_descriptor(&kind.to_descriptor()?)
}
