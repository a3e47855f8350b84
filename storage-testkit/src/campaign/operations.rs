//! Random changes of a store, what they come to, and how the outcome is read back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use hyperslab_core::{
    ArrayBuf, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, DType, Durability, ErrorKind,
    Hyperslab, Result, StorageAdapter, StorageOptions, WriteData, WriteOptions,
};
use uuid::Uuid;

use crate::model::{Model, random_cells, random_data, random_slab};
use crate::setup::{by_key, key, keyed, list, read_all};

const SHAPE: [u64; 2] = [12, 10];
const DTYPE: DType = DType::Int32;
/// Few, so that most changes meet an array that is there, and many one that is not.
const KEYS: i64 = 4;

/// One change of a store.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    collection: String,
    change: Change,
    pub(crate) options: WriteOptions,
}

#[derive(Debug, Clone)]
enum Change {
    CreateCollection(Box<CollectionMeta>),
    DeleteCollection,
    ClearCollection,
    CreateArray(ArrayMeta, Option<ArrayBuf>),
    Write(i64, Hyperslab, WriteData),
    Update(i64, Attributes, Vec<String>),
    DeleteArray(i64),
}

/// The kinds of changes, by the names that [`Operation::kind`] gives.
pub(crate) const KINDS: [&str; 7] = [
    "create_collection",
    "delete_collection",
    "clear_collection",
    "create_array",
    "write",
    "update",
    "delete_array",
];

impl Operation {
    /// The kind of this change.
    pub(crate) const fn kind(&self) -> &'static str {
        KINDS[match &self.change {
            Change::CreateCollection(_) => 0,
            Change::DeleteCollection => 1,
            Change::ClearCollection => 2,
            Change::CreateArray(..) => 3,
            Change::Write(..) => 4,
            Change::Update(..) => 5,
            Change::DeleteArray(_) => 6,
        }]
    }
}

/// The next change: what it is depends on the numbers alone, not on the store.
pub(crate) fn random_operation(
    random: &mut Rng,
    layouts: fn(&[u64]) -> Vec<StorageOptions>,
) -> Operation {
    let layouts = layouts(&SHAPE);
    let number = random.usize(..layouts.len().max(2));
    let collection = format!("collection {number}");
    let n = random.i64(..KEYS);
    let id = Uuid::from_u128(random.u128(..));
    let change = match random.u8(..100) {
        0..6 => Change::CreateCollection(Box::new(CollectionMeta {
            name: collection.clone(),
            id,
            schema: keyed(DTYPE, &SHAPE),
            storage: layouts[number % layouts.len()].clone(),
        })),
        6 => Change::DeleteCollection,
        7..9 => Change::ClearCollection,
        9..35 => {
            let mut array = ArrayMeta {
                id,
                key: key(n),
                custom: Attributes::new(),
            };
            if random.bool() {
                array.custom.insert("level", random.i64(..));
            }
            let cells = random.bool().then(|| random_cells(random, DTYPE, &SHAPE));
            Change::CreateArray(array, cells)
        }
        35..70 => {
            let slab = random_slab(random, &SHAPE);
            let data = random_data(random, DTYPE, &slab);
            Change::Write(n, slab, data)
        }
        70..88 => {
            let mut changed = Attributes::new();
            let mut removed = Vec::new();
            for name in ["level", "a", "b"] {
                match random.u8(..3) {
                    0 => changed.insert(name, random.i64(..)),
                    1 => removed.push(name.to_owned()),
                    _ => {}
                }
            }
            Change::Update(n, changed, removed)
        }
        _ => Change::DeleteArray(n),
    };
    let durability = match random.u8(..4) {
        0 => Durability::Synced,
        1 => Durability::Buffered,
        _ => Durability::Relaxed,
    };
    Operation {
        collection,
        change,
        options: WriteOptions {
            durability,
            // Nobody else is there: a lock that is not free belongs to the dead.
            lock_timeout: Duration::from_secs(5),
            ..WriteOptions::DEFAULT
        },
    }
}

/// Makes the change.
pub(crate) async fn perform(store: &dyn StorageAdapter, operation: &Operation) -> Result<()> {
    let options = &operation.options;
    let name = &operation.collection;
    match &operation.change {
        Change::CreateCollection(collection) => {
            return store.create_collection(collection).await.map(drop);
        }
        Change::DeleteCollection => return store.delete_collection(name, options).await,
        _ => {}
    }
    let collection = Arc::new(store.read_collection(name).await?);
    let open = async |n: i64| store.open_array(&collection, &by_key(n)).await;
    match &operation.change {
        Change::CreateCollection(_) | Change::DeleteCollection => Ok(()),
        Change::ClearCollection => store.clear_collection(&collection, options).await,
        Change::CreateArray(array, cells) => {
            let cells = cells.clone();
            store.create_array(&collection, array, cells, options).await
        }
        Change::Write(n, slab, data) => {
            let handle = open(*n).await?;
            handle.write(slab, data.clone(), options).await?;
            if options.durability == Durability::Buffered {
                // Twice, so that several are published together; where nothing is buffered, it is the same once more.
                handle.write(slab, data.clone(), options).await?;
                handle.flush().await?;
            }
            Ok(())
        }
        Change::Update(n, changed, removed) => {
            let handle = open(*n).await?;
            let updated = handle.update_attributes(changed, removed, options).await;
            updated.map(drop)
        }
        Change::DeleteArray(n) => store.delete_array(&collection, &by_key(*n), options).await,
    }
}

