//! Attributes of any type that can be carried.
#![expect(
    unsafe_code,
    reason = "text of a fixed length is read by a call that has no safe form"
)]

use hdf5::types::{TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Container, Datatype, Location};
use hdf5_sys::h5a;
use hyperslab_cf::{AttributeContent, NamedAttribute};
use hyperslab_core::{ArrayBuf, DType, Element};

use super::dtype_of;
use crate::file::scales::is_netcdf_machinery;

/// Attributes larger than this are left out.
const ATTRIBUTE_BYTES_MAX: usize = 16 << 20;

/// All attributes of an object that can be carried, without those of netCDF's machinery.
pub(super) fn of(location: &Location) -> hdf5::Result<Vec<NamedAttribute>> {
    let mut found = Vec::new();
    for name in location.attr_names()? {
        if is_netcdf_machinery(&name) {
            continue;
        }
        let attribute = location.attr(&name)?;
        if let Some(value) = attribute_value(&attribute)? {
            found.push((name, value));
        }
    }
    Ok(found)
}

/// The value of an attribute, unless it is of a type that cannot be carried.
fn attribute_value(attribute: &Attribute) -> hdf5::Result<Option<AttributeContent>> {
    let kind = attribute.dtype()?;
    let shape: Vec<u64> = (attribute.get_shape()?.iter())
        .map(|&length| length as u64)
        .collect();
    let size = attribute.size().saturating_mul(kind.size());
    if shape.len() > 1 || size > ATTRIBUTE_BYTES_MAX {
        return Ok(None);
    }
    let Ok(descriptor) = kind.to_descriptor() else {
        return Ok(None);
    };
    let scalar = shape.is_empty();
    Ok(match descriptor {
        TypeDescriptor::VarLenUnicode => {
            let texts = attribute.read_raw::<VarLenUnicode>()?;
            texts_of(scalar, texts.iter().map(VarLenUnicode::as_str))
        }
        TypeDescriptor::VarLenAscii => {
            let texts = attribute.read_raw::<VarLenAscii>()?;
            texts_of(scalar, texts.iter().map(VarLenAscii::as_str))
        }
        TypeDescriptor::FixedAscii(length) | TypeDescriptor::FixedUnicode(length) => {
            let bytes = raw_bytes(attribute, &kind, size)?;
            let texts: Vec<String> = bytes.chunks(length.max(1)).map(fixed_text).collect();
            texts_of(scalar, texts.iter().map(String::as_str))
        }
        TypeDescriptor::Boolean => cells_of::<i8>(attribute, &shape)?,
        _ => match dtype_of(&kind) {
            Some(DType::Int8) => cells_of::<i8>(attribute, &shape)?,
            Some(DType::Int16) => cells_of::<i16>(attribute, &shape)?,
            Some(DType::Int32) => cells_of::<i32>(attribute, &shape)?,
            Some(DType::Int64) => cells_of::<i64>(attribute, &shape)?,
            Some(DType::UInt8) => cells_of::<u8>(attribute, &shape)?,
            Some(DType::UInt16) => cells_of::<u16>(attribute, &shape)?,
            Some(DType::UInt32) => cells_of::<u32>(attribute, &shape)?,
            Some(DType::UInt64) => cells_of::<u64>(attribute, &shape)?,
            Some(DType::Float32) => cells_of::<f32>(attribute, &shape)?,
            Some(DType::Float64) => cells_of::<f64>(attribute, &shape)?,
            _ => None,
        },
    })
}

fn texts_of<'a>(scalar: bool, texts: impl Iterator<Item = &'a str>) -> Option<AttributeContent> {
    let mut texts: Vec<String> = texts.map(str::to_owned).collect();
    if scalar {
        texts.pop().map(AttributeContent::Text)
    } else {
        Some(AttributeContent::Texts(texts))
    }
}

fn fixed_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

fn raw_bytes(attribute: &Container, kind: &Datatype, size: usize) -> hdf5::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    // SAFETY: the handles are alive and `bytes` has room for all values of the attribute in its own type.
    let status = hdf5::sync::sync(|| unsafe {
        h5a::H5Aread(attribute.id(), kind.id(), bytes.as_mut_ptr().cast())
    });
    if status < 0 {
        return Err("an attribute cannot be read".into());
    }
    Ok(bytes)
}

fn cells_of<T: hdf5::H5Type + Element>(
    attribute: &Attribute,
    shape: &[u64],
) -> hdf5::Result<Option<AttributeContent>> {
    let values = attribute.as_reader().read_raw::<T>()?;
    Ok(ArrayBuf::from_slice(shape, &values)
        .ok()
        .map(AttributeContent::Numbers))
}
