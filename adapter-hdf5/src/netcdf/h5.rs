//! What importing needs of the HDF5 library: opening, attributes, texts and cells, with our errors.

use std::fs::File as OsFile;
use std::io::Read;
use std::path::Path;

use half::f16;
use hdf5::filters::Filter;
use hdf5::types::{
    FixedAscii, FixedUnicode, FloatSize, IntSize, TypeDescriptor, VarLenAscii, VarLenUnicode,
};
use hdf5::{
    Container, Dataset, File, H5Type, Hyperslab as H5Hyperslab, Location, LocationToken,
    SliceOrIndex,
};
use hyperslab_cf::foreign::{ForeignAttributes, ForeignValue};
use hyperslab_core::{ArrayBuf, DType, Element, Error, Hyperslab, Result, Scalar};
use num_complex::{Complex32, Complex64};

use crate::file::{holds_all, is_netcdf_machinery};

/// Opens a file for reading. Files that other programs write at this moment are not waited for.
pub(super) fn open(path: &Path) -> Result<File> {
    let mut magic = [0; 4];
    let mut file =
        OsFile::open(path).map_err(|source| Error::io("open", path.display(), source))?;
    // A shorter file is no netCDF-3 file either.
    let length = file.read(&mut magic).unwrap_or(0);
    if length == 4 && magic.starts_with(b"CDF") && matches!(magic[3], 1 | 2 | 5) {
        return Err(Error::unsupported(format!(
            "{} is a netCDF-3 file; convert it with `nccopy -k nc4 {} new.nc` and read that",
            path.display(),
            path.display()
        )));
    }
    File::with_options()
        .with_fapl(|access| access.file_locking(false))
        .open(path)
        .map_err(|source| {
            let what = format!(
                "{} cannot be opened as netCDF-4 or HDF5: {source}",
                path.display()
            );
            // It says that it is one, so it is damaged.
            let error = match magic.as_slice() {
                b"\x89HDF" => Error::corrupt(what),
                _ => Error::invalid(what),
            };
            error.with_source(source)
        })
}

/// Where an object lies in its file.
pub(super) fn place(object: &Location) -> Result<LocationToken> {
    let info = object.loc_info().map_err(failed("look at", &object.name()));
    info.map(|info| info.token)
}

/// Whether an object that was found through a file lies in it, and not behind a link to another file.
pub(super) fn lies_in(file: &File, object: &Location) -> Result<bool> {
    let number = |location: &Location| location.loc_info().map(|info| info.fileno);
    let numbers = number(file).and_then(|file| Ok((file, number(object)?)));
    let (file, object) = numbers.map_err(failed("look at", &object.name()))?;
    Ok(file == object)
}

/// An error of the library while doing `action` on `what`.
pub(super) fn failed(action: &str, what: &str) -> impl FnOnce(hdf5::Error) -> Error + use<> {
    let message = format!("cannot {action} {what}");
    move |source| Error::corrupt(format!("{message}: {source}")).with_source(source)
}

/// An error of the library while reading cells: most often a filter that is not built in.
fn unreadable(dataset: &Dataset) -> impl FnOnce(hdf5::Error) -> Error {
    let name = dataset.name();
    let missing: Vec<String> = dataset
        .filters()
        .into_iter()
        .filter_map(|filter| match filter {
            Filter::User(id, _) => Some(filter_name(id)),
            Filter::SZip(..) => Some("szip".to_owned()),
            _ => None,
        })
        .collect();
    move |source| {
        if missing.is_empty() {
            return failed("read variable", &name)(source);
        }
        Error::unsupported(format!(
            "variable '{name}' is compressed with {}, which is not built in; rewrite the file where that is installed, with `h5repack -f SHUF -f GZIP=4`",
            missing.join(" and ")
        ))
        .with_source(source)
    }
}

/// The name of a registered filter.
fn filter_name(id: i32) -> String {
    let name = match id {
        307 => "bzip2",
        32_000 => "lzf",
        32_001 => "blosc",
        32_004 => "lz4",
        32_008 => "bitshuffle",
        32_013 => "zfp",
        32_015 => "zstd",
        32_026 => "blosc2",
        _ => return format!("filter {id}"),
    };
    name.to_owned()
}

