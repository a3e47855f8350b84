//! What stands for one state of an object of a store.

use object_store::{ObjectMeta, PutResult, UpdateVersion};

use super::super::Version;

/// How a store tells the states of an object apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioning {
    /// By an ETag: S3 and what speaks like it, Azure, memory.
    ETag,
    /// By a number that grows with each put, beside an ETag: Google Cloud Storage.
    Generation,
}

impl Versioning {
    pub(super) fn of_meta(self, meta: &ObjectMeta) -> Option<Version> {
        self.version(meta.e_tag.as_deref(), meta.version.as_deref())
    }

    pub(super) fn of_put(self, put: &PutResult) -> Option<Version> {
        self.version(put.e_tag.as_deref(), put.version.as_deref())
    }

    fn version(self, e_tag: Option<&str>, generation: Option<&str>) -> Option<Version> {
        match self {
            Self::ETag => e_tag.map(Version::new),
            Self::Generation => Some(Version::new(format!("{} {}", generation?, e_tag?))),
        }
    }

    /// What a read can be made conditional on.
    pub(super) fn e_tag(self, version: &Version) -> Option<String> {
        match self {
            Self::ETag => Some(version.as_str().to_owned()),
            Self::Generation => {
                let (_, e_tag) = version.as_str().split_once(' ')?;
                Some(e_tag.to_owned())
            }
        }
    }

    /// What a put can be made conditional on.
    pub(super) fn update(self, version: &Version) -> UpdateVersion {
        match self {
            Self::ETag => UpdateVersion {
                e_tag: Some(version.as_str().to_owned()),
                version: None,
            },
            Self::Generation => UpdateVersion {
                e_tag: self.e_tag(version),
                version: version
                    .as_str()
                    .split_once(' ')
                    .map(|(generation, _)| generation.to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_goes_out_as_it_came_in() {
        let version = Versioning::Generation
            .version(Some("\"a b\""), Some("17"))
            .unwrap();
        let update = Versioning::Generation.update(&version);
        assert_eq!(update.version.as_deref(), Some("17"));
        assert_eq!(update.e_tag.as_deref(), Some("\"a b\""));
        assert_eq!(
            Versioning::Generation.e_tag(&version).as_deref(),
            Some("\"a b\"")
        );
        assert_eq!(Versioning::Generation.version(Some("\"a\""), None), None);
    }
}
