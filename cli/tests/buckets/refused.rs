//! What the command must not do whatever is wrong: hang, tell a secret, or end with the wrong code.

use std::time::{Duration, Instant};

use hyperslab_testkit::objects::{ACCESS_KEY, REGION, SECRET_KEY};
use serde_json::Value;

use crate::common::{Run, Scene};

/// Deadlines as short as a busy machine permits.
pub(crate) const AT_ONCE: &str = "open_timeout=1&timeout=1";

/// No run may take longer: a few calls with their deadlines, and what a busy machine takes to start a program.
const LIMIT: Duration = Duration::from_secs(9);

/// What no output may hold, in whatever it is hidden.
pub(crate) const SECRETS: [&str; 3] = [SECRET_KEY, "TOPSECRET", "VE9QU0VDUkVU"];

/// A scene whose command has the key of the test servers.
pub(crate) fn with_the_key() -> Scene {
    with_key(ACCESS_KEY, SECRET_KEY)
}

/// A scene whose command has another key.
pub(crate) fn with_key(id: &str, secret: &str) -> Scene {
    Scene::empty()
        .with("AWS_ACCESS_KEY_ID", id)
        .with("AWS_SECRET_ACCESS_KEY", secret)
        .with("AWS_REGION", REGION)
}

/// Runs the command, which must end in time with this code and tell no secret.
pub(crate) fn ends_with(code: i32, scene: &Scene, words: &[&str]) -> Run {
    let began = Instant::now();
    let run = scene.run(words);
    let taken = began.elapsed();
    assert!(taken < LIMIT, "{words:?} took {taken:?}: {run:?}");
    for secret in SECRETS {
        let told = run.out.contains(secret) || run.err.contains(secret);
        assert!(!told, "{words:?} tells {secret}: {run:?}");
    }
    assert_eq!(run.code, code, "{words:?}: {run:?}");
    run
}

/// Runs the command as a person, as one who wants to know everything, and as a program do. Each time it must fail with this
/// code, in time, and tell no secret. Returns its line of error.
pub(crate) fn refused(code: i32, scene: &Scene, words: &[&str]) -> String {
    for more in ["-v", "-vv", "-vvv"] {
        let run = ends_with(code, scene, &[words, &[more]].concat());
        assert!(run.err.contains("error: "), "{words:?} {more}: {run:?}");
    }
    let run = ends_with(code, scene, &[words, &["--json"]].concat());
    let told: Value = serde_json::from_str(&run.err).unwrap();
    let run = ends_with(code, scene, words);
    assert_eq!(run.err.lines().count(), 1, "{words:?}: {run:?}");
    let line = run.err.trim_end().strip_prefix("error: ").unwrap();
    let message = told["error"]["message"].as_str().unwrap();
    // Numbers of attempts differ from run to run, and so does the moment at which a connection breaks.
    let end = match is_of_a_broken_connection(line) && is_of_a_broken_connection(message) {
        true => ": ",
        false => ";",
    };
    assert_eq!(line.split(end).next(), message.split(end).next());
    line.to_owned()
}

fn is_of_a_broken_connection(message: &str) -> bool {
    let reasons = ["reset by peer", "Broken pipe", "was not ready", "closed"];
    reasons.iter().any(|reason| message.contains(reason))
}
