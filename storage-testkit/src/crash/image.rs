//! What is found on a disk after a power cut.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::disk::{BASE, Content, Disk, Edit, File, Node};

/// How much of what was not synced has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luck {
    /// Nothing that was not promised.
    None,
    /// Everything.
    All,
    /// Something, chosen by this seed.
    Some(u64),
}

impl Disk {
    /// Makes in a folder what is found after a cut.
    pub(super) fn write_image(&self, luck: Luck, target: &Path) {
        let mut random = Rng::with_seed(match luck {
            Luck::Some(seed) => seed,
            _ => 0,
        });
        let mut survivors: Vec<usize> = (0..self.len())
            .map(|node| match (self.node(node), luck) {
                (Content::Folder(folder), Luck::All) => folder.unsynced.len(),
                (Content::Folder(folder), Luck::Some(_)) => {
                    random_count(&mut random, folder.unsynced.len())
                }
                _ => 0,
            })
            .collect();
        self.close(&mut survivors);
        let mut image = Image {
            disk: self,
            luck,
            survivors,
            random,
            files: HashMap::new(),
        };
        image.put_folder(BASE, target);
    }
}

struct Image<'a> {
    disk: &'a Disk,
    luck: Luck,
    /// Of each folder so many changes of names.
    survivors: Vec<usize>,
    random: Rng,
    /// Where files are that have been made: one may have two names.
    files: HashMap<Node, PathBuf>,
}

impl Image<'_> {
    fn put_folder(&mut self, node: Node, path: &Path) {
        let Content::Folder(folder) = self.disk.node(node) else {
            return;
        };
        std::fs::create_dir_all(path).unwrap();
        for (name, node) in folder.names(self.survivors[node]) {
            let path = path.join(name);
            match self.disk.node(node) {
                Content::Folder(_) => self.put_folder(node, &path),
                Content::File(file) => match self.files.get(&node) {
                    Some(first) => std::fs::hard_link(first, path).unwrap(),
                    None => {
                        std::fs::write(&path, self.bytes(file)).unwrap();
                        self.files.insert(node, path);
                    }
                },
            }
        }
    }

    fn bytes(&mut self, file: &File) -> Vec<u8> {
        let mut bytes = file.synced.clone();
        let luck = match self.luck {
            Luck::Some(_) => match self.random.u8(..3) {
                0 => Luck::None,
                1 => Luck::All,
                _ => self.luck,
            },
            luck => luck,
        };
        for edit in &file.unsynced {
            match luck {
                Luck::None => {}
                Luck::All => edit.apply(&mut bytes),
                Luck::Some(_) => {
                    if let Some(edit) = self.torn(edit) {
                        edit.apply(&mut bytes);
                    }
                }
            }
        }
        bytes
    }

    /// A change that has survived wholly, in part or not.
    fn torn(&mut self, edit: &Edit) -> Option<Edit> {
        match (self.random.u8(..4), edit) {
            (0, _) => None,
            (1, Edit::Write(offset, bytes)) => {
                let count = self.random.usize(..=bytes.len());
                Some(Edit::Write(*offset, bytes[..count].to_vec()))
            }
            // The file has its new length, and zeros where the bytes should be.
            (2, Edit::Write(offset, bytes)) => Some(Edit::Write(*offset, vec![0; bytes.len()])),
            _ => Some(edit.clone()),
        }
    }
}

/// None, all or some of so many.
fn random_count(random: &mut Rng, count: usize) -> usize {
    match random.u8(..4) {
        0 => 0,
        1 => count,
        _ => random.usize(..=count),
    }
}
