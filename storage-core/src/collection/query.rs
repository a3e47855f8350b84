//! A search for arrays.

use std::cmp::Ordering;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::{
    Array, ArrayEntry, ArrayLocator, AttributeValue, Attributes, Collection, Error, ErrorKind,
    Filter, ID_ATTRIBUTE, Result, Role,
};

/// A search for the arrays of a collection.
///
/// *Costs.* A filter that gives every key attribute by `=`, or the identity, is one look-up; a set of identities is one for each.
/// Any other is one listing of the collection, from which key attributes are known. Conditions on custom attributes are a scan:
/// they open each array that the conditions on the key leave ([`is_scan`](Self::is_scan)).
///
/// Without an order, arrays come as the store lists them.
#[derive(Debug)]
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    collection: Collection,
    // A mistake in the filter or the order is told when the query is run.
    filter: Result<Filter>,
    order: Vec<(String, bool)>,
    offset: usize,
    limit: Option<usize>,
}

impl Query {
    pub(super) fn new(collection: Collection, filter: Result<Filter>) -> Self {
        Self {
            collection,
            filter,
            order: Vec::new(),
            offset: 0,
            limit: None,
        }
    }

    /// Orders by all key attributes, in schema order, ascending.
    pub fn sorted(mut self) -> Self {
        let names = self
            .collection
            .schema()
            .key_attributes()
            .map(|attribute| attribute.name.clone());
        self.order = names.map(|name| (name, false)).collect();
        self
    }

    /// Orders by one key attribute, ascending; called again, by the next one among equals.
    pub fn sorted_by(mut self, attribute: &str) -> Self {
        self.check_order(attribute);
        self.order.push((attribute.to_owned(), false));
        self
    }

    /// Turns the order round.
    pub fn descending(mut self) -> Self {
        self.order
            .iter_mut()
            .for_each(|(_, descending)| *descending = !*descending);
        self
    }

    /// Leaves out the first `count` arrays.
    pub fn offset(mut self, count: usize) -> Self {
        self.offset = count;
        self
    }

    /// Stops after `count` arrays.
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    fn check_order(&mut self, attribute: &str) {
        let known = self.collection.schema().attribute(attribute);
        if self.filter.is_ok() && known.is_none_or(|known| known.role != Role::Key) {
            self.filter = Err(Error::invalid(format!(
                "arrays are sorted by key attributes, and '{attribute}' is none of collection '{}'",
                self.collection.name()
            )));
        }
    }

    /// Whether arrays have to be opened one by one to know which are found: the filter asks for custom attributes, or for
    /// identities in a way that is no look-up.
    #[must_use]
    pub fn is_scan(&self) -> bool {
        let schema = self.collection.schema();
        self.filter
            .as_ref()
            .is_ok_and(|filter| filter.needs_custom(schema) && !filter.is_look_up(schema))
    }

    /// Keys of the arrays found; opens none unless the filter asks for custom attributes.
    ///
    /// # Errors
    /// `InvalidInput` for a mistake in the query, or when the store cannot be listed.
    pub async fn entries(mut self) -> Result<Vec<ArrayEntry>> {
        let filter = std::mem::replace(&mut self.filter, Ok(Filter::All))?;
        let order = std::mem::take(&mut self.order);
        let mut found: Vec<ArrayEntry> = if order.is_empty() {
            let page = matching(&self.collection, &filter).skip(self.offset);
            match self.limit {
                Some(limit) => page.take(limit).try_collect().await?,
                None => page.try_collect().await?,
            }
        } else {
            let mut all: Vec<ArrayEntry> =
                matching(&self.collection, &filter).try_collect().await?;
            let places = self.places(&order);
            all.sort_by(|a, b| compare(&places, &a.key, &b.key));
            all.drain(..self.offset.min(all.len()));
            all
        };
        found.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Where the attributes of an order stand in every key.
    fn places(&self, order: &[(String, bool)]) -> Vec<(usize, bool)> {
        let keys = self.collection.schema().key_attributes();
        let places = order.iter().map(|(name, descending)| {
            let place = keys.clone().position(|attribute| attribute.name == *name);
            place.map(|place| (place, *descending))
        });
        places.flatten().collect()
    }

    /// How many arrays are found, after `offset` and `limit`.
    ///
    /// # Errors
    /// As [`entries`](Self::entries).
    pub async fn count(mut self) -> Result<usize> {
        self.order.clear();
        Ok(self.entries().await?.len())
    }

    /// The arrays found, each opened when the stream reaches it. An array deleted meanwhile is passed over.
    #[must_use]
    pub fn stream(self) -> BoxStream<'static, Result<Array>> {
        let collection = self.collection.clone();
        futures::stream::once(self.entries())
            .map_ok(|entries| futures::stream::iter(entries.into_iter().map(Ok)))
            .try_flatten()
            .try_filter_map(move |entry: ArrayEntry| {
                let collection = collection.clone();
                async move { open_if_there(&collection, &entry).await }
            })
            .boxed()
    }

