//! Compiles a definition to a view: checks the whole structure and reports where each error is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::column_kind::{kind_of_expression, kind_of_type};
use super::compiled::{Cell, Column, Iteration, Placed, Plan, Select, View};
use super::constant::constants;
use super::definition::{ColumnDefinition, SelectDefinition, ViewDefinition, is_name};
use super::elements::Structure;
use super::error::CompileError;
use super::item::Item;
use super::lower::Lowering;
use super::path::{self, Expression};

/// The most levels of selects inside selects. Keeps the recursion over the plan shallow.
const MAX_SELECT_DEPTH: usize = 32;
/// The most selects that contribute to one row. Joining them recurses once for each.
const MAX_JOINED_SELECTS: usize = 128;

pub(crate) fn text(text: &str) -> Result<View, CompileError> {
    view(&ViewDefinition::from_json(text)?)
}

pub(crate) fn view(definition: &ViewDefinition) -> Result<View, CompileError> {
    let name = definition.name.clone().unwrap_or_default();
    let fail = |element: &str, message: String| CompileError {
        view: name.as_str().into(),
        element: element.into(),
        expression: None,
        position: None,
        message: message.into(),
        hint: None,
    };
    let kind = definition.resource_type.as_deref().unwrap_or("ViewDefinition");
    if kind.rsplit('/').next() != Some("ViewDefinition") {
        return Err(fail("resourceType", "not a ViewDefinition".to_owned()));
    }
    if !name.is_empty() && !is_name(&name) {
        return Err(fail("name", format!("`{name}` is not a valid name")));
    }
    let resource = match definition.resource.as_deref() {
        Some(resource) if !resource.is_empty() => resource,
        _ => return Err(fail("resource", "missing: the resource type to read".to_owned())),
    };
    if definition.select.is_empty() {
        return Err(fail("select", "missing: the columns".to_owned()));
    }
    let constants = constants(&definition.constant)
        .map_err(|(index, message)| fail(&format!("constant[{index}]"), message))?;
    let compiler = Compiler { view: &name, resource, constants: &constants };
    let on = Structure::of(resource);
    let mut filters = Vec::new();
    for (index, filter) in definition.filters.iter().enumerate() {
        let element = format!("where[{index}]");
        compiler.check_keys(&filter.rest, &element, "path, description")?;
        let expression = compiler.parse(&format!("{element}.path"), filter.path.as_deref())?;
        let placed = compiler.placed(&element, &expression, false, element.clone(), on)?;
        filters.push(placed.0);
    }
    let mut columns = Vec::new();
    let root = compiler.group(&definition.select, "select", 0, on, &mut columns)?;
    if joined_selects(&root) > MAX_JOINED_SELECTS {
        return Err(fail("select", "joins too many selects".to_owned()));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(column.name.as_str())) {
        return Err(fail("select", format!("column `{}` is defined twice", twice.name)));
    }
    Ok(View::of(definition, columns, Some(Plan { filters, root }), ""))
}

struct Compiler<'d> {
    view: &'d str,
    resource: &'d str,
    constants: &'d BTreeMap<String, Item<'static>>,
}

/// A parsed expression, with its text.
struct Parsed<'d> {
    text: &'d str,
    expression: Expression,
}

type Compiled<T> = Result<T, CompileError>;

