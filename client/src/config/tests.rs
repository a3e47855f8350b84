//! Files, right and wrong.
use std::collections::BTreeMap;

use hyperslab_core::ErrorKind;

use super::*;

const FILE: &str = r#"
# The machine room.
["s3://"]
region = "us-east-1"

["s3://climate"]
endpoint = "https://minio.example:9000"
open_timeout = 2.5
timeout = 30
anonymous = true

["s3://climate/era5/"]
profile = "work"

["az://climate"]
account = "weather"
"#;

fn read(text: &str, url: &str) -> Result<BucketDefaults> {
    Source::new(Path::new("c.toml"), text).defaults(url)
}

#[test]
fn the_longest_section_applies_alone() {
    let climate = [
        ("anonymous", "true"),
        ("endpoint", "https://minio.example:9000"),
        ("open_timeout", "2.5"),
        ("timeout", "30"),
    ];
    for (url, expected) in [
        ("s3://climate", &climate[..]),
        ("s3://climate/", &climate),
        ("s3://climate/era", &climate),
        ("s3://climate/era50/x?region=x", &climate),
        (
            "s3://climate?endpoint=https://x/s3://climate/era5",
            &climate,
        ),
        ("s3://climate/era5", &[("profile", "work")]),
        ("s3://climate/era5/x", &[("profile", "work")]),
        ("s3://climate2", &[("region", "us-east-1")]),
        ("az://climate/x", &[("account", "weather")]),
        ("gs://climate", &[]),
    ] {
        let found = read(FILE, url).unwrap().parameters;
        let expected: BTreeMap<String, String> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(found, expected, "{url}");
    }
    let origin = read(FILE, "s3://climate/era5").unwrap().origin;
    assert_eq!(origin, r#"c.toml, section ["s3://climate/era5/"]"#);
}

#[test]
fn mistakes_are_named_by_file_and_line() {
    for (text, line, hint) in [
        ("\n[\"s3://b\"\n", 2, ""),
        ("[\"s3://b\"]\nregion = \n", 2, ""),
        (
            "[\"s3://b\"]\nregion = \"a\"\nregion = \"b\"",
            3,
            "duplicate",
        ),
        ("region = \"a\"", 1, "no section"),
        ("[climate]\nregion = \"a\"", 1, "URL of a bucket"),
        ("\n[s3.climate]\nregion = \"a\"", 2, "URL of a bucket"),
        ("[\"file:///x\"]", 1, "URL of a bucket"),
        ("[\"s3://KEY:SECRET@b\"]", 1, "URL of a bucket"),
        ("[\"s3://b\"]\nregion = [\"a\"]", 2, "'region' is a text"),
        ("[\"s3://b\"]\nregion = 2020-01-01", 2, "'region' is a text"),
        // In a section that does not apply, too.
        (
            "[\"gs://b\"]\n\nSecret_Access_Key = \"SECRET\"",
            3,
            "environment",
        ),
        ("[\"az://b\"]\nsas_token = \"SECRET\"", 2, "environment"),
        ("[\"s3://b\"]\npassword = \"SECRET", 2, ""),
    ] {
        let error = read(text, "s3://b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let start = format!("c.toml, line {line}: ");
        assert!(error.message().starts_with(&start), "{text:?}: {error}");
        assert!(error.message().contains(hint), "{text:?}: {error}");
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn the_file_is_looked_for_in_three_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for place in ["x", "home/.config"] {
        std::fs::create_dir_all(path(place).join("hyperslab")).unwrap();
        std::fs::write(path(place).join("hyperslab/config.toml"), place).unwrap();
    }
    std::fs::write(path("own.toml"), "own").unwrap();
    let found = |variables: &[(&str, PathBuf)], home: &str| {
        let of = |name: &str| {
            let mut given = variables.iter().filter(|(given, _)| *given == name);
            given
                .next()
                .map(|(_, value)| value.clone().into_os_string())
        };
        file(of, Some(path(home))).map(|found| found.map(|(_, text)| text))
    };
    let own = (VARIABLE, path("own.toml"));
    let xdg = ("XDG_CONFIG_HOME", path("x"));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(&[own, xdg.clone()], "home").unwrap(), text("own"));
    assert_eq!(found(&[xdg], "home").unwrap(), text("x"));
    let relative = ("XDG_CONFIG_HOME", PathBuf::from("x"));
    assert_eq!(found(&[relative], "home").unwrap(), text("home/.config"));
    let empty = (VARIABLE, PathBuf::new());
    assert_eq!(found(&[empty], "home").unwrap(), text("home/.config"));
    assert_eq!(found(&[], "nobody").unwrap(), None);
    let missing = found(&[(VARIABLE, path("none.toml"))], "home").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.message().contains(VARIABLE), "{missing}");
}
