//! URLs, and what a person gets to see when something is wrong with one.
#![expect(clippy::unwrap_used, reason = "tests")]

use hyperslab_core::ErrorKind;

use super::BucketDefaults;
use super::address::Address;
use crate::Medium;

fn message(url: &str) -> String {
    let error = Medium::bucket(url).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(!error.to_string().contains("SECRET"), "{error}");
    error.message().to_owned()
}

fn parsed(url: &str) -> Address {
    Address::parse(url, &BucketDefaults::default(), &["region"]).unwrap()
}

#[test]
fn defaults_come_after_the_url_and_are_named_when_wrong() {
    let defaults = |name: &str, value: &str| BucketDefaults {
        origin: "the file".to_owned(),
        parameters: [(name.to_owned(), value.to_owned())].into(),
    };
    let parse = |url: &str, name: &str, value: &str| {
        Address::parse(url, &defaults(name, value), &["region"])
    };
    let address = parse("s3://b?timeout=3", "region", "a").unwrap();
    assert_eq!(address.get("region"), Some("a"));
    let address = parse("s3://b?region=b", "region", "a").unwrap();
    assert_eq!(address.get("region"), Some("b"));
    let unknown = parse("s3://b", "speed", "SECRET").unwrap_err();
    assert!(
        unknown
            .message()
            .starts_with("the file: s3:// knows no parameter 'speed'")
    );
    let address = parse("s3://b", "timeout", "SECRET").unwrap();
    let wrong = address.timeouts().unwrap_err();
    assert!(
        wrong
            .message()
            .starts_with("the file: the parameter 'timeout' is")
    );
    let address = parse("s3://b", "anonymous", "SECRET").unwrap();
    let wrong = address.flag("anonymous").unwrap_err();
    assert!(
        wrong
            .message()
            .starts_with("the file: the parameter 'anonymous' is")
    );
    for error in [unknown, wrong] {
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn a_url_is_taken_apart() {
    let address = parsed("s3://my-bucket/a%20b/c+d/?timeout=2.5");
    assert_eq!(address.bucket, "my-bucket");
    assert_eq!(address.prefix, "a b/c+d");
    assert_eq!(address.shown, "s3://my-bucket/a b/c+d");
    let timeouts = address.timeouts().unwrap();
    assert_eq!(timeouts.call.as_secs_f64(), 2.5);
    assert!(timeouts.open <= timeouts.call && timeouts.attempt <= timeouts.call);
    assert_eq!(parsed("gs://b").shown, "gs://b");
}

#[test]
fn wrong_urls_are_refused_with_the_remedy() {
    assert!(message("bucket").contains("s3://bucket/prefix"));
    assert!(message("http://bucket").contains("s3://bucket/prefix"));
    #[cfg(feature = "aws")]
    {
        let unknown = message("s3://bucket/?secret_key=SECRET");
        assert!(unknown.contains("'secret_key'") && unknown.contains("region"));
        assert!(message("s3://KEY:SECRET@bucket/").contains("environment"));
        assert!(message("s3:///prefix").contains("bucket/prefix"));
        assert!(message("s3://b/?region=a&region=b").contains("twice"));
        assert!(message("s3://b/?timeout=-1").contains("seconds"));
        assert!(message("s3://b/?anonymous=yes").contains("true or false"));
        assert!(message("s3://b/?endpoint=http://far.example").contains("allow_http"));
        assert!(message("s3://b/?endpoint=https://u:SECRET@h").contains("credentials"));
        assert!(message("s3://b/?endpoint=nowhere").contains("endpoint"));
    }
    #[cfg(feature = "azure")]
    if std::env::var_os("AZURE_STORAGE_ACCOUNT_NAME").is_none() {
        assert!(message("az://container/x").contains("account"));
    }
}

#[cfg(not(all(feature = "aws", feature = "gcp", feature = "azure")))]
#[test]
fn a_cloud_that_was_left_out_is_named() {
    let left_out = [
        #[cfg(not(feature = "aws"))]
        ("s3", "'aws'"),
        #[cfg(not(feature = "gcp"))]
        ("gs", "'gcp'"),
        #[cfg(not(feature = "azure"))]
        ("az", "'azure'"),
    ];
    for (scheme, feature) in left_out {
        let error = Medium::bucket(&format!("{scheme}://bucket/a"))
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(feature), "{error}");
    }
}

#[cfg(feature = "aws")]
mod s3 {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use hyperslab_core::{Error, RandomIds};
    use hyperslab_testkit::objects::{ACCESS_KEY, BUCKET, Parrot, REGION, S3Server, SECRET_KEY};
    use object_store::aws::AmazonS3ConfigKey as Key;

    use super::super::aws::{self, configured};
    use super::super::environment::Environment;
    use super::super::served::Requests;
    use super::*;
    use crate::ZarrAdapter;
    use crate::medium::Timeouts;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment {
            variables: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Environment::default()
        }
    }

    fn with_key(id: &str, secret: &str) -> Environment {
        environment(&[
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", REGION),
        ])
    }

    fn with_the_key() -> Environment {
        with_key(ACCESS_KEY, SECRET_KEY)
    }

    #[test]
    fn the_url_comes_before_the_environment() {
        let environment = environment(&[
            ("AWS_ACCESS_KEY_ID", "A"),
            ("AWS_SECRET_ACCESS_KEY", "S"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "https://of.environment"),
            ("AWS_BUCKET", "another"),
            ("AWS_CONDITIONAL_PUT", "disabled"),
        ]);
        let of = |url: &str, key: Key| {
            let address = parsed(url);
            let (builder, endpoint) = configured(
                &address,
                &environment,
                &Requests::once(&Timeouts::default()),
            )
            .unwrap();
            (builder.get_config_value(&key), endpoint)
        };
        let (region, endpoint) = of("s3://b", Key::Region);
        assert_eq!(region.as_deref(), Some("eu-west-1"));
        assert_eq!(endpoint.as_deref(), Some("https://of.environment"));
        let url = "s3://b?region=us-west-2&endpoint=https://of.url";
        let (region, endpoint) = of(url, Key::Region);
        assert_eq!(region.as_deref(), Some("us-west-2"));
        assert_eq!(endpoint.as_deref(), Some("https://of.url"));
        assert_eq!(of(url, Key::Endpoint).0.as_deref(), Some("https://of.url"));
        assert_eq!(of(url, Key::Bucket).0.as_deref(), Some("b"));
        assert_eq!(of(url, Key::AccessKeyId).0.as_deref(), Some("A"));
        assert_ne!(of(url, Key::ConditionalPut).0.as_deref(), Some("disabled"));
    }

    #[test]
    fn half_a_key_is_refused_with_the_variable_that_is_missing() {
        for (set, missing) in [
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY is not"),
            ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID is not"),
        ] {
            let environment = environment(&[(set, "TOPSECRET")]);
            let error = configured(
                &parsed("s3://b"),
                &environment,
                &Requests::once(&Timeouts::default()),
            )
            .err()
            .unwrap();
            assert_eq!(error.kind(), ErrorKind::Denied);
            assert!(error.message().contains(missing), "{error}");
            assert!(!error.message().contains("TOPSECRET"), "{error}");
            configured(
                &parsed("s3://b?anonymous=true"),
                &environment,
                &Requests::once(&Timeouts::default()),
            )
            .unwrap();
        }
    }

    fn open(url: &str, environment: &Environment) -> hyperslab_core::Result<Medium> {
        let defaults = BucketDefaults::default();
        Medium::through(aws::served(url, &defaults, environment, Requests::once)?)
    }

    /// What opening a store says, and within which time.
    async fn refusal(url: &str, environment: &Environment, limit: Duration) -> Error {
        let started = Instant::now();
        let medium = open(url, environment).unwrap();
        let error = ZarrAdapter::open(&medium).await.err().unwrap();
        let taken = started.elapsed();
        assert!(taken < limit, "{taken:?}: {error}");
        let shown = format!("{error} {error:?} {medium:?}");
        assert!(!shown.contains(SECRET_KEY), "{shown}");
        assert!(error.message().contains("s3://"), "{error}");
        error
    }

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_store_is_made_and_opened() {
        let folder = tempfile::tempdir().unwrap();
        let server = S3Server::start(folder.path());
        let url = format!("s3://{BUCKET}/a/b?endpoint={}", server.endpoint());
        let medium = open(&url, &with_the_key()).unwrap();
        let missing = ZarrAdapter::open(&medium).await.err().unwrap();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.message().contains("no store"), "{missing}");
        ZarrAdapter::create(&medium, &RandomIds).await.unwrap();
        let again = open(&url, &with_the_key()).unwrap();
        ZarrAdapter::open(&again).await.unwrap();
    }

    #[tokio::test]
    async fn wrong_credentials_are_denied() {
        let folder = tempfile::tempdir().unwrap();
        let server = S3Server::start(folder.path());
        let url = format!("s3://{BUCKET}/a?endpoint={}", server.endpoint());
        for (id, secret) in [(ACCESS_KEY, "wrong"), ("nobody", SECRET_KEY)] {
            let error = refusal(&url, &with_key(id, secret), SOON).await;
            assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
            assert!(error.message().contains("credentials"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_missing_bucket_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let server = S3Server::start(folder.path());
        let url = format!("s3://no-such-bucket/a?endpoint={}", server.endpoint());
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.message().contains("bucket 'no-such-bucket'"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_endpoint_where_nobody_listens_is_unavailable() {
        // Free again when the listener has gone.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("s3://b/a?endpoint=http://127.0.0.1:{port}&open_timeout=1");
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let endpoint = format!("http://127.0.0.1:{port}");
        assert!(error.message().contains(&endpoint), "{error}");
        assert!(error.message().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn an_endpoint_that_never_answers_is_given_up() {
        // The system accepts connections although nobody here does.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        let url = format!("s3://b/a?endpoint={endpoint}&open_timeout=1");
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("no answer"), "{error}");
        assert!(error.message().contains(&endpoint), "{error}");
    }

    #[test]
    fn nobody_waits_a_minute_for_a_server_that_is_not_there() {
        assert!(crate::Timeouts::default().open <= Duration::from_secs(10));
    }

    /// A server that refuses everything, and repeats what it should not.
    fn refusing(status: &str, code: &str) -> Parrot {
        let body =
            format!("<Error><Code>{code}</Code><StringToSign>{SECRET_KEY}</StringToSign></Error>");
        Parrot::start(status, &body)
    }

    #[tokio::test]
    async fn an_endpoint_without_encryption_is_told_from_one_that_is_not_there() {
        let server = refusing("400 Bad Request", "BadRequest");
        let url = format!("s3://b/a?endpoint=https://{}", server.address());
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("certificate"), "{error}");
    }

    #[tokio::test]
    async fn a_wrong_clock_is_said() {
        let server = refusing("403 Forbidden", "RequestTimeTooSkewed");
        let url = format!("s3://b/a?endpoint={}", server.endpoint());
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.message().contains("clock"), "{error}");
    }

    #[tokio::test]
    async fn another_region_is_said() {
        let server = refusing("400 Bad Request", "AuthorizationHeaderMalformed");
        let url = format!("s3://b/a?endpoint={}", server.endpoint());
        let error = refusal(&url, &with_the_key(), SOON).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("region"), "{error}");
    }

    #[tokio::test]
    async fn a_listing_that_repeats_itself_ends() {
        use futures::TryStreamExt;

        let objects: String = (0..1000)
            .map(|number| {
                format!(
                    "<Contents><Key>a/{number}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                     <ETag>1</ETag><Size>1</Size></Contents>"
                )
            })
            .collect();
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
             <KeyCount>1000</KeyCount>{objects}</ListBucketResult>"
        );
        let server = Parrot::start("200 OK", &page);
        let url = format!("s3://b/a?endpoint={}", server.endpoint());
        let objects = open(&url, &with_the_key()).unwrap().objects();
        let listed = objects.list("").try_collect::<Vec<_>>().await;
        let error = listed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("repeats itself"), "{error}");
    }

    #[tokio::test]
    async fn missing_credentials_are_said() {
        let nobody = environment(&[("AWS_REGION", REGION)]);
        let error = refusal("s3://b/a?open_timeout=3", &nobody, SOON).await;
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.message().contains("no credentials"), "{error}");
    }
}
