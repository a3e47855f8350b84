//! Importing from a format of twenty lines: variables in a map.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use hyperslab_cf::foreign::{
    ForeignArray, ForeignAttributes, ForeignGroup, ForeignValue, ForeignVariable, ImportOptions,
    NamedDimension, VariableInfo, plan_import,
};
use hyperslab_core::{
    ArrayBuf, AttributeValue, AxisSlab, Coordinates, DType, Element, ErrorKind, Hyperslab, Result,
    Scalar, TimeStart, copy,
};

#[derive(Debug)]
enum Cells {
    Numbers(ArrayBuf),
    Texts(Vec<String>),
}

#[derive(Debug)]
struct MapVariable {
    shape: Vec<u64>,
    cells: Cells,
    dimensions: Vec<NamedDimension>,
    attributes: ForeignAttributes,
}

impl ForeignVariable for MapVariable {
    fn dtype(&self) -> std::result::Result<DType, String> {
        match &self.cells {
            Cells::Numbers(cells) => Ok(cells.dtype()),
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
            Cells::Numbers(_) => None,
            Cells::Texts(texts) => Some(Ok(texts.clone())),
        }
    }

    fn read(&self, slab: &Hyperslab) -> Result<ArrayBuf> {
        let Cells::Numbers(cells) = &self.cells else {
            panic!("the cells of text are not asked for")
        };
        let mut part = ArrayBuf::zeroed(cells.dtype(), &slab.shape())?;
        let size = cells.dtype().size();
        copy::gather(cells.bytes(), &self.shape, size, slab, part.bytes_mut())?;
        Ok(part)
    }
}

#[derive(Debug, Default)]
struct MapGroup {
    variables: BTreeMap<String, Arc<MapVariable>>,
    attributes: BTreeMap<String, ForeignAttributes>,
}

impl MapGroup {
    fn add(
        &mut self,
        path: &str,
        cells: Cells,
        dimensions: &[&str],
        attributes: &[(&str, ForeignValue)],
    ) {
        let shape = match &cells {
            Cells::Numbers(cells) => cells.shape().to_vec(),
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
        };
        self.variables.insert(path.to_owned(), Arc::new(variable));
    }
}

impl ForeignGroup for MapGroup {
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
            dtype: variable.dtype(),
            is_coordinate: variable.dimensions.is_empty(),
        };
        Ok(self.variables.iter().map(info).collect())
    }

    fn variable(&self, path: &str) -> Result<Option<Arc<dyn ForeignVariable>>> {
        let found = self.variables.get(path).cloned();
        Ok(found.map(|variable| variable as Arc<dyn ForeignVariable>))
    }

    fn attributes(&self, path: &str) -> Result<ForeignAttributes> {
        Ok(self.attributes.get(path).cloned().unwrap_or_default())
    }
}

fn listed(attributes: &[(&str, ForeignValue)]) -> ForeignAttributes {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn text(text: &str) -> ForeignValue {
    ForeignValue::Text(text.to_owned())
}

fn number(number: impl Into<Scalar>) -> ForeignValue {
    ForeignValue::Numbers(vec![number.into()])
}

fn cells<T: Element>(shape: &[u64], values: &[T]) -> Cells {
    Cells::Numbers(ArrayBuf::from_slice(shape, values).unwrap())
}

/// Packed temperatures at four hours and two named stations, in a group inside the first.
fn weather() -> MapGroup {
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

fn open(name: &str, packed: bool) -> Result<ForeignArray> {
    ForeignArray::open(&weather(), name, ImportOptions { packed })
}

#[test]
fn a_variable_becomes_a_schema() {
    let plan = plan_import(&open("/day/t", false).unwrap()).unwrap();
    let schema = &plan.schema;
    assert_eq!(schema.dtype(), DType::Float64);
    assert!(schema.fill_value().as_f64().unwrap().is_nan());
    let [time, station] = schema.dimensions() else {
        panic!("{:?}", schema.dimensions())
    };
    let start = TimeStart::Fixed("2023-01-03".parse().unwrap());
    let step = "PT6H".parse().unwrap();
    let scale = Coordinates::TimeScale { start, step };
    assert_eq!(time.coordinates, Some(scale));
    let labels = vec!["north".to_owned(), "south".to_owned()];
    assert_eq!(station.coordinates, Some(Coordinates::Labels { labels }));
    let path = AttributeValue::Text("day/t".to_owned());
    assert_eq!(plan.key.get("variable"), Some(&path));
    let custom: Vec<&str> = plan.custom.iter().map(|(name, _)| name).collect();
    assert_eq!(custom, ["units"]);
    assert_eq!(schema.metadata()["title"], "inner");
    assert_eq!(schema.metadata()["source"], "a map");
    assert_eq!(schema.metadata()["height"], "2.5 m");
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn the_cells_of_a_hyperslab_come_out_unpacked() {
    let array = open("day/t", false).unwrap();
    let axis = |start, count, stride| AxisSlab {
        start,
        count,
        stride,
    };
    let slab = Hyperslab::new(vec![axis(1, 2, 2), axis(0, 2, 1)], array.shape()).unwrap();
    let block = array.read_block(&slab).unwrap();
    assert_eq!(block.shape(), [2, 2]);
    let found = block.as_slice::<f64>().unwrap();
    assert_eq!([found[0], found[2], found[3]], [11.0, 13.0, 13.5]);
    assert!(found[1].is_nan());

    let packed = open("day/t", true).unwrap();
    assert_eq!(packed.dtype(), DType::Int16);
    assert_eq!(packed.fill_value(), Some(Scalar::Int16(-1)));
    let block = packed.read_block(&slab).unwrap();
    assert_eq!(block.as_slice::<i16>().unwrap(), [2, -1, 6, 7]);
}

#[test]
fn what_cannot_be_imported_is_refused_by_name() {
    let error = open("day/u", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let message = error.to_string();
    assert!(
        message.contains("map:weather has no variable 'day/u'; there are: day/t"),
        "{message}"
    );
    let error = open("station", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("made of text"), "{error}");
}
