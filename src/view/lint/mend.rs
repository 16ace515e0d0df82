//! Replaces a faulty element by a harmless one, so that the next error is found, too.

use crate::view::{ColumnDefinition, SelectDefinition, ViewDefinition};

/// Replaces the element that an error names with a valid one. Returns false if it cannot.
pub(super) fn mend(definition: &mut ViewDefinition, element: &str) -> bool {
    let (parent, last) = element.rsplit_once('.').unwrap_or(("", element));
    let (word, index) = step(last);
    match (word, index) {
        ("where", Some(_)) | ("path", None) if element.starts_with("where[") => {
            let (_, index) = step(element.split('.').next().unwrap_or_default());
            let Some(filter) = index.and_then(|at| definition.filters.get_mut(at)) else {
                return false;
            };
            filter.rest.clear();
            filter.path = Some("true".to_owned());
        }
        ("path", None) => {
            let Some(column) = column_at(definition, parent) else { return false };
            column.path = Some("{}".to_owned());
        }
        ("name", None) => {
            let Some(column) = column_at(definition, parent) else { return false };
            // The name depends on the place, so that no two columns have the same name.
            let place: String =
                parent.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            column.name = Some(format!("mended_{place}"));
        }
        ("column", Some(_)) => {
            let Some(column) = column_at(definition, element) else { return false };
            column.rest.clear();
        }
        ("select" | "unionAll", Some(_)) => {
            let Some(select) = select_at(definition, element) else { return false };
            select.rest.clear();
        }
        ("forEach" | "forEachOrNull" | "repeat", _) => {
            let Some(select) = select_at(definition, parent) else { return false };
            if word == "repeat" {
                select.repeat = None;
            } else if word == "forEach" {
                select.for_each = Some("$this".to_owned());
            } else {
                select.for_each_or_null = Some("$this".to_owned());
            }
        }
        _ => return false,
    }
    true
}

/// Splits `column[3]` into `column` and 3.
fn step(text: &str) -> (&str, Option<usize>) {
    match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((word, index)) => (word, index.parse().ok()),
        None => (text, None),
    }
}

fn column_at<'d>(
    definition: &'d mut ViewDefinition,
    element: &str,
) -> Option<&'d mut ColumnDefinition> {
    let (parent, last) = element.rsplit_once('.')?;
    match step(last) {
        ("column", Some(index)) => select_at(definition, parent)?.column.get_mut(index),
        _ => None,
    }
}

fn select_at<'d>(
    definition: &'d mut ViewDefinition,
    element: &str,
) -> Option<&'d mut SelectDefinition> {
    let mut steps = element.split('.').map(step);
    let mut select = match steps.next()? {
        ("select", Some(index)) => definition.select.get_mut(index)?,
        _ => return None,
    };
    for inner in steps {
        select = match inner {
            ("select", Some(index)) => select.select.get_mut(index)?,
            ("unionAll", Some(index)) => select.union_all.get_mut(index)?,
            _ => return None,
        };
    }
    Some(select)
}