/// All that a store holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Content(BTreeMap<String, Collection>);

#[derive(Debug, Clone, PartialEq)]
struct Collection {
    id: Uuid,
    arrays: BTreeMap<i64, Array>,
}

#[derive(Debug, Clone, PartialEq)]
struct Array {
    id: Uuid,
    cells: Model,
    custom: BTreeMap<String, String>,
}

impl Content {
    /// Makes the change here, and says what the store must answer.
    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<(), ErrorKind> {
        let name = &operation.collection;
        if let Change::CreateCollection(meta) = &operation.change {
            if self.0.contains_key(name) {
                return Err(ErrorKind::AlreadyExists);
            }
            let arrays = BTreeMap::new();
            self.0.insert(
                name.clone(),
                Collection {
                    id: meta.id,
                    arrays,
                },
            );
            return Ok(());
        }
        let collection = self.0.get_mut(name).ok_or(ErrorKind::NotFound)?;
        let arrays = &mut collection.arrays;
        match &operation.change {
            Change::CreateCollection(_) => {}
            Change::DeleteCollection => drop(self.0.remove(name)),
            Change::ClearCollection => arrays.clear(),
            Change::CreateArray(meta, cells) => {
                let n = number_of(&meta.key);
                if arrays.contains_key(&n) {
                    return Err(ErrorKind::AlreadyExists);
                }
                let mut array = Array {
                    id: meta.id,
                    cells: Model::filled(keyed(DTYPE, &SHAPE).fill_value(), &SHAPE),
                    custom: texts(&meta.custom),
                };
                if let Some(cells) = cells {
                    let data = WriteData::Cells(cells.clone());
                    array.cells.write(&Hyperslab::full(&SHAPE), &data);
                }
                arrays.insert(n, array);
            }
            Change::Write(n, slab, data) => {
                let array = arrays.get_mut(n).ok_or(ErrorKind::NotFound)?;
                array.cells.write(slab, data);
            }
            Change::Update(n, changed, removed) => {
                let array = arrays.get_mut(n).ok_or(ErrorKind::NotFound)?;
                array.custom.extend(texts(changed));
                array.custom.retain(|name, _| !removed.contains(name));
            }
            Change::DeleteArray(n) => {
                arrays.remove(n).ok_or(ErrorKind::NotFound)?;
            }
        }
        Ok(())
    }

    /// Reads everything back, each array by key and by id.
    pub(crate) async fn of(store: &dyn StorageAdapter) -> Self {
        let mut content = Self::default();
        for name in store.list_collections().await.unwrap() {
            let meta = Arc::new(store.read_collection(&name).await.unwrap());
            let mut arrays = BTreeMap::new();
            for entry in list(store, &meta).await.unwrap() {
                let handle = store.open_array(&meta, &entry.locator()).await.unwrap();
                let array = handle.meta().await.unwrap();
                assert_eq!(array.key, entry.key);
                let by_id = ArrayLocator::Id(array.id);
                let same = store.open_array(&meta, &by_id).await.unwrap();
                assert_eq!(same.meta().await.unwrap(), array);
                let read = read_all(&*handle, &meta).await.unwrap();
                let mut cells = Model::filled(meta.schema.fill_value(), &SHAPE);
                cells.write(&Hyperslab::full(&SHAPE), &WriteData::Cells(read));
                let n = number_of(&array.key);
                let array = Array {
                    id: array.id,
                    cells,
                    custom: texts(&array.custom),
                };
                let before = arrays.insert(n, array);
                assert!(before.is_none(), "n={n} is listed twice");
            }
            content.0.insert(
                name,
                Collection {
                    id: meta.id,
                    arrays,
                },
            );
        }
        content
    }

    /// How two contents differ, in words; empty when they do not.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let mut words = Vec::new();
        for name in self.0.keys().chain(other.0.keys()) {
            match (self.0.get(name), other.0.get(name)) {
                (Some(one), Some(two)) if one == two => {}
                (Some(one), Some(two)) if one.id == two.id => {
                    for n in 0..KEYS {
                        match (one.arrays.get(&n), two.arrays.get(&n)) {
                            (None, None) => {}
                            (Some(a), Some(b)) if a == b => {}
                            (Some(a), Some(b)) => words.push(format!(
                                "{name}, n={n}: same id {}, same cells {}, attributes {:?} and {:?}",
                                a.id == b.id,
                                a.cells == b.cells,
                                a.custom,
                                b.custom
                            )),
                            (a, _) => {
                                let one = a.is_some();
                                words.push(format!("{name}, n={n}: only in the {}", side(one)));
                            }
                        }
                    }
                }
                (Some(_), Some(_)) => words.push(format!("{name}: the ids differ")),
                (one, _) => words.push(format!("{name}: only in the {}", side(one.is_some()))),
            }
        }
        words.sort();
        words.dedup();
        words.join("; ")
    }
}

const fn side(first: bool) -> &'static str {
    if first { "store" } else { "model" }
}

fn number_of(key: &Attributes) -> i64 {
    let text = key.get("n").unwrap().to_string();
    text.parse().unwrap()
}

fn texts(attributes: &Attributes) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|(name, value)| (name.to_owned(), format!("{value:?}")))
        .collect()
}
