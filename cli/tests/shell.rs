//! The shell: lines from a file, and lines typed at a terminal.
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::fs::File;

use common::{Run, Scene};

/// Runs lines in the shell of the store `s`.
fn script(scene: &Scene, options: &[&str], lines: &str) -> Run {
    std::fs::write(scene.path("lines.txt"), lines).unwrap();
    let output = scene
        .command(&[&["shell", "s"], options].concat())
        .stdin(File::open(scene.path("lines.txt")).unwrap())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_same_verbs_work_on_the_opened_store() {
    let scene = Scene::with_arrays();
    let run = script(
        &scene,
        &[],
        "# what there is\n\
         ls --count\n\
         \n\
         use weather   # from here on\n\
         ls\n\
         write dt=2023-01-03 station=a --isel time=0 --value 271.5\n\
         read dt=2023-01-03 station=a --sel time=+0h --sel lat=-10..0 --json\n\
         ls --where 'quality >= 3' --count\n\
         clear dt=2023-01-03 station=a -q\n\
         show --json\n\
         create again --schema weather.json\n\
         ls again --count\n\
         copy weather other --no-verify\n\
         rm other --collection\n\
         check --level 4\n\
         locks\n\
         use\n\
         du --bytes\n\
         exit\n\
         never run\n",
    );
    assert_eq!(run.code, 0, "{run:?}");
    let out = &run.out;
    for said in [
        "dt=2023-01-03T00:00:00Z  station=a\n",
        "wrote 6 cells of",
        "\"mean\":271.5",
        "\"array_count\":2",
        "created collection again: float32 of 4 x 3 x 2",
        "copied 2 arrays",
        "deleted collection other",
        "nothing found at level 4",
        "weather  2 arrays",
        "total",
    ] {
        assert!(out.contains(said), "{said}: {run:?}");
    }
    assert!(out.starts_with("1\n"), "{run:?}");
    assert!(
        !out.contains("cleared") && !out.contains("never"),
        "{run:?}"
    );
    // The scan is said, and nothing else that is no answer but who holds a lock.
    assert!(run.err.contains("opened one by one"), "{run:?}");
}

#[test]
fn a_script_ends_with_the_exit_code_of_the_first_failure() {
    let scene = Scene::with_arrays();
    for (lines, code, told) in [
        ("ls\nshow rain\nls\n", 3, "error: line 2: collection 'rain'"),
        ("use rain\nls\n", 3, "error: line 1: collection 'rain'"),
        (
            "frobnicate\nls\n",
            2,
            "error: line 1: unrecognized subcommand 'frobnicate'",
        ),
        (
            "ls --frob\nls\n",
            2,
            "error: line 1: unexpected argument '--frob' found; see `help ls`\n",
        ),
        (
            "read\n",
            2,
            "error: line 1: the following required arguments were not provided: <COLLECTION>; see `help read`\n",
        ),
        ("migrate d\n", 2, "run `hyperslab migrate` outside"),
        (
            "create x --schema -\n{}\n",
            2,
            "error: line 1: in a shell standard input are the lines to run",
        ),
        ("create --from -\n{}\n", 2, "name a file instead of `-`"),
        (
            "read weather 'dt=2023\n",
            2,
            "error: line 1: a ' is not closed",
        ),
        ("use weather\nread\n", 2, "holds several arrays"),
        ("init t\n", 2, "run `hyperslab init` outside"),
        ("shell s\n", 2, "has no place in a shell"),
        ("ls --workers 2\n", 2, "counts for the whole shell"),
        (
            "create x --schema weather.json --adapter zarr\n",
            8,
            "uses the adapter 'hdf5'",
        ),
        ("use a b\n", 2, "takes less words"),
        ("ls \u{7f}\n", 3, "error: line 1"),
    ] {
        let run = script(&scene, &[], lines);
        assert_eq!(run.code, code, "{lines}: {run:?}");
        assert!(run.err.contains(told), "{lines}: {run:?}");
        assert!(run.out.lines().count() <= 1, "{lines}: {run:?}");
    }
    std::fs::write(
        scene.path("s").join("weather").join("arrays").join("stray"),
        "x",
    )
    .unwrap();
    let run = script(&scene, &[], "check\nls\n");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out.contains("stray") && !run.out.contains("float32"),
        "{run:?}"
    );
    let run = script(&scene, &["--json"], "ls --count\nshow rain\n");
    assert_eq!((run.code, run.out.as_str()), (3, "{\"count\":1}\n"));
    assert!(run.err.contains("\"kind\":\"not_found\""), "{run:?}");
    let lines =
        "help\nhelp read\nread --help\n--version\nhelp use\nhelp exit\nhelp quit\nhelp help\n";
    let run = script(&scene, &[], lines);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.out.matches("use COLLECTION").count(), 2, "{run:?}");
    assert_eq!(run.out.matches("exit, quit").count(), 3, "{run:?}");
    assert!(!run.out.contains("migrate"), "{run:?}");
    assert!(
        run.out.contains("use COLLECTION") && run.out.contains("--isel"),
        "{run:?}"
    );
    assert_eq!(scene.run(&["shell", "nowhere"]).code, 3);
}

