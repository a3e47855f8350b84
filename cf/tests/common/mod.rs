//! A format of twenty lines: variables in a map.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, of which each file uses some"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyperslab_cf::foreign::{
    ForeignAttributes, ForeignGroup, ForeignValue, ForeignVariable, NamedDimension, VariableInfo,
};
use hyperslab_core::{
    ArrayBuf, Begun, DType, Element, Error, Hyperslab, ReadStats, Result, Scalar, copy,
};

#[derive(Debug)]
pub enum Cells {
    Numbers(ArrayBuf),
    Texts(Vec<String>),
    /// Numbers that cannot be read any more.
    Damaged(ArrayBuf),
}

#[derive(Debug)]
pub struct MapVariable {
    shape: Vec<u64>,
    cells: Cells,
    dimensions: Vec<NamedDimension>,
    attributes: ForeignAttributes,
    /// How often cells were read, of any variable.
    reads: Arc<AtomicUsize>,
}

impl ForeignVariable for MapVariable {
    fn dtype(&self) -> std::result::Result<DType, String> {
        match &self.cells {
            Cells::Numbers(cells) | Cells::Damaged(cells) => Ok(cells.dtype()),
            Cells::Texts(_) => Err("made of text".to_owned()),
        }
    }

    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn chunk_shape(&self) -> Option<Vec<u64>> {
        None
    }

    fn dimensions(&self) -> Result<Vec<NamedDimension>> {
        Ok(self.dimensions.clone())
    }

    fn attributes(&self) -> &ForeignAttributes {
        &self.attributes
    }

    fn texts(&self) -> Option<Result<Vec<String>>> {
        match &self.cells {
            Cells::Numbers(_) | Cells::Damaged(_) => None,
            Cells::Texts(texts) => Some(Ok(texts.clone())),
        }
    }

    fn read_into(&self, slab: &Hyperslab, mut part: ArrayBuf) -> Result<ArrayBuf> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let cells = match &self.cells {
            Cells::Numbers(cells) => cells,
            Cells::Damaged(_) => return Err(Error::corrupt("a chunk does not decode")),
            Cells::Texts(_) => panic!("the cells of text are not asked for"),
        };
        let size = cells.dtype().size();
        copy::gather(cells.bytes(), &self.shape, size, slab, part.bytes_mut())?;
        Ok(part)
    }

    fn begin_read(self: Arc<Self>, slab: &Hyperslab, out: ArrayBuf) -> Result<Begun<ArrayBuf>> {
        self.read_into(slab, out).map(Begun::Done)
    }
}

#[derive(Debug, Default)]
pub struct MapGroup {
    variables: BTreeMap<String, Arc<MapVariable>>,
    attributes: BTreeMap<String, ForeignAttributes>,
    reads: Arc<AtomicUsize>,
    /// Variables that do not open.
    pub broken: Vec<String>,
}

impl MapGroup {
    /// How often cells were read until now.
    pub fn reads(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.reads)
    }

    pub fn add(
        &mut self,
        path: &str,
        cells: Cells,
        dimensions: &[&str],
        attributes: &[(&str, ForeignValue)],
    ) {
        let shape = match &cells {
            Cells::Numbers(cells) | Cells::Damaged(cells) => cells.shape().to_vec(),
            Cells::Texts(texts) => vec![texts.len() as u64],
        };
        let named = |name: &&str| {
            let coordinate = self.variables.get(*name).cloned();
            NamedDimension {
                name: (*name).to_owned(),
                coordinate: coordinate.map(|variable| variable as Arc<dyn ForeignVariable>),
            }
        };
        let variable = MapVariable {
            shape,
            cells,
            dimensions: dimensions.iter().map(named).collect(),
            attributes: listed(attributes),
            reads: Arc::clone(&self.reads),
        };
        self.variables.insert(path.to_owned(), Arc::new(variable));
    }
}

impl ForeignGroup for MapGroup {
    fn read_stats(&self) -> ReadStats {
        ReadStats::default()
    }

    fn location(&self) -> String {
        "map:weather".to_owned()
    }

    fn variables(&self) -> Result<Vec<VariableInfo>> {
        let info = |(path, variable): (&String, &Arc<MapVariable>)| VariableInfo {
            name: path.clone(),
            dimensions: (variable.dimensions.iter())
                .map(|dimension| dimension.name.clone())
                .zip(variable.shape.iter().copied())
                .collect(),
            dtype: if self.broken.contains(path) {
                Err("not readable".to_owned())
            } else {
                variable.dtype()
            },
            is_coordinate: variable.dimensions.is_empty(),
        };
        Ok(self.variables.iter().map(info).collect())
    }

    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>> {
        if self.broken.iter().any(|broken| broken == path) {
            return Err(Error::unsupported("codec 'squish' is not known"));
        }
        let found = self.variables.get(path).cloned();
        Ok(found.map(|variable| variable as Arc<dyn ForeignVariable>))
    }

    fn attributes(&self, path: &str) -> Result<ForeignAttributes> {
        Ok(self.attributes.get(path).cloned().unwrap_or_default())
    }
}

pub fn listed(attributes: &[(&str, ForeignValue)]) -> ForeignAttributes {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

pub fn text(text: &str) -> ForeignValue {
    ForeignValue::Text(text.to_owned())
}

pub fn number(number: impl Into<Scalar>) -> ForeignValue {
    ForeignValue::Numbers(vec![number.into()])
}

pub fn cells<T: Element>(shape: &[u64], values: &[T]) -> Cells {
    Cells::Numbers(ArrayBuf::from_slice(shape, values).unwrap())
}

/// Packed temperatures at four hours and two named stations, in a group inside the first.
pub fn weather() -> MapGroup {
    let mut group = MapGroup::default();
    let hours = [("units", text("hours since 2023-01-03"))];
    group.add("time", cells(&[4], &[0i32, 6, 12, 18]), &[], &hours);
    let stations = Cells::Texts(vec!["north".to_owned(), "south".to_owned()]);
    group.add("station", stations, &[], &[]);
    let metres = [("units", text("m"))];
    group.add("height", cells(&[], &[2.5f64]), &[], &metres);
    let packed = [
        ("scale_factor", number(Scalar::Float64(0.5))),
        ("add_offset", number(Scalar::Float64(10.0))),
        ("_FillValue", number(Scalar::Int16(-1))),
        ("coordinates", text("height")),
        ("units", text("degC")),
    ];
    group.add(
        "day/t",
        cells(&[4, 2], &[0i16, 1, 2, -1, 4, 5, 6, 7]),
        &["time", "station"],
        &packed,
    );
    let outer = listed(&[("title", text("outer")), ("source", text("a map"))]);
    group.attributes.insert(String::new(), outer);
    let inner = listed(&[("title", text("inner"))]);
    group.attributes.insert("day".to_owned(), inner);
    group
}
