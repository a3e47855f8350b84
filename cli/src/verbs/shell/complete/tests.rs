//! Lines that are being typed.

use clap::CommandFactory;
use hyperslab::{AttributeSchema, AttributeType, DType, Dimension};

use super::*;
use crate::args::Cli;

struct Fake(Option<&'static str>);

impl Known for Fake {
    fn collections(&self) -> Vec<String> {
        ["coads", "weather", "wind speed"]
            .map(str::to_owned)
            .to_vec()
    }

    fn schema(&self, collection: &str) -> Option<Schema> {
        let schema = Schema::builder(DType::Int8)
            .dimension(Dimension::labels("layer", ["wind", "north pole", "night"]))
            .dimension(Dimension::scale("lat", 3, 0.0, 1.0, ""))
            .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
            .attribute(AttributeSchema::key("station", AttributeType::Text))
            .attribute(AttributeSchema::custom("quality", AttributeType::Int));
        (collection == "weather").then(|| schema.build().unwrap())
    }

    fn used(&self) -> Option<&str> {
        self.0
    }
}

fn completed(line: &str, used: Option<&'static str>) -> String {
    let mut root = Cli::command();
    root.build();
    let (start, found) = complete(&root, line, &Fake(used));
    assert!(line.is_char_boundary(start), "{line}");
    found.join("|")
}

#[test]
fn verbs_collections_keys_dimensions_and_labels_are_completed() {
    for (line, used, expected) in [
        ("re", None, "read"),
        ("u", None, "use"),
        ("in", None, ""),
        ("use w", None, "weather|\"wind speed\""),
        ("help sh", None, "show"),
        ("ls ", None, "coads|weather|\"wind speed\""),
        ("show co", Some("weather"), "coads"),
        ("read weather ", None, "dt=|station="),
        ("read weather dt=2023-01-03 ", None, "station="),
        ("read weather dt=2023-01-03 --sel la", None, "layer=|lat="),
        (
            "read --sel layer=n",
            Some("weather"),
            "\"layer=north pole\"|layer=night",
        ),
        (
            "read --sel layer=wind..ni",
            Some("weather"),
            "layer=wind..night",
        ),
        ("read --sel lat=", Some("weather"), ""),
        ("read --isel l", Some("weather"), "layer=|lat="),
        ("read d", Some("weather"), "dt="),
        ("read --sel lat=1 d", Some("weather"), "dt="),
        ("write --set ", Some("weather"), "quality="),
        ("write --unset q", Some("weather"), "quality"),
        ("ls --sort d", Some("weather"), "dt"),
        ("read --expl", Some("weather"), "--explain"),
        ("--json re", None, "read"),
        ("copy we", None, "weather"),
        ("import f.nc we", None, "weather"),
        ("read nothing --sel ", None, ""),
        ("frobnicate ", None, ""),
        ("read 'wi", None, "\"wind speed\""),
    ] {
        assert_eq!(completed(line, used), expected, "{line}");
    }
}

#[test]
fn what_is_replaced_is_the_last_word() {
    let mut root = Cli::command();
    root.build();
    let (start, found) = complete(&root, "read weather --sel lay", &Fake(None));
    assert_eq!((start, found), (19, vec!["layer=".to_owned()]));
}
