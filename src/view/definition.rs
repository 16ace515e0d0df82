//! A ViewDefinition as written: the standard's JSON, read with serde.
//!
//! Reading is tolerant where versions of the standard differ, and about metadata. It is strict inside
//! `select` and `column`, where a misspelt key would silently change the rows. Unknown keys are only
//! collected here; the compiler judges them, since it can say where they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::error::CompileError;

/// A SQL on FHIR ViewDefinition, of version 2 or 3 of the standard.
///
/// Metadata that makes no difference to the rows (`identifier`, `meta`, `status`, …) is accepted
/// in any form and ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ViewDefinition {
    /// Both spellings are accepted: `ViewDefinition` (3.0), or a canonical URL that ends in it (2.0).
    pub resource_type: Option<String>,
    /// Canonical URL.
    pub url: Option<String>,
    /// Machine name; the table's name.
    pub name: Option<String>,
    /// Name for people.
    pub title: Option<String>,
    /// What the view is for.
    pub description: Option<String>,
    /// The resource type that the view reads.
    pub resource: Option<String>,
    /// Values for `%name`.
    pub constant: Vec<ConstantDefinition>,
    /// Filters; a resource that fails one gives no rows.
    #[serde(rename = "where")]
    pub filters: Vec<WhereDefinition>,
    /// The columns.
    pub select: Vec<SelectDefinition>,
}

impl ViewDefinition {
    /// Reads a definition.
    ///
    /// # Errors
    /// The text is not the JSON of a ViewDefinition.
    pub(crate) fn from_json(text: &str) -> Result<ViewDefinition, CompileError> {
        serde_json::from_str(text).map_err(|error| CompileError {
            view: "".into(),
            element: "".into(),
            expression: None,
            position: None,
            message: format!("not a ViewDefinition: {error}").into(),
            hint: None,
        })
    }
}

/// A named constant: one `value[x]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConstantDefinition {
    /// The constant's name, used as `%name`.
    pub name: Option<String>,
    /// All other keys: the `value[x]`.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Json>,
}

/// A filter of the view.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WhereDefinition {
    /// A FHIRPath expression that gives a boolean.
    pub path: Option<String>,
    /// What the filter is for.
    pub description: Option<String>,
    /// All other keys.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Json>,
}

/// Columns, and how many rows they make.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectDefinition {
    /// Columns of this level.
    pub column: Vec<ColumnDefinition>,
    /// Nested selects, joined with one another.
    pub select: Vec<SelectDefinition>,
    /// FHIRPath: one row for each value.
    pub for_each: Option<String>,
    /// FHIRPath: one row for each value, or one row of nulls if there is no value.
    pub for_each_or_null: Option<String>,
    /// FHIRPaths: one row for each value, and for each value below it along these paths.
    pub repeat: Option<Vec<String>>,
    /// Branches, whose rows come one branch after the other.
    pub union_all: Vec<SelectDefinition>,
    /// All other keys.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Json>,
}

/// One column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ColumnDefinition {
    /// The column's name.
    pub name: Option<String>,
    /// The FHIRPath expression of the column's value.
    pub path: Option<String>,
    /// FHIR type, as a code or the canonical URL of its definition.
    #[serde(rename = "type")]
    pub fhir_type: Option<String>,
    /// Whether several values are allowed, as a JSON array.
    pub collection: Option<bool>,
    /// What the column holds.
    pub description: Option<String>,
    /// Hints for programs that use the rows: a list of names and values.
    pub tag: Option<Json>,
    /// All other keys.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Json>,
}

/// `^[A-Za-z][A-Za-z0-9_]*$`, the standard's rule for names.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
