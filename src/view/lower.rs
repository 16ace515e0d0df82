//! From the tree of an expression to what runs: functions, types and constants are resolved here.
//!
//! Everything that is not supported stops here, with its position. Nothing unknown reaches a row.

use std::collections::BTreeMap;

use super::boundary::Boundary;
use super::item::Item;
use super::json::Name;
use super::path::{
    BinaryOperator, Expression, Literal, PathError, PathExpression, Start as AstStart,
    Step as AstStep, StepKind, reads_extensions,
};
use super::plan::{
    Arithmetic, Comparison, Expr, Field, OfType, Path, Reduce, Segment, Start, Step,
};
use super::types::{TypeId, is_choice_element, type_of_element};

const FUNCTIONS: &str = "functions are where, exists, empty, not, first, extension, ofType, join, \
    lowBoundary, highBoundary, getResourceKey, getReferenceKey";

/// Types that no JSON names: abstract ones, and profiles of `Quantity`. Taken as resource types
/// they would silently find nothing.
const NEVER_IN_JSON: &[&str] = &[
    "BackboneElement",
    "DomainResource",
    "Element",
    "MoneyQuantity",
    "Resource",
    "SimpleQuantity",
];

/// What a definition gives its expressions.
pub(crate) struct Lowering<'d> {
    pub(crate) resource: &'d str,
    pub(crate) constants: &'d BTreeMap<String, Item<'static>>,
    /// Whether what is read from the result reads extensions of primitives (`forEach`).
    pub(crate) extensions_follow: bool,
}

type Lowered<T> = Result<T, PathError>;

