//! The parts of a definition that need no expression: its head, and its columns in the order of a row.

use super::column_kind::kind_of_type;
use super::compiled::{Column, View};
use super::definition::{SelectDefinition, ViewDefinition};
use super::error::CompileError;

pub(crate) fn view(text: &'static str) -> Result<View, CompileError> {
    let definition = ViewDefinition::from_json(text)?;
    let mut columns = Vec::new();
    if columns_of(&definition.select, &mut columns).is_none() || definition.resource.is_none() {
        return Err(CompileError {
            view: definition.name.unwrap_or_default().into(),
            element: "select".into(),
            expression: None,
            position: None,
            message: "a column has no type, or the view no resource".into(),
            hint: None,
        });
    }
    Ok(View::of(&definition, columns, None, text))
}

/// Collects the columns; `None` if a column has no type, since only compiling it would tell its kind.
fn columns_of(selects: &[SelectDefinition], columns: &mut Vec<Column>) -> Option<()> {
    for select in selects {
        for column in &select.column {
            columns.push(Column::of(column, kind_of_type(column.fhir_type.as_deref()?)));
        }
        columns_of(&select.select, columns)?;
        // All branches of a union have the same columns.
        columns_of(select.union_all.get(..1).unwrap_or_default(), columns)?;
    }
    Some(())
}
