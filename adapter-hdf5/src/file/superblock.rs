//! The superblock: the first bytes of an HDF5 file, in version 3, and in version 2 where other programs change the file in place.

use super::header::{Bytes, UNDEFINED};

/// Bytes of a superblock.
pub(super) const SIZE: usize = 48;

/// The first bytes of every HDF5 file.
pub(super) const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// What follows the signature: the version, and that addresses and lengths have eight bytes.
const FORM: [u8; 3] = [3, 8, 8];

/// The same in version 2. One of version 3 is marked by the HDF5 library as long as it changes the file, and a program that is
/// killed then leaves a file that none opens any more.
const SHARED_FORM: [u8; 3] = [2, 8, 8];

/// The superblock of a file that ends at `end` and whose root group is at `root`.
pub(super) fn superblock(root: u64, end: u64) -> Vec<u8> {
    of_form(FORM, root, end)
}

/// The same of a file that other programs may change in place.
pub(super) fn shared(root: u64, end: u64) -> Vec<u8> {
    of_form(SHARED_FORM, root, end)
}

fn of_form(form: [u8; 3], root: u64, end: u64) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.raw(&SIGNATURE);
    bytes.raw(&form);
    bytes.u8(0);
    bytes.u64(0);
    bytes.u64(UNDEFINED);
    bytes.u64(end);
    bytes.u64(root);
    bytes.checksum();
    bytes.into_vec()
}

/// Where the file ends, as a superblock of this version says.
pub(super) fn end_of_file(superblock: &[u8; SIZE]) -> Option<u64> {
    let rest = superblock.strip_prefix(&SIGNATURE)?.strip_prefix(&FORM)?;
    // Behind the flags, the base and the address of the extension.
    let (end, _) = rest.get(17..)?.split_first_chunk()?;
    Some(u64::from_le_bytes(*end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_again() {
        let bytes = superblock(96, 0x0123_4567_89ab);
        let bytes = <[u8; SIZE]>::try_from(bytes).unwrap();
        assert_eq!(end_of_file(&bytes), Some(0x0123_4567_89ab));
        assert_eq!(end_of_file(&[0; SIZE]), None);
    }
}