impl Lowering<'_> {
    pub(crate) fn expression(&self, expression: &Expression) -> Lowered<Expr> {
        Ok(match expression {
            Expression::Path(path) => Expr::Path(self.path(path)?),
            Expression::Negative { operand, .. } => {
                Expr::Negative(Box::new(self.expression(operand)?))
            }
            Expression::Binary { operator, operands } => {
                let both = (self.expression(&operands.0)?, self.expression(&operands.1)?);
                binary(*operator, Box::new(both))
            }
        })
    }

    fn path(&self, path: &PathExpression) -> Lowered<Path> {
        let start = match &path.start {
            AstStart::Focus | AstStart::This => Start::Focus,
            AstStart::Literal(literal) => literal_start(literal),
            AstStart::Variable { name, position } => self.variable(name, *position)?,
            AstStart::Group(inner) => Start::Group(Box::new(self.expression(inner)?)),
        };
        let mut segments = Vec::new();
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(step) = path.steps.get(at) {
            let following = path.steps.get(at + 1..).unwrap_or_default();
            at += 1;
            match &step.kind {
                StepKind::Field(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    let leads = at == 1 && path.start == AstStart::Focus;
                    steps.push(self.resource_type(name, step.position, leads)?);
                }
                StepKind::Field(name) => {
                    let parent = at.checked_sub(2).and_then(|at| field_name(path.steps.get(at)?));
                    if let Some(of) = typed(following)? {
                        at += 1;
                        let rest = path.steps.get(at..).unwrap_or_default();
                        let field = self.typed_field(name, &of, rest);
                        steps.push(Step::Typed { field, base: Name::new(name), of });
                    } else {
                        steps.push(Step::Field(self.field(parent, name, following)));
                    }
                }
                StepKind::Index(index) => {
                    let reduce = Some(self.index(index)?);
                    segments.push(Segment { steps: std::mem::take(&mut steps), reduce });
                }
                StepKind::Call { name, arguments } => {
                    let reduce = self.call(name, arguments, step.position, &mut steps)?;
                    if reduce.is_some() {
                        segments.push(Segment { steps: std::mem::take(&mut steps), reduce });
                    }
                }
            }
        }
        if !steps.is_empty() {
            segments.push(Segment { steps, reduce: None });
        }
        let direct = super::direct::can_try(&start, &segments);
        Ok(Path { start, segments, direct })
    }

    fn variable(&self, name: &str, position: usize) -> Lowered<Start> {
        if let Some(item) = self.constants.get(name) {
            return Ok(Start::Literal(item.clone()));
        }
        match name {
            "rowIndex" => Ok(Start::RowIndex),
            "resource" => Ok(Start::Resource),
            "context" => Ok(Start::Context),
            _ => Err(PathError::new(position, format!("%{name} is not defined"))
                .with_hint("define it in `constant`, or use %rowIndex, %resource or %context")),
        }
    }

    fn resource_type(&self, name: &str, position: usize, leads: bool) -> Lowered<Step> {
        if leads && name == self.resource {
            return Ok(Step::ResourceType(name.to_owned()));
        }
        let message = match leads {
            true => format!("`{name}` is not the view's resource type, {}", self.resource),
            false => format!("`{name}` is not an element: names begin in lower case"),
        };
        Err(PathError::new(position, message))
    }

    fn field(&self, parent: Option<&str>, name: &str, following: &[AstStep]) -> Field {
        Field {
            name: Name::new(name),
            of: type_of_element(parent, name),
            choice: is_choice_element(name),
            shadow: self.shadow(name, following),
        }
    }

    fn typed_field(&self, base: &str, of: &OfType, following: &[AstStep]) -> Field {
        let mut name = base.to_owned();
        let mut letters = of.name.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        let shadow = self.shadow(&name, following);
        Field { name: Name::new(&name), of: of.data_type, choice: false, shadow }
    }

    /// `_name`, if the rest of the path looks at what stands beside a primitive.
    fn shadow(&self, name: &str, following: &[AstStep]) -> Option<Name> {
        let shadow = || Some(Name::new(&format!("_{name}")));
        for step in following {
            match &step.kind {
                StepKind::Field(next) if next == "extension" => return shadow(),
                StepKind::Field(_) => return None,
                StepKind::Call { name: function, .. } if function == "extension" => {
                    return shadow();
                }
                StepKind::Call { arguments, .. } if arguments.iter().any(reads_extensions) => {
                    return shadow();
                }
                StepKind::Call { name: function, .. }
                    if matches!(function.as_str(), "first" | "where" | "ofType") => {}
                StepKind::Call { .. } => return None,
                StepKind::Index(_) => {}
            }
        }
        if self.extensions_follow { shadow() } else { None }
    }

    fn index(&self, index: &Expression) -> Lowered<Reduce> {
        let lowered = self.expression(index)?;
        if let Expr::Path(Path { start: Start::Literal(Item::Integer(value)), segments, .. }) =
            &lowered
            && let (Ok(position), true) = (usize::try_from(*value), segments.is_empty())
        {
            return Ok(Reduce::Position(position));
        }
        Ok(Reduce::Index(Box::new(lowered)))
    }

    /// Adds a step, or says how the collection is reduced.
    fn call(
        &self,
        name: &str,
        arguments: &[Expression],
        position: usize,
        steps: &mut Vec<Step>,
    ) -> Lowered<Option<Reduce>> {
        let step = match (name, arguments) {
            ("where", [criteria]) => Step::Where(Box::new(self.criteria(criteria)?)),
            ("exists", []) => return Ok(Some(Reduce::Exists)),
            ("exists", [criteria]) => {
                steps.push(Step::Where(Box::new(self.criteria(criteria)?)));
                return Ok(Some(Reduce::Exists));
            }
            ("empty", []) => return Ok(Some(Reduce::Empty)),
            ("not", []) => return Ok(Some(Reduce::Not)),
            ("first", []) => return Ok(Some(Reduce::First)),
            ("join", []) => return Ok(Some(Reduce::Join(String::new()))),
            ("join", [separator]) => {
                return self.text_argument(separator, name, position).map(Reduce::Join).map(Some);
            }
            ("extension", [url]) => Step::Extension(self.text_argument(url, name, position)?),
            ("ofType", [argument]) => Step::OfType(type_argument(argument, position)?),
            ("getResourceKey", []) => Step::ResourceKey,
            ("getReferenceKey", []) => Step::ReferenceKey(None),
            ("getReferenceKey", [argument]) => {
                Step::ReferenceKey(Some(type_argument(argument, position)?.name))
            }
            ("lowBoundary", []) => Step::Boundary(Boundary::Low),
            ("highBoundary", []) => Step::Boundary(Boundary::High),
            (
                "where" | "exists" | "empty" | "not" | "first" | "join" | "extension" | "ofType"
                | "getResourceKey" | "getReferenceKey" | "lowBoundary" | "highBoundary",
                _,
            ) => {
                let count = arguments.len();
                let message = format!("{name}() does not take {count} arguments");
                return Err(PathError::new(position, message));
            }
            _ => {
                let message = format!("function {name}() is not supported");
                return Err(PathError::new(position, message).with_hint(FUNCTIONS));
            }
        };
        steps.push(step);
        Ok(None)
    }

    /// Inside a criterion the result is a truth value: nothing reads extensions of it.
    fn criteria(&self, criteria: &Expression) -> Lowered<Expr> {
        let inner = Lowering {
            resource: self.resource,
            constants: self.constants,
            extensions_follow: false,
        };
        inner.expression(criteria)
    }

    fn text_argument(&self, argument: &Expression, name: &str, at: usize) -> Lowered<String> {
        match self.expression(argument)? {
            Expr::Path(Path { start: Start::Literal(Item::Text(text, _)), segments, .. })
                if segments.is_empty() =>
            {
                Ok(text.into_owned())
            }
            _ => Err(PathError::new(at, format!("{name}() takes a string in quotes"))),
        }
    }
}

