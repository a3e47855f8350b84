//! The next state of a shard: new chunks among old ones, which keep their stored bytes.

use std::ops::Range;

use bytes::Bytes;
use hyperslab_core::{Error, Result};
use hyperslab_engine::Outgoing;
use rayon::prelude::*;

use super::{ChunkEdit, NewObject, ObjectCodec, ObjectEdit, OldObject, Piece, whole_index, within};
use crate::shard::{self, ShardIndex};

/// So many chunks are encoded by one thread at a time.
const GROUP: usize = 16;

/// Encoded chunks one after the other, and where each of them lies; `None` for one that is all fill.
struct Encoded {
    out: Outgoing,
    chunks: Vec<(usize, Option<Range<usize>>)>,
}

/// What becomes of one chunk.
enum Fate {
    Absent,
    Old(Range<u64>),
    /// In which of the groups, and where there.
    New(usize, Range<usize>),
}

impl ObjectCodec {
    pub(super) fn shard_after(&self, edit: &ObjectEdit, old: OldObject) -> Result<NewObject> {
        let count = self.layout.chunks_per_object();
        let bytes = old.bytes().filter(|_| !edit.is_whole);
        let index = match (&old, bytes) {
            (_, Some(bytes)) => whole_index(bytes, count)?,
            (OldObject::Shard { index, .. }, _) if !edit.is_whole => index.to_vec(),
            _ => vec![None; count],
        };
        let stored = |place: usize, chunk: &ChunkEdit| match (&old, bytes) {
            (_, Some(bytes)) => within(bytes, index.get(chunk.number)?.as_ref()?),
            (OldObject::Shard { touched, .. }, _) => touched.get(place)?.as_deref(),
            _ => None,
        };
        let groups = self.encode_chunks(edit, stored)?;
        let fates = fates(&index, &groups);
        if fates.iter().all(|fate| matches!(fate, Fate::Absent)) {
            return Ok(NewObject::Nothing);
        }
        let keeps_some = fates.iter().any(|fate| matches!(fate, Fate::Old(_)));
        match bytes {
            None if keeps_some => Ok(spliced(&fates, groups)),
            None if groups.len() == 1 => Ok(whole_shard(&fates, groups)),
            bytes => joined(&fates, &groups, bytes.unwrap_or_default()),
        }
    }

    /// Encodes the chunks that an edit touches, by several threads where there is much to do.
    fn encode_chunks<'a>(
        &self,
        edit: &ObjectEdit,
        stored: impl Fn(usize, &ChunkEdit) -> Option<&'a [u8]> + Sync,
    ) -> Result<Vec<Encoded>> {
        let size = match edit.shared_out {
            true => GROUP,
            false => edit.chunks.len().max(1),
        };
        let encode = |(group, chunks): (usize, &[ChunkEdit])| {
            let mut out = Outgoing::new(0);
            let mut made = Vec::with_capacity(chunks.len());
            for (place, chunk) in chunks.iter().enumerate() {
                let start = out.len();
                let old = stored(group * size + place, chunk);
                let is_stored = self.put_chunk(chunk, old, &mut out)?;
                made.push((chunk.number, is_stored.then(|| start..out.len())));
            }
            Ok(Encoded { out, chunks: made })
        };
        if edit.chunks.len() <= size {
            return Ok(vec![encode((0, &edit.chunks))?]);
        }
        let groups = edit.chunks.par_chunks(size).enumerate().with_max_len(1);
        groups.map(encode).collect()
    }
}

fn fates(index: &ShardIndex, groups: &[Encoded]) -> Vec<Fate> {
    let old = index.iter().map(|range| match range {
        Some(range) => Fate::Old(range.clone()),
        None => Fate::Absent,
    });
    let mut fates: Vec<Fate> = old.collect();
    for (group, encoded) in groups.iter().enumerate() {
        for (number, range) in &encoded.chunks {
            if let Some(fate) = fates.get_mut(*number) {
                *fate = match range {
                    Some(range) => Fate::New(group, range.clone()),
                    None => Fate::Absent,
                };
            }
        }
    }
    fates
}

/// The index of a shard whose chunks lie in their order.
fn index_of(fates: &[Fate]) -> Vec<u8> {
    let mut end = 0;
    shard::index_bytes(fates.iter().map(|fate| {
        let length = match fate {
            Fate::Absent => return None,
            Fate::Old(range) => range.end - range.start,
            Fate::New(_, range) => range.len() as u64,
        };
        end += length;
        Some(end - length..end)
    }))
}

/// A shard of new chunks only, which lie in their order already.
fn whole_shard(fates: &[Fate], groups: Vec<Encoded>) -> NewObject {
    let mut out = groups.into_iter().next().map(|encoded| encoded.out);
    let out = out.get_or_insert_with(|| Outgoing::new(0));
    out.extend(&index_of(fates));
    let whole = std::mem::replace(out, Outgoing::new(0));
    NewObject::Bytes(Bytes::from_owner(whole))
}

/// A shard in one buffer.
fn joined(fates: &[Fate], groups: &[Encoded], old: &[u8]) -> Result<NewObject> {
    let index = index_of(fates);
    let new: usize = groups.iter().map(|encoded| encoded.out.len()).sum();
    let mut out = Outgoing::new(old.len() + new + index.len());
    for fate in fates {
        let bytes = match fate {
            Fate::Absent => continue,
            Fate::Old(range) => within(old, range),
            Fate::New(group, range) => {
                (groups.get(*group)).and_then(|encoded| encoded.out.get(range.clone()))
            }
        };
        out.extend(bytes.ok_or_else(|| Error::corrupt("a chunk lies outside of its shard"))?);
    }
    out.extend(&index);
    Ok(NewObject::Bytes(Bytes::from_owner(out)))
}

/// A shard in pieces, so that old chunks need not pass through memory.
fn spliced(fates: &[Fate], groups: Vec<Encoded>) -> NewObject {
    let index = index_of(fates);
    let groups: Vec<Bytes> = groups
        .into_iter()
        .map(|encoded| Bytes::from_owner(encoded.out))
        .collect();
    let mut pieces: Vec<Piece> = Vec::new();
    for fate in fates {
        match fate {
            Fate::Absent => {}
            Fate::Old(range) => match pieces.last_mut() {
                Some(Piece::Old(last)) if last.end == range.start => last.end = range.end,
                _ => pieces.push(Piece::Old(range.clone())),
            },
            Fate::New(group, range) => {
                pieces.extend(
                    groups
                        .get(*group)
                        .map(|bytes| Piece::New(bytes.slice(range.clone()))),
                );
            }
        }
    }
    pieces.push(Piece::New(index.into()));
    NewObject::Pieces(pieces)
}
