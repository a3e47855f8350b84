//! What is attached to one owner: paths, and the objects under them.

use std::collections::{BTreeMap, BTreeSet};

use hyperslab_core::{Error, Result, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{KEYS, Owner};
use crate::blobs::BlobKey;

const FORMAT: &str = "hyperslab attachments";
const VERSION: u64 = 1;

/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 1024;

/// A file that is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachedFile {
    /// The key of its content, the SHA-256.
    #[serde(deserialize_with = "key")]
    pub key: BlobKey,
    /// Bytes of its content.
    pub size: u64,
    /// What kind of content it is, as `text/csv`, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// When it was attached.
    pub attached: Timestamp,
}

/// What is attached to one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<String, AttachedFile>,
    inputs: BTreeSet<BlobKey>,
}

/// What is to be named.
#[derive(Debug, Clone, Default)]
pub(super) struct Addition {
    pub(super) files: BTreeMap<String, AttachedFile>,
    /// All inputs, if they change.
    pub(super) inputs: Option<BTreeSet<BlobKey>>,
}

impl Addition {
    pub(super) fn file(path: &str, file: AttachedFile) -> Self {
        Self {
            files: BTreeMap::from([(path.to_owned(), file)]),
            inputs: None,
        }
    }

    pub(super) fn inputs(keys: &[BlobKey]) -> Self {
        Self {
            files: BTreeMap::new(),
            inputs: Some(keys.iter().copied().collect()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.inputs.is_none()
    }

    pub(super) fn keys(&self) -> Vec<BlobKey> {
        let files = self.files.values().map(|file| file.key);
        files.chain(self.inputs.iter().flatten().copied()).collect()
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u64,
    owner: Owner,
    files: BTreeMap<String, AttachedFile>,
    #[serde(default, deserialize_with = "keys")]
    inputs: BTreeSet<BlobKey>,
}

impl Manifest {
    /// The files, by path, in order.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, AttachedFile> {
        &self.files
    }

    /// The objects that the owner was made from.
    #[must_use]
    pub fn inputs(&self) -> &BTreeSet<BlobKey> {
        &self.inputs
    }

    /// All objects that it names.
    pub fn keys(&self) -> impl Iterator<Item = &BlobKey> {
        self.files
            .values()
            .map(|file| &file.key)
            .chain(&self.inputs)
    }

    /// The file under a path.
    ///
    /// # Errors
    /// `NotFound` that names those that there are.
    pub fn file(&self, path: &str) -> Result<&AttachedFile> {
        const NAMED_MAX: usize = 10;
        self.files.get(path).ok_or_else(|| {
            let names: Vec<&str> = self
                .files
                .keys()
                .take(NAMED_MAX)
                .map(String::as_str)
                .collect();
            let there = match names.as_slice() {
                [] => "nothing else is, either".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Error::not_found(format!("nothing is attached as {path:?}; {there}"))
        })
    }

    /// The files as a tree in the form in which AiiDA keeps them: `{"o": {NAME: {"k": KEY}}}`.
    #[must_use]
    pub fn to_aiida(&self) -> Value {
        let mut root = Map::new();
        for (path, file) in &self.files {
            let parts: Vec<&str> = path.split('/').collect();
            put_into(&mut root, &parts, &file.key);
        }
        match root.is_empty() {
            true => json!({}),
            false => json!({ "o": root }),
        }
    }

    pub(super) fn check_room(&self, path: &str) -> Result<()> {
        // What has both could be kept nowhere as files.
        match above(&self.files, path).or_else(|| below(&self.files, path)) {
            None => Ok(()),
            Some(known) => Err(Error::invalid(format!(
                "'{path}' cannot be attached beside '{known}': one of them would be a folder and a file"
            ))),
        }
    }

    /// Names more, in the place of what was there.
    pub(super) fn add(&mut self, more: &Addition) -> Result<()> {
        for (path, file) in &more.files {
            self.check_room(path)?;
            self.files.insert(path.clone(), file.clone());
        }
        if let Some(inputs) = &more.inputs {
            self.inputs.clone_from(inputs);
        }
        Ok(())
    }

    /// Takes that back, for what was there before, but where somebody has named something else since.
    pub(super) fn take_back(&mut self, added: &Addition, before: &Self) {
        for (path, file) in &added.files {
            if self.files.get(path) == Some(file) {
                self.files.remove(path);
                let before = before.files.get_key_value(path);
                self.files
                    .extend(before.map(|(path, file)| (path.clone(), file.clone())));
            }
        }
        if added.inputs.as_ref() == Some(&self.inputs) {
            self.inputs.clone_from(&before.inputs);
        }
    }

    pub(super) fn remove(&mut self, path: &str) -> Result<usize> {
        let before = self.files.len();
        let below = format!("{path}/");
        self.files
            .retain(|known, _| known != path && !known.starts_with(&below));
        match before - self.files.len() {
            0 => self.file(path).map(|_| 0),
            count => Ok(count),
        }
    }

    /// The document of an owner.
    pub(super) fn document(&self, owner: &Owner) -> Result<Vec<u8>> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            owner: *owner,
            files: self.files.clone(),
            inputs: self.inputs.clone(),
        };
        serde_json::to_vec_pretty(&document)
            .map_err(|error| Error::internal("a manifest that is no JSON").with_source(error))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// `Unsupported` for one of a later version; `Corrupt`.
    pub(super) fn parse(name: &str, text: &[u8]) -> Result<(Owner, Self)> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let damaged = |why: String| {
            Error::corrupt(format!(
                "the attachments in {name}: {why}; restore them from a copy"
            ))
        };
        let versioned: Versioned =
            serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        if versioned.version != VERSION {
            return Err(Error::unsupported(format!(
                "the attachments in {name} are of version {}, and this program knows version {VERSION}; update hyperslab",
                versioned.version
            )));
        }
        let document: Document =
            serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        if document.format != FORMAT || document.owner.name() != name {
            return Err(damaged(format!("they are those of {}", document.owner)));
        }
        for path in document.files.keys() {
            check_path(path).map_err(|error| damaged(error.to_string()))?;
            if let Some(outer) = above(&document.files, path) {
                return Err(damaged(format!("'{outer}' is a file and a folder")));
            }
        }
        let manifest = Self {
            files: document.files,
            inputs: document.inputs,
        };
        Ok((document.owner, manifest))
    }
}

type Files = BTreeMap<String, AttachedFile>;

/// The file that a path leads through, if there is one.
fn above<'a>(files: &'a Files, path: &str) -> Option<&'a String> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    let mut folders = ends.filter_map(|end| path.get(..end));
    folders.find_map(|folder| files.get_key_value(folder).map(|(path, _)| path))
}

