//! From `STORE/COLLECTION` to a store and a collection in it.

use hyperslab::{Collection, Error, ErrorKind, Result};

use crate::human;
use crate::session::Session;

/// How many collections of a store an error names.
const NAMED_COUNT: usize = 3;

/// Opens the collection in `STORE/COLLECTION`: the name of the store, too.
pub(super) async fn open(text: &str, session: &Session) -> Result<(String, Collection)> {
    if let Some((store, name)) = session.split(text) {
        return open_in(&store, &name, session).await;
    }
    match find(text, session).await {
        Err(error) if error.kind() == ErrorKind::NotFound || split(text).is_err() => {
            Err(store_alone(text, session).await.unwrap_or(error))
        }
        found => found,
    }
}

/// What another program wrote may have slashes in its name, and coordinates in the groups around its own, so the outermost
/// group that has it is the store.
async fn find(text: &str, session: &Session) -> Result<(String, Collection)> {
    let (mut store, mut name) = split(text)?;
    let mut found = open_in(&store, &name, session).await;
    let may_be_further_out = match &found {
        Ok((_, collection)) => collection.store().capabilities().read_only,
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    if !may_be_further_out {
        return found;
    }
    while let Ok((outer, folder)) = split(&store) {
        (store, name) = (outer, format!("{folder}/{name}"));
        if let Ok(further) = open_in(&store, &name, session).await {
            found = Ok(further);
        }
    }
    found
}

async fn open_in(store: &str, name: &str, session: &Session) -> Result<(String, Collection)> {
    let collection = session.open(store).await?.collection(name).await?;
    Ok((store.to_owned(), collection))
}

/// Says what to write where the text names a store and no collection; `None` where it names no store either.
async fn store_alone(text: &str, session: &Session) -> Option<Error> {
    let store = session.open(text).await.ok()?;
    let names = store.collections().await.ok()?;
    let store = match text.contains("://") {
        // Without what stands behind it, where there may be a secret.
        true => store.info().url,
        false => text.trim_end_matches('/').to_owned(),
    };
    if names.is_empty() {
        return Some(Error::invalid(format!(
            "{store} is a store that has no collection"
        )));
    }
    let named = names.iter().take(NAMED_COUNT);
    let named: Vec<_> = named.map(|name| format!("{store}/{name}")).collect();
    let more = match names.len().saturating_sub(NAMED_COUNT) as u64 {
        0 => String::new(),
        count => format!(", or one of {} more", human::grouped(count)),
    };
    Some(Error::invalid(format!(
        "{store} is a store, and no collection in it is named; write {}{more}",
        named.join(" or ")
    )))
}

/// The store and the collection in `STORE/COLLECTION`; what stands behind the path of a URL belongs to the store.
pub(super) fn split(text: &str) -> Result<(String, String)> {
    let end = match text.find("://") {
        Some(_) => text.find(['?', '#']).unwrap_or(text.len()),
        None => text.len(),
    };
    let (address, parameters) = text.split_at(end);
    match address.rsplit_once('/') {
        Some((store, name)) if !name.is_empty() && !store.is_empty() && !store.ends_with("/") => {
            Ok((format!("{store}{parameters}"), name.to_owned()))
        }
        _ => Err(Error::invalid(format!(
            "'{}' does not name a store and a collection; write it as ./store/collection",
            // There may be a secret in a URL.
            address
                .find("://")
                .map_or(address, |end| &address[..end + 3])
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_and_a_collection_are_told_apart() {
        for (text, store, name) in [
            ("./a/b", "./a", "b"),
            ("a/b c/d", "a/b c", "d"),
            ("/a/b", "/a", "b"),
            ("./a?x/b", "./a?x", "b"),
            ("file:///a/b?adapter=zarr", "file:///a?adapter=zarr", "b"),
            (
                "s3://a/b/c?endpoint=http://x/y",
                "s3://a/b?endpoint=http://x/y",
                "c",
            ),
            ("s3://a/b/c#d/e", "s3://a/b#d/e", "c"),
        ] {
            assert_eq!(split(text).unwrap(), (store.to_owned(), name.to_owned()));
        }
        for text in ["", "a", "a/", "/a", "memory://a", "s3://a"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
