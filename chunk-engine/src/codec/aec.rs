//! The adaptive entropy coding of CCSDS 121.0-B-3: samples in blocks, each block coded in the way that makes it shortest.

/// The most samples of a block.
pub(super) const BLOCK_SAMPLES_MAX: usize = 32;

/// Runs of blocks of zeros end where so many blocks do, counted from the reference sample.
const SEGMENT: usize = 64;

/// A run of blocks of zeros with this code goes on to the end of its segment.
const TO_THE_END: usize = 4;

/// The sums that a pair of samples can have when it is coded as one: any larger one is shorter in another way.
const PAIR_SUM_MAX: u8 = 12;

/// How many pairs have such a sum.
const PAIR_COUNT: usize = 91;

/// The pairs by their code: those of a smaller sum first, and among them those of a smaller second sample.
const PAIRS: [(u8, u8); PAIR_COUNT] = {
    let mut pairs = [(0, 0); PAIR_COUNT];
    let (mut sum, mut code) = (0, 0);
    while sum <= PAIR_SUM_MAX {
        let mut second = 0;
        while second <= sum {
            pairs[code] = (sum - second, second);
            second += 1;
            code += 1;
        }
        sum += 1;
    }
    pairs
};

/// How samples were coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding {
    /// Bits of one sample, 1 to 24.
    pub(super) sample_bits: u32,
    /// Samples of a block, at least 1 and at most [`BLOCK_SAMPLES_MAX`].
    pub(super) block_samples: usize,
    /// Whether samples are differences from the one before, apart from the first of an interval, the reference sample.
    pub(super) predicted: bool,
}

impl Coding {
    /// Bits that say how a block is coded.
    const fn option_bits(self) -> u32 {
        match self.sample_bits {
            ..=8 => 3,
            9..=16 => 4,
            _ => 5,
        }
    }

    /// The largest sample.
    const fn largest(self) -> u32 {
        (1 << self.sample_bits) - 1
    }
}

/// Decodes a stream one reference interval after the other.
pub(super) struct Decoder<'a> {
    coding: Coding,
    bits: Bits<'a>,
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(coding: Coding, stream: &'a [u8]) -> Self {
        let bits = Bits::new(stream);
        Self { coding, bits }
    }

    /// Decodes the next interval, which is whole blocks, as far as the first `wanted` samples; `None` when the stream is
    /// damaged.
    pub(super) fn interval(&mut self, samples: &mut [u32], wanted: usize) -> Option<()> {
        let mut done = 0;
        while done < wanted {
            done += self.blocks(samples, done)?;
        }
        if self.coding.predicted {
            unpredict(samples.get_mut(..wanted)?, self.coding.largest());
        }
        Some(())
    }

    /// Decodes the block at `start`, or the run of blocks; gives how many samples it has.
    fn blocks(&mut self, samples: &mut [u32], start: usize) -> Option<usize> {
        let Coding {
            sample_bits,
            block_samples,
            predicted,
        } = self.coding;
        let option_bits = self.coding.option_bits();
        let option = self.bits.take(option_bits)?;
        let low = option == 0;
        let pairs = low && self.bits.take(1)? == 1;
        let end = start.checked_add(block_samples)?;
        let mut block = samples.get_mut(start..end)?;
        let referenced = predicted && start == 0;
        if referenced {
            let (reference, rest) = block.split_first_mut()?;
            *reference = self.bits.take(sample_bits)?;
            block = rest;
        }
        if pairs {
            self.pairs(block, referenced)?;
        } else if low {
            let run = self.run(samples.len(), start)?;
            let first = start + usize::from(referenced);
            samples.get_mut(first..start + run)?.fill(0);
            return Some(run);
        } else if option == (1 << option_bits) - 1 {
            for sample in block {
                *sample = self.bits.take(sample_bits)?;
            }
        } else {
            self.split(block, option - 1)?;
        }
        Some(block_samples)
    }

    /// Samples of which the upper bits come in unary and then, of all of them, the lower `low_bits` as they are.
    fn split(&mut self, block: &mut [u32], low_bits: u32) -> Option<()> {
        if low_bits > self.coding.sample_bits {
            return None;
        }
        let upper_max = self.coding.largest() >> low_bits;
        for sample in block.iter_mut() {
            let upper = u32::try_from(self.bits.unary()?).ok()?;
            *sample = (upper <= upper_max).then_some(upper)? << low_bits;
        }
        if low_bits > 0 {
            for sample in block {
                *sample |= self.bits.take(low_bits)?;
            }
        }
        Some(())
    }

    /// Two samples in one code. A reference sample has the place of the first one of its pair.
    fn pairs(&mut self, block: &mut [u32], referenced: bool) -> Option<()> {
        let mut rest = block;
        if referenced {
            let (second, after) = rest.split_first_mut()?;
            *second = self.pair()?.1;
            rest = after;
        }
        for pair in rest.chunks_mut(2) {
            let (first, second) = self.pair()?;
            pair[0] = first;
            *pair.get_mut(1)? = second;
        }
        Some(())
    }

    fn pair(&mut self) -> Option<(u32, u32)> {
        let &(first, second) = PAIRS.get(self.bits.unary()?)?;
        let (first, second) = (u32::from(first), u32::from(second));
        (first.max(second) <= self.coding.largest()).then_some((first, second))
    }

    /// How many samples are in a run of blocks of zeros, which ends in its interval.
    fn run(&mut self, interval: usize, start: usize) -> Option<usize> {
        let block_samples = self.coding.block_samples;
        let left = (interval - start) / block_samples;
        let blocks = match self.bits.unary()? {
            TO_THE_END => left.min(SEGMENT - start / block_samples % SEGMENT),
            code if code < TO_THE_END => code + 1,
            code => code,
        };
        (blocks <= left).then_some(blocks * block_samples)
    }
}

