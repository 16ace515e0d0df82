//! A compiled view: its name, its columns and its plan.

use super::definition::{ColumnDefinition, ViewDefinition};
use super::plan::Expr;
use super::value::ColumnKind;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The most rows that one resource may give in one view. A cross join with more is a mistake.
pub const ROW_LIMIT: u64 = 1_000_000;

/// A compiled ViewDefinition: turns resources into rows.
///
/// It can be shared between threads as it is.
#[derive(Clone, Debug)]
pub struct View {
    /// Machine name, which is the table's name; empty if the definition has none.
    pub name: String,
    /// The resource type that the view reads.
    pub resource: String,
    /// Canonical URL.
    pub url: Option<String>,
    /// Name for people.
    pub title: Option<String>,
    /// What the view is for.
    pub description: Option<String>,
    /// The columns, in the order of a row's values.
    pub columns: Vec<Column>,
    pub(super) plan: OnceLock<Plan>,
    /// The definition, from which the plan is made when it is first needed.
    pub(super) text: &'static str,
}

/// The compiled filters and columns that a view runs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) filters: Vec<Placed>,
    pub(crate) root: Select,
}

/// One column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The FHIRPath expression as written.
    pub path: String,
    /// The FHIR type as written, if the definition gives one.
    pub fhir_type: Option<String>,
    /// The kind of the column's values. Without a type: the kind that the expression always gives, or text.
    pub kind: ColumnKind,
    /// Whether the column holds a JSON array of values.
    pub collection: bool,
    /// What the column holds.
    pub description: Option<String>,
    /// Whether the path is `getResourceKey()`: the column that joins to other tables.
    pub is_resource_key: bool,
    /// The definition's tags for this column, by name: hints for programs that use the rows.
    pub tags: BTreeMap<String, String>,
}

impl Column {
    /// A column as its definition says, with the kind of its values.
    pub(super) fn of(definition: &ColumnDefinition, kind: ColumnKind) -> Column {
        let path = definition.path.clone().unwrap_or_default();
        Column {
            name: definition.name.clone().unwrap_or_default(),
            is_resource_key: path.trim() == "getResourceKey()",
            path,
            fhir_type: definition.fhir_type.clone(),
            kind,
            collection: definition.collection.unwrap_or(false),
            description: definition.description.clone(),
            tags: definition.tag.as_ref().map(tags).unwrap_or_default(),
        }
    }
}

/// Reads tags from a list of `{"name": …, "value": …}`; anything else is ignored.
fn tags(list: &Json) -> BTreeMap<String, String> {
    let text = |tag: &Json, key: &str| Some(tag.get(key)?.as_str()?.to_owned());
    let pairs = list.as_array().into_iter().flatten();
    pairs.filter_map(|tag| Some((text(tag, "name")?, text(tag, "value")?))).collect()
}

impl View {
    /// Makes a view of a definition and its columns. Without a `plan`, the view compiles `text` to one when
    /// it first runs.
    pub(super) fn of(
        definition: &ViewDefinition,
        columns: Vec<Column>,
        plan: Option<Plan>,
        text: &'static str,
    ) -> View {
        View {
            name: definition.name.clone().unwrap_or_default(),
            resource: definition.resource.clone().unwrap_or_default(),
            url: definition.url.clone(),
            title: definition.title.clone(),
            description: definition.description.clone(),
            columns,
            plan: plan.map_or_else(OnceLock::new, OnceLock::from),
            text,
        }
    }
}

/// An expression with its place in the definition, for errors.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Column name, or element of the definition.
    pub(crate) element: String,
    /// The expression as written.
    pub(crate) path: String,
    pub(crate) expr: Expr,
}

/// A compiled select.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    pub(crate) iteration: Iteration,
    pub(crate) columns: Vec<Cell>,
    /// Nested selects, joined with one another. Those that make exactly one row have become columns.
    pub(crate) selects: Vec<Select>,
    /// Alternative branches, which all fill the same columns.
    pub(crate) unions: Vec<Select>,
    /// The positions of the columns of this select and of everything in it.
    pub(crate) slots: std::ops::Range<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Iteration {
    /// The select makes one row.
    #[default]
    Once,
    Each {
        source: Placed,
        or_null: bool,
    },
    Repeat(Vec<Placed>),
}

/// How the value of one column is computed.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) slot: usize,
    pub(crate) source: Placed,
    pub(crate) declared: Option<ColumnKind>,
    pub(crate) collection: bool,
    /// Whether the cell keeps its value in the row of nulls of a `forEachOrNull`.
    pub(crate) reads_row_index: bool,
}
