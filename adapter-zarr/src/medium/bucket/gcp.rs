//! Google Cloud Storage.

use std::path::Path;
use std::sync::Arc;

use hyperslab_core::{Error, Result};
use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey as Key};

use super::address::Address;
use super::environment::Environment;
use super::served::{Manner, Served};
use super::{BucketDefaults, unusable};
use crate::medium::Server;
use crate::objects::remote::Versioning;
use crate::objects::remote::cloud::choose_cryptography;

/// A client of the bucket at a URL.
pub(super) fn served(
    url: &str,
    defaults: &BucketDefaults,
    environment: &Environment,
    manner: Manner,
) -> Result<Served> {
    let address = Address::parse(url, defaults, &[])?;
    let requests = manner(&address.timeouts()?);
    check_files(environment)?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_client_options(requests.options.clone())
        .with_retry(requests.retry.clone())
        .with_bucket_name(&address.bucket);
    for (name, value) in environment.settings("GOOGLE_") {
        match name.parse() {
            Ok(Key::Bucket) | Err(_) => {}
            Ok(key) => builder = builder.with_config(key, value),
        }
    }
    let endpoint = address.get("endpoint");
    let endpoint = endpoint.or_else(|| environment.first(&["GOOGLE_BASE_URL"]));
    if let Some(endpoint) = endpoint {
        let without_encryption = address.check_endpoint(endpoint, address.flag("allow_http")?)?;
        let options = requests.options.clone().with_allow_http(without_encryption);
        builder = builder.with_base_url(endpoint).with_client_options(options);
    }
    if address.flag("anonymous")? {
        // The library asks for credentials before each put, also where it signs nothing.
        let nobody = GcpCredential {
            bearer: String::new(),
        };
        builder = builder
            .with_skip_signature(true)
            .with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
    }
    choose_cryptography();
    let store = builder.build();
    let store = store.map_err(|error| unusable(&address, &error))?;
    let endpoint = endpoint.map(str::to_owned);
    let server = Server {
        store: Arc::new(store),
        versioning: Versioning::Generation,
        endpoint,
    };
    Served::new(server, &address)
}

/// The library says that a file is missing, and not which.
fn check_files(environment: &Environment) -> Result<()> {
    for name in [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
    ] {
        if let Some(path) = environment.first(&[name])
            && !Path::new(path).is_file()
        {
            return Err(Error::not_found(format!(
                "there is no file {path}, which {name} names; correct the variable, or unset it"
            )));
        }
    }
    Ok(())
}
