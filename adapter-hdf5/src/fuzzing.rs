//! What arbitrary bytes are thrown at.

use hyperslab_engine::codec::CodecChain;

use crate::chunk::{Filter, chain_of};
use crate::file::{parse_footer, parse_metadata, parse_plain};

/// Takes a chain of filters off the front and decodes the rest as a chunk of the size that is declared.
pub fn chunk(bytes: &[u8]) {
    let Some((&[count, mask, low, high], mut rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let mut filters = Vec::new();
    for _ in 0..count % 5 {
        let Some((&[which, values @ ..], after)) = rest.split_first_chunk::<8>() else {
            return;
        };
        const IDS: [u16; 11] = [1, 2, 3, 4, 307, 32000, 32001, 32004, 32008, 32015, 32026];
        filters.push(Filter {
            id: IDS[usize::from(which) % IDS.len()],
            flags: 1,
            values: values.map(u32::from).to_vec(),
        });
        rest = after;
    }
    let chain: Option<CodecChain> = chain_of(&filters);
    if let Some(chain) = chain {
        let mut out = vec![0; usize::from(u16::from_le_bytes([low, high]))];
        // Any error will do.
        drop(chain.decode(rest, u32::from(mask), &mut out));
    }
}

/// Parses the metadata of an array file.
pub fn metadata(bytes: &[u8]) {
    parse_metadata(bytes, "v");
}

/// Parses a file of another program.
pub fn plain_file(bytes: &[u8]) {
    parse_plain(bytes);
}

/// Parses a footer at the end of a file.
pub fn footer(bytes: &[u8]) {
    parse_footer(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            chunk(&bytes);
            metadata(&bytes);
            footer(&bytes);
            plain_file(&bytes);
        }
    }
}