#[test]
fn a_script_may_begin_with_a_byte_order_mark() {
    let scene = Scene::with_arrays();
    let run = script(&scene, &[], "\u{feff}ls weather --count\n");
    assert_eq!((run.code, run.out.as_str()), (0, "2\n"), "{run:?}");
}

#[test]
fn a_collection_that_is_deleted_is_in_use_no_more() {
    let scene = Scene::with_arrays();
    scene.ok(&["create", "s", "rain", "--schema", "weather.json"]);
    let lines = "use weather\nrm rain --collection\nls --count\nrm --collection\nls --count\n";
    let run = script(&scene, &["-q"], lines);
    assert_eq!((run.code, run.out.as_str()), (0, "2\n0\n"), "{run:?}");
}

#[test]
fn what_was_read_stays_in_memory_from_line_to_line() {
    let scene = Scene::with_sample();
    let lines = "use coads\nread --isel TIME=0 --stats --json\nread --isel TIME=0 --stats --json\n";
    let run = script(&scene, &[], lines);
    assert_eq!(run.code, 0, "{run:?}");
    let stats: Vec<serde_json::Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["stats"].clone())
        .collect();
    assert!(
        stats[0]["chunks_decoded"].as_u64().unwrap() > 0,
        "{stats:?}"
    );
    assert_eq!(stats[1]["chunks_decoded"], 0, "{stats:?}");
    assert!(stats[1]["cache_hits"].as_u64().unwrap() > 0, "{stats:?}");
}

#[cfg(unix)]
mod terminal {
    //! A shell that believes it has a person before it.

    use std::fs::File;
    use std::io::{Read, Write};
    use std::process::Child;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    use nix::pty::openpty;

    use super::common::Scene;

    const LIMIT: Duration = Duration::from_secs(60);

    struct Terminal {
        keys: File,
        screen: Receiver<Vec<u8>>,
        seen: String,
        child: Child,
    }

