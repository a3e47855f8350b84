//! Where the files of a collection are: those of arrays by their id, and links to them by their key.

use std::path::{Path, PathBuf};

use hyperslab_core::{AttributeValue, Attributes, Error, Result, Role};
use uuid::Uuid;

use super::schema::{Attribute, Layout, POSITION};
use super::types::AttributeForm;
use super::{attributes, fit, text};

/// The longest name of a folder on common file systems.
const NAME_BYTES_MAX: usize = 255;

/// The two kinds of files that a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An array, or a tile of one: an HDF5 file.
    Array,
    /// An array that is made of tiles: a JSON document.
    Virtual,
}

impl Kind {
    /// The folder of files.
    pub(super) fn data(self) -> &'static str {
        match self {
            Self::Array => "array_data",
            Self::Virtual => "varray_data",
        }
    }

    /// The folder of links.
    pub(super) fn links(self) -> &'static str {
        match self {
            Self::Array => "array_symlinks",
            Self::Virtual => "varray_symlinks",
        }
    }

    /// The end of the names of files and links.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Array => ".hdf5",
            Self::Virtual => ".json",
        }
    }
}

/// The folders of one collection.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    root: PathBuf,
    /// The root as links say it.
    named: PathBuf,
    name: String,
}

impl Folders {
    /// The collection of that name, in the folder of all collections, which links call `named`.
    pub(super) fn new(collections: &Path, named: &Path, name: &str) -> Self {
        Self {
            root: collections.join(name),
            named: named.join(name),
            name: name.to_owned(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What a link to a file of the collection says.
    pub(super) fn named(&self, file: &Path) -> PathBuf {
        match file.strip_prefix(&self.root) {
            Ok(below) => self.named.join(below),
            Err(_) => file.to_owned(),
        }
    }

    pub(super) fn document(&self) -> PathBuf {
        self.root.join(format!("{}.json", self.name))
    }

    /// The file that Deker locks while it makes or empties the collection.
    pub(super) fn lock(&self) -> PathBuf {
        self.root.with_file_name(format!("{}.lock", self.name))
    }

    /// All files of a kind are below this one.
    pub(super) fn data(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.data())
    }

    /// All links of a kind are below this one.
    pub(super) fn links(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.links())
    }

    /// The file of an array.
    pub(super) fn file(&self, kind: Kind, id: Uuid) -> PathBuf {
        let text = id.to_string();
        let (first, rest) = text.split_once('-').unwrap_or((&text, ""));
        let mut path = self.data(kind);
        let mut digit = [0; 4];
        first
            .chars()
            .for_each(|character| path.push(character.encode_utf8(&mut digit)));
        path.push(rest);
        path.push(file_name(kind, id));
        path
    }

    /// The link to an array, in the folder that its key names.
    pub(super) fn link(&self, kind: Kind, parts: &[String], id: Uuid) -> PathBuf {
        self.link_folder(kind, parts).join(file_name(kind, id))
    }

    pub(super) fn link_folder(&self, kind: Kind, parts: &[String]) -> PathBuf {
        let mut path = self.links(kind);
        path.extend(parts);
        path
    }

    /// The folder of links to the tile at a position.
    pub(super) fn tile_folder(&self, array: Uuid, position: &[u64]) -> PathBuf {
        let parts = [array.to_string(), spell_position(position)];
        self.link_folder(Kind::Array, &parts)
    }
}

fn file_name(kind: Kind, id: Uuid) -> String {
    format!("{id}{}", kind.extension())
}

/// The id that a name of a file or link says.
pub(super) fn id_of(kind: Kind, name: &str) -> Option<Uuid> {
    let text = name.strip_suffix(kind.extension())?;
    let id = Uuid::parse_str(text).ok()?;
    // Deker looks for a file by its id as it is spelled.
    (id.to_string() == text).then_some(id)
}

/// A position as it is spelled in the name of a folder.
pub(super) fn spell_position(position: &[u64]) -> String {
    let numbers: Vec<String> = position.iter().map(u64::to_string).collect();
    numbers.join("-")
}

/// The folders that a key names, one below the other, as Deker comes to them; `None` when it would leave its own, or cannot have
/// such a key.
pub(super) fn key_parts(layout: &Layout, key: &Attributes) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for (attribute, value) in primary(layout, key) {
        let spelled = spell(attribute, value?)?;
        if spelled.starts_with('/') {
            return None;
        }
        for part in spelled.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." {
                return None;
            }
            parts.push(part.to_owned());
        }
    }
    Some(parts)
}

