//! Reading the cells of an array, ours or another program's: which chunks are wanted, where they are, and into their place.
//!
//! Every read looks at the state of every object it touches, so it sees all that was stored before it began; what is known of that
//! state already, its index or its decoded chunks, is neither fetched nor decoded again. Objects of a disk are read on the
//! thread that asks ([`at_hand`]), those of a server side by side ([`remote`]).

mod at_hand;
mod index;
mod remote;
mod stored;

use std::fmt::{self, Debug};
use std::sync::Arc;

use hyperslab_core::{ArrayBuf, Error, Hyperslab, Result};
use hyperslab_engine::codec::Decode;
use hyperslab_engine::{ChunkKey, Decoding, Destination, Engine, ObjectId, Slot};

use self::index::Known;
pub(crate) use self::index::{IndexPlace, Memory};
use crate::chunks::ChunkLayout;
use crate::objects::{Objects, Version};

/// The key of an object, from its position in the grid of objects.
pub(crate) type ObjectKeys = Box<dyn Fn(&[u64]) -> String + Send + Sync>;

/// How the cells of an array are stored.
pub(crate) struct Form {
    pub(crate) layout: ChunkLayout,
    /// Where a shard has its index; `None` without shards.
    pub(crate) index: Option<IndexPlace>,
    pub(crate) codecs: Box<dyn Decode>,
    /// Bytes of the cells of one chunk.
    pub(crate) chunk_bytes: usize,
    /// What a cell reads as that is not stored.
    pub(crate) fill: Vec<u8>,
    /// The key of an object at a position in the grid of objects.
    pub(crate) key: ObjectKeys,
    /// What tells this way to store cells from others in which the same objects could be read.
    pub(crate) recipe: ObjectId,
    /// Whether the objects are those of our own store. Others may be changed in place, and twice at one moment.
    pub(crate) is_ours: bool,
}

/// The cells of an array.
pub(crate) struct Cells {
    pub(crate) form: Form,
    objects: Arc<dyn Objects>,
    engine: Arc<Engine>,
    known: Arc<Memory>,
    /// The medium and the form.
    place: ObjectId,
}

/// A result to be filled, and what belongs into it.
#[derive(Debug)]
pub(crate) struct Request {
    destination: Arc<Destination>,
    wanted: Vec<Wanted>,
}

/// The cells that are wanted of one object.
#[derive(Debug)]
struct Wanted {
    key: String,
    /// Which object, whatever its state.
    place: ObjectId,
    /// The chunks by their number in the object.
    slots: Vec<(usize, Slot)>,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) out: ArrayBuf,
    /// Whether any of the chunks is stored.
    pub(crate) is_stored: bool,
}

impl Cells {
    pub(crate) fn new(
        form: Form,
        objects: Arc<dyn Objects>,
        engine: Arc<Engine>,
        known: Arc<Memory>,
    ) -> Self {
        let place = ObjectId::of(&(objects.identity(), form.recipe));
        Self {
            form,
            objects,
            engine,
            known,
            place,
        }
    }

    pub(crate) fn objects(&self) -> &dyn Objects {
        &*self.objects
    }

    pub(crate) fn key(&self, object: u64) -> String {
        (self.form.key)(&self.form.layout.objects().position(object))
    }

    /// What a hyperslab wants; `out` has its shape and the element type of the array.
    pub(crate) fn request(&self, slab: &Hyperslab, out: ArrayBuf) -> Request {
        let layout = &self.form.layout;
        let (destination, slots) = Destination::new(layout.chunks(), slab, out);
        let mut placed: Vec<(u64, usize, Slot)> = slots
            .into_iter()
            .map(|slot| {
                let (object, number) = layout.place_of(slot.chunk());
                (object, number, slot)
            })
            .collect();
        // The chunks of a shard do not follow one another.
        placed.sort_by_key(|(object, ..)| *object);
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut last = None;
        for (object, number, slot) in placed {
            match wanted.last_mut() {
                Some(same) if last == Some(object) => same.slots.push((number, slot)),
                _ => wanted.push(self.wanted(object, (number, slot))),
            }
            last = Some(object);
        }
        Request {
            destination,
            wanted,
        }
    }

    fn wanted(&self, object: u64, first: (usize, Slot)) -> Wanted {
        let key = self.key(object);
        Wanted {
            place: self.place_of(&key),
            key,
            slots: vec![first],
        }
    }

    fn place_of(&self, key: &str) -> ObjectId {
        ObjectId::of(&(self.place, key))
    }

    fn decoding(&self) -> Decoding<'_> {
        Decoding {
            codecs: &*self.form.codecs,
            mask: 0,
            chunk_bytes: self.form.chunk_bytes,
            has_sums: false,
        }
    }

    fn chunk_count(&self) -> usize {
        self.form.layout.chunks_per_object()
    }

    /// An error of one object, with its name.
    fn of_object(&self, key: &str, error: Error) -> Error {
        error.context(format!("{}/{key}", self.objects.url()))
    }
}

impl Request {
    /// How many objects have to be looked at.
    pub(crate) fn object_count(&self) -> usize {
        self.wanted.len()
    }

    /// The buffer as it was.
    ///
    /// # Errors
    /// `Internal`, never.
    pub(crate) fn give_back(self) -> Result<ArrayBuf> {
        drop(self.wanted);
        Destination::finish(self.destination)
    }
}

/// What the chunks of one state of an object are known by.
fn state(place: ObjectId, version: &Version) -> ObjectId {
    ObjectId::of(&(place, version))
}

fn chunk_key(object: ObjectId, number: usize) -> ChunkKey {
    ChunkKey {
        object,
        chunk: number as u64,
    }
}

impl Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("layout", &self.layout)
            .field("index", &self.index)
            .field("codecs", &self.codecs)
            .finish_non_exhaustive()
    }
}

impl Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells")
            .field("form", &self.form)
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}