fn field_name(step: &AstStep) -> Option<&str> {
    match &step.kind {
        StepKind::Field(name) => Some(name),
        _ => None,
    }
}

/// The data type, if the next step is `ofType()` with one.
fn typed(following: &[AstStep]) -> Lowered<Option<OfType>> {
    match following.first().map(|step| (&step.kind, step.position)) {
        Some((StepKind::Call { name, arguments }, position)) if name == "ofType" => {
            let [argument] = arguments.as_slice() else { return Ok(None) };
            let of = type_argument(argument, position)?;
            Ok((of.data_type != TypeId::UNKNOWN).then_some(of))
        }
        _ => Ok(None),
    }
}

/// A type name, with or without `FHIR.` before it.
fn type_argument(argument: &Expression, position: usize) -> Lowered<OfType> {
    let names: Option<Vec<&str>> = match argument {
        Expression::Path(PathExpression { start: AstStart::Focus, steps }) => {
            steps.iter().map(field_name).collect()
        }
        _ => None,
    };
    let name = match names.as_deref() {
        Some([name] | ["FHIR", name]) => *name,
        _ => return Err(PathError::new(position, "expected the name of a FHIR type")),
    };
    let data_type = TypeId::of(name).unwrap_or(TypeId::UNKNOWN);
    let resource_like = name.starts_with(|first: char| first.is_ascii_uppercase())
        && TypeId::of_suffix(name).is_none_or(|of| !of.is_primitive())
        && !NEVER_IN_JSON.contains(&name);
    if data_type == TypeId::UNKNOWN && !resource_like {
        let message = format!("`{name}` is not a FHIR type that data can have");
        return Err(PathError::new(position, message)
            .with_hint("primitive types begin in lower case; abstract types are not supported"));
    }
    Ok(OfType { name: name.to_owned(), data_type })
}

fn literal_start(literal: &Literal) -> Start {
    Start::Literal(match literal {
        Literal::Empty => return Start::Empty,
        Literal::Boolean(value) => Item::Boolean(*value),
        Literal::Integer(value) => Item::Integer(*value),
        Literal::Decimal(text) => Item::Decimal(text.clone().into()),
        Literal::String(text) => Item::Text(text.clone().into(), TypeId::STRING),
    })
}

fn binary(operator: BinaryOperator, operands: Box<(Expr, Expr)>) -> Expr {
    let compare = |comparison| move |operands| Expr::Compare { comparison, operands };
    let calculate = |operation| move |operands| Expr::Arithmetic { operation, operands };
    match operator {
        BinaryOperator::And => Expr::And(operands),
        BinaryOperator::Or => Expr::Or(operands),
        BinaryOperator::Equal => Expr::Equal { negated: false, operands },
        BinaryOperator::NotEqual => Expr::Equal { negated: true, operands },
        BinaryOperator::Less => compare(Comparison::Less)(operands),
        BinaryOperator::LessOrEqual => compare(Comparison::LessOrEqual)(operands),
        BinaryOperator::Greater => compare(Comparison::Greater)(operands),
        BinaryOperator::GreaterOrEqual => compare(Comparison::GreaterOrEqual)(operands),
        BinaryOperator::Add => calculate(Arithmetic::Add)(operands),
        BinaryOperator::Subtract => calculate(Arithmetic::Subtract)(operands),
        BinaryOperator::Multiply => calculate(Arithmetic::Multiply)(operands),
        BinaryOperator::Divide => calculate(Arithmetic::Divide)(operands),
        BinaryOperator::Concatenate => Expr::Concatenate(operands),
        BinaryOperator::Union => Expr::Union(operands),
        BinaryOperator::In => Expr::In(operands),
    }
}