/// Samples from their differences, which were made positive: small ones fall to either side in turn, and where one side
/// has no more room, all go to the other. None is above `largest`, so none leads out of the range.
fn unpredict(samples: &mut [u32], largest: u32) {
    let Some((reference, rest)) = samples.split_first_mut() else {
        return;
    };
    let mut last = *reference;
    for sample in rest {
        let room = last.min(largest - last);
        last = match *sample {
            code if code > 2 * room && room == last => code,
            code if code > 2 * room => largest - code,
            code if code % 2 == 1 => last - code.div_ceil(2),
            code => last + code / 2,
        };
        *sample = last;
    }
}

/// Bits of a stream, the highest of each byte first.
struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, from the top. Below the counted ones are zeros, or bits of `rest` that are put there again.
    held: u64,
    /// How many of them are counted, at most 63.
    count: u32,
}

impl<'a> Bits<'a> {
    const fn new(stream: &'a [u8]) -> Self {
        Self {
            rest: stream,
            held: 0,
            count: 0,
        }
    }

    /// Holds at least 56 bits, or all that are left.
    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            self.held |= u64::from_be_bytes(*next) >> self.count;
            let bytes = (63 - self.count) / 8;
            self.rest = &self.rest[bytes as usize..];
            self.count += bytes * 8;
            return;
        }
        while self.count < 56
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.held |= u64::from(byte) << (56 - self.count);
            self.rest = rest;
            self.count += 8;
        }
    }

    fn skip(&mut self, count: u32) {
        self.held <<= count;
        self.count -= count;
    }

    /// The next `count` bits, 1 to 32.
    #[inline]
    fn take(&mut self, count: u32) -> Option<u32> {
        if self.count < count {
            self.fill();
            if self.count < count {
                return None;
            }
        }
        let bits = u32::try_from(self.held >> (64 - count)).ok()?;
        self.skip(count);
        Some(bits)
    }

    /// How many zeros stand before the next one.
    #[inline]
    fn unary(&mut self) -> Option<usize> {
        let mut before = 0;
        loop {
            let zeros = self.held.leading_zeros();
            if zeros < self.count {
                self.skip(zeros + 1);
                return Some(before + zeros as usize);
            }
            before += self.count as usize;
            self.skip(self.count);
            self.fill();
            if self.count == 0 {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of bits that are written with spaces between them.
    fn stream(bits: &str) -> Vec<u8> {
        let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').collect();
        let byte = |bits: &[u8]| {
            (0..8).fold(0, |byte, at| {
                byte << 1 | u8::from(bits.get(at) == Some(&b'1'))
            })
        };
        bits.chunks(8).map(byte).collect()
    }

    fn decoded(predicted: bool, bits: &str, length: usize) -> Option<Vec<u32>> {
        let coding = Coding {
            sample_bits: 8,
            block_samples: 4,
            predicted,
        };
        let mut samples = vec![77; length];
        let stream = stream(bits);
        Decoder::new(coding, &stream).interval(&mut samples, length)?;
        Some(samples)
    }

    #[test]
    fn every_way_to_code_a_block() {
        let raw = "111 00000001 11111111 00000010 00000000";
        assert_eq!(decoded(false, raw, 4), Some(vec![1, 255, 2, 0]));
        // Two low bits: 1, 0, 0 and 3 in unary, then the low bits of all.
        let split = "011 01 1 1 0001 10 01 11 00";
        assert_eq!(decoded(false, split, 4), Some(vec![6, 1, 3, 12]));
        // The codes 4 and 0 are the pairs (1, 1) and (0, 0).
        let pairs = "000 1 00001 1";
        assert_eq!(decoded(false, pairs, 4), Some(vec![1, 1, 0, 0]));
        let zeros = "000 0 01";
        assert_eq!(decoded(false, zeros, 8), Some(vec![0; 8]));
    }

    #[test]
    fn a_reference_takes_the_place_of_a_sample() {
        // Differences of 0, 1 and -1 are coded as 0, 2 and 1.
        let split = "001 00001010 1 001 01";
        assert_eq!(decoded(true, split, 4), Some(vec![10, 10, 11, 10]));
        // The first of the pair (0, 2) is the reference.
        let pairs = "000 1 00001010 000001 1";
        assert_eq!(decoded(true, pairs, 4), Some(vec![10, 11, 11, 11]));
        let zeros = "000 0 00001010 1";
        assert_eq!(decoded(true, zeros, 4), Some(vec![10; 4]));
        let raw = "111 11111110 00000011 00000001 11111111";
        // Only one step is left upwards, so a code of 3 is three below the top; 255 is the bottom in the same way.
        assert_eq!(decoded(true, raw, 4), Some(vec![254, 252, 251, 0]));
    }

    #[test]
    fn runs_of_zeros() {
        let to_the_end = |blocks: usize| decoded(false, "000 0 00001", blocks * 4);
        for blocks in [1, 5, 64] {
            assert_eq!(to_the_end(blocks), Some(vec![0; blocks * 4]));
        }
        // A segment ends before the interval does.
        assert_eq!(to_the_end(65), None);
        let twice = decoded(false, "000 0 00001 000 0 00001", 70 * 4);
        assert_eq!(twice, Some(vec![0; 280]));
        for (code, blocks) in [("1", 1), ("0001", 4), ("000001", 5), ("0000001", 6)] {
            let bits = format!("000 0 {code}");
            assert_eq!(decoded(false, &bits, blocks * 4), Some(vec![0; blocks * 4]));
            // It does not go on in the next interval.
            assert_eq!(decoded(false, &bits, (blocks - 1) * 4 + 1), None);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bits in [
            "",
            "111 00000001 11111111 00000010",
            // 64 times 4 has no place in 8 bits.
            &format!("011 {}1 1 1 1 00 00 00 00", "0".repeat(64)),
            &format!("000 1 {}1 1", "0".repeat(91)),
            &format!("000 1 {}", "0".repeat(500)),
        ] {
            assert_eq!(decoded(false, bits, 4), None, "{bits}");
        }
    }

    #[test]
    fn bits_are_read_across_words() {
        let bytes: Vec<u8> = (0..40_u8).map(|n| n.wrapping_mul(37)).collect();
        let bit = |at: usize| u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
        let mut bits = Bits::new(&bytes);
        let mut at = 0;
        for count in (1..=32).cycle() {
            let end = at + count as usize;
            let expected = (end <= 320).then(|| (at..end).fold(0, |n, at| n << 1 | bit(at)));
            assert_eq!(bits.take(count), expected);
            if expected.is_none() {
                break;
            }
            at = end;
        }
        let mut long = vec![0; 30];
        long[29] = 1;
        let mut bits = Bits::new(&long);
        assert_eq!(bits.take(3), Some(0));
        assert_eq!(bits.unary(), Some(236));
        assert_eq!(bits.unary(), None);
    }
}
