//! Warnings about definitions that compile and still may not do what their author expects.

use crate::view::path::{self, Expression, Start, Step, StepKind};
use crate::view::{ColumnDefinition, SelectDefinition, ViewDefinition};

/// Elements that repeat in FHIR R4 nearly wherever they occur, which authors of views often forget.
const REPEATS: &[&str] = &[
    "adjudication",
    "careTeam",
    "coding",
    "contained",
    "diagnosis",
    "extension",
    "given",
    "item",
    "line",
    "participant",
    "prefix",
    "suffix",
    "supportingInfo",
    "telecom",
];

/// A warning, with the element of the definition that it is about.
pub(super) struct Habit {
    pub(super) element: String,
    pub(super) message: String,
    pub(super) hint: String,
}

/// All warnings about a definition that compiles.
pub(super) fn habits(definition: &ViewDefinition) -> Vec<Habit> {
    let mut found = Found::default();
    if definition.description.is_none() && definition.title.is_none() {
        found.add("name", "the view has no description".to_owned(), "say what a row is");
    }
    found.selects(&definition.select, "select");
    if !found.has_key {
        found.add(
            "select",
            "no column has the path getResourceKey()".to_owned(),
            "the view runs, but the warehouse makes a table only of a view whose rows it can key \
            by resource",
        );
    }
    if let Some(first) = found.undescribed.first() {
        let (element, count) = (first.clone(), found.undescribed.len());
        let message = match count {
            1 => "the column has no description".to_owned(),
            _ => format!("{count} columns have no description, the first of them here"),
        };
        found.add(&element, message, "`payersync tables` shows descriptions to analysts");
    }
    found.habits
}

#[derive(Default)]
struct Found {
    habits: Vec<Habit>,
    undescribed: Vec<String>,
    has_key: bool,
}

impl Found {
    fn add(&mut self, element: &str, message: String, hint: &'static str) {
        self.habits.push(Habit { element: element.to_owned(), message, hint: hint.to_owned() });
    }

    fn selects(&mut self, selects: &[SelectDefinition], element: &str) {
        self.crossed(selects, element);
        for (index, select) in selects.iter().enumerate() {
            let element = format!("{element}[{index}]");
            for (index, column) in select.column.iter().enumerate() {
                self.column(column, &format!("{element}.column[{index}]"));
            }
            self.selects(&select.select, &format!("{element}.select"));
            for (index, branch) in select.union_all.iter().enumerate() {
                let branch = std::slice::from_ref(branch);
                // Each branch is checked alone, so its own index names its element.
                self.branch(branch, &format!("{element}.unionAll"), index);
            }
        }
    }

    fn branch(&mut self, branch: &[SelectDefinition], element: &str, index: usize) {
        let before = self.habits.len();
        let undescribed = self.undescribed.len();
        self.selects(branch, element);
        let rename = |text: &mut String| {
            let wrong = format!("{element}[0]");
            if let Some(rest) = text.strip_prefix(&wrong) {
                *text = format!("{element}[{index}]{rest}");
            }
        };
        self.habits[before..].iter_mut().for_each(|habit| rename(&mut habit.element));
        self.undescribed[undescribed..].iter_mut().for_each(rename);
    }

    /// Warns of sibling lists that multiply: they give one row for every pair of their elements.
    fn crossed(&mut self, selects: &[SelectDefinition], element: &str) {
        let mut lists = selects.iter().enumerate().filter(|(_, select)| {
            select.for_each.is_some()
                || select.for_each_or_null.is_some()
                || select.repeat.is_some()
        });
        if let (Some(_), Some((index, select))) = (lists.next(), lists.next()) {
            let key = match (&select.for_each, &select.for_each_or_null) {
                (Some(_), _) => ".forEach",
                (_, Some(_)) => ".forEachOrNull",
                _ => ".repeat",
            };
            self.add(
                &format!("{element}[{index}]{key}"),
                "two lists side by side: a row for every pair of their elements".to_owned(),
                "make each list a view of its own and join them by key",
            );
        }
    }

    fn column(&mut self, column: &ColumnDefinition, element: &str) {
        let path = column.path.as_deref().unwrap_or_default();
        self.has_key |= path.trim() == "getResourceKey()";
        if column.description.is_none() {
            self.undescribed.push(format!("{element}.name"));
        }
        if column.collection != Some(true)
            && let Ok(expression) = path::parse(path)
            && let Some(name) = repeating(&expression)
        {
            self.add(
                &format!("{element}.path"),
                format!(
                    "`{name}` can repeat; a resource in which it repeats has no row in any \
                        table"
                ),
                "write .first(), a where() that leaves one value and then .first(), or \
                `collection: true`",
            );
        }
    }
}

/// The name of a step that can give several values, if no later step reduces them to one.
fn repeating(expression: &Expression) -> Option<&str> {
    let Expression::Path(path) = expression else { return None };
    let reduces = |kind: &StepKind| match kind {
        StepKind::Index(_) => true,
        StepKind::Field(_) => false,
        StepKind::Call { name, .. } => {
            matches!(name.as_str(), "first" | "exists" | "empty" | "join" | "sum" | "not")
        }
    };
    let open = path.steps.iter().rposition(|step| reduces(&step.kind)).map_or(0, |at| at + 1);
    if open == 0
        && let Start::Group(inner) = &path.start
        && let Some(name) = repeating(inner)
    {
        return Some(name);
    }
    let steps = &path.steps[open..];
    steps.iter().enumerate().find_map(|(index, step)| match &step.kind {
        // `item.ofType(CodeableConcept)` means the choice item[x], not a list named item.
        StepKind::Field(name) if !is_of_type(steps.get(index + 1)) => {
            REPEATS.contains(&name.as_str()).then_some(name.as_str())
        }
        _ => None,
    })
}

fn is_of_type(step: Option<&Step>) -> bool {
    matches!(step.map(|step| &step.kind), Some(StepKind::Call { name, .. }) if name == "ofType")
}
