//! Whether the cells of a file are those of memory, bit by bit, but for the order of bytes.
#![expect(
    unsafe_code,
    reason = "types are compared by calls of the HDF5 library that have no safe form"
)]

use hdf5::Datatype;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t;
use hyperslab_core::DType;

/// The order of the bytes of each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// That of memory.
    Native,
    /// The other one, in numbers of so many bytes.
    Swapped(u32),
}

/// The order of cells that are of `dtype` in every other way; `None` when the library has to convert them. A bool is `uint8`.
pub(super) fn byte_order(kind: &Datatype, dtype: DType) -> Option<ByteOrder> {
    // SAFETY: the handle is alive, and the calls only look at it.
    hdf5::sync::sync(|| unsafe {
        match h5t::H5Tget_class(kind.id()) {
            h5t::H5T_class_t::H5T_INTEGER | h5t::H5T_class_t::H5T_FLOAT => {
                number_order(kind.id(), dtype)
            }
            h5t::H5T_class_t::H5T_ENUM if dtype == DType::UInt8 => {
                let base = h5t::H5Tget_super(kind.id());
                let order = number_order(base, DType::UInt8).or(number_order(base, DType::Int8));
                h5t::H5Tclose(base);
                order
            }
            h5t::H5T_class_t::H5T_COMPOUND => complex_order(kind.id(), dtype),
            _ => None,
        }
    })
}

/// Whether `dtype` has room for every float of a type of a file: for its largest exponent and all its digits.
pub(crate) fn holds_all(dtype: DType, kind: &Datatype) -> bool {
    let (largest, digits) = match dtype {
        DType::Float16 => (15, 10),
        DType::Float32 => (127, 23),
        _ => (1023, 52),
    };
    let (mut sign, mut exponent, mut mantissa) = (0, 0, 0);
    let (mut exponent_bits, mut mantissa_bits) = (0, 0);
    // SAFETY: the handle is alive, the calls only look at it, and the pointers are those of variables here.
    let (status, bias) = hdf5::sync::sync(|| unsafe {
        let status = h5t::H5Tget_fields(
            kind.id(),
            &raw mut sign,
            &raw mut exponent,
            &raw mut exponent_bits,
            &raw mut mantissa,
            &raw mut mantissa_bits,
        );
        (status, h5t::H5Tget_ebias(kind.id()))
    });
    let (Ok(bias), Ok(bits)) = (i64::try_from(bias), u32::try_from(exponent_bits)) else {
        return false;
    };
    // The exponent of all ones stands for what is not finite.
    let most = 1_i64.checked_shl(bits).unwrap_or(i64::MAX) - 2 - bias;
    status >= 0 && most <= largest && mantissa_bits <= digits
}

/// The order of two floats one after the other.
///
/// # Safety
/// `kind` is the handle of a compound type, and the library's lock is held.
unsafe fn complex_order(kind: hid_t, dtype: DType) -> Option<ByteOrder> {
    let part = match dtype {
        DType::Complex64 => DType::Float32,
        DType::Complex128 => DType::Float64,
        _ => return None,
    };
    let member = |number| {
        // SAFETY: a compound type of two members; the handle of a member is closed again.
        unsafe {
            let at_place = h5t::H5Tget_member_offset(kind, number) == number as usize * part.size();
            let member = h5t::H5Tget_member_type(kind, number);
            let order = number_order(member, part).filter(|_| at_place);
            h5t::H5Tclose(member);
            order
        }
    };
    // SAFETY: as above.
    let (count, size) = unsafe { (h5t::H5Tget_nmembers(kind), h5t::H5Tget_size(kind)) };
    if count != 2 || size != dtype.size() {
        return None;
    }
    member(0).filter(|order| member(1) == Some(*order))
}

/// The order of a single number.
///
/// # Safety
/// `kind` is the handle of a type or negative, and the library's lock is held.
unsafe fn number_order(kind: hid_t, dtype: DType) -> Option<ByteOrder> {
    let (little, big) = match dtype {
        DType::Int8 => (*h5t::H5T_STD_I8LE, *h5t::H5T_STD_I8BE),
        DType::Int16 => (*h5t::H5T_STD_I16LE, *h5t::H5T_STD_I16BE),
        DType::Int32 => (*h5t::H5T_STD_I32LE, *h5t::H5T_STD_I32BE),
        DType::Int64 => (*h5t::H5T_STD_I64LE, *h5t::H5T_STD_I64BE),
        DType::UInt8 => (*h5t::H5T_STD_U8LE, *h5t::H5T_STD_U8BE),
        DType::UInt16 => (*h5t::H5T_STD_U16LE, *h5t::H5T_STD_U16BE),
        DType::UInt32 => (*h5t::H5T_STD_U32LE, *h5t::H5T_STD_U32BE),
        DType::UInt64 => (*h5t::H5T_STD_U64LE, *h5t::H5T_STD_U64BE),
        DType::Float32 => (*h5t::H5T_IEEE_F32LE, *h5t::H5T_IEEE_F32BE),
        DType::Float64 => (*h5t::H5T_IEEE_F64LE, *h5t::H5T_IEEE_F64BE),
        // SAFETY: as of this function.
        DType::Float16 => return unsafe { half_order(kind) },
        _ => return None,
    };
    let number_size = u32::try_from(dtype.size()).ok()?;
    // SAFETY: the standard types live as long as the library; the calls only look at them.
    unsafe {
        if h5t::H5Tequal(kind, little) > 0 || number_size == 1 && h5t::H5Tequal(kind, big) > 0 {
            Some(ByteOrder::Native)
        } else if h5t::H5Tequal(kind, big) > 0 {
            Some(ByteOrder::Swapped(number_size))
        } else {
            None
        }
    }
}

/// The order of a half float, for which older libraries have no standard type.
///
/// # Safety
/// As of [`number_order`].
unsafe fn half_order(kind: hid_t) -> Option<ByteOrder> {
    let (mut sign, mut exponent, mut exponent_bits, mut mantissa, mut mantissa_bits) =
        (0, 0, 0, 0, 0);
    // SAFETY: as of this function; each pointer is that of a number of its type.
    let (known, bias, size, order) = unsafe {
        let known = h5t::H5Tget_fields(
            kind,
            &raw mut sign,
            &raw mut exponent,
            &raw mut exponent_bits,
            &raw mut mantissa,
            &raw mut mantissa_bits,
        );
        let (bias, size) = (h5t::H5Tget_ebias(kind), h5t::H5Tget_size(kind));
        (known, bias, size, h5t::H5Tget_order(kind))
    };
    let fields = (sign, exponent, exponent_bits, mantissa, mantissa_bits);
    if known < 0 || fields != (15, 10, 5, 0, 10) || (bias, size) != (15, 2) {
        return None;
    }
    match order {
        h5t::H5T_order_t::H5T_ORDER_LE => Some(ByteOrder::Native),
        h5t::H5T_order_t::H5T_ORDER_BE => Some(ByteOrder::Swapped(2)),
        _ => None,
    }
}