impl Compiler<'_> {
    fn fail(&self, element: &str, message: impl Into<Box<str>>) -> CompileError {
        CompileError {
            view: self.view.into(),
            element: element.into(),
            expression: None,
            position: None,
            message: message.into(),
            hint: None,
        }
    }

    fn path_error(&self, element: &str, text: &str, error: path::PathError) -> CompileError {
        CompileError {
            expression: Some(text.into()),
            position: Some(error.position),
            hint: error.hint.map(Into::into),
            ..self.fail(element, error.message)
        }
    }

    fn parse<'t>(&self, element: &str, text: Option<&'t str>) -> Compiled<Parsed<'t>> {
        let text = text.ok_or_else(|| self.fail(element, "missing: a FHIRPath expression"))?;
        let expression =
            path::parse(text).map_err(|error| self.path_error(element, text, error))?;
        Ok(Parsed { text, expression })
    }

    fn placed(
        &self,
        element: &str,
        parsed: &Parsed<'_>,
        extensions_follow: bool,
        name: String,
        on: Structure,
    ) -> Compiled<(Placed, Structure)> {
        let (resource, constants) = (self.resource, self.constants);
        let lowering = Lowering { resource, constants, extensions_follow, focus: on, context: on };
        let (expr, gives) = lowering
            .expression(&parsed.expression)
            .map_err(|error| self.path_error(element, parsed.text, error))?;
        Ok((Placed { element: name, path: parsed.text.to_owned(), expr }, gives))
    }

    /// Refuses unknown keys, except FHIR's metadata: a misspelt key would silently change the rows.
    fn check_keys(
        &self,
        rest: &BTreeMap<String, Json>,
        element: &str,
        known: &str,
    ) -> Compiled<()> {
        let harmless = |key: &str| {
            key.starts_with('_') || matches!(key, "id" | "extension" | "modifierExtension")
        };
        match rest.keys().find(|key| !harmless(key)) {
            None => Ok(()),
            Some(key) => Err(CompileError {
                hint: Some(format!("keys here are {known}").into()),
                ..self.fail(element, format!("unknown key `{key}`"))
            }),
        }
    }

    /// Compiles sibling selects as one select on the same node.
    fn group(
        &self,
        definitions: &[SelectDefinition],
        element: &str,
        depth: usize,
        on: Structure,
        columns: &mut Vec<Column>,
    ) -> Compiled<Select> {
        let first = columns.len();
        let mut group = Select::default();
        for (index, definition) in definitions.iter().enumerate() {
            let element = format!("{element}[{index}]");
            let select = self.select(definition, &element, depth + 1, on, columns)?;
            // A select that makes exactly one row is replaced by its columns.
            if matches!(select.iteration, Iteration::Once)
                && select.selects.is_empty()
                && select.unions.is_empty()
            {
                group.columns.extend(select.columns);
            } else {
                group.selects.push(select);
            }
        }
        group.slots = first..columns.len();
        Ok(group)
    }

    fn select(
        &self,
        definition: &SelectDefinition,
        element: &str,
        depth: usize,
        on: Structure,
        columns: &mut Vec<Column>,
    ) -> Compiled<Select> {
        if depth > MAX_SELECT_DEPTH {
            return Err(self.fail(element, "selects are nested too deeply"));
        }
        self.check_keys(
            &definition.rest,
            element,
            "column, select, forEach, forEachOrNull, repeat, unionAll",
        )?;
        let first = columns.len();
        let (iteration, on) = self.iteration(definition, element, on)?;
        let mut cells = Vec::new();
        for (index, column) in definition.column.iter().enumerate() {
            let element = format!("{element}.column[{index}]");
            cells.push(self.column(column, &element, on, columns)?);
        }
        let nested =
            self.group(&definition.select, &format!("{element}.select"), depth, on, columns)?;
        let unions = self.unions(&definition.union_all, element, depth, on, columns)?;
        cells.extend(nested.columns);
        if cells.is_empty() && nested.selects.is_empty() && unions.is_empty() {
            return Err(self.fail(element, "has no column, no select and no unionAll"));
        }
        let slots = first..columns.len();
        Ok(Select { iteration, columns: cells, selects: nested.selects, unions, slots })
    }

    /// How a select iterates, and the structure of the nodes on which its columns are evaluated.
    fn iteration(
        &self,
        definition: &SelectDefinition,
        element: &str,
        on: Structure,
    ) -> Compiled<(Iteration, Structure)> {
        let each = definition.for_each.as_deref();
        let or_null = definition.for_each_or_null.as_deref();
        let extensions = select_reads_extensions(definition);
        let source = |key: &str, text: &str, on: Structure| {
            let element = format!("{element}.{key}");
            let parsed = self.parse(&element, Some(text))?;
            self.placed(&element, &parsed, extensions, element.clone(), on)
        };
        match (each, or_null, &definition.repeat) {
            (None, None, None) => Ok((Iteration::Once, on)),
            (Some(text), None, None) => source("forEach", text, on)
                .map(|(source, on)| (Iteration::Each { source, or_null: false }, on)),
            (None, Some(text), None) => source("forEachOrNull", text, on)
                .map(|(source, on)| (Iteration::Each { source, or_null: true }, on)),
            (None, None, Some(texts)) if texts.is_empty() => {
                Err(self.fail(&format!("{element}.repeat"), "has no path"))
            }
            (None, None, Some(texts)) => {
                let sources = |on: Structure| {
                    let keyed = texts.iter().enumerate();
                    keyed
                        .map(|(index, text)| source(&format!("repeat[{index}]"), text, on))
                        .collect::<Compiled<Vec<_>>>()
                };
                // The paths apply to the nodes of the select, and again to the nodes that they find.
                let given = sources(on)?.first().map_or(on, |(_, gives)| *gives);
                let steady =
                    |found: &[(Placed, Structure)]| found.iter().all(|(_, gives)| *gives == given);
                let again = sources(given)?;
                let on = if steady(&sources(on)?) && steady(&again) {
                    given
                } else {
                    Structure::UNKNOWN
                };
                let placed = sources(on)?.into_iter().map(|(placed, _)| placed).collect();
                Ok((Iteration::Repeat(placed), on))
            }
            _ => Err(self.fail(element, "has more than one of forEach, forEachOrNull, repeat")),
        }
    }

    fn unions(
        &self,
        definitions: &[SelectDefinition],
        element: &str,
        depth: usize,
        on: Structure,
        columns: &mut Vec<Column>,
    ) -> Compiled<Vec<Select>> {
        let first = columns.len();
        let mut unions = Vec::new();
        let mut expected: Option<Vec<Column>> = None;
        for (index, definition) in definitions.iter().enumerate() {
            let element = format!("{element}.unionAll[{index}]");
            columns.truncate(first);
            unions.push(self.select(definition, &element, depth + 1, on, columns)?);
            let branch = columns.split_off(first);
            match &expected {
                Some(expected) if !same_columns(expected, &branch) => {
                    return Err(self.fail(
                        &element,
                        "its columns differ from the first branch in name, order or type",
                    ));
                }
                Some(_) => {}
                None => expected = Some(branch),
            }
        }
        columns.extend(expected.unwrap_or_default());
        Ok(unions)
    }

    fn column(
        &self,
        definition: &ColumnDefinition,
        element: &str,
        on: Structure,
        columns: &mut Vec<Column>,
    ) -> Compiled<Cell> {
        self.check_keys(
            &definition.rest,
            element,
            "name, path, type, collection, description, tag",
        )?;
        let name = definition.name.as_deref().unwrap_or_default();
        if !is_name(name) {
            return Err(
                self.fail(&format!("{element}.name"), format!("`{name}` is not a valid name"))
            );
        }
        let place = format!("{element}.path");
        let parsed = self.parse(&place, definition.path.as_deref())?;
        let (source, _) = self.placed(&place, &parsed, false, name.to_owned(), on)?;
        let declared = definition.fhir_type.as_deref().map(kind_of_type);
        let kind = declared.unwrap_or_else(|| kind_of_expression(&source.expr));
        let column = Column::of(definition, kind);
        let cell = Cell {
            slot: columns.len(),
            declared,
            collection: column.collection,
            reads_row_index: path::uses_variable(&parsed.expression, "rowIndex"),
            source,
        };
        columns.push(column);
        Ok(cell)
    }
}

/// Whether anything inside a select may read extensions of the nodes it iterates over.
///
/// The answer is guessed from the texts: a wrong yes costs a little time and nothing else.
fn select_reads_extensions(definition: &SelectDefinition) -> bool {
    let mentions =
        |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("extension"));
    let nested = || definition.select.iter().chain(&definition.union_all);
    let repeated = |select: &SelectDefinition| {
        select.repeat.iter().flatten().any(|path| path.contains("extension"))
    };
    definition.column.iter().any(|column| mentions(&column.path))
        || nested().any(|select| {
            mentions(&select.for_each) || mentions(&select.for_each_or_null) || repeated(select)
        })
        || nested().any(select_reads_extensions)
}

/// The most selects that contribute to one row of this select.
fn joined_selects(select: &Select) -> usize {
    let joined: usize = select.selects.iter().map(joined_selects).sum();
    1 + joined + select.unions.iter().map(joined_selects).max().unwrap_or(0)
}

fn same_columns(left: &[Column], right: &[Column]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            let types_fit =
                left.fhir_type.is_none() || right.fhir_type.is_none() || left.kind == right.kind;
            left.name == right.name && left.collection == right.collection && types_fit
        })
}