/// The element type of cells, or what else they are.
pub(super) fn dtype_of(container: &Container) -> std::result::Result<DType, String> {
    let unknown = |_| "of a type that hyperslab does not know".to_owned();
    let kind = container.dtype().map_err(unknown)?;
    let dtype = dtype_of_descriptor(&kind.to_descriptor().map_err(unknown)?)?;
    // The descriptor goes by the size alone, and a number that does not fit would become infinite.
    if dtype.is_float() && !holds_all(dtype, &kind) {
        return Err("made of floats that no type here has room for".to_owned());
    }
    Ok(dtype)
}

fn dtype_of_descriptor(descriptor: &TypeDescriptor) -> std::result::Result<DType, String> {
    Ok(match descriptor {
        TypeDescriptor::Integer(IntSize::U1) => DType::Int8,
        TypeDescriptor::Integer(IntSize::U2) => DType::Int16,
        TypeDescriptor::Integer(IntSize::U4) => DType::Int32,
        TypeDescriptor::Integer(IntSize::U8) => DType::Int64,
        TypeDescriptor::Unsigned(IntSize::U1) => DType::UInt8,
        TypeDescriptor::Unsigned(IntSize::U2) => DType::UInt16,
        TypeDescriptor::Unsigned(IntSize::U4) => DType::UInt32,
        TypeDescriptor::Unsigned(IntSize::U8) => DType::UInt64,
        TypeDescriptor::Float(FloatSize::U2) => DType::Float16,
        TypeDescriptor::Float(FloatSize::U4) => DType::Float32,
        TypeDescriptor::Float(FloatSize::U8) => DType::Float64,
        TypeDescriptor::Boolean => DType::Bool,
        TypeDescriptor::Compound(compound) => {
            let fields: Vec<_> = compound
                .fields
                .iter()
                .map(|field| (field.name.as_str(), &field.ty))
                .collect();
            match fields.as_slice() {
                [
                    ("r", TypeDescriptor::Float(re)),
                    ("i", TypeDescriptor::Float(im)),
                ] if re == im => match re {
                    FloatSize::U4 => DType::Complex64,
                    FloatSize::U8 => DType::Complex128,
                    FloatSize::U2 => return Err("made of complex numbers of half precision".into()),
                },
                _ => return Err("made of records (a compound type)".into()),
            }
        }
        TypeDescriptor::Enum(_) => return Err("made of named values (an enum type)".into()),
        TypeDescriptor::FixedAscii(_)
        | TypeDescriptor::FixedUnicode(_)
        | TypeDescriptor::VarLenAscii
        | TypeDescriptor::VarLenUnicode => return Err("made of text".into()),
        TypeDescriptor::FixedArray(..) | TypeDescriptor::VarLenArray(_) => {
            return Err("made of lists (an array or vlen type)".into());
        }
        TypeDescriptor::Reference(_) => return Err("made of references".into()),
    })
}

/// The attributes of an object in the order of the file. One that cannot be read is [`ForeignValue::Other`].
pub(super) fn attributes(location: &Location, what: &str) -> Result<ForeignAttributes> {
    let mut names = location
        .attr_names()
        .map_err(failed("list the attributes of", what))?;
    let by_creation = location.attr_names_by(
        hdf5::IndexType::CreationOrder,
        hdf5::IterationOrder::Increasing,
    );
    // Only files that track the order of creation have that index.
    if let Ok(ordered) = by_creation
        && ordered.len() == names.len()
    {
        names = ordered;
    }
    names
        .into_iter()
        .map(|name| {
            let attribute = location
                .attr(&name)
                .map_err(failed(&format!("open attribute '{name}' of"), what))?;
            Ok((name, value(&attribute)))
        })
        .collect()
}

