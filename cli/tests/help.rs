//! What a person reads before and after making something: help, and how arrays are tiled.

mod common;

use common::Scene;

#[test]
fn tiles_are_told_where_they_are_made_and_listed() {
    let scene = Scene::with_arrays();
    let words = ["create", "s", "tiled", "--schema", "weather.json"];
    let out = scene.ok(&[&words[..], &["--tile-counts", "4,1,2"]].concat());
    assert_eq!(
        out,
        "created collection tiled: float32 of 4 x 3 x 2, in 4 x 1 x 2 tiles of 1 x 3 x 1\n"
    );
    scene.ok(&["new", "s", "tiled", "dt=2023-01-03", "station=a"]);
    let listed = scene.ok(&["ls", "s"]);
    let counts: Vec<_> = listed
        .lines()
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(counts, ["1 array of 4 x 1 x 2 tiles", "2 arrays"]);
}

#[test]
fn paragraphs_of_the_help_are_wrapped_once() {
    // Narrower than the lines of the source.
    const WIDTH: usize = 72;
    let help = Scene::empty().ok(&["--help"]);
    let scene = Scene::empty().with("COLUMNS", &WIDTH.to_string());
    let (_, verbs) = help.split_once("Commands:\n").unwrap();
    let (verbs, _) = verbs.split_once("\n\n").unwrap();
    for verb in verbs
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        if verb == "help" {
            continue;
        }
        let help = scene.ok(&[verb, "--help"]);
        let paragraphs = help.split("\n\n").filter(|text| {
            // A paragraph of prose: no line of it is set in.
            text.lines().count() > 2 && text.lines().all(|line| !line.starts_with(' '))
        });
        for paragraph in paragraphs {
            let lines: Vec<&str> = paragraph.lines().collect();
            for pair in lines.windows(2) {
                let next = pair[1].split(' ').next().unwrap();
                let had_room = pair[0].chars().count() + 1 + next.chars().count() <= WIDTH;
                assert!(!had_room, "{verb}: a line ends early: {}", pair[0]);
            }
        }
    }
}

#[test]
fn help_names_every_adapter_and_says_what_a_key_is_for() {
    let scene = Scene::empty();
    for verb in ["init", "create", "copy", "migrate", "import"] {
        let help = scene.ok(&[verb, "--help"]);
        assert!(help.contains("`deker`"), "{verb}: {help}");
    }
    let help = scene.ok(&["show", "--help"]);
    assert!(
        help.contains("without it, the") && !help.contains("only one"),
        "{help}"
    );
}
