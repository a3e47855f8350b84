//! Which object has which key. `docs/format/zarr.md` shows the tree.

use uuid::Uuid;

use crate::process::Process;

/// What only hyperslab needs; everything else in a store is Zarr.
pub(crate) const MACHINERY: &str = ".hyperslab";

/// The document of the store.
pub(crate) const STORE_DOCUMENT: &str = "hyperslab.json";

/// The metadata of a Zarr group or array.
pub(crate) const METADATA: &str = "zarr.json";

const SUFFIX: &str = ".json";

/// How many digits of an index stand in the names of its folders.
const TAG_LENGTH: usize = 6;

/// Under which the documents of all collections lie.
pub(crate) const COLLECTIONS: &str = ".hyperslab/collections";

/// The document of a collection.
pub(crate) fn collection_document(name: &str) -> String {
    format!("{COLLECTIONS}/{name}{SUFFIX}")
}

/// The name in the last part of the key of a document.
pub(crate) fn document_name(key: &str) -> Option<&str> {
    let last = key.rsplit_once('/').map_or(key, |(_, last)| last);
    last.strip_suffix(SUFFIX)
}

/// What each collection has of machinery, under its index.
pub(crate) const KINDS: [&str; 6] = ["arrays", "ids", "making", "removing", "staged", "stored"];

/// A new index: the place of the heads of a collection until it is cleared.
pub(crate) fn new_index() -> String {
    Uuid::new_v4().simple().to_string()[..12].to_owned()
}

/// The keys of one collection, between two clearings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The name of the collection, and of its Zarr group.
    pub(crate) collection: String,
    /// Where its heads lie.
    pub(crate) index: String,
}

impl Place {
    /// Under which the heads of all arrays lie.
    pub(crate) fn heads(&self) -> String {
        format!("{MACHINERY}/arrays/{}", self.index)
    }

    /// The head of the array of that stem.
    pub(crate) fn head(&self, stem: &str) -> String {
        format!("{}/{stem}{SUFFIX}", self.heads())
    }

    /// Under which the identities of all arrays lie.
    pub(crate) fn ids(&self) -> String {
        format!("{MACHINERY}/ids/{}", self.index)
    }

    /// What has that identity.
    pub(crate) fn id(&self, id: Uuid) -> String {
        format!("{}/{id}{SUFFIX}", self.ids())
    }

    /// Under which cells wait to be written into the chunks of all arrays.
    pub(crate) fn staged(&self) -> String {
        format!("{MACHINERY}/staged/{}", self.index)
    }

    /// Under which the cells of one change of this writer wait.
    pub(crate) fn staged_of(&self, change: Uuid, writer: &Process) -> String {
        format!("{}/{}", self.staged(), staging_name(change, writer))
    }

    /// Under which objects of all arrays are marked as stored.
    pub(crate) fn all_marks(&self) -> String {
        format!("{MACHINERY}/stored/{}", self.index)
    }

    /// Under which the objects of the array of that group are marked as stored.
    pub(crate) fn marks(&self, folder: &str) -> String {
        format!("{}/{folder}", self.all_marks())
    }

    /// What marks one object as stored.
    pub(crate) fn mark(&self, folder: &str, object: u64) -> String {
        format!("{}/{object}", self.marks(folder))
    }

    /// Under which it is said who is making which new group.
    pub(crate) fn makers(&self) -> String {
        format!("{MACHINERY}/making/{}", self.index)
    }

    /// Who is making this group.
    pub(crate) fn maker(&self, folder: &str) -> String {
        format!("{}/{folder}{SUFFIX}", self.makers())
    }

    /// A name for the group of a new array that no other array ever has.
    pub(crate) fn new_folder(&self, stem: &str) -> String {
        let random = Uuid::new_v4().simple().to_string();
        format!("{stem}~{}{}", self.tag(), &random[..TAG_LENGTH])
    }

    /// Under which it is said who is removing which group.
    pub(crate) fn removers(&self) -> String {
        format!("{MACHINERY}/removing/{}", self.index)
    }

    /// Who is removing this group.
    pub(crate) fn remover(&self, folder: &str) -> String {
        format!("{}/{folder}{SUFFIX}", self.removers())
    }

    /// Whether the group of that name was made under this index.
    pub(crate) fn owns(&self, folder: &str) -> bool {
        tag_of(folder).is_some_and(|tag| tag.starts_with(self.tag()))
    }

    fn tag(&self) -> &str {
        tag_of_index(&self.index).unwrap_or(&self.index)
    }

    /// The group of an array.
    pub(crate) fn group(&self, folder: &str) -> String {
        format!("{}/{folder}", self.collection)
    }
}

/// The digits of an index that stand in the names of its folders.
pub(crate) fn tag_of_index(index: &str) -> Option<&str> {
    index.get(..TAG_LENGTH)
}

/// The digits of the index that stand in the name of the group of an array.
pub(crate) fn index_tag(folder: &str) -> Option<&str> {
    tag_of(folder).and_then(tag_of_index)
}

/// The tag of the group of an array; `None` for a name that is not ours.
pub(crate) fn tag_of(folder: &str) -> Option<&str> {
    let (_, tag) = folder.rsplit_once('~')?;
    let ours = tag.len() == 2 * TAG_LENGTH && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then_some(tag)
}

/// What the cells of a change are kept under: it says whose they are, without another request.
fn staging_name(change: Uuid, writer: &Process) -> String {
    format!("{}.{}", change.simple(), writer.token())
}

/// The change and the writer that the name of a staging place says.
pub(crate) fn parse_staging(name: &str) -> Option<(Uuid, &str)> {
    let (change, token) = name.split_once('.')?;
    Some((Uuid::parse_str(change).ok()?, token))
}

/// The metadata of the node at `path`.
pub(crate) fn metadata(path: &str) -> String {
    format!("{path}/{METADATA}")
}

/// The chunk of an array at this position of its grid: `c/0/1`, and `c` without dimensions.
pub(crate) fn chunk(array: &str, position: &[u64]) -> String {
    let mut key = format!("{array}/c");
    for along in position {
        key.push('/');
        key.push_str(&along.to_string());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_the_index_it_was_made_under() {
        let place = |index: &str| Place {
            collection: "c".to_owned(),
            index: index.to_owned(),
        };
        let (old, new) = (place("aaaaaa000000"), place("bbbbbb000000"));
        let folder = old.new_folder("id=1");
        assert!(old.owns(&folder) && !new.owns(&folder));
        assert!(!old.owns("aaaaaa000000"));
        assert_eq!(chunk("a", &[]), "a/c");
        assert_eq!(chunk("a", &[0, 12]), "a/c/0/12");
    }
}