/// The attributes that are not there to hold the file together. A fill value is one that the conventions know.
pub(super) fn without_machinery(attributes: &ForeignAttributes) -> ForeignAttributes {
    let is_machinery = |name: &str| {
        (is_netcdf_machinery(name) || name.starts_with("_Netcdf4")) && name != "_FillValue"
    };
    let kept = attributes.iter().filter(|(name, _)| !is_machinery(name));
    kept.map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

fn value(container: &Container) -> ForeignValue {
    let descriptor = container.dtype().and_then(|dtype| dtype.to_descriptor());
    let Ok(descriptor) = descriptor else {
        return ForeignValue::Other("a type that hyperslab does not know".to_owned());
    };
    if let Some(texts) = texts(container, &descriptor) {
        return match texts {
            Ok(mut texts) if container.ndim() == 0 || texts.len() == 1 => {
                ForeignValue::Text(texts.pop().unwrap_or_default())
            }
            Ok(texts) => ForeignValue::Texts(texts),
            Err(error) => ForeignValue::Other(error.to_string()),
        };
    }
    let cells = match &descriptor {
        // Named values are the numbers behind them here.
        TypeDescriptor::Enum(_) => whole::<i64>(container),
        other => match dtype_of_descriptor(other) {
            Ok(dtype) => read_whole(container, dtype),
            Err(what) => return ForeignValue::Other(what),
        },
    };
    match cells.and_then(|cells| cells.scalars().collect::<Result<Vec<Scalar>>>()) {
        Ok(numbers) => ForeignValue::Numbers(numbers),
        Err(error) => ForeignValue::Other(error.to_string()),
    }
}

/// The texts of an attribute or a variable, or `None` when it has none.
fn texts(container: &Container, descriptor: &TypeDescriptor) -> Option<Result<Vec<String>>> {
    let read = match *descriptor {
        TypeDescriptor::FixedAscii(length) => match length {
            0..=64 => strings::<FixedAscii<64>>(container, FixedAscii::as_bytes),
            65..=1024 => strings::<FixedAscii<1024>>(container, FixedAscii::as_bytes),
            1025..=65_536 => strings::<FixedAscii<65_536>>(container, FixedAscii::as_bytes),
            _ => Err("it is longer than 65536 bytes".into()),
        },
        TypeDescriptor::FixedUnicode(length) => match length {
            0..=64 => strings::<FixedUnicode<64>>(container, FixedUnicode::as_bytes),
            65..=1024 => strings::<FixedUnicode<1024>>(container, FixedUnicode::as_bytes),
            1025..=65_536 => strings::<FixedUnicode<65_536>>(container, FixedUnicode::as_bytes),
            _ => Err("it is longer than 65536 bytes".into()),
        },
        TypeDescriptor::VarLenAscii => strings(container, |text: &VarLenAscii| {
            // A text that was never set is a null pointer.
            if text.as_ptr().is_null() {
                &[]
            } else {
                text.as_bytes()
            }
        }),
        TypeDescriptor::VarLenUnicode => strings(container, |text: &VarLenUnicode| {
            if text.as_ptr().is_null() {
                &[]
            } else {
                text.as_bytes()
            }
        }),
        _ => return None,
    };
    Some(read.map_err(failed("read", "text")))
}

fn strings<T: H5Type>(
    container: &Container,
    bytes: impl Fn(&T) -> &[u8],
) -> hdf5::Result<Vec<String>> {
    if container.size() == 0 {
        return Ok(Vec::new());
    }
    let raw = container.read_raw::<T>()?;
    Ok(raw.iter().map(|text| decode_text(bytes(text))).collect())
}

/// UTF-8, else Latin-1, which is what older files hold.
fn decode_text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| bytes.iter().map(|&byte| char::from(byte)).collect());
    text.trim_end_matches('\0').to_owned()
}

/// The labels of a coordinate variable: a list of texts, or a table of characters with one text per row.
pub(super) fn labels(dataset: &Dataset) -> Option<Result<Vec<String>>> {
    let descriptor = dataset
        .dtype()
        .and_then(|dtype| dtype.to_descriptor())
        .ok()?;
    let characters = match (dataset.ndim(), &descriptor) {
        (1, _) => return texts(dataset, &descriptor),
        (2, TypeDescriptor::FixedAscii(1)) => {
            bytes(dataset, |c: &FixedAscii<1>| c.as_bytes().first().copied())
        }
        (2, TypeDescriptor::FixedUnicode(1)) => {
            bytes(dataset, |c: &FixedUnicode<1>| c.as_bytes().first().copied())
        }
        _ => return None,
    };
    let length = dataset.shape().last().copied().unwrap_or(0).max(1);
    // A character of UTF-8 may take several cells.
    Some(characters.map(|bytes| bytes.chunks(length).map(decode_text).collect()))
}