    impl Terminal {
        fn of(scene: &Scene, words: &[&str]) -> Self {
            let pty = openpty(None, None).unwrap();
            let half = || pty.slave.try_clone().unwrap();
            let mut command = scene.command(words);
            command.env("TERM", "xterm").env_remove("XDG_STATE_HOME");
            let child = command
                .stdin(half())
                .stdout(half())
                .stderr(half())
                .spawn()
                .unwrap();
            drop(command);
            drop(pty.slave);
            let keys = File::from(pty.master);
            let mut output = keys.try_clone().unwrap();
            let (sender, screen) = channel();
            std::thread::spawn(move || {
                let mut part = [0; 4096];
                // Reading fails when the other side has gone.
                while let Ok(count @ 1..) = output.read(&mut part) {
                    if sender.send(part[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
            Self {
                keys,
                screen,
                seen: String::new(),
                child,
            }
        }

        /// Types keys, and waits until the screen has shown this since the last time.
        fn types(&mut self, keys: impl AsRef<[u8]>, expected: &str) {
            self.keys.write_all(keys.as_ref()).unwrap();
            self.shows(expected);
        }

        fn shows(&mut self, expected: &str) {
            let end = Instant::now() + LIMIT;
            while !self.seen.contains(expected) {
                let left = end.saturating_duration_since(Instant::now());
                let part = self.screen.recv_timeout(left);
                let part =
                    part.unwrap_or_else(|error| panic!("{expected}: {error}: {}", self.seen));
                self.seen.push_str(&String::from_utf8_lossy(&part));
            }
            let (_, rest) = self.seen.split_once(expected).unwrap();
            self.seen = rest.to_owned();
        }
    }

    #[test]
    fn a_person_completes_cancels_errs_and_leaves() {
        let scene = Scene::with_arrays();
        let mut terminal = Terminal::of(&scene, &["shell", "s"]);
        terminal.shows("s> ");
        terminal.types("use wea\t\r", "s/weather> ");
        terminal.types("rm --all\x03", "s/weather> ");
        terminal.types("frobnicate\r", "unrecognized subcommand");
        terminal.shows("s/weather> ");
        terminal.types("read dt=1999-01-01 station=a\r", "error: ");
        terminal.shows("s/weather> ");
        terminal.types("ls --count\r", "\r\n2\r\n");
        terminal.shows("s/weather> ");
        terminal.types("\x1b[A\r", "\r\n2\r\n");
        terminal.shows("s/weather> ");
        terminal.types("\x04", "");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
        let kept = scene.text(".local/state/hyperslab/shell-history");
        assert!(
            kept.contains("use weather\n") && kept.contains("ls --count\n"),
            "{kept}"
        );
        assert!(!kept.contains("rm --all"), "{kept}");

        let mut again = Terminal::of(&scene, &["shell", "s"]);
        again.shows("s> ");
        again.types("\x1b[A", "ls --count");
        again.types("\x03", "s> ");
        again.types("exit\r", "");
        assert_eq!(again.child.wait().unwrap().code(), Some(0));
    }
    #[test]
    fn bytes_of_another_encoding_do_not_end_the_shell() {
        let scene = Scene::with_arrays();
        let mut terminal = Terminal::of(&scene, &["shell", "s"]);
        terminal.shows("s> ");
        // A u umlaut of Latin-1; what is behind it is part of no other line.
        terminal.types(
            b"use gr\xfcn; ls --count\r",
            "error: what was typed is no UTF-8",
        );
        terminal.shows("s> ");
        terminal.types("ls weather --count\r", "\r\n2\r\n");
        terminal.shows("s> ");
        terminal.types("exit\r", "");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
        assert!(!terminal.seen.contains("unexpected"), "{}", terminal.seen);
    }

    #[test]
    fn lines_that_are_pasted_are_run_one_by_one() {
        let scene = Scene::with_arrays();
        let mut terminal = Terminal::of(&scene, &["shell", "s"]);
        terminal.shows("s> ");
        let paste = |lines: &str| format!("\x1b[200~{lines}\x1b[201~\r");
        terminal.types(paste("use weather\rls --count"), "\r\n2\r\n");
        terminal.shows("s/weather> ");
        terminal.types(paste("show rain\rrm --all\r# end"), "error: ");
        terminal.shows("2 lines behind it are not run");
        terminal.shows("s/weather> ");
        terminal.types(paste("ls --count\rrm --collection"), "\r\n2\r\n");
        terminal.shows("s> ");
        terminal.types("exit\r", "");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    }
}
