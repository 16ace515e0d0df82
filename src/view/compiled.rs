//! A view: its name, its columns and its plan.

use super::definition::ColumnDefinition;
use super::eval::Terms;
use super::json::Node;
use super::plan::Expr;
use super::rows;
use super::value::{ColumnKind, Value};
use super::{CompileError, ViewDefinition, ViewError, compile, outline};
use crate::reference::ServerBases;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

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
    plan: OnceLock<Plan>,
    /// The definition, from which the plan is made when it is first needed.
    text: &'static str,
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
    /// Compiles a definition.
    ///
    /// # Errors
    /// When the definition is not a valid ViewDefinition or needs something unsupported.
    pub fn compile(definition: &ViewDefinition) -> Result<View, CompileError> {
        compile::view(definition)
    }

    /// Reads and compiles a definition from its JSON text.
    ///
    /// # Errors
    /// As [`View::compile`], and when the text is not the JSON of a ViewDefinition.
    pub fn from_json(text: &str) -> Result<View, CompileError> {
        compile::text(text)
    }

    /// A view of a definition that comes with this build, which is compiled when it runs first.
    ///
    /// Most commands run a few views of hundreds, and to compile them all takes longer than
    /// everything else that a small command does.
    ///
    /// # Errors
    /// When the text is not a ViewDefinition with a resource and a type for each column. No
    /// expression is looked at: a test compiles those of this build.
    pub fn outline(text: &'static str) -> Result<View, CompileError> {
        outline::view(text)
    }

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

    pub(super) fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| {
            let compiled = View::from_json(self.text).ok().and_then(|view| view.plan.into_inner());
            compiled.expect("a test compiles every definition of this build")
        })
    }

    /// As [`View::run_at`], of a server whose base is not known: relative references have a key.
    ///
    /// # Errors
    /// As [`View::run_at`].
    pub fn run<'a>(
        &'a self,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        static NOWHERE: LazyLock<ServerBases> = LazyLock::new(ServerBases::default);
        self.run_at(&NOWHERE, resource, sink)
    }

    /// Pushes the view's rows of one resource into `sink`, and returns how many there were.
    ///
    /// The resource is of the server with these bases: a reference has a key if it is relative or
    /// leads below one of them.
    ///
    /// The slice has one value per column and is reused between rows; its values borrow from the
    /// resource and from the view. A resource of another type gives no rows.
    ///
    /// # Errors
    /// When the resource does not fit the view, such as two values in a single-valued column.
    /// Rows pushed before the error are to be thrown away.
    pub fn run_at<'a>(
        &'a self,
        bases: &'a ServerBases,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        rows::run(self, resource, Terms { bases, is_strict: true }, sink)
    }

    /// As [`View::run_at`], for tables: what is an error of the type of a value to the standard, such
    /// as `join()` over a number, leaves one cell empty, as [`Value::Mistyped`].
    ///
    /// # Errors
    /// As [`View::run_at`].
    pub fn fill_at<'a>(
        &'a self,
        bases: &'a ServerBases,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        rows::run(self, resource, Terms { bases, is_strict: false }, sink)
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
