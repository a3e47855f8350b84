//! What a filter can match at most, for a look-up in place of a listing.

use uuid::Uuid;

use super::{Comparison, Filter, ID_ATTRIBUTE};
use crate::{AttributeValue, Attributes, Schema};

impl Filter {
    /// Whether no listing is needed.
    #[must_use]
    pub fn is_look_up(&self, schema: &Schema) -> bool {
        self.full_key(schema).is_some() || self.ids().is_some()
    }

    /// The conditions that all hold.
    fn parts(&self) -> &[Self] {
        match self {
            Self::And(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        }
    }

    /// The identities that this filter can match at most, each once, when it says them by `=` or as a set.
    #[must_use]
    pub fn ids(&self) -> Option<Vec<Uuid>> {
        let values = self.parts().iter().find_map(|part| match part {
            Self::Compare {
                attribute,
                comparison: Comparison::Equal,
                value,
            } if attribute == ID_ATTRIBUTE => Some(std::slice::from_ref(value)),
            Self::In { attribute, values } if attribute == ID_ATTRIBUTE => Some(values.as_slice()),
            _ => None,
        })?;
        let mut ids = Vec::new();
        for value in values {
            match value {
                AttributeValue::Uuid(id) if !ids.contains(id) => ids.push(*id),
                _ => {}
            }
        }
        Some(ids)
    }

    /// The one key that this filter can match, when it says every key attribute by `=`; it can then be looked up without a
    /// listing.
    #[must_use]
    pub fn full_key(&self, schema: &Schema) -> Option<Attributes> {
        let value_of = |name: &str| {
            self.parts().iter().find_map(|part| match part {
                Self::Compare {
                    attribute,
                    comparison: Comparison::Equal,
                    value,
                } if attribute == name => Some(value.clone()),
                _ => None,
            })
        };
        let key: Attributes = schema
            .key_attributes()
            .map(|attribute| Some((attribute.name.clone(), value_of(&attribute.name)?)))
            .collect::<Option<_>>()?;
        (!key.is_empty()).then_some(key)
    }
}
