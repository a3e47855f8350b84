//! Chunks on their way into an image: encoded on all threads, added in their order.

use hyperslab_core::chunk::PieceCopy;
use hyperslab_core::{ArrayBuf, Hyperslab, Result, fill_cells};
use hyperslab_engine::Outgoing;
use hyperslab_engine::codec::Encode;
use rayon::prelude::*;

use crate::chunk::{ChunkGrid, ChunkPiece, CodecChain, copy_cells};
use crate::file::{EncodedChunk, ImageWriter, VariableContent, are_paged};
use crate::index;

/// Bytes of chunks that are encoded while those before them are written.
const BATCH_BYTES: usize = 8 << 20;

/// Of larger chunks one is encoded at a time.
const PARALLEL_CHUNK_BYTES_MAX: u64 = 64 << 20;

/// What a chunk may be longer than its cells.
const OVERHEAD: usize = 4096;

/// A chunk as it is stored; `None` when all its cells are fill.
pub(super) type Encoded = Option<EncodedChunk>;

/// How the chunks of one variable are made.
#[derive(Debug)]
pub(crate) struct ChunkEncoder<'a> {
    pub(super) grid: &'a ChunkGrid,
    codecs: &'a CodecChain,
    fill: Vec<u8>,
}

impl<'a> ChunkEncoder<'a> {
    pub(crate) fn new(
        variable: &VariableContent,
        grid: &'a ChunkGrid,
        codecs: &'a CodecChain,
    ) -> Self {
        Self {
            grid,
            codecs,
            fill: variable.fill.to_bytes(),
        }
    }

    pub(super) fn cell_size(&self) -> usize {
        self.fill.len()
    }

    pub(super) fn copy_of(&self, piece: &ChunkPiece, slab_shape: &[u64]) -> PieceCopy {
        self.grid.copy_of(piece, slab_shape, self.cell_size())
    }

    pub(super) fn fill(&self, chunk: &mut [u8]) {
        fill_cells(chunk, &self.fill);
    }

    /// Whether pages of the chunks get checksums.
    pub(super) fn is_paged(&self) -> bool {
        are_paged(self.codecs, self.chunk_bytes())
    }

    fn chunk_bytes(&self) -> usize {
        index(self.grid.chunk_bytes(self.cell_size()))
    }

    /// Bytes of a buffer that takes a chunk, whatever becomes of it.
    fn room(&self) -> usize {
        let length = self.chunk_bytes();
        length + length / 128 + OVERHEAD
    }

    /// Encodes a chunk whose cells `make` sets, all of them.
    pub(super) fn encode(&self, make: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Encoded> {
        let (length, mut out) = (self.chunk_bytes(), Outgoing::new(self.room()));
        let is_stored = (self.codecs).encode_made(length, &self.fill, &mut out, make)?;
        Ok(is_stored.then(|| EncodedChunk::new(out, 0)))
    }

    /// Encodes a chunk whose cells are at hand as it has them.
    fn encode_run(&self, cells: &[u8]) -> Result<Encoded> {
        let mut out = Outgoing::new(self.room());
        let is_stored = self.codecs.encode_unless(cells, &self.fill, &mut out)?;
        Ok(is_stored.then(|| EncodedChunk::new(out, 0)))
    }

    /// Adds the chunks of a hyperslab that has nothing but whole ones.
    pub(crate) fn put_block(
        &self,
        writer: &mut ImageWriter<'_>,
        slab: &Hyperslab,
        cells: &ArrayBuf,
    ) -> Result<()> {
        let encode = |piece: &ChunkPiece| {
            let copy = self.copy_of(piece, cells.shape());
            let run = copy.run_in_slab(self.cell_size());
            let run = run.and_then(|run| cells.bytes().get(run));
            if let Some(run) = run.filter(|run| run.len() == self.chunk_bytes()) {
                return self.encode_run(run);
            }
            self.encode(|chunk| {
                if copy.byte_count(self.cell_size()) < chunk.len() {
                    self.fill(chunk);
                }
                let source = (cells.bytes(), copy.in_slab);
                let target = (chunk, copy.in_chunk);
                copy_cells(&copy.reversed(), self.cell_size(), source, target);
                Ok(())
            })
        };
        self.put_all(writer, &self.grid.pieces(slab), |piece| piece.chunk, encode)
    }

    /// Encodes chunks on all threads, batch by batch, and adds each batch in order while the next one is encoded.
    pub(super) fn put_all<T: Sync>(
        &self,
        writer: &mut ImageWriter<'_>,
        items: &[T],
        number: impl Fn(&T) -> u64 + Sync,
        encode: impl Fn(&T) -> Result<Encoded> + Sync,
    ) -> Result<()> {
        let encode_all = |batch: &[T]| -> Result<Vec<(u64, EncodedChunk)>> {
            let encode = |item: &T| Ok(encode(item)?.map(|encoded| (number(item), encoded)));
            match batch {
                [only] => encode(only).map(|encoded| encoded.into_iter().collect()),
                _ => (batch.par_iter().with_max_len(1))
                    .filter_map(|item| encode(item).transpose())
                    .collect(),
            }
        };
        let mut write_all = |ready: Vec<(u64, EncodedChunk)>| {
            let mut ready = ready.into_iter();
            ready.try_for_each(|(number, encoded)| writer.put_chunk(0, number, encoded))
        };
        let mut ready = Vec::new();
        for batch in items.chunks(self.batch_length()) {
            if ready.is_empty() {
                ready = encode_all(batch)?;
                continue;
            }
            let last = std::mem::take(&mut ready);
            let (written, encoded) = rayon::join(|| write_all(last), || encode_all(batch));
            written?;
            ready = encoded?;
        }
        write_all(ready)
    }

    fn batch_length(&self) -> usize {
        let chunk_bytes = self.grid.chunk_bytes(self.cell_size());
        if chunk_bytes > PARALLEL_CHUNK_BYTES_MAX {
            return 1;
        }
        let by_bytes = BATCH_BYTES / self.room();
        by_bytes.max(rayon::current_num_threads())
    }
}
