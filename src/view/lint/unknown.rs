//! Warnings about names that FHIR R4 does not have.
//!
//! A misspelt element gives NULL in every row without any error. Only names that are certainly unknown
//! are reported. If a path leads into a resource of any type, or past a function that changes the type,
//! nothing is known. These are warnings, since data may have elements that R4 lacks.

use super::habits::Habit;
use crate::r4::{edits, is_r4_type, similar_r4_type};
use crate::view::elements::Structure;
use crate::view::path::{self, Expression, PathExpression, Start, StepKind};
use crate::view::{SelectDefinition, ViewDefinition};

/// Every unknown type and element in a definition that compiles.
pub(super) fn unknown(definition: &ViewDefinition) -> Vec<Habit> {
    let mut found = Vec::new();
    let resource = definition.resource.as_deref().unwrap_or_default();
    if !is_r4_type(resource) {
        let meant = similar_r4_type(resource).map(|known| format!("did you mean {known}?"));
        found.push(Habit {
            element: "resource".to_owned(),
            message: format!("FHIR R4 has no resource type {resource}"),
            hint: meant.unwrap_or_else(|| "with an R4 server its table stays empty".to_owned()),
        });
        return found;
    }
    let root = Structure::of(resource);
    for (index, filter) in definition.filters.iter().enumerate() {
        let element = format!("where[{index}].path");
        look(filter.path.as_deref(), &element, root, root, &mut found);
    }
    selects(&definition.select, "select", root, root, &mut found);
    found
}

fn selects(
    all: &[SelectDefinition],
    element: &str,
    root: Structure,
    around: Structure,
    found: &mut Vec<Habit>,
) {
    for (index, select) in all.iter().enumerate() {
        let element = format!("{element}[{index}]");
        let mut within = around;
        for (key, list) in
            [("forEach", &select.for_each), ("forEachOrNull", &select.for_each_or_null)]
        {
            if list.is_some() {
                let element = format!("{element}.{key}");
                within = look(list.as_deref(), &element, root, around, found);
            }
        }
        if let Some(paths) = &select.repeat {
            // If there are several paths, each also applies to the nodes that the others find, so the
            // structure is not known.
            let from = if paths.len() == 1 { around } else { Structure::UNKNOWN };
            for (index, path) in paths.iter().enumerate() {
                let element = format!("{element}.repeat[{index}]");
                within = look(Some(path), &element, root, from, found);
            }
        }
        for (index, column) in select.column.iter().enumerate() {
            let element = format!("{element}.column[{index}].path");
            look(column.path.as_deref(), &element, root, within, found);
        }
        selects(&select.select, &format!("{element}.select"), root, within, found);
        selects(&select.union_all, &format!("{element}.unionAll"), root, within, found);
    }
}

/// Checks a path of the definition; returns the structure that it leads to.
fn look(
    text: Option<&str>,
    element: &str,
    root: Structure,
    focus: Structure,
    found: &mut Vec<Habit>,
) -> Structure {
    let Ok(expression) = path::parse(text.unwrap_or_default()) else { return Structure::UNKNOWN };
    let mut walk = Walk { root, names: Vec::new() };
    let end = walk.expression(&expression, focus);
    found.extend(walk.names.into_iter().map(|(name, structure, meant)| Habit {
        element: element.to_owned(),
        message: format!("FHIR R4 has no element {name} in {structure}"),
        hint: match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "the column is NULL unless a server adds it".to_owned(),
        },
    }));
    end
}

struct Walk {
    root: Structure,
    /// Unknown names, with the structure that lacks them and the name that was probably meant.
    names: Vec<(String, &'static str, Option<&'static str>)>,
}

impl Walk {
    fn expression(&mut self, expression: &Expression, focus: Structure) -> Structure {
        match expression {
            Expression::Path(path) => self.path(path, focus),
            Expression::Negative { operand, .. } => {
                self.expression(operand, focus);
                Structure::UNKNOWN
            }
            Expression::Binary { operands, .. } => {
                let (left, right) = &**operands;
                let ends = (self.expression(left, focus), self.expression(right, focus));
                if ends.0 == ends.1 { ends.0 } else { Structure::UNKNOWN }
            }
        }
    }

