//! The nodes of a foreign Zarr hierarchy: groups and arrays by path, from consolidated metadata or one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, stream};
use hyperslab_core::{Error, ErrorKind, Result};
use hyperslab_engine::Engine;
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::cells::Means;
use super::json;
use crate::cells::Memory;
use crate::compute::IN_FLIGHT;
use crate::objects::Objects;

/// How deep groups may lie in each other.
const GROUP_DEPTH_MAX: usize = 32;

const V3: &str = "zarr.json";
const V2_ARRAY: &str = ".zarray";
const V2_GROUP: &str = ".zgroup";
const V2_ATTRIBUTES: &str = ".zattrs";
const V2_CONSOLIDATED: &str = ".zmetadata";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Group,
    Array,
}

/// A group or an array: its metadata, and its attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) metadata: Map<String, Value>,
    pub(super) attributes: Map<String, Value>,
}

/// A hierarchy. Methods block.
#[derive(Debug)]
pub(super) struct Nodes {
    objects: Arc<dyn Objects>,
    runtime: Handle,
    engine: Arc<Engine>,
    /// The states of objects that reads have seen.
    states: Arc<Memory>,
    /// The nodes known so far, `None` for a path that has none.
    known: Mutex<HashMap<String, Option<Arc<Node>>>>,
    /// The paths of all arrays in their order, where metadata were consolidated: then nothing else is looked for.
    consolidated: Option<Vec<String>>,
    /// The name of the only variable, when the root is an array.
    root_array: Option<String>,
}

impl Nodes {
    pub(super) fn open(
        objects: Arc<dyn Objects>,
        runtime: Handle,
        engine: Arc<Engine>,
    ) -> Result<Self> {
        let mut nodes = Self {
            objects,
            runtime,
            engine,
            states: Arc::default(),
            known: Mutex::default(),
            consolidated: None,
            root_array: None,
        };
        let root = nodes.wait(nodes.load(""))?.ok_or_else(|| {
            Error::not_found(format!(
                "there is no Zarr group in {}: it has no {V3}, {V2_GROUP} or {V2_ARRAY}",
                nodes.location()
            ))
        })?;
        if root.kind == Kind::Array {
            let last = nodes.location().rsplit('/').next().unwrap_or_default();
            let name = last.strip_suffix(".zarr").unwrap_or(last);
            let name = if name.is_empty() { "array" } else { name }.to_owned();
            nodes.remember(&name, Some(Arc::new(root)));
            nodes.root_array = Some(name);
            return Ok(nodes);
        }
        let consolidated = if root.metadata.get("zarr_format") == Some(&Value::from(2)) {
            nodes.consolidated_v2()?
        } else {
            nodes.consolidated_v3(&root)?
        };
        let is_array = |(path, node): &(String, Node)| {
            let array = node.kind == Kind::Array && !path.is_empty();
            array.then(|| path.clone())
        };
        nodes.consolidated = consolidated
            .as_ref()
            .map(|found| found.iter().filter_map(is_array).collect());
        for (path, node) in consolidated.into_iter().flatten() {
            nodes.remember(&path, Some(Arc::new(node)));
        }
        nodes.remember("", Some(Arc::new(root)));
        Ok(nodes)
    }

    pub(super) fn location(&self) -> &str {
        self.objects.url()
    }

    /// What the cells of its arrays are read with.
    pub(super) fn means(&self) -> Means {
        Means {
            objects: Arc::clone(&self.objects),
            engine: Arc::clone(&self.engine),
            known: Arc::clone(&self.states),
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The path of the array in the medium.
    pub(super) fn place<'a>(&self, path: &'a str) -> &'a str {
        if self.root_array.is_some() { "" } else { path }
    }