/// A file of which a path would be the folder, if there is one.
fn below<'a>(files: &'a Files, path: &str) -> Option<&'a String> {
    let folder = format!("{path}/");
    let (first, _) = files.range(folder.clone()..).next()?;
    first.starts_with(&folder).then_some(first)
}

/// Puts an object into a tree of AiiDA's.
fn put_into(folder: &mut Map<String, Value>, path: &[&str], key: &BlobKey) {
    match path {
        [] => {}
        [name] => drop(folder.insert((*name).to_owned(), json!({ "k": key }))),
        [first, rest @ ..] => {
            let next = folder.entry(*first).or_insert_with(|| json!({ "o": {} }));
            if let Some(Value::Object(inner)) = next.get_mut("o") {
                put_into(inner, rest, key);
            }
        }
    }
}

/// Refuses what is no media type: two names with `/` between them, and parameters behind.
pub(super) fn check_media_type(text: &str) -> Result<()> {
    let is_name = |name: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !name.is_empty() && name.chars().all(is_part)
    };
    let plain = text.split(';').next().unwrap_or_default().trim_end();
    let names = plain.split_once('/');
    let is_type = names.is_some_and(|(kind, sub)| is_name(kind) && is_name(sub));
    match is_type && text.len() < 256 && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{text:?} is no media type; write it as text/csv, or application/json; charset=utf-8"
        ))),
    }
}

/// Refuses a path that could lead out of the folder that it is written into.
pub(super) fn check_path(path: &str) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::invalid(format!(
            "{path:?} is no path of an attachment: {why}"
        )))
    };
    if path.len() > PATH_BYTES_MAX {
        return refuse("it has more than 1,024 bytes");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return refuse("it has a control character or a backslash");
    }
    for part in path.split('/') {
        match part {
            "" => return refuse("it is empty, or has an empty part; write it as logs/run.log"),
            "." | ".." => return refuse("'.' and '..' lead elsewhere"),
            _ => {}
        }
    }
    Ok(())
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<BlobKey, D::Error> {
    let text = String::deserialize(deserializer)?;
    BlobKey::parse(KEYS, &text).map_err(serde::de::Error::custom)
}

