//! NumPy's file of one array: a header of one Python dictionary, then the cells.

use std::io::{self, Write};
use std::path::Path;

use hyperslab::{ArrayBuf, DType, Error, Result};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The cells begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// The letter and the size that NumPy gives an element type.
const KINDS: [(DType, &str); 14] = [
    (DType::Bool, "b1"),
    (DType::Int8, "i1"),
    (DType::Int16, "i2"),
    (DType::Int32, "i4"),
    (DType::Int64, "i8"),
    (DType::UInt8, "u1"),
    (DType::UInt16, "u2"),
    (DType::UInt32, "u4"),
    (DType::UInt64, "u8"),
    (DType::Float16, "f2"),
    (DType::Float32, "f4"),
    (DType::Float64, "f8"),
    (DType::Complex64, "c8"),
    (DType::Complex128, "c16"),
];

/// Writes cells in C order, in the byte order of the machine.
pub(crate) fn write(out: &mut dyn Write, cells: &ArrayBuf) -> io::Result<()> {
    let kind = KINDS.iter().find(|(dtype, _)| *dtype == cells.dtype());
    let kind = kind.map_or("V1", |(_, kind)| kind);
    let order = match (cells.dtype().size(), cfg!(target_endian = "little")) {
        (1, _) => '|',
        (_, true) => '<',
        (_, false) => '>',
    };
    let lengths: String = cells
        .shape()
        .iter()
        .map(|length| format!("{length}, "))
        .collect();
    let lengths = match cells.shape() {
        [_] => lengths.trim_end(),
        _ => lengths.trim_end_matches(", "),
    };
    let mut header =
        format!("{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': ({lengths}), }}");
    // Version 2 has room for any number of lengths.
    let start = MAGIC.len() + 2 + 4;
    let padded = (start + header.len() + 1).next_multiple_of(ALIGNMENT) - start;
    header.extend(std::iter::repeat_n(' ', padded - header.len() - 1));
    header.push('\n');
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(MAGIC)?;
    out.write_all(&[2, 0])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    out.write_all(cells.bytes())
}

/// Reads a file of any version, byte order and memory order.
///
/// # Errors
/// `InvalidInput` when it is no such file or is cut off, `Unsupported` for texts, objects and records.
pub(crate) fn read(path: &Path) -> Result<ArrayBuf> {
    let bytes = std::fs::read(path).map_err(|source| Error::io("read", path.display(), source))?;
    parse(&bytes).map_err(|error| error.context(path.display()))
}

fn parse(bytes: &[u8]) -> Result<ArrayBuf> {
    let not_npy = || Error::invalid("this is not a whole .npy file; write one with numpy.save");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(not_npy)?;
    let (&[major, _minor], rest) = rest.split_first_chunk().ok_or_else(not_npy)?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk().ok_or_else(not_npy)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk().ok_or_else(not_npy)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, cells) = rest.split_at_checked(length).ok_or_else(not_npy)?;
    let header = std::str::from_utf8(header).map_err(|_| not_npy())?;
    let (dtype, is_foreign) = dtype(field(header, "descr").ok_or_else(not_npy)?)?;
    let shape = shape(field(header, "shape").ok_or_else(not_npy)?).ok_or_else(not_npy)?;
    let is_fortran = field(header, "fortran_order").is_some_and(|text| text.starts_with("True"));
    let mut buffer = ArrayBuf::from_bytes(dtype, &shape, cells)?;
    if is_foreign {
        let part = match dtype {
            DType::Complex64 | DType::Complex128 => dtype.size() / 2,
            _ => dtype.size(),
        };
        buffer
            .bytes_mut()
            .chunks_exact_mut(part)
            .for_each(<[u8]>::reverse);
    }
    if is_fortran {
        c_order(&buffer)
    } else {
        Ok(buffer)
    }
}

/// What stands behind a name in the dictionary.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{name}':"))?;
    Some(rest.trim_start())
}

