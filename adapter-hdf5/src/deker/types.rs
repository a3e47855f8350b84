//! The names that Deker gives to element types and to types of attributes.

use hyperslab_core::{AttributeType, DType, Error, Result};

/// The names of element types: as Deker writes them first, then the others that it reads. `numpy.` stands before each.
const CELLS: [(DType, &[&str]); 13] = [
    (DType::Int8, &["int8", "byte"]),
    (DType::Int16, &["int16", "short"]),
    (DType::Int32, &["int32", "intc"]),
    (DType::Int64, &["int64", "longlong", "intp", "int_", "int"]),
    (DType::UInt8, &["uint8", "ubyte"]),
    (DType::UInt16, &["uint16", "ushort"]),
    (DType::UInt32, &["uint32", "uintc"]),
    (DType::UInt64, &["uint", "uint64", "ulonglong", "uintp"]),
    (DType::Float16, &["float16", "half"]),
    (DType::Float32, &["float32", "single"]),
    (DType::Float64, &["float64", "double", "float_", "float"]),
    (DType::Complex64, &["complex64", "singlecomplex", "csingle"]),
    (
        DType::Complex128,
        &["cfloat", "complex128", "cdouble", "complex_", "complex"],
    ),
];

/// Numbers of 80 bits, for which no type of ours has room.
const TOO_WIDE: [&str; 7] = [
    "float128",
    "longfloat",
    "longdouble",
    "clongfloat",
    "complex256",
    "clongdouble",
    "longcomplex",
];

/// The element type that a name means.
///
/// # Errors
/// `Unsupported` for one that is not to be held here, `Corrupt` for one that Deker does not know.
pub(super) fn dtype_of(name: &str) -> Result<DType> {
    let bare = name.strip_prefix("numpy.").unwrap_or(name);
    if TOO_WIDE.contains(&bare) {
        return Err(Error::unsupported(format!(
            "cells of type {bare} have 80 bits a number, for which no type of hyperslab has room; convert them to float64 \
             or complex128 with Deker"
        )));
    }
    let known = CELLS.iter().find(|(_, names)| names.contains(&bare));
    known
        .map(|(dtype, _)| *dtype)
        .ok_or_else(|| Error::corrupt(format!("'{name}' is no element type")))
}

/// The name by which Deker writes an element type.
///
/// # Errors
/// `Unsupported` for one that Deker does not have.
pub(super) fn name_of(dtype: DType) -> Result<String> {
    let known = CELLS.iter().find(|(known, _)| *known == dtype);
    let name = known.and_then(|(_, names)| names.first());
    name.map(|name| format!("numpy.{name}")).ok_or_else(|| {
        Error::unsupported(format!(
            "Deker has no cells of type {dtype}; choose a number type"
        ))
    })
}

/// How Deker writes the value of an attribute: what is meant by the same number differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttributeForm {
    /// A whole number of that width.
    Int(DType),
    /// A float of that many bits.
    Float(u32),
    /// A complex number of parts of that many bits.
    Complex(u32),
    Text,
    DateTime,
    Tuple,
}

impl AttributeForm {
    /// The form that a name means.
    ///
    /// # Errors
    /// As [`dtype_of`].
    pub(super) fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "string" | "str" => Self::Text,
            "datetime" => Self::DateTime,
            "tuple" => Self::Tuple,
            _ => match dtype_of(name)? {
                DType::Float16 => Self::Float(16),
                DType::Float32 => Self::Float(32),
                DType::Float64 => Self::Float(64),
                DType::Complex64 => Self::Complex(32),
                DType::Complex128 => Self::Complex(64),
                whole => Self::Int(whole),
            },
        })
    }

    /// The type of ours for it.
    pub(super) fn kind(self) -> AttributeType {
        match self {
            Self::Int(_) => AttributeType::Int,
            Self::Float(_) => AttributeType::Float,
            Self::Complex(_) => AttributeType::Complex,
            Self::Text => AttributeType::Text,
            Self::DateTime => AttributeType::DateTime,
            Self::Tuple => AttributeType::List,
        }
    }

    /// The name under which Deker keeps attributes of a type.
    ///
    /// # Errors
    /// `Unsupported` for a type that it does not have.
    pub(super) fn name_of(kind: &AttributeType) -> Result<&'static str> {
        Ok(match kind {
            AttributeType::Int => "int",
            AttributeType::Float => "float",
            AttributeType::Complex => "complex",
            AttributeType::Text => "string",
            AttributeType::DateTime => "datetime",
            // Deker has one type for both: a tuple comes back as a list.
            AttributeType::List | AttributeType::Tuple(_) => "tuple",
            other => {
                return Err(Error::unsupported(format!(
                    "Deker has no attributes of type {other}; choose int, float, complex, text, datetime or list"
                )));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::ErrorKind;

    #[test]
    fn names_are_those_that_deker_writes() {
        for (dtype, names) in CELLS {
            assert_eq!(name_of(dtype).unwrap(), format!("numpy.{}", names[0]));
            for name in names {
                assert_eq!(dtype_of(name).unwrap(), dtype);
                assert_eq!(dtype_of(&format!("numpy.{name}")).unwrap(), dtype);
            }
        }
        let wide = dtype_of("numpy.clongfloat").unwrap_err();
        assert_eq!(wide.kind(), ErrorKind::Unsupported);
        assert!(wide.to_string().contains("clongfloat"));
        assert_eq!(
            dtype_of("numpy.str_").unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        assert_eq!(
            name_of(DType::Bool).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
}
