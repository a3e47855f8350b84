use super::*;

struct Folder {
    root: tempfile::TempDir,
    moves: Moves,
}

impl Folder {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let moves = Moves::new(root.path(), root.path().join("record.json"));
        Self { root, moves }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn stage(&self, name: &str, text: &str) -> Staged {
        let file = TempFile::create(self.root.path()).unwrap();
        file.file().write_all(text.as_bytes()).unwrap();
        Staged {
            file,
            target: self.path(name),
        }
    }

    fn publish(&self, files: &[(&str, &str)]) -> Result<()> {
        let staged = files.iter().map(|(name, text)| self.stage(name, text));
        let publish = |staged| self.moves.publish(staged, Durability::Synced, || Ok(()));
        publish(staged.collect())
    }

    /// What a reader finds.
    fn find(&self, name: &str) -> Option<String> {
        let view = self.moves.look().unwrap();
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| Error::io("read", "it", error))
        };
        let found = view.open(&self.path(name), read).unwrap();
        assert!(self.moves.is_current(&view).unwrap());
        found
    }

    /// Makes the record that a writer leaves which is killed when the change is decided and `done` moves are made.
    fn kill_after(&self, done: usize, files: &[(&str, &str)]) {
        let last = self.moves.read().unwrap();
        let mut moves = Vec::new();
        for (number, (name, text)) in files.iter().enumerate() {
            let staged = self.stage(name, text);
            let from = self.moves.below(staged.file.path()).unwrap();
            let to = PathBuf::from(name);
            let over = self.moves.keep_away.map(|_| state(&staged.target));
            moves.push(Move(from, to, over));
            if number < done {
                staged.file.replace(&staged.target).unwrap();
            } else {
                staged.file.leave();
            }
        }
        let record = Record::new(last.generation + 1, moves);
        self.moves.write(&record, Durability::Relaxed).unwrap();
    }

    fn names(&self) -> Vec<String> {
        disk::list(self.root.path()).unwrap()
    }
}

#[test]
fn files_get_their_names_together() {
    let folder = Folder::new();
    folder.publish(&[("a", "1"), ("b", "1")]).unwrap();
    folder.publish(&[("b", "2")]).unwrap();
    folder.publish(&[("a", "3"), ("c", "3")]).unwrap();
    assert_eq!(folder.names(), ["a", "b", "c", "record.json"]);
    let found = ["a", "b", "c", "d"].map(|name| folder.find(name));
    assert_eq!(
        found,
        [Some("3"), Some("2"), Some("3"), None].map(|text| text.map(str::to_owned))
    );
}

#[test]
fn a_change_that_was_decided_is_seen_whole_and_finished_by_the_next() {
    for done in 0..=2 {
        for settles in [false, true] {
            let folder = Folder::new();
            folder.publish(&[("a", "1"), ("b", "1")]).unwrap();
            folder.kill_after(done, &[("a", "2"), ("b", "2")]);
            assert_eq!(folder.find("a").as_deref(), Some("2"));
            assert_eq!(folder.find("b").as_deref(), Some("2"));
            if settles {
                assert!(folder.moves.settle().unwrap());
                assert!(!folder.moves.settle().unwrap());
            }
            // Not undone by what was left.
            folder.publish(&[("a", "3")]).unwrap();
            assert_eq!(folder.find("a").as_deref(), Some("3"));
            assert_eq!(folder.find("b").as_deref(), Some("2"));
            assert_eq!(folder.names(), ["a", "b", "record.json"]);
        }
    }
}

#[test]
fn what_others_have_changed_since_stays_as_they_left_it() {
    for done in 0..=2 {
        for (name, kept) in [("b", Some("theirs")), ("b", None), ("a", Some("theirs"))] {
            let mut folder = Folder::new();
            folder.moves = folder.moves.beside_others(|path| match path.exists() {
                true => Ok(Box::new(())),
                false => Err(Error::not_found("it")),
            });
            folder
                .publish(&[("a", "1"), ("b", "1"), ("c", "1")])
                .unwrap();
            folder.kill_after(done, &[("a", "2"), ("b", "2"), ("c", "2")]);
            match kept {
                Some(text) => std::fs::write(folder.path(name), text).unwrap(),
                None => std::fs::remove_file(folder.path(name)).unwrap(),
            }
            let expected = ["a", "b", "c"].map(|known| match known == name {
                true => kept.map(str::to_owned),
                false => Some("2".to_owned()),
            });
            let found = || ["a", "b", "c"].map(|name| folder.find(name));
            assert_eq!(found(), expected);
            assert!(folder.moves.settle().unwrap());
            assert_eq!(found(), expected);
            let mut names = vec!["a", "b", "c", "record.json"];
            names.retain(|known| kept.is_some() || known != &name);
            assert_eq!(folder.names(), names);
        }
    }
}

