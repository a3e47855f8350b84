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
#[cfg(feature = "cloud")]
mod served;

use std::collections::BTreeMap;

use hyperslab_core::{Error, Result};

#[cfg(feature = "cloud")]
use self::served::{Requests, Served};
use super::Medium;

/// Parameters from elsewhere, for what the URL of a bucket does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketDefaults {
    /// Where they are from, such as a file and its section: messages about a wrong one say so.
    pub origin: String,
    /// Names and values, those of the URL; see [`Medium::bucket`].
    pub parameters: BTreeMap<String, String>,
}

/// Clients of a bucket, and where in it.
#[cfg(feature = "cloud")]
#[derive(Debug, Clone)]
pub struct BucketClients {
    /// One that waits as long as for a server that has never answered.
    pub opening: std::sync::Arc<dyn object_store::ObjectStore>,
    /// One that waits as long as for a server that has.
    pub patient: std::sync::Arc<dyn object_store::ObjectStore>,
    /// The prefix that the URL says.
    pub prefix: String,
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
    #[cfg(feature = "cloud")]
    pub fn bucket_with(url: &str, defaults: &BucketDefaults) -> Result<Self> {
        Self::through(Served::at(url, defaults, Requests::once)?)
    }

    /// There is none in this build.
    ///
    /// # Errors
    /// `Unsupported`, or `InvalidInput` for what is no URL of a bucket.
    #[cfg(not(feature = "cloud"))]
    pub fn bucket_with(url: &str, _defaults: &BucketDefaults) -> Result<Self> {
        Err(not_reached(url))
    }

    /// Clients for whole objects in the bucket at a URL, which try again by themselves. For what is kept beside arrays.
    ///
    /// # Errors
    /// As [`Medium::bucket`].
    #[cfg(feature = "cloud")]
    pub fn clients(url: &str, defaults: &BucketDefaults) -> Result<BucketClients> {
        let opening = Served::at(url, defaults, Requests::opening)?;
        let patient = Served::at(url, defaults, Requests::patient)?;
        Ok(BucketClients {
            opening: opening.server.store,
            patient: patient.server.store,
            prefix: patient.prefix,
        })
    }

    #[cfg(feature = "cloud")]
    fn through(served: Served) -> Result<Self> {
        Self::remote(
            served.server,
            &served.prefix,
            &served.shown,
            &served.timeouts,
        )
    }
}

/// What is said of a URL that this build reaches nothing by.
fn not_reached(url: &str) -> Error {
    let (scheme, feature) = match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("s3") => ("s3", "aws"),
        Some("gs") => ("gs", "gcp"),
        Some("az") => ("az", "azure"),
        _ => {
            return Error::invalid(
                "this is not the URL of a bucket; write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
            );
        }
    };
    Error::unsupported(format!(
        "this program cannot open {scheme}:// URLs; build it with the cargo feature '{feature}'"
    ))
}

/// An error while a client is made: no request has been sent.
#[cfg(feature = "cloud")]
fn unusable(address: &address::Address, error: &object_store::Error) -> Error {
    let cause = crate::objects::remote::cause_without_secrets(error);
    Error::invalid(format!("cannot use {}: {cause}", address.shown))
}

#[cfg(all(test, feature = "cloud"))]
mod tests;
