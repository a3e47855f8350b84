//! Buckets by their URL.

#[cfg(feature = "cloud")]
mod address;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod aws_files;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "cloud")]
mod environment;
#[cfg(feature = "gcp")]
mod gcp;

use std::collections::BTreeMap;

use hyperslab_core::{Error, Result};

use super::Medium;

/// Parameters from elsewhere, for what the URL of a bucket does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketDefaults {
    /// Where they are from, such as a file and its section: messages about a wrong one say so.
    pub origin: String,
    /// Names and values, those of the URL; see [`Medium::bucket`].
    pub parameters: BTreeMap<String, String>,
}

impl Medium {
    /// The objects of a bucket below a prefix: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. Nothing
    /// is asked of the bucket yet.
    ///
    /// Credentials, region and endpoint come from where the other tools of that cloud have them: the environment
    /// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...), the
    /// files of `~/.aws` (`AWS_PROFILE`), or the machine itself. Parameters of the URL come before the environment:
    ///
    /// | parameter | for | what |
    /// | --- | --- | --- |
    /// | `endpoint` | all | the URL of another server |
    /// | `allow_http=true` | all | permits an endpoint without encryption; one of this machine needs no permission |
    /// | `anonymous=true` | all | asks without credentials |
    /// | `open_timeout` | all | seconds to wait for a server that never answered yet; 10 if not given |
    /// | `timeout` | all | seconds to wait once it has answered; 60 if not given |
    /// | `region`, `profile` | S3 | before `AWS_REGION`, `AWS_PROFILE` |
    /// | `virtual_hosted=true` | S3 | the endpoint has the bucket in its name |
    /// | `requester_pays=true` | S3 | this account pays for what is read |
    /// | `account` | Azure | before `AZURE_STORAGE_ACCOUNT_NAME` |
    /// | `emulator=true` | Azure | Azurite with its well-known account |
    ///
    /// # Errors
    /// `InvalidInput` for a URL that is none of these, an unknown parameter, or credentials in it; `Unsupported` when this
    /// program was built without that cloud; `NotFound` for a profile that is not there.
    pub fn bucket(url: &str) -> Result<Self> {
        Self::bucket_with(url, &BucketDefaults::default())
    }

    /// As [`Medium::bucket`], with parameters for what the URL does not say. They come after those of the URL and before the
    /// environment.
    ///
    /// # Errors
    /// As [`Medium::bucket`].
    #[cfg_attr(
        not(feature = "cloud"),
        expect(unused_variables, reason = "for clouds that are not built in")
    )]
    pub fn bucket_with(url: &str, defaults: &BucketDefaults) -> Result<Self> {
        match url.split_once("://").map(|(scheme, _)| scheme) {
            #[cfg(feature = "aws")]
            Some("s3") => aws::open(url, defaults, &environment::Environment::of_process()),
            #[cfg(not(feature = "aws"))]
            Some("s3") => Err(without("s3", "aws")),
            #[cfg(feature = "gcp")]
            Some("gs") => gcp::open(url, defaults, &environment::Environment::of_process()),
            #[cfg(not(feature = "gcp"))]
            Some("gs") => Err(without("gs", "gcp")),
            #[cfg(feature = "azure")]
            Some("az") => azure::open(url, defaults, &environment::Environment::of_process()),
            #[cfg(not(feature = "azure"))]
            Some("az") => Err(without("az", "azure")),
            _ => Err(Error::invalid(
                "this is not the URL of a bucket; write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
            )),
        }
    }
}

#[cfg(not(all(feature = "aws", feature = "gcp", feature = "azure")))]
fn without(scheme: &str, feature: &str) -> Error {
    Error::unsupported(format!(
        "this program cannot open {scheme}:// URLs; build it with the cargo feature '{feature}'"
    ))
}

/// What the clients of all clouds have in common: no retries, which are [`Patient`](crate::objects::patient::Patient)'s, and
/// no limit to the time of a long transfer but its own.
#[cfg(feature = "cloud")]
fn client_options() -> object_store::ClientOptions {
    object_store::ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(std::time::Duration::from_secs(5))
}

/// An error while a client is made: no request has been sent.
#[cfg(feature = "cloud")]
fn unusable(address: &address::Address, error: &object_store::Error) -> Error {
    let cause = crate::objects::remote::cause_without_secrets(error);
    Error::invalid(format!("cannot use {}: {cause}", address.shown))
}

#[cfg(all(test, feature = "cloud"))]
mod tests;