/// The same for a new array, whose key must name folders of its own.
///
/// # Errors
/// `InvalidInput` that names the attribute at fault.
pub(super) fn new_key_parts(layout: &Layout, key: &Attributes) -> Result<Vec<String>> {
    for (attribute, value) in primary(layout, key) {
        let refuse = |why: &str| {
            Error::invalid(format!(
                "attribute '{}': Deker uses it as the name of a folder, so it must not {why}; choose another value",
                attribute.name
            ))
        };
        let value = value.ok_or_else(|| refuse("be missing"))?;
        if let Some(why) = fit::misfit(attribute.form, value) {
            return Err(Error::invalid(format!(
                "attribute '{}': {why}",
                attribute.name
            )));
        }
        let spelled =
            spell(attribute, value).ok_or_else(|| refuse("be one that Python has no text for"))?;
        let mut parts = spelled.split('/');
        if parts.any(|part| matches!(part, "" | "." | "..")) {
            return Err(refuse("be empty or '.' or '..', also not between two '/'"));
        }
        if spelled.split('/').any(|part| part.len() > NAME_BYTES_MAX) {
            return Err(refuse("have more than 255 bytes"));
        }
    }
    key_parts(layout, key).ok_or_else(|| Error::internal("a key without folders"))
}

/// Whether folders may be those of a key, spelled in another way than [`key_parts`] does: of an item of a tuple that is kept with
/// the array nobody can tell what it was.
pub(super) fn may_name(layout: &Layout, key: &Attributes, parts: &[String]) -> bool {
    let joined = parts.join("/");
    let mut rests = vec![joined.as_str()];
    for (index, (attribute, value)) in primary(layout, key).enumerate() {
        if index > 0 {
            rests = text::strip(&rests, "/");
        }
        rests = match value {
            Some(AttributeValue::List(items)) if attribute.name != POSITION => {
                let behind = rests.iter().map(|rest| text::behind_tuple(items, rest));
                behind.flatten().collect()
            }
            Some(value) => {
                let spelled = spell(attribute, value);
                spelled.map_or_else(Vec::new, |spelled| text::strip(&rests, &spelled))
            }
            None => return false,
        };
    }
    rests.contains(&"")
}

/// The key that folders name, if there is just one that names them.
pub(super) fn parse_key(layout: &Layout, parts: &[String]) -> Option<Attributes> {
    let mut rest = parts.iter();
    let mut key = Attributes::new();
    for attribute in layout
        .attributes
        .iter()
        .filter(|known| known.role == Role::Key)
    {
        let spelled = rest.next()?;
        let value = match attribute.form {
            AttributeForm::Int(_) => AttributeValue::Int(spelled.parse().ok()?),
            AttributeForm::Float(_) => AttributeValue::Float(text::parse_float(spelled)?),
            AttributeForm::Complex(_) => AttributeValue::Complex(text::parse_complex(spelled)?),
            AttributeForm::Text => AttributeValue::Text(spelled.clone()),
            AttributeForm::DateTime => AttributeValue::DateTime(text::parse_datetime(spelled)?),
            // Nobody can tell what its items were.
            AttributeForm::Tuple => return None,
        };
        if spell(attribute, &value)? != *spelled {
            return None;
        }
        key.insert(&attribute.name, fit::narrowed(attribute.form, value));
    }
    rest.next().is_none().then_some(key)
}

/// Whether a key may lead to other folders than those that it is spelled as here, or several keys to the same: then an array is
/// looked for among all.
pub(super) fn is_ambiguous(key: &Attributes) -> bool {
    key.iter().any(|(_, value)| match value {
        AttributeValue::Text(text) => {
            text.split('/').any(|part| matches!(part, "" | "." | "..")) || text.contains('/')
        }
        // Of either sign.
        AttributeValue::Float(value) => *value == 0.0,
        AttributeValue::Complex(_) | AttributeValue::List(_) => true,
        _ => false,
    })
}

fn primary<'a>(
    layout: &'a Layout,
    key: &'a Attributes,
) -> impl Iterator<Item = (&'a Attribute, Option<&'a AttributeValue>)> {
    let keys = layout
        .attributes
        .iter()
        .filter(|known| known.role == Role::Key);
    keys.map(|attribute| (attribute, key.get(&attribute.name)))
}

fn spell(attribute: &Attribute, value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::List(items) if attribute.name == POSITION => {
            let numbers = items.iter().map(attributes::spell_item);
            Some(numbers.collect::<Option<Vec<_>>>()?.join("-"))
        }
        AttributeValue::Text(items) if attribute.form == AttributeForm::Tuple => {
            attributes::spell_untold_tuple(items)
        }
        value => text::value(value, attribute.form),
    }
}
