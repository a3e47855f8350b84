//! Pages of a listing.

use std::collections::BTreeMap;

use object_store::ObjectMeta;
use s3s::dto::{CommonPrefix, ETag, ListObjectsV2Input, ListObjectsV2Output, Object};

use super::BUCKET;
use super::bucket::modified;
use super::service::length;

/// An object with its ETag, or a common prefix.
type Entry = Option<(ObjectMeta, String)>;

/// One page of a listing: keys and, below a delimiter, common prefixes, in one order.
pub(super) fn page(
    input: ListObjectsV2Input,
    listed: BTreeMap<String, (ObjectMeta, String)>,
) -> ListObjectsV2Output {
    let mut entries = entries(&input, listed);
    let limit = input.max_keys.unwrap_or(1000).clamp(0, 1000);
    let entries_of_page = usize::try_from(limit).unwrap();
    let truncated = entries.len() > entries_of_page;
    let mut output = ListObjectsV2Output {
        name: Some(BUCKET.to_owned()),
        is_truncated: Some(truncated),
        max_keys: Some(limit),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter,
        prefix: input.prefix,
        start_after: input.start_after,
        ..ListObjectsV2Output::default()
    };
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    entries.truncate(entries_of_page);
    // The token of a page is its last entry.
    output.next_continuation_token = (entries.last())
        .filter(|_| truncated)
        .map(|(key, _)| key.clone());
    for (key, entry) in entries {
        match entry {
            Some((meta, tag)) => contents.push(Object {
                key: Some(key),
                size: Some(length(meta.size)),
                last_modified: Some(modified(&meta)),
                e_tag: Some(ETag::Strong(tag)),
                ..Object::default()
            }),
            None => prefixes.push(CommonPrefix { prefix: Some(key) }),
        }
    }
    output.key_count = i32::try_from(contents.len() + prefixes.len()).ok();
    output.contents = Some(contents);
    output.common_prefixes = Some(prefixes);
    output
}

/// All that comes after the previous page, in order.
fn entries(
    input: &ListObjectsV2Input,
    listed: BTreeMap<String, (ObjectMeta, String)>,
) -> Vec<(String, Entry)> {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let start = input.start_after.as_deref().unwrap_or_default();
    let after = input.continuation_token.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|text| !text.is_empty());
    let mut entries = BTreeMap::new();
    for (key, found) in listed {
        let rest = &key[prefix.len()..];
        let below = delimiter.and_then(|text| Some(rest.find(text)? + text.len()));
        match below {
            _ if key.as_str() <= start => {}
            Some(end) => {
                entries.insert(key[..prefix.len() + end].to_owned(), None);
            }
            None => {
                entries.insert(key, Some(found));
            }
        }
    }
    entries.retain(|key, _| key.as_str() > after);
    entries.into_iter().collect()
}
