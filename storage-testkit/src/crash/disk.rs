//! A disk that promises as little as POSIX does: what a power cut keeps of a log.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::log::Event;

/// Number of a file or folder of the disk.
pub(super) type Node = usize;

/// The recorded folder.
pub(super) const BASE: Node = 0;

/// All that was ever on the disk, and what is known to stay of it.
#[derive(Debug)]
pub(super) struct Disk {
    nodes: Vec<Content>,
    /// Changes of names so far.
    clock: u64,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Content {
    File(File),
    Folder(Folder),
}

/// A file: what was synced, and what was done to it since.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) synced: Vec<u8>,
    pub(super) unsynced: Vec<Edit>,
}

/// A change of the bytes of a file.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Write(u64, Vec<u8>),
    Resize(u64),
}

/// The names in a folder.
type Names = BTreeMap<OsString, Node>;

/// A folder: the names that were synced, and what was done to them since.
#[derive(Debug, Default)]
pub(super) struct Folder {
    synced: Names,
    pub(super) unsynced: Vec<Change>,
    /// The names as the process sees them.
    seen: Names,
}

/// Names of one folder that change at once.
#[derive(Debug, Clone)]
pub(super) struct Change {
    time: u64,
    names: Vec<(OsString, Option<Node>)>,
    /// Where the same call changed names too.
    other: Option<Other>,
}

/// The other half of a change of two folders.
#[derive(Debug, Clone, Copy)]
struct Other {
    folder: Node,
    /// Whether this half never survives alone; else it does if what it takes away was not safe.
    bound: bool,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            nodes: vec![Content::Folder(Folder::default())],
            clock: 0,
        }
    }
}

impl Edit {
    /// Changes the bytes of a file.
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        let size = |size: u64| usize::try_from(size).unwrap();
        match self {
            Self::Resize(to) => bytes.resize(size(*to), 0),
            Self::Write(offset, new) => {
                let end = size(*offset) + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[size(*offset)..end].copy_from_slice(new);
            }
        }
    }
}

impl Change {
    fn apply(&self, names: &mut Names) {
        for (name, node) in &self.names {
            match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
        }
    }
}

impl Folder {
    /// The names when so many of the changes that were not synced have survived.
    pub(super) fn names(&self, survivors: usize) -> Names {
        let mut names = self.synced.clone();
        for change in &self.unsynced[..survivors] {
            change.apply(&mut names);
        }
        names
    }
}

impl Disk {
    pub(super) fn node(&self, node: Node) -> &Content {
        &self.nodes[node]
    }