fn bytes<T: H5Type>(dataset: &Dataset, byte: impl Fn(&T) -> Option<u8>) -> Result<Vec<u8>> {
    let cells = dataset.read_raw::<T>().map_err(unreadable(dataset))?;
    Ok(cells.iter().map(|cell| byte(cell).unwrap_or(0)).collect())
}

/// Runs `$read::<T>` for the type that cells of `$dtype` are read as.
macro_rules! dispatch {
    ($dtype:expr, $read:ident($($argument:expr),*)) => {
        match $dtype {
            DType::Bool => $read::<u8>($($argument),*).and_then(to_bool),
            DType::Int8 => $read::<i8>($($argument),*),
            DType::Int16 => $read::<i16>($($argument),*),
            DType::Int32 => $read::<i32>($($argument),*),
            DType::Int64 => $read::<i64>($($argument),*),
            DType::UInt8 => $read::<u8>($($argument),*),
            DType::UInt16 => $read::<u16>($($argument),*),
            DType::UInt32 => $read::<u32>($($argument),*),
            DType::UInt64 => $read::<u64>($($argument),*),
            DType::Float16 => $read::<f16>($($argument),*),
            DType::Float32 => $read::<f32>($($argument),*),
            DType::Float64 => $read::<f64>($($argument),*),
            DType::Complex64 => $read::<Complex32>($($argument),*),
            DType::Complex128 => $read::<Complex64>($($argument),*),
            other => Err(Error::unsupported(format!("cells of type {other} cannot be read"))),
        }
    };
}

/// All cells, in C order.
pub(super) fn read_whole(container: &Container, dtype: DType) -> Result<ArrayBuf> {
    dispatch!(dtype, whole(container))
}

fn whole<T: Element + H5Type>(container: &Container) -> Result<ArrayBuf> {
    let shape: Vec<u64> = container.shape().iter().map(|&size| size as u64).collect();
    if container.size() == 0 {
        return ArrayBuf::zeroed(T::DTYPE, &[0]);
    }
    let cells = container
        .read_raw::<T>()
        .map_err(failed("read", &container.name()))?;
    ArrayBuf::from_slice(&shape, &cells)
}

/// The cells of a hyperslab, in C order and native byte order.
pub(super) fn read_slab(dataset: &Dataset, dtype: DType, slab: &Hyperslab) -> Result<ArrayBuf> {
    if slab.is_empty() {
        return ArrayBuf::zeroed(dtype, &slab.shape());
    }
    dispatch!(dtype, part(dataset, slab))
}

fn part<T: Element + H5Type>(dataset: &Dataset, slab: &Hyperslab) -> Result<ArrayBuf> {
    let failed = unreadable(dataset);
    let shape = slab.shape();
    if shape.is_empty() {
        return ArrayBuf::from_slice(&shape, &[dataset.read_scalar::<T>().map_err(failed)?]);
    }
    let axes: Result<Vec<SliceOrIndex>> = slab
        .axes()
        .iter()
        .map(|axis| {
            let number = |value: u64| {
                usize::try_from(value).map_err(|_| Error::too_large("the selection is too large"))
            };
            Ok(SliceOrIndex::SliceCount {
                start: number(axis.start)?,
                step: number(axis.stride)?,
                count: number(axis.count)?,
                block: 1,
            })
        })
        .collect();
    let cells = dataset
        .read_slice::<T, _, ndarray::IxDyn>(H5Hyperslab::from(axes?))
        .map_err(failed)?;
    Ok(ArrayBuf::from_ndarray(&cells.view()))
}

/// Bools are read as bytes: a damaged file must not make a bool that is neither.
fn to_bool(bytes: ArrayBuf) -> Result<ArrayBuf> {
    let cells: Vec<bool> = bytes.bytes().iter().map(|&byte| byte != 0).collect();
    ArrayBuf::from_slice(bytes.shape(), &cells)
}
