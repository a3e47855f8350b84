//! Looks for damage that the HDF5 library does not survive.
//!
//! The library walks through a global heap from object to object. One of free space that says it has no bytes holds it
//! for ever, so such a file must not come near it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hyperslab_core::{Error, Result};

const SIGNATURE: &[u8] = b"GCOL\x01\0\0\0";
const STEP: usize = 1 << 20;
/// No heap that a program writes is larger.
const HEAP_BYTES_MAX: u64 = 1 << 26;

/// Refuses a file with a heap that has no end.
pub(super) fn check_heaps(path: &Path) -> Result<()> {
    let fail = |source| Error::io("read", path.display(), source);
    let file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut buffer = Vec::new();
    let mut offset = 0;
    while offset < length {
        // Each step reaches into the next one, so that no signature is cut in two.
        let count = (STEP as u64 + 7).min(length - offset);
        buffer.resize(crate::index(count), 0);
        file.read_exact_at(&mut buffer, offset).map_err(fail)?;
        for (position, found) in buffer.windows(SIGNATURE.len()).enumerate() {
            if found[0] == b'G' && found == SIGNATURE {
                let start = offset + position as u64;
                if is_endless(&file, start, length).map_err(fail)? {
                    return Err(Error::corrupt(format!(
                        "{}: the heap at byte {start} is damaged; restore the file from a copy",
                        path.display()
                    )));
                }
            }
        }
        offset += STEP as u64;
    }
    Ok(())
}

fn is_endless(file: &File, start: u64, length: u64) -> std::io::Result<bool> {
    let mut word = [0; 8];
    if start + 16 > length {
        return Ok(false);
    }
    file.read_exact_at(&mut word, start + 8)?;
    let size = u64::from_le_bytes(word).min(length - start);
    if size > HEAP_BYTES_MAX {
        return Ok(true);
    }
    let mut heap = vec![0; crate::index(size)];
    file.read_exact_at(&mut heap, start)?;
    let mut rest = heap.get(16..).unwrap_or_default();
    while let Some((header, _)) = rest.split_first_chunk::<16>() {
        let is_free = header[..2] == [0, 0];
        word.copy_from_slice(&header[8..]);
        let size = u64::from_le_bytes(word);
        if is_free && size == 0 {
            return Ok(true);
        }
        // A size that wraps round wraps round in the library as well.
        let taken = match is_free {
            true => size,
            false => (size.wrapping_add(7) & !7).wrapping_add(16),
        };
        match usize::try_from(taken)
            .ok()
            .and_then(|taken| rest.get(taken..))
        {
            Some(next) if taken > 0 => rest = next,
            _ => return Ok(taken == 0),
        }
    }
    Ok(false)
}