    /// How many nodes there ever were.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn folder(&self, node: Node) -> &Folder {
        match &self.nodes[node] {
            Content::Folder(folder) => folder,
            Content::File(_) => panic!("a file in the place of a folder"),
        }
    }

    /// What a path names now.
    fn find(&self, path: &Path) -> Node {
        path.iter().fold(BASE, |node, name| {
            let found = self.folder(node).seen.get(name).copied();
            found.unwrap_or_else(|| panic!("{} is not on the disk", path.display()))
        })
    }

    /// The folder that a path is in, and its name there.
    fn place(&self, path: &Path) -> (Node, OsString) {
        let name = path.file_name().unwrap().to_owned();
        (self.find(path.parent().unwrap()), name)
    }

    fn add(&mut self, content: Content) -> Node {
        self.nodes.push(content);
        self.nodes.len() - 1
    }

    /// Does what the log says.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create(path) => {
                let node = self.add(Content::File(File::default()));
                self.name(path, Some(node));
            }
            Event::MakeFolder(path) => {
                let node = self.add(Content::Folder(Folder::default()));
                self.name(path, Some(node));
            }
            Event::Write {
                path,
                offset,
                bytes,
            } => self.edit(path, Edit::Write(*offset, bytes.clone())),
            Event::Resize(path, size) => self.edit(path, Edit::Resize(*size)),
            Event::Link(from, to) => self.name(to, Some(self.find(from))),
            Event::Remove(path) => self.name(path, None),
            Event::Rename(from, to) => {
                let node = self.find(from);
                self.swap((from, None), (to, Some(node)), self.is_folder(node));
            }
            Event::Exchange(one, other) => {
                let (first, second) = (self.find(one), self.find(other));
                self.swap((one, Some(second)), (other, Some(first)), true);
            }
            Event::Sync(path) => self.sync(self.find(path)),
            Event::Told(_) => {}
        }
    }

    fn is_folder(&self, node: Node) -> bool {
        matches!(self.nodes[node], Content::Folder(_))
    }

    fn edit(&mut self, path: &Path, edit: Edit) {
        let node = self.find(path);
        match &mut self.nodes[node] {
            Content::File(file) => file.unsynced.push(edit),
            Content::Folder(_) => panic!("{} is a folder", path.display()),
        }
    }

    /// Changes one name.
    fn name(&mut self, path: &Path, node: Option<Node>) {
        let (folder, name) = self.place(path);
        self.change(folder, vec![(name, node)], None);
    }

    /// Changes two names with one call; `bound` says that both happen or none.
    fn swap(
        &mut self,
        (one, one_node): (&Path, Option<Node>),
        (two, two_node): (&Path, Option<Node>),
        bound: bool,
    ) {
        let ((one, one_name), (two, two_name)) = (self.place(one), self.place(two));
        let (one_name, two_name) = ((one_name, one_node), (two_name, two_node));
        if one == two {
            return self.change(one, vec![one_name, two_name], None);
        }
        let first = Other { folder: two, bound };
        self.change(one, vec![one_name], Some(first));
        self.clock -= 1;
        let second = bound.then_some(Other { folder: one, bound });
        self.change(two, vec![two_name], second);
    }

    fn change(&mut self, folder: Node, names: Vec<(OsString, Option<Node>)>, other: Option<Other>) {
        self.clock += 1;
        let time = self.clock;
        let folder = match &mut self.nodes[folder] {
            Content::Folder(folder) => folder,
            Content::File(_) => panic!("a file in the place of a folder"),
        };
        let change = Change { time, names, other };
        change.apply(&mut folder.seen);
        folder.unsynced.push(change);
    }

    fn sync(&mut self, node: Node) {
        let mut survivors = vec![0; self.nodes.len()];
        match &mut self.nodes[node] {
            Content::File(file) => {
                for edit in file.unsynced.drain(..) {
                    edit.apply(&mut file.synced);
                }
            }
            Content::Folder(folder) => {
                survivors[node] = folder.unsynced.len();
                self.close(&mut survivors);
                self.keep(&survivors);
            }
        }
    }

    /// Lets survive what cannot be lost while the given changes survive: of each folder the first so many.
    pub(super) fn close(&self, survivors: &mut [usize]) {
        let mut open: Vec<Node> = (0..survivors.len()).collect();
        while let Some(node) = open.pop() {
            let Content::Folder(folder) = &self.nodes[node] else {
                continue;
            };
            for change in &folder.unsynced[..survivors[node]] {
                let Some(other) = change.other else { continue };
                let was_safe = |(name, _): &(OsString, _)| folder.synced.contains_key(name);
                if !other.bound && !change.names.iter().any(was_safe) {
                    continue;
                }
                let half = &self.folder(other.folder).unsynced;
                let needed = half.iter().rposition(|half| half.time == change.time);
                let needed = needed.map_or(0, |at| at + 1);
                if survivors[other.folder] < needed {
                    survivors[other.folder] = needed;
                    open.push(other.folder);
                }
            }
        }
    }

    /// Makes these changes safe.
    fn keep(&mut self, survivors: &[usize]) {
        for (content, &count) in self.nodes.iter_mut().zip(survivors) {
            if let Content::Folder(folder) = content
                && count > 0
            {
                for change in folder.unsynced.drain(..count) {
                    change.apply(&mut folder.synced);
                }
            }
        }
    }
}