/// The element type, and whether its bytes are the other way round.
fn dtype(text: &str) -> Result<(DType, bool)> {
    let descr = text
        .strip_prefix('\'')
        .and_then(|text| text.split_once('\''));
    let descr = descr.map_or(text, |(descr, _)| descr);
    let kind = descr.trim_start_matches(['<', '>', '|', '=']);
    let known = KINDS.iter().find(|(_, known)| *known == kind);
    let (dtype, _) = known.ok_or_else(|| {
        Error::unsupported(format!(
            "NumPy's type '{descr}' has no counterpart; convert it to a number type with astype"
        ))
    })?;
    let foreign = if cfg!(target_endian = "little") {
        '>'
    } else {
        '<'
    };
    Ok((*dtype, descr.starts_with(foreign)))
}

fn shape(text: &str) -> Option<Vec<u64>> {
    let (lengths, _) = text.strip_prefix('(')?.split_once(')')?;
    lengths
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty())
        .map(|length| length.trim_end_matches('L').parse().ok())
        .collect()
}

/// Cells of which the first axis runs fastest, put so that the last one does.
fn c_order(cells: &ArrayBuf) -> Result<ArrayBuf> {
    let mut turned = ArrayBuf::zeroed(cells.dtype(), cells.shape())?;
    let size = cells.dtype().size();
    let lengths: Vec<_> = cells
        .shape()
        .iter()
        .map(|&length| usize::try_from(length).unwrap_or(usize::MAX))
        .collect();
    let strides: Vec<_> = lengths
        .iter()
        .scan(size, |stride, &length| {
            let this = *stride;
            *stride *= length;
            Some(this)
        })
        .collect();
    let mut place = vec![0; lengths.len()];
    for slot in turned.bytes_mut().chunks_exact_mut(size) {
        let offset: usize = place
            .iter()
            .zip(&strides)
            .map(|(index, stride)| index * stride)
            .sum();
        slot.copy_from_slice(&cells.bytes()[offset..offset + size]);
        for (index, &length) in place.iter_mut().zip(&lengths).rev() {
            *index += 1;
            if *index < length {
                break;
            }
            *index = 0;
        }
    }
    Ok(turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &ArrayBuf) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, cells).unwrap();
        out
    }

    #[test]
    fn a_shape_that_the_file_does_not_hold_is_refused_before_memory_is_taken() {
        let mut bytes = written(&ArrayBuf::zeroed(DType::Float32, &[22222, 0]).unwrap());
        let at = bytes.windows(5).position(|text| text == b"22222").unwrap();
        bytes[at + 7..at + 8].copy_from_slice(b"9");
        assert!(parse(&bytes).is_err());
    }

    #[test]
    fn every_type_and_shape_comes_back() {
        for dtype in DType::ALL {
            for shape in [&[][..], &[0], &[5], &[2, 3, 4]] {
                let mut cells = ArrayBuf::zeroed(dtype, shape).unwrap();
                if dtype != DType::Bool {
                    let bytes = cells.bytes_mut().iter_mut().enumerate();
                    bytes.for_each(|(index, byte)| *byte = u8::try_from(index % 120).unwrap());
                }
                let bytes = written(&cells);
                assert_eq!((bytes.len() - cells.bytes().len()) % ALIGNMENT, 0);
                assert_eq!(parse(&bytes).unwrap(), cells, "{dtype} {shape:?}");
            }
        }
    }

    #[test]
    fn other_orders_are_put_right() {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n";
        file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(
            [1_i16, 4, 2, 5, 3, 6]
                .iter()
                .flat_map(|cell| cell.to_be_bytes()),
        );
        let cells = parse(&file).unwrap();
        assert_eq!(cells.as_slice::<i16>().unwrap(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let whole = written(&ArrayBuf::zeroed(DType::Float32, &[4]).unwrap());
        for length in [0, 5, 9, 11, 40, whole.len() - 1] {
            assert!(parse(&whole[..length]).is_err(), "{length} bytes");
        }
        let text = String::from_utf8_lossy(&whole[12..40]).replace("<f4", "<U4");
        assert!(dtype(&text).is_err());
    }
}
