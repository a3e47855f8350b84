//! How an array of a schema becomes the content of a file that follows the CF conventions, and back.

use hyperslab_cf::{ArrayContent, NamedAttribute, keep_unknown};
use hyperslab_core::{ArrayMeta, CollectionMeta, DType, Result, Schema};

use crate::file::{FileContent, FileHeader, VariableContent, VariableStorage};

/// Everything in the file of an array but its cells.
pub(crate) fn content(
    collection: &CollectionMeta,
    array: &ArrayMeta,
    variable: &str,
    storage: VariableStorage,
) -> Result<FileContent> {
    let schema = &collection.schema;
    let content = ArrayContent::new(schema, array)?;
    Ok(file_content(schema, content, variable, storage))
}

/// The same of content that is known already: that of the array, or of a part of it.
pub(crate) fn file_content(
    schema: &Schema,
    content: ArrayContent,
    variable: &str,
    storage: VariableStorage,
) -> FileContent {
    let data = VariableContent {
        name: variable.to_owned(),
        dtype: schema.dtype(),
        axes: (0..content.axes.len()).collect(),
        fill: schema.fill_value(),
        declares_fill: schema.declared_fill_value().is_some(),
        attributes: content.variable_attributes,
        storage,
    };
    FileContent {
        attributes: content.attributes,
        axes: content.axes,
        variables: vec![data],
    }
}

/// Reads identity, key and custom attributes of an array back from its file.
///
/// # Errors
/// `Corrupt` that names the attribute at fault.
pub(crate) fn array_meta(schema: &Schema, header: &FileHeader) -> Result<ArrayMeta> {
    hyperslab_cf::array_meta(schema, &header.attributes, &header.variable.attributes)
}

/// Carries over what another program has added to a file: attributes that the schema does not know.
pub(crate) fn keep_foreign(schema: &Schema, old: &FileHeader, next: &mut FileContent) {
    keep_unknown(schema, &old.attributes, &mut next.attributes);
    if let Some(variable) = next.variables.first_mut() {
        // The file writer marks bools itself.
        let is_mark = |name: &str| variable.dtype == DType::Bool && name == "dtype";
        let old: Vec<NamedAttribute> = (old.variable.attributes.iter())
            .filter(|(name, _)| !is_mark(name))
            .cloned()
            .collect();
        keep_unknown(schema, &old, &mut variable.attributes);
    }
}

/// Says how the file of an array contradicts its schema.
pub(crate) fn disagreement(schema: &Schema, header: &FileHeader) -> Option<String> {
    hyperslab_cf::disagreement(schema, dtype_of(schema, header), &header.variable.shape)
}

/// Says how the cells of a part of an array contradict its schema.
pub(crate) fn part_disagreement(schema: &Schema, header: &FileHeader) -> Option<String> {
    hyperslab_cf::disagreement(schema, dtype_of(schema, header), &schema.shape())
}

fn dtype_of(schema: &Schema, header: &FileHeader) -> DType {
    match header.variable.dtype {
        DType::UInt8 | DType::Int8 if schema.dtype() == DType::Bool => DType::Bool,
        other => other,
    }
}

#[cfg(test)]
mod tests;
