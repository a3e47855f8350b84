//! Azure Blob Storage.

use std::sync::Arc;

use hyperslab_core::{Error, Result};
use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};

use super::address::Address;
use super::environment::Environment;
use super::served::{Manner, Served};
use super::{BucketDefaults, unusable};
use crate::medium::Server;
use crate::objects::remote::Versioning;
use crate::objects::remote::cloud::choose_cryptography;

const PARAMETERS: [&str; 2] = ["account", "emulator"];

/// A client of the bucket at a URL.
pub(super) fn served(
    url: &str,
    defaults: &BucketDefaults,
    environment: &Environment,
    manner: Manner,
) -> Result<Served> {
    let address = Address::parse(url, defaults, &PARAMETERS)?;
    let requests = manner(&address.timeouts()?);
    let mut builder = MicrosoftAzureBuilder::new()
        .with_client_options(requests.options.clone())
        .with_retry(requests.retry.clone())
        .with_container_name(&address.bucket);
    for (name, value) in environment.settings("AZURE_") {
        match name.parse() {
            Ok(Key::ContainerName | Key::Endpoint) | Err(_) => {}
            Ok(key) => builder = builder.with_config(key, value),
        }
    }
    if let Some(account) = address.get("account") {
        builder = builder.with_account(account);
    }
    let variables = ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"];
    let endpoint = address.get("endpoint");
    let endpoint = endpoint.or_else(|| environment.first(&variables));
    if let Some(endpoint) = endpoint {
        let without_encryption = address.check_endpoint(endpoint, address.flag("allow_http")?)?;
        builder = builder
            .with_endpoint(endpoint.to_owned())
            .with_allow_http(without_encryption);
    }
    if address.flag("anonymous")? {
        builder = builder.with_skip_signature(true);
    }
    if address.flag("emulator")? {
        builder = builder.with_use_emulator(true).with_allow_http(true);
    } else if builder.get_config_value(&Key::AccountName).is_none() {
        return Err(Error::invalid(format!(
            "{} does not say whose it is; set AZURE_STORAGE_ACCOUNT_NAME, or add ?account=NAME",
            address.shown
        )));
    }
    choose_cryptography();
    let store = builder.build();
    let store = store.map_err(|error| unusable(&address, &error))?;
    let endpoint = endpoint.map(str::to_owned);
    let server = Server {
        store: Arc::new(store),
        versioning: Versioning::ETag,
        endpoint,
    };
    Served::new(server, &address)
}
