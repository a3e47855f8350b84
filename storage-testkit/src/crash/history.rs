//! What a store must hold after a power cut.

use std::path::Path;

use uuid::Uuid;

use crate::campaign::{Content, Operation, Persistent, inspect};
use crate::fixture::random;

/// The content of the store after each change.
pub(super) struct History(Vec<Content>);

impl History {
    /// The history of changes that all succeed.
    pub(super) fn new(operations: Vec<Operation>) -> Self {
        let mut contents = vec![Content::default()];
        for operation in operations {
            let mut content = contents[contents.len() - 1].clone();
            content.apply(&operation).unwrap();
            contents.push(content);
        }
        Self(contents)
    }

    /// Opens what is left of the store, and makes sure that it is what the process has told before the cut.
    pub(super) async fn inspect(&self, persistent: Persistent, told: &[&str], path: &Path) {
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        let opened = told.iter().find_map(|line| line.strip_prefix("opened "));
        if let Some(id) = opened {
            let store = persistent.open(path).await;
            let id: Uuid = id.parse().unwrap();
            assert_eq!(store.info().id, id, "another store is there");
        }
        let number = |word: &str| word.parse::<usize>().unwrap();
        let (before, after) = match told.last().map(|line| words(line)).as_deref() {
            Some([begin, n]) if begin == "begin" => (number(n), Some(number(n) + 1)),
            Some([end, n]) if end == "end" => (number(n) + 1, None),
            _ => (0, None),
        };
        let before = self.0[before].clone();
        let after = after.map(|after| self.0[after].clone());
        inspect(persistent, path, &mut random(), before, after).await;
    }
}
