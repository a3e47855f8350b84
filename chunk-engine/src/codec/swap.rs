//! The other byte order.

/// Writes numbers of `size` bytes to `out` with their bytes in the other order; both have the same length, and bytes after the
/// last whole number stay as they are.
pub(super) fn swap(size: usize, bytes: &[u8], out: &mut [u8]) {
    match size {
        2 => swap_sized::<2>(bytes, out),
        4 => swap_sized::<4>(bytes, out),
        8 => swap_sized::<8>(bytes, out),
        0 | 1 => out.copy_from_slice(bytes),
        _ => {
            out.copy_from_slice(bytes);
            out.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
    }
}

fn swap_sized<const N: usize>(bytes: &[u8], out: &mut [u8]) {
    let (numbers, tail) = bytes.as_chunks::<N>();
    let (places, rest) = out.as_chunks_mut::<N>();
    for (place, number) in places.iter_mut().zip(numbers) {
        *place = *number;
        place.reverse();
    }
    rest.copy_from_slice(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_is_the_same_again() {
        for size in 0..10 {
            let bytes: Vec<u8> = (0..37).collect();
            let (mut once, mut twice) = (vec![0; 37], vec![0; 37]);
            swap(size, &bytes, &mut once);
            swap(size, &once, &mut twice);
            assert_eq!(twice, bytes);
            assert_eq!(once == bytes, size < 2);
        }
    }
}
