//! The files of `~/.aws`: keys, region and endpoint of a profile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyperslab_core::{Error, Result};

use super::environment::Environment;

/// What the two files say of one profile. Never shown.
#[derive(Default)]
pub(super) struct Profile {
    name: String,
    settings: BTreeMap<String, String>,
    /// Those of the section `services` that it names.
    services: BTreeMap<String, String>,
}

/// What gets keys from elsewhere, and is not done here.
const DETOURS: [&str; 5] = [
    "sso_session",
    "sso_start_url",
    "credential_process",
    "role_arn",
    "login_session",
];

impl Profile {
    /// The profile that is asked for, or that `AWS_PROFILE` names, or the default one, which need not be there.
    ///
    /// # Errors
    /// `NotFound` when a profile is named that neither file has.
    pub(super) fn chosen(asked: Option<&str>, environment: &Environment) -> Result<Self> {
        let named = asked.or_else(|| environment.first(&["AWS_PROFILE"]));
        let name = named.unwrap_or("default");
        let path = |variable: &str, file: &str| {
            let set = environment.first(&[variable]).map(PathBuf::from);
            set.or_else(|| Some(environment.home.as_ref()?.join(".aws").join(file)))
        };
        let credentials = path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = path("AWS_CONFIG_FILE", "config");
        // Which cannot be read says no more than which is not there: a user may well have neither.
        let text = |path: Option<PathBuf>| {
            let text = path.map(std::fs::read_to_string);
            text.and_then(std::result::Result::ok).unwrap_or_default()
        };
        let (credentials, config) = (sections(&text(credentials)), sections(&text(config)));
        let in_config = config
            .get(&format!("profile {name}"))
            .or_else(|| config.get(name).filter(|_| name == "default"));
        let in_credentials = credentials.get(name);
        if named.is_some() && in_config.is_none() && in_credentials.is_none() {
            return Err(Error::not_found(format!(
                "there is no profile '{name}' in ~/.aws/credentials or ~/.aws/config; see `aws configure list-profiles`"
            )));
        }
        let mut settings = in_config.cloned().unwrap_or_default();
        // Where both have one, the file of credentials holds.
        settings.extend(in_credentials.cloned().unwrap_or_default());
        let services = settings.get("services");
        let services = services.and_then(|services| config.get(&format!("services {services}")));
        Ok(Self {
            name: name.to_owned(),
            services: services.cloned().unwrap_or_default(),
            settings,
        })
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    pub(super) fn endpoint(&self) -> Option<&str> {
        let of_s3 = self.services.get("s3.endpoint_url").map(String::as_str);
        of_s3.or_else(|| self.get("endpoint_url"))
    }

    /// The id of the key, its secret and the token of the session, as far as they are there.
    ///
    /// # Errors
    /// `Unsupported` when the profile says to get them from elsewhere.
    pub(super) fn keys(&self) -> Result<[Option<&str>; 3]> {
        let names = [
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
        ];
        let keys = names.map(|name| self.get(name));
        let detour = DETOURS.iter().find(|detour| self.get(detour).is_some());
        match detour {
            Some(detour) if keys[0].is_none() || *detour == "role_arn" => {
                Err(Error::unsupported(format!(
                    "the profile '{0}' gets its keys by {detour}, which hyperslab does not do; \
                     run `eval \"$(aws configure export-credentials --profile {0} --format env)\"`, unset AWS_PROFILE \
                     and try again",
                    self.name
                )))
            }
            _ => Ok(keys),
        }
    }
}

type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// The sections of such a file. A setting inside of another, on an indented line, is called `outer.inner`.
fn sections(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut section = String::new();
    let mut outer = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = trimmed.strip_prefix('[') {
            let title = title.split(']').next().unwrap_or_default();
            section = title.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.entry(section.clone()).or_default();
            continue;
        }
        let Some((name, value)) = trimmed.split_once('=') else {
            continue;
        };
        let name = name.trim().to_ascii_lowercase();
        // A remark after a value begins with a space.
        let value = value.split(" #").next().unwrap_or_default().trim();
        let is_inner = line.starts_with([' ', '\t']) && !outer.is_empty();
        let name = if is_inner {
            format!("{outer}.{name}")
        } else {
            outer = if value.is_empty() {
                name.clone()
            } else {
                String::new()
            };
            name
        };
        if !value.is_empty() {
            let settings = sections.entry(section.clone()).or_default();
            settings.insert(name, value.to_owned());
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(credentials: &str, config: &str) -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".aws");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("credentials"), credentials).unwrap();
        std::fs::write(folder.join("config"), config).unwrap();
        let environment = Environment {
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        (home, environment)
    }

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=S=/+\n\n[work]\n\
        aws_access_key_id = B\naws_secret_access_key = T\naws_session_token = U\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1 # near\n[profile work]\nregion=us-west-2\nservices = local\n\
        endpoint_url = https://all\n[services local]\ns3 =\n  endpoint_url = http://localhost:9000\nsqs =\n  endpoint_url = http://q\n\
        [profile office]\nsso_session = it\n";

    #[test]
    fn a_profile_is_made_of_both_files() {
        let (_home, environment) = home(CREDENTIALS, CONFIG);
        let default = Profile::chosen(None, &environment).unwrap();
        assert_eq!(default.keys().unwrap(), [Some("A"), Some("S=/+"), None]);
        assert_eq!(default.get("region"), Some("eu-west-1"));
        assert_eq!(default.endpoint(), None);
        let work = Profile::chosen(Some("work"), &environment).unwrap();
        assert_eq!(work.keys().unwrap(), [Some("B"), Some("T"), Some("U")]);
        assert_eq!(work.endpoint(), Some("http://localhost:9000"));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let (_home, mut environment) = home(CREDENTIALS, CONFIG);
        let missing = Profile::chosen(Some("home"), &environment).err().unwrap();
        assert!(missing.message().contains("'home'"), "{missing}");
        environment
            .variables
            .insert("AWS_PROFILE".to_owned(), "office".to_owned());
        let office = Profile::chosen(None, &environment).unwrap();
        let error = office.keys().err().unwrap();
        assert!(error.message().contains("sso_session"), "{error}");
    }

    #[test]
    fn a_user_without_files_has_an_empty_profile() {
        let nobody = Profile::chosen(None, &Environment::default()).unwrap();
        assert_eq!(nobody.keys().unwrap(), [None; 3]);
    }
}
