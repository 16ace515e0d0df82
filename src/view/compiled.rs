//! A view: its name, its columns and its plan.

use super::definition::{ColumnDefinition, ViewDefinition};
use super::plan::Expr;
use super::value::ColumnKind;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Rows that one resource may give to one view. A cross join that goes beyond is a mistake.
pub const ROW_LIMIT: u64 = 1_000_000;

/// A ViewDefinition that is understood: turns resources into rows.
///
/// Share it between threads as it is.
#[derive(Clone, Debug)]
pub struct View {
    /// Machine name, the table's name; empty if the definition has none.
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
    /// The kind of its values; without a type, the kind that its expression always has, or text.
    pub kind: ColumnKind,
    /// Whether it holds a JSON array of values.
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

/// The tags of a list of `{"name": …, "value": …}`; anything else is no tag.
fn tags(list: &Json) -> BTreeMap<String, String> {
    let text = |tag: &Json, key: &str| Some(tag.get(key)?.as_str()?.to_owned());
    let pairs = list.as_array().into_iter().flatten();
    pairs.filter_map(|tag| Some((text(tag, "name")?, text(tag, "value")?))).collect()
}

impl View {
    /// Of a definition's head and columns; a view without a plan makes it of the text.
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

/// An expression and where it stands, for errors.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Column name, or element of the definition.
    pub(crate) element: String,
    /// The expression as written.
    pub(crate) path: String,
    pub(crate) expr: Expr,
}

/// A select, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    pub(crate) iteration: Iteration,
    pub(crate) columns: Vec<Cell>,
    /// Joined with one another. Those that make one row have become columns.
    pub(crate) selects: Vec<Select>,
    /// Alternatives, all filling the same columns.
    pub(crate) unions: Vec<Select>,
    /// The columns of this select and everything in it.
    pub(crate) slots: std::ops::Range<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Iteration {
    /// One row.
    #[default]
    Once,
    Each {
        source: Placed,
        or_null: bool,
    },
    Repeat(Vec<Placed>),
}

/// How one value of a row is made.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) slot: usize,
    pub(crate) source: Placed,
    pub(crate) declared: Option<ColumnKind>,
    pub(crate) collection: bool,
    /// Whether the cell keeps its value on the empty side of a `forEachOrNull`.
    pub(crate) reads_row_index: bool,
}
