//! Wrong credentials, wrong names, wrong servers: each its own line and code, for each cloud.

use std::net::TcpListener;

use hyperslab_testkit::objects::{ACCESS_KEY, BUCKET, Parrot, Proxy, S3Server, SECRET_KEY, Wire};

use crate::common::Scene;
use crate::refused::{AT_ONCE, refused, with_key, with_the_key};

/// A URL at an endpoint, to be given up soon.
fn at(bucket: &str, endpoint: &str) -> String {
    format!("{bucket}/a?{AT_ONCE}&endpoint={endpoint}")
}

/// An error as S3, Google and Azure say it, with what they repeat of the request.
fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message>\
         <StringToSign>{SECRET_KEY}</StringToSign><SignatureProvided>TOPSECRET</SignatureProvided></Error>"
    )
}

/// Opening, creating and copying say the same.
fn check(scene: &Scene, name: &str, url: &str, code: i32, hint: &str) {
    let line = refused(code, scene, &["ls", url]);
    assert!(line.contains(hint), "{name}: {line}");
    let init = scene.fails(code, &["init", url]);
    assert!(init.contains(hint), "{name}: {init}");
}

/// Where nobody listens: a port that was given back may be somebody else's by now, and no test gets this one.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn processes_tell_wrong_credentials_buckets_and_clocks_apart() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let ours = format!("s3://{BUCKET}");
    let url = at(&ours, &server.endpoint());
    let wrong_secret = with_key(ACCESS_KEY, "TOPSECRET");
    check(&wrong_secret, "secret", &url, 10, "credentials");
    let wrong_id = with_key("nobody", SECRET_KEY);
    check(&wrong_id, "id", &url, 10, "credentials");
    let missing = at("s3://no-such-bucket", &server.endpoint());
    let line = "there is no bucket 'no-such-bucket'";
    check(&with_the_key(), "bucket", &missing, 3, line);
    // The server finds our signatures too old, which they are not.
    let late = S3Server::with_another_clock();
    check(
        &with_the_key(),
        "clock",
        &at(&ours, &late.endpoint()),
        10,
        "clock",
    );
}

#[test]
fn processes_understand_what_servers_of_s3_say() {
    let scene = with_the_key();
    for (status, code, exit, hint) in [
        (
            "403 Forbidden",
            "RequestTimeTooSkewed",
            10,
            "check the clock",
        ),
        ("403 Forbidden", "SignatureDoesNotMatch", 10, "credentials"),
        ("403 Forbidden", "AccessDenied", 10, "credentials"),
        ("400 Bad Request", "ExpiredToken", 10, "credentials"),
        ("400 Bad Request", "InvalidToken", 10, "credentials"),
        ("404 Not Found", "NoSuchBucket", 3, "no bucket 'b'"),
        ("301 Moved Permanently", "PermanentRedirect", 2, "region"),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            2,
            "region",
        ),
        ("503 Service Unavailable", "SlowDown", 11, "SlowDown"),
        ("500 Internal Server Error", "InternalError", 11, "500"),
        ("400 Bad Request", "InvalidArgument", 11, "InvalidArgument"),
    ] {
        let server = Parrot::start(status, &error(code));
        check(&scene, code, &at("s3://b", &server.endpoint()), exit, hint);
    }
}

