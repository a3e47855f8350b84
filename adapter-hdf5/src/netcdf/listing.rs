//! What variables a foreign file has.

use hdf5::{File, Group, IndexType, IterationOrder, LinkType, LocationToken, LocationType};
use hyperslab_cf::foreign::VariableInfo;
use hyperslab_core::{Error, Result};

use super::{dimensions, h5, variable};

/// How deep groups may lie in each other.
const GROUP_DEPTH_MAX: usize = 32;

/// All variables of a file.
pub(super) fn variables(file: &File) -> Result<Vec<VariableInfo>> {
    let mut variables = Vec::new();
    let root = file.loc_info().map_err(h5::failed("read", "the file"))?;
    list_group(file, "", &mut vec![root.token], &mut variables)?;
    Ok(variables)
}

/// Lists a group and those inside it. `around` are the addresses of the groups it lies in.
fn list_group(
    group: &Group,
    prefix: &str,
    around: &mut Vec<LocationToken>,
    variables: &mut Vec<VariableInfo>,
) -> Result<()> {
    let place = format!("group '/{prefix}'");
    let mut inner = Vec::new();
    for (name, link) in links(group).map_err(h5::failed("list", &place))? {
        let path = format!("{prefix}{name}");
        match group.loc_type_by_name(&name) {
            // Only a hard link makes a group part of this one.
            Ok(LocationType::Group) if link == LinkType::Hard => inner.push(name),
            Ok(LocationType::Dataset) => match variable_info(group, &name, &path) {
                Ok(found) => variables.extend(found),
                Err(error) => variables.push(unreadable(path, &error)),
            },
            // A link that leads nowhere is passed over, what is damaged is not.
            Err(error) if link == LinkType::Hard => {
                let error = h5::failed("open", &format!("variable '{path}'"))(error);
                variables.push(unreadable(path, &error));
            }
            _ => {}
        }
    }
    for name in inner {
        let path = format!("{prefix}{name}/");
        let failed = || h5::failed("open", &format!("group '{path}'"));
        let group = group.group(&name).map_err(failed())?;
        let token = group.loc_info().map_err(failed())?.token;
        if around.len() < GROUP_DEPTH_MAX && !around.contains(&token) {
            around.push(token);
            list_group(&group, &path, around, variables)?;
            around.pop();
        }
    }
    Ok(())
}

/// Whether a path names something that is there and cannot be opened.
pub(super) fn is_damaged(file: &File, path: &str) -> bool {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("/", path));
    let Ok(group) = file.group(parent) else {
        return false;
    };
    let is_there = links(&group).is_ok_and(|links| {
        let mut links = links.iter();
        links.any(|(known, link)| known == name && *link == LinkType::Hard)
    });
    is_there && group.loc_type_by_name(name).is_err()
}

/// One that cannot be read must not hide the others.
fn unreadable(name: String, error: &Error) -> VariableInfo {
    VariableInfo {
        name,
        dimensions: Vec::new(),
        dtype: Err(format!("not readable: {}", error.message())),
        is_coordinate: false,
    }
}

/// Names and kinds of the links of a group, in the order of creation where the file knows it, else of names.
fn links(group: &Group) -> hdf5::Result<Vec<(String, LinkType)>> {
    let by = |order| group.links(order, IterationOrder::Increasing);
    let links = by(IndexType::CreationOrder).or_else(|_| by(IndexType::Name))?;
    Ok(links
        .into_iter()
        .map(|(name, link)| (name, link.link_type))
        .collect())
}

/// The listing of one variable, or `None` for what netCDF does not count as one.
fn variable_info(group: &Group, name: &str, path: &str) -> Result<Option<VariableInfo>> {
    let failed = || h5::failed("open", &format!("variable '{path}'"));
    let dataset = group.dataset(name).map_err(failed())?;
    let attributes = h5::attributes(&dataset, path)?;
    if dimensions::is_bare_dimension(&attributes) {
        return Ok(None);
    }
    let names = dimensions::dimension_names(&dataset, path, &attributes);
    let sizes = dataset.shape().into_iter().map(|size| size as u64);
    Ok(Some(VariableInfo {
        dimensions: names.into_iter().zip(sizes).collect(),
        dtype: variable::numbers(&dataset),
        is_coordinate: attributes.text("CLASS") == Some("DIMENSION_SCALE"),
        name: path.to_owned(),
    }))
}
