//! What `docs/cli-json.md` says is what the command prints.

mod common;

use common::{SAMPLE, SCHEMA, Scene};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../docs/cli-json.md");

/// Fields whose values differ from run to run.
const VOLATILE: [&str; 8] = [
    "attached",
    "id",
    "path",
    "url",
    "bytes",
    "stored_bytes",
    "overhead_bytes",
    "notes",
];

/// The command and the document of each example.
#[expect(
    clippy::unwrap_used,
    reason = "a page that does not parse fails the test"
)]
fn examples() -> Vec<(Vec<&'static str>, Value)> {
    let mut examples = Vec::new();
    let mut rest = PAGE;
    while let Some((_, after)) = rest.split_once("```console\n$ hyperslab ") {
        let (command, after) = after.split_once("\n```\n```json\n").unwrap();
        let (document, after) = after.split_once("\n```").unwrap();
        examples.push((
            command.split(' ').collect(),
            serde_json::from_str(document).unwrap(),
        ));
        rest = after;
    }
    examples
}

/// The value with every volatile field blanked out, so that its presence still counts.
fn steady(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let blank = VOLATILE.contains(&name.as_str()) && !value.is_null();
                (
                    name.clone(),
                    if blank { json!("...") } else { steady(value) },
                )
            })
            .collect(),
        Value::Array(items) => items.iter().map(steady).collect(),
        value => value.clone(),
    }
}

#[test]
fn the_examples_of_the_page_are_what_is_printed() {
    let scene = Scene::empty();
    std::fs::write(scene.path("weather.json"), SCHEMA).unwrap();
    std::fs::copy(SAMPLE, scene.path("coads_climatology.nc")).unwrap();
    let examples = examples();
    assert!(examples.len() >= 20, "{}", examples.len());
    for (words, documented) in examples {
        let out = scene.ok(&words);
        assert_eq!(out.lines().count(), 1, "{words:?}: {out}");
        let printed: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(steady(&printed), steady(&documented), "{words:?}");
    }
}

#[test]
fn every_verb_is_on_the_page() {
    let scene = Scene::empty();
    let help = scene.ok(&["--help"]);
    let (_, verbs) = help.split_once("Commands:\n").unwrap();
    let (verbs, _) = verbs.split_once("\n\n").unwrap();
    for verb in verbs
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        assert!(
            verb == "help" || PAGE.contains(&format!("\n## {verb}\n")),
            "{verb}"
        );
    }
}

#[test]
fn the_demo_prints_a_document_per_verb() {
    let scene = Scene::empty();
    let out = scene.ok(&["demo", "d", "--json"]);
    let documents: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 10, "{out}");
    assert_eq!(documents[9], json!({"folder": "d", "picture": "d/sst.png"}));
}