    /// The node of a path; `None` when there is none.
    pub(super) fn get(&self, path: &str) -> Result<Option<Arc<Node>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = known.get(path) {
            return Ok(node.clone());
        }
        drop(known);
        if self.root_array.is_some() {
            return Ok((path.is_empty()).then(|| Arc::new(Node::empty_group())));
        }
        if self.consolidated.is_some() || !is_path(path) {
            return Ok(None);
        }
        let node = self.wait(self.load(path))?.map(Arc::new);
        self.remember(path, node.clone());
        Ok(node)
    }

    /// All arrays with their paths: those of a group in its order, or by name, before those of the groups inside it. One of
    /// which the metadata are damaged does not hide the others.
    pub(super) fn arrays(&self) -> Result<Vec<(String, Result<Arc<Node>>)>> {
        let mut paths = match (&self.consolidated, &self.root_array) {
            (_, Some(name)) => vec![name.clone()],
            (Some(paths), _) => paths.clone(),
            (None, None) => {
                let mut paths = Vec::new();
                self.walk("", 0, &mut paths)?;
                paths
            }
        };
        paths.sort_by_key(|path| path.matches('/').count());
        let mut found = Vec::new();
        for path in paths {
            match self.get(&path) {
                Ok(Some(node)) => found.push((path, Ok(node))),
                Ok(None) => {}
                Err(error) if self.is_of_one_node(&error) => found.push((path, Err(error))),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn walk(&self, group: &str, depth: usize, arrays: &mut Vec<String>) -> Result<()> {
        if depth > GROUP_DEPTH_MAX {
            return Ok(());
        }
        let level = self.wait(self.objects.list_level(group))?;
        let paths: Vec<String> = (level.folders.iter())
            .map(|folder| join(group, folder))
            .collect();
        self.load_all(&paths)?;
        for path in paths {
            match self.get(&path) {
                Ok(Some(node)) if node.kind == Kind::Array => arrays.push(path),
                Ok(Some(_)) => self.walk(&path, depth + 1, arrays)?,
                Ok(None) => {}
                Err(error) if self.is_of_one_node(&error) => arrays.push(path),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the metadata of many nodes beside one another: in a bucket each answer takes its time. One that is damaged is left
    /// to those who ask for it.
    fn load_all(&self, paths: &[String]) -> Result<()> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let paths: Vec<_> = (paths.iter())
            .filter(|path| !known.contains_key(*path))
            .collect();
        drop(known);
        let loads: Vec<_> = paths.iter().map(|path| self.load(path)).collect();
        let loaded = stream::iter(loads).buffered(IN_FLIGHT).collect();
        let loaded: Vec<Result<Option<Node>>> = self.runtime.block_on(loaded);
        for (path, node) in paths.into_iter().zip(loaded) {
            match node {
                Ok(node) => self.remember(path, node.map(Arc::new)),
                Err(error) if self.is_of_one_node(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether an error is about one node, and not about the medium: of files each may have its own.
    fn is_of_one_node(&self, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Unsupported => true,
            ErrorKind::Denied | ErrorKind::Unavailable => self.objects.files().is_some(),
            _ => false,
        }
    }

    /// Waits for the medium, in the thread of the caller.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(work)
    }

    fn remember(&self, path: &str, node: Option<Arc<Node>>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), node);
    }

    async fn read(&self, path: &str, name: &str) -> Result<Option<Map<String, Value>>> {
        let key = join(path, name);
        let object = self.objects.get(&key).await?;
        object
            .map(|object| json::parse(&object.bytes, &format!("{}/{key}", self.location())))
            .transpose()
    }

    /// Reads the metadata of one node.
    async fn load(&self, path: &str) -> Result<Option<Node>> {
        if let Some(metadata) = self.read(path, V3).await? {
            return self.v3(path, metadata).map(Some);
        }
        for (name, kind) in [(V2_ARRAY, Kind::Array), (V2_GROUP, Kind::Group)] {
            if let Some(metadata) = self.read(path, name).await? {
                let attributes = self.read(path, V2_ATTRIBUTES).await?.unwrap_or_default();
                return self.v2(path, kind, metadata, attributes).map(Some);
            }
        }
        Ok(None)
    }

    fn v3(&self, path: &str, mut metadata: Map<String, Value>) -> Result<Node> {
        self.check_format(path, &metadata, 3)?;
        let kind = match metadata.get("node_type").and_then(Value::as_str) {
            Some("array") => Kind::Array,
            Some("group") => Kind::Group,
            _ => return Err(self.damaged(path, "it is neither a group nor an array")),
        };
        let attributes = match metadata.remove("attributes") {
            Some(Value::Object(attributes)) => attributes,
            None => Map::new(),
            Some(_) => return Err(self.damaged(path, "its attributes are not an object")),
        };
        Ok(Node {
            kind,
            metadata,
            attributes,
        })
    }

    fn v2(
        &self,
        path: &str,
        kind: Kind,
        metadata: Map<String, Value>,
        attributes: Map<String, Value>,
    ) -> Result<Node> {
        self.check_format(path, &metadata, 2)?;
        Ok(Node {
            kind,
            metadata,
            attributes,
        })
    }

    fn check_format(&self, path: &str, metadata: &Map<String, Value>, wanted: u64) -> Result<()> {
        match metadata.get("zarr_format").and_then(Value::as_u64) {
            Some(format) if format == wanted => Ok(()),
            Some(other) => Err(Error::unsupported(format!(
                "'{path}' in {} is of Zarr version {other}, here of {wanted}; only versions 2 and 3 are read",
                self.location()
            ))),
            None => Err(self.damaged(path, "it does not say its version")),
        }
    }

    fn damaged(&self, path: &str, how: &str) -> Error {
        Error::corrupt(format!(
            "the metadata of '{path}' in {} are damaged: {how}",
            self.location()
        ))
    }

    /// The nodes below a group of version 3, as its own metadata say; `None` when they do not.
    fn consolidated_v3(&self, root: &Node) -> Result<Option<Vec<(String, Node)>>> {
        let metadata = root.metadata.get("consolidated_metadata");
        let metadata = metadata.and_then(|found| found.get("metadata"));
        let Some(members) = metadata.and_then(Value::as_object) else {
            return Ok(None);
        };
        let mut nodes = Vec::new();
        self.add_members("", members, 0, &mut nodes)?;
        Ok(Some(nodes))
    }

    fn add_members(
        &self,
        group: &str,
        members: &Map<String, Value>,
        depth: usize,
        nodes: &mut Vec<(String, Node)>,
    ) -> Result<()> {
        for (name, metadata) in members {
            let path = join(group, name.trim_matches('/'));
            let Value::Object(metadata) = metadata else {
                return Err(self.damaged(&path, "they are not an object"));
            };
            if !is_path(&path) || depth > GROUP_DEPTH_MAX {
                return Err(self.damaged(group, "a member has a name that none can have"));
            }
            let node = self.v3(&path, metadata.clone())?;
            let inner = node.metadata.get("consolidated_metadata");
            let inner = inner.and_then(|found| found.get("metadata"));
            let inner = inner.and_then(Value::as_object).cloned();
            nodes.push((path.clone(), node));
            if let Some(inner) = inner {
                self.add_members(&path, &inner, depth + 1, nodes)?;
            }
        }
        Ok(())
    }

    /// All nodes of a hierarchy of version 2, from the one object that has their metadata.
    fn consolidated_v2(&self) -> Result<Option<Vec<(String, Node)>>> {
        let Some(found) = self.wait(self.read("", V2_CONSOLIDATED))? else {
            return Ok(None);
        };
        let Some(entries) = found.get("metadata").and_then(Value::as_object) else {
            return Err(self.damaged(V2_CONSOLIDATED, "it has no metadata"));
        };
        let object = |key: &str| entries.get(key).and_then(Value::as_object).cloned();
        let mut nodes = Vec::new();
        for key in entries.keys() {
            let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
            let kind = match name {
                V2_ARRAY => Kind::Array,
                V2_GROUP => Kind::Group,
                _ => continue,
            };
            if !path.is_empty() && !is_path(path) {
                return Err(self.damaged(path, "no node can have this path"));
            }
            let metadata =
                object(key).ok_or_else(|| self.damaged(path, "they are not an object"))?;
            let attributes = object(&join(path, V2_ATTRIBUTES)).unwrap_or_default();
            let node = self.v2(path, kind, metadata, attributes)?;
            nodes.push((path.to_owned(), node));
        }
        Ok(Some(nodes))
    }
}

impl Node {
    fn empty_group() -> Self {
        Self {
            kind: Kind::Group,
            metadata: Map::new(),
            attributes: Map::new(),
        }
    }
}

fn join(group: &str, name: &str) -> String {
    if group.is_empty() {
        return name.to_owned();
    }
    format!("{group}/{name}")
}

/// Whether a node can have this path.
fn is_path(path: &str) -> bool {
    path.split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..")
}
