//! Attribute values checked against a schema.

use super::Schema;
use crate::{AttributeValue, Attributes, Error, Result, Role};

impl Schema {
    /// Checks that `key` holds every key attribute and nothing else, each of its type, and puts it in schema order.
    ///
    /// # Errors
    /// `InvalidInput` that names the attribute at fault.
    pub fn check_key(&self, key: &Attributes) -> Result<Attributes> {
        for (name, _) in key.iter() {
            if self.key_attributes().all(|known| known.name != name) {
                return Err(self.unknown(name, Role::Key));
            }
        }
        self.key_attributes()
            .map(|attribute| {
                let value = key.get(&attribute.name).ok_or_else(|| {
                    Error::invalid(format!("key attribute '{}' is missing", attribute.name))
                })?;
                Ok((
                    attribute.name.clone(),
                    self.check_value(&attribute.name, value)?.normalized(),
                ))
            })
            .collect()
    }

    /// Checks that every value belongs to a custom attribute and has its type.
    ///
    /// # Errors
    /// `InvalidInput` that names the attribute at fault.
    pub fn check_custom(&self, custom: &Attributes) -> Result<Attributes> {
        for (name, _) in custom.iter() {
            self.check_custom_name(name)?;
        }
        self.custom_attributes()
            .filter_map(|attribute| {
                custom
                    .get(&attribute.name)
                    .map(|value| (&attribute.name, value))
            })
            .map(|(name, value)| Ok((name.clone(), self.check_value(name, value)?)))
            .collect()
    }

    /// Checks that there is a custom attribute of that name.
    pub(crate) fn check_custom_name(&self, name: &str) -> Result<()> {
        if self.custom_attributes().any(|known| known.name == name) {
            return Ok(());
        }
        Err(self.unknown(name, Role::Custom))
    }

    /// Checks one value against its attribute. An int becomes a float, and text a datetime or a UUID, where the
    /// attribute is of that type.
    ///
    /// # Errors
    /// `InvalidInput` that names the attribute.
    pub fn check_value(&self, name: &str, value: &AttributeValue) -> Result<AttributeValue> {
        let context = |error: Error| error.context(format!("attribute '{name}'"));
        let attribute = self
            .attribute(name)
            .ok_or_else(|| Error::invalid(format!("there is no attribute '{name}'")))?;
        let value = if value.kind() == attribute.kind {
            value.clone()
        } else {
            AttributeValue::from_json(&attribute.kind, &value.to_json()).map_err(context)?
        };
        value.check(attribute.role == Role::Key).map_err(context)?;
        Ok(value)
    }

    fn unknown(&self, name: &str, role: Role) -> Error {
        let what = match role {
            Role::Key => "key",
            Role::Custom => "custom",
        };
        let known: Vec<_> = self
            .attributes
            .iter()
            .filter(|attribute| attribute.role == role)
            .map(|attribute| attribute.name.as_str())
            .collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        Error::invalid(format!(
            "'{name}' is no {what} attribute of the schema; there are: {known}"
        ))
    }
}