fn keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeSet<BlobKey>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| BlobKey::parse(KEYS, text).map_err(serde::de::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::ErrorKind;

    fn file(number: u8) -> AttachedFile {
        AttachedFile {
            key: BlobKey::parse(KEYS, &format!("{number:02x}").repeat(32)).unwrap(),
            size: u64::from(number),
            media_type: (number == 1).then(|| "text/plain".to_owned()),
            attached: Timestamp::from_nanoseconds(0).unwrap(),
        }
    }

    fn insert(manifest: &mut Manifest, path: &str, number: u8) -> Result<()> {
        manifest.add(&Addition::file(path, file(number)))
    }

    #[test]
    fn paths_stay_within() {
        for path in ["a", "a/b c.txt", "ä/日", "..a", "a..b/c."] {
            check_path(path).unwrap();
        }
        for path in [
            "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\nb",
            "a\0",
        ] {
            assert_eq!(
                check_path(path).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{path:?}"
            );
        }
        assert!(check_path(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn media_types_are_what_they_say() {
        for text in [
            "text/csv",
            "application/vnd.ms-excel",
            "image/svg+xml",
            "text/plain; charset=utf-8",
        ] {
            check_media_type(text).unwrap();
        }
        for text in [
            "",
            "csv",
            "text/",
            "/csv",
            "text/csv\n",
            "text /csv",
            "a/b/c",
        ] {
            assert_eq!(
                check_media_type(text).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{text:?}"
            );
        }
    }

    #[test]
    fn nothing_is_a_folder_and_a_file() {
        let mut manifest = Manifest::default();
        insert(&mut manifest, "a", 1).unwrap();
        assert!(insert(&mut manifest, "a/b", 2).is_err());
        insert(&mut manifest, "b/c/d", 2).unwrap();
        assert!(insert(&mut manifest, "b/c", 3).is_err());
        insert(&mut manifest, "b/cc", 3).unwrap();
        insert(&mut manifest, "a", 4).unwrap();
        assert_eq!(manifest.files().len(), 3);
        assert_eq!(manifest.remove("b").unwrap(), 2);
        assert_eq!(
            manifest.remove("b").unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }

    #[test]
    fn documents_come_back_and_others_are_refused() {
        let mut manifest = Manifest::default();
        insert(&mut manifest, "logs/run.log", 1).unwrap();
        manifest.add(&Addition::inputs(&[file(9).key])).unwrap();
        let text = manifest.document(&Owner::Store).unwrap();
        let name = Owner::Store.name();
        assert_eq!(
            Manifest::parse(&name, &text).unwrap(),
            (Owner::Store, manifest)
        );
        let text = String::from_utf8(text).unwrap();
        for (from, to, kind) in [
            ("\"version\": 1", "\"version\": 2", ErrorKind::Unsupported),
            (
                "\"kind\": \"store\"",
                "\"kind\": \"planet\"",
                ErrorKind::Corrupt,
            ),
            ("logs/run.log", "logs/../run", ErrorKind::Corrupt),
            ("0101", "XX01", ErrorKind::Corrupt),
            ("\"files\"", "\"fields\"", ErrorKind::Corrupt),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            let error = Manifest::parse(&name, changed.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{from}: {error}");
        }
        assert!(Manifest::parse("collections/x.json", text.as_bytes()).is_err());
    }

    #[test]
    fn a_document_with_a_file_that_is_a_folder_is_refused() {
        let mut manifest = Manifest::default();
        for path in ["logs/run.log", "logs!", "x"] {
            insert(&mut manifest, path, 1).unwrap();
        }
        let text = manifest.document(&Owner::Store).unwrap();
        let text = String::from_utf8(text).unwrap();
        let changed = text.replace("\"x\"", "\"logs\"");
        assert_ne!(changed, text);
        let error = Manifest::parse(&Owner::Store.name(), changed.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_tree_is_that_of_aiida() {
        let mut manifest = Manifest::default();
        assert_eq!(manifest.to_aiida(), json!({}));
        insert(&mut manifest, "a", 1).unwrap();
        insert(&mut manifest, "b/c/d", 2).unwrap();
        insert(&mut manifest, "b/e", 3).unwrap();
        let key = |number| json!({ "k": file(number).key });
        assert_eq!(
            manifest.to_aiida(),
            json!({"o": {"a": key(1), "b": {"o": {"c": {"o": {"d": key(2)}}, "e": key(3)}}}})
        );
    }
}