#[test]
fn processes_give_up_servers_that_do_not_answer() {
    let scene = with_the_key();
    // The system accepts connections although nobody here does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let half = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 100\r\nx-goog-generation: 1\r\n\
        Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n{\"format\": ";
    let stalls = Parrot::say(half.to_vec(), true);
    // More than there is memory, so that nobody may prepare for it.
    let mut most = half.to_vec();
    let length = most.windows(3).position(|at| at == b"100").unwrap();
    most.splice(length..length + 3, b"9000000000000000000".iter().copied());
    most.resize(1 << 20, b' ');
    let endless = Parrot::say(most, true);
    let ends = Parrot::say(half.to_vec(), false);
    let other = Parrot::say(b"220 mail.example ESMTP\r\n".to_vec(), false);
    let proxy = Proxy::start(other.address());
    proxy.set(Wire {
        refuse: true,
        ..Wire::default()
    });
    let cases = [
        ("down", format!("http://{NOBODY}"), "refused"),
        (
            "silent",
            format!("http://{}", silent.local_addr().unwrap()),
            "no answer came in time",
        ),
        (
            "silent when encrypted",
            format!("https://{}", silent.local_addr().unwrap()),
            "no answer came in time",
        ),
        ("never ends", endless.endpoint(), "no answer came in time"),
        ("stalls", stalls.endpoint(), "no answer came in time"),
        ("ends", ends.endpoint(), "tried"),
        ("not http", other.endpoint(), "tried"),
        ("resets", proxy.endpoint(), "tried"),
        (
            "no name",
            "https://no-such-host.invalid".to_owned(),
            "tried",
        ),
        (
            "plain",
            format!("https://{}", other.address()),
            "certificate",
        ),
    ];
    // Each is waited for, so they are asked at the same time.
    std::thread::scope(|scope| {
        for case in &cases {
            scope.spawn(|| given_up(&scene, case));
        }
    });
}

/// A store at an endpoint is given up with a hint, whatever the cloud.
fn given_up(scene: &Scene, (name, endpoint, hint): &(&str, String, &str)) {
    for (bucket, more) in [
        ("s3://b", ""),
        #[cfg(feature = "gcp")]
        ("gs://b", ""),
        #[cfg(feature = "azure")]
        ("az://b", "&account=weather"),
    ] {
        let url = format!("{}&anonymous=true{more}", at(bucket, endpoint));
        let line = refused(11, scene, &["ls", &url]);
        assert!(line.contains(hint), "{name}: {line}");
        assert!(line.contains(bucket), "{name}: {line}");
    }
}

#[test]
fn secrets_in_the_wrong_place_are_refused_and_not_repeated() {
    let scene = with_the_key();
    for url in [
        "s3://KEY:TOPSECRET@bucket/x",
        "s3://TOPSECRET@bucket",
        "s3://bucket/x?secret_key=TOPSECRET",
        "s3://bucket/x?endpoint=https://KEY:TOPSECRET@host",
        "s3://bucket/x?endpoint=https://host?sig=TOPSECRET",
        "s3://bucket/x?anonymous=TOPSECRET",
        "s3://bucket/x#TOPSECRET",
        #[cfg(feature = "azure")]
        "az://container/x?sig=TOPSECRET",
        "http://KEY:TOPSECRET@host/x",
        "file://KEY:TOPSECRET@host/x",
        "memory://TOPSECRET@x",
    ] {
        refused(2, &scene, &["ls", url]);
        refused(2, &scene, &["import", url, "s", "c"]);
        refused(2, &scene, &["copy", url, "s/c"]);
        let below = url.replacen("/x", "/x/c", 1);
        refused(2, &scene, &["copy", &below, "s/c"]);
    }
    assert!(!scene.path("s").exists());
    for (name, value, url) in [
        ("AWS_ENDPOINT_URL", "https://KEY:TOPSECRET@h", "s3://b/a"),
        #[cfg(feature = "gcp")]
        ("GOOGLE_BASE_URL", "https://KEY:TOPSECRET@h", "gs://b/a"),
        #[cfg(feature = "azure")]
        (
            "AZURE_STORAGE_ENDPOINT",
            "https://h/?sv=1&sig=TOPSECRET",
            "az://c/a?account=weather",
        ),
    ] {
        let line = refused(2, &with_the_key().with(name, value), &["ls", url]);
        assert!(line.contains("without credentials"), "{line}");
    }
}

#[cfg(feature = "gcp")]
#[test]
fn processes_tell_what_is_wrong_with_google() {
    let anonymous = Scene::empty();
    for (status, code, exit, hint) in [
        (
            "401 Unauthorized",
            "AuthenticationRequired",
            10,
            "credentials",
        ),
        ("403 Forbidden", "AccessDenied", 10, "credentials"),
        ("404 Not Found", "NoSuchBucket", 3, "no bucket 'b'"),
        ("503 Service Unavailable", "ServiceUnavailable", 11, "503"),
    ] {
        let server = Parrot::start(status, &error(code));
        let url = format!("{}&anonymous=true", at("gs://b", &server.endpoint()));
        check(&anonymous, code, &url, exit, hint);
    }
    let key = "{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key_id\": \"b\", \
               \"private_key\": \"TOPSECRET\"}";
    let broken = Scene::empty().with("GOOGLE_SERVICE_ACCOUNT_KEY", key);
    check(&broken, "broken key", "gs://b/a", 2, "cannot use gs://b/a");
    let cut = Scene::empty().with("GOOGLE_SERVICE_ACCOUNT_KEY", &key[..key.len() - 3]);
    check(&cut, "cut key", "gs://b/a", 2, "cannot use gs://b/a");
    let missing = Scene::empty().with("GOOGLE_APPLICATION_CREDENTIALS", "no-such-file.json");
    check(
        &missing,
        "missing file",
        "gs://b/a",
        3,
        "no file no-such-file.json, which GOOGLE_APPLICATION_CREDENTIALS names",
    );
}

#[cfg(feature = "azure")]
#[test]
fn processes_tell_what_is_wrong_with_azure() {
    const TOKEN: &str = "sv=2021-08-06&se=2099-01-01&sr=c&sp=rl&sig=TOPSECRET%2F%3D";
    let account = || Scene::empty().with("AZURE_STORAGE_ACCOUNT_NAME", "weather");
    let with_key = account().with("AZURE_STORAGE_ACCOUNT_KEY", "VE9QU0VDUkVU");
    let with_token = account().with("AZURE_STORAGE_SAS_TOKEN", TOKEN);
    let mut late = error("AuthenticationFailed");
    late.push_str(
        "<AuthenticationErrorDetail>Request date header too old: 'x'</AuthenticationErrorDetail>",
    );
    for (status, body, exit, hint) in [
        (
            "403 Forbidden",
            error("AuthenticationFailed"),
            10,
            "credentials",
        ),
        (
            "403 Forbidden",
            error("AuthorizationFailure"),
            10,
            "credentials",
        ),
        ("403 Forbidden", late, 10, "clock"),
        (
            "404 Not Found",
            error("ContainerNotFound"),
            3,
            "no bucket 'c'",
        ),
        ("503 Server Busy", error("ServerBusy"), 11, "ServerBusy"),
    ] {
        let server = Parrot::start(status, &body);
        for scene in [&with_key, &with_token] {
            check(scene, &body, &at("az://c", &server.endpoint()), exit, hint);
        }
    }
    let free = format!("http://{NOBODY}");
    for scene in [&with_key, &with_token] {
        check(scene, "down", &at("az://c", &free), 11, "refused");
        let plain = at("az://c", &free).replace("http:", "https:");
        check(scene, "down", &plain, 11, "refused");
    }
    for (name, value) in [
        ("AZURE_STORAGE_ACCOUNT_KEY", "TOPSECRET is not Base64"),
        ("AZURE_STORAGE_SAS_TOKEN", "TOPSECRET"),
    ] {
        let scene = account().with(name, value);
        check(&scene, name, "az://c/a", 2, "cannot use az://c/a");
    }
    check(&Scene::empty(), "no account", "az://c/a", 2, "account");
}
