//! Several variables, one schema.

use hyperslab_core::{Attributes, Error, Result, Schema};
use hyperslab_hdf5::netcdf::ImportPlan;

/// The schema that all plans fit: dtype, fill value and dimensions of each must be the same, the custom attributes are those of
/// any.
pub(super) fn schema(plans: &[ImportPlan]) -> Result<Schema> {
    let (first, rest) = plans
        .split_first()
        .ok_or_else(|| Error::invalid("name at least one variable"))?;
    for plan in rest {
        check_same(&first.schema, &plan.schema).map_err(|error| {
            error.context(format!(
                "variables {} and {} do not fit one collection",
                first.key, plan.key
            ))
        })?;
    }
    let mut builder = Schema::builder(first.schema.dtype());
    if let Some(fill_value) = first.schema.declared_fill_value() {
        builder = builder.fill_value(fill_value);
    }
    for dimension in first.schema.dimensions() {
        builder = builder.dimension(dimension.clone());
    }
    let mut known = Vec::new();
    for attribute in plans.iter().flat_map(|plan| plan.schema.attributes()) {
        if !known.contains(&attribute) {
            known.push(attribute);
        }
    }
    // Two types under one name are refused by `build`, which names the attribute.
    known
        .into_iter()
        .fold(builder, |builder, attribute| {
            builder.attribute(attribute.clone())
        })
        .metadata(first.schema.metadata().clone())
        .build()
}

/// Refuses a schema whose cells lie otherwise.
pub(super) fn check_same(known: &Schema, other: &Schema) -> Result<()> {
    let differ = |what: &str, known: String, other: String| {
        Err(Error::invalid(format!(
            "{what} is {known} here and {other} there; import into another collection"
        )))
    };
    if known.dtype() != other.dtype() {
        return differ(
            "the dtype",
            known.dtype().to_string(),
            other.dtype().to_string(),
        );
    }
    if known.fill_value() != other.fill_value() {
        let json = |schema: &Schema| schema.fill_value().to_json().to_string();
        return differ("the fill value", json(known), json(other));
    }
    if known.shape() != other.shape() {
        return differ(
            "the shape",
            format!("{:?}", known.shape()),
            format!("{:?}", other.shape()),
        );
    }
    for (known, other) in known.dimensions().iter().zip(other.dimensions()) {
        if known.name != other.name {
            return differ(
                "a dimension",
                format!("'{}'", known.name),
                format!("'{}'", other.name),
            );
        }
        if known.coordinates != other.coordinates {
            return Err(Error::invalid(format!(
                "the coordinates of dimension '{}' differ; import into another collection",
                known.name
            )));
        }
    }
    if !known.key_attributes().eq(other.key_attributes()) {
        return Err(Error::invalid(
            "its arrays do not have the key 'variable'; import into another collection",
        ));
    }
    Ok(())
}

/// The attributes that the schema has; the others are noted.
pub(super) fn known(
    mut custom: Attributes,
    schema: &Schema,
    notes: &mut Vec<String>,
) -> Attributes {
    let names: Vec<String> = custom.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let fits = custom.get(&name).is_some_and(|value| {
            schema
                .custom_attributes()
                .any(|known| known.name == name && known.kind == value.kind())
        });
        if !fits {
            custom.remove(&name);
            notes.push(format!(
                "attribute '{name}' is not kept: the collection does not have it"
            ));
        }
    }
    custom
}
