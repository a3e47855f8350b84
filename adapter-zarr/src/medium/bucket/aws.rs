//! S3, and servers that speak like it.

use std::sync::Arc;

use hyperslab_core::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};

use super::address::Address;
use super::aws_files::Profile;
use super::environment::Environment;
use super::served::{Manner, Requests, Served};
use super::{BucketDefaults, unusable};
use crate::medium::Server;
use crate::objects::remote::Versioning;
use crate::objects::remote::cloud::choose_cryptography;

const PARAMETERS: [&str; 4] = ["region", "profile", "virtual_hosted", "requester_pays"];

/// A client of the bucket at a URL.
pub(super) fn served(
    url: &str,
    defaults: &BucketDefaults,
    environment: &Environment,
    manner: Manner,
) -> Result<Served> {
    let address = Address::parse(url, defaults, &PARAMETERS)?;
    let requests = manner(&address.timeouts()?);
    let (builder, endpoint) = configured(&address, environment, &requests)?;
    choose_cryptography();
    let store = builder.build();
    let store = store.map_err(|error| unusable(&address, &error))?;
    let server = Server {
        store: Arc::new(store),
        versioning: Versioning::ETag,
        endpoint,
    };
    Served::new(server, &address)
}

/// A client, and the endpoint that it asks if that is not AWS's own.
pub(super) fn configured(
    address: &Address,
    environment: &Environment,
    requests: &Requests,
) -> Result<(AmazonS3Builder, Option<String>)> {
    let profile = Profile::chosen(address.get("profile"), environment)?;
    let builder = AmazonS3Builder::new()
        .with_client_options(requests.options.clone())
        .with_retry(requests.retry.clone())
        .with_bucket_name(&address.bucket);
    let mut builder = with_keys(builder, address, environment, &profile)?;
    for (name, value) in environment.settings("AWS_") {
        match name.parse() {
            Ok(key) if !is_decided_here(key) => builder = builder.with_config(key, value),
            _ => {}
        }
    }
    let region = address.get("region");
    let region = region.or_else(|| environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    if let Some(region) = region.or_else(|| profile.get("region")) {
        builder = builder.with_region(region);
    }
    let endpoint = address.get("endpoint");
    let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = endpoint.or_else(|| environment.first(&variables));
    let endpoint = endpoint.or_else(|| profile.endpoint()).map(str::to_owned);
    if let Some(endpoint) = &endpoint {
        let permitted =
            address.flag("allow_http")? || environment.first(&["AWS_ALLOW_HTTP"]) == Some("true");
        let without_encryption = address.check_endpoint(endpoint, permitted)?;
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(without_encryption);
    }
    if address.flag("anonymous")? {
        builder = builder.with_skip_signature(true);
    }
    if address.flag("virtual_hosted")? {
        builder = builder.with_virtual_hosted_style_request(true);
    }
    if address.flag("requester_pays")? {
        builder = builder.with_request_payer(true);
    }
    Ok((builder, endpoint))
}

/// Keys of one place only: those of another would not fit. A profile that the URL names comes first, one that the environment
/// names after its own keys, as in the other tools of AWS.
fn with_keys(
    builder: AmazonS3Builder,
    address: &Address,
    environment: &Environment,
    profile: &Profile,
) -> Result<AmazonS3Builder> {
    let id = environment.first(&["AWS_ACCESS_KEY_ID"]);
    let secret = environment.first(&["AWS_SECRET_ACCESS_KEY"]);
    let token = environment.first(&["AWS_SESSION_TOKEN"]);
    let of_environment = address.get("profile").is_none() && (id.is_some() || secret.is_some());
    let keys = if address.flag("anonymous")? {
        [None; 3]
    } else if of_environment {
        check_both(id, secret)?;
        [id, secret, token]
    } else {
        profile.keys()?
    };
    let names = [Key::AccessKeyId, Key::SecretAccessKey, Key::Token];
    let given = names.into_iter().zip(keys);
    Ok(given.fold(builder, |builder, (name, value)| match value {
        Some(value) => builder.with_config(name, value),
        None => builder,
    }))
}

/// Half a key would be told as a wrong one, or looked for elsewhere.
fn check_both(id: Option<&str>, secret: Option<&str>) -> Result<()> {
    let (set, missing) = match (id, secret) {
        (Some(_), None) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        (None, Some(_)) => ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        _ => return Ok(()),
    };
    Err(Error::denied(format!(
        "{set} is set and {missing} is not; set both, or neither"
    )))
}

fn is_decided_here(key: Key) -> bool {
    matches!(
        key,
        Key::Bucket
            | Key::AccessKeyId
            | Key::SecretAccessKey
            | Key::Token
            | Key::Region
            | Key::DefaultRegion
            | Key::Endpoint
            | Key::S3Endpoint
            // Without the condition of a put there is no store.
            | Key::ConditionalPut
            | Key::CopyIfNotExists
    )
}
