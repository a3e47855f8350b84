//! What nobody can beat: copies, system calls and codecs alone, with one thread and with several.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::cells::{copy_box, load};
use crate::clock::Clock;
use crate::request::{Failure, Outcome, Request, lengths};

/// What one thread takes at a time, as a chunk would be.
const PIECE: usize = 2 << 20;

/// Does what a request asks for.
pub(crate) fn answer(request: &Request) -> Outcome<Value> {
    let threads = match request.text("op")? {
        "versions" => return Ok(json!({"versions": {}})),
        _ => request.number("threads")?,
    };
    match request.text("what")? {
        "copy" => copy(request, threads, true),
        "copy-fresh" => copy(request, threads, false),
        "pread" => pread(&request.source()?, threads),
        "pwrite" => pwrite(request, threads),
        "encode" => Codec::new(request)?.encode(threads),
        "decode" => Codec::new(request)?.decode(threads),
        other => Err(Failure::new(format!("no limit '{other}'"))),
    }
}

/// Gives each piece of work to whichever of `threads` threads is free, by its number.
fn share<T: Send>(
    threads: usize,
    work: impl Iterator<Item = T> + Send,
    each: impl Fn(usize, T) -> Outcome + Sync,
) -> Outcome {
    let work = Mutex::new(work.enumerate());
    let next = || work.lock().ok().and_then(|mut work| work.next());
    let run = || {
        while let Some((number, piece)) = next() {
            each(number, piece)?;
        }
        Ok(())
    };
    if threads == 1 {
        return run();
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().try_for_each(|thread| {
            let stopped = |_| Failure::new("a thread stopped");
            thread.join().map_err(stopped)?
        })
    })
}

fn copy(request: &Request, threads: usize, touched: bool) -> Outcome<Value> {
    let from = std::fs::read(request.source()?)?;
    let mut to = if touched {
        vec![1; from.len()]
    } else {
        Vec::new()
    };
    let clock = Clock::start();
    if !touched {
        // Zeroed pages come from the system one by one as they are written.
        to = vec![0; from.len()];
    }
    let pieces = from.chunks(PIECE).zip(to.chunks_mut(PIECE));
    share(threads, pieces, |_, (from, to)| {
        to.copy_from_slice(from);
        Ok(())
    })?;
    Ok(clock.stop())
}

fn pread(path: &Path, threads: usize) -> Outcome<Value> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(Failure::new)?;
    let mut buffer = vec![1; length];
    let clock = Clock::start();
    share(threads, buffer.chunks_mut(PIECE), |number, piece| {
        Ok(file.read_exact_at(piece, (number * PIECE) as u64)?)
    })?;
    Ok(clock.stop())
}

/// A file per piece, as chunks are written, in a new folder.
fn pwrite(request: &Request, threads: usize) -> Outcome<Value> {
    let bytes = std::fs::read(request.source()?)?;
    let folder = request.path()?;
    let clock = Clock::start();
    std::fs::create_dir(folder)?;
    share(threads, bytes.chunks(PIECE), |number, piece| {
        let file = File::create_new(folder.join(number.to_string()))?;
        Ok(file.write_all_at(piece, 0)?)
    })?;
    Ok(clock.stop())
}

/// A codec and chunks to feed it with.
struct Codec {
    zstd: bool,
    level: i32,
    chunks: Vec<Vec<u8>>,
}

impl Codec {
    fn new(request: &Request) -> Outcome<Self> {
        let layout = request.get("layout");
        let level = layout["level"].as_i64().unwrap_or(1);
        let mut chunks = chunks(request)?;
        if layout["shuffle"] == true {
            let cell_size = load(&request.source()?)?.dtype().size();
            chunks
                .iter_mut()
                .for_each(|chunk| *chunk = shuffled(chunk, cell_size));
        }
        Ok(Self {
            zstd: layout["codec"] == "zstd",
            level: i32::try_from(level).map_err(Failure::new)?,
            chunks,
        })
    }

    /// The largest size that a chunk may be encoded to.
    fn bound(&self, chunk: &[u8]) -> usize {
        chunk.len() + chunk.len() / 8 + 1024
    }

    fn encode(&self, threads: usize) -> Outcome<Value> {
        let mut encoded: Vec<Vec<u8>> = self
            .chunks
            .iter()
            .map(|chunk| vec![1; self.bound(chunk)])
            .collect();
        let clock = Clock::start();
        self.encode_into(threads, &mut encoded)?;
        Ok(clock.stop())
    }

    /// Encodes each chunk into its buffer, which shrinks to what was needed.
    fn encode_into(&self, threads: usize, encoded: &mut [Vec<u8>]) -> Outcome {
        share(
            threads,
            self.chunks.iter().zip(encoded),
            |_, (chunk, to)| {
                let size = if self.zstd {
                    zstd::bulk::Compressor::new(self.level)?
                        .compress_to_buffer(chunk, to.as_mut_slice())?
                } else {
                    let level = libdeflater::CompressionLvl::new(self.level)
                        .map_err(|_| Failure::new("no such level of deflate"))?;
                    libdeflater::Compressor::new(level)
                        .zlib_compress(chunk, to)
                        .map_err(Failure::new)?
                };
                to.truncate(size);
                Ok(())
            },
        )
    }

    fn decode(&self, threads: usize) -> Outcome<Value> {
        let bounds = self.chunks.iter().map(|chunk| self.bound(chunk));
        let mut encoded: Vec<Vec<u8>> = bounds.map(|bound| vec![0; bound]).collect();
        self.encode_into(threads, &mut encoded)?;
        let mut decoded: Vec<Vec<u8>> = self
            .chunks
            .iter()
            .map(|chunk| vec![1; chunk.len()])
            .collect();
        let clock = Clock::start();
        share(
            threads,
            encoded.iter().zip(&mut decoded),
            |_, (chunk, to)| {
                if self.zstd {
                    zstd::bulk::Decompressor::new()?
                        .decompress_to_buffer(chunk, to.as_mut_slice())?;
                } else {
                    libdeflater::Decompressor::new()
                        .zlib_decompress(chunk, to)
                        .map_err(Failure::new)?;
                }
                Ok(())
            },
        )?;
        let answer = clock.stop();
        if decoded != self.chunks {
            return Err(Failure::new("the codec did not give back what it got"));
        }
        Ok(answer)
    }
}

/// The chunks of the source, each as its bytes.
fn chunks(request: &Request) -> Outcome<Vec<Vec<u8>>> {
    let cells = load(&request.source()?)?;
    let layout = request.get("layout");
    let shape = lengths(&layout["chunks"]).ok_or_else(|| Failure::new("no chunk shape"))?;
    let counts = cells.shape().iter().zip(&shape);
    let counts: Vec<u64> = counts.map(|(&size, &chunk)| size / chunk).collect();
    let mut chunks = Vec::new();
    for number in 0..counts.iter().product() {
        let mut rest = number;
        let mut start = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            start[axis] = rest % counts[axis] * shape[axis];
            rest /= counts[axis];
        }
        chunks.push(copy_box(&cells, &start, &shape)?.bytes().to_vec());
    }
    Ok(chunks)
}

/// All first bytes of the cells, then all second ones, and so on.
fn shuffled(chunk: &[u8], cell_size: usize) -> Vec<u8> {
    (0..cell_size)
        .flat_map(|byte| chunk.iter().skip(byte).step_by(cell_size).copied())
        .collect()
}