    /// The first array found.
    ///
    /// # Errors
    /// As [`entries`](Self::entries), or when the array cannot be opened.
    pub async fn first(self) -> Result<Option<Array>> {
        self.limit(1).stream().try_next().await
    }

    /// The last array found; in the order of the key when no other was asked for.
    ///
    /// # Errors
    /// As [`entries`](Self::entries), or when the array cannot be opened.
    pub async fn last(self) -> Result<Option<Array>> {
        let collection = self.collection.clone();
        let sorted = if self.order.is_empty() {
            self.sorted()
        } else {
            self
        };
        for entry in sorted.entries().await?.iter().rev() {
            if let Some(array) = open_if_there(&collection, entry).await? {
                return Ok(Some(array));
            }
        }
        Ok(None)
    }

    /// All arrays found, opened.
    ///
    /// # Errors
    /// As [`entries`](Self::entries), or when one cannot be opened.
    pub async fn all(self) -> Result<Vec<Array>> {
        self.stream().try_collect().await
    }
}

/// The entries that match, in the order of the listing.
fn matching<'a>(
    collection: &'a Collection,
    filter: &'a Filter,
) -> BoxStream<'a, Result<ArrayEntry>> {
    let schema = collection.schema();
    let entries = if let Some(key) = filter.full_key(schema) {
        let locator = ArrayLocator::Key(key);
        futures::stream::once(look_up(collection, locator))
            .try_filter_map(async |found| Ok(found))
            .boxed()
    } else if let Some(ids) = filter.ids() {
        futures::stream::iter(ids)
            .then(move |id| look_up(collection, ArrayLocator::Id(id)))
            .try_filter_map(async |found| Ok(found))
            .boxed()
    } else {
        listing(collection)
    };
    if filter.needs_custom(schema) {
        entries
            .try_filter_map(async move |entry| {
                let Some(array) = open_if_there(collection, &entry).await? else {
                    return Ok(None);
                };
                let id = [(ID_ATTRIBUTE, array.id())].into_iter().collect();
                let matches = filter.matches(&[array.key(), array.custom(), &id]);
                Ok(matches.then(|| ArrayEntry {
                    id: Some(array.id()),
                    ..entry
                }))
            })
            .boxed()
    } else {
        entries
            .try_filter(move |entry| futures::future::ready(filter.matches(&[&entry.key])))
            .boxed()
    }
}

/// All arrays, as the adapter lists them.
fn listing(collection: &Collection) -> BoxStream<'_, Result<ArrayEntry>> {
    match collection.store().shared().adapter() {
        Ok(adapter) => adapter.list_arrays(collection.meta()),
        Err(error) => futures::stream::once(std::future::ready(Err(error))).boxed(),
    }
}

async fn look_up(collection: &Collection, locator: ArrayLocator) -> Result<Option<ArrayEntry>> {
    match collection.open(&locator).await {
        Ok(array) => Ok(Some(ArrayEntry {
            key: array.key().clone(),
            id: Some(array.id()),
        })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens an entry, or nothing when it was deleted since it was listed.
async fn open_if_there(collection: &Collection, entry: &ArrayEntry) -> Result<Option<Array>> {
    let locator: ArrayLocator = entry.locator();
    match collection.open(&locator).await {
        Ok(array) => Ok(Some(array)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compares two keys by the values at these places, some of them the other way round.
fn compare(order: &[(usize, bool)], a: &Attributes, b: &Attributes) -> Ordering {
    order
        .iter()
        .map(|(place, descending)| {
            let values = a.at(*place).zip(b.at(*place));
            let ordering = values.map_or(Ordering::Equal, |(a, b)| {
                let by_kind = || is_odd(a).cmp(&is_odd(b));
                a.compare(b).unwrap_or_else(by_kind)
            });
            if *descending {
                ordering.reverse()
            } else {
                ordering
            }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Whether a value has no order with others of its attribute: then it comes last.
fn is_odd(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Float(value) => value.is_nan(),
        AttributeValue::Complex(value) => value.is_nan(),
        // What an adapter has no room for is its text.
        AttributeValue::Text(_) => true,
        _ => false,
    }
}

/// What a person calls an entry.
pub(super) fn name(entry: &ArrayEntry) -> String {
    match entry.id {
        Some(id) if entry.key.is_empty() => format!("id={id}"),
        _ => entry.key.to_string(),
    }
}
