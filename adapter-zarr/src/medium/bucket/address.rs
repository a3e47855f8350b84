//! The URL of a bucket, taken apart.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hyperslab_core::{Error, Result};
use url::{Host, Url};

use super::BucketDefaults;
use crate::medium::Timeouts;

/// Parameters that every cloud knows.
const COMMON: [&str; 5] = [
    "endpoint",
    "allow_http",
    "anonymous",
    "open_timeout",
    "timeout",
];

/// A bucket, where in it, and how to get there.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// The URL without its parameters.
    pub(super) shown: String,
    parameters: BTreeMap<String, Parameter>,
}

/// What was given for a parameter.
#[derive(Debug)]
struct Parameter {
    value: String,
    /// Where it is from, if not from the URL.
    origin: Option<String>,
}

impl Address {
    /// Takes a URL apart whose cloud has these parameters of its own.
    ///
    /// # Errors
    /// `InvalidInput`; the message repeats nothing that could be a secret.
    pub(super) fn parse(
        url: &str,
        defaults: &BucketDefaults,
        own: &[&'static str],
    ) -> Result<Self> {
        let parsed = Url::parse(url)
            .map_err(|error| Error::invalid(format!("this is not the URL of a bucket: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::invalid(
                "the URL of a bucket holds no credentials; set the variables of the environment instead",
            ));
        }
        let scheme = parsed.scheme();
        let bucket = parsed.host_str().unwrap_or_default();
        if bucket.is_empty() || parsed.port().is_some() || parsed.fragment().is_some() {
            return Err(Error::invalid(format!(
                "the URL of a bucket is {scheme}://bucket/prefix?parameter=value, and this is not"
            )));
        }
        let prefix = percent_decoded(parsed.path().trim_matches('/'))?;
        let separator = if prefix.is_empty() { "" } else { "/" };
        Ok(Self {
            shown: format!("{scheme}://{bucket}{separator}{prefix}"),
            bucket: bucket.to_owned(),
            prefix,
            parameters: parameters(&parsed, defaults, own)?,
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let parameter = self.parameters.get(name)?;
        Some(&parameter.value)
    }

    /// A mistake in the value of a parameter, which `what` calls it.
    fn mistake(&self, name: &str, what: &str) -> Error {
        Error::invalid(format!(
            "{}the parameter '{name}' {what}",
            self.origin(name)
        ))
    }

    /// Where a parameter is from, as a message begins; nothing if it is from the URL.
    fn origin(&self, name: &str) -> String {
        let parameter = self.parameters.get(name);
        let origin = parameter.and_then(|parameter| parameter.origin.as_ref());
        origin.map_or_else(String::new, |origin| format!("{origin}: "))
    }

    /// A parameter that is `true` or `false`; false when it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(_) => Err(self.mistake(name, "is either true or false")),
        }
    }

    pub(super) fn timeouts(&self) -> Result<Timeouts> {
        let mut timeouts = Timeouts::default();
        if let Some(seconds) = self.seconds("timeout")? {
            timeouts.call = seconds;
            timeouts.open = timeouts.open.min(seconds);
        }
        if let Some(seconds) = self.seconds("open_timeout")? {
            timeouts.open = seconds;
        }
        timeouts.attempt = timeouts.attempt.min(timeouts.call);
        Ok(timeouts)
    }

    fn seconds(&self, name: &str) -> Result<Option<Duration>> {
        const DAY: f64 = 86_400.0;
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let seconds = value.parse().ok();
        let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= DAY);
        let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Some).ok_or_else(|| {
            let what = format!("is a number of seconds, more than 0 and at most {DAY}");
            self.mistake(name, &what)
        })
    }

    /// Checks an endpoint, and says whether it is one without encryption that may be used: because that is permitted, or
    /// because it is this machine.
    pub(super) fn check_endpoint(&self, endpoint: &str, permitted: bool) -> Result<bool> {
        let origin = match self.get("endpoint") {
            Some(given) if given == endpoint => self.origin("endpoint"),
            _ => String::new(),
        };
        let wrong = || {
            Error::invalid(format!(
                "{origin}the endpoint is not a URL such as https://server:9000"
            ))
        };
        let parsed = Url::parse(endpoint).map_err(|_| wrong())?;
        let has_user = !parsed.username().is_empty() || parsed.password().is_some();
        if has_user || parsed.query().is_some() {
            return Err(Error::invalid(format!(
                "{origin}the endpoint is a URL without credentials and without parameters"
            )));
        }
        let is_here = match parsed.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
            None => return Err(wrong()),
        };
        match parsed.scheme() {
            "https" => Ok(false),
            "http" if permitted || is_here => Ok(true),
            "http" => Err(Error::invalid(format!(
                "{origin}{endpoint} is not encrypted: everybody on the way could read the data; use https, or permit it with \
                 ?allow_http=true"
            ))),
            _ => Err(wrong()),
        }
    }
}

/// The parameters of a URL, and the others that were given for it.
fn parameters(
    url: &Url,
    defaults: &BucketDefaults,
    own: &[&'static str],
) -> Result<BTreeMap<String, Parameter>> {
    let known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    let check = |name: &str, origin: &str| {
        if known.contains(&name) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{origin}{}:// knows no parameter '{name}'; it knows {}",
            url.scheme(),
            known.join(", ")
        )))
    };
    let mut parameters = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        check(&name, "")?;
        let given = Parameter {
            value: value.into_owned(),
            origin: None,
        };
        if parameters.insert(name.to_string(), given).is_some() {
            return Err(Error::invalid(format!(
                "the parameter '{name}' is given twice"
            )));
        }
    }
    for (name, value) in &defaults.parameters {
        check(name, &format!("{}: ", defaults.origin))?;
        parameters.entry(name.clone()).or_insert_with(|| Parameter {
            value: value.clone(),
            origin: Some(defaults.origin.clone()),
        });
    }
    Ok(parameters)
}

fn percent_decoded(path: &str) -> Result<String> {
    // The parser of forms knows `+` and `&` too, which are only themselves in a path.
    let form = format!("p={}", path.replace('+', "%2B").replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(form.as_bytes()).next();
    let decoded = decoded.map_or_else(String::new, |(_, value)| value.into_owned());
    if decoded.contains('\u{FFFD}') {
        return Err(Error::invalid(
            "the prefix in the URL of a bucket is not UTF-8",
        ));
    }
    Ok(decoded)
}