#[test]
fn a_change_waits_for_others_who_are_at_a_file() {
    let mut folder = Folder::new();
    folder.moves = folder.moves.beside_others(|_| Err(Error::locked("it")));
    folder.kill_after(1, &[("a", "2"), ("b", "2")]);
    let error = folder.moves.settle().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert_eq!(folder.moves.staged().unwrap().len(), 2);
    let mut folder = folder;
    folder.moves.keep_away = Some(|_| Ok(Box::new(())));
    assert_eq!(folder.find("b").as_deref(), Some("2"));
    assert!(folder.moves.settle().unwrap());
    assert_eq!(folder.names(), ["a", "b", "record.json"]);
}

#[test]
fn a_change_that_is_refused_leaves_nothing() {
    let folder = Folder::new();
    folder.publish(&[("a", "1"), ("b", "1")]).unwrap();
    for files in [&["a"][..], &["a", "b"]] {
        let staged = files.iter().map(|name| folder.stage(name, "2")).collect();
        let refuse = || Err(Error::not_found("gone"));
        let refused = folder.moves.publish(staged, Durability::Synced, refuse);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(folder.find("a").as_deref(), Some("1"));
        assert_eq!(folder.names(), ["a", "b", "record.json"]);
    }
}

#[test]
fn a_reader_learns_that_files_have_changed_meanwhile() {
    let folder = Folder::new();
    let view = folder.moves.look().unwrap();
    folder.publish(&[("a", "1")]).unwrap();
    assert!(folder.moves.is_current(&view).unwrap());
    folder.publish(&[("a", "2"), ("b", "2")]).unwrap();
    assert!(!folder.moves.is_current(&view).unwrap());
}

#[test]
fn a_record_that_is_none_changes_nothing() {
    let folder = Folder::new();
    folder.publish(&[("a", "1")]).unwrap();
    for (text, kind) in [
        ("{", ErrorKind::Corrupt),
        (r#"{"version": 2}"#, ErrorKind::Unsupported),
        (
            r#"{"version": 1, "generation": 1, "moves": [["a", "../b"]]}"#,
            ErrorKind::Corrupt,
        ),
        (
            r#"{"version": 1, "generation": 1, "moves": [["/etc/a", "b"]]}"#,
            ErrorKind::Corrupt,
        ),
    ] {
        std::fs::write(folder.path("record.json"), text).unwrap();
        assert_eq!(folder.moves.look().unwrap_err().kind(), kind);
        assert_eq!(folder.moves.settle().unwrap_err().kind(), kind);
        assert_eq!(folder.publish(&[("a", "2")]).unwrap_err().kind(), kind);
        assert_eq!(std::fs::read(folder.path("a")).unwrap(), b"1");
    }
}

#[test]
fn concurrent_writers_and_readers_see_whole_changes() {
    const ROUNDS: usize = 60;
    let folder = Folder::new();
    folder.publish(&[("a", "0"), ("b", "0")]).unwrap();
    std::thread::scope(|scope| {
        let write = |writer: usize| {
            for round in 0..ROUNDS {
                let text = format!("{writer}-{round}");
                let files = [("a", text.as_str()), ("b", text.as_str())];
                let staged = files.map(|(name, text)| folder.stage(name, text));
                let published =
                    (folder.moves).publish(staged.into(), Durability::Relaxed, || Ok(()));
                published.unwrap();
            }
        };
        let writers = [1, 2].map(|writer| scope.spawn(move || write(writer)));
        while writers.iter().any(|writer| !writer.is_finished()) {
            let view = folder.moves.look().unwrap();
            let read = |path: &Path| {
                std::fs::read_to_string(path).map_err(|error| Error::io("read", "it", error))
            };
            let found = ["a", "b"].map(|name| view.open(&folder.path(name), read).unwrap());
            if folder.moves.is_current(&view).unwrap() {
                assert_eq!(found[0], found[1]);
            }
        }
    });
}