    fn path(&mut self, path: &PathExpression, focus: Structure) -> Structure {
        let mut on = match &path.start {
            Start::Focus | Start::This => focus,
            Start::Literal(_) => Structure::UNKNOWN,
            Start::Variable { name, .. } if name == "resource" || name == "rootResource" => {
                self.root
            }
            // `%context`, `%rowIndex` or a constant: the structure is not known.
            Start::Variable { .. } => Structure::UNKNOWN,
            Start::Group(inner) => self.expression(inner, focus),
        };
        for step in &path.steps {
            on = match &step.kind {
                StepKind::Field(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    Structure::of(name)
                }
                StepKind::Field(name) => self.element(name, on),
                StepKind::Index(_) => on,
                StepKind::Call { name, arguments } => self.call(name, arguments, on),
            };
        }
        on
    }

    fn element(&mut self, name: &str, on: Structure) -> Structure {
        if let Some((structure, names)) = on.lacks(name) {
            let wanted = name.to_ascii_lowercase();
            let distance = |known: &&str| edits(&wanted, &known.to_ascii_lowercase());
            let meant = names.into_iter().min_by_key(distance);
            let meant = meant.filter(|known| distance(known) <= 1 + wanted.len() / 5);
            self.names.push((name.to_owned(), structure, meant));
        }
        on.element(name).structure
    }

    fn call(&mut self, name: &str, arguments: &[Expression], on: Structure) -> Structure {
        match (name, arguments) {
            ("where" | "exists", [criteria]) => {
                self.expression(criteria, on);
                if name == "where" { on } else { Structure::UNKNOWN }
            }
            ("first", _) => on,
            ("extension", _) => Structure::of("Extension"),
            ("ofType", [Expression::Path(PathExpression { start: Start::Focus, steps })]) => {
                match steps.last().map(|step| &step.kind) {
                    Some(StepKind::Field(of)) => Structure::of(of),
                    _ => Structure::UNKNOWN,
                }
            }
            _ => Structure::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(resource: &str, paths: &[&str]) -> Vec<String> {
        let columns: Vec<String> = paths
            .iter()
            .enumerate()
            .map(|(at, path)| format!(r#"{{"name": "c{at}", "path": "{path}"}}"#))
            .collect();
        let text = format!(
            r#"{{"resource": "{resource}", "name": "v", "select": [{{"column": [{}]}}]}}"#,
            columns.join(",")
        );
        let definition = serde_json::from_str(&text).unwrap();
        unknown(&definition)
            .into_iter()
            .map(|habit| format!("{} {}; {}", habit.element, habit.message, habit.hint))
            .collect()
    }

    #[test]
    fn a_misspelt_name_is_told_with_the_one_that_was_meant() {
        for (resource, path, expected) in [
            ("Patient", "birthdate", "no element birthdate in Patient; did you mean birthDate?"),
            (
                "Patient",
                "name.where(usee = 'official').family",
                "usee in HumanName; did you mean use",
            ),
            (
                "Patient",
                "contact.gendr",
                "no element gendr in Patient.contact; did you mean gender?",
            ),
            ("Observation", "value.ofType(Quantity).valu", "valu in Quantity; did you mean value?"),
            ("Observation", "valueQuantity.cod", "no element cod in Quantity; did you mean code?"),
            ("Patient", "shoeSize", "no element shoeSize in Patient; the column is NULL"),
            ("Patient", "%resource.activ", "no element activ in Patient; did you mean active?"),
            ("Patient", "extension('urn:x').valu", "valu in Extension; did you mean value?"),
            ("ExplanationOfBenefit", "item.adjudication.amount.valeu", "valeu in Money; did you"),
        ] {
            let told = told(resource, &[path]);
            assert_eq!(told.len(), 1, "{path}: {told:?}");
            assert!(told[0].contains(expected), "{path}: {told:?}");
        }
        let told = told("Patientt", &["id"]);
        assert_eq!(told, ["resource FHIR R4 has no resource type Patientt; did you mean Patient?"]);
    }

    #[test]
    fn what_may_be_there_is_not_told() {
        let paths = [
            "id",
            "meta.lastUpdated",
            "text.status",
            "extension('urn:x').value.ofType(string)",
            "contained.anything",
            "name.first().given",
            "deceased.ofType(boolean)",
            "deceasedDateTime",
            "multipleBirth",
            "resourceType",
            "birthDate.extension.where(url = 'x').valueDateTime",
            "managingOrganization.identifier.value",
            "%context.family",
        ];
        assert_eq!(told("Patient", &paths), Vec::<String>::new());
    }

    #[test]
    fn no_shipped_definition_has_an_unknown_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/views");
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let definition: ViewDefinition = serde_json::from_str(&text).unwrap();
            let told: Vec<String> = unknown(&definition)
                .into_iter()
                .map(|habit| format!("{}: {}", habit.element, habit.message))
                .collect();
            assert_eq!(told, Vec::<String>::new(), "{:?}", definition.name);
        }
    }
}
